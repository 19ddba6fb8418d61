//! Models that are a folder: `config.json`, `tokenizer.json`, and weights in safetensors or UQFF.
//!
//! Owns the choice of the engine's builder, and the checks that keep it off the network and off files that it would
//! execute or guess about. What the files say was checked by the parent.

use std::path::{Path, PathBuf};

use mistralrs::{
    EmbeddingModelBuilder, IsqType, Model, ModelDType, MultimodalModelBuilder, TextModelBuilder,
    TokenSource, UqffEmbeddingModelBuilder, UqffMultimodalModelBuilder, UqffTextModelBuilder,
};
use nexus_protocol::worker::{ModelKind, Quantize, WorkerError};

/// Files without which the engine would ask a hub, or fail late.
const NEEDED: [&str; 2] = ["config.json", "tokenizer.json"];

/// What names the parts of an embedding model.
const MODULES: &str = "modules.json";

/// The weights that UQFF leaves as they are.
const RESIDUAL: &str = "residual.safetensors";

/// A folder and how to read it.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) kind: ModelKind,
    pub(crate) weights: Weights,
}

/// Where the weights are.
#[derive(Debug)]
pub(crate) enum Weights {
    /// In safetensors, to be quantized or not.
    Safetensors(Option<Quantize>),
    /// In this UQFF file and the residue.
    Uqff(String),
}

impl Folder {
    /// Reads the model. `prefixes` is how many conversations the engine remembers; models that see images remember none.
    pub(crate) async fn build(self, prefixes: Option<usize>) -> Result<Model, WorkerError> {
        self.check().map_err(load_error)?;
        place_vocabulary(&self.path).map_err(load_error)?;
        let built = match self.kind {
            ModelKind::Text => self.text(prefixes).build().await,
            ModelKind::Images => self.images().build().await,
            ModelKind::Embedding => self.embedding().build().await,
        };
        built.map_err(|error| load_error(crate::engine::first_line(&error.to_string())))
    }

    /// The engine asks a hub on the network where the folder is not there, takes pickled weights where no others are, and
    /// panics where some are missing.
    fn check(&self) -> Result<(), String> {
        let there = |name: &str| {
            if self.path.join(name).is_file() {
                Ok(())
            } else {
                Err(format!(
                    "there is no file {name} in {}",
                    self.path.display()
                ))
            }
        };
        NEEDED.iter().try_for_each(|name| there(name))?;
        if self.kind == ModelKind::Embedding {
            there(MODULES)?;
        }
        match &self.weights {
            Weights::Safetensors(_) if holds_weights(&self.path) => Ok(()),
            Weights::Safetensors(_) => Err(format!(
                "there are no weights named model.safetensors, or model-00001-of-….safetensors, in {}",
                self.path.display()
            )),
            Weights::Uqff(file) => {
                if file.contains(['/', '\\', ';']) || file.starts_with('.') {
                    return Err(format!("{file:?} is no name of a file"));
                }
                there(file)?;
                there(RESIDUAL)
            }
        }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn isq(&self) -> Option<IsqType> {
        match self.weights {
            Weights::Safetensors(quantize) => quantize.map(isq),
            Weights::Uqff(_) => None,
        }
    }

    fn text(&self, prefixes: Option<usize>) -> TextModelBuilder {
        let mut builder = match &self.weights {
            Weights::Safetensors(_) => TextModelBuilder::new(self.name()),
            Weights::Uqff(file) => {
                UqffTextModelBuilder::new(self.name(), vec![file.into()]).into_inner()
            }
        }
        .with_token_source(TokenSource::None)
        .with_prefix_cache_n(prefixes)
        .with_max_num_seqs(1);
        if let Some(isq) = self.isq() {
            builder = builder.with_isq(isq);
        }
        if ON_THE_PROCESSOR {
            builder = builder.with_force_cpu();
        }
        builder
    }

    fn images(&self) -> MultimodalModelBuilder {
        let mut builder = match &self.weights {
            Weights::Safetensors(_) => MultimodalModelBuilder::new(self.name()),
            Weights::Uqff(file) => {
                UqffMultimodalModelBuilder::new(self.name(), vec![file.into()]).into_inner()
            }
        }
        .with_token_source(TokenSource::None)
        .with_prefix_cache_n(None)
        .with_max_num_seqs(1);
        if let Some(isq) = self.isq() {
            builder = builder.with_isq(isq);
        }
        if ON_THE_PROCESSOR {
            builder = builder.with_force_cpu();
        }
        builder
    }

    fn embedding(&self) -> EmbeddingModelBuilder {
        let mut builder = match &self.weights {
            Weights::Safetensors(_) => EmbeddingModelBuilder::new(self.name()),
            Weights::Uqff(file) => {
                UqffEmbeddingModelBuilder::new(self.name(), vec![file.into()]).into_inner()
            }
        }
        .with_token_source(TokenSource::None)
        // EmbeddingGemma's activations do not fit 16-bit floats.
        .with_dtype(ModelDType::F32)
        .with_max_num_seqs(1);
        if let Some(isq) = self.isq() {
            builder = builder.with_isq(isq);
        }
        if ON_THE_PROCESSOR {
            builder = builder.with_force_cpu();
        }
        builder
    }
}

/// Whether this build computes on the processor.
pub(crate) const ON_THE_PROCESSOR: bool = !cfg!(any(feature = "cuda", feature = "metal"));

/// Whether there is a file that the engine takes for weights in safetensors. It matches names as this does.
fn holds_weights(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.ends_with("model.safetensors")
            || name.ends_with("consolidated.safetensors")
            || (name.starts_with("model-") && name.ends_with(".safetensors"))
    })
}

/// gpt-oss's way of writing needs a vocabulary that the engine would fetch from the network, unless it finds it among its
/// temporary files, under a number that stands for the address. It checks the bytes itself.
fn place_vocabulary(folder: &Path) -> Result<(), String> {
    const NAME: &str = "o200k_base.tiktoken";
    const NUMBER: &str = "fb374d419588a4632f3f557e76b4b70aebbca790";
    let source = folder.join(NAME);
    if !source.is_file() {
        return Ok(());
    }
    let kept = std::env::temp_dir().join("tiktoken-rs-cache");
    std::fs::create_dir_all(&kept)
        .and_then(|()| std::fs::copy(&source, kept.join(NUMBER)))
        .map(drop)
        .map_err(|error| format!("{NAME} cannot be put in place: {error}"))
}

fn isq(quantize: Quantize) -> IsqType {
    match quantize {
        Quantize::Q4 => IsqType::Q4K,
        Quantize::Q6 => IsqType::Q6K,
        Quantize::Q8 => IsqType::Q8_0,
    }
}

fn load_error(reason: String) -> WorkerError {
    WorkerError::Load { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &Path, kind: ModelKind, weights: Weights) -> Folder {
        Folder {
            path: path.to_owned(),
            kind,
            weights,
        }
    }

    /// A folder of its own, that is removed by the next run.
    fn scratch(name: &str, files: &[&str]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("nexus-folder-{name}-{}", std::process::id()));
        let _old = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        for file in files {
            std::fs::write(path.join(file), "{}").unwrap();
        }
        path
    }

    #[test]
    fn a_folder_that_is_not_there_is_never_looked_for_elsewhere() {
        let nowhere = Path::new("/no/such/folder");
        let error = folder(nowhere, ModelKind::Text, Weights::Safetensors(None)).check();
        assert_eq!(
            error,
            Err("there is no file config.json in /no/such/folder".to_owned())
        );
    }

    #[test]
    fn pickled_weights_do_not_count() {
        let path = scratch(
            "pickle",
            &[
                "config.json",
                "tokenizer.json",
                "pytorch_model-00001-of-00001.bin",
            ],
        );
        let check = || folder(&path, ModelKind::Text, Weights::Safetensors(None)).check();
        assert!(check().unwrap_err().starts_with("there are no weights"));
        std::fs::write(path.join("model-00001-of-00001.safetensors"), "").unwrap();
        assert_eq!(check(), Ok(()));
        std::fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn each_kind_needs_its_files() {
        let path = scratch(
            "kinds",
            &["config.json", "tokenizer.json", "model.safetensors"],
        );
        let check = |kind, weights| folder(&path, kind, weights).check();
        assert_eq!(check(ModelKind::Images, Weights::Safetensors(None)), Ok(()));
        let modules = check(ModelKind::Embedding, Weights::Safetensors(None)).unwrap_err();
        assert!(modules.contains("modules.json"), "{modules}");
        for name in ["../q4k.uqff", "a;b.uqff", "..", "/etc/passwd"] {
            let error = check(ModelKind::Text, Weights::Uqff(name.to_owned())).unwrap_err();
            assert!(error.ends_with("is no name of a file"), "{error}");
        }
        std::fs::write(path.join("q4k-0.uqff"), "").unwrap();
        let residue = check(ModelKind::Text, Weights::Uqff("q4k-0.uqff".to_owned())).unwrap_err();
        assert!(residue.contains(RESIDUAL), "{residue}");
        std::fs::write(path.join(RESIDUAL), "").unwrap();
        assert_eq!(
            check(ModelKind::Text, Weights::Uqff("q4k-0.uqff".to_owned())),
            Ok(())
        );
        std::fs::remove_dir_all(&path).unwrap();
    }
}
