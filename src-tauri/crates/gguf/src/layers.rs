//! The layers that a header claims, held against its tensors.
//!
//! mistral.rs reckons a table of positions for each layer that is claimed, as wide as a head is claimed to be, before it looks for
//! the first weight. Here both must be in the file; so what a table costs is in proportion to the file.

use super::Fault;
use super::read::{Header, Value, bad};

/// Numbers of all tables together, where the engine has to be given all positions that the file claims: ten seconds of work.
const TABLE_NUMBERS: u64 = 1 << 31;

/// `header` was checked in all else.
pub(super) fn check(header: &Header, architecture: &str) -> Result<(), Fault> {
    let number = |name: &str| match header.entries.get(&format!("{architecture}.{name}")) {
        Some(Value::Unsigned(number, _)) => Some(*number),
        _ => None,
    };
    let width = number("embedding_length").unwrap_or_default();
    let heads = number("attention.head_count").unwrap_or(1).max(1);
    let layers = number("block_count").unwrap_or_default();
    let head = number("attention.key_length").unwrap_or(width / heads);
    let rotated = number("rope.dimension_count").unwrap_or(head);
    // Only Phi leaves a part of each head as it is.
    let is_partial = matches!(architecture, "phi2" | "phi3");
    if rotated > head || (rotated < head && !is_partial) {
        return bad(format!(
            "{architecture}.rope.dimension_count is {rotated}, its heads have {head}"
        ));
    }
    for layer in 0..layers {
        // Phi keeps queries, keys and values in one.
        let query = ["attn_q", "attn_qkv"]
            .map(|name| format!("blk.{layer}.{name}.weight"))
            .into_iter()
            .find_map(|name| header.tensors.get(&name));
        let Some(query) = query else {
            return bad(format!(
                "{architecture}.block_count is {layers}, but layer {layer} is missing"
            ));
        };
        match query.dimensions.as_slice() {
            [row, rows] if *row == width && *rows >= heads.saturating_mul(head) => {}
            _ => {
                return bad(format!(
                    "the queries of layer {layer} do not fit {heads} heads of {head}"
                ));
            }
        }
    }
    // All other files are read with a shorter context than they claim.
    let is_single_part = matches!(
        header.entries.get("split.count"),
        Some(Value::Unsigned(1, _))
    );
    let positions = number("context_length").unwrap_or_default();
    let table = layers.saturating_mul(positions).saturating_mul(rotated);
    if is_single_part && table > TABLE_NUMBERS {
        return bad(format!(
            "it is the single part of a split model, and its context of {positions} tokens would take too long to prepare"
        ));
    }
    Ok(())
}
