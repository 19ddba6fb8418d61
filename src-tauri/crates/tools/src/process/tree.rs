//! What a program changed in the working folder, kept so that it can be undone.

use std::path::{Path, PathBuf};

use nexus_checkpoints::{Recorder, TreeMark};
use nexus_protocol::ResultPart;

use crate::{ToolContext, ToolError};

/// At most this many files are named.
const MAX_NAMED: usize = 20;
/// A result has 16 parts; some are for other things.
const MAX_PARTS: usize = 8;

/// The working folder as it was before a program ran.
#[derive(Debug)]
pub(crate) struct Watch {
    recorder: Recorder,
    root: PathBuf,
    mark: TreeMark,
}

impl Watch {
    /// Keeps the folder.
    ///
    /// # Errors
    /// Where it cannot be kept: then nothing may run.
    pub(crate) async fn begin(ctx: &ToolContext) -> Result<Self, ToolError> {
        let root = ctx.workspace()?.root().to_path_buf();
        Self::keep(ctx.recorder()?.clone(), root).await
    }

    async fn keep(recorder: Recorder, root: PathBuf) -> Result<Self, ToolError> {
        tokio::task::spawn_blocking(move || {
            let mark = recorder.before_tree(&root).map_err(|error| error.to_string())?;
            Ok(Self { recorder, root, mark })
        })
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
        .map_err(|why: String| {
            ToolError::Failed(format!(
                "Nothing was run: the working folder could not be kept for undo ({why}). Tell the user."
            ))
        })
    }

    /// The program ended: records what it changed.
    pub(crate) async fn end(self) -> Changed {
        self.end_blocking().await
    }

    /// Records what was changed so far by a program that goes on; and the watch over what it changes next, where there can be one.
    pub(crate) async fn turn_over(self) -> (Changed, Option<Self>) {
        let (recorder, root) = (self.recorder.clone(), self.root.clone());
        let changed = self.end_blocking().await;
        (changed, Self::keep(recorder, root).await.ok())
    }

    async fn end_blocking(self) -> Changed {
        let Self {
            recorder,
            root,
            mark,
        } = self;
        let not_kept = mark.not_kept.clone();
        tokio::task::spawn_blocking(move || match recorder.after_tree(mark) {
            Ok(paths) => Changed {
                files: paths
                    .iter()
                    .map(|path| ChangedFile::look(path, &root))
                    .collect(),
                not_kept,
                fault: None,
            },
            Err(error) => Changed::fault(error.to_string()),
        })
        .await
        .unwrap_or_else(|error| Changed::fault(error.to_string()))
    }
}

/// What was changed.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    files: Vec<ChangedFile>,
    not_kept: Vec<String>,
    fault: Option<String>,
}

#[derive(Debug)]
struct ChangedFile {
    shown: String,
    /// `None` where it is a folder or gone.
    bytes: Option<u64>,
    there: bool,
}

impl ChangedFile {
    fn look(path: &Path, root: &Path) -> Self {
        let shown = path.strip_prefix(root).unwrap_or(path);
        let found = path.symlink_metadata().ok();
        Self {
            shown: shown.to_string_lossy().replace('\\', "/"),
            bytes: found
                .as_ref()
                .filter(|it| !it.is_dir())
                .map(std::fs::Metadata::len),
            there: found.is_some(),
        }
    }
}

impl Changed {
    fn fault(why: String) -> Self {
        Self {
            fault: Some(why),
            ..Self::default()
        }
    }

    /// For the model: what changed, and what cannot be undone.
    pub(crate) fn note(&self) -> Option<String> {
        let mut lines = Vec::new();
        if !self.files.is_empty() {
            let names: Vec<String> = self
                .files
                .iter()
                .take(MAX_NAMED)
                .map(|file| {
                    if file.there {
                        file.shown.clone()
                    } else {
                        format!("{} (gone)", file.shown)
                    }
                })
                .collect();
            let count = self.files.len();
            let rest = count.saturating_sub(MAX_NAMED);
            lines.push(format!(
                "[changed {count} {}: {}{}]",
                if count == 1 { "file" } else { "files" },
                names.join(", "),
                if rest > 0 {
                    format!(" and {rest} more")
                } else {
                    String::new()
                },
            ));
            if !self.not_kept.is_empty() {
                let named: Vec<&str> = self.not_kept.iter().take(5).map(String::as_str).collect();
                lines.push(format!(
                    "[too big to be undone, if changed: {}]",
                    named.join("; ")
                ));
            }
        }
        if let Some(why) = &self.fault {
            lines.push(format!(
                "[what it changed could not be recorded and cannot be undone: {why}]"
            ));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// For people.
    pub(crate) fn parts(&self) -> impl Iterator<Item = ResultPart> + '_ {
        self.files
            .iter()
            .filter(|file| file.there)
            .take(MAX_PARTS)
            .map(|file| ResultPart::File {
                path: file.shown.clone(),
                bytes: file.bytes,
            })
    }

    /// With what was changed before.
    pub(crate) fn after(mut self, earlier: Self) -> Self {
        let mut files = earlier.files;
        files.retain(|old| self.files.iter().all(|new| new.shown != old.shown));
        files.append(&mut self.files);
        Self {
            files,
            not_kept: self.not_kept,
            fault: self.fault.or(earlier.fault),
        }
    }
}
