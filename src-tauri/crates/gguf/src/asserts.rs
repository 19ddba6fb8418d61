//! What llama.cpp takes for granted with an assertion, or throws over Rust's head: it aborts, and its last words are code.

use super::Fault;
use super::read::{Header, Value, bad};
use super::types::ValueType;

/// Its fixed arrays have a place for so many.
pub(super) const LAYERS: u64 = 512;
const EXPERTS: u64 = 1024;

/// How positions can be scaled; no word means linear.
const SCALINGS: [&str; 4] = ["none", "linear", "yarn", "longrope"];

/// `header` was checked in all else.
pub(super) fn check(header: &Header, architecture: &str) -> Result<(), Fault> {
    let get = |name: &str| header.entries.get(&format!("{architecture}.{name}"));
    // A number of another type it refuses in words.
    let number = |name: &str| match get(name) {
        Some(Value::Unsigned(number, ValueType::U32)) => *number,
        _ => 0,
    };
    if let Some(Value::String(rule)) = get("rope.scaling.type")
        && !SCALINGS.contains(&rule.as_str())
    {
        let shown: String = rule.chars().take(40).collect();
        return bad(format!(
            "its positions are scaled by “{shown}”, which is not known"
        ));
    }
    let layers = number("block_count");
    let predicting = number("nextn_predict_layers");
    if predicting > layers {
        return bad(format!(
            "{predicting} of its {layers} layers predict further tokens"
        ));
    }
    let experts = number("expert_count");
    let used = number("expert_used_count");
    if experts > EXPERTS || used > experts || (experts > 0 && used == 0) {
        return bad(format!(
            "it uses {used} of {experts} experts; up to {EXPERTS} can be there, and some of them must be used"
        ));
    }
    let groups = number("expert_group_count");
    let groups_used = number("expert_group_used_count");
    let is_divided = groups < 2
        || (experts % groups == 0 && (1..groups).contains(&groups_used) && groups < experts);
    if !is_divided || (groups == 1 && experts < 2) {
        return bad(format!(
            "its {experts} experts do not divide into {groups} groups, {groups_used} of them used"
        ));
    }
    if header.words.repeats {
        return bad("a word is in its vocabulary twice");
    }
    // By score, what is no word is written byte by byte.
    let model = header.entries.get("tokenizer.ggml.model");
    let by_score = matches!(model, Some(Value::String(model)) if model == "llama");
    if by_score && header.words.bytes.len() < 256 {
        return bad(format!(
            "its vocabulary has words for {} of the 256 bytes",
            header.words.bytes.len()
        ));
    }
    // Norms and the like are added and multiplied with numbers of 32 bits, and only with such.
    match header
        .tensors
        .iter()
        .find(|(_, tensor)| tensor.dimensions.len() == 1 && tensor.kind.name != "F32")
    {
        Some((name, tensor)) => bad(format!(
            "the tensor {name} is a vector of {}, only F32 can be computed with",
            tensor.kind.name
        )),
        None => Ok(()),
    }
}
