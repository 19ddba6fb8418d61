//! `nexus ask`.

use nexus_protocol::{Event, EventMsg, ItemBody, SessionSummary, Snapshot};
use nexus_test_support::{Answer, Sse};

use super::{Ran, World};

#[test]
fn the_answer_is_on_stdout_and_nothing_else() {
    let world = World::new();
    world
        .server
        .push(Sse::reply("test-model", "Blue, mostly.").answer());
    let ran = world.run(&["ask", "Why is the sky blue?"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (Some(0), "Blue, mostly.\n", "")
    );
    world.server.assert_clean();
    assert_eq!(world.server.chats().len(), 1);
}

#[test]
fn an_answer_of_a_schema_is_json_alone_and_repaired_once() {
    let world = World::new();
    let schema = world.data.join("schema.json");
    let text = r#"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}"#;
    std::fs::write(&schema, text).unwrap();
    let schema = schema.to_str().unwrap();
    let reply = |text: &str| Sse::reply("test-model", text).answer();
    world.server.push(reply("Sure! {\"a\": 1}"));
    world.server.push(reply("```json\n{\"a\": 1}\n```"));
    let ran = world.run(&["ask", "--schema", schema, "Which number?"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (Some(0), "{\"a\":1}\n", "")
    );
    assert_eq!(world.server.chats().len(), 2);

    world.server.push(reply("{\"a\": \"one\"}"));
    world.server.push(reply("{}"));
    let ran = world.run(&["ask", "--schema", schema, "Which number?"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(
        ran.stderr.contains("gave no answer of this schema"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("\"a\" is a required property"),
        "{}",
        ran.stderr
    );

    for (text, reason) in [
        ("{", "it is no JSON"),
        ("{\"type\": 1}", "no usable JSON Schema"),
    ] {
        std::fs::write(schema, text).unwrap();
        let ran = world.run(&["ask", "--schema", schema, "Which number?"]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    }
}

#[test]
fn json_is_every_event_of_the_session_a_line() {
    let world = World::new();
    world
        .server
        .push(Sse::reply("test-model", "one two").answer());
    let ran = world.run(&["ask", "--json", "--model", "scripted/other", "count"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let events: Vec<Event> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let session = events[0].session;
    assert!(events.iter().all(|event| event.session == session));
    assert!(
        events.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1),
        "{events:?}"
    );
    assert_eq!(events[0].seq, 1);
    assert!(
        matches!(events[0].msg, EventMsg::SessionChanged { .. }),
        "{events:?}"
    );
    assert!(events.iter().any(|event| matches!(&event.msg, EventMsg::TurnStarted { model, .. } if model.0 == "scripted/other")));
    assert!(
        matches!(events.last().unwrap().msg, EventMsg::TurnCompleted { .. }),
        "{events:?}"
    );
    let answer = events.iter().rev().find_map(|event| match &event.msg {
        EventMsg::ItemCompleted { item } => match &item.body {
            ItemBody::Assistant { text, .. } => Some(text.clone()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(answer.as_deref(), Some("one two"));
    assert_eq!(world.server.chats()[0].model, "other");
}

#[test]
fn a_tool_is_run_and_both_answers_are_printed() {
    let world = World::new();
    let call = Sse::openai("test-model")
        .text("Let me see.")
        .tool_call(0, "call_1", "calculate", r#"{"expression":"2+3"}"#)
        .finish("tool_calls")
        .usage(5, 5)
        .done();
    world.server.push(call.answer());
    world
        .server
        .push(Sse::reply("test-model", "It is 5.").answer());
    let ran = world.run(&["ask", "2+3?"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (Some(0), "Let me see.\n\nIt is 5.\n", "")
    );
    world.server.assert_clean();
    let chats = world.server.chats();
    assert!(chats[1].body.to_string().contains("call_1"));
}

#[test]
fn the_question_comes_from_where_it_is() {
    let world = World::new();
    for (arguments, input) in [
        (&["ask"][..], "piped in"),
        (&["ask", "-"], "piped in"),
        (&["ask", "piped in"], "ignored"),
    ] {
        world.server.push(Sse::reply("test-model", "ok").answer());
        let ran = world.piped(arguments, input.as_bytes());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let chats = world.server.chats();
        assert!(
            chats.last().unwrap().body.to_string().contains("piped in"),
            "{arguments:?}"
        );
    }
    for (arguments, input) in [
        (&["ask"][..], &b""[..]),
        (&["ask", ""], b"x"),
        (&["ask", "-"], b" \n"),
        (&["ask", "-"], b"\xff\xfe"),
    ] {
        let ran = world.piped(arguments, input);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(1), ""),
            "{arguments:?}"
        );
        assert!(!ran.stderr.is_empty());
    }
    assert_eq!(world.server.chats().len(), 3);
    let sessions: Vec<SessionSummary> =
        serde_json::from_str(&world.run(&["sessions", "list", "--json"]).stdout).unwrap();
    assert_eq!(sessions.len(), 3);
}

#[test]
fn a_chat_goes_on_by_its_id() {
    let world = World::new();
    world
        .server
        .push(Sse::reply("test-model", "first").answer());
    assert_eq!(world.run(&["ask", "one"]).code, Some(0));
    let sessions: Vec<SessionSummary> =
        serde_json::from_str(&world.run(&["sessions", "list", "--json"]).stdout).unwrap();
    let id = sessions[0].id.to_string();
    for (n, id) in [&id[..], &id[..20]].into_iter().enumerate() {
        world.server.push(Sse::reply("test-model", "more").answer());
        let ran = world.run(&["ask", "--session", id, "and"]);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(0), "more\n"),
            "{ran:?}"
        );
        let body = world.server.chats().last().unwrap().body.to_string();
        assert!(body.contains("first"), "{n}: {body}");
    }
    let snapshot: Snapshot =
        serde_json::from_str(&world.run(&["sessions", "show", "--json", &id]).stdout).unwrap();
    assert_eq!(snapshot.items.len(), 6);
    let ran = world.run(&["ask", "--session", "ffff", "x"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("nexus sessions list"), "{ran:?}");
}

#[test]
fn a_failure_is_a_card_on_stderr_and_exit_code_1() {
    let world = World::new();
    for (answer, words) in [
        (Answer::error(401, "no such key"), "refused the key"),
        (Answer::error(402, "no money"), "credit"),
        (Answer::error(404, "what model"), "does not know this model"),
        (Answer::page(200), "no valid answer"),
    ] {
        let before = world.server.chats().len();
        world.server.push(answer);
        let ran = world.run(&["ask", "hello"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        assert!(!ran.stderr.contains(KEY_CORE));
        assert_eq!(world.server.chats().len(), before + 1, "{words}");
    }
    let ran = world
        .command(&["ask", "hello"])
        .env_remove("SCRIPTED_KEY")
        .output()
        .map(Ran::from)
        .unwrap();
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("No key for scripted"), "{ran:?}");
}

const KEY_CORE: &str = "cli-canary";

#[test]
fn refused_questions_leave_no_empty_chat() {
    let world = World::new();
    for arguments in [
        &["ask", "--model", "nonsense", "x"][..],
        &["ask", "--model", "local/none", "x"],
        &["ask", "--model", "openai/gpt", "x"],
        &["ask", "--cwd", "/no/such/folder", "x"],
    ] {
        let ran = world.run(arguments);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(1), ""),
            "{arguments:?}"
        );
        assert!(!ran.stderr.is_empty());
    }
    assert_eq!(world.run(&["sessions", "list"]).stdout, "");
    let ran = world
        .command(&["ask", "x"])
        .env_remove("NEXUS_DEFAULT_MODEL")
        .output()
        .map(Ran::from)
        .unwrap();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("--model"), "{ran:?}");
    assert_eq!(world.run(&["sessions", "list"]).stdout, "");
    for arguments in [
        &["ask", "--mode", "yolo", "x"][..],
        &["ask", "a", "b"],
        &["nonsense"],
        &[],
    ] {
        assert_eq!(world.run(arguments).code, Some(2), "{arguments:?}");
    }
    for mode in ["ask", "edits", "plan", "auto"] {
        world.server.push(Sse::reply("test-model", "ok").answer());
        assert_eq!(
            world.run(&["ask", "--mode", mode, "--cwd", ".", "x"]).code,
            Some(0)
        );
    }
}

#[test]
fn the_log_goes_to_its_file_and_holds_no_key() {
    let world = World::new();
    world.server.push(Sse::reply("test-model", "ok").answer());
    let ran = world
        .command(&["ask", "x"])
        .env("NEXUS_LOG", "trace")
        .output()
        .map(Ran::from)
        .unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "ok\n"));
    assert!(ran.stderr.contains("started"), "{}", ran.stderr);
    let mut log = String::new();
    for entry in std::fs::read_dir(world.data.join("logs")).unwrap() {
        log += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    assert!(log.contains("started") && log.contains("stopped"), "{log}");
    for sink in [&log, &ran.stderr] {
        assert!(!sink.contains(KEY_CORE));
    }
}
