//! Grammars for what a model may answer, in the Lark dialect of llguidance, which both workers' engines run.
//!
//! Where the model may choose, a grammar is lazy: any text at all until a call begins, then exactly the family's form, with
//! the name of a known tool and arguments of its schema. So an answer without calls is what it would be without a grammar.

mod schema;

use std::fmt::Write as _;

use nexus_protocol::worker::CallFormat;
use nexus_protocol::{ChatRequest, ToolChoice};
use serde_json::Value;

use crate::marks::{self, ARGUMENTS, THOUGHT};

/// Calls in one answer, at most: a small model may find no end.
const MOST_CALLS: usize = 8;

/// Rules that every grammar may use: any text, and the little white space that models put around calls.
const RULES: &str = "TEXT: /(.|\\n)*/\nWS: /[ \\n]{1,2}/\n";

/// What a model's reasoning has to do with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// It marks none.
    Never,
    /// It may begin with it.
    May,
    /// The prompt ends within it.
    Began,
}

/// What a grammar must know of a model's tokens.
#[derive(Clone, Copy)]
pub struct Vocabulary<'a> {
    /// Looks up a mark: its token, where it is a single one.
    pub token: &'a dyn Fn(&str) -> Option<u32>,
    /// Tokens that end an answer, where the grammar's engine does not know them all: they may come where it is whole.
    pub ends: &'a [u32],
}

/// The grammar for the answer to `request`; `None` where nothing is to be held to.
pub fn of(
    request: &ChatRequest,
    format: CallFormat,
    thinking: Thinking,
    vocabulary: Vocabulary<'_>,
) -> Option<String> {
    let writer = Writer { vocabulary };
    let has_tools = !request.tools.is_empty();
    // A call without a mark begins as other JSON does: only one of the two can be told from the first letters.
    let is_marked = !matches!(format, CallFormat::Llama | CallFormat::Bare);
    match &request.answer_schema {
        None if has_tools => Some(writer.calls(request, format, thinking)),
        None => None,
        // It may look things up first.
        Some(schema) if has_tools && is_marked => {
            Some(writer.calls(request, format, thinking) + &answer(schema))
        }
        Some(schema) => {
            let thought = writer.thought(thinking);
            Some(writer.start(&thought, "answer") + &answer(schema))
        }
    }
}

fn answer(schema: &Value) -> String {
    format!("answer: WS? %json {}\n", schema::json(schema))
}

struct Writer<'a> {
    vocabulary: Vocabulary<'a>,
}

/// What may or must stand before an answer that is held to a form from its beginning.
#[derive(Default)]
struct Thought {
    lead: String,
    rules: String,
}

impl Writer<'_> {
    fn calls(&self, request: &ChatRequest, format: CallFormat, thinking: Thinking) -> String {
        let is_json = request.answer_schema.is_some();
        let must = request.tool_choice == ToolChoice::Required || is_json;
        let or_answer = if is_json { " | answer" } else { "" };
        let marks = marks::of(format);
        let open = marks.map(|marks| self.mark(marks.open));
        let rest = self.rest(format);
        let names: Vec<&str> = request
            .tools
            .iter()
            .map(|tool| tool.name.as_str())
            .collect();
        let mut thought = Thought::default();
        let mut rules = String::new();
        let start = match (format, open) {
            (CallFormat::Llama | CallFormat::Bare, open) => {
                thought = self.thought(thinking);
                let opening = open.map_or_else(String::new, |open| format!("({open})? "));
                let or_plain = if must {
                    ""
                } else {
                    let plain = plain(marks.map(|marks| marks.open), &names);
                    let _infallible = writeln!(rules, "PLAIN: {plain}");
                    " | PLAIN"
                };
                format!("({opening}{rest}{or_plain})")
            }
            (_, Some(open)) if must => {
                thought = self.thought(thinking);
                format!("({open} {rest}{or_answer})")
            }
            (_, Some(open)) if open.starts_with("<[") => {
                let others = open.replacen("<[", "<[^", 1);
                format!("{others}* ({open} {rest})?")
            }
            (_, open) => {
                let open = open.unwrap_or_default();
                let _infallible = writeln!(rules, "head[lazy]: TEXT {open}");
                format!("TEXT | head {rest}")
            }
        };
        let mut grammar = self.start(&thought, &start);
        grammar.push_str(&rules);
        for (index, tool) in request.tools.iter().enumerate() {
            let json = schema::arguments(&tool.parameters);
            let _infallible = writeln!(grammar, "arguments_{index}: %json {json}");
            let name = escaped(&tool.name);
            let call = match format {
                CallFormat::Named => {
                    format!("/{name}/ {} arguments_{index}", self.mark(ARGUMENTS))
                }
                CallFormat::Llama => object(&name, "parameters", index),
                _ => object(&name, "arguments", index),
            };
            let _infallible = writeln!(grammar, "call_{index}: {call}");
        }
        let all: Vec<String> = (0..names.len())
            .map(|index| format!("call_{index}"))
            .collect();
        let _infallible = writeln!(grammar, "call: {}", all.join(" | "));
        grammar
    }

    /// The first rules.
    fn start(&self, thought: &Thought, body: &str) -> String {
        let ends: Vec<String> = self.vocabulary.ends.iter().map(u32::to_string).collect();
        let end = if ends.is_empty() {
            String::new()
        } else {
            format!(" <[{}]>?", ends.join(","))
        };
        let Thought { lead, rules } = thought;
        format!("start: {lead}({body}){end}\n{RULES}{rules}")
    }

    /// What follows the first opening mark.
    fn rest(&self, format: CallFormat) -> String {
        let more = MOST_CALLS - 1;
        let marks = marks::of(format);
        let open = marks.map_or_else(String::new, |marks| self.mark(marks.open));
        let close = marks
            .filter(|marks| !marks.close.is_empty())
            .map_or_else(String::new, |marks| self.mark(marks.close));
        match format {
            CallFormat::Tags => {
                format!("call WS? {close} (WS? {open} call WS? {close}){{0,{more}}} WS?")
            }
            CallFormat::Phi | CallFormat::List => {
                format!("WS? \"[\" call (\",\" WS? call){{0,{more}}} \"]\" {close}")
            }
            CallFormat::Named => format!("call ({open} call){{0,{more}}}"),
            CallFormat::Llama => format!("call (\";\" WS? call){{0,{more}}}"),
            CallFormat::Bare => format!("call (WS call){{0,{more}}}"),
        }
    }

    fn thought(&self, thinking: Thinking) -> Thought {
        let lead = match thinking {
            Thinking::Never => return Thought::default(),
            Thinking::May => format!("({} thought WS?)? ", self.mark(THOUGHT.0)),
            Thinking::Began => "thought WS? ".to_owned(),
        };
        let end = self.mark(THOUGHT.1);
        let rules = if end.starts_with("<[") {
            let others = end.replacen("<[", "<[^", 1);
            format!("thought: {others}* {end}\n")
        } else {
            format!("thought[lazy]: TEXT {end}\n")
        };
        Thought { lead, rules }
    }

    /// A mark as the grammar names it. One that is a single token never comes letter by letter.
    fn mark(&self, mark: &str) -> String {
        match (self.vocabulary.token)(mark) {
            Some(token) => format!("<[{token}]>"),
            // Marks have no letters that JSON and Lark would escape in different ways.
            None => serde_json::Value::from(mark).to_string(),
        }
    }
}

/// A call as an object. The head is one piece, so that its white space is what models were trained with.
fn object(name: &str, key: &str, index: usize) -> String {
    format!("/[ \\n]{{0,2}}\\{{\"name\": ?\"{name}\", ?\"{key}\": ?/ arguments_{index} \"}}\"")
}

/// Any text that begins neither with the mark nor as a call of a known tool.
fn plain(open: Option<&str>, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| escaped(name)).collect();
    let open = open.map_or_else(String::new, |open| format!("{}|", escaped(open)));
    format!(
        "TEXT & ~/\\s*({open}\\{{\\s*\"name\"\\s*:\\s*\"({})\")(.|\\n)*/",
        names.join("|")
    )
}

/// A name within a regular expression that stands between slashes.
fn escaped(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            out.push(letter);
        } else {
            let _infallible = write!(out, "\\x{{{:X}}}", u32::from(letter));
        }
    }
    out
}
