//! The model's own chat template: Jinja as Hugging Face renders it, for that is what the model was trained with.

use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind, context};
use minijinja_contrib::pycompat::unknown_method_callback;
use nexus_protocol::{ChatMessage, ChatRequest, ToolCallRequest, ToolSpec, UserPart};
use serde::Serialize as _;
use serde_json::{Value as Json, json};

use crate::template_watch::{self, TemplateWatch};

/// Steps that a template may take. The longest conversations need a twentieth of it; one that loops ends.
const FUEL: u64 = 10_000_000;

const NAME: &str = "chat";

/// A template that was read.
#[derive(Debug)]
pub(crate) struct Template {
    environment: Environment<'static>,
    begin: String,
    end: String,
    thinks: bool,
    source: String,
}

impl Template {
    /// `begin` and `end` are the model's own marks of a text's two ends.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn new(source: &str, begin: String, end: String) -> Result<Self, String> {
        let _watch = TemplateWatch::begin();
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(unknown_method_callback);
        environment.add_filter("tojson", to_json);
        environment.add_function("raise_exception", raise_exception);
        environment.add_function("strftime_now", now);
        environment
            // The engine of templates has no slices with a step; this is the only one that is used.
            .add_template_owned(NAME, source.replace("[::-1]", "|reverse"))
            .map_err(|error| words(&error))?;
        Ok(Self {
            environment,
            begin,
            end,
            thinks: source.contains(nexus_calls::THOUGHT.1),
            source: source.to_owned(),
        })
    }

    /// Whether the model marks its reasoning.
    pub(crate) fn thinks(&self) -> bool {
        self.thinks
    }

    /// Whether a rendered text begins with the mark of the beginning.
    pub(crate) fn begins(&self, text: &str) -> bool {
        !self.begin.is_empty() && text.starts_with(&self.begin)
    }

    /// Whether it writes `mark`.
    pub(crate) fn writes(&self, mark: &str) -> bool {
        self.source.contains(mark)
    }

    /// The conversation as text, with the beginning of the answer.
    ///
    /// # Errors
    /// Why the template refuses it.
    pub(crate) fn render(&self, request: &ChatRequest) -> Result<String, String> {
        let _watch = TemplateWatch::begin();
        self.fill(request).map_err(|error| {
            if error.kind() == ErrorKind::OutOfFuel {
                // No other engine would come to its end either, and should not try.
                template_watch::end("does not end");
            }
            words(&error)
        })
    }

    fn fill(&self, request: &ChatRequest) -> Result<String, Error> {
        let messages: Vec<Json> = request.messages.iter().map(message).collect();
        let tools: Option<Vec<Json>> =
            (!request.tools.is_empty()).then(|| request.tools.iter().map(tool).collect());
        self.environment.get_template(NAME).and_then(|template| {
            template.render(context! {
                messages => messages,
                tools => tools,
                add_generation_prompt => true,
                enable_thinking => true,
                bos_token => self.begin,
                eos_token => self.end,
            })
        })
    }
}

fn message(message: &ChatMessage) -> Json {
    match message {
        ChatMessage::System { text } => json!({ "role": "system", "content": text }),
        ChatMessage::User { parts } => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| match part {
                    UserPart::Text { text } => Some(text.as_str()),
                    // The parent has put words in their place.
                    UserPart::Image { .. } => None,
                })
                .collect();
            json!({ "role": "user", "content": texts.join("\n") })
        }
        ChatMessage::Assistant { text, tool_calls } => {
            let mut message = json!({ "role": "assistant", "content": text });
            if !tool_calls.is_empty() {
                message["tool_calls"] = tool_calls.iter().map(call).collect();
            }
            message
        }
        ChatMessage::Tool {
            call_id,
            name,
            content,
        } => json!({ "role": "tool", "content": content, "name": name, "tool_call_id": call_id }),
    }
}

fn call(call: &ToolCallRequest) -> Json {
    // Templates print arguments as JSON: an object must not be quoted once more.
    let arguments = serde_json::from_str(&call.arguments)
        .unwrap_or_else(|_| Json::String(call.arguments.clone()));
    json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": arguments },
    })
}

fn tool(tool: &ToolSpec) -> Json {
    json!({
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "filters get their options so"
)]
/// As Python writes JSON: the built-in filter escapes for HTML and leaves out the spaces.
fn to_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    // What else Python's function takes does not change what templates get.
    let _others = (
        options.get::<Option<bool>>("ensure_ascii")?,
        options.get::<Option<bool>>("sort_keys")?,
    );
    let mut out = Vec::new();
    let written = match indent {
        Some(width) => {
            let indent = " ".repeat(width.min(16));
            let format = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
            value.serialize(&mut serde_json::Serializer::with_formatter(
                &mut out, format,
            ))
        }
        None => value.serialize(&mut serde_json::Serializer::with_formatter(
            &mut out, Spaced,
        )),
    };
    written
        .map_err(|error| error.to_string())
        .and_then(|()| String::from_utf8(out).map_err(|error| error.to_string()))
        .map_err(|reason| Error::new(ErrorKind::InvalidOperation, reason))
}

/// One line, with a space behind each comma and colon.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

/// How a template refuses a conversation.
fn raise_exception(reason: String) -> Result<String, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, reason))
}

fn now(format: &str) -> Result<String, Error> {
    jiff::fmt::strtime::format(format, &jiff::Zoned::now())
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

fn words(error: &Error) -> String {
    let text = error
        .detail()
        .map_or_else(|| error.to_string(), str::to_owned);
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect()
}

#[cfg(test)]
mod tests;
