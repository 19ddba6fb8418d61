//! Items as turns and steps: the pieces that a request keeps or leaves out as a whole.
//!
//! Owns which items are read at all: what a summary stands for is not. Refuses to know how much room there is.

use std::collections::HashMap;

use nexus_protocol::{Attachment, ChatMessage, Item, ItemBody, TurnId, UserPart};

use super::{
    call::UniqueIds,
    estimate::message_tokens,
    step::{Reading, Step},
};
use crate::prompt;

/// A turn: the user's message and what came of it.
pub(super) struct TurnHistory {
    /// The position of the user's message.
    pub(super) user_at: u32,
    user: ChatMessage,
    pub(super) steps: Vec<Step>,
    /// Follows a turn that ended in a tool's result.
    closing: Option<ChatMessage>,
}

/// The summary that counts: the newest that was not taken back.
#[derive(Clone, Copy)]
pub(crate) struct Summary<'a> {
    pub(crate) text: &'a str,
    /// The position of the last item that it stands for.
    pub(crate) through: u32,
}

/// The summary that stands for the beginning of `items`.
pub(crate) fn summary(items: &[Item]) -> Option<Summary<'_>> {
    items.iter().rev().find_map(|item| match &item.body {
        ItemBody::Compaction {
            text,
            through,
            undone: false,
            ..
        } => Some(Summary {
            text,
            through: *through,
        }),
        _ => None,
    })
}

/// The turns that a user's message began, oldest first, without what a summary stands for. A user's message stays as long as
/// something of its turn does, and the newest always: it is the task.
pub(super) fn turns(items: &[Item], reading: &Reading<'_>) -> Vec<TurnHistory> {
    let through = summary(items).map(|summary| summary.through);
    let is_covered = |position: u32| through.is_some_and(|through| position <= through);
    let mut ids = UniqueIds::default();
    let mut by_turn: HashMap<TurnId, Vec<&Item>> = HashMap::new();
    let mut users = Vec::new();
    for item in items {
        if let ItemBody::User { text, attachments } = &item.body {
            users.push((item, user(text, attachments, reading.model.images)));
        } else if !is_covered(item.position) {
            by_turn.entry(item.turn).or_default().push(item);
        }
    }
    let count = users.len();
    let turns = users
        .into_iter()
        .enumerate()
        .filter_map(|(index, (item, user))| {
            let newest = index + 1 == count;
            let items = by_turn.remove(&item.turn).unwrap_or_default();
            let steps = steps(&items, reading, newest, &mut ids);
            if is_covered(item.position) && steps.is_empty() && !newest {
                return None;
            }
            let ends_in_result = matches!(
                steps.last().and_then(Step::last_message),
                Some(ChatMessage::Tool { .. })
            );
            let closing = (ends_in_result && !newest).then(|| ChatMessage::Assistant {
                text: prompt::STOPPED.to_owned(),
                tool_calls: Vec::new(),
            });
            Some(TurnHistory {
                user_at: item.position,
                user,
                steps,
                closing,
            })
        });
    turns.collect()
}

fn steps(items: &[&Item], reading: &Reading<'_>, newest: bool, ids: &mut UniqueIds) -> Vec<Step> {
    let mut steps: Vec<(u32, Vec<&Item>)> = Vec::new();
    for item in items {
        match steps.iter_mut().rfind(|(step, _)| *step == item.step) {
            Some((_, items)) => items.push(item),
            None => steps.push((item.step, vec![item])),
        }
    }
    steps.sort_by_key(|(step, _)| *step);
    let mut read: Vec<Step> = Vec::new();
    for (_, items) in &steps {
        let after = read.last().and_then(Step::last_message);
        let note = Step::note(items, after);
        read.extend(note.or_else(|| Step::of(items, reading, newest, ids)));
    }
    read
}

impl TurnHistory {
    /// Whether the model's last message is text: an answer that is to be continued, in the newest turn.
    pub(super) fn ends_in_text(&self) -> bool {
        let said = self.steps.iter().rfind(|step| !step.is_note);
        matches!(
            said.and_then(Step::last_message),
            Some(ChatMessage::Assistant { .. })
        )
    }

    pub(super) fn user_tokens(&self) -> u64 {
        message_tokens(&self.user)
    }

    pub(super) fn step_tokens(&self) -> u64 {
        self.steps.iter().map(Step::tokens).sum()
    }

    pub(super) fn closing_tokens(&self) -> u64 {
        self.closing.as_ref().map_or(0, message_tokens)
    }

    pub(super) fn tokens(&self) -> u64 {
        self.user_tokens() + self.step_tokens() + self.closing_tokens()
    }

    /// Tokens of tools' results.
    pub(super) fn files(&self) -> u64 {
        self.steps.iter().map(Step::files).sum()
    }

    pub(super) fn into_messages(self) -> impl Iterator<Item = ChatMessage> {
        std::iter::once(self.user)
            .chain(self.steps.into_iter().flat_map(Step::into_messages))
            .chain(self.closing)
    }
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
