//! Summaries: what a model is asked, and what becomes of its words.

use nexus_protocol::{
    Action, Approval, ApprovalAnswer, FileAccess, FileAction, FileDiff, ItemStatus::Complete,
    ModelInfo, Nonce, ResultPart, ToolLabel,
};

use super::*;
use crate::context::tests::{History, input, model, request_tokens, tool, wrong};

fn capability(name: &str) -> Option<Capability> {
    match name {
        "read_file" | "list_directory" => Some(Capability::Read),
        "write_file" => Some(Capability::Write),
        _ => None,
    }
}

fn planned(history: &History, model: &ModelInfo, reason: Reason) -> Option<Plan> {
    plan(&input(history, model, &[tool()]), reason, &capability)
}

/// A session with all that a summary tells of.
fn session() -> History {
    let mut history = History::default();
    history
        .with_images("What is in here?", &["a.png"])
        .calls(
            Complete,
            "a",
            "list_directory",
            r#"{"path":"src"}"#,
            Some("main.rs"),
        )
        .next_step()
        .says(Complete, "One file.")
        .user("Make it print hello. Do not touch Cargo.toml.")
        .thinks("Where?")
        .says(Complete, "Let me look.")
        .calls(
            Complete,
            "b",
            "read_file",
            r#"{"path":"src/main.rs"}"#,
            Some(&"fn main() {}\n".repeat(100)),
        )
        .calls(
            Complete,
            "c",
            "read_file",
            r#"{"path":"src/lib.rs"}"#,
            Some("No such file."),
        );
    let failed = history.items.last_mut().unwrap();
    if let ItemBody::ToolCall {
        result: Some(result),
        label,
        ..
    } = &mut failed.body
    {
        result.ok = false;
        result.summary = "no such file".into();
        *label = Some(ToolLabel {
            verb: "Read".into(),
            object: "src/lib.rs".into(),
        });
    }
    history
        .next_step()
        .calls(
            Complete,
            "d",
            "write_file",
            r#"{"path":"src/new.rs"}"#,
            Some("Written."),
        )
        .calls(
            Complete,
            "e",
            "edit",
            r#"{"path":"src/main.rs"}"#,
            Some("Edited."),
        );
    let edited = history.items.last_mut().unwrap();
    if let ItemBody::ToolCall {
        result: Some(result),
        ..
    } = &mut edited.body
    {
        let diff = FileDiff {
            path: "src/main.rs".into(),
            ..FileDiff::default()
        };
        result.parts.push(ResultPart::Diff { diff });
    }
    history
        .next_step()
        .notice("A notice")
        .says(Complete, "Done. I check it.");
    history
}

#[test]
fn what_a_model_is_asked() {
    let plan = planned(&session(), &model(None, true, false), Reason::Asked).unwrap();
    let request = plan.request.as_ref().unwrap();
    assert_eq!(wrong(request), Vec::<String>::new());
    insta::assert_json_snapshot!(request);
    insta::assert_json_snapshot!(plan.body(Some("## Task\nPrint hello.\n")));
}

#[test]
fn the_record_where_the_model_says_nothing() {
    let mut history = session();
    history.compacted("## Task\nPrint.\n\n## Files changed\n- old.rs", 3, false);
    history
        .user("And test it")
        .says(Complete, &"It works. ".repeat(40));
    history
        .next_step()
        .calls(Complete, "f", "test", "{}", Some("ok"));
    let plan = planned(&history, &model(Some(8192), true, false), Reason::Asked).unwrap();
    let ItemBody::Compaction {
        text, tokens_after, ..
    } = plan.body(None)
    else {
        panic!("no summary");
    };
    assert!(tokens_after < 1000);
    insta::assert_snapshot!(text);
}

#[test]
fn a_short_chat_is_left_as_it_is() {
    let mut history = History::default();
    let any = model(Some(4096), true, false);
    assert_eq!(planned(&history, &any, Reason::Asked), None);
    history.user("Hi").says(Complete, "Hello.");
    assert_eq!(planned(&history, &any, Reason::Asked), None);
    history.user("Go on");
    assert_eq!(planned(&history, &any, Reason::Crowded), None);
}

#[test]
fn a_model_without_an_end_is_cut() {
    let plan = planned(&session(), &model(Some(4096), true, false), Reason::Asked).unwrap();
    let ItemBody::Compaction { text, .. } = plan.body(Some(&"and then ".repeat(5000))) else {
        panic!("no summary");
    };
    assert!(text_tokens(&text) < 600);
    assert!(
        text.ends_with("- src/main.rs\n- src/new.rs\n\n## Files read\n- src"),
        "{text}"
    );
}

#[test]
fn a_long_history_is_told_within_the_model() {
    let mut history = History::default();
    history.user("Read all");
    for number in 0..500 {
        history
            .calls(
                Complete,
                "x",
                "read_file",
                &format!(r#"{{"path":"f{number}"}}"#),
                Some(&"text ".repeat(400)),
            )
            .next_step();
    }
    for context in [600, 2000, 16_384, 200_000] {
        let model = model(Some(context), true, false);
        let Some(plan) = planned(&history, &model, Reason::Crowded) else {
            panic!("{context}");
        };
        if let Some(request) = &plan.request {
            assert!(request_tokens(request) <= u64::from(context) * 3 / 4 + 4096);
        }
        let ItemBody::Compaction { text, through, .. } = plan.body(Some("Read.")) else {
            panic!("no summary");
        };
        assert!(through >= 497, "{through}");
        assert!(text.contains("- f49"), "{text}");
    }
}

/// A call that the user was asked about.
fn approved(history: &mut History, ok: bool, files: &[(&str, FileAccess)]) {
    history.calls(
        Complete,
        "x",
        "tidy_up",
        r#"{"path":"elsewhere"}"#,
        Some("Done."),
    );
    let files = files.iter().map(|(path, access)| FileAction {
        path: format!("/home/me/{path}"),
        shown: (*path).into(),
        access: *access,
        inside: true,
        protected: false,
        before: None,
        after: None,
        diff: None,
        undoable: true,
    });
    let action = Action {
        tool: "tidy_up".into(),
        capability: Capability::Write,
        label: ToolLabel::default(),
        process: None,
        files: files.collect(),
        network: None,
        arguments_hash: String::new(),
    };
    let item = history.items.last_mut().unwrap();
    if let ItemBody::ToolCall {
        result: Some(result),
        approval,
        ..
    } = &mut item.body
    {
        result.ok = ok;
        *approval = Some(Box::new(Approval {
            nonce: Nonce(uuid::Uuid::nil()),
            action,
            fingerprint: String::new(),
            why: String::new(),
            reason: None,
            rule: None,
            answer: Some(ApprovalAnswer::Once),
        }));
    }
}

#[test]
fn files_are_those_that_calls_touched() {
    use FileAccess::{Delete, Modify, MoveFrom, MoveTo, Read};
    let mut history = History::default();
    history.user("Tidy up");
    approved(
        &mut history,
        true,
        &[("a.rs", Read), ("b.rs", Modify), ("c.rs", Delete)],
    );
    approved(&mut history, true, &[("d.rs", MoveFrom), ("e.rs", MoveTo)]);
    approved(&mut history, false, &[("failed.rs", Modify)]);
    history
        .calls(
            Complete,
            "r",
            "read_file",
            r#"{"path":"b.rs"}"#,
            Some("text"),
        )
        .calls(
            Complete,
            "s",
            "read_file",
            r#"{"paths":["f.rs","a.rs"]}"#,
            Some("text"),
        )
        .calls(Complete, "t", "shell", r#"{"path":"g.rs"}"#, Some("text"));
    let list = files::list(history.items.iter(), &capability, 1000);
    assert_eq!(
        list,
        "## Files changed\n- e.rs\n- d.rs\n- c.rs\n- b.rs\n\n## Files read\n- a.rs\n- f.rs"
    );
    let short = files::list(history.items.iter(), &capability, 13);
    assert_eq!(short, "## Files changed\n- e.rs\n- d.rs\n- and 2 more");
    assert_eq!(
        files::without(&format!("## Task\nTidy.\n\n{list}")),
        "## Task\nTidy."
    );
}
