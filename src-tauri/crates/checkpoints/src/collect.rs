//! Removes contents that no journal names. Works on names alone: what looks like one in any file of any session is live, so a
//! journal that cannot be read loses nothing. Refuses to run beside anybody else: the caller holds the lock.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{CheckpointError, blobs::is_name};

/// Removes from `blobs` what nothing in `sessions` names.
pub(crate) fn collect(sessions: &Path, blobs: &Path) -> Result<(), CheckpointError> {
    let mut live = HashSet::new();
    for file in files_below(sessions)? {
        let bytes = fs::read(&file).map_err(CheckpointError::at(&file))?;
        let words = bytes.split(|byte| !byte.is_ascii_hexdigit());
        let names = words.filter_map(|word| std::str::from_utf8(word).ok());
        live.extend(names.filter(|name| is_name(name)).map(str::to_owned));
    }
    for file in files_below(blobs)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if !live.contains(&*name) {
            fs::remove_file(&file).map_err(CheckpointError::at(&file))?;
        }
    }
    Ok(())
}

/// Files in a folder and in folders in it.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(CheckpointError::at(&folder))? {
            let path = entry.map_err(CheckpointError::at(&folder))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    Ok(files)
}
