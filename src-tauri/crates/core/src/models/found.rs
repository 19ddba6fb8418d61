//! Models that other apps keep on this disk.
//!
//! Owns where those apps keep them and what they call them. Reads names, headers and settings only, within bounds; refuses to change anything
//! there.

mod cache;
mod ollama;
mod walk;

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use nexus_protocol::{FoundApp, FoundModel, ModelRef};
use nexus_worker_client::{ModelFile, folder};

use super::{files, listing::models_in, split};

/// More than anybody has; what comes after is not looked at.
const MAX_FOUND: usize = 500;

/// A file or folder, and what its app calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    name: String,
    path: PathBuf,
}

/// The folders of the apps, as this environment has them. Pure.
fn places(env: &BTreeMap<String, String>) -> Vec<(FoundApp, PathBuf)> {
    let var = |name: &str| {
        env.get(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = var("HOME").or_else(|| var("USERPROFILE"));
    let below = |path: &str| home.as_ref().map(|home| home.join(path));
    let roaming = var("APPDATA");
    let local = var("LOCALAPPDATA");
    let data = var("XDG_DATA_HOME").or_else(|| below(".local/share"));
    let config = var("XDG_CONFIG_HOME").or_else(|| below(".config"));
    let cache = var("XDG_CACHE_HOME").or_else(|| below(".cache"));
    let mac = below("Library/Application Support");
    let within = |root: &Option<PathBuf>, path: &str| root.as_ref().map(|root| root.join(path));
    let hugging = var("HF_HUB_CACHE")
        .or_else(|| var("HUGGINGFACE_HUB_CACHE"))
        .or_else(|| var("HF_HOME").map(|home| home.join("hub")))
        .or_else(|| within(&cache, "huggingface/hub"));
    let mut places: Vec<(FoundApp, Option<PathBuf>)> = vec![
        (FoundApp::LmStudio, below(".lmstudio/models")),
        (FoundApp::LmStudio, below(".cache/lm-studio/models")),
        (
            FoundApp::Ollama,
            var("OLLAMA_MODELS").or_else(|| below(".ollama/models")),
        ),
        // Where its service on Linux keeps them.
        (
            FoundApp::Ollama,
            cfg!(target_os = "linux").then(|| PathBuf::from("/usr/share/ollama/.ollama/models")),
        ),
        (FoundApp::Jan, below("jan")),
        (FoundApp::Jan, within(&data, "Jan/data")),
        (FoundApp::Jan, within(&config, "Jan/data")),
        (FoundApp::Jan, within(&mac, "Jan/data")),
        (FoundApp::Jan, within(&roaming, "Jan/data")),
    ];
    places.extend(match var("LLAMA_CACHE") {
        Some(chosen) => vec![(FoundApp::LlamaCpp, Some(chosen))],
        None => vec![
            (FoundApp::LlamaCpp, within(&cache, "llama.cpp")),
            (FoundApp::LlamaCpp, below("Library/Caches/llama.cpp")),
            (FoundApp::LlamaCpp, within(&local, "llama.cpp")),
        ],
    });
    places.push((FoundApp::HuggingFace, hugging));
    places
        .into_iter()
        .filter_map(|(app, path)| Some((app, path?)))
        .collect()
}

/// All models of other apps, by app and name; a file that several apps share is named once. Blocks on the disk.
pub fn look(env: &BTreeMap<String, String>, models: &Path) -> Vec<FoundModel> {
    let here = models_in(models);
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for (app, place) in places(env) {
        // Our own folder may lie in one of theirs.
        let theirs = match app {
            FoundApp::Ollama => ollama::models(&place),
            FoundApp::HuggingFace => {
                let mut all = walk::models(app, &place);
                all.extend(cache::folders(&place));
                all
            }
            _ => walk::models(app, &place),
        };
        for Named { name, path } in theirs {
            // Links are followed here, so that what is shown is what would be taken.
            let Ok(real) = fs::canonicalize(&path) else {
                continue;
            };
            if found.len() >= MAX_FOUND || real.starts_with(models) || !seen.insert(real.clone()) {
                continue;
            }
            found.push(describe(app, name, real, &here));
        }
    }
    found.sort_by(|a, b| (a.app, &a.name).cmp(&(b.app, &b.name)));
    found
}

fn describe(app: FoundApp, name: String, path: PathBuf, here: &[(String, PathBuf)]) -> FoundModel {
    let outcome = ModelFile::inspect(&path);
    let bytes = match &outcome {
        Ok(file) => file.file_bytes(),
        Err(_) if path.is_dir() => {
            let files = folder::weight_files(&path).into_iter();
            let sizes = files.filter_map(|file| fs::metadata(file).ok());
            sizes.map(|data| data.len()).sum()
        }
        Err(_) => split::state_of(&path).0,
    };
    FoundModel {
        app,
        name: name.chars().filter(|c| !c.is_control()).take(200).collect(),
        bytes,
        here: here
            .iter()
            .find(|(_, ours)| files::same_model(ours, &path))
            .map(|(name, _)| ModelRef::new(ModelRef::LOCAL, name)),
        path: path.display().to_string(),
        quantization: outcome
            .as_ref()
            .ok()
            .map(|file| file.quantization().to_owned()),
        problem: outcome.err().map(|error| error.card()),
    }
}

#[cfg(test)]
mod tests;
