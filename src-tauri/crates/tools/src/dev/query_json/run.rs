//! One filter over one text.

use std::{
    io::{self, Write},
    sync::atomic::AtomicBool,
};

use jaq_core::{
    Compiler, Ctx, Vars,
    load::{Arena, File, Lexer, Loader, Parser, parse::Term},
    unwrap_valr,
};
use jaq_json::{
    Val, read,
    write::{Pp, write},
};

use super::meter::{Given, Meter, Metered, definitions, is_shallow, natives};
use crate::{ToolOutput, terminal};

/// Bytes of all results.
pub(super) const MAX_OUTPUT: usize = 64 << 10;
/// No name that a filter has a reason to define.
const MAIN: &str = "nexus_query";

/// What a filter gave.
pub(super) struct Found {
    text: String,
    count: usize,
    /// Whether there was more.
    cut: bool,
    /// The error that ended it, after what it gave before.
    error: Option<String>,
}

impl Found {
    pub(super) fn into_output(self) -> ToolOutput {
        let mut text = terminal::visible(&self.text).into_owned();
        let mut note = |words: String| {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&words);
        };
        if self.cut {
            note("… (cut: ask for less, such as with `limit(20; …)` or `length`)".to_owned());
        }
        if let Some(error) = &self.error {
            note(format!("Then it failed: {error}."));
        }
        if self.count == 0 && self.error.is_none() && !self.cut {
            note("No results.".to_owned());
        }
        let summary = match (self.count, self.cut) {
            (count, true) => format!("{count} results and more"),
            (1, false) => "1 result".to_owned(),
            (count, false) => format!("{count} results"),
        };
        ToolOutput::text(text, summary)
    }
}

/// Runs a filter. Unwinds where it takes too much.
///
/// # Errors
/// Words for the model: what is wrong with the filter or the text.
pub(super) fn query(json: &str, query: &str, stop: &AtomicBool) -> Result<Found, String> {
    if !is_shallow(json.as_bytes()) {
        return Err("The JSON is nested too deep.".to_owned());
    }
    let inputs = read::parse_many(json.as_bytes())
        .collect::<Result<Vec<Val>, _>>()
        .map_err(|error| format!("This is not JSON: {error}."))?;
    if inputs.is_empty() {
        return Err("The JSON text is empty.".to_owned());
    }
    let natives = natives();
    let definitions = definitions(MAIN, parse(query)?, &natives);
    let arena = Arena::default();
    let main = File {
        code: MAIN,
        path: (),
    };
    let modules = Loader::new(definitions)
        .load(&arena, main)
        .map_err(|_| "The filter cannot be read.".to_owned())?;
    let filter = Compiler::default()
        .with_funs(natives)
        .compile(modules)
        .map_err(|errors| {
            let unknown: Vec<String> = errors
                .into_iter()
                .flat_map(|(_, errors)| errors)
                .map(|(name, kind)| format!("{} {name}", kind.as_str()))
                .collect();
            format!(
                "The filter is not valid: there is no {}.",
                unknown.join(", ")
            )
        })?;
    let meter = Meter::new(stop);
    let given = Given {
        lut: &filter.lut,
        meter: &meter,
    };
    let mut sheet = Sheet::default();
    let mut found = Found {
        text: String::new(),
        count: 0,
        cut: false,
        error: None,
    };
    'inputs: for input in inputs {
        for result in filter
            .id
            .run((Ctx::<Metered>::new(given, Vars::new([])), input))
        {
            match unwrap_valr(result) {
                Ok(value) => {
                    if writing(&mut sheet, &value).is_err() {
                        found.cut = true;
                        break 'inputs;
                    }
                    found.count += 1;
                }
                Err(error) => {
                    found.error = Some(shortened(&error.to_string()));
                    break 'inputs;
                }
            }
        }
    }
    found.text = String::from_utf8_lossy(&sheet.0).trim_end().to_owned();
    match (found.count, &found.error) {
        (0, Some(error)) => Err(format!("The filter failed: {error}.")),
        _ => Ok(found),
    }
}

fn parse(query: &str) -> Result<Term<&str>, String> {
    let tokens = Lexer::new(query).lex().map_err(|errors| {
        let (expected, at) = errors
            .first()
            .map_or(("more", ""), |(expected, at)| (expected.as_str(), *at));
        unreadable(expected, at)
    })?;
    Parser::new(&tokens)
        .parse(|parser| parser.term())
        .map_err(|errors| {
            let (expected, at) = errors.first().map_or(("more", ""), |(expected, at)| {
                (expected.as_str(), at.map_or("", |token| token.0))
            });
            unreadable(expected, at)
        })
}

fn unreadable(expected: &str, at: &str) -> String {
    let at = match at {
        "" => "at its end".to_owned(),
        at => format!("at `{}`", shortened(at)),
    };
    format!("The filter cannot be read: expected {expected} {at}.")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.trim_end_matches('.').to_owned(),
    }
}

fn writing(sheet: &mut Sheet, value: &Val) -> io::Result<()> {
    let style = Pp {
        indent: Some("  ".to_owned()),
        sep_space: true,
        ..Pp::default()
    };
    write(sheet, &style, 0, value)?;
    sheet.write_all(b"\n")
}

/// Text of a bounded size.
#[derive(Default)]
struct Sheet(Vec<u8>);

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MAX_OUTPUT.saturating_sub(self.0.len());
        let taken = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        self.0.extend_from_slice(taken);
        // Nothing taken ends the writing with an error.
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
