//! `move_path`: another name or folder for a file or folder.
//!
//! Owns the rename. It copies nothing: to another disk it does not go.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use nexus_checkpoints::{Intent, Recorder};
use nexus_protocol::{Capability, FileAccess, FileAction, ResultPart, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    disk::{
        blocking, changed_since, done, expect_nothing, failed, hash, keep, make_folders,
        rename_new, sync, undo_words,
    },
    tree::{Reach, Walked, walk},
};
use crate::{
    Host, Prepared, Tool, ToolContext, ToolError, ToolOutput, Workspace,
    tool::{action, arguments, spec_of},
    workspace::{Kind, Located, PathError, Purpose, Walls},
};

/// Entries of a folder that is moved or deleted as a whole.
pub(super) const MOST_ENTRIES: usize = 10_000;

/// Moves or renames a file or a folder. Folders above the new place are made. An existing file is not overwritten unless asked for, a
/// folder never.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// What is moved: relative to the working folder, or absolute.
    from: String,
    /// Its whole new path, with the name.
    to: String,
    /// Whether a file at the new place is overwritten.
    #[serde(default)]
    #[schemars(with = "bool", default = "no")]
    overwrite: bool,
}

fn no() -> bool {
    false
}

/// The tool.
pub struct MovePath;

#[async_trait]
impl Tool for MovePath {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("move_path")
    }

    fn capability(&self) -> Capability {
        Capability::Write
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let input: Input = arguments(value)?;
        let workspace = ctx.workspace()?.clone();
        ctx.recorder()?;
        let host = ctx.host.clone();
        let plan = blocking(move || Move::plan(&input, &workspace, &host)).await?;
        let object = format!("{} → {}", plan.from.shown, plan.to.shown);
        let mut action = action("move_path", Capability::Write, "Move", &object, &seen);
        action.files = plan.files();
        Ok(Prepared::new(action, move |ctx| async move {
            let recorder = ctx.recorder()?.clone();
            let host = ctx.host.clone();
            blocking(move || plan.make(&recorder, &host)).await
        }))
    }
}

/// A rename that was looked at.
struct Move {
    from: Located,
    to: Located,
    /// What stands for the content of both.
    present: Present,
    overwritten: Option<String>,
}

/// What is at a place, for the comparison when it is changed.
pub(super) struct Present {
    /// SHA-256 of a file's content; of all names, sizes and times in a folder.
    pub(super) hash: String,
    /// What is in a folder.
    pub(super) inside: Walked,
}

impl Present {
    /// Looks.
    pub(super) fn at(place: &Located, host: &Host) -> Result<Self, ToolError> {
        let mut inside = Walked::default();
        let hash = match place.kind {
            Kind::Folder => {
                let walls = Walls::of(host);
                if walls.stand_in(&place.absolute) {
                    return Err(ToolError::BadArguments(format!(
                        "“{}” holds data of the app or keys of the user. It stays where it is.",
                        place.shown
                    )));
                }
                let reach = Reach {
                    depth: usize::MAX,
                    entries: MOST_ENTRIES,
                    walls: &walls,
                    closed: &[],
                };
                inside = walk(place, &reach)?;
                if inside.more || !inside.unreadable.is_empty() {
                    return Err(ToolError::Failed(format!(
                        "“{}” holds more than {MOST_ENTRIES} files and folders, or some that cannot be read. Take what is in it one by one.",
                        place.shown
                    )));
                }
                inside.fingerprint()
            }
            Kind::Link => {
                let target = place
                    .open_parent()
                    .and_then(|parent| parent.read_link_contents(place.name()))
                    .map_err(failed(&place.shown))?;
                crate::tool::sha256(target.as_os_str().as_encoded_bytes())
            }
            _ => hash(place)?,
        };
        Ok(Self { hash, inside })
    }

    /// Whether something in a folder, or it itself, is protected.
    pub(super) fn protected(&self, place: &Located) -> bool {
        let below = |path: &Path| place.join(path, Kind::Missing).protected;
        place.protected || self.inside.entries.iter().any(|entry| below(&entry.path))
    }
}

impl Move {
    fn plan(input: &Input, workspace: &Workspace, host: &Host) -> Result<Self, ToolError> {
        let from = workspace.locate(&input.from, Purpose::Entry, host)?;
        if from.is_top() {
            return Err(ToolError::BadArguments(
                "The working folder itself cannot be moved.".to_owned(),
            ));
        }
        match from.kind {
            Kind::Folder | Kind::Link => {}
            _ => _ = from.expect_file()?,
        }
        let to = match workspace.locate(&input.to, Purpose::Entry, host) {
            // Another spelling of the same name is a rename too.
            Err(PathError::OtherSpelling { asked, real }) if real == from.shown => {
                let name = Path::new(&asked).file_name().unwrap_or(OsStr::new(""));
                from.renamed(name)
            }
            located => located?,
        };
        if to.absolute == from.absolute {
            return Err(ToolError::BadArguments(
                "Both paths are the same.".to_owned(),
            ));
        }
        if to.absolute.starts_with(&from.absolute) {
            return Err(ToolError::BadArguments(format!(
                "“{}” cannot be moved into itself.",
                from.shown
            )));
        }
        let overwritten = match to.kind {
            Kind::Missing => None,
            Kind::Folder => {
                return Err(ToolError::BadArguments(format!(
                    "“{}” is a folder that is there already. Give the whole new path, such as “{}/{}”.",
                    to.shown,
                    to.shown.trim_end_matches('/'),
                    from.name().to_string_lossy()
                )));
            }
            _ if !input.overwrite || from.kind == Kind::Folder => {
                return Err(ToolError::BadArguments(format!(
                    "“{}” is there already. Choose another name{}.",
                    to.shown,
                    if from.kind == Kind::Folder {
                        ""
                    } else {
                        ", or set overwrite"
                    }
                )));
            }
            _ => {
                to.expect_file()?;
                Some(hash(&to)?)
            }
        };
        Ok(Self {
            present: Present::at(&from, host)?,
            overwritten,
            from,
            to,
        })
    }

    fn files(&self) -> Vec<FileAction> {
        let mut from = self.from.action(FileAccess::MoveFrom);
        from.before = Some(self.present.hash.clone());
        from.protected = self.present.protected(&self.from);
        from.undoable = true;
        let mut to = self.to.action(FileAccess::MoveTo);
        to.before.clone_from(&self.overwritten);
        to.after = Some(self.present.hash.clone());
        to.protected |= self.to.protected || {
            let below = |path: &PathBuf| self.to.join(path, Kind::Missing).protected;
            self.present.inside.entries.iter().any(|it| below(&it.path))
        };
        to.undoable = true;
        vec![from, to]
    }

    fn make(self, recorder: &Recorder, host: &Host) -> Result<ToolOutput, ToolError> {
        let Self { from, to, .. } = &self;
        let kind = from.kind_now().map_err(failed(&from.shown))?;
        if std::mem::discriminant(&kind) != std::mem::discriminant(&from.kind)
            || Present::at(from, host)?.hash != self.present.hash
        {
            return Err(changed_since(&from.shown));
        }
        // The new name is the old one to some file systems.
        let respelt = to.kind == Kind::Missing && to.is_other_spelling_of(from);
        match &self.overwritten {
            Some(before) if hash(to)? != *before => return Err(changed_since(&to.shown)),
            None if !respelt => expect_nothing(to)?,
            _ => {}
        }
        make_folders(to, recorder)?;
        let mut not_kept = Vec::new();
        not_kept.extend(keep(recorder, from, &Intent::Absent)?);
        // What is in a folder is found at its new place by the journal itself.
        let intent = match from.kind {
            Kind::Folder => Intent::Folder,
            _ => Intent::Content(self.present.hash.clone()),
        };
        not_kept.extend(keep(recorder, to, &intent)?);
        self.rename(respelt)?;
        done(recorder, from)?;
        done(recorder, to)?;
        let mut text = format!("Moved “{}” to “{}”.", from.shown, to.shown);
        text.push_str(&undo_words(&not_kept));
        Ok(ToolOutput {
            parts: vec![ResultPart::File {
                path: to.shown.clone(),
                bytes: match from.kind {
                    Kind::File { bytes } => Some(bytes),
                    _ => None,
                },
            }],
            ..ToolOutput::text(text, "moved")
        })
    }

    fn rename(&self, respelt: bool) -> Result<(), ToolError> {
        let Self { from, to, .. } = self;
        let renamed = from.open_parent().and_then(|old| {
            let new = to.open_parent()?;
            if self.overwritten.is_some() || respelt {
                old.rename(from.name(), &new, to.name())?;
            } else {
                rename_new(&old, from.name(), &new, to.name())?;
            }
            sync(&old);
            sync(&new);
            Ok(())
        });
        renamed.map_err(|error| match error.kind() {
            io::ErrorKind::CrossesDevices => ToolError::Failed(format!(
                "“{}” is on another disk than “{}”, where nothing can be moved to, only copied.",
                to.shown, from.shown
            )),
            io::ErrorKind::AlreadyExists => changed_since(&to.shown),
            _ => failed(&from.shown)(error),
        })
    }
}

#[cfg(test)]
mod tests;
