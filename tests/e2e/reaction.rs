//! Stop: how soon the window shows it, whatever the agent is at, and that nothing of a stopped program stays.

use std::{fs, time::Duration};

use nexus_protocol::Mode;
use nexus_test_support::{Answer, STUBBORN, ScriptedServer, Sse};
use serde_json::{Value, json};

use crate::{
    app::{App, Start, id},
    tasks::{MODEL, cloud_settings, seed},
};

/// Chats in which each phase is stopped [`ROUNDS`] times.
fn chats() -> usize {
    if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        8
    } else {
        1
    }
}

/// Stops in one chat.
const ROUNDS: usize = 25;

/// Far more than anybody should wait, for a machine that does much else; what it printed is the figure.
const NOTICED: f64 = 1_000.0;
/// From the click to the end of the turn.
const ENDED: Duration = Duration::from_secs(10);

/// What the agent is at when it is stopped.
struct Phase {
    name: &'static str,
    mode: Mode,
    /// What the model answers, in a round.
    answer: fn(usize) -> Answer,
    /// A script that says when the phase has begun.
    begun: fn(usize) -> String,
}

fn call_shell(command: &str) -> Answer {
    let arguments = json!({ "command": command, "timeout_seconds": 900 }).to_string();
    Sse::openrouter(MODEL)
        .tool_call(0, "call_1", "shell", &arguments)
        .finish("tool_calls")
        .usage(50, 20)
        .done()
        .answer()
}

const PHASES: [Phase; 4] = [
    Phase {
        name: "the model thinks",
        mode: Mode::Ask,
        answer: |_| Answer::silence(),
        begun: |_| "return !!document.querySelector('[data-testid=\"stop\"]');".to_owned(),
    },
    Phase {
        name: "the model answers",
        mode: Mode::Ask,
        answer: |round| {
            Sse::openrouter(MODEL)
                .text(&format!("Word {round} of many"))
                .answer()
                .then_stall()
        },
        begun: |round| format!("return document.body.innerText.includes('Word {round} of many');"),
    },
    Phase {
        name: "the user is asked",
        mode: Mode::Ask,
        answer: |round| call_shell(&format!("echo {round}")),
        begun: |_| "return !!document.querySelector('[data-testid=\"approve-once\"]');".to_owned(),
    },
    Phase {
        name: "a program runs",
        mode: Mode::Auto,
        answer: |round| {
            let (_, line) = STUBBORN[round % STUBBORN.len()];
            call_shell(&format!("touch begun-{round}; {line}"))
        },
        // Looked for in the folder.
        begun: |_| String::new(),
    },
];

/// Waits until what the page shows now is on the screen: nobody stops what they do not see yet, and drawing it is no part of the
/// answer to the click.
async fn drawn(app: &App) {
    let script = "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)));";
    app.js_async(script, Vec::new()).await;
}

/// Clicks Stop in the page, and gives the milliseconds until a frame was drawn that shows it.
async fn stop(app: &App) -> f64 {
    let script = "
        const shown = () => {
            const button = document.querySelector('[data-testid=\"stop\"]');
            return !button || button.getAttribute('aria-busy') === 'true';
        };
        const clicked = performance.now();
        const drawn = () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - clicked), 0));
        const observer = new MutationObserver(() => {
            if (shown()) { observer.disconnect(); drawn(); }
        });
        observer.observe(document.body, { subtree: true, childList: true, attributes: true });
        document.querySelector('[data-testid=\"stop\"]').click();";
    let took = app.js_async(script, Vec::new()).await;
    took.as_f64().expect("a time")
}

/// Processes of this machine whose command line holds the time that stubborn programs sleep for.
fn sleepers() -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains("sleep\x00600\0"))
        .count()
}

fn percentile(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let last = times.len().saturating_sub(1);
    times[(last as f64 * part).round() as usize]
}

#[derive(Default)]
struct Times {
    /// Until the page showed it.
    shown: Vec<f64>,
    /// The first of each chat: what runs then has not run before in that window.
    first: Vec<f64>,
    /// Until the turn had ended.
    ended: Vec<f64>,
}

async fn stop_often(phase: &Phase, first: usize, times: &mut Times) {
    let data = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start();
    fs::write(data.path().join("settings.toml"), cloud_settings(&server)).unwrap();
    seed(data.path(), folder.path(), phase.mode, phase.name).await;
    let app = Start::new(data.path())
        .env("NEXUS_DEFAULT_MODEL", format!("openrouter/{MODEL}"))
        .env("NEXUS_AUTO_TITLE", "false")
        .open()
        .await;
    app.click_css(&format!("{} .session-open", id("session-row")))
        .await;
    app.see("composer").await;
    for round in first..first + ROUNDS {
        server.push((phase.answer)(round));
        app.send(&format!("Round {round}")).await;
        let script = (phase.begun)(round);
        if script.is_empty() {
            let begun = folder.path().join(format!("begun-{round}"));
            let end = std::time::Instant::now() + Duration::from_secs(20);
            while !begun.exists() {
                assert!(
                    std::time::Instant::now() < end,
                    "round {round} did not begin"
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        } else {
            app.until(phase.name, &script).await;
        }
        drawn(&app).await;
        let clicked = std::time::Instant::now();
        let shown = stop(&app).await;
        if round == first {
            times.first.push(shown);
        }
        times.shown.push(shown);
        app.until_within(
            ENDED,
            "the turn ends",
            "return !document.querySelector('[data-testid=\"stop\"]');",
        )
        .await;
        times.ended.push(clicked.elapsed().as_secs_f64() * 1000.0);
    }
    // While the app still runs: what it leaves must be gone already.
    assert_eq!(sleepers(), 0, "{} from round {first}", phase.name);
    let composer = app.js("return document.activeElement?.dataset?.testid ?? '';");
    assert_eq!(
        composer.await,
        Value::from("composer"),
        "the next word can be typed"
    );
    app.picture(&format!("stopped-{}", phase.name.replace(' ', "-")))
        .await;
    app.close().await;
}

fn report(
    phase: &Phase,
    Times {
        mut shown,
        mut first,
        mut ended,
    }: Times,
) {
    println!(
        "stopped {} times while {}: shown after {:.0} ms (median), {:.0} ms (p99), the first in a chat after {:.0} ms (median); the turn ended after {:.0} ms, {:.0} ms (p99); no process stayed",
        shown.len(),
        phase.name,
        percentile(&mut shown, 0.5),
        percentile(&mut shown, 0.99),
        percentile(&mut first, 0.5),
        percentile(&mut ended, 0.5),
        percentile(&mut ended, 0.99),
    );
    assert!(percentile(&mut shown, 0.99) < NOTICED, "{}", phase.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_is_shown_at_once_whatever_the_agent_is_at() {
    for phase in &PHASES {
        let mut times = Times::default();
        for chat in 0..chats() {
            stop_often(phase, chat * ROUNDS, &mut times).await;
        }
        report(phase, times);
    }
}
