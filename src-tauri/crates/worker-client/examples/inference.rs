//! One model in one worker, once: `inference llama|mistral WORKER MODEL CONTEXT`. Prints a line of JSON, name to number:
//! how long the load took, the first token behind prompts of several lengths and in a follow-up turn, how many tokens a second
//! came then, and the most memory that the worker took.
#![expect(clippy::print_stdout, reason = "it is a program that prints")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails must say so")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use nexus_llm::{Model, ModelEvent};
use nexus_protocol::{ChatMessage, ChatRequest, ModelActivity, ModelRef, Usage, UserPart};
use nexus_worker_client::{LocalEngine, WorkerOptions, gguf};
use tokio_util::sync::CancellationToken;

/// Tokens of an answer whose speed is measured.
const ANSWER_TOKENS: u32 = 64;
/// A prompt that would take longer than this is left out.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often the words are said for about so many tokens.
const PROMPTS: [(&str, &str, usize); 3] = [
    ("40", "Why is the sea blue", 1),
    (
        "600",
        "The keeper wrote down the weather every morning. ",
        63,
    ),
    (
        "3000",
        "A whale went round the lighthouse in the night. ",
        296,
    ),
];

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let backend = arguments.next().unwrap();
    let [worker, path] = [(); 2].map(|()| PathBuf::from(arguments.next().unwrap()));
    let context = arguments.next().unwrap().to_string_lossy().parse().unwrap();
    let scratch = std::env::temp_dir().join(format!("inference-{}", std::process::id()));
    let is_llama = backend == "llama";
    let other = scratch.join("none");
    let mut options = WorkerOptions::new(
        if is_llama { other } else { worker.clone() },
        scratch.clone(),
    );
    options.llama_program = is_llama.then_some(worker);
    let engine = LocalEngine::new(options);
    let summary = gguf::inspect(&path).unwrap();
    let mut info = summary.model_info(ModelRef::new("local", "measured"), "measured".to_owned());
    info.context_tokens = Some(context);
    let model = engine.model(path, info);
    let numbers = measure(&model, &scratch).await;
    engine.shutdown().await;
    let _cleaned = std::fs::remove_dir_all(scratch);
    println!("{}", serde_json::to_string(&numbers).unwrap());
}

async fn measure(model: &Arc<dyn Model>, scratch: &Path) -> BTreeMap<String, f64> {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let mut numbers = BTreeMap::new();
    let mut put = |name: String, number: f64| numbers.insert(name, number);
    // It loads the model, and nothing is measured of it but that.
    let warm = ask(model, said("Good morning to you."), 4).await;
    put("load_ms".to_owned(), ms(warm.load.unwrap()));
    let mut token_ms: f64 = 0.0;
    for (name, words, times) in PROMPTS {
        let expected = Duration::from_secs_f64(token_ms * 9.0 * times as f64 / 1000.0);
        if expected > PATIENCE {
            continue;
        }
        let first = said(&words.repeat(times));
        let answer = ask(model, first.clone(), ANSWER_TOKENS).await;
        token_ms = ms(answer.first) / answer.usage.input_tokens as f64;
        put(
            format!("prompt_{name}_tokens"),
            answer.usage.input_tokens as f64,
        );
        put(format!("first_token_{name}_ms"), ms(answer.first));
        put(format!("tokens_per_s_after_{name}"), answer.per_second());
        if name == "600" {
            let mut second = first;
            second.messages.push(ChatMessage::Assistant {
                text: answer.text,
                tool_calls: Vec::new(),
            });
            second
                .messages
                .extend(said("And what did he write then?").messages);
            let turn = ask(model, second, 4).await;
            put("follow_up_first_token_ms".to_owned(), ms(turn.first));
        }
    }
    if let Some(bytes) = peak(scratch) {
        put("peak_mb".to_owned(), bytes / 1e6);
    }
    numbers
}

/// The moments of one answer.
struct Answer {
    load: Option<Duration>,
    first: Duration,
    rest: Duration,
    text: String,
    usage: Usage,
}

impl Answer {
    fn per_second(&self) -> f64 {
        self.usage.output_tokens.saturating_sub(1) as f64 / self.rest.as_secs_f64()
    }
}

fn said(words: &str) -> ChatRequest {
    let text = words.to_owned();
    ChatRequest {
        messages: vec![ChatMessage::User {
            parts: vec![UserPart::Text { text }],
        }],
        temperature: Some(0.0),
        ..ChatRequest::default()
    }
}

async fn ask(model: &Arc<dyn Model>, mut request: ChatRequest, tokens: u32) -> Answer {
    request.max_output_tokens = Some(tokens);
    let mut start = Instant::now();
    let mut load = None;
    let mut first = None;
    let mut text = String::new();
    let mut stream = model.stream(request, CancellationToken::new());
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            ModelEvent::Activity(ModelActivity::Loading) => load = Some(Duration::ZERO),
            ModelEvent::Activity(ModelActivity::Waiting) if load.is_some() => {
                load = Some(start.elapsed());
                start = Instant::now();
            }
            ModelEvent::Text(piece) => {
                first.get_or_insert_with(|| start.elapsed());
                text.push_str(&piece);
            }
            ModelEvent::Finished { usage, .. } => {
                let first = first.unwrap();
                return Answer {
                    load,
                    first,
                    rest: start.elapsed().saturating_sub(first),
                    text,
                    usage: usage.unwrap(),
                };
            }
            _ => {}
        }
    }
    unreachable!("a stream ends with Finished or an error")
}

/// The most memory that the worker had in RAM, bytes; it is known by where it works.
fn peak(scratch: &Path) -> Option<f64> {
    std::fs::read_dir("/proc").ok()?.find_map(|entry| {
        let process = entry.ok()?.path();
        if !std::fs::read_link(process.join("cwd"))
            .ok()?
            .starts_with(scratch)
        {
            return None;
        }
        let status = std::fs::read_to_string(process.join("status")).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024.0)
    })
}
