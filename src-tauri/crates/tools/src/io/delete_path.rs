//! `delete_path`: a file or folder goes.
//!
//! Owns how: what it held is kept by the journal first, then it goes to the system's bin where there is one, else it is removed. The
//! bins of systems take paths, not open folders: that the path still leads where it did is looked at right before.

use async_trait::async_trait;
use nexus_checkpoints::{Intent, Recorder, file_diff};
use nexus_protocol::{Capability, FileAccess, FileAction, FileDiff, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    disk::{MOST_BYTES, blocking, changed_since, done, failed, keep, read_whole, sync, undo_words},
    move_path::Present,
    read_file::size,
};
use crate::{
    Host, Prepared, Tool, ToolContext, ToolError, ToolOutput,
    tool::{action, arguments, spec_of},
    workspace::{Kind, Located, Purpose},
};

/// Deletes a file, or a folder with all that is in it. It goes to the system's bin where there is one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// What goes: relative to the working folder, or absolute.
    path: String,
    /// Must be true for a folder: all that is in it goes too.
    #[serde(default)]
    #[schemars(with = "bool", default = "no")]
    recursive: bool,
}

fn no() -> bool {
    false
}

/// The tool.
pub struct DeletePath;

#[async_trait]
impl Tool for DeletePath {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("delete_path")
    }

    fn capability(&self) -> Capability {
        Capability::Write
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let Input { path, recursive } = arguments(value)?;
        let workspace = ctx.workspace()?.clone();
        ctx.recorder()?;
        let host = ctx.host.clone();
        let (place, present, file) = blocking(move || {
            let place = workspace.locate(&path, Purpose::Entry, &host)?;
            check(&place, recursive)?;
            let present = Present::at(&place, &host)?;
            let file = file_action(&place, &present)?;
            Ok((place, present, file))
        })
        .await?;
        let mut action = action(
            "delete_path",
            Capability::Write,
            "Delete",
            &place.shown,
            &seen,
        );
        action.files = vec![file];
        Ok(Prepared::new(action, move |ctx| async move {
            let recorder = ctx.recorder()?.clone();
            let host = ctx.host.clone();
            blocking(move || delete(&place, &present, &recorder, &host)).await
        }))
    }
}

fn check(place: &Located, recursive: bool) -> Result<(), ToolError> {
    if place.is_top() {
        return Err(ToolError::BadArguments(
            "The working folder itself cannot be deleted.".to_owned(),
        ));
    }
    match place.kind {
        Kind::Folder if !recursive => Err(ToolError::BadArguments(format!(
            "“{}” is a folder. Set recursive to delete it with all that is in it.",
            place.shown
        ))),
        Kind::Folder | Kind::Link => Ok(()),
        _ => Ok(place.expect_file().map(|_| ())?),
    }
}

fn file_action(place: &Located, present: &Present) -> Result<FileAction, ToolError> {
    let mut file = place.action(FileAccess::Delete);
    file.before = Some(present.hash.clone());
    file.protected = present.protected(place);
    file.undoable = true;
    file.diff = Some(match place.kind {
        Kind::File { bytes } if bytes <= MOST_BYTES => {
            file_diff(&place.shown, Some(&read_whole(place, "")?), None)
        }
        _ => FileDiff {
            path: place.shown.clone(),
            note: format!("deleted: {}", holds(place, present)),
            ..FileDiff::default()
        },
    });
    Ok(file)
}

/// What it is, for people.
fn holds(place: &Located, present: &Present) -> String {
    match place.kind {
        Kind::Folder => match present.inside.files() {
            (0, _) => "a folder without files".to_owned(),
            (1, bytes) => format!("a folder with 1 file, {}", size(bytes)),
            (files, bytes) => format!("a folder with {files} files, {}", size(bytes)),
        },
        Kind::File { bytes } => format!("a file, {}", size(bytes)),
        _ => "a symbolic link (what it leads to stays)".to_owned(),
    }
}

fn delete(
    place: &Located,
    present: &Present,
    recorder: &Recorder,
    host: &Host,
) -> Result<ToolOutput, ToolError> {
    let kind = place.kind_now().map_err(failed(&place.shown))?;
    if std::mem::discriminant(&kind) != std::mem::discriminant(&place.kind)
        || Present::at(place, host)?.hash != present.hash
    {
        return Err(changed_since(&place.shown));
    }
    let not_kept = keep(recorder, place, &Intent::Absent)?;
    let how = if to_bin(place, host) {
        "to the system's bin"
    } else {
        remove(place)?;
        "for good"
    };
    done(recorder, place)?;
    let mut text = format!(
        "Deleted “{}” ({}) {how}.",
        place.shown,
        holds(place, present)
    );
    let not_kept: Vec<String> = not_kept.into_iter().collect();
    if how == "for good" {
        text.push_str(&undo_words(&not_kept));
    }
    Ok(ToolOutput::text(text, "deleted"))
}

/// Whether it went to the system's bin. A link does not: bins follow some.
fn to_bin(place: &Located, host: &Host) -> bool {
    let Some(parent) = place.absolute.parent() else {
        return false;
    };
    // Where the bin is depends on who the user is: without that there is none.
    let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    host.env.contains_key(home)
        && place.kind != Kind::Link
        && parent.canonicalize().is_ok_and(|real| real == parent)
        && trash::delete(&place.absolute).is_ok()
        // Believed only where the open folder says so too.
        && place.kind_now().is_ok_and(|kind| kind == Kind::Missing)
}

fn remove(place: &Located) -> Result<(), ToolError> {
    let removed = place.open_parent().and_then(|parent| {
        match place.kind {
            Kind::Folder => parent.remove_dir_all(place.name())?,
            _ => cap_fs_ext::DirExt::remove_file_or_symlink(&parent, place.name())?,
        }
        sync(&parent);
        Ok(())
    });
    removed.map_err(failed(&place.shown))
}

#[cfg(test)]
mod tests;
