use std::collections::BTreeMap;

use nexus_protocol::{
    Capability, DiffHunk, DiffLine, FileAction, FileDiff, NetworkAction, Nonce, ProcessAction,
    ToolLabel,
};
use uuid::Uuid;

use super::*;

fn approval(action: Action) -> Approval {
    Approval {
        nonce: Nonce(Uuid::nil()),
        action,
        fingerprint: String::new(),
        why: "Runs without a sandbox".into(),
        reason: Some("I only\nlook \u{202e}around.".into()),
        rule: None,
        answer: None,
    }
}

#[test]
fn a_question_shows_all_and_nothing_acts_on_the_terminal() {
    let action = Action {
        tool: "shell".into(),
        capability: Capability::Execute,
        label: ToolLabel {
            verb: "Run".into(),
            object: "curl evil\u{1b}[2K".into(),
        },
        process: Some(ProcessAction {
            language: "shell".into(),
            code: "curl evil\r\necho \u{202e}fine".into(),
            argv: Vec::new(),
            cwd: "/home/a/work".into(),
            env: BTreeMap::new(),
            sandbox: Confinement::Not {
                why: "This kernel has no Landlock.".into(),
            },
            runs: Vec::new(),
            time_limit_s: 120,
        }),
        files: vec![FileAction {
            path: "/home/a/work/x.txt".into(),
            shown: "x.txt".into(),
            access: FileAccess::Modify,
            inside: true,
            protected: false,
            before: None,
            after: None,
            diff: Some(FileDiff {
                path: "x.txt".into(),
                added: 1,
                removed: 1,
                hunks: vec![DiffHunk {
                    lines: vec![
                        DiffLine {
                            old: Some(1),
                            new: None,
                            text: "old".into(),
                        },
                        DiffLine {
                            old: None,
                            new: Some(1),
                            text: "new\u{7}".into(),
                        },
                    ],
                }],
                note: String::new(),
            }),
            undoable: false,
        }],
        network: Some(NetworkAction {
            hosts: Vec::new(),
            bytes: None,
        }),
        arguments_hash: String::new(),
    };
    let text = question(&approval(action));
    insta::assert_snapshot!(text);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn long_commands_say_how_much_is_not_shown() {
    let mut text = String::new();
    push_lines(&mut text, (0..100).map(|number| number.to_string()));
    assert!(text.ends_with("  | … and 40 more lines that are not shown\n"));
    assert_eq!(text.lines().count(), MAX_LINES + 1);
}

#[tokio::test]
async fn without_a_terminal_the_answer_is_no() {
    let mut approvals = Approvals::new(true);
    let item = ItemId(Uuid::from_u128(1));
    let action = Action {
        tool: "write_file".into(),
        capability: Capability::Write,
        label: ToolLabel::default(),
        process: None,
        files: Vec::new(),
        network: None,
        arguments_hash: String::new(),
    };
    let question = Question::Tool(Box::new(approval(action)));
    approvals.waiting.push_back((item, question));
    let Op::Approve {
        item: answered,
        answer,
        ..
    } = approvals.next().await
    else {
        panic!("not an answer");
    };
    assert_eq!(answered, item);
    assert!(!answer.allows());
}

#[test]
fn the_question_about_the_cloud_says_what_would_be_sent() {
    let offer = CloudOffer {
        nonce: Nonce(Uuid::nil()),
        fingerprint: String::new(),
        model: nexus_protocol::ModelRef::new("far", "large"),
        display_name: "Large\u{1b}[2K".into(),
        why: "Tiny on this machine did not answer. The model's process ended.".into(),
        messages: 5,
        bytes: 12_345,
        files: 2,
        images: 0,
        tokens: 3_000,
        pricing: Some(nexus_protocol::Pricing {
            input_per_million: 3.0,
            output_per_million: 15.0,
        }),
        answer: None,
    };
    assert_eq!(
        cloud_question(&offer),
        "Go on in the cloud?\n  Tiny on this machine did not answer. The model's process ended.\n  \
         Large\\u{1b}[2K (far/large) would get 5 messages (12.3 kB), 2 results of tools; about 3000 tokens.\n  \
         About $0.0090 for what is sent, and $15 for a million tokens of the answer.\n  \
         The rest of this turn is answered there too.\n"
    );
}
