//! Apps that keep GGUF files under their names: LM Studio, Jan, llama.cpp, the Hugging Face cache.
//!
//! Owns the bounds of the walk and making a name of a path. Refuses to follow folders that are links: they lead anywhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nexus_protocol::FoundApp;

use super::Named;
use crate::models::split::stem_of;

const MAX_DEPTH: usize = 8;
/// Folders and files looked at below one place.
const MAX_ENTRIES: usize = 50_000;

/// GGUF files below `place`, but for companions of models and the later parts of split ones.
pub fn models(app: FoundApp, place: &Path) -> Vec<Named> {
    let mut files = Vec::new();
    let mut looked_at = 0;
    let mut open: Vec<(PathBuf, usize)> = vec![(place.to_path_buf(), 0)];
    while let Some((folder, depth)) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            looked_at += 1;
            if looked_at > MAX_ENTRIES {
                return files;
            }
            let (path, Ok(kind)) = (entry.path(), entry.file_type()) else {
                continue;
            };
            if kind.is_dir() {
                if depth < MAX_DEPTH {
                    open.push((path, depth + 1));
                }
            } else if is_model(&path) && path.is_file() {
                let name = name(app, path.strip_prefix(place).unwrap_or(&path));
                files.push(Named { name, path });
            }
        }
    }
    files
}

fn is_model(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    name.ends_with(".gguf")
        && !name.starts_with('.')
        && !name.contains("mmproj")
        && !name.contains("imatrix")
        && (!name.contains("-of-0") || name.contains("-00001-of-0"))
}

/// What people know it by.
fn name(app: FoundApp, path: &Path) -> String {
    let parts: Vec<String> = path
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let stem = stem_of(path);
    match app {
        // models--author--name/snapshots/COMMIT/file.gguf
        FoundApp::HuggingFace => match parts.first().and_then(|p| p.strip_prefix("models--")) {
            Some(repository) => format!("{}/{stem}", repository.replace("--", "/")),
            None => stem,
        },
        // All its files have one name: the folders tell them apart.
        FoundApp::Jan if stem == "model" => {
            let folders = parts
                .iter()
                .rev()
                .skip(1)
                .take_while(|part| *part != "models");
            let mut folders: Vec<&str> = folders.map(String::as_str).collect();
            folders.reverse();
            if folders.is_empty() {
                stem
            } else {
                folders.join("/")
            }
        }
        // author/repository/file.gguf
        FoundApp::LmStudio if parts.len() >= 3 => format!("{}/{stem}", parts[0]),
        _ => stem,
    }
}
