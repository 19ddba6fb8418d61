//! The real workers with files and templates that want to break them: each loads or ends in a typed error that a person can
//! read, soon, and the next model runs. Needs `NEXUS_WORKER` and `NEXUS_WORKER_LLAMA`; no model but those written here.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test must fail it")]
#![expect(clippy::print_stdout, reason = "the outcomes are a report for people")]

#[path = "hostile/bench.rs"]
mod bench;
#[path = "hostile/mutated.rs"]
mod mutated;
#[path = "support/models.rs"]
#[expect(dead_code, reason = "other tests write other models")]
mod support;

use bench::{Bench, Worker};
use support::{hostile_models, hostile_templates};

async fn broken_models(worker: Worker) {
    let mut bench = Bench::new(worker).await;
    let table = hostile_models::table();
    let cases = table.len();
    for (name, file) in table {
        bench.judge(name, &file).await;
    }
    bench.end(cases).await;
}

async fn hostile_templates(worker: Worker) {
    let mut bench = Bench::new(worker).await;
    let deep = hostile_templates::deep();
    let all: Vec<_> = hostile_templates::TEMPLATES
        .into_iter()
        .chain(deep.iter().map(|(name, source)| (*name, source.as_str())))
        .collect();
    assert!(all.len() >= 25);
    for (name, source) in &all {
        bench
            .judge(name, &hostile_models::with_template(source))
            .await;
    }
    bench.end(all.len()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_models_in_llama() {
    broken_models(Worker::Llama).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_models_in_mistral() {
    broken_models(Worker::Mistral).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_templates_in_llama() {
    hostile_templates(Worker::Llama).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_templates_in_mistral() {
    hostile_templates(Worker::Mistral).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_templates_with_both() {
    hostile_templates(Worker::Both).await;
}
