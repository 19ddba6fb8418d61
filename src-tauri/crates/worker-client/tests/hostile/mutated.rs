//! Whatever header the check lets through, the real workers load or refuse in words.

use std::collections::BTreeMap;

use nexus_worker_client::gguf;

use crate::bench::{Bench, Outcome, Worker};
use crate::support::model_writer;
use crate::support::mutations::{bases, mutated};

/// Headers that pass the check: a few for every change of the code, thousands with `NEXUS_TEST_FULL`.
fn goal(few: usize) -> usize {
    match std::env::var("NEXUS_TEST_FULL") {
        Ok(number) => number.parse().ok().filter(|&n| n > 1).unwrap_or(2000),
        Err(_) => few,
    }
}

/// The seed to begin with: `NEXUS_TEST_SEED`, to see one case again.
fn first_seed() -> u64 {
    let named = std::env::var("NEXUS_TEST_SEED").ok();
    named.and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

async fn mutated_headers(worker: Worker) {
    let mut bench = Bench::new(worker).await;
    for (number, base) in bases().iter().enumerate() {
        let mut bytes = Vec::new();
        model_writer::write_to(base, &mut bytes).unwrap();
        let outcome = bench.judge_bytes(&format!("base {number}"), &bytes).await;
        assert_eq!(outcome, Outcome::Ran, "base {number} is not sound");
    }
    bench.outcomes.clear();
    let goal = goal(60);
    let (mut accepted, mut refused) = (0, 0);
    let mut deaths = BTreeMap::<String, Vec<u64>>::new();
    for seed in first_seed().. {
        if accepted == goal {
            break;
        }
        let Some(bytes) = mutated(seed) else {
            continue;
        };
        // Without a template nothing is loaded.
        if !gguf::inspect_bytes(&bytes).is_ok_and(|summary| summary.has_chat_template) {
            refused += 1;
            continue;
        }
        accepted += 1;
        if let Outcome::Died(_, words) = bench.judge_bytes(&format!("seed {seed}"), &bytes).await {
            deaths.entry(words).or_default().push(seed);
        }
        if accepted % 50 == 0 {
            bench.check().await;
        }
    }
    println!(
        "{worker:?}: {} headers, {refused} refused by the check, {accepted} accepted; of these: {:?}",
        refused + accepted,
        bench.outcomes
    );
    for (words, seeds) in &deaths {
        println!("  {} deaths: {words} (seeds {seeds:?})", seeds.len());
    }
    bench.end(accepted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_headers_in_llama() {
    mutated_headers(Worker::Llama).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_headers_in_mistral() {
    mutated_headers(Worker::Mistral).await;
}
