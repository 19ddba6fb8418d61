//! What the engine takes for granted, checked before it sees the file. Each check here is a panic there.

use super::Fault;
use super::asserts::{self, LAYERS};
use super::layers;
use super::read::{Header, Value, bad};
use super::types::ValueType;

/// What the engines can run of GGUF files on a processor, each of them all: the one list of it, which the hub's pages are judged by too. `qwen3moe` is known to mistral.rs but panics without a GPU.
pub const ARCHITECTURES: &[&str] = &[
    "llama",
    "mistral3",
    "phi2",
    "phi3",
    "qwen2",
    "qwen3",
    "starcoder2",
];

/// The largest context that any model claims today is 10 million tokens.
const CONTEXT_TOKENS: u64 = 16 << 20;

pub(super) fn check(header: &Header) -> Result<(), Fault> {
    let architecture = match header.entries.get("general.architecture") {
        Some(Value::String(name)) => name.as_str(),
        Some(_) => return bad("general.architecture is no text"),
        None => return bad("it does not say its architecture"),
    };
    if !ARCHITECTURES.contains(&architecture) {
        let shown: String = architecture.chars().take(40).collect();
        return Err(Fault::Architecture(shown));
    }
    if header.parts == 1
        && let Some(split) = header.entries.get("split.count")
        && !matches!(split, Value::Unsigned(0 | 1, _))
    {
        return bad("it is one part of a model that was split into several files");
    }
    check_shape(header, architecture)?;
    check_tokenizer(header)?;
    check_embedding(header, architecture)?;
    layers::check(header, architecture)?;
    asserts::check(header, architecture)
}

fn check_shape(header: &Header, architecture: &str) -> Result<(), Fault> {
    let number = |name: &str, most: u64| {
        let key = format!("{architecture}.{name}");
        match header.entries.get(&key) {
            None => bad(format!("{key} is missing")),
            Some(Value::Unsigned(number, ValueType::U32)) if (1..=most).contains(number) => {
                Ok(*number)
            }
            Some(Value::Unsigned(number, ValueType::U32)) => {
                bad(format!("{key} is {number}, 1 to {most} are allowed"))
            }
            Some(_) => bad(format!("{key} is no 32-bit number")),
        }
    };
    number("block_count", LAYERS)?;
    let width = number("embedding_length", 1 << 20)?;
    let heads = number("attention.head_count", 4096)?;
    let shared = number("attention.head_count_kv", 4096)?;
    if width % heads != 0 || heads % shared != 0 {
        return bad(format!(
            "its shape does not fit: width {width}, {heads} heads, {shared} of them with keys"
        ));
    }
    match header
        .entries
        .get(&format!("{architecture}.context_length"))
    {
        Some(Value::Unsigned(1..=CONTEXT_TOKENS, ValueType::U32 | ValueType::U64)) => {}
        Some(_) => {
            return bad(format!(
                "{architecture}.context_length is no number from 1 to {CONTEXT_TOKENS}"
            ));
        }
        None => return bad(format!("{architecture}.context_length is missing")),
    }
    if matches!(architecture, "llama" | "mistral3" | "phi2" | "phi3") {
        number("rope.dimension_count", 4096)?;
    }
    if architecture == "phi3" {
        number("feed_forward_length", 1 << 24)?;
    }
    for optional in ["attention.key_length", "attention.value_length"] {
        if header
            .entries
            .contains_key(&format!("{architecture}.{optional}"))
        {
            number(optional, 1 << 16)?;
        }
    }
    let epsilon = if architecture == "starcoder2" {
        "attention.layer_norm_epsilon"
    } else {
        "attention.layer_norm_rms_epsilon"
    };
    match header.entries.get(&format!("{architecture}.{epsilon}")) {
        Some(Value::Float(value, ValueType::F32)) if value.is_finite() && *value >= 0.0 => Ok(()),
        Some(Value::Float(value, ValueType::F32)) if value.is_finite() => bad(format!(
            "{architecture}.{epsilon} is {value}, less than zero"
        )),
        Some(_) => bad(format!("{architecture}.{epsilon} is no 32-bit fraction")),
        None => bad(format!("{architecture}.{epsilon} is missing")),
    }
}

fn check_tokenizer(header: &Header) -> Result<(), Fault> {
    let get = |name: &str| header.entries.get(&format!("tokenizer.ggml.{name}"));
    let words = match get("tokens") {
        Some(Value::Array {
            of: ValueType::String,
            elements: elements @ 1..,
        }) => *elements,
        _ => return bad("it has no vocabulary (tokenizer.ggml.tokens)"),
    };
    let needs = match get("model") {
        Some(Value::String(model)) => match model.as_str() {
            "gpt2" => ("merges", ValueType::String),
            "llama" | "replit" => ("scores", ValueType::F32),
            other => {
                let shown: String = other.chars().take(40).collect();
                return bad(format!("its tokenizer “{shown}” is not supported"));
            }
        },
        _ => return bad("it does not say its tokenizer (tokenizer.ggml.model)"),
    };
    match get(needs.0) {
        Some(Value::Array { of, .. }) if *of == needs.1 => {}
        _ => return bad(format!("tokenizer.ggml.{} is missing", needs.0)),
    }
    match get("token_type") {
        None
        | Some(Value::Array {
            of: ValueType::I32, ..
        }) => {}
        Some(_) => return bad("tokenizer.ggml.token_type is no list of 32-bit numbers"),
    }
    for (name, required) in [
        ("eos_token_id", true),
        ("bos_token_id", false),
        ("unknown_token_id", false),
    ] {
        match get(name) {
            None if !required => {}
            Some(Value::Unsigned(id, ValueType::U32)) if *id < words => {}
            Some(Value::Unsigned(id, _)) => {
                return bad(format!(
                    "tokenizer.ggml.{name} is {id}, the vocabulary has {words} words"
                ));
            }
            _ => return bad(format!("tokenizer.ggml.{name} is missing or no number")),
        }
    }
    match header.entries.get("tokenizer.chat_template") {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::LongString) => bad("its chat template is longer than 1 MiB"),
        Some(_) => bad("its chat template is no text"),
    }
}

fn check_embedding(header: &Header, architecture: &str) -> Result<(), Fault> {
    let Some(embedding) = header.tensors.get("token_embd.weight") else {
        return bad("the tensor token_embd.weight is missing");
    };
    let width = header
        .entries
        .get(&format!("{architecture}.embedding_length"));
    let words = header.entries.get("tokenizer.ggml.tokens");
    match (embedding.dimensions.as_slice(), width, words) {
        ([row, rows], Some(Value::Unsigned(width, _)), Some(Value::Array { elements, .. }))
            if row == width && rows >= elements =>
        {
            Ok(())
        }
        _ => bad("the tensor token_embd.weight does not fit the vocabulary"),
    }
}
