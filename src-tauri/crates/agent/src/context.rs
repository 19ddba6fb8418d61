//! What of a session's history goes to a model.
//!
//! Owns the shape of a request: pure functions from items to a [`ChatRequest`] that is always valid and always within
//! the model's context. Roles alternate (system first, then a user message; assistant and user in turn, a tool message only
//! after the call it answers); thinking, notices and what failed are left out; an answer that was broken off keeps its text;
//! each call has its result. Refuses to read anything but its input.
//!
//! **When it gets tight**, in this order: results of old calls give way to a line each ([`room`]); a summary stands for
//! the older part of the history (made by [`crate::compaction`], read here); and at last, where no summary could be made, the
//! oldest turns and steps are left out.
//!
//! **Going on with a broken answer.** Where the newest turn ends in assistant text, that text stays as an assistant
//! message and a user message asks for the rest ([`prompt::CONTINUE`]). The alternative, ending the request with the assistant
//! message ("prefill"), is refused by many providers. The rest becomes an item of its own; in later requests both texts are
//! one assistant message again, and the instruction is not in it.

mod call;
mod cover;
pub(crate) mod estimate;
mod history;
mod room;
mod step;

use nexus_protocol::{ChatMessage, ChatRequest, ContextUse, Item, ModelInfo, ToolSpec, UserPart};

use self::{
    estimate::{excerpt, message_tokens},
    history::TurnHistory,
    step::Reading,
};
use crate::prompt;

pub(crate) use self::{
    call::in_a_line,
    cover::{Cover, Reason, cover},
    history::summary,
    room::Room,
};

/// What a request is made of.
pub(crate) struct ContextInput<'a> {
    /// The session, by position. The newest turn is the one of the last user item.
    pub(crate) items: &'a [Item],
    /// The system message.
    pub(crate) system: &'a str,
    /// Tools the model may call; empty where it takes none.
    pub(crate) tools: &'a [ToolSpec],
    /// Who will read it.
    pub(crate) model: &'a ModelInfo,
}

/// A request and what did not fit in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Built {
    pub(crate) request: ChatRequest,
    /// What fills it.
    pub(crate) context: ContextUse,
    /// Letting old results go is no longer enough: it is time to put what was said into few words.
    pub(crate) crowded: bool,
    /// Whole turns left out, oldest first.
    pub(crate) dropped_turns: usize,
    /// Steps of the newest turn left out, oldest first; only after all older turns.
    pub(crate) dropped_steps: usize,
}

/// The newest message, or what must go with it, does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong {
    /// Tokens, estimated; room for the answer included.
    pub(crate) needed: u64,
    /// The model's context, tokens.
    pub(crate) limit: u64,
}

/// Builds the request of the next model call.
///
/// # Errors
/// [`TooLong`] where the newest user message alone does not fit, or the newest step with its results cut.
pub(crate) fn build(input: &ContextInput<'_>) -> Result<Built, TooLong> {
    // A summary helps; it must not be what makes a request impossible.
    built(input, true).or_else(|_| built(input, false))
}

fn built(input: &ContextInput<'_>, with_summary: bool) -> Result<Built, TooLong> {
    let room = Room::of(input);
    let too_long = |tokens: u64| TooLong {
        needed: tokens.saturating_add(room.answer),
        limit: room.limit,
    };

    let mut turns = history::turns(input.items, &reading(input, room));
    let Some(newest) = turns.last() else {
        // Nothing was said: nothing to ask a model.
        return Err(too_long(0));
    };
    let instruction = newest.ends_in_text().then(|| user_text(prompt::CONTINUE));
    let instruction_tokens = instruction.as_ref().map_or(0, message_tokens);
    let needed = newest.user_tokens() + instruction_tokens;
    let fixed = room.instructions + room.tools + needed;
    if fixed > room.request() {
        return Err(too_long(fixed));
    }
    let opening = if with_summary {
        opening(input.items, room.history() - needed)
    } else {
        Vec::new()
    };
    let opening_tokens: u64 = opening.iter().map(message_tokens).sum();
    let filled = room::let_go(&mut turns, opening_tokens + instruction_tokens, room);

    let left = room.history() - needed - opening_tokens;
    let Some(Kept {
        turns,
        dropped_turns,
        dropped_steps,
    }) = keep(turns, left)
    else {
        return Err(too_long(room.instructions + room.tools + filled));
    };

    let files = turns.iter().map(TurnHistory::files).sum();
    let mut messages = vec![ChatMessage::System {
        text: input.system.to_owned(),
    }];
    let said = turns.into_iter().flat_map(TurnHistory::into_messages);
    for message in opening.into_iter().chain(said).chain(instruction) {
        push(&mut messages, message);
    }
    let all: u64 = messages.iter().map(message_tokens).sum();
    Ok(Built {
        context: ContextUse {
            limit: input.model.context_tokens.map_or(0, u64::from),
            instructions: room.instructions,
            tools: room.tools,
            files,
            history: all.saturating_sub(room.instructions + files),
        },
        crowded: room.is_crowded(filled),
        request: ChatRequest {
            messages,
            tools: input.tools.to_vec(),
            max_output_tokens: None,
            temperature: None,
            ..ChatRequest::default()
        },
        dropped_turns,
        dropped_steps,
    })
}

/// What of the turns is in a request.
struct Kept {
    /// Oldest first.
    turns: Vec<TurnHistory>,
    dropped_turns: usize,
    dropped_steps: usize,
}

/// The newest of `turns` that fit into `left` tokens, the newest message not counted: the last resort, when letting go of results
/// was not enough and no summary could be made. `None` where not even the newest step fits.
fn keep(mut turns: Vec<TurnHistory>, mut left: u64) -> Option<Kept> {
    let mut newest = turns.pop()?;
    let mut dropped_steps = 0;
    while newest.steps.len() > 1 && newest.step_tokens() > left {
        newest.steps.remove(0);
        dropped_steps += 1;
    }
    if newest.step_tokens() > left && !newest.steps.first_mut()?.cut(left) {
        return None;
    }
    left -= newest.step_tokens();

    let mut kept = vec![newest];
    let mut dropped_turns = 0;
    if dropped_steps > 0 {
        dropped_turns = turns.len();
    } else {
        while let Some(turn) = turns.pop() {
            let tokens = turn.tokens();
            if tokens > left {
                dropped_turns = turns.len() + 1;
                break;
            }
            left -= tokens;
            kept.push(turn);
        }
    }
    kept.reverse();
    Some(Kept {
        turns: kept,
        dropped_turns,
        dropped_steps,
    })
}

fn reading<'a>(input: &ContextInput<'a>, room: Room) -> Reading<'a> {
    Reading {
        model: input.model,
        result_cap: room.result(),
    }
}

/// The summary of what was said before, with at most half of `left` tokens, and the word of the assistant that keeps it apart
/// from the user's own next message. Empty where there is no summary, or no room for one.
fn opening(items: &[Item], left: u64) -> Vec<ChatMessage> {
    let Some(summary) = summary(items) else {
        return Vec::new();
    };
    let read = ChatMessage::Assistant {
        text: prompt::SUMMARY_READ.to_owned(),
        tool_calls: Vec::new(),
    };
    let around = message_tokens(&user_text(&prompt::summary(""))) + message_tokens(&read);
    let text = excerpt(summary.text, (left / 2).saturating_sub(around));
    if text.is_empty() {
        return Vec::new();
    }
    vec![user_text(&prompt::summary(&text)), read]
}

/// Appends, and keeps roles alternating: messages of one role become one, and an assistant's word stands between a tool's
/// result and the user's next message. Never makes the whole longer than its parts were estimated.
fn push(messages: &mut Vec<ChatMessage>, message: ChatMessage) {
    match (messages.last_mut(), message) {
        (Some(ChatMessage::User { parts }), ChatMessage::User { parts: more }) => {
            for part in more {
                match (parts.last_mut(), part) {
                    (Some(UserPart::Text { text }), UserPart::Text { text: more }) => {
                        text.push_str("\n\n");
                        text.push_str(&more);
                    }
                    (_, part) => parts.push(part),
                }
            }
        }
        (
            Some(ChatMessage::Assistant { text, tool_calls }),
            ChatMessage::Assistant {
                text: more,
                tool_calls: calls,
            },
        ) if tool_calls.is_empty() => {
            text.push_str(&more);
            *tool_calls = calls;
        }
        (_, message) => messages.push(message),
    }
}

pub(crate) fn user_text(text: &str) -> ChatMessage {
    ChatMessage::User {
        parts: vec![UserPart::Text {
            text: text.to_owned(),
        }],
    }
}

#[cfg(test)]
pub(crate) mod tests;
