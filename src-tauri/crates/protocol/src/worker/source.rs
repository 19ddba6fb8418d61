//! What a worker is told to read: the form a model's files have, and what kind of model it is.

use serde::{Deserialize, Serialize};

/// What lies at the path of a `Load`. A frame that does not say means a GGUF file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
pub enum ModelSource {
    /// One GGUF file.
    Gguf {
        /// The key under which it says how long its context is, such as `llama.context_length`. An engine that prepares for all
        /// of what a file claims is told less there. `None` where it has to be believed.
        #[serde(default)]
        context_key: Option<String>,
    },
    /// A folder with `config.json`, `tokenizer.json` and weights in safetensors.
    Safetensors {
        /// What the model does.
        kind: ModelKind,
        /// What the weights become while they are read; `None` leaves them at 16 bits.
        #[serde(default)]
        quantize: Option<Quantize>,
    },
    /// Such a folder whose weights were quantized before: the large ones in UQFF, the rest in `residual.safetensors`.
    Uqff {
        /// What the model does.
        kind: ModelKind,
        /// The name of the file in the folder, the first where there are several.
        file: String,
    },
}

impl Default for ModelSource {
    fn default() -> Self {
        Self::Gguf { context_key: None }
    }
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Reads text and writes text.
    Text,
    /// Reads text and images and writes text.
    Images,
    /// Turns a text into a vector.
    Embedding,
}

/// How many bits a weight is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantize {
    /// Four and a half.
    Q4,
    /// Six and a half.
    Q6,
    /// Eight and a half.
    Q8,
}

/// Texts of one `Embed`, at most.
pub const MAX_EMBED_TEXTS: usize = 256;

/// Bytes of one text of an `Embed`, at most: no embedding model reads more.
pub const MAX_EMBED_TEXT_BYTES: usize = 256 << 10;

/// Images of one request, at most.
pub const MAX_IMAGES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::WorkerRequest;

    #[test]
    fn a_load_that_does_not_say_is_of_a_gguf_file() {
        let old = r#"{"type":"load","path":"/m.gguf","context_tokens":512}"#;
        let Ok(WorkerRequest::Load { source, .. }) = serde_json::from_str(old) else {
            panic!("an old frame does not parse");
        };
        assert_eq!(source, ModelSource::Gguf { context_key: None });
        assert_eq!(source, ModelSource::default());
    }

    #[test]
    fn a_folder_is_told_in_words() {
        let source = ModelSource::Safetensors {
            kind: ModelKind::Images,
            quantize: Some(Quantize::Q4),
        };
        let text = serde_json::to_string(&source).unwrap();
        assert_eq!(
            text,
            r#"{"format":"safetensors","kind":"images","quantize":"q4"}"#
        );
        assert_eq!(serde_json::from_str::<ModelSource>(&text).unwrap(), source);
    }
}
