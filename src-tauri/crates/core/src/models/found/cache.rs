//! The Hugging Face cache's models that are folders: one snapshot of each, whose files are links to blobs without names.
//!
//! Owns which snapshot is meant. Refuses to follow folders that are links.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nexus_worker_client::folder;

use super::Named;
use crate::models::{
    files::in_cache,
    listing::{entries, name_of},
};

/// More than anybody has.
const MAX_REPOSITORIES: usize = 5_000;
const MAX_SNAPSHOTS: usize = 100;

/// Models of the cache at `place` that are folders with settings and weights.
pub fn folders(place: &Path) -> Vec<Named> {
    entries(place)
        .into_iter()
        .filter(|repository| name_of(repository).starts_with("models--"))
        .take(MAX_REPOSITORIES)
        .filter_map(|repository| {
            let path = snapshot(&repository)?;
            let name = in_cache(&path)?;
            Some(Named { name, path })
        })
        .collect()
}

/// The one that the name `main` stands for, else the newest.
fn snapshot(repository: &Path) -> Option<PathBuf> {
    let all: Vec<PathBuf> = entries(&repository.join("snapshots"))
        .into_iter()
        .take(MAX_SNAPSHOTS)
        .filter(|snapshot| !snapshot.is_symlink() && is_model(snapshot))
        .collect();
    let main = fs::read_to_string(repository.join("refs/main")).unwrap_or_default();
    let meant = all
        .iter()
        .find(|snapshot| name_of(snapshot) == main.trim())
        .cloned();
    let age = |snapshot: &PathBuf| fs::metadata(snapshot).and_then(|data| data.modified()).ok();
    meant.or_else(|| all.into_iter().max_by_key(age))
}

/// Names only: programs fetch the settings of models that they do not run.
fn is_model(snapshot: &Path) -> bool {
    let files = entries(snapshot);
    files.iter().any(|file| name_of(file) == "config.json")
        && files
            .iter()
            .any(|file| folder::is_whole(&name_of(file)) || folder::is_uqff(file))
}
