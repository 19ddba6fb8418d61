//! What was said so far in few words.
//!
//! Owns what a summary is made of: the model's words under fixed headings, and the list of files, which is never left to a model.
//! All of it is pure. Refuses to decide when a summary is due ([`crate::context`] does) and to ask a model (the turn does).

mod files;
mod record;
mod transcript;

use nexus_protocol::{Capability, ChatMessage, ChatRequest, ItemBody};

use crate::{
    context::{
        self, ContextInput, Cover, Reason, Room,
        estimate::{excerpt, message_tokens, text_tokens},
        user_text,
    },
    prompt,
};

/// Tokens of a summary's words, at most.
const MOST: u64 = 2000;
/// And at least, where the room is very small.
const LEAST: u64 = 64;
/// Tokens of the list of files, at most.
const MOST_FILES: u64 = 1500;

/// A summary that is about to be made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// What to ask the model; `None` where it cannot be asked within its context.
    pub(crate) request: Option<ChatRequest>,
    cover: Cover,
    /// Tokens of the words, at most.
    most: u64,
    /// Files read and changed, as the summary ends.
    files: String,
    /// What the summary says where the model says nothing.
    record: String,
}

/// What to do where what was said should give way; `None` where that would gain nothing. `capability` tells what a tool may do.
pub(crate) fn plan(
    input: &ContextInput<'_>,
    reason: Reason,
    capability: &dyn Fn(&str) -> Option<Capability>,
) -> Option<Plan> {
    let cover = context::cover(input, reason)?;
    let room = Room::of(input);
    let most = (room.history() / 8).clamp(LEAST, MOST);
    let before = context::summary(input.items);
    let told = transcript::told(input.items, before.map(|it| it.through), cover.through);
    let before = before.map(|it| files::without(it.text));
    Some(Plan {
        request: request(room, before, &told, most),
        record: record::record(before, &told, most),
        files: files::list(
            input.items.iter().filter(|it| it.position <= cover.through),
            capability,
            (room.history() / 10).min(MOST_FILES),
        ),
        cover,
        most,
    })
}

impl Plan {
    /// The item of the summary; `words` are the model's.
    pub(crate) fn body(&self, words: Option<&str>) -> ItemBody {
        let words = words.map_or_else(|| self.record.clone(), |it| excerpt(it.trim(), self.most));
        let parts = [words, self.files.clone()];
        let parts: Vec<String> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        let text = parts.join("\n\n");
        ItemBody::Compaction {
            tokens_after: text_tokens(&text),
            tokens_before: self.cover.tokens,
            through: self.cover.through,
            text,
            undone: false,
        }
    }
}

/// Asks for a summary of `most` tokens. No tools, and no roles: what was said is material here.
fn request(
    room: Room,
    before: Option<&str>,
    told: &[transcript::Told],
    most: u64,
) -> Option<ChatRequest> {
    let system = ChatMessage::System {
        // Most languages have about two tokens in three words, or fewer words a token.
        text: prompt::summarize(most * 3 / 5),
    };
    let around = message_tokens(&system) + message_tokens(&user_text(&transcript::framed("")));
    let left = room.request().checked_sub(around)?;
    let text = transcript::within(before, told, left)?;
    Some(ChatRequest {
        messages: vec![system, user_text(&transcript::framed(&text))],
        tools: Vec::new(),
        // A model that thinks aloud needs more than the summary has.
        max_output_tokens: Some(u32::try_from(room.answer).unwrap_or(u32::MAX).max(1)),
        temperature: None,
        ..ChatRequest::default()
    })
}

#[cfg(test)]
mod tests;
