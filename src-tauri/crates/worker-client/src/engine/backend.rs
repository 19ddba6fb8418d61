//! Which of the two worker programs runs a model.

use std::path::Path;

use super::options::WorkerOptions;

/// What `nexus-worker-llama` is known to run; of each, files that `nexus-worker` runs too.
const LLAMA_ARCHITECTURES: &[&str] = &[
    "llama",
    "mistral3",
    "phi2",
    "phi3",
    "qwen2",
    "qwen3",
    "starcoder2",
];

/// A worker program, by the engine in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backend {
    /// mistral.rs: `nexus-worker`.
    Mistral,
    /// llama.cpp: `nexus-worker-llama`. On a processor it reads prompts several times faster and computes of a
    /// conversation only what is new, in memory that does not grow.
    Llama,
}

impl Backend {
    /// The quicker one where it is there and knows the model, else the one that is always there.
    pub(super) fn choose(architecture: &str, has_llama: bool) -> Self {
        if has_llama && LLAMA_ARCHITECTURES.contains(&architecture) {
            Self::Llama
        } else {
            Self::Mistral
        }
    }

    /// Its program.
    pub(super) fn program(self, options: &WorkerOptions) -> &Path {
        match (self, &options.llama_program) {
            (Self::Llama, Some(program)) => program,
            _ => &options.program,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn llama_runs_what_it_knows_where_it_is_there() {
        assert_eq!(Backend::choose("llama", true), Backend::Llama);
        assert_eq!(Backend::choose("qwen2", true), Backend::Llama);
        assert_eq!(Backend::choose("llama", false), Backend::Mistral);
        assert_eq!(Backend::choose("something-new", true), Backend::Mistral);
    }

    #[test]
    fn each_has_its_program() {
        let mut options = WorkerOptions::new(PathBuf::from("mistral"), PathBuf::new());
        assert_eq!(Backend::Mistral.program(&options), Path::new("mistral"));
        options.llama_program = Some(PathBuf::from("llama"));
        assert_eq!(Backend::Mistral.program(&options), Path::new("mistral"));
        assert_eq!(Backend::Llama.program(&options), Path::new("llama"));
    }
}
