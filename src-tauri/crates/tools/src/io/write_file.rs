//! `write_file`: a whole new content.
//!
//! Owns writing a file whole. It takes no notice of whether the model has read the file: the diff is shown, and the call is bound to
//! what was there when it was looked at.

use async_trait::async_trait;
use nexus_checkpoints::{Intent, Recorder, file_diff};
use nexus_protocol::{Action, Capability, FileAccess, ResultPart, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    disk::{
        MOST_BYTES, blocking, changed_since, done, expect_nothing, hash, keep, make_folders,
        read_whole, replace, undo_words,
    },
    read_file::size,
};
use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput,
    tool::{action, arguments, sha256, spec_of},
    workspace::{Kind, Located, Purpose},
};

/// Writes a file: the whole content, which replaces what was there. Folders above it are made. To change part of an existing file,
/// use edit_file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The file: relative to the working folder, or absolute.
    path: String,
    /// The whole content, written as UTF-8 exactly as it is here.
    content: String,
}

/// The tool.
pub struct WriteFile;

#[async_trait]
impl Tool for WriteFile {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("write_file")
    }

    fn capability(&self) -> Capability {
        Capability::Write
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let Input { path, content } = arguments(value)?;
        let workspace = ctx.workspace()?.clone();
        ctx.recorder()?;
        if content.len() as u64 > MOST_BYTES {
            return Err(ToolError::BadArguments(format!(
                "The content has {}; at most {} are written at once.",
                size(content.len() as u64),
                size(MOST_BYTES)
            )));
        }
        let host = ctx.host.clone();
        let change = blocking(move || {
            let place = workspace.locate(&path, Purpose::Write, &host)?;
            let old = match place.kind {
                Kind::Missing => None,
                _ => Some(read_whole(&place, " Move or delete it first.")?),
            };
            Change::new(place, old, content.into_bytes())
        })
        .await?;
        let verb = if change.old.is_some() {
            "Write"
        } else {
            "Create"
        };
        Ok(change.prepared("write_file", verb, &seen))
    }
}

/// A file's old and new content: what `write_file` and `edit_file` come to.
#[derive(Debug)]
pub(super) struct Change {
    place: Located,
    old: Option<Vec<u8>>,
    new: Vec<u8>,
}

impl Change {
    pub(super) fn new(
        place: Located,
        old: Option<Vec<u8>>,
        new: Vec<u8>,
    ) -> Result<Self, ToolError> {
        if old.as_ref() == Some(&new) {
            return Err(ToolError::BadArguments(format!(
                "“{}” has exactly this content already. Nothing was changed.",
                place.shown
            )));
        }
        Ok(Self { place, old, new })
    }

    fn action(&self, tool: &str, verb: &str, seen: &Value) -> Action {
        let mut action = action(tool, Capability::Write, verb, &self.place.shown, seen);
        let access = match self.old {
            Some(_) => FileAccess::Modify,
            None => FileAccess::Create,
        };
        let mut file = self.place.action(access);
        file.before = self.old.as_deref().map(sha256);
        file.after = Some(sha256(&self.new));
        file.diff = Some(file_diff(
            &self.place.shown,
            self.old.as_deref(),
            Some(&self.new),
        ));
        // Whole contents of this size are always kept.
        file.undoable = true;
        action.files = vec![file];
        action
    }

    /// The call that makes this change.
    pub(super) fn prepared(self, tool: &str, verb: &str, seen: &Value) -> Prepared {
        let action = self.action(tool, verb, seen);
        let file = action.files.first().cloned();
        Prepared::new(action, move |ctx| async move {
            let recorder = ctx.recorder()?.clone();
            let diff = file.and_then(|file| file.diff).unwrap_or_default();
            let place = self.place.clone();
            let created = self.old.is_none();
            let (not_kept, bytes) = blocking(move || self.make(&recorder)).await?;
            let what = if created { "Created" } else { "Changed" };
            let counts = format!("+{} -{}", diff.added, diff.removed);
            let mut text = format!(
                "{what} “{}” ({}, lines {counts}).",
                place.shown,
                size(bytes)
            );
            text.push_str(&undo_words(&not_kept));
            Ok(ToolOutput {
                parts: vec![ResultPart::Diff { diff }],
                ..ToolOutput::text(text, counts)
            })
        })
    }

    /// Makes it, unless the file changed since. What could not be kept, and the bytes written.
    fn make(self, recorder: &Recorder) -> Result<(Vec<String>, u64), ToolError> {
        let place = &self.place;
        match &self.old {
            Some(old) => {
                if hash(place).ok() != Some(sha256(old)) {
                    return Err(changed_since(&place.shown));
                }
            }
            None => expect_nothing(place)?,
        }
        make_folders(place, recorder)?;
        let not_kept = keep(recorder, place, &Intent::Content(sha256(&self.new)))?;
        replace(place, &self.new, self.old.is_some())?;
        done(recorder, place)?;
        Ok((not_kept.into_iter().collect(), self.new.len() as u64))
    }
}

#[cfg(test)]
mod tests;
