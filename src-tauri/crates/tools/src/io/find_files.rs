//! `find_files`: files by their names.
//!
//! Owns the order and the bounds of the list.

use std::{path::PathBuf, time::SystemTime};

use async_trait::async_trait;
use nexus_protocol::{Capability, FileAccess, ResultPart, ToolSpec, TreeEntry};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    disk::blocking,
    read_file::size,
    walk::{builder, globs, here, start},
};
use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput, plain,
    tool::{action, arguments, spec_of},
    workspace::{Kind, Located, Walls},
};

/// Files that are shown.
const MOST_SHOWN: usize = 500;
/// Files that are looked at.
const MOST_SEEN: usize = 200_000;

/// Finds files by a glob of their names, such as `*.jpg`, `src/**/*.rs` or `*.{doc,docx}`; letter case does not count. Hidden files
/// and what .gitignore names are left out unless asked for. At most 500 are listed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The glob. Without a slash it fits a name in any folder; with one it is relative to `path`.
    glob: String,
    /// The folder to look in; the working folder if left out.
    #[serde(default)]
    #[schemars(with = "String", default = "here")]
    path: Option<String>,
    /// The order: by path, or by the time of the last change, newest first.
    #[serde(default)]
    #[schemars(with = "Order", default = "by_path")]
    sort: Option<Order>,
    /// Whether hidden files and those that .gitignore names are found too.
    #[serde(default)]
    #[schemars(with = "bool", default = "no")]
    include_ignored: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    Path,
    Time,
}

fn by_path() -> Order {
    Order::Path
}

fn no() -> bool {
    false
}

/// The tool.
pub struct FindFiles;

#[async_trait]
impl Tool for FindFiles {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("find_files")
    }

    fn capability(&self) -> Capability {
        Capability::Read
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let input: Input = arguments(value)?;
        let place = start(input.path.clone(), ctx, Located::expect_folder).await?;
        // A wrong glob is said before anything is asked.
        globs(&place.absolute, std::slice::from_ref(&input.glob))?;
        let object = match place.shown.as_str() {
            "." => input.glob.clone(),
            shown => format!("{} in {shown}", input.glob),
        };
        let mut action = action("find_files", Capability::Read, "Find", &object, &seen);
        action.files = vec![place.action(FileAccess::Read)];
        Ok(Prepared::new(action, move |ctx| {
            blocking(move || find(&input, &place, Walls::of(&ctx.host), &ctx.cancel))
        }))
    }
}

struct Found {
    path: PathBuf,
    bytes: u64,
    modified: Option<SystemTime>,
}

fn find(
    input: &Input,
    place: &Located,
    walls: Walls,
    cancel: &CancellationToken,
) -> Result<ToolOutput, ToolError> {
    let globs = globs(&place.absolute, std::slice::from_ref(&input.glob))?;
    let mut found = Vec::new();
    let mut more = false;
    for entry in builder(place, globs, walls, input.include_ignored).build() {
        if cancel.is_cancelled() {
            return Err(ToolError::Failed("Cancelled.".to_owned()));
        }
        let Ok(entry) = entry else { continue };
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        if found.len() >= MOST_SEEN {
            more = true;
            break;
        }
        let Ok(path) = entry.path().strip_prefix(&place.absolute) else {
            continue;
        };
        let metadata = entry.metadata().ok();
        found.push(Found {
            path: path.to_owned(),
            bytes: metadata.as_ref().map_or(0, std::fs::Metadata::len),
            modified: metadata.and_then(|metadata| metadata.modified().ok()),
        });
    }
    match input.sort.unwrap_or(Order::Path) {
        Order::Path => found.sort_by(|a, b| a.path.cmp(&b.path)),
        Order::Time => {
            found.sort_by(|a, b| (b.modified, &a.path).cmp(&(a.modified, &b.path)));
        }
    }
    let total = found.len();
    let shown: Vec<(Located, u64)> = found
        .into_iter()
        .take(MOST_SHOWN)
        .map(|file| {
            let kind = Kind::File { bytes: file.bytes };
            (place.join(&file.path, kind), file.bytes)
        })
        // The walk goes by names. What is not in the open folder was found through a link that came meanwhile.
        .filter(|(file, _)| matches!(file.kind_now(), Ok(Kind::File { .. })))
        .collect();
    Ok(show(&input.glob, place, &shown, total, more))
}

fn show(
    glob: &str,
    place: &Located,
    shown: &[(Located, u64)],
    total: usize,
    more: bool,
) -> ToolOutput {
    if shown.is_empty() {
        return ToolOutput::text(
            format!(
                "No file fits “{glob}” in “{}”. Hidden and ignored files are looked at with include_ignored.",
                place.shown
            ),
            "none",
        );
    }
    let mut text = String::new();
    let mut entries = Vec::new();
    for (file, bytes) in shown {
        let name = plain::for_model(&file.shown).replace(['\n', '\r', '\t'], "?");
        text.push_str(&format!("{name} ({})\n", size(*bytes)));
        entries.push(TreeEntry {
            path: file.shown.clone(),
            folder: false,
            bytes: Some(*bytes),
        });
    }
    let plus = if more { "+" } else { "" };
    if total > shown.len() {
        text.push_str(&format!(
            "({} of {total}{plus} files; use a narrower glob for the others)\n",
            shown.len()
        ));
    }
    let summary = if total == 1 {
        "1 file".to_owned()
    } else {
        format!("{total}{plus} files")
    };
    ToolOutput {
        parts: vec![ResultPart::Tree {
            root: place.shown.clone(),
            entries,
        }],
        ..ToolOutput::text(text, summary)
    }
}

#[cfg(test)]
mod tests;
