//! Finds tool calls in a local model's text as it comes, whichever family's form they have: a model fine-tuned from one
//! family may write as another. The engines' own parsers would take the first call only and hold the stream back meanwhile.

use crate::marks::{self, ARGUMENTS, CALL_ID, Marks};
use crate::repair::{self, Call};
use crate::span::Span;

/// A call longer than this is no call: it is given out as text.
const CALL_BYTES: usize = 1 << 20;
/// The same for a name that stands apart from its arguments, with its id.
const NAME_BYTES: usize = 256;

/// What a text was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words for the user.
    Text(String),
    /// A call.
    Call {
        /// Of the tool; it may not exist.
        name: String,
        /// JSON text. It may not parse where the model wrote none.
        arguments: String,
    },
}

/// Reads text as it comes. Gives out each call once it is whole, all other text as soon as it cannot be part of one.
#[derive(Debug)]
pub struct CallReader {
    tools: Vec<String>,
    held: String,
    state: State,
    found: bool,
}

#[derive(Debug)]
enum State {
    /// Nothing but white space came: a call without marks may begin.
    Beginning,
    Text,
    /// A call's object or list of them is coming; `None` where no mark opened it.
    Calls(Option<Marks>, Span),
    /// The arguments of a call whose name has come.
    Arguments(String, Span),
    /// Behind a call: its closing mark may come, or a further call.
    Behind(Option<Marks>),
}

/// What to do next.
enum Step {
    Go(State),
    /// More text is needed.
    Wait,
}

impl CallReader {
    /// `tools` are the names that a call without marks may have: other JSON is an answer.
    pub fn new(tools: Vec<String>) -> Self {
        Self {
            tools,
            held: String::new(),
            state: State::Beginning,
            found: false,
        }
    }

    /// Whether it found a call.
    pub fn found(&self) -> bool {
        self.found
    }

    /// Whether a call has begun and is not at its end.
    pub fn is_inside(&self) -> bool {
        matches!(self.state, State::Calls(..) | State::Arguments(..))
    }

    /// Takes text, gives what is certain.
    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        self.held.push_str(text);
        let mut pieces = Vec::new();
        loop {
            let state = std::mem::replace(&mut self.state, State::Text);
            let (state, step) = match state {
                State::Beginning => (State::Beginning, self.at_beginning()),
                State::Text => (State::Text, self.in_text(&mut pieces)),
                State::Calls(marks, mut span) => {
                    let step = self.in_calls(marks, &mut span, &mut pieces);
                    (State::Calls(marks, span), step)
                }
                State::Arguments(name, mut span) => {
                    let step = self.in_arguments(&name, &mut span, &mut pieces);
                    (State::Arguments(name, span), step)
                }
                State::Behind(marks) => (State::Behind(marks), self.behind(marks)),
            };
            match step {
                Step::Go(next) => self.state = next,
                Step::Wait => {
                    self.state = state;
                    return pieces;
                }
            }
        }
    }

    /// The answer is over: what was held back comes out. Where the model `stopped` by itself, a call that lacks no more than
    /// its end counts; one that was cut off does not, for what it would have become is not known.
    pub fn finish(&mut self, stopped: bool) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let held = std::mem::take(&mut self.held);
        match std::mem::replace(&mut self.state, State::Text) {
            State::Calls(marks, _) => {
                let calls = stopped.then(|| self.read(&held, marks)).flatten();
                match calls {
                    Some(calls) => self.put(calls, &mut pieces),
                    None => text_piece(&with_mark(marks, &held), &mut pieces),
                }
            }
            State::Arguments(name, _) if stopped => {
                let arguments = repair::completed(&held).unwrap_or(held);
                self.put(vec![Call { name, arguments }], &mut pieces);
            }
            State::Arguments(name, _) => text_piece(&format!("{name} {held}"), &mut pieces),
            State::Beginning | State::Text | State::Behind(_) => text_piece(&held, &mut pieces),
        }
        pieces
    }

    fn at_beginning(&self) -> Step {
        match self.held.trim_start() {
            "" => Step::Wait,
            text if !text.starts_with(['{', '[']) => Step::Go(State::Text),
            text => match bare(text) {
                Some(true) => Step::Go(State::Calls(None, Span::default())),
                Some(false) => Step::Go(State::Text),
                None => Step::Wait,
            },
        }
    }

    fn in_text(&mut self, pieces: &mut Vec<Piece>) -> Step {
        let first = marks::ALL
            .into_iter()
            .filter_map(|marks| Some((self.held.find(marks.open)?, marks)))
            .min_by_key(|(at, _)| *at);
        if let Some((at, marks)) = first {
            text_piece(&self.held[..at], pieces);
            self.held.drain(..at + marks.open.len());
            return Step::Go(State::Calls(Some(marks), Span::default()));
        }
        let give = self.held.len() - possible_mark(&self.held);
        text_piece(&self.held[..give], pieces);
        self.held.drain(..give);
        Step::Wait
    }

    fn in_calls(&mut self, marks: Option<Marks>, span: &mut Span, pieces: &mut Vec<Piece>) -> Step {
        let body = self.held.trim_start();
        if body.starts_with(['{', '[']) {
            return match span.end(&self.held) {
                Some(end) => match self.read(&self.held[..end], marks) {
                    Some(calls) => {
                        self.held.drain(..end);
                        self.put(calls, pieces);
                        Step::Go(State::Behind(marks))
                    }
                    None => self.give_up(marks, pieces),
                },
                None if self.held.len() > CALL_BYTES => self.give_up(marks, pieces),
                None => Step::Wait,
            };
        }
        if marks.is_some_and(|marks| marks == marks::LISTED) {
            if let Some((head, _)) = self.held.split_once(ARGUMENTS) {
                let name = head.split(CALL_ID).next().unwrap_or_default().trim();
                let (name, used) = (name.to_owned(), head.len() + ARGUMENTS.len());
                self.held.drain(..used);
                return Step::Go(State::Arguments(name, Span::default()));
            }
            if body.len() < NAME_BYTES {
                return Step::Wait;
            }
        } else if body.is_empty() {
            return Step::Wait;
        }
        self.give_up(marks, pieces)
    }

    fn in_arguments(&mut self, name: &str, span: &mut Span, pieces: &mut Vec<Piece>) -> Step {
        let body = self.held.trim_start();
        let end = if body.starts_with('{') {
            span.end(&self.held)
        } else if body.is_empty() {
            None
        } else {
            Some(0)
        };
        match end {
            None if self.held.len() <= CALL_BYTES => Step::Wait,
            None => {
                text_piece(&format!("{name} "), pieces);
                Step::Go(State::Text)
            }
            Some(end) => {
                let arguments = self.held[..end].trim().to_owned();
                self.held.drain(..end);
                let name = name.to_owned();
                self.put(vec![Call { name, arguments }], pieces);
                Step::Go(State::Behind(Some(marks::LISTED)))
            }
        }
    }

    fn behind(&mut self, marks: Option<Marks>) -> Step {
        let rest = self.held.trim_start();
        let space = self.held.len() - rest.len();
        if let Some(marks) = marks.filter(|marks| !marks.close.is_empty()) {
            if rest.starts_with(marks.close) {
                self.held.drain(..space + marks.close.len());
                return Step::Go(State::Text);
            }
            if marks.close.starts_with(rest) {
                return Step::Wait;
            }
        }
        // Some put several between one pair of marks.
        let more = rest.trim_start_matches([',', ';']).trim_start();
        match more.chars().next() {
            None => Step::Wait,
            Some('{') => {
                self.held.drain(..self.held.len() - more.len());
                Step::Go(State::Calls(marks, Span::default()))
            }
            Some(_) => Step::Go(State::Text),
        }
    }

    /// The calls in a whole text; `None` where it is something else.
    fn read(&self, text: &str, marks: Option<Marks>) -> Option<Vec<Call>> {
        let calls = repair::calls(text);
        if marks.is_some() {
            return calls.or_else(|| Some(vec![repair::salvaged(text)?]));
        }
        calls.filter(|calls| calls.iter().all(|call| self.tools.contains(&call.name)))
    }

    fn put(&mut self, calls: Vec<Call>, pieces: &mut Vec<Piece>) {
        self.found = true;
        pieces.extend(calls.into_iter().map(|call| Piece::Call {
            name: call.name,
            arguments: call.arguments,
        }));
    }

    /// Better seen than lost: the user and the model's next turn can tell what went wrong.
    fn give_up(&mut self, marks: Option<Marks>, pieces: &mut Vec<Piece>) -> Step {
        match marks {
            Some(marks) => text_piece(marks.open, pieces),
            // The bracket goes out with it, so that it does not begin a call again.
            None => {
                let held = std::mem::take(&mut self.held);
                text_piece(&held, pieces);
            }
        }
        Step::Go(State::Text)
    }
}

/// Whether a text that begins with a bracket is a call without marks; `None` while that is open.
fn bare(text: &str) -> Option<bool> {
    const BEGINNINGS: [&str; 2] = ["{\"name\":", "{\"type\":\"function\""];
    let dense: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .skip_while(|letter| *letter == '[')
        .take(BEGINNINGS[1].len())
        .collect();
    if BEGINNINGS.iter().any(|begin| dense.starts_with(begin)) {
        return Some(true);
    }
    let may = BEGINNINGS.iter().any(|begin| begin.starts_with(&dense));
    (!may).then_some(false)
}

fn with_mark(marks: Option<Marks>, text: &str) -> String {
    let mark = marks.map_or("", |marks| marks.open);
    format!("{mark}{text}")
}

/// Neighbouring text joins.
fn text_piece(text: &str, pieces: &mut Vec<Piece>) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(before)) => before.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// Bytes at the end of `text` that may be the beginning of an opening mark.
fn possible_mark(text: &str) -> usize {
    let partial = |open: &str| {
        (1..open.len())
            .rev()
            .find(|&length| text.ends_with(&open[..length]))
    };
    marks::ALL
        .into_iter()
        .filter_map(|marks| partial(marks.open))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
