//! `nexus` in a terminal, with the real model.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

use nexus_protocol::{Event, EventMsg};

use crate::driver::required;

fn nexus(data: &Path) -> Command {
    let mut command = Command::new(required("NEXUS_E2E_CLI"));
    command
        .env("NEXUS_DATA_DIR", data)
        .env("NEXUS_AUTO_TITLE", "false")
        .stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn ask_prints_the_events_of_a_real_generation() {
    let data = tempfile::tempdir().unwrap();
    let output = nexus(data.path())
        .args([
            "ask",
            "--model",
            "local/smollm2-135m",
            "--json",
            "Name three rivers.",
        ])
        .output()
        .unwrap();
    let events: Vec<Event> = text(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let deltas = events
        .iter()
        .filter(|event| matches!(event.msg, EventMsg::ItemDelta { .. }))
        .count();
    assert!(deltas >= 3, "{deltas} deltas");
    assert!(
        matches!(events[0].msg, EventMsg::TurnStarted { .. })
            || matches!(events[0].msg, EventMsg::SessionChanged { .. })
    );
    let Some(EventMsg::TurnCompleted { usage, .. }) = events
        .iter()
        .rev()
        .map(|event| &event.msg)
        .find(|msg| matches!(msg, EventMsg::TurnCompleted { .. }))
    else {
        panic!("no end: {events:?}");
    };
    assert!(usage.output_tokens > 0);
    println!(
        "terminal: {} events, {deltas} deltas, {} tokens",
        events.len(),
        usage.output_tokens
    );
}

#[cfg(unix)]
#[test]
fn control_c_gives_130_and_a_transcript_that_opens() {
    let data = tempfile::tempdir().unwrap();
    let mut child = nexus(data.path())
        .args([
            "ask",
            "--model",
            "local/smollm2-135m",
            "--json",
            "Tell a very long story.",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let session = loop {
        let event: Event =
            serde_json::from_str(&lines.next().expect("it says something first")).unwrap();
        if matches!(event.msg, EventMsg::ItemDelta { .. }) {
            break event.session;
        }
    };
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::INT,
    )
    .unwrap();
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(
        rest.iter().any(|line| line.contains("turn_interrupted")),
        "{rest:?}"
    );
    let shown = nexus(data.path())
        .args(["sessions", "show", &session.to_string()])
        .output()
        .unwrap();
    assert_eq!(shown.status.code(), Some(0));
    assert!(
        text(&shown).contains("Tell a very long story."),
        "{}",
        text(&shown)
    );
    let again = nexus(data.path())
        .args([
            "ask",
            "--model",
            "local/smollm2-135m",
            "--session",
            &session.to_string(),
            "Thanks, in one word?",
        ])
        .output()
        .unwrap();
    assert_eq!(
        again.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    println!("terminal: Ctrl-C gave 130, the transcript opens and goes on");
}

#[test]
fn the_doctor_names_each_missing_part() {
    let data = tempfile::tempdir().unwrap();
    let whole = nexus(data.path()).arg("doctor").output().unwrap();
    assert_eq!(whole.status.code(), Some(0), "{}", text(&whole));
    let broken = nexus(data.path())
        .arg("doctor")
        .env("NEXUS_WORKER", data.path().join("no-such-worker"))
        .env(
            "NEXUS_STARTER_MODEL",
            data.path().join("no-such-model.gguf"),
        )
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env("XDG_RUNTIME_DIR", data.path())
        .output()
        .unwrap();
    let report = text(&broken);
    println!("{report}");
    assert_eq!(broken.status.code(), Some(1), "{report}");
    for part in ["no-such-worker", "tarter", "eychain"] {
        assert!(
            report.contains(part),
            "the report does not name {part}:\n{report}"
        );
    }
}
