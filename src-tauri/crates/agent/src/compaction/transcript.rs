//! What was said, as plain text that a model is to summarize.
//!
//! Owns how much of each message and result is told. Refuses to choose the part that is told.

use std::collections::HashSet;

use nexus_protocol::{Item, ItemBody, ItemStatus, TurnId};

use crate::{
    context::{
        estimate::{excerpt, text_tokens},
        in_a_line,
    },
    prompt,
};

/// Tokens of a user's message, of an answer and of a result that are told, at most.
const OF_USER: u64 = 1200;
const OF_ANSWER: u64 = 600;
const OF_RESULT: u64 = 160;
/// Stands for what there is no room for.
const GAP: &str = "[Something is left out here.]";
/// Tokens below which a part of the chat tells nothing.
const LEAST: u64 = 60;

/// One entry of the transcript.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    User(String),
    Agent(String),
    /// A call in one line, and its output.
    Call(String, String),
    /// What the user did to the agent's changes.
    Note(String),
}

/// What was said after the items up to `before` and up to `through`. The message that began a turn is told as long as something
/// of its turn is.
pub(super) fn told(items: &[Item], before: Option<u32>, through: u32) -> Vec<Told> {
    let is_new = |item: &&Item| {
        item.position <= through && before.is_none_or(|before| item.position > before)
    };
    let turns: HashSet<TurnId> = items.iter().filter(is_new).map(|item| item.turn).collect();
    let told = items.iter().filter_map(|item| match &item.body {
        ItemBody::User { text, attachments } if turns.contains(&item.turn) => {
            let images = if attachments.is_empty() {
                ""
            } else {
                " [with images]"
            };
            Some(Told::User(format!("{}{images}", text.trim())))
        }
        _ if !is_new(&item) => None,
        ItemBody::Assistant { text, .. } => {
            let said = item.status != ItemStatus::Failed && !text.trim().is_empty();
            said.then(|| Told::Agent(text.trim().to_owned()))
        }
        ItemBody::ToolCall { result, .. } => {
            let output = result.as_ref().map_or("", |it| it.output.trim());
            in_a_line(item).map(|line| Told::Call(line, output.to_owned()))
        }
        ItemBody::Undo {
            redone,
            files,
            more,
        } => Some(Told::Note(prompt::undo(*redone, files, *more))),
        _ => None,
    });
    told.collect()
}

/// The transcript with at most `tokens`: the summary before it, what the user said, and as much of the end as there is room for.
/// `None` where there is room for nothing.
pub(super) fn within(before: Option<&str>, told: &[Told], tokens: u64) -> Option<String> {
    if tokens < LEAST {
        return None;
    }
    let mut left = tokens - LEAST / 2;
    let before = before.map(|text| format!("[An earlier summary:]\n{}", excerpt(text, left / 3)));
    left -= before
        .as_ref()
        .map_or(0, |text| text_tokens(text) + 1)
        .min(left);

    let texts: Vec<String> = told.iter().map(Told::text).collect();
    let mut chosen = vec![false; told.len()];
    // Each may stand alone between two gaps.
    let gap = text_tokens(GAP) + 1;
    let mut choose = |wanted: &dyn Fn(&Told) -> bool, most: u64, extra: u64| {
        let mut room = most;
        for ((entry, text), chosen) in told.iter().zip(&texts).zip(&mut chosen).rev() {
            if !wanted(entry) {
                continue;
            }
            let Some(rest) = room.checked_sub(text_tokens(text) + 1 + extra) else {
                break;
            };
            room = rest;
            *chosen = true;
        }
        most - room
    };
    let is_user = |entry: &Told| matches!(entry, Told::User(_));
    left -= choose(&is_user, left / 2, gap);
    choose(&|entry| !is_user(entry), left, 0);

    // Messages of the user that are left out among what the agent did cost gaps that were not counted: the oldest gives way.
    let mut text = joined(before.as_deref(), &texts, &chosen);
    while text_tokens(&text) > tokens {
        let agents = (0..told.len()).find(|at| chosen[*at] && !is_user(&told[*at]));
        let oldest = agents.or_else(|| chosen.iter().position(|chosen| *chosen))?;
        chosen[oldest] = false;
        text = joined(before.as_deref(), &texts, &chosen);
    }
    Some(text)
}

/// What was chosen, with one gap for each run that was not.
fn joined(before: Option<&str>, texts: &[String], chosen: &[bool]) -> String {
    let mut parts: Vec<&str> = before.into_iter().collect();
    for (text, chosen) in texts.iter().zip(chosen) {
        if *chosen {
            parts.push(text);
        } else if parts.last() != Some(&GAP) {
            parts.push(GAP);
        }
    }
    parts.join("\n\n")
}

/// The transcript as the model gets it.
pub(super) fn framed(transcript: &str) -> String {
    format!("The chat:\n\n{transcript}\n\nEnd of the chat. Write the summary now.")
}

impl Told {
    fn text(&self) -> String {
        match self {
            Self::User(text) => format!("User: {}", excerpt(text, OF_USER)),
            Self::Agent(text) => format!("Agent: {}", excerpt(text, OF_ANSWER)),
            Self::Note(text) => text.clone(),
            Self::Call(line, output) if output.is_empty() => format!("Call: {line}"),
            Self::Call(line, output) => format!("Call: {line}\n{}", excerpt(output, OF_RESULT)),
        }
    }
}
