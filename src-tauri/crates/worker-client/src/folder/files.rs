//! The files that make up a model in a folder, by their names, and where those of them that are links lead.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use super::weights::{self, RESIDUAL};
use super::{is_uqff_file, json, limits, names_in};

/// Whether a file of this name holds weights in safetensors that are a model by themselves.
pub fn is_whole(name: &str) -> bool {
    name.ends_with(".safetensors") && name != RESIDUAL
}

/// Whether a file of this name is in UQFF, and the first of its parts.
pub fn is_first_uqff(name: &str) -> bool {
    name.strip_suffix(".uqff").is_some_and(|stem| {
        let number = stem.rsplit_once('-').map(|(_, number)| number);
        !number.is_some_and(|number| number.parse().is_ok_and(|number: u32| number > 0))
    })
}

/// The files of weights of the model at `path`, a folder or a UQFF file. Empty where there are none. Blocks on the disk.
pub fn weight_files(path: &Path) -> Vec<PathBuf> {
    let (folder, chosen) = place_of(path);
    let names = names_in(&folder).unwrap_or_default();
    let (_, files) = weights::taken(&names, chosen.as_deref());
    files
        .into_iter()
        .map(|name| folder.join(name))
        .filter(|file| file.is_file())
        .collect()
}

/// All files of the model at `path`: its weights, the small files beside them, and those of the parts that `modules.json` names,
/// one folder down. What else lies there is another model's, or nobody's. Blocks on the disk.
pub fn files(path: &Path) -> Vec<PathBuf> {
    let (folder, _) = place_of(path);
    let files_in = |folder: &Path| -> Vec<PathBuf> {
        let names = names_in(folder).unwrap_or_default();
        names.into_iter().map(|name| folder.join(name)).collect()
    };
    let mut files = weight_files(path);
    files.extend(files_in(&folder).into_iter().filter(|file| is_beside(file)));
    for part in parts_in(&folder) {
        files.extend(files_in(&part));
    }
    files
}

/// Whether a file is one of those beside the weights: small, and neither hidden nor weights itself.
fn is_beside(file: &Path) -> bool {
    let name = super::name_of(file).to_ascii_lowercase();
    !name.starts_with('.')
        && ![".safetensors", ".uqff", ".gguf"]
            .iter()
            .any(|ending| name.ends_with(ending))
        && fs::metadata(file).is_ok_and(|data| data.len() <= limits::TOKENIZER_BYTES)
}

/// The state of a folder: the bytes of all its files, and when the newest was changed. Blocks on the disk.
pub fn state(folder: &Path) -> (u64, Option<SystemTime>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .take(limits::ENTRIES)
        .filter_map(|entry| fs::metadata(entry.path()).ok())
        .fold((0, None), |(bytes, newest), data| {
            let changed = data.modified().ok();
            (bytes.saturating_add(data.len()), newest.max(changed))
        })
}

/// Where the links among the files of the model at `path` lead: what its worker must be able to read besides the folder.
///
/// The weights may lie anywhere, for they were looked into; of the other files, only those that lie beside them. A folder of a
/// stranger cannot have its worker read what else is on this disk.
pub(crate) fn linked(path: &Path) -> Vec<PathBuf> {
    links(path)
        .into_iter()
        .filter_map(|link| match link {
            Link::Known(target) => Some(target),
            Link::Strange(_) => None,
        })
        .collect()
}

/// The name of a file that is a link to where no weights are.
pub(super) fn strange(path: &Path) -> Option<String> {
    links(path).into_iter().find_map(|link| match link {
        Link::Known(_) => None,
        Link::Strange(file) => Some(super::name_of(&file)),
    })
}

enum Link {
    /// To this place, as the link names it.
    Known(PathBuf),
    /// This file, to a place where no weights are.
    Strange(PathBuf),
}

fn links(path: &Path) -> Vec<Link> {
    let Ok(own) = place_of(path).0.canonicalize() else {
        return Vec::new();
    };
    let weights = weight_files(path);
    let homes: BTreeSet<PathBuf> = weights
        .iter()
        .filter_map(|file| Some(file.canonicalize().ok()?.parent()?.to_owned()))
        .collect();
    files(path)
        .into_iter()
        .filter_map(|file| {
            let (target, real) = (fs::read_link(&file).ok()?, file.canonicalize().ok()?);
            let home = real.parent()?;
            if homes.contains(home) || real.starts_with(&own) {
                Some(Link::Known(file.parent()?.join(target)))
            } else {
                // Of what the engine does not look at, nothing is to be said.
                [".json", ".jinja", ".tiktoken", ".safetensors"]
                    .iter()
                    .any(|ending| file.to_string_lossy().ends_with(ending))
                    .then_some(Link::Strange(file))
            }
        })
        .collect()
}

/// The folder, and the name of the UQFF file that was meant.
pub(super) fn place_of(path: &Path) -> (PathBuf, Option<String>) {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if is_uqff_file(path) => {
            (folder.to_owned(), Some(name.to_string_lossy().into_owned()))
        }
        _ => (path.to_owned(), None),
    }
}

/// The folders of the parts of an embedding model. Those that lead elsewhere are refused by the check.
fn parts_in(folder: &Path) -> Vec<PathBuf> {
    let modules: Option<Vec<Value>> =
        json(&folder.join("modules.json"), limits::SETTINGS_BYTES).ok();
    let mut parts: Vec<PathBuf> = modules
        .iter()
        .flatten()
        .filter_map(|module| module.get("path")?.as_str())
        .filter(|path| {
            let mut names = Path::new(path).components();
            matches!(
                (names.next(), names.next()),
                (Some(Component::Normal(_)), None)
            )
        })
        .map(|path| folder.join(path))
        .filter(|part| part.is_dir() && !part.is_symlink())
        .collect();
    parts.sort();
    parts.dedup();
    parts
}

#[cfg(test)]
mod tests;
