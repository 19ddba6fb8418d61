//! What of the model's text is answer, what is reasoning, and where it ends. Marks may come in pieces.

use nexus_calls::THOUGHT;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Thinking(String),
}

/// Sorts one answer.
#[derive(Debug)]
pub(crate) struct Sieve {
    stops: Vec<String>,
    state: State,
    /// What may be the beginning of a mark.
    held: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing but white space came: a thought may begin. Later the same mark is part of an answer about such marks.
    Beginning,
    Thinking,
    Answering,
    Stopped,
}

impl Sieve {
    /// Stops at the first of `stops`. `thinks` where the model marks its reasoning, `is_thinking` where its prompt has opened a
    /// thought already.
    pub(crate) fn new(stops: Vec<String>, thinks: bool, is_thinking: bool) -> Self {
        let state = match (thinks, is_thinking) {
            (_, true) => State::Thinking,
            (true, false) => State::Beginning,
            (false, false) => State::Answering,
        };
        Self {
            stops,
            state,
            held: String::new(),
        }
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.state == State::Stopped
    }

    pub(crate) fn is_thinking(&self) -> bool {
        self.state == State::Thinking
    }

    /// What is certain with `text`.
    pub(crate) fn push(&mut self, text: &str) -> Vec<Piece> {
        self.held.push_str(text);
        let mut pieces = Vec::new();
        while let Some((at, mark)) = self.next_mark() {
            let before: String = self.held.drain(..at).collect();
            self.held.drain(..mark.len());
            self.put(before, &mut pieces);
            self.state = match self.state {
                _ if self.stops.contains(&mark) => State::Stopped,
                State::Beginning => State::Thinking,
                _ => State::Answering,
            };
        }
        if self.has_stopped() {
            self.held.clear();
            return pieces;
        }
        let waits = self.held.len() - self.possible_mark();
        let certain: String = self.held.drain(..waits).collect();
        self.put(certain, &mut pieces);
        pieces
    }

    /// What is held when nothing follows.
    pub(crate) fn finish(&mut self) -> Vec<Piece> {
        let held = std::mem::take(&mut self.held);
        let mut pieces = Vec::new();
        self.put(held, &mut pieces);
        pieces
    }

    fn put(&mut self, text: String, pieces: &mut Vec<Piece>) {
        if text.is_empty() {
            return;
        }
        match self.state {
            State::Thinking => pieces.push(Piece::Thinking(text)),
            State::Beginning if text.trim().is_empty() => pieces.push(Piece::Text(text)),
            State::Beginning | State::Answering => {
                self.state = State::Answering;
                pieces.push(Piece::Text(text));
            }
            State::Stopped => {}
        }
    }

    /// Marks that mean something now.
    fn marks(&self) -> impl Iterator<Item = &str> {
        let thought = match self.state {
            State::Beginning => Some(THOUGHT.0),
            State::Thinking => Some(THOUGHT.1),
            State::Answering | State::Stopped => None,
        };
        let is_open = !self.has_stopped();
        let stops = self.stops.iter().filter(move |_| is_open);
        stops.map(String::as_str).chain(thought)
    }

    /// The first mark in what is held. A thought can begin only where nothing stands before it.
    fn next_mark(&self) -> Option<(usize, String)> {
        self.marks()
            .filter_map(|mark| self.held.find(mark).map(|at| (at, mark)))
            .filter(|(at, mark)| *mark != THOUGHT.0 || self.held[..*at].trim().is_empty())
            .min_by_key(|(at, _)| *at)
            .map(|(at, mark)| (at, mark.to_owned()))
    }

    /// Bytes at the end of what is held that may be the beginning of a mark.
    fn possible_mark(&self) -> usize {
        self.marks()
            .filter_map(|mark| {
                (1..mark.len()).rev().find(|&bytes| {
                    mark.is_char_boundary(bytes) && self.held.ends_with(&mark[..bytes])
                })
            })
            .max()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sift(mut sieve: Sieve, parts: &[&str]) -> (String, String, bool) {
        let mut pieces: Vec<Piece> = Vec::new();
        for part in parts {
            pieces.extend(sieve.push(part));
        }
        let stopped = sieve.has_stopped();
        pieces.extend(sieve.finish());
        let (mut text, mut thinking) = (String::new(), String::new());
        for piece in pieces {
            match piece {
                Piece::Text(more) => text.push_str(&more),
                Piece::Thinking(more) => thinking.push_str(&more),
            }
        }
        (text, thinking, stopped)
    }

    fn ending(parts: &[&str]) -> (String, String, bool) {
        sift(Sieve::new(vec!["<|end|>".to_owned()], false, false), parts)
    }

    fn thinking(parts: &[&str]) -> (String, String, bool) {
        sift(Sieve::new(vec!["<|end|>".to_owned()], true, false), parts)
    }

    fn is(text: &str, thinking: &str, stopped: bool) -> (String, String, bool) {
        (text.to_owned(), thinking.to_owned(), stopped)
    }

    #[test]
    fn an_answer_ends_at_its_stop_string_however_it_is_cut() {
        assert_eq!(ending(&["Yes.<|end|> more"]), is("Yes.", "", true));
        assert_eq!(
            ending(&["Yes.<", "|e", "nd|", "> more", "x"]),
            is("Yes.", "", true)
        );
    }

    #[test]
    fn what_only_looks_like_a_mark_is_told() {
        assert_eq!(
            ending(&["a <", "b> <|en", "ter|>"]),
            is("a <b> <|enter|>", "", false)
        );
        assert_eq!(
            ending(&["it ends with <|e"]),
            is("it ends with <|e", "", false)
        );
        assert_eq!(ending(&["<|e", "<|end|>"]), is("<|e", "", true));
    }

    #[test]
    fn nothing_is_held_without_need() {
        let mut sieve = Sieve::new(vec!["<|end|>".to_owned()], true, false);
        assert_eq!(sieve.push("Hello"), [Piece::Text("Hello".to_owned())]);
        assert_eq!(sieve.push(" <"), [Piece::Text(" ".to_owned())]);
        assert_eq!(sieve.push("b"), [Piece::Text("<b".to_owned())]);
    }

    #[test]
    fn reasoning_is_told_apart() {
        assert_eq!(
            thinking(&["<thi", "nk>\nwell", "</", "think>", "Yes."]),
            is("Yes.", "\nwell", false)
        );
        let opened = Sieve::new(Vec::new(), true, true);
        assert_eq!(
            sift(opened, &["well</think>Yes."]),
            is("Yes.", "well", false)
        );
        assert_eq!(
            thinking(&["<think>without end"]),
            is("", "without end", false)
        );
        assert_eq!(thinking(&["<think>a<|end|>b"]), is("", "a", true));
    }

    #[test]
    fn a_mark_within_an_answer_is_part_of_it() {
        assert_eq!(
            thinking(&["The tag <think> opens, </think> closes."]),
            is("The tag <think> opens, </think> closes.", "", false)
        );
        assert_eq!(
            thinking(&["<think>a</think>b<think>c"]),
            is("b<think>c", "a", false)
        );
    }

    proptest! {
        #[test]
        fn cuts_do_not_change_what_comes_out(
            words in proptest::collection::vec(
                prop_oneof!["[a-z<|> é]{0,4}", Just("<think>".to_owned()), Just("</think>".to_owned()), Just("<|end|>".to_owned())],
                0..12,
            ),
            cut in 1_usize..6,
        ) {
            let whole = words.concat();
            let letters: Vec<char> = whole.chars().collect();
            let parts: Vec<String> = letters.chunks(cut).map(|part| part.iter().collect()).collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            prop_assert_eq!(thinking(&parts), thinking(&[&whole]));
        }
    }
}
