//! What a delta costs in the real window does not grow with the length of the answer.

use std::{
    fs,
    time::{Duration, Instant},
};

use nexus_test_support::{ScriptedServer, Sse};
use serde_json::Value;

use crate::app::{App, Start};

/// What one long answer cost.
struct Figures {
    /// Deltas that the page folded.
    deltas: u64,
    /// From the first to the last.
    seconds: f64,
    /// Milliseconds a delta (apply and render), at each sample: tokens so far, cost of the deltas since the sample before.
    samples: Vec<(u64, f64)>,
}

/// Markdown as models write it: paragraphs, lists, some code, one token an event.
fn tokens(count: usize) -> Vec<String> {
    let paragraph = "Rivers carry **sediment** from the hills to the plain, and `deltas` grow where the water slows. ";
    let words: Vec<&str> = paragraph.split_inclusive(' ').collect();
    let mut tokens = Vec::with_capacity(count);
    let mut block = 0;
    while tokens.len() < count {
        block += 1;
        match block % 6 {
            0 => tokens.extend(
                [
                    "- one ",
                    "item\n",
                    "- another ",
                    "item\n",
                    "- a third\n",
                    "\n",
                ]
                .map(String::from),
            ),
            3 => tokens
                .extend(["```rust\n", "let ", "x ", "= ", "1;\n", "```\n", "\n"].map(String::from)),
            _ => {
                tokens.extend((0..4).flat_map(|_| words.iter().map(ToString::to_string)));
                tokens.push("\n\n".into());
            }
        }
    }
    tokens.truncate(count);
    tokens
}

async fn counters(app: &App) -> (u64, f64) {
    let perf = app.js("return window.__nexus_perf();").await;
    let cost = perf["apply_ms"].as_f64().unwrap() + perf["render_ms"].as_f64().unwrap();
    (perf["deltas"].as_f64().unwrap() as u64, cost)
}

/// Tokens that the server sends at once: about what the bridge joins into one delta a frame.
const BURST: usize = 10;

/// Streams an answer of so many tokens into a real window, with a pause after each burst.
async fn stream(count: usize, pause_ms: u64) -> Figures {
    let data = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start();
    fs::write(
        data.path().join("settings.toml"),
        format!(
            "[[providers]]\nid = \"scripted\"\nbase_url = \"{}\"\nkey = \"none\"\n",
            server.base_url()
        ),
    )
    .unwrap();
    let words = tokens(count);
    let mut answer = Sse::openai("long").answer();
    for burst in words.chunks(BURST) {
        let stream = burst
            .iter()
            .fold(Sse::bare("long", false), |stream, word| stream.text(word));
        answer = answer
            .send(&stream.bytes())
            .wait(Duration::from_millis(pause_ms));
    }
    let end = Sse::bare("long", false)
        .finish("stop")
        .usage(10, count as u64)
        .done();
    server.push(answer.send(&end.bytes()));
    let app = Start::new(data.path())
        .env("NEXUS_DEFAULT_MODEL", "scripted/long")
        .env("NEXUS_AUTO_TITLE", "false")
        .open()
        .await;
    app.see("composer").await;
    app.send("Go on for long").await;
    let mut samples = Vec::new();
    let (mut before, mut first, mut last) = ((0, 0.0), None, Instant::now());
    let asked = Instant::now();
    loop {
        let (deltas, cost) = counters(&app).await;
        if deltas > before.0 {
            first.get_or_insert(Instant::now());
            last = Instant::now();
        }
        if deltas >= before.0 + 10 {
            samples.push((deltas, (cost - before.1) / (deltas - before.0) as f64));
            before = (deltas, cost);
        }
        let going = app
            .js("return !!document.querySelector('[data-testid=\"stop\"]');")
            .await;
        if going == Value::Bool(false) && deltas > 0 {
            break;
        }
        assert!(
            asked.elapsed() < Duration::from_secs(240),
            "only {deltas} deltas came"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let deltas = counters(&app).await.0;
    app.picture("perf").await;
    app.close().await;
    // Bursts are alike, so a sample's place in the answer is its share of all deltas.
    for (place, _) in &mut samples {
        *place = *place * count as u64 / deltas.max(1);
    }
    let seconds = (last - first.unwrap()).as_secs_f64().max(0.001);
    Figures {
        deltas,
        seconds,
        samples,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The cost of a delta near the token `at`: the median of the samples within 1,000 of it.
fn cost_near(samples: &[(u64, f64)], at: u64) -> f64 {
    let near: Vec<f64> = samples
        .iter()
        .filter(|(tokens, _)| tokens.abs_diff(at) <= 1_000)
        .map(|(_, cost)| *cost)
        .collect();
    assert!(!near.is_empty(), "no sample near {at}: {samples:?}");
    median(near)
}

#[tokio::test]
async fn a_delta_costs_the_same_at_the_end_of_a_long_answer() {
    let figures = stream(20_000, 12).await;
    let (early, late) = (
        cost_near(&figures.samples, 1_000),
        cost_near(&figures.samples, 20_000),
    );
    let ratio = late / early;
    println!(
        "perf: {early:.4} ms a delta near 1,000 tokens, {late:.4} ms near 20,000, ratio {ratio:.2}"
    );
    println!(
        "perf: {} deltas in {:.1} s",
        figures.deltas, figures.seconds
    );
    assert!(ratio <= 1.5, "{:?}", figures.samples);
}
