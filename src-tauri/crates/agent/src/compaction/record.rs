//! A summary that needs no model.
//!
//! Owns what is taken from the record of the chat where a model cannot be asked, or says nothing.

use super::transcript::Told;
use crate::{
    context::estimate::{excerpt, text_tokens},
    prompt,
};

/// Tokens of one message of the user, and of one word of the agent, at most.
const OF_USER: u64 = 150;
const OF_ANSWER: u64 = 60;

/// The summary, with at most `tokens`: the user's messages and what was done, the latest of each as far as there is room, and the
/// summary before it.
pub(super) fn record(before: Option<&str>, told: &[Told], tokens: u64) -> String {
    let mut left = tokens.saturating_sub(text_tokens(prompt::FROM_THE_RECORD) + 30);
    let mut parts = vec![prompt::FROM_THE_RECORD.to_owned()];
    if let Some(before) = before {
        let before = excerpt(before, left / 3);
        left = left.saturating_sub(text_tokens(&before));
        parts.push(format!("## Before\n{before}"));
    }
    let asked = told.iter().rev().filter_map(|entry| match entry {
        Told::User(text) => Some(excerpt(text, OF_USER)),
        Told::Agent(_) | Told::Call(..) | Told::Note(_) => None,
    });
    parts.extend(section("## Task", asked, left / 3, &mut left));
    let done = told.iter().rev().filter_map(|entry| match entry {
        Told::User(_) => None,
        Told::Agent(text) => Some(format!("Said: {}", excerpt(text, OF_ANSWER))),
        Told::Call(line, _) | Told::Note(line) => Some(line.clone()),
    });
    let all = left;
    parts.extend(section("## Done", done, all, &mut left));
    excerpt(&parts.join("\n\n"), tokens)
}

/// As many lines, the latest first, as `most` tokens take; they are told in their order.
fn section(
    heading: &str,
    latest_first: impl Iterator<Item = String>,
    most: u64,
    left: &mut u64,
) -> Option<String> {
    let mut room = most;
    let mut lines = Vec::new();
    for line in latest_first {
        let line = format!("- {line}");
        let Some(rest) = room.checked_sub(text_tokens(&line) + 1) else {
            lines.push("- …".to_owned());
            break;
        };
        room = rest;
        lines.push(line);
    }
    *left = left.saturating_sub(most - room);
    lines.push(heading.to_owned());
    lines.reverse();
    (lines.len() > 1).then(|| lines.join("\n"))
}
