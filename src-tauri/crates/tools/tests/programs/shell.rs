//! `shell`: output, endings, what is said beforehand, what is refused.

use nexus_protocol::{Capability, Confinement, ResultPart};
use nexus_tools::{ToolError, policy::fingerprint};
use serde_json::json;

use crate::desk::Desk;

#[tokio::test]
async fn output_stands_in_the_order_of_printing() {
    let desk = Desk::new();
    let line = "for i in 1 2 3; do echo out $i; echo err $i >&2; done; exit 3";
    let output = desk
        .call("shell", json!({ "command": line }))
        .await
        .unwrap();
    assert_eq!(
        output.text,
        "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n[exit 3]"
    );
    assert!(output.failed);
    assert_eq!(output.summary, "exit 3");
    assert_eq!(
        *desk.said.lock().unwrap(),
        "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n"
    );
}

#[tokio::test]
async fn a_signal_is_named() {
    let desk = Desk::new();
    let output = desk
        .call("shell", json!({ "command": "bash -c 'kill -SEGV $$'" }))
        .await
        .unwrap();
    assert!(output.text.contains("ended by SIGSEGV"), "{}", output.text);
    let output = desk
        .call("shell", json!({ "command": "true" }))
        .await
        .unwrap();
    assert_eq!((output.text.as_str(), output.failed), ("[exit 0]", false));
}

#[tokio::test]
async fn long_output_keeps_its_ends_and_a_file_of_all() {
    let desk = Desk::new();
    let output = desk
        .call("shell", json!({ "command": "seq 1 60000" }))
        .await
        .unwrap();
    assert!(output.text.len() < 68 * 1024, "{}", output.text.len());
    assert!(output.text.starts_with("1\n2\n3\n"));
    assert!(output.text.contains("\n60000\n[exit 0]"));
    let (_, rest) = output.text.split_once("all of it is in ").unwrap();
    let (file, _) = rest.split_once(": page").unwrap();
    let whole: String = (1..=60000).map(|number| format!("{number}\n")).collect();
    assert_eq!(std::fs::read_to_string(file).unwrap(), whole);
    assert!(std::path::Path::new(file).starts_with(&desk.ctx.host.scratch));
}

#[tokio::test]
async fn output_at_the_border_is_whole() {
    let desk = Desk::new();
    for size in [65535, 65536, 65537] {
        let line = format!("head -c {size} /dev/zero | tr '\\0' x");
        let output = desk
            .call("shell", json!({ "command": line }))
            .await
            .unwrap();
        assert_eq!(output.text.contains("left out"), size > 65536, "{size}");
    }
}

#[tokio::test]
async fn a_program_reads_an_end_where_it_would_ask() {
    let desk = Desk::new();
    let output = desk
        .call(
            "shell",
            json!({ "command": "cat; read x; echo \"got [$x]\"" }),
        )
        .await
        .unwrap();
    assert_eq!(output.text, "got []\n[exit 0]");
}

#[tokio::test]
async fn the_environment_is_a_list_of_harmless_names() {
    let mut desk = Desk::new();
    desk.env(&[
        ("OPENROUTER_API_KEY", "canary-1"),
        ("GITHUB_TOKEN", "canary-2"),
        ("AWS_PROFILE", "canary-3"),
        ("SSH_AUTH_SOCK", "/run/canary-4"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/canary-5"),
        ("DISPLAY", ":canary-6"),
        ("WAYLAND_DISPLAY", "canary-7"),
        ("XDG_RUNTIME_DIR", "/run/canary-8"),
        ("LD_PRELOAD", "/canary-9.so"),
        ("BASH_ENV", "/canary-10.sh"),
        ("PYTHONSTARTUP", "/canary-11.py"),
        ("NODE_OPTIONS", "--require=/canary-12.js"),
        ("DB_PASSWORD", "canary-13"),
        ("LC_TIME", "C.UTF-8"),
        (
            "PATH",
            &format!(".:relative:{}", std::env::var("PATH").unwrap()),
        ),
    ]);
    let action = desk.action("shell", json!({ "command": "env" })).await;
    let output = desk
        .call(
            "shell",
            json!({ "command": "env; cat /proc/*/environ | tr '\\0' '\\n'" }),
        )
        .await
        .unwrap();
    assert!(!output.text.contains("canary"), "{}", output.text);
    // The positive control: what is on the list is there.
    assert!(output.text.contains("LC_TIME=C.UTF-8"), "{}", output.text);
    let env = action.process.unwrap().env;
    assert!(std::env::split_paths(&env["PATH"]).all(|folder| folder.is_absolute()));
    assert!(std::path::Path::new(&env["HOME"]).starts_with(&desk.ctx.host.scratch));
}

#[tokio::test]
async fn the_temp_folder_is_private_and_goes_with_the_program() {
    let desk = Desk::new();
    let line = "echo x > \"$TMPDIR/a\"; echo y > ~/b; ls \"$TMPDIR\"; stat -c %a \"$HOME\"";
    let output = desk
        .call("shell", json!({ "command": line }))
        .await
        .unwrap();
    assert_eq!(output.text, "a\nb\n700\n[exit 0]");
    let temp = desk.ctx.host.scratch.join("temp");
    let left: Vec<_> = std::fs::read_dir(temp)
        .unwrap()
        .flatten()
        .filter(|it| it.path().is_dir())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn the_same_call_is_the_same_action() {
    let desk = Desk::new();
    let arguments = json!({ "command": "make" });
    let first = desk.action("shell", arguments.clone()).await;
    desk.call("shell", json!({ "command": "true" }))
        .await
        .unwrap();
    let second = desk.action("shell", arguments).await;
    assert_eq!(fingerprint(&first), fingerprint(&second));
    let other = desk.action("shell", json!({ "command": "make " })).await;
    assert_ne!(fingerprint(&first), fingerprint(&other));
}

#[tokio::test]
async fn an_action_says_all_that_would_happen() {
    let desk = Desk::new();
    desk.write("run.sh", "echo hi");
    let action = desk
        .action(
            "shell",
            json!({ "command": "echo a  &&\n bash run.sh", "network": true }),
        )
        .await;
    assert_eq!(action.label.verb, "Run");
    assert_eq!(action.label.object, "echo a && bash run.sh");
    assert_eq!(action.capability, Capability::Network);
    assert!(action.network.unwrap().hosts.is_empty());
    let process = action.process.unwrap();
    assert_eq!(process.code, "echo a  &&\n bash run.sh");
    assert!(process.argv[0].ends_with("bash"));
    assert_eq!(&process.argv[1..], ["-c", "echo a  &&\n bash run.sh"]);
    assert_eq!(process.sandbox, Confinement::Full);
    assert_eq!(process.time_limit_s, 120);
    assert_eq!(process.runs.len(), 1);
    assert!(process.runs[0].path.ends_with("run.sh"));
    let quiet = desk.action("shell", json!({ "command": "echo a" })).await;
    assert_eq!(
        (quiet.capability, quiet.network),
        (Capability::Execute, None)
    );
}

#[tokio::test]
async fn a_script_that_changed_since_is_not_run() {
    let desk = Desk::new();
    for (line, file) in [
        ("./go.sh", "go.sh"),
        ("bash go.sh arg", "go.sh"),
        ("true && env A=1 python3 -W ignore go.py", "go.py"),
        ("timeout 5 node go.js", "go.js"),
        (". ./go.sh", "go.sh"),
    ] {
        desk.write(file, "harmless");
        let prepared = desk
            .prepare("shell", json!({ "command": line }))
            .await
            .unwrap();
        desk.write(file, "touch ran");
        let refused = prepared.run(desk.ctx.clone()).await;
        assert!(
            matches!(&refused, Err(ToolError::Failed(why)) if why.contains("was changed after")),
            "{line}: {refused:?}"
        );
        assert!(!desk.path().join("ran").exists(), "{line}");
        std::fs::remove_file(desk.path().join(file)).unwrap();
    }
    // The positive control: unchanged, it runs.
    desk.write("go.sh", "touch ran");
    desk.call("shell", json!({ "command": "bash go.sh" }))
        .await
        .unwrap();
    assert!(desk.path().join("ran").exists());
}

#[tokio::test]
async fn what_was_promised_confined_is_never_run_otherwise() {
    let mut desk = Desk::new();
    let prepared = desk
        .prepare("shell", json!({ "command": "touch ran" }))
        .await
        .unwrap();
    let mut host = (*desk.ctx.host).clone();
    host.sandbox = None;
    desk.ctx.host = std::sync::Arc::new(host);
    let refused = prepared.run(desk.ctx.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("Nothing was run"), "{refused}");
    assert!(!desk.path().join("ran").exists());
}

#[tokio::test]
async fn without_a_sandbox_it_is_said_and_runs_once_allowed() {
    let desk = Desk::unconfined();
    let prepared = desk
        .prepare("shell", json!({ "command": "echo free" }))
        .await
        .unwrap();
    let process = prepared.action.process.clone().unwrap();
    assert!(matches!(process.sandbox, Confinement::Not { .. }));
    let output = prepared.run(desk.ctx.clone()).await.unwrap();
    assert_eq!(output.text, "free\n[exit 0]");
}

#[tokio::test]
async fn nothing_runs_where_changes_cannot_be_recorded() {
    let mut desk = Desk::new();
    desk.ctx.recorder = None;
    let refused = desk.call("shell", json!({ "command": "touch ran" })).await;
    assert!(matches!(refused, Err(ToolError::Failed(_))), "{refused:?}");
    assert!(!desk.path().join("ran").exists());
}

#[tokio::test]
async fn control_sequences_are_for_nobody() {
    let desk = Desk::new();
    let line = r"printf '\033]0;title\007\033]52;c;ZXZpbA==\007\033[2J\033[31mred\033[0m\n'";
    let output = desk
        .call("shell", json!({ "command": line }))
        .await
        .unwrap();
    let streamed = desk.said.lock().unwrap().clone();
    for text in [&output.text, &streamed] {
        assert!(
            text.contains("red") && !text.contains('\u{1b}') && !text.contains('\u{7}'),
            "{text:?}"
        );
    }
    let ResultPart::Terminal { spans, ending } = &output.parts[0] else {
        panic!("{:?}", output.parts)
    };
    let text: String = spans.iter().map(|span| span.text.as_str()).collect();
    assert!(text.contains("red") && !text.contains('\u{1b}'));
    assert_eq!(ending, "exit 0");
}
