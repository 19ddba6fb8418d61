//! What a folder with a model in it says of itself, read without trust: `config.json`, `tokenizer.json` and weights in
//! safetensors or UQFF.
//!
//! Owns the checks that stand before the engine, which panics on some of what these refuse. Reads the small files and the
//! headers of the large ones, never the weights; holds to the caps in [`limits`]; runs nothing that a folder brings along.

mod architecture;
mod config;
mod estimate;
mod files;
mod preview;
mod summary;
mod weights;

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use nexus_llm::LocalError;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use architecture::knows;
pub use estimate::FolderMemory;
pub(crate) use files::linked;
pub use files::{files, is_first_uqff, is_whole, state, weight_files};
pub use preview::{Preview, preview};
pub use summary::FolderSummary;

/// How much of a folder is believed.
pub mod limits {
    /// Names that a folder is searched through.
    pub const ENTRIES: usize = 4096;
    /// Bytes of a settings file.
    pub const SETTINGS_BYTES: u64 = 4 << 20;
    /// Bytes of a tokenizer. The largest known ones have about 35 MiB.
    pub const TOKENIZER_BYTES: u64 = 128 << 20;
    /// Bytes of the header of one file of weights.
    pub const HEADER_BYTES: u64 = 32 << 20;
    /// Files of weights.
    pub const WEIGHT_FILES: usize = 512;
}

/// Files of settings that the engine takes in where they are there, and panics on where they are no JSON.
const SETTINGS: &[&str] = &[
    "chat_template.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer_config.json",
];

/// A vocabulary that gpt-oss's way of writing needs beside the model's own.
const HARMONY: &str = "o200k_base.tiktoken";

/// Whether there is a model here that is a folder: a folder with a configuration, or a file in UQFF.
pub fn is_one(path: &Path) -> bool {
    is_uqff_file(path) || path.join("config.json").is_file()
}

/// Reads what the folder at `path` says, or the folder of the UQFF file at `path`. Blocks on the disk.
///
/// # Errors
/// [`LocalError::FileMissing`], [`LocalError::BadFolder`], [`LocalError::UnsupportedArchitecture`] and
/// [`LocalError::UnsupportedQuantization`].
pub fn inspect(path: &Path) -> Result<FolderSummary, LocalError> {
    if !path.exists() {
        return Err(LocalError::FileMissing {
            path: path.display().to_string(),
        });
    }
    read(path).map_err(|fault| fault.at(&path.display().to_string()))
}

fn read(path: &Path) -> Result<FolderSummary, Fault> {
    let (folder, chosen) = files::place_of(path);
    let folder = folder.as_path();
    let names = names_in(folder)?;
    let has = |name: &str| names.iter().any(|other| other == name);
    if has("params.json") {
        // The engine would read it in place of config.json, and what it says was not checked.
        return bad(
            "it has a file params.json, which cannot be read here; take the version for Transformers",
        );
    }
    let settings: Value = json(&folder.join("config.json"), limits::SETTINGS_BYTES)?;
    let modules = has("modules.json");
    let (architecture, kind) = architecture::identify(&settings, modules)?;
    let config = config::read(&settings)?;
    check_tokenizer(folder)?;
    for name in SETTINGS.iter().filter(|name| has(name)) {
        let _settings: serde_json::Map<String, Value> =
            json(&folder.join(name), limits::SETTINGS_BYTES)?;
    }
    if modules {
        check_modules(folder)?;
    }
    let template = template(folder, &names);
    if template.as_deref().is_some_and(architecture::is_harmony) && !has(HARMONY) {
        return bad(format!(
            "its way of writing answers needs the file {HARMONY}, which is not beside it"
        ));
    }
    let weights = weights::read(folder, &names, chosen.as_deref())?;
    if let Some(name) = files::strange(path) {
        return bad(format!(
            "{name} is a link to a place where its weights are not; put the file itself there"
        ));
    }
    Ok(summary::summarize(
        architecture,
        kind,
        config,
        template.as_deref(),
        weights,
    ))
}

/// Files only, sorted.
fn names_in(folder: &Path) -> Result<Vec<String>, Fault> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Fault::Bad(format!("it could not be opened: {error}")))?;
    let mut names = Vec::new();
    for (count, entry) in entries.enumerate() {
        if count >= limits::ENTRIES {
            return bad("it holds too many files to be a model");
        }
        let entry = entry.map_err(|error| Fault::Bad(format!("it could not be read: {error}")))?;
        // Names that are no text cannot be ones that the engine looks for.
        if entry.path().is_file()
            && let Some(name) = entry.file_name().to_str()
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// A whole tokenizer is read once more by the engine; here it must only be JSON.
fn check_tokenizer(folder: &Path) -> Result<(), Fault> {
    #[derive(serde::Deserialize)]
    struct Tokenizer {
        #[serde(rename = "model")]
        _model: serde::de::IgnoredAny,
    }
    let path = folder.join("tokenizer.json");
    json::<Tokenizer>(&path, limits::TOKENIZER_BYTES).map(drop)
}

/// The parts of an embedding model, each with its settings. The engine knows these, and fails on others.
fn check_modules(folder: &Path) -> Result<(), Fault> {
    #[derive(serde::Deserialize)]
    struct Module {
        path: String,
        #[serde(rename = "type")]
        kind: String,
    }
    #[derive(serde::Deserialize)]
    struct Pooling {
        #[serde(default)]
        pooling_mode_mean_tokens: bool,
        #[serde(default)]
        pooling_mode_lasttoken: bool,
    }
    let modules: Vec<Module> = json(&folder.join("modules.json"), limits::SETTINGS_BYTES)?;
    if !modules
        .first()
        .is_some_and(|m| m.kind.ends_with("Transformer"))
    {
        return bad("modules.json does not begin with the model itself");
    }
    for module in modules {
        if PathBuf::from(&module.path)
            .components()
            .any(|part| !matches!(part, std::path::Component::Normal(_)))
        {
            return bad("modules.json leads out of the folder");
        }
        let part = folder.join(&module.path);
        let kind = module.kind.rsplit('.').next().unwrap_or_default();
        match kind {
            "Transformer" | "Normalize" => {}
            "Pooling" => {
                let pooling: Pooling = json(&part.join("config.json"), limits::SETTINGS_BYTES)?;
                if !pooling.pooling_mode_mean_tokens && !pooling.pooling_mode_lasttoken {
                    return bad("it joins the vectors of tokens in a way that cannot be run here");
                }
            }
            "Dense" => {
                let _settings: Value = json(&part.join("config.json"), limits::SETTINGS_BYTES)?;
                weights::header(&part.join("model.safetensors"))?;
            }
            _ => return bad("modules.json names a part that cannot be run here"),
        }
    }
    Ok(())
}

/// The chat template, in the order in which the engine looks for it.
fn template(folder: &Path, names: &[String]) -> Option<String> {
    let has = |name: &str| names.iter().any(|other| other == name);
    let inside = |name: &str| {
        let settings: Value = json(&folder.join(name), limits::SETTINGS_BYTES).ok()?;
        match settings.get("chat_template")? {
            Value::String(text) => Some(text.clone()),
            // Several, each with a name: what any can do counts.
            Value::Array(all) => Some(
                all.iter()
                    .filter_map(|one| one.get("template")?.as_str())
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
            _ => None,
        }
    };
    let jinja = "chat_template.jinja";
    let found = if has(jinja) {
        let bytes = bytes(&folder.join(jinja), limits::SETTINGS_BYTES).ok()?;
        String::from_utf8(bytes).ok()
    } else {
        [
            "processor_config.json",
            "tokenizer_config.json",
            "chat_template.json",
        ]
        .into_iter()
        .filter(|name| has(name))
        .find_map(inside)
    };
    found.filter(|text| !text.trim().is_empty())
}

fn json<T: DeserializeOwned>(path: &Path, most: u64) -> Result<T, Fault> {
    let bytes = bytes(path, most)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Fault::Bad(format!("{} cannot be read: {error}", name_of(path))))
}

fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Fault> {
    let (file, length) = open(path)?;
    if length > most {
        return bad(format!("{} is too large: {length} bytes", name_of(path)));
    }
    let mut bytes = Vec::new();
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| Fault::Bad(format!("{} cannot be read: {error}", name_of(path))))?;
    Ok(bytes)
}

/// Opens a regular file, and tells its length. A pipe without a writer would block a plain open for ever.
fn open(path: &Path) -> Result<(File, u64), Fault> {
    let fault = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::Bad(format!("{} is missing", name_of(path))),
        _ => Fault::Bad(format!("{} could not be opened: {error}", name_of(path))),
    };
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path).map_err(fault)?;
    let metadata = file.metadata().map_err(fault)?;
    if !metadata.is_file() {
        return bad(format!("{} is no regular file", name_of(path)));
    }
    Ok((file, metadata.len()))
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(120)
        .collect()
}

/// Whether a file is in UQFF, by its name.
pub fn is_uqff(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("uqff"))
}

fn is_uqff_file(path: &Path) -> bool {
    is_uqff(path) && path.is_file()
}

/// Why a folder was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    /// Damaged, or no model.
    Bad(String),
    /// Sound, but of an architecture that the engine does not know.
    Architecture(String),
    /// Sound, but quantized in a way that the engine cannot compute with.
    Quantization(String),
}

impl Fault {
    fn at(self, path: &str) -> LocalError {
        match self {
            // Some of these words come out of the files.
            Self::Bad(reason) => LocalError::BadFolder {
                path: path.to_owned(),
                reason: reason.chars().take(300).collect(),
            },
            Self::Architecture(architecture) => {
                LocalError::UnsupportedArchitecture { architecture }
            }
            Self::Quantization(quantization) => {
                LocalError::UnsupportedQuantization { quantization }
            }
        }
    }
}

fn bad<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Bad(reason.into()))
}

#[cfg(test)]
#[path = "../tests/support/model_folder.rs"]
pub(crate) mod builder;

#[cfg(test)]
mod tests;
