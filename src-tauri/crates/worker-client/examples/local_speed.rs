//! How fast a local model is on this machine, with its weights packed and unpacked: `local_speed WORKER MODEL`. Prints JSON.
#![expect(clippy::print_stdout, reason = "it is a program that prints")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails must say so")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use nexus_llm::{Model, ModelEvent};
use nexus_protocol::{ChatMessage, ChatRequest, ModelActivity, ModelRef, UserPart};
use nexus_worker_client::gguf::{self, Weights};
use nexus_worker_client::{LocalEngine, WeightsPolicy, WorkerOptions};
use tokio_util::sync::CancellationToken;

struct Sample {
    load: Option<Duration>,
    first: Duration,
    input: u64,
    per_second: f64,
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (worker, model) = (arguments.next().unwrap(), arguments.next().unwrap());
    let summary = gguf::inspect(&model).unwrap();
    let info = summary.model_info(ModelRef::new("local", "measured"), "measured".to_owned());
    let mut results = serde_json::Map::new();
    for (name, weights) in [("packed", Weights::Packed), ("unpacked", Weights::Unpacked)] {
        let scratch = std::env::temp_dir().join(format!("local-speed-{}", std::process::id()));
        let mut options = WorkerOptions::new(worker.clone(), scratch.clone());
        options.weights = WeightsPolicy::Always(weights);
        let engine = LocalEngine::new(options);
        let model = engine.model(model.clone(), info.clone());
        let short = measure(model.as_ref(), "Why is the sky blue?").await;
        let again = measure(model.as_ref(), "What is a prime number?").await;
        let text = "The lighthouse keeper wrote down the weather every morning. ".repeat(55);
        let long = measure(model.as_ref(), &format!("{text}\nWhat did he write?")).await;
        engine.shutdown().await;
        let _cleaned = std::fs::remove_dir_all(scratch);
        results.insert(
            name.to_owned(),
            serde_json::json!({
                "load_ms": short.load.map(|load| load.as_millis()),
                "first_token_ms": again.first.as_millis(),
                "tokens_per_second": (again.per_second * 10.0).round() / 10.0,
                "long_prompt_tokens": long.input,
                "long_first_token_ms": long.first.as_millis(),
            }),
        );
    }
    println!("{}", serde_json::Value::Object(results));
}

async fn measure(model: &dyn Model, words: &str) -> Sample {
    let request = ChatRequest {
        messages: vec![ChatMessage::User {
            parts: vec![UserPart::Text {
                text: words.to_owned(),
            }],
        }],
        max_output_tokens: Some(60),
        temperature: Some(0.0),
        ..ChatRequest::default()
    };
    let mut start = Instant::now();
    let mut load = None;
    let mut first = None;
    let mut stream = model.stream(request, CancellationToken::new());
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            ModelEvent::Activity(ModelActivity::Loading) => load = Some(start.elapsed()),
            ModelEvent::Activity(ModelActivity::Waiting) if load.is_some() => {
                load = Some(start.elapsed());
                start = Instant::now();
            }
            ModelEvent::Text(_) if first.is_none() => first = Some(start.elapsed()),
            ModelEvent::Finished { usage, .. } => {
                let usage = usage.unwrap();
                let first = first.unwrap();
                let decode = start.elapsed().saturating_sub(first).as_secs_f64();
                return Sample {
                    load,
                    first,
                    input: usage.input_tokens,
                    per_second: usage.output_tokens.saturating_sub(1) as f64 / decode,
                };
            }
            _ => {}
        }
    }
    unreachable!("a stream ends with Finished or an error")
}
