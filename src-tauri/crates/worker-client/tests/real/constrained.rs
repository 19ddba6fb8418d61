//! What the smallest model says when it is held to a form, at a temperature at which it talks nonsense.
#![expect(
    clippy::print_stdout,
    reason = "the figures are what these tests are for"
)]

use std::time::{Duration, Instant};

use nexus_protocol::{Sampling, ToolChoice};
use serde_json::{Value, json};

use super::*;

/// The goal's number with `NEXUS_TEST_FULL`, else a part of it.
fn rounds() -> u32 {
    match std::env::var_os("NEXUS_TEST_FULL") {
        Some(_) => 100,
        None => 12,
    }
}

/// Schemas of many shapes, each with words that ask for it.
fn shapes() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "weather",
            "What is the weather in Paris?",
            json!({
                "type": "object",
                "properties": {
                    "city": {"type": "string", "minLength": 1, "maxLength": 24},
                    "unit": {"enum": ["celsius", "fahrenheit", "grad °C"]},
                },
                "required": ["city", "unit"],
                "additionalProperties": false,
            }),
        ),
        (
            "book_table",
            "Book a table for four, with names.",
            json!({
                "type": "object",
                "properties": {
                    "guests": {"type": "array", "minItems": 1, "maxItems": 4, "items": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string", "maxLength": 16},
                            "age": {"type": "integer", "minimum": 0, "maximum": 120},
                            "diet": {"type": ["string", "null"], "enum": ["vegan", "halal", null]},
                        },
                        "required": ["name", "age"],
                    }},
                    "at": {"type": "object", "properties": {
                        "hour": {"type": "integer", "minimum": 0, "maximum": 23},
                        "minute": {"enum": [0, 15, 30, 45]},
                    }, "required": ["hour", "minute"]},
                    "outside": {"type": "boolean"},
                },
                "required": ["guests", "at"],
            }),
        ),
        (
            "set_level",
            "Set the level to a half.",
            json!({
                "type": "object",
                "properties": {
                    "level": {"type": "number", "minimum": 0, "maximum": 1},
                    "steps": {"type": "integer", "exclusiveMinimum": -5, "multipleOf": 5, "maximum": 100},
                    "note": {"type": "string", "maxLength": 30},
                },
                "required": ["level", "steps"],
            }),
        ),
        (
            "übersetze",
            "Translate „Straße“ to Japanese: 通り 🦀.",
            json!({
                "type": "object",
                "properties": {
                    "straße": {"type": "string", "minLength": 1, "maxLength": 12},
                    "to": {"const": "日本語"},
                    "tags": {"type": "array", "items": {"enum": ["ß", "🦀", "\"quoted\"", "a\\b"]}, "maxItems": 3},
                },
                "required": ["straße", "to", "tags"],
            }),
        ),
        (
            "tree",
            "Make a tree of folders.",
            json!({
                "type": "object",
                "properties": {"root": {"$ref": "#/$defs/leaf"}, "kind": {"anyOf": [
                    {"type": "boolean"},
                    {"type": "object", "properties": {"code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{1,3}$"}}, "required": ["code"]},
                ]}},
                "required": ["root", "kind"],
                "$defs": {"leaf": {"type": "object", "properties": {
                    "label": {"type": "string", "maxLength": 10},
                    "size": {"type": "integer", "minimum": 1, "maximum": 1000},
                }, "required": ["label"]}},
            }),
        ),
        (
            "now",
            "What time is it?",
            json!({"type": "object", "properties": {}}),
        ),
    ]
}

fn tool((name, _, parameters): &(&str, &str, Value)) -> ToolSpec {
    ToolSpec {
        name: (*name).to_owned(),
        description: "Use it.".to_owned(),
        parameters: parameters.clone(),
    }
}

/// A request that is as wild as the goal says.
fn wild(words: &str, seed: u32) -> ChatRequest {
    ChatRequest {
        temperature: Some(1.0),
        sampling: Sampling {
            seed: Some(seed),
            ..Sampling::default()
        },
        max_output_tokens: Some(2000),
        ..said(words)
    }
}

/// The starter's template offers no tools; what is tried here is that its calls are right all the same.
fn with_tools(bench: &Bench) -> Arc<dyn Model> {
    let mut info = bench.model.info().clone();
    info.tools = true;
    bench.engine.model(bench.path.clone(), info)
}

async fn ask(model: &Arc<dyn Model>, request: ChatRequest) -> Vec<Result<ModelEvent, ModelError>> {
    model
        .stream(request, CancellationToken::new())
        .collect()
        .await
}

fn calls(events: &[Result<ModelEvent, ModelError>]) -> Vec<(String, String)> {
    let mut calls: Vec<(String, String)> = Vec::new();
    for event in events.iter().flatten() {
        match event {
            ModelEvent::ToolCallStarted { name, .. } => calls.push((name.clone(), String::new())),
            ModelEvent::ToolCallArguments { index, text } => {
                calls[*index as usize].1.push_str(text)
            }
            _ => {}
        }
    }
    calls
}

/// What is wrong with `text` as a value of `schema`.
fn fault(schema: &Value, text: &str) -> Option<String> {
    match serde_json::from_str::<Value>(text) {
        Err(error) => Some(format!("{error} in {text}")),
        Ok(value) => {
            let validator = jsonschema::validator_for(schema).unwrap();
            let error = validator.iter_errors(&value).next();
            error.map(|error| format!("{error} in {text}"))
        }
    }
}

#[derive(Default)]
struct Tally {
    good: u32,
    tokens: u64,
    time: Duration,
    faults: Vec<String>,
}

impl Tally {
    fn tell(&self, what: &str, bench: &Bench) {
        println!(
            "{:?}: {} of {} {what}, {:.0} tokens/s over {} tokens",
            bench.worker,
            self.good,
            rounds(),
            self.tokens as f64 / self.time.as_secs_f64(),
            self.tokens
        );
        assert_eq!((self.good, &self.faults), (rounds(), &Vec::new()));
    }

    fn count(&mut self, faults: Vec<String>, usage: Usage, started: Instant) {
        self.tokens += usage.output_tokens;
        self.time += started.elapsed();
        self.good += u32::from(faults.is_empty());
        self.faults.extend(faults);
    }
}

pub(super) async fn tool_calls_are_valid(bench: Bench) {
    let model = with_tools(&bench);
    let shapes = shapes();
    let mut tally = Tally::default();
    for round in 0..rounds() {
        let (_, words, _) = &shapes[round as usize % shapes.len()];
        let request = ChatRequest {
            tools: shapes.iter().map(tool).collect(),
            tool_choice: ToolChoice::Required,
            ..wild(words, round)
        };
        let started = Instant::now();
        let events = ask(&model, request).await;
        let (reason, usage) = end(&events);
        let calls = calls(&events);
        let mut faults: Vec<String> = calls
            .iter()
            .filter_map(|(name, arguments)| {
                match shapes.iter().find(|(known, _, _)| known == name) {
                    Some((_, _, schema)) => fault(schema, arguments),
                    None => Some(format!("no tool {name}")),
                }
            })
            .collect();
        if reason != FinishReason::ToolCalls || calls.is_empty() {
            faults.push(format!("{reason:?}: {:?}", texts(&events)));
        }
        tally.count(faults, usage, started);
    }
    tally.tell("turns of tool calls are valid", &bench);
}

pub(super) async fn values_of_a_schema_are_valid(bench: Bench) {
    let shapes = shapes();
    let mut tally = Tally::default();
    for round in 0..rounds() {
        let (_, words, schema) = &shapes[round as usize % shapes.len()];
        let request = ChatRequest {
            answer_schema: Some(schema.clone()),
            ..wild(words, round)
        };
        let started = Instant::now();
        let events = bench.ask(request).await;
        let (reason, usage) = end(&events);
        let mut faults: Vec<String> = fault(schema, &texts(&events).concat())
            .into_iter()
            .collect();
        if reason != FinishReason::Stop {
            faults.push(format!("{reason:?}"));
        }
        tally.count(faults, usage, started);
    }
    tally.tell("answers of a schema are valid", &bench);
}

pub(super) async fn a_limit_within_a_call_is_told(bench: Bench) {
    let model = with_tools(&bench);
    let shapes = shapes();
    let request = ChatRequest {
        tools: shapes[1..2].iter().map(tool).collect(),
        tool_choice: ToolChoice::Required,
        max_output_tokens: Some(12),
        ..said("Book a table.")
    };
    let events = ask(&model, request).await;
    assert_eq!(end(&events).0, FinishReason::Incomplete);
    assert_eq!(calls(&events), []);
    let request = ChatRequest {
        answer_schema: Some(shapes[1].2.clone()),
        max_output_tokens: Some(8),
        ..said("Book a table.")
    };
    let events = bench.ask(request).await;
    assert_eq!(end(&events).0, FinishReason::Incomplete);
}

pub(super) async fn free_text_is_what_it_is_without_tools(bench: Bench) {
    let model = with_tools(&bench);
    let request = |tools: Vec<ToolSpec>| ChatRequest {
        tools,
        temperature: Some(0.2),
        max_output_tokens: Some(200),
        ..wild("Tell me about the sea.", 7)
    };
    end(&ask(&model, request(Vec::new())).await);
    let mut answers = Vec::new();
    for tools in [Vec::new(), shapes().iter().map(tool).collect()] {
        let started = Instant::now();
        let count = tools.len();
        let events = ask(&model, request(tools)).await;
        let (_, usage) = end(&events);
        println!(
            "{:?}: {count} tools, {:.0} tokens/s over {} tokens of free text",
            bench.worker,
            usage.output_tokens as f64 / started.elapsed().as_secs_f64(),
            usage.output_tokens
        );
        answers.push(texts(&events).concat());
    }
    assert!(answers[0].len() > 100, "{answers:?}");
    assert_eq!(answers[0], answers[1]);
}

pub(super) async fn the_same_seed_gives_the_same_text(bench: Bench) {
    let mut answers = Vec::new();
    for seed in [1, 1, 2] {
        let request = ChatRequest {
            max_output_tokens: Some(60),
            ..wild("Tell me a story.", seed)
        };
        answers.push(texts(&bench.ask(request).await).concat());
    }
    assert_eq!(answers[0], answers[1]);
    assert_ne!(answers[0], answers[2]);
}
