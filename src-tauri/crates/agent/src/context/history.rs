//! Items as turns and steps: the pieces that a request keeps or leaves out as a whole.
//!
//! Owns how an item reads to a model. Refuses to know how much room there is.

use std::collections::{HashMap, HashSet};

use nexus_protocol::{
    Attachment, ChatMessage, Item, ItemBody, ItemStatus, ModelInfo, ToolCallRequest, TurnId,
    UserPart,
};
use serde_json::Value;

use super::estimate::{message_tokens, prefix_within, text_tokens};
use crate::prompt;

/// A turn: the user's message and what came of it.
pub(super) struct TurnHistory {
    user: ChatMessage,
    pub(super) steps: Vec<Step>,
    /// Follows a turn that ended in a tool's result.
    closing: Option<ChatMessage>,
}

/// One model call: an assistant message and the results of its calls.
pub(super) struct Step {
    messages: Vec<ChatMessage>,
}

/// The turns that a user's message began, oldest first.
pub(super) fn turns(items: &[Item], model: &ModelInfo) -> Vec<TurnHistory> {
    let mut ids = UniqueIds::default();
    let mut turns: Vec<(TurnId, TurnHistory)> = Vec::new();
    let mut by_turn: HashMap<TurnId, Vec<&Item>> = HashMap::new();
    for item in items {
        by_turn.entry(item.turn).or_default().push(item);
        if let ItemBody::User { text, attachments } = &item.body {
            let user = user(text, attachments, model.images);
            let turn = TurnHistory {
                user,
                steps: Vec::new(),
                closing: None,
            };
            turns.push((item.turn, turn));
        }
    }
    let count = turns.len();
    for (index, (id, turn)) in turns.iter_mut().enumerate() {
        let mut steps: Vec<(u32, Vec<&Item>)> = Vec::new();
        for item in by_turn.remove(id).unwrap_or_default() {
            match steps.iter_mut().find(|(step, _)| *step == item.step) {
                Some((_, items)) => items.push(item),
                None => steps.push((item.step, vec![item])),
            }
        }
        steps.sort_by_key(|(step, _)| *step);
        let steps = steps.iter().filter_map(|(_, items)| {
            if model.tools {
                step(items, &mut ids)
            } else {
                step_in_words(items)
            }
        });
        turn.steps = steps.collect();
        let ends_in_result = turn
            .steps
            .last()
            .is_some_and(|step| matches!(step.messages.last(), Some(ChatMessage::Tool { .. })));
        if ends_in_result && index + 1 < count {
            turn.closing = Some(assistant(prompt::STOPPED.to_owned(), Vec::new()));
        }
    }
    turns.into_iter().map(|(_, turn)| turn).collect()
}

impl TurnHistory {
    /// Whether the last message is the assistant's: an answer that is to be continued, in the newest turn.
    pub(super) fn ends_in_text(&self) -> bool {
        self.steps
            .last()
            .is_some_and(|step| matches!(step.messages.last(), Some(ChatMessage::Assistant { .. })))
    }

    pub(super) fn user_tokens(&self) -> u64 {
        message_tokens(&self.user)
    }

    pub(super) fn step_tokens(&self) -> u64 {
        self.steps.iter().map(Step::tokens).sum()
    }

    pub(super) fn tokens(&self) -> u64 {
        self.user_tokens() + self.step_tokens() + self.closing.as_ref().map_or(0, message_tokens)
    }

    pub(super) fn into_messages(self) -> impl Iterator<Item = ChatMessage> {
        std::iter::once(self.user)
            .chain(self.steps.into_iter().flat_map(|step| step.messages))
            .chain(self.closing)
    }
}

impl Step {
    fn tokens(&self) -> u64 {
        self.messages.iter().map(message_tokens).sum()
    }

    /// Cuts the tool results, each to an equal share, so that the step has at most `room` tokens. Whether it could.
    pub(super) fn cut(&mut self, room: u64) -> bool {
        let contents = |message: &ChatMessage| match message {
            ChatMessage::Tool { content, .. } => text_tokens(content),
            _ => 0,
        };
        let results: u64 = self.messages.iter().map(contents).sum();
        let count = self
            .messages
            .iter()
            .filter(|message| matches!(message, ChatMessage::Tool { .. }))
            .count() as u64;
        let rest = self.tokens() - results;
        let Some(share) = room.checked_sub(rest).and_then(|it| it.checked_div(count)) else {
            return false;
        };
        for message in &mut self.messages {
            if let ChatMessage::Tool { content, .. } = message {
                *content = head_within(content, share);
            }
        }
        self.tokens() <= room
    }
}

/// The beginning of `text`, at most `tokens` by estimate, with a word about the cut.
fn head_within(text: &str, tokens: u64) -> String {
    const CUT: &str = "… (cut to fit the model)";
    if text_tokens(text) <= tokens {
        return text.to_owned();
    }
    let Some(room) = tokens.checked_sub(text_tokens(CUT) + 1) else {
        return String::new();
    };
    let end = prefix_within(text, room);
    format!("{}{CUT}", text.get(..end).unwrap_or_default())
}

fn user(text: &str, attachments: &[Attachment], images: bool) -> ChatMessage {
    let mut words = text.to_owned();
    let mut parts = Vec::new();
    for attachment in attachments {
        if images {
            parts.push(UserPart::Image {
                image: attachment.image.clone(),
            });
        } else {
            let name: String = attachment.name.chars().take(100).collect();
            words.push_str(&format!(
                "\n\n[The image “{name}” was attached here, but this model cannot see images.]"
            ));
        }
    }
    let words = words.trim();
    if !words.is_empty() {
        parts.insert(
            0,
            UserPart::Text {
                text: words.to_owned(),
            },
        );
    }
    ChatMessage::User { parts }
}

fn assistant(text: String, tool_calls: Vec<ToolCallRequest>) -> ChatMessage {
    ChatMessage::Assistant { text, tool_calls }
}

/// The words of a step: all its assistant text that did not fail.
fn said(items: &[&Item]) -> String {
    items
        .iter()
        .filter(|item| item.status != ItemStatus::Failed)
        .filter_map(|item| match &item.body {
            ItemBody::Assistant { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// A call as a model should read it again.
struct Call<'a> {
    id: &'a str,
    name: String,
    arguments: String,
    result: String,
}

fn call(item: &Item) -> Option<Call<'_>> {
    let ItemBody::ToolCall {
        call_id,
        name,
        arguments,
        result,
        ..
    } = &item.body
    else {
        return None;
    };
    let is_object = matches!(serde_json::from_str(arguments), Ok(Value::Object(_)));
    if !is_object && item.status != ItemStatus::Complete {
        // It was broken off while the model wrote it: it never was a call.
        return None;
    }
    let mut result = result
        .as_ref()
        .map_or(prompt::CALL_INTERRUPTED, |result| result.output.as_str())
        .to_owned();
    // Some providers refuse a request whose history has arguments that are no JSON object. The model reads what it wrote
    // in the result instead.
    let arguments = if is_object {
        arguments.clone()
    } else {
        if !arguments.trim().is_empty() {
            let wrote: String = arguments.chars().take(200).collect();
            result.push_str(&format!("\nYou wrote: {wrote}"));
        }
        "{}".to_owned()
    };
    Some(Call {
        id: call_id,
        name: tool_name(name),
        arguments,
        result,
    })
}

/// A name that providers take: `[A-Za-z0-9_-]{1,64}`.
fn tool_name(name: &str) -> String {
    let name: String = name
        .chars()
        .take(64)
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => c,
            _ => '_',
        })
        .collect();
    if name.is_empty() {
        "unknown".to_owned()
    } else {
        name
    }
}

/// A step for a model with tools; `None` where nothing of it is to be read.
fn step(items: &[&Item], ids: &mut UniqueIds) -> Option<Step> {
    let mut calls = Vec::new();
    let mut results = Vec::new();
    for call in items.iter().filter_map(|item| call(item)) {
        let id = ids.take(call.id);
        results.push(ChatMessage::Tool {
            call_id: id.clone(),
            name: call.name.clone(),
            content: call.result,
        });
        calls.push(ToolCallRequest {
            id,
            name: call.name,
            arguments: call.arguments,
        });
    }
    let mut text = said(items);
    if text.trim().is_empty() {
        // Some providers refuse a message of white space.
        text.clear();
        if calls.is_empty() {
            return None;
        }
    }
    let mut messages = vec![assistant(text, calls)];
    messages.extend(results);
    Some(Step { messages })
}

/// A step for a model without tools, whose template may know neither calls nor results: both in words.
fn step_in_words(items: &[&Item]) -> Option<Step> {
    let mut text = said(items);
    for call in items.iter().filter_map(|item| call(item)) {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&format!(
            "[The tool {} was called with {}. Its result: {}]\n\n",
            call.name, call.arguments, call.result
        ));
    }
    (!text.trim().is_empty()).then(|| Step {
        messages: vec![assistant(text, Vec::new())],
    })
}

/// Call ids are unique within one model call only; a request needs them unique in the whole.
#[derive(Default)]
struct UniqueIds {
    taken: HashSet<String>,
}

impl UniqueIds {
    fn take(&mut self, id: &str) -> String {
        let base = if id.is_empty() { "call" } else { id };
        let mut unique = base.to_owned();
        let mut number = 1_u32;
        while !self.taken.insert(unique.clone()) {
            number = number.saturating_add(1);
            unique = format!("{base}-{number}");
        }
        unique
    }
}
