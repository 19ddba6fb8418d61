//! Models in several GGUF files, as they lie in a folder: which file stands for the model, and what it is called.
//!
//! Owns names and sizes only; `worker-client` says whether the files are one model.

use std::{fs, path::Path, time::SystemTime};

use nexus_worker_client::gguf;

/// What a file calls its model: its name without the ending, and without `-00001-of-00003` where it is the first of several.
pub fn stem_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    match gguf::part_of(&stem) {
        Some((base, 1, _)) => base.to_owned(),
        _ => stem.into_owned(),
    }
}

/// Whether it is one file of a model whose first is beside it. Without that one it is listed, so that people see what is amiss.
pub fn is_later_part(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    match gguf::part_of(&stem) {
        Some((base, 2.., count)) => {
            let first = path.with_file_name(format!("{base}-00001-of-{count:05}.gguf"));
            first.is_file() || first.is_symlink()
        }
        _ => false,
    }
}

/// The state of a model's files: the bytes of all, and when the newest was changed.
pub fn state_of(path: &Path) -> (u64, Option<SystemTime>) {
    let parts = gguf::parts(path);
    let parts = parts.iter().filter_map(|part| fs::metadata(part).ok());
    parts.fold((0, None), |(bytes, newest), data| {
        (
            u64::saturating_add(bytes, data.len()),
            newest.max(data.modified().ok()),
        )
    })
}
