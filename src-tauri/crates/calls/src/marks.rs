//! The marks around calls and thoughts, a family each.

use nexus_protocol::worker::CallFormat;

/// Around reasoning.
pub const THOUGHT: (&str, &str) = ("<think>", "</think>");

/// Ends of a turn, as templates write them.
pub const TURN_ENDS: [&str; 8] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<end_of_turn>",
    "</s>",
];

/// Between a call's name and its arguments, where they stand apart.
pub(crate) const ARGUMENTS: &str = "[ARGS]";
/// Between a call's name and its id, in some models before [`ARGUMENTS`].
pub(crate) const CALL_ID: &str = "[CALL_ID]";

/// A mark that opens calls, and the one that closes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) open: &'static str,
    /// Empty where nothing closes them.
    pub(crate) close: &'static str,
}

const TAGS: Marks = Marks {
    open: "<tool_call>",
    close: "</tool_call>",
};
const PHI: Marks = Marks {
    open: "<|tool_call|>",
    close: "<|/tool_call|>",
};
pub(crate) const LISTED: Marks = Marks {
    open: "[TOOL_CALLS]",
    close: "",
};
const PYTHON: Marks = Marks {
    open: "<|python_tag|>",
    close: "",
};

/// All that a reader looks for.
pub(crate) const ALL: [Marks; 4] = [TAGS, PHI, LISTED, PYTHON];

/// The marks of a family; `None` for bare JSON.
pub(crate) fn of(format: CallFormat) -> Option<Marks> {
    match format {
        CallFormat::Tags => Some(TAGS),
        CallFormat::Phi => Some(PHI),
        CallFormat::List | CallFormat::Named => Some(LISTED),
        CallFormat::Llama => Some(PYTHON),
        CallFormat::Bare => None,
    }
}

/// Marks that must be seen in an answer's text even where the vocabulary has them as single control tokens.
pub fn shown() -> impl Iterator<Item = &'static str> {
    let calls = ALL.into_iter().flat_map(|marks| [marks.open, marks.close]);
    calls
        .chain([THOUGHT.0, THOUGHT.1, ARGUMENTS, CALL_ID])
        .filter(|mark| !mark.is_empty())
}
