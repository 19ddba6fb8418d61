//! The weights as their author published them: a repository for Transformers, which is taken as a folder.
//!
//! Owns: which of its files make the model. Refuses to own: whether an engine knows it, which `config.json` tells.

use std::collections::BTreeMap;

use super::{Choice, Form, Group, MAX_PARTS};
use crate::{quantization::part_of, tree::HubFile};

/// What a folder is nothing without.
const NEEDED: [&str; 2] = ["config.json", "tokenizer.json"];
/// What the engine reads where it is there.
const READ: [&str; 7] = [
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "model.safetensors.index.json",
];
/// Of one of them, in bytes: as much as the check of a folder reads.
const MAX_SETTINGS: u64 = 128 * 1024 * 1024;

/// The choice, where all of it lies at the top of the repository.
pub(super) fn choice(all: &[HubFile]) -> Option<Choice> {
    let named = |name: &str| all.iter().find(|file| file.path.as_str() == name);
    // A model that makes vectors has parts in folders, whose files have the names of these.
    if named("modules.json").is_some() {
        return None;
    }
    let mut files = weights(all)?;
    let sound = |file: &HubFile| file.checksum.is_some() && (1..=MAX_SETTINGS).contains(&file.size);
    for name in NEEDED {
        files.push(named(name).filter(|file| sound(file))?.clone());
    }
    for file in READ.iter().filter_map(|name| named(name)) {
        // One that is there and cannot be had would be missed.
        files.push(Some(file).filter(|file| sound(file))?.clone());
    }
    let size = files
        .iter()
        .fold(0_u64, |sum, file| sum.saturating_add(file.size));
    Some(Choice {
        form: Form::Folder,
        quantization: None,
        group: Group::Large,
        files,
        companions: Vec::new(),
        size,
    })
}

/// In order: one file, or all parts of it.
fn weights(all: &[HubFile]) -> Option<Vec<HubFile>> {
    if let Some(whole) = all
        .iter()
        .find(|file| file.path.as_str() == "model.safetensors")
    {
        return Some(vec![whole.clone()]);
    }
    let mut parts = BTreeMap::new();
    let mut count = None;
    for file in all {
        let stem = file.path.as_str().strip_suffix(".safetensors");
        if let Some(("model", number, total)) = stem.and_then(part_of) {
            if count.is_some_and(|count| count != total) {
                return None;
            }
            count = Some(total);
            parts.insert(number, file.clone());
        }
    }
    let whole = count.filter(|count| *count <= MAX_PARTS && parts.len() == *count as usize);
    whole.map(|_| parts.into_values().collect())
}
