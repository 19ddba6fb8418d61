//! How much fits, and what gives way when it gets tight.
//!
//! Owns the thresholds. All is decided from the items alone, so that the same history gives the same request, after a restart
//! too.

use super::{
    ContextInput,
    estimate::{MESSAGE, text_tokens, tools_tokens},
    history::TurnHistory,
    step::Step,
};

/// Context of a model whose provider does not say. Generous: a request that a server would take must not be cut
/// by a guess; a server that does not take it says so.
const UNKNOWN_CONTEXT: u64 = 1_000_000;
/// Tokens kept free for the answer, at most; at most a quarter of the context.
const ANSWER: u64 = 4096;
/// Steps at the end that keep their results whatever happens.
const UNTOUCHED: usize = 3;

/// Tokens, all of them.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// What the model takes, its answer included.
    pub(super) limit: u64,
    /// Kept free for the answer.
    pub(crate) answer: u64,
    /// What every request begins with.
    pub(super) instructions: u64,
    pub(super) tools: u64,
}

impl Room {
    pub(crate) fn of(input: &ContextInput<'_>) -> Self {
        let limit = input.model.context_tokens;
        let limit = limit.map_or(UNKNOWN_CONTEXT, u64::from);
        let longest = input.model.max_output_tokens;
        let longest = longest.map_or(ANSWER, u64::from);
        Self {
            limit,
            answer: longest.min(ANSWER).min(limit / 4),
            instructions: MESSAGE + text_tokens(input.system),
            tools: tools_tokens(input.tools),
        }
    }

    /// For all that goes to the model.
    pub(crate) fn request(self) -> u64 {
        self.limit - self.answer
    }

    /// For what was said and done: the request without instructions and tools.
    pub(crate) fn history(self) -> u64 {
        self.request()
            .saturating_sub(self.instructions + self.tools)
    }

    /// For one result, at most.
    pub(super) fn result(self) -> u64 {
        self.history() / 4
    }

    /// Whether a history of so many tokens is to be put into few words.
    pub(super) fn is_crowded(self, tokens: u64) -> bool {
        tokens > self.history() / 5 * 4
    }
}

/// Lets go of old results where the history, with `besides` beside the turns, would fill more than about 70 % of `room`, down to
/// about half. Returns what the history has then.
///
/// It goes through the history as it grew, call by call: what was let go then stays let go, and what was not stays, until it is
/// full again. So the beginning of a request is the same from call to call but for a few of them, and is read from the cache.
pub(super) fn let_go(turns: &mut [TurnHistory], besides: u64, room: Room) -> u64 {
    let (high, low) = (room.history() / 10 * 7, room.history() / 2);
    let mut filled = besides;
    let mut spare: Vec<u64> = Vec::new();
    let mut gone = 0;
    let mut grow = |tokens: u64, step: Option<&Step>| {
        filled += tokens;
        spare.extend(step.map(Step::spare));
        if filled > high {
            while filled > low && gone + UNTOUCHED < spare.len() {
                filled -= spare.get(gone).copied().unwrap_or(0);
                gone += 1;
            }
        }
    };
    for turn in turns.iter() {
        grow(turn.user_tokens(), None);
        for step in &turn.steps {
            grow(step.tokens(), Some(step));
        }
        grow(turn.closing_tokens(), None);
    }
    let steps = turns.iter_mut().flat_map(|turn| &mut turn.steps);
    steps.take(gone).for_each(Step::let_go);
    filled
}
