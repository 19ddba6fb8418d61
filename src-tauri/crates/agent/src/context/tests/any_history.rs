//! Whatever the history, the request is valid, within the budget, and has the newest message; so is the one that asks for a
//! summary, and so is the next one.

use proptest::prelude::*;

use super::*;
use crate::compaction;

#[derive(Clone, Debug)]
enum Entry {
    User(String, bool),
    Says(ItemStatus, String),
    Thinks,
    Calls(ItemStatus, String, String, Option<String>, bool),
    Compacted(String, usize, bool),
    Notice,
    Undo(Vec<String>),
    Step,
}

fn entry() -> impl Strategy<Value = Entry> {
    let status = prop_oneof![
        4 => Just(Complete),
        1 => Just(Interrupted),
        1 => Just(Failed),
        1 => Just(ItemStatus::InProgress)
    ];
    let text = prop_oneof![
        "[a-zäß漢 \n]{0,12}",
        (0_usize..3000).prop_map(|length| "long text ".repeat(length / 10)),
    ];
    let arguments = prop_oneof![
        Just(r#"{"expression":"1"}"#.to_owned()),
        Just(String::new()),
        Just(r#"{"expr"#.to_owned()),
        Just("[]".to_owned()),
    ];
    prop_oneof![
        3 => (text.clone(), any::<bool>()).prop_map(|(text, image)| Entry::User(text, image)),
        3 => (status.clone(), text.clone()).prop_map(|(status, text)| Entry::Says(status, text)),
        1 => Just(Entry::Thinks),
        3 => (status, "c[0-3]?", arguments, proptest::option::of(text.clone()), prop::bool::weighted(0.3))
            .prop_map(|(status, id, arguments, output, image)| Entry::Calls(status, id, arguments, output, image)),
        1 => (text, 0_usize..8, prop::bool::weighted(0.3))
            .prop_map(|(text, back, undone)| Entry::Compacted(text, back, undone)),
        1 => Just(Entry::Notice),
        1 => prop::collection::vec("[a-z]{1,9}", 1..20).prop_map(Entry::Undo),
        3 => Just(Entry::Step),
    ]
}

fn cases() -> u32 {
    if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        5000
    } else {
        300
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn every_request_is_valid_and_within_the_budget(
        entries in prop::collection::vec(entry(), 0..40),
        last in "[a-z]{1,20}",
        run_on in prop::collection::vec(entry(), 0..6),
        context in prop_oneof![Just(None), (0_u32..6000).prop_map(Some)],
        tools in any::<bool>(),
        images in any::<bool>(),
    ) {
        let mut history = History::default();
        let add = |history: &mut History, entry: Entry| match entry {
            Entry::User(text, image) => {
                // An empty message never is accepted.
                let text = if text.trim().is_empty() && !image { "x".to_owned() } else { text };
                history.with_images(&text, if image { &["i.png"] } else { &[] });
            }
            Entry::Says(status, text) => { history.says(status, &text); }
            Entry::Thinks => { history.thinks("hm"); }
            Entry::Calls(status, id, arguments, output, image) => {
                history.calls(status, &id, "calculate", &arguments, output.as_deref());
                if image {
                    history.showing("i.png");
                }
            }
            Entry::Compacted(text, back, undone) => { history.compacted(&text, back, undone); }
            Entry::Notice => { history.notice("oh"); }
            Entry::Undo(files) => { history.undoes(&files.iter().map(String::as_str).collect::<Vec<_>>()); }
            Entry::Step => { history.next_step(); }
        };
        for entry in entries {
            add(&mut history, entry);
        }
        let marker = format!("newest-{last}");
        history.user(&marker);
        for entry in run_on.into_iter().filter(|entry| !matches!(entry, Entry::User(..))) {
            add(&mut history, entry);
        }
        let model = model(context, tools, images);
        let fits = holds(&history, &model, &marker)?;
        for reason in [Reason::Crowded, Reason::Asked] {
            let tools = offered(&model);
            let input = input(&history, &model, &tools);
            let Some(plan) = compaction::plan(&input, reason, &|_| None) else {
                continue;
            };
            if let Some(request) = &plan.request {
                prop_assert_eq!(wrong(request), Vec::<String>::new());
                let (tokens, room) = (request_tokens(request), Room::of(&input).request());
                prop_assert!(tokens <= room, "{tokens} of {room}");
            }
            for words in [None, Some("a summary ".repeat(300))] {
                let mut compacted = history.items.clone();
                let mut item = compacted[0].clone();
                item.position = compacted.len() as u32;
                item.body = plan.body(words.as_deref());
                compacted.push(item);
                let compacted = History { items: compacted, ..History::default() };
                // It never makes a request impossible that was possible.
                prop_assert!(holds(&compacted, &model, &marker)? || !fits);
            }
        }
    }

    #[test]
    fn a_request_grows_at_its_end_only(undone in prop::collection::vec(any::<bool>(), 1..12)) {
        let mut history = History::default();
        let mut before: Vec<ChatMessage> = Vec::new();
        for (turn, undone) in undone.into_iter().enumerate() {
            history.user(&format!("question {turn}"));
            let messages = request(&history, &model(None, true, false)).messages;
            prop_assert_eq!(&messages[..before.len()], &before[..]);
            before = messages;
            history.says(Complete, &format!("answer {turn}"));
            if undone {
                history.undoes(&["a.txt"]);
            }
        }
    }
}

/// Whether there is a request; it is all that it should be then.
fn holds(history: &History, model: &ModelInfo, marker: &str) -> Result<bool, TestCaseError> {
    match built_for(history, model) {
        Ok(built) => {
            prop_assert_eq!(wrong(&built.request), Vec::<String>::new());
            let has_newest = built.request.messages.iter().any(|message| {
                matches!(
                    message,
                    ChatMessage::User { parts }
                        if parts.iter().any(|part| matches!(part, UserPart::Text { text } if text.contains(marker)))
                )
            });
            prop_assert!(has_newest);
            let tokens = request_tokens(&built.request);
            prop_assert_eq!(built.context.used(), tokens);
            let tools = offered(model);
            let room = Room::of(&input(history, model, &tools)).request();
            prop_assert!(tokens <= room, "{tokens} of {room}");
            Ok(true)
        }
        Err(error) => {
            prop_assert!(model.context_tokens.is_some());
            prop_assert!(error.needed > 0);
            Ok(false)
        }
    }
}
