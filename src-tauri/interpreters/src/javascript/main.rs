//! JavaScript for machines that have no Node: Boa, answering as the driver of `run_code` for Node does.
//!
//! Owns the conversation: standard input brings a word that marks answers, then requests, a line of JSON each; standard output
//! takes answers, standard error what the code prints. What code finds in its world is in `host` and `prelude.js`.

mod evaluate;
mod host;

use std::io::{self, BufRead, Write};

use boa_engine::{Context, JsObject, JsResult, JsValue, Source, js_string};
use serde::Deserialize;

/// What the code finds beside the language, and how its values are shown.
const PRELUDE: &str = include_str!("prelude.js");
/// What values become, the same as with Node.
const SHOW: &str = include_str!("../../../crates/tools/src/dev/run_code/show.js");
/// The engine recurses on this stack as deep as its own limit allows, which is more than a main thread has everywhere.
const STACK_BYTES: usize = 256 * 1024 * 1024;

#[derive(Deserialize)]
struct Request {
    code: String,
}

fn main() -> io::Result<()> {
    let conversation = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(converse)?;
    conversation
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the engine ended")))
}

fn converse() -> io::Result<()> {
    let mut lines = io::stdin().lock().lines();
    let Some(word) = lines.next().transpose()? else {
        return Ok(());
    };
    let mut session = Session::start().map_err(|error| io::Error::other(error.to_string()))?;
    for line in lines {
        let request: Request = serde_json::from_str(&line?)?;
        let reply = session.run(&request.code);
        // Answers are one line: JSON has no raw line breaks.
        writeln!(io::stdout(), "{word}{reply}")?;
        writeln!(io::stderr(), "\u{1e}{word}\u{1e}")?;
    }
    Ok(())
}

/// One interpreter: what code declares lasts.
struct Session {
    context: Context,
    /// The prelude's own functions, which code cannot reach.
    own: JsObject,
}

impl Session {
    fn start() -> JsResult<Self> {
        let mut context = Context::default();
        host::install(&mut context)?;
        let make = context.eval(Source::from_bytes(PRELUDE))?;
        let show = context.eval(Source::from_bytes(SHOW))?;
        let host = host::functions(&mut context);
        let own = make
            .as_callable()
            .ok_or_else(|| host::failure("the prelude is no function"))?
            .call(&JsValue::undefined(), &[host.into(), show], &mut context)?
            .as_object()
            .ok_or_else(|| host::failure("the prelude gives no object"))?;
        Ok(Self { context, own })
    }

    /// The answer as a line of JSON.
    fn run(&mut self, code: &str) -> String {
        let answer = self.answer(code);
        answer.unwrap_or_else(|error| {
            // Showing a value may itself throw: a getter, a `toString`.
            serde_json::json!({ "error": format!("the value cannot be shown: {error}") })
                .to_string()
        })
    }

    fn answer(&mut self, code: &str) -> JsResult<String> {
        self.call("begin", &[])?;
        let shown = match evaluate::evaluate(code, &mut self.context) {
            Ok(value) => self.call("value", &[value])?,
            Err(error) => {
                let thrown = evaluate::explain(error, &mut self.context);
                self.call("error", &[js_string!(thrown.as_str()).into()])?
            }
        };
        Ok(shown.to_string(&mut self.context)?.to_std_string_lossy())
    }

    fn call(&mut self, name: &str, arguments: &[JsValue]) -> JsResult<JsValue> {
        self.own
            .get(js_string!(name), &mut self.context)?
            .as_callable()
            .ok_or_else(|| host::failure("the prelude lacks a function"))?
            .call(&JsValue::undefined(), arguments, &mut self.context)
    }
}

#[cfg(test)]
mod tests;
