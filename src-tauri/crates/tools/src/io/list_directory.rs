//! `list_directory`: what is in a folder.
//!
//! Owns how a folder is shown. Ignore files do not count here: what is there is there.

use async_trait::async_trait;
use nexus_protocol::{Capability, FileAccess, ResultPart, ToolSpec, TreeEntry};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    disk::blocking,
    read_file::size,
    tree::{Reach, Walked, walk},
    walk::{here, start},
};
use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput, plain,
    tool::{action, arguments, spec_of},
    workspace::{Kind, Located, Walls},
};

/// Entries that are shown.
const MOST_ENTRIES: usize = 1000;
/// Folders in folders that can be asked for.
const MOST_DEPTH: u32 = 10;
/// Folders whose content nobody asks for: named, not entered.
const CLOSED: &[&str] = &[".git", "node_modules", "__pycache__", ".venv"];

/// Lists a folder: folders first, then files with their sizes. At most 1,000 entries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The folder: relative to the working folder, or absolute; the working folder if left out.
    #[serde(default)]
    #[schemars(with = "String", default = "here")]
    path: Option<String>,
    /// How many levels are shown: 1 for the folder's own entries, at most 10.
    #[serde(default)]
    #[schemars(with = "u32", default = "one", range(min = 1, max = 10))]
    depth: Option<u32>,
}

fn one() -> u32 {
    1
}

/// The tool.
pub struct ListDirectory;

#[async_trait]
impl Tool for ListDirectory {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("list_directory")
    }

    fn capability(&self) -> Capability {
        Capability::Read
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let input: Input = arguments(value)?;
        let depth = input.depth.unwrap_or(1).clamp(1, MOST_DEPTH);
        let place = start(input.path, ctx, Located::expect_folder).await?;
        let mut action = action(
            "list_directory",
            Capability::Read,
            "List",
            &place.shown,
            &seen,
        );
        action.files = vec![place.action(FileAccess::Read)];
        Ok(Prepared::new(action, move |ctx| {
            blocking(move || {
                let reach = Reach {
                    depth: usize::try_from(depth).unwrap_or(1),
                    entries: MOST_ENTRIES,
                    walls: &Walls::of(&ctx.host),
                    closed: CLOSED,
                };
                Ok(show(&place, &walk(&place, &reach)?))
            })
        }))
    }
}

fn show(place: &Located, walked: &Walked) -> ToolOutput {
    if walked.entries.is_empty() {
        return ToolOutput::text(format!("“{}” is an empty folder.", place.shown), "empty");
    }
    let mut text = String::new();
    let mut entries = Vec::new();
    for entry in &walked.entries {
        let depth = entry.path.components().count().saturating_sub(1);
        let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
        let name = plain::for_model(&name).replace(['\n', '\r', '\t'], "?");
        let (end, bytes) = match entry.kind {
            Kind::Folder => ("/".to_owned(), None),
            Kind::File { bytes } => (format!(" ({})", size(bytes)), Some(bytes)),
            Kind::Link => (" (symbolic link)".to_owned(), None),
            Kind::Special(kind) => (format!(" ({kind})"), None),
            Kind::Missing => continue,
        };
        text.push_str(&format!("{}{name}{end}\n", "  ".repeat(depth)));
        let parts: Vec<_> = entry
            .path
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        entries.push(TreeEntry {
            path: parts.join("/"),
            folder: entry.kind == Kind::Folder,
            bytes,
        });
    }
    if walked.more {
        text.push_str("(there is more; list a folder in it, or use find_files)\n");
    }
    if !walked.unreadable.is_empty() {
        text.push_str(&format!(
            "({} folders could not be read)\n",
            walked.unreadable.len()
        ));
    }
    let count = entries.len();
    let summary = match (count, walked.more) {
        (1, false) => "1 entry".to_owned(),
        (_, false) => format!("{count} entries"),
        (_, true) => format!("{count} entries and more"),
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
