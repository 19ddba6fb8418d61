//! Ollama: manifests with names, and blobs that only have checksums.
//!
//! Owns reading its manifests, whose names and numbers may be anything.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use nexus_hub::Sha256Sum;
use serde::Deserialize;

use super::Named;

/// A manifest has a layer for each of model, template, licence and a few more.
const MAX_MANIFEST: u64 = 1024 * 1024;
/// host/namespace/model/tag.
const DEPTH: usize = 4;
const MAX_ENTRIES: usize = 20_000;

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    #[serde(rename = "mediaType", default)]
    kind: String,
    #[serde(default)]
    digest: String,
}

/// Its models that are on the disk.
pub fn models(place: &Path) -> Vec<Named> {
    let root = place.join("manifests");
    let mut files = Vec::new();
    let mut looked_at = 0;
    let mut open: Vec<(PathBuf, Vec<String>)> = vec![(root, Vec::new())];
    while let Some((folder, parts)) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            looked_at += 1;
            if looked_at > MAX_ENTRIES {
                return files;
            }
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
                continue;
            };
            let mut parts = parts.clone();
            parts.push(name);
            if kind.is_dir() && parts.len() < DEPTH {
                open.push((entry.path(), parts));
            } else if kind.is_file()
                && parts.len() == DEPTH
                && let Some(blob) = weights(&entry.path(), place)
            {
                files.push(Named {
                    name: name_of(&parts),
                    path: blob,
                });
            }
        }
    }
    files
}

fn weights(manifest: &Path, place: &Path) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    fs::File::open(manifest)
        .ok()?
        .take(MAX_MANIFEST)
        .read_to_end(&mut bytes)
        .ok()?;
    let manifest: Manifest = serde_json::from_slice(&bytes).ok()?;
    let layer = manifest
        .layers
        .into_iter()
        .find(|layer| layer.kind == "application/vnd.ollama.image.model")?;
    // Read as a checksum, so that no path can hide in it.
    let sum: Sha256Sum = layer.digest.strip_prefix("sha256:")?.parse().ok()?;
    let blobs = place.join("blobs");
    [format!("sha256-{sum}"), format!("sha256:{sum}")]
        .iter()
        .map(|name| blobs.join(name))
        .find(|blob| blob.is_file())
}

/// As `ollama list` writes it.
fn name_of(parts: &[String]) -> String {
    let [host, namespace, model, tag] = parts else {
        return parts.join("/");
    };
    match (host.as_str(), namespace.as_str()) {
        ("registry.ollama.ai", "library") => format!("{model}:{tag}"),
        ("registry.ollama.ai", _) => format!("{namespace}/{model}:{tag}"),
        _ => format!("{host}/{namespace}/{model}:{tag}"),
    }
}
