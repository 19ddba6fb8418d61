//! GGUF files, as [`nexus_gguf`] reads them, with the errors of local models.

use std::path::Path;

use nexus_gguf::Fault;
use nexus_llm::LocalError;

pub use nexus_gguf::{
    ARCHITECTURES, BASE_BYTES, DEFAULT_CONTEXT_TOKENS, GgufSummary, WORD_BYTES, Weights,
    inspect_bytes, part_of, parts, prompt_bytes,
};

/// [`nexus_gguf::inspect`].
///
/// # Errors
/// [`LocalError::FileMissing`], [`LocalError::NotGguf`], [`LocalError::UnsupportedArchitecture`] and
/// [`LocalError::UnsupportedQuantization`]. What could not be opened or read for another reason is `NotGguf` as well.
pub fn inspect(path: &Path) -> Result<GgufSummary, LocalError> {
    let named = || path.display().to_string();
    nexus_gguf::inspect(path).map_err(|fault| match fault {
        Fault::Missing => LocalError::FileMissing { path: named() },
        Fault::Bad(reason) => LocalError::NotGguf {
            path: named(),
            reason,
        },
        Fault::Architecture(architecture) => LocalError::UnsupportedArchitecture { architecture },
        Fault::Quantization(quantization) => LocalError::UnsupportedQuantization { quantization },
    })
}
