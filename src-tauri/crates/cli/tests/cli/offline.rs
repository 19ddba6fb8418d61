//! `--offline` and `--routing`.

use nexus_test_support::{Answer, Sse};

use super::World;

/// With a provider elsewhere whose name leads nowhere, beside the one on this machine.
fn world() -> World {
    let world = World::new();
    let settings = std::fs::read_to_string(world.data.join("settings.toml")).unwrap();
    let far = "[[providers]]\nid = \"far\"\nname = \"Far\"\nbase_url = \"https://far.invalid/v1\"\nkey = \"none\"\n";
    world.data.write("settings.toml", settings + far);
    world
}

#[test]
fn offline_the_cloud_is_refused_and_this_machine_answers() {
    let world = world();
    let ran = world.run(&["--offline", "ask", "--model", "far/large", "Hi"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(
        ran.stderr
            .starts_with("You are offline by your own choice\nFar is on another machine"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("leave out --offline"), "{}", ran.stderr);
    world
        .server
        .push(Sse::reply("test-model", "Here.").answer());
    // The flag is one of every command, at either place.
    let ran = world.run(&["ask", "Hi", "--offline"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (Some(0), "Here.\n", "")
    );
    for arguments in [
        &["models", "list", "--refresh", "--offline"][..],
        &["sessions", "list", "--offline"],
        &["sessions", "search", "Hi", "--offline"],
    ] {
        let ran = world.run(arguments);
        assert_eq!(
            (ran.code, ran.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_fallback_is_said_on_standard_error() {
    let world = world();
    world
        .server
        .push(Sse::reply("test-model", "Here.").answer());
    let arguments = [
        "--offline",
        "ask",
        "--model",
        "far/large",
        "--routing",
        "cloud-first",
        "Hi",
    ];
    let ran = world.run(&arguments);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "Here.\n"));
    assert_eq!(
        ran.stderr,
        "You are offline by your own choice, so test-model on this machine answers.\n"
    );
    // The document says where it was made.
    let list = world.run(&["sessions", "list"]).stdout;
    let id = list.split_whitespace().next().unwrap();
    let document = world.run(&["sessions", "export", id]).stdout;
    assert!(
        document.contains("## scripted/test-model, on this machine\n\nHere."),
        "{document}"
    );
}

#[test]
fn without_a_terminal_nothing_is_sent() {
    let world = world();
    // Which model in the cloud is meant: the one that another chat has.
    let ran = world.run(&["--offline", "ask", "--model", "far/large", "Hi"]);
    assert_eq!(ran.code, Some(1));
    // The one on this machine refuses, so the cloud is offered, and there is nobody to ask.
    world.server.always(Answer::error(400, "no such thing"));
    let ran = world.run(&["ask", "--routing", "local-first", "Hi"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(
        ran.stderr
            .contains("Nothing was sent to large, since there is no terminal to ask on."),
        "{}",
        ran.stderr
    );
}
