//! What a new summary would stand for.
//!
//! Owns where the history is divided: the newest message of the user and the last steps stay word for word.

use super::{
    ContextInput, Room,
    estimate::message_tokens,
    history::{self, TurnHistory},
    opening, reading, room,
};

/// Steps that stay when it gets tight, at most.
const KEPT_STEPS: usize = 3;
/// Tokens below which a summary would be no shorter.
const LEAST: u64 = 100;

/// Why a summary is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It gets tight.
    Crowded,
    /// The user wants it.
    Asked,
}

/// The part of the history that gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cover {
    /// The position of its last item.
    pub(crate) through: u32,
    /// Its tokens in a request, estimated, with the summary before it.
    pub(crate) tokens: u64,
}

/// What should give way; `None` where that is not worth a model call.
pub(crate) fn cover(input: &ContextInput<'_>, reason: Reason) -> Option<Cover> {
    let space = Room::of(input);
    let mut turns = history::turns(input.items, &reading(input, space));
    let before: u64 = opening(input.items, space.history())
        .iter()
        .map(message_tokens)
        .sum();
    room::let_go(&mut turns, before, space);
    let (kept_steps, kept_tokens, least) = match reason {
        Reason::Crowded => {
            let beside = space.history().saturating_sub(turns.last()?.user_tokens());
            (KEPT_STEPS, beside / 10 * 3, space.history() / 8)
        }
        Reason::Asked => (1, u64::MAX, 0),
    };
    let from = kept_from(&turns, kept_steps, kept_tokens)?;
    let newest = turns.last()?.user_at;
    let given = turns.iter().map(|turn| {
        let steps = turn.steps.iter().filter(|step| step.first < from);
        let steps: u64 = steps.map(|step| step.tokens()).sum();
        let stays = turn.user_at >= from.min(newest)
            || turn.steps.last().is_some_and(|step| step.first >= from);
        steps + if stays { 0 } else { turn.user_tokens() }
    });
    let given: u64 = given.sum();
    let positions = input.items.iter().map(|item| item.position);
    let through = positions.filter(|position| *position < from).max()?;
    (given >= least.max(LEAST)).then_some(Cover {
        through,
        tokens: given + before,
    })
}

/// The position of the first item that stays.
fn kept_from(turns: &[TurnHistory], most_steps: usize, most_tokens: u64) -> Option<u32> {
    let (newest, older) = turns.split_last()?;
    let mut from = newest.user_at;
    let (mut count, mut tokens) = (0, 0_u64);
    for step in newest.steps.iter().rev() {
        tokens = tokens.saturating_add(step.tokens());
        // The last step of the running turn is what the model works on.
        if count > 0 && (count == most_steps || tokens > most_tokens) {
            return Some(from);
        }
        count += 1;
        from = step.first;
    }
    for turn in older.iter().rev() {
        // A step of an older turn brings the message that it answers.
        tokens = tokens.saturating_add(turn.user_tokens());
        for step in turn.steps.iter().rev() {
            tokens = tokens.saturating_add(step.tokens());
            if count == most_steps || tokens > most_tokens {
                return Some(from);
            }
            count += 1;
            from = step.first;
        }
    }
    Some(from)
}
