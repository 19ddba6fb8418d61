//! How many tokens a text may have, before any tokenizer is asked.
//!
//! Owns the estimate. It leans to too many: 3.5 ASCII characters a token (English prose has 4 to 4.5, code about 3.5), and
//! one token for every other character (Chinese has 0.6 to 1, most accents less). A request that is estimated to fit
//! should fit.

use nexus_protocol::{ChatMessage, ToolSpec, UserPart};

/// Tokens of a message besides its text: role and separators.
pub(super) const MESSAGE: u64 = 4;
/// Tokens of an image: what a large one costs at most at the common providers.
const IMAGE: u64 = 1600;

pub(super) fn text_tokens(text: &str) -> u64 {
    let all = text.chars().count() as u64;
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    (ascii * 2).div_ceil(7) + (all - ascii)
}

/// Bytes of the longest beginning of `text` that has at most `tokens`.
pub(super) fn prefix_within(text: &str, tokens: u64) -> usize {
    // In sevenths of a token, as `text_tokens` counts.
    let mut left = tokens.saturating_mul(7);
    for (at, c) in text.char_indices() {
        let cost = if c.is_ascii() { 2 } else { 7 };
        match left.checked_sub(cost) {
            Some(rest) => left = rest,
            None => return at,
        }
    }
    text.len()
}

pub(super) fn message_tokens(message: &ChatMessage) -> u64 {
    MESSAGE
        + match message {
            ChatMessage::System { text } => text_tokens(text),
            ChatMessage::User { parts } => parts.iter().map(part_tokens).sum(),
            ChatMessage::Assistant { text, tool_calls } => {
                let call = |call: &nexus_protocol::ToolCallRequest| {
                    MESSAGE
                        + text_tokens(&call.id)
                        + text_tokens(&call.name)
                        + text_tokens(&call.arguments)
                };
                text_tokens(text) + tool_calls.iter().map(call).sum::<u64>()
            }
            ChatMessage::Tool {
                call_id,
                name,
                content,
            } => text_tokens(call_id) + text_tokens(name) + text_tokens(content),
        }
}

fn part_tokens(part: &UserPart) -> u64 {
    match part {
        UserPart::Text { text } => text_tokens(text),
        UserPart::Image { .. } => IMAGE,
    }
}

pub(super) fn tools_tokens(tools: &[ToolSpec]) -> u64 {
    tools
        .iter()
        .map(|tool| {
            2 * MESSAGE
                + text_tokens(&tool.name)
                + text_tokens(&tool.description)
                + text_tokens(&tool.parameters.to_string())
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_estimated_high() {
        let tokens = ["", "a", "1234567", "日本語", "é1234567"].map(text_tokens);
        assert_eq!(tokens, [0, 1, 2, 3, 3]);
    }

    #[test]
    fn a_prefix_is_as_long_as_it_may_be() {
        let text = "ab日c本".repeat(20);
        for tokens in 0..=text_tokens(&text) {
            let end = prefix_within(&text, tokens);
            assert!(text_tokens(&text[..end]) <= tokens);
            let next = text[end..].chars().next().map_or(0, char::len_utf8);
            assert!(next == 0 || text_tokens(&text[..end + next]) > tokens);
        }
        assert_eq!(prefix_within(&text, u64::MAX), text.len());
    }
}
