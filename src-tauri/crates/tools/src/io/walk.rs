//! Where `find_files`, `search_files` and `list_directory` begin, and the walk of the first two: ignore files count, links are not followed.
//!
//! Owns which files are looked at. It gives names alone: who opens one does so through the open folder, so that a folder that became
//! a link during the walk leads nowhere.

use std::path::Path;

use ignore::{
    WalkBuilder,
    overrides::{Override, OverrideBuilder},
};

use super::disk::blocking;
use crate::{
    ToolContext, ToolError,
    workspace::{Located, PathError, Purpose, Walls},
};

/// Where a call that looks around begins: the working folder if it names none. `fits` says what may be there.
pub(super) async fn start(
    path: Option<String>,
    ctx: &ToolContext,
    fits: impl FnOnce(&Located) -> Result<(), PathError> + Send + 'static,
) -> Result<Located, ToolError> {
    let workspace = ctx.workspace()?.clone();
    let host = ctx.host.clone();
    let path = path.unwrap_or_else(here);
    blocking(move || {
        let place = workspace.locate(&path, Purpose::Read, &host)?;
        fits(&place)?;
        Ok(place)
    })
    .await
}

/// The working folder, as schemas say it.
pub(super) fn here() -> String {
    ".".to_owned()
}

/// Globs of a call, compiled.
pub(super) fn globs(root: &Path, globs: &[String]) -> Result<Override, ToolError> {
    let wrong =
        |error: ignore::Error| ToolError::BadArguments(format!("The glob is wrong: {error}."));
    let mut builder = OverrideBuilder::new(root);
    // Cameras write `.JPG`, people `.jpg`.
    builder.case_insensitive(true).map_err(wrong)?;
    for glob in globs {
        builder.add(glob.trim_start_matches("./")).map_err(wrong)?;
    }
    builder.build().map_err(wrong)
}

/// A walk of the folder at `place`: files that `globs` let through. With `all`, hidden files and those that ignore files leave out
/// too; what is in a `.git` folder never.
pub(super) fn builder(place: &Located, globs: Override, walls: Walls, all: bool) -> WalkBuilder {
    let walls = walls.below(&place.absolute);
    let mut builder = WalkBuilder::new(&place.absolute);
    builder
        .follow_links(false)
        .standard_filters(!all)
        // That file lies outside, and depends on who runs the app.
        .git_global(false)
        // A folder that is no repository yet has its ignore file for a reason too.
        .require_git(false)
        .max_depth(Some(128))
        .filter_entry(move |entry| {
            let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            entry.depth() == 0
                || (entry.file_name() != ".git"
                    && !globs.matched(entry.path(), folder).is_ignore()
                    && !walls.hides(entry.path(), true))
        });
    builder
}
