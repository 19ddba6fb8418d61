//! The sizes in a `config.json`. Models with several parts keep those of the language in a section of its own.

use serde_json::Value;

use super::{Fault, bad};

/// Sizes from which context and memory are reckoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) context_length: u32,
    pub(super) layers: u64,
    /// Numbers for a token between the layers, and within them at most.
    pub(super) width: u64,
    pub(super) inner: u64,
    pub(super) key_heads: u64,
    /// Numbers in one head.
    pub(super) head_width: u64,
    /// Whether it says that the weights are quantized.
    pub(super) quantized: bool,
}

/// The largest that any model has, and some room.
const LAYERS: u64 = 4096;
const WIDTH: u64 = 1 << 20;
const CONTEXT_TOKENS: u64 = 16 << 20;

/// Where a model does not say: the least that one of its kind has.
const UNSAID_CONTEXT_TOKENS: u64 = 4096;

pub(super) fn read(config: &Value) -> Result<Config, Fault> {
    let language = ["text_config", "llm_config", "language_config"]
        .iter()
        .find_map(|name| config.get(name))
        .unwrap_or(config);
    let number = |names: &[&str], most: u64| -> Result<Option<u64>, Fault> {
        for name in names {
            match language.get(name).or_else(|| config.get(name)) {
                None | Some(Value::Null) => {}
                Some(value) => {
                    return match value.as_u64() {
                        Some(number) if (1..=most).contains(&number) => Ok(Some(number)),
                        _ => bad(format!("{name} in config.json is no sensible number")),
                    };
                }
            }
        }
        Ok(None)
    };
    let needed = |name: &str, most: u64| match number(&[name], most)? {
        Some(number) => Ok(number),
        None => bad(format!("{name} is missing in config.json")),
    };
    let layers = needed("num_hidden_layers", LAYERS)?;
    let hidden = needed("hidden_size", WIDTH)?;
    // Gemma 3's settings may leave these out, and mean what the smallest has.
    let heads = number(&["num_attention_heads"], WIDTH)?.unwrap_or(8);
    let key_heads = number(&["num_key_value_heads"], WIDTH)?.unwrap_or(heads);
    let head_width = number(&["head_dim"], WIDTH)?.unwrap_or((hidden / heads).max(1));
    if head_width > hidden.saturating_mul(16) || key_heads > heads {
        return bad("the sizes in config.json contradict each other");
    }
    let inner = number(&["intermediate_size"], WIDTH)?.unwrap_or(hidden.saturating_mul(4));
    let context =
        number(&["max_position_embeddings"], CONTEXT_TOKENS)?.unwrap_or(UNSAID_CONTEXT_TOKENS);
    Ok(Config {
        context_length: u32::try_from(context).unwrap_or(u32::MAX),
        layers,
        width: hidden,
        inner,
        key_heads,
        head_width,
        quantized: config.get("quantization_config").is_some(),
    })
}
