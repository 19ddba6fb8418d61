//! What of a session's history goes to a model.
//!
//! Owns the shape of a request: pure functions from items to a [`ChatRequest`] that is always valid and always within
//! the model's context. Roles alternate (system first, then a user message; assistant and user in turn, a tool message only
//! after the call it answers); thinking, notices and what failed are left out; an answer that was broken off keeps its text;
//! each call has its result. Refuses to read anything but its input.
//!
//! **Going on with a broken answer.** Where the newest turn ends in assistant text, that text stays as an assistant
//! message and a user message asks for the rest ([`prompt::CONTINUE`]). The alternative, ending the request with the assistant
//! message ("prefill"), is refused by many providers. The rest becomes an item of its own; in later requests both texts are
//! one assistant message again, and the instruction is not in it.

mod estimate;
mod history;

use nexus_protocol::{ChatMessage, ChatRequest, Item, ModelInfo, ToolSpec, UserPart};

use self::{
    estimate::{MESSAGE, message_tokens, text_tokens, tools_tokens},
    history::TurnHistory,
};
use crate::prompt;

/// Context of a model whose provider does not say. Generous: a request that a server would take must not be cut
/// by a guess; a server that does not take it says so.
const UNKNOWN_CONTEXT: u64 = 1_000_000;
/// Tokens kept free for the answer, at most; at most a quarter of the context.
const ANSWER: u64 = 4096;

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
    let limit = input
        .model
        .context_tokens
        .map_or(UNKNOWN_CONTEXT, u64::from);
    let answer = input
        .model
        .max_output_tokens
        .map_or(ANSWER, u64::from)
        .min(ANSWER)
        .min(limit / 4);
    let room = limit - answer;
    let too_long = |tokens: u64| TooLong {
        needed: tokens.saturating_add(answer),
        limit,
    };

    let mut turns = history::turns(input.items, input.model);
    let Some(mut newest) = turns.pop() else {
        // Nothing was said: nothing to ask a model.
        return Err(too_long(0));
    };
    let instruction = newest.ends_in_text().then(|| user_text(prompt::CONTINUE));
    let fixed = MESSAGE
        + text_tokens(input.system)
        + tools_tokens(input.tools)
        + newest.user_tokens()
        + instruction.as_ref().map_or(0, message_tokens);
    if fixed > room {
        return Err(too_long(fixed));
    }
    let mut left = room - fixed;

    let mut dropped_steps = 0;
    while newest.steps.len() > 1 && newest.step_tokens() > left {
        newest.steps.remove(0);
        dropped_steps += 1;
    }
    let last = newest.step_tokens();
    if last > left {
        let fitted = newest.steps.first_mut().is_some_and(|step| step.cut(left));
        if !fitted {
            return Err(too_long(fixed.saturating_add(last)));
        }
    }
    left -= newest.step_tokens().min(left);

    let mut kept: Vec<TurnHistory> = vec![newest];
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

    let mut messages = vec![ChatMessage::System {
        text: input.system.to_owned(),
    }];
    for turn in kept.into_iter().rev() {
        for message in turn.into_messages() {
            push(&mut messages, message);
        }
    }
    if let Some(instruction) = instruction {
        push(&mut messages, instruction);
    }
    Ok(Built {
        request: ChatRequest {
            messages,
            tools: input.tools.to_vec(),
            max_output_tokens: None,
            temperature: None,
        },
        dropped_turns,
        dropped_steps,
    })
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

fn user_text(text: &str) -> ChatMessage {
    ChatMessage::User {
        parts: vec![UserPart::Text {
            text: text.to_owned(),
        }],
    }
}

#[cfg(test)]
mod tests;
