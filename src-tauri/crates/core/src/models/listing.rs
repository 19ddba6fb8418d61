//! What the models folder holds, by names alone: files, and folders that are one model each.
//!
//! Owns the names. Refuses to look into files: whether a model can be used is told by its check.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nexus_worker_client::folder;

use super::split;

/// All models: the name after `local/`, and the file or folder. A folder with one model in it gives its name, and so does one that
/// is a model itself; the others in it have their files' names after that. A file that somebody put beside the folders has its
/// own, with the ending where a folder has the same.
pub fn models_in(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut models = Vec::new();
    for place in entries(folder) {
        let name = name_of(&place);
        if name.starts_with('.') {
            continue;
        }
        if place.is_dir() {
            models.extend(inside(&name, &place));
        } else if is_file_model(&place) {
            let stem = stem_of(&place);
            let taken = folder.join(&stem).is_dir();
            models.push((if taken { name } else { stem }, place));
        } else if place.is_symlink() && !place.exists() {
            // A link whose folder is gone is listed, so that people see what became of their model.
            models.push((name, place));
        }
    }
    models
}

/// The models of one folder.
fn inside(name: &str, place: &Path) -> Vec<(String, PathBuf)> {
    let entries = entries(place);
    let mut files: Vec<PathBuf> = entries
        .iter()
        .filter(|file| is_file_model(file))
        .cloned()
        .collect();
    let itself = is_folder_model(&entries, &files);
    if itself
        && files.iter().filter(|file| folder::is_uqff(file)).count() == 1
        && !has_whole(&entries)
    {
        // It is the folder's own.
        files.retain(|file| !folder::is_uqff(file));
    }
    match (itself, files.as_slice()) {
        (false, [only]) => vec![(name.to_owned(), only.clone())],
        _ => itself
            .then(|| (name.to_owned(), place.to_path_buf()))
            .into_iter()
            .chain(
                files
                    .iter()
                    .map(|file| (format!("{name}/{}", stem_of(file)), file.clone())),
            )
            .collect(),
    }
}

/// Whether a folder is a model: it has weights of its own, or is meant to have some and has no other model.
fn is_folder_model(entries: &[PathBuf], files: &[PathBuf]) -> bool {
    let meant = |file: &PathBuf| {
        folder::is_uqff(file) || name_of(file).ends_with(".safetensors.index.json")
    };
    has_whole(entries)
        || files.iter().filter(|file| folder::is_uqff(file)).count() == 1
        || (files.is_empty() && entries.iter().any(meant))
}

fn has_whole(entries: &[PathBuf]) -> bool {
    entries.iter().any(|file| folder::is_whole(&name_of(file)))
}

/// Sorted, so that a list looks the same each time. A folder that cannot be read has nothing in it.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// The last part of a path, for people.
pub fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Without its ending, and without the number of the first of several parts.
fn stem_of(path: &Path) -> String {
    let stem = split::stem_of(path);
    match stem.strip_suffix("-0") {
        Some(stem) if folder::is_uqff(path) => stem.to_owned(),
        _ => stem,
    }
}

/// Whether a file is a model, or the first of the files that are one.
fn is_file_model(path: &Path) -> bool {
    let named = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"))
        || folder::is_first_uqff(&name_of(path));
    // A link whose file is gone is listed, too.
    named && (path.is_file() || path.is_symlink()) && !split::is_later_part(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        models_in(dir.path())
            .into_iter()
            .map(|(name, path)| {
                let path = path.strip_prefix(dir.path()).unwrap();
                let path = path.display().to_string().replace('\\', "/");
                format!("{name} = {path}")
            })
            .collect()
    }

    #[test]
    fn folders_give_names() {
        assert_eq!(
            names(&[
                "one/a.gguf",
                "one/notes.txt",
                "two/b.GGUF",
                "two/c.gguf",
                ".import-1/d.gguf",
                "loose.gguf",
                "one.gguf",
                "none/x.bin",
                "none/config.json",
            ]),
            [
                "loose = loose.gguf",
                "one = one/a.gguf",
                "one.gguf = one.gguf",
                "two/b = two/b.GGUF",
                "two/c = two/c.gguf",
            ]
        );
        assert_eq!(models_in(Path::new("/nowhere/at/all")), []);
    }

    #[test]
    fn a_folder_with_weights_is_one_model() {
        assert_eq!(
            names(&[
                "whole/config.json",
                "whole/model-00001-of-00002.safetensors",
                "whole/model-00002-of-00002.safetensors",
                "uqff/config.json",
                "uqff/q4k-0.uqff",
                "uqff/q4k-1.uqff",
                "uqff/residual.safetensors",
                "several/q4k-0.uqff",
                "several/q8_0-0.uqff",
                "several/residual.safetensors",
                "both/model.safetensors",
                "both/q4k-0.uqff",
                "both/b.gguf",
            ]),
            [
                "both = both",
                "both/b = both/b.gguf",
                "both/q4k = both/q4k-0.uqff",
                "several/q4k = several/q4k-0.uqff",
                "several/q8_0 = several/q8_0-0.uqff",
                "uqff = uqff",
                "whole = whole",
            ]
        );
    }

    #[test]
    fn a_folder_that_lacks_something_is_listed_to_be_told_of() {
        assert_eq!(
            names(&[
                "no-settings/model.safetensors",
                "no-weights/config.json",
                "no-weights/model.safetensors.index.json",
                "no-start/q4k-1.uqff",
                // Settings that came with a file are no model of their own.
                "file/config.json",
                "file/tokenizer.json",
                "file/a.gguf",
                "loose.uqff",
            ]),
            [
                "file = file/a.gguf",
                "loose = loose.uqff",
                "no-settings = no-settings",
                "no-start = no-start",
                "no-weights = no-weights",
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_models_also_where_they_lead_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let (models, elsewhere) = (dir.path().join("models"), dir.path().join("elsewhere"));
        fs::create_dir(&models).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("model.safetensors"), "x").unwrap();
        for (name, target) in [("here", "elsewhere"), ("gone", "nowhere")] {
            std::os::unix::fs::symlink(dir.path().join(target), models.join(name)).unwrap();
        }
        std::os::unix::fs::symlink("/nowhere/a.gguf", models.join("a.gguf")).unwrap();
        let names: Vec<String> = models_in(&models)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["a", "gone", "here"]);
    }
}
