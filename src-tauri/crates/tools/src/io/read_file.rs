//! `read_file`: text, images, PDF and Word documents, tables.
//!
//! Owns what a file is taken for and how much of it is shown. Lines are numbered, as `cat -n` does it without the padding: models
//! name lines rightly then, and ask for the right range of a long file; [`super::edit_file`] takes pasted numbers off again.

mod docx;
mod image;
mod lines;
mod pdf;
mod table;

use std::io::Read;

use async_trait::async_trait;
use nexus_protocol::{Capability, FileAccess, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    disk::{MOST_BYTES, blocking, failed, read_whole},
    encoding,
};
use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput, plain,
    tool::{action, arguments, spec_of},
    workspace::{Kind, Located, Purpose},
};
use lines::Range;

/// Reads a file. Text comes with line numbers, at most 2,000 lines or 64 KiB at a time; of a longer file, ask for a range of lines.
/// Images are shown to you if you can see images, with the date and place where a photo was taken; PDF and Word documents come as
/// text; CSV as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The file: relative to the working folder, or absolute.
    path: String,
    /// The first line to read, from 1. For documents, lines of their text.
    #[serde(default)]
    #[schemars(with = "u64", range(min = 1))]
    start_line: Option<u64>,
    /// The last line to read.
    #[serde(default)]
    #[schemars(with = "u64", range(min = 1))]
    end_line: Option<u64>,
}

/// The tool.
pub struct ReadFile;

#[async_trait]
impl Tool for ReadFile {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("read_file")
    }

    fn capability(&self) -> Capability {
        Capability::Read
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let input: Input = arguments(value)?;
        let range = Range::new(input.start_line, input.end_line)?;
        let workspace = ctx.workspace()?.clone();
        let host = ctx.host.clone();
        let path = input.path;
        let place = blocking(move || {
            let place = workspace.locate(&path, Purpose::Read, &host)?;
            if place.kind == Kind::Folder {
                return Err(ToolError::BadArguments(format!(
                    "“{}” is a folder. Use list_directory.",
                    place.shown
                )));
            }
            place.expect_file()?;
            Ok(place)
        })
        .await?;
        let mut action = action("read_file", Capability::Read, "Read", &place.shown, &seen);
        action.files = vec![place.action(FileAccess::Read)];
        Ok(Prepared::new(action, move |ctx| async move {
            let sees = ctx.sees_images;
            let content = blocking(move || take(&place, sees)).await?;
            match content {
                Content::Output(output) => Ok(*output),
                Content::Text {
                    place,
                    text,
                    note,
                    table,
                } => {
                    let mut output = range.show(&place.shown, &text, &note)?;
                    output.parts.extend(table);
                    Ok(output)
                }
                Content::Pdf { place, bytes } => {
                    let text = pdf::text(bytes, &ctx.cancel).await?;
                    range.show(&place.shown, &text, "text of a PDF")
                }
            }
        }))
    }
}

/// What was found in a file.
enum Content {
    Output(Box<ToolOutput>),
    Text {
        place: Located,
        text: String,
        note: String,
        table: Option<nexus_protocol::ResultPart>,
    },
    /// Read on a thread that may be left to itself.
    Pdf {
        place: Located,
        bytes: Vec<u8>,
    },
}

fn take(place: &Located, sees_images: bool) -> Result<Content, ToolError> {
    let bytes = place.expect_file()?;
    if bytes > MOST_BYTES {
        // What it is helps more than that it is big.
        let mut beginning = Vec::new();
        place
            .open_file()?
            .take(8192)
            .read_to_end(&mut beginning)
            .map_err(failed(&place.shown))?;
        if let Some(kind) = binary_kind(&beginning) {
            return Err(not_text(&place.shown, kind, bytes));
        }
    }
    let content = read_whole(place, " Use search_files to find lines in it.")?;
    if let Some(kind) = image::kind(&content) {
        let output = image::show(place, kind, &content, sees_images);
        return Ok(Content::Output(Box::new(output)));
    }
    if content.starts_with(b"%PDF-") {
        return Ok(Content::Pdf {
            place: place.clone(),
            bytes: content,
        });
    }
    if docx::is_docx(&content) {
        let text = docx::text(&content).map_err(|why| {
            ToolError::Failed(format!(
                "“{}” cannot be read as a Word document: {why}.",
                place.shown
            ))
        })?;
        return Ok(Content::Text {
            place: place.clone(),
            text,
            note: "text of a Word document".to_owned(),
            table: None,
        });
    }
    if let Some(kind) = binary_kind(&content) {
        return Err(not_text(&place.shown, kind, content.len() as u64));
    }
    let Some(decoded) = encoding::decode(&content) else {
        return Err(not_text(&place.shown, "binary data", content.len() as u64));
    };
    let mut notes = Vec::new();
    if !decoded.written.is_plain() {
        notes.push(decoded.written.name().to_owned());
    }
    if decoded.text.contains("\r\n") {
        notes.push("CRLF line ends".to_owned());
    }
    if !decoded.whole {
        notes.push("some bytes are not valid in its encoding".to_owned());
    }
    let table = table::preview(place.name(), &decoded.text);
    Ok(Content::Text {
        place: place.clone(),
        text: decoded.text,
        note: notes.join(", "),
        table,
    })
}

/// What a file is by its first bytes, where that is surely no text.
fn binary_kind(bytes: &[u8]) -> Option<&'static str> {
    let kind = infer::get(bytes)?;
    // Scripts and markup are known to it too.
    (kind.matcher_type() != infer::MatcherType::Text
        && (bytes.contains(&0) || std::str::from_utf8(bytes).is_err()))
    .then(|| kind.mime_type())
}

fn not_text(shown: &str, kind: &str, bytes: u64) -> ToolError {
    ToolError::Failed(format!(
        "“{shown}” is no text: {kind}, {}. It cannot be read with this tool.",
        size(bytes)
    ))
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "one digit after the point is shown"
    )]
    let value = bytes as f64;
    match bytes {
        1 => "1 byte".to_owned(),
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", value / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", value / 1_048_576.0),
        _ => format!("{:.1} GiB", value / 1_073_741_824.0),
    }
}

/// For the model: hidden characters flagged.
fn clean(text: &str) -> String {
    plain::for_model(text).into_owned()
}

#[cfg(test)]
mod tests;
