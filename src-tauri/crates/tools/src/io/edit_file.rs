//! `edit_file`: parts of a text replaced, all or none.
//!
//! Owns that everything else in the file stays byte for byte: line ends, byte order mark, encoding, the last newline.

mod matching;
mod text;

use async_trait::async_trait;
use nexus_protocol::{Capability, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    disk::{blocking, read_whole},
    encoding,
    write_file::Change,
};
use crate::{
    Prepared, Tool, ToolContext, ToolError,
    tool::{arguments, spec_of},
    workspace::{Kind, Purpose},
};
use text::EditedText;

/// Edits made by one call.
const MOST_EDITS: usize = 100;

/// Replaces parts of a text file. Each edit names the present text and what comes in its place; all are made, in order, or none.
/// Read the file first. Line ends and encoding stay as they are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The file: relative to the working folder, or absolute.
    path: String,
    /// The edits. A later one sees what an earlier one made.
    #[schemars(length(min = 1, max = 100))]
    edits: Vec<Edit>,
}

/// One edit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// The text that is there now, without line numbers: whole lines, enough of them that it is found only once.
    old_text: String,
    /// What comes in its place; empty to remove it.
    new_text: String,
    /// Whether every occurrence is replaced, not the only one.
    #[serde(default)]
    #[schemars(with = "bool", default = "no")]
    replace_all: bool,
}

fn no() -> bool {
    false
}

/// The tool.
pub struct EditFile;

#[async_trait]
impl Tool for EditFile {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("edit_file")
    }

    fn capability(&self) -> Capability {
        Capability::Write
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let Input { path, edits } = arguments(value)?;
        let workspace = ctx.workspace()?.clone();
        ctx.recorder()?;
        if edits.is_empty() || edits.len() > MOST_EDITS {
            return Err(ToolError::BadArguments(format!(
                "There must be 1 to {MOST_EDITS} edits."
            )));
        }
        let host = ctx.host.clone();
        let change = blocking(move || {
            let place = workspace.locate(&path, Purpose::Write, &host)?;
            if place.kind == Kind::Missing {
                let missing = place.missing();
                return Err(ToolError::BadArguments(format!(
                    "{missing} To make a new file, use write_file."
                )));
            }
            let old = read_whole(&place, " Change it with a program.")?;
            let new = edited(&old, &edits, &place.shown)?;
            Change::new(place, Some(old), new)
        })
        .await?;
        Ok(change.prepared("edit_file", "Edit", &seen))
    }
}

/// The content after all edits.
fn edited(old: &[u8], edits: &[Edit], shown: &str) -> Result<Vec<u8>, ToolError> {
    let Some(decoded) = encoding::decode(old) else {
        return Err(ToolError::BadArguments(format!("“{shown}” is no text.")));
    };
    if !decoded.whole {
        return Err(ToolError::Failed(format!(
            "“{shown}” has bytes that are not valid in {}: an edit would change them too. Nothing was changed.",
            decoded.written.name()
        )));
    }
    let mut text = EditedText::new(decoded.text);
    for (at, edit) in edits.iter().enumerate() {
        apply(&mut text, edit).map_err(|why| {
            let which = if edits.len() == 1 {
                String::new()
            } else {
                format!("Edit {} of {}: ", at + 1, edits.len())
            };
            ToolError::BadArguments(format!("{which}{why} Nothing was changed in “{shown}”."))
        })?;
    }
    decoded
        .written
        .encode(&text.into_original())
        .map_err(|character| {
            ToolError::BadArguments(format!(
                "“{character}” cannot be written in {}, the encoding of “{shown}”. Nothing was changed.",
                decoded.written.name()
            ))
        })
}

/// The error is a sentence for the model.
fn apply(text: &mut EditedText, edit: &Edit) -> Result<(), String> {
    let old = edit.old_text.replace("\r\n", "\n");
    let new = edit.new_text.replace("\r\n", "\n");
    if old.is_empty() {
        return Err("old_text is empty. Name the text that is there now.".to_owned());
    }
    if old == new {
        return Err("old_text and new_text are the same.".to_owned());
    }
    let mut found = matching::find(text.lines(), &old, &new, edit.replace_all)?;
    // From the end, so that earlier places stay where they are.
    found.sort_by_key(|place| std::cmp::Reverse(place.range.start));
    for place in found {
        text.replace(place.range, &place.new);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
