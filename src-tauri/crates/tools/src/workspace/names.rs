//! Path texts and names, before any of them is looked up.
//!
//! Owns what a text says. Pure: touches no disk.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    path::{Component, Path, PathBuf},
};

use unicode_normalization::UnicodeNormalization;

use super::PathError;
use crate::plain;

/// Bytes of a path.
const MOST_BYTES: usize = 4096;
/// Bytes of a name.
const MOST_NAME_BYTES: usize = 255;
/// Names in a path: more than anybody's folders have, and few enough that each may be looked at from each of the others.
const MOST_STEPS: usize = 200;

/// Where a path begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// In the working folder.
    Here,
    /// At the top of this system: `/`, `C:\`.
    Root(PathBuf),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `..`
    Up,
    /// To the entry of this name.
    Into(OsString),
}

/// What a text says.
pub(super) fn parse(text: &str) -> Result<(Start, Vec<Step>), PathError> {
    if text.is_empty() {
        return Err(PathError::Empty);
    }
    if text.contains('\0') {
        return Err(PathError::Nul);
    }
    if text.len() > MOST_BYTES {
        return Err(PathError::TooLong {
            length: text.len(),
            most: MOST_BYTES,
        });
    }
    if text == "~" || text.starts_with("~/") || text.starts_with("~\\") {
        return Err(PathError::Tilde);
    }
    if ["\\\\", "//", "\\/", "/\\"]
        .iter()
        .any(|start| text.starts_with(start))
    {
        return Err(PathError::Network {
            path: text.to_owned(),
        });
    }
    let path = Path::new(text);
    let steps = steps_of(path);
    if steps.len() > MOST_STEPS {
        return Err(PathError::TooDeep {
            steps: steps.len(),
            most: MOST_STEPS,
        });
    }
    for step in &steps {
        if let Step::Into(name) = step
            && name.len() > MOST_NAME_BYTES
        {
            return Err(PathError::NameTooLong {
                name: name.to_string_lossy().chars().take(40).collect::<String>() + "…",
                length: name.len(),
            });
        }
    }
    let top: PathBuf = path
        .components()
        .take_while(|part| matches!(part, Component::Prefix(_) | Component::RootDir))
        .collect();
    if top.as_os_str().is_empty() {
        Ok((Start::Here, steps))
    } else if path.is_absolute() {
        Ok((Start::Root(top), steps))
    } else {
        // `C:name` and `\name` mean a folder that only the system knows.
        Err(PathError::Foreign {
            name: text.to_owned(),
            reason: "depends on the current folder of a drive",
        })
    }
}

/// The steps of a path after its top.
pub(super) fn steps_of(path: &Path) -> Vec<Step> {
    path.components()
        .filter_map(|part| match part {
            Component::ParentDir => Some(Step::Up),
            Component::Normal(name) => Some(Step::Into(name.to_owned())),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
        })
        .collect()
}

/// What is left of an absolute path below `folder`, where it begins with it word for word.
pub(super) fn below(root: &Path, steps: &[Step], folder: &Path) -> Option<Vec<Step>> {
    if !folder.starts_with(root) {
        return None;
    }
    steps
        .strip_prefix(steps_of(folder).as_slice())
        .map(<[Step]>::to_vec)
}

/// Puts the steps of a link's target in front.
pub(super) fn prepend(steps: &mut VecDeque<Step>, target: &Path) {
    for step in steps_of(target).into_iter().rev() {
        steps.push_front(step);
    }
}

/// Names that are the same to some file systems: letter case and the way accents are written do not count.
pub(super) fn folded(name: &OsStr) -> String {
    name.to_string_lossy()
        .nfc()
        .collect::<String>()
        .to_lowercase()
}

/// Why a name means something else on another system, or cannot be seen as what it is. Such a name is used where it exists on
/// this system and nowhere made.
pub(super) fn foreign(name: &OsStr) -> Option<&'static str> {
    let Some(name) = name.to_str() else {
        return Some("is not valid Unicode");
    };
    if name.contains('\\') {
        return Some("has a backslash in it (paths are written with `/`)");
    }
    if name.contains(':') {
        return Some("has a colon in it, as drives and alternate streams have");
    }
    if name.contains(['<', '>', '"', '|', '?', '*']) {
        return Some("has one of < > \" | ? * in it");
    }
    if name.chars().any(char::is_control) {
        return Some("has control characters in it");
    }
    if plain::for_model(name) != name {
        return Some("has invisible characters in it");
    }
    if name.ends_with(['.', ' ']) {
        return Some("ends in a dot or a space");
    }
    if is_device(name) {
        return Some("is a device on Windows");
    }
    if is_short(name) {
        return Some("is a short (8.3) name on Windows");
    }
    None
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let stem = stem.to_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$"
    ) {
        return true;
    }
    let mut letters = stem.chars();
    let kind: String = letters.by_ref().take(3).collect();
    let number: Vec<char> = letters.collect();
    (kind == "COM" || kind == "LPT")
        && matches!(number.as_slice(), [c] if c.is_ascii_digit() || ['¹', '²', '³'].contains(c))
}

/// `PROGRA~1`, `LONGNA~2.TXT`.
fn is_short(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let Some((start, number)) = stem.rsplit_once('~') else {
        return false;
    };
    !start.is_empty()
        && stem.len() <= 8
        && extension.len() <= 3
        && !number.is_empty()
        && number.chars().all(|c| c.is_ascii_digit())
}
