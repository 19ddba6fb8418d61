//! What the engines can run, by what a page says before anything is fetched.
//!
//! Owns the two questions that a name answers: the architecture, by the list of `worker-client`, and the packing. Refuses to be the
//! last word: that has the header's check there.

use nexus_hub::{Choice, Form, HubFile, Quantization};
use nexus_worker_client::gguf::ARCHITECTURES;

/// Whether the engines read this packing.
pub fn reads(quantization: &Quantization) -> bool {
    let base = quantization.base();
    !quantization.is_importance() && !base.starts_with("TQ") && !base.contains("FP4")
}

/// The small files of a folder have other checksums; these must have the strong one.
fn is_weights(file: &HubFile) -> bool {
    [".gguf", ".safetensors"]
        .iter()
        .any(|ending| file.path.as_str().to_ascii_lowercase().ends_with(ending))
}

/// Why the engines cannot run this choice; `None` where nothing speaks against it. `llama`: whether llama.cpp is among them.
pub fn objection(choice: &Choice, architecture: Option<&str>, llama: bool) -> Option<String> {
    if let Some(architecture) = architecture
        && choice.form == Form::Gguf
        && !ARCHITECTURES.contains(&architecture)
    {
        return Some(format!(
            "The engines of this app do not know the architecture “{architecture}” yet."
        ));
    }
    if choice.form == Form::Gguf && choice.files.len() > 1 && !llama {
        return Some(format!(
            "It is split into {} files, which only llama.cpp puts together, and that engine is not here.",
            choice.files.len()
        ));
    }
    if let Some(quantization) = &choice.quantization
        && !reads(quantization)
    {
        return Some(format!(
            "The engines of this app do not read weights packed as {quantization}."
        ));
    }
    let weights = choice.files.iter().filter(|file| is_weights(file));
    if weights.into_iter().any(|file| file.sha256().is_none()) {
        return Some("The hub gives no checksum for it, so it could not be checked.".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use nexus_hub::{FilePath, HubFile, choices};

    use super::*;

    #[test]
    fn packings_of_importance_are_named() {
        let file = |name: &str| HubFile {
            path: FilePath::new(name).unwrap(),
            size: 1,
            checksum: Some(nexus_hub::Sha256Sum::from([0; 32]).into()),
        };
        let objections = |name: &str, architecture: Option<&str>| {
            objection(&choices(&[file(name)])[0], architecture, true)
        };
        assert_eq!(objections("m-Q4_K_M.gguf", Some("llama")), None);
        assert_eq!(objections("m.gguf", None), None);
        for name in ["m-IQ4_XS.gguf", "m-TQ1_0.gguf", "m-MXFP4.gguf"] {
            assert!(objections(name, None).is_some(), "{name}");
        }
        let other = objections("m-Q4_K_M.gguf", Some("mamba")).unwrap();
        assert!(other.contains("“mamba”"), "{other}");
        let split = choices(&[
            file("m-Q8_0-00001-of-00002.gguf"),
            file("m-Q8_0-00002-of-00002.gguf"),
        ]);
        assert_eq!(objection(&split[0], None, true), None);
        assert!(
            objection(&split[0], None, false)
                .unwrap()
                .contains("2 files")
        );
    }
}
