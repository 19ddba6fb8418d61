//! How many tokens a text may have, before any tokenizer is asked.
//!
//! Owns the estimate, and texts cut to it. It leans to too many: 3.5 ASCII characters a token (English prose has 4 to 4.5, code about 3.5), and
//! one token for every other character (Chinese has 0.6 to 1, most accents less). A request that is estimated to fit
//! should fit.

use nexus_protocol::{ChatMessage, ToolSpec, UserPart};

/// Tokens of a message besides its text: role and separators.
pub(crate) const MESSAGE: u64 = 4;
/// Tokens of an image: what a large one costs at most at the common providers.
const IMAGE: u64 = 1600;

pub(crate) fn text_tokens(text: &str) -> u64 {
    let all = text.chars().count() as u64;
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    (ascii * 2).div_ceil(7) + (all - ascii)
}

/// Bytes of the longest beginning of `text` that has at most `tokens`.
fn prefix_within(text: &str, tokens: u64) -> usize {
    let mut left = Sevenths::of(tokens);
    let mut beyond = text.char_indices().filter(|(_, c)| !left.take(*c));
    beyond.next().map_or(text.len(), |(at, _)| at)
}

/// Where the longest end of `text` that has at most `tokens` begins.
fn suffix_within(text: &str, tokens: u64) -> usize {
    let mut left = Sevenths::of(tokens);
    let mut beyond = text.char_indices().rev().filter(|(_, c)| !left.take(*c));
    beyond.next().map_or(0, |(at, c)| at + c.len_utf8())
}

/// Sevenths of a token, as [`text_tokens`] counts.
struct Sevenths(u64);

impl Sevenths {
    fn of(tokens: u64) -> Self {
        Self(tokens.saturating_mul(7))
    }

    /// Whether there is enough for `c`; takes it then.
    fn take(&mut self, c: char) -> bool {
        let rest = self.0.checked_sub(if c.is_ascii() { 2 } else { 7 });
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

/// `text` with at most `tokens`: its head and its tail where it has more, with a word about what is between. Empty where
/// there is no room even for that word.
pub(crate) fn excerpt(text: &str, tokens: u64) -> String {
    if text_tokens(text) <= tokens {
        return text.to_owned();
    }
    let word =
        |left_out: usize| format!("\n… ({left_out} characters left out to fit the model) …\n");
    let all = text.chars().count();
    let Some(room) = tokens.checked_sub(text_tokens(&word(all))) else {
        return String::new();
    };
    // The head says what it is, the tail how it ended.
    let of_head = room - room / 3;
    let (head, rest) = text.split_at(prefix_within(text, of_head));
    let (between, tail) = rest.split_at(suffix_within(rest, room - of_head));
    format!("{head}{}{tail}", word(between.chars().count()))
}

pub(crate) fn message_tokens(message: &ChatMessage) -> u64 {
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

    #[test]
    fn an_excerpt_has_head_and_tail_and_never_too_many_tokens() {
        let text = format!("head {} tail", "a日".repeat(300));
        for tokens in 0..=text_tokens(&text) {
            let short = excerpt(&text, tokens);
            assert!(text_tokens(&short) <= tokens, "{short}");
            if tokens > 40 {
                assert!(
                    short.starts_with("head") && short.ends_with("tail"),
                    "{short}"
                );
            }
        }
        assert_eq!(excerpt(&text, u64::MAX), text);
        assert_eq!(
            excerpt(&"x".repeat(700), 30),
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n… (651 characters left out to fit the model) …\nxxxxxxxxxxxxxx"
        );
    }
}
