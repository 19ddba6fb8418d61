//! The model that needs no download page: what it is, and whether a file is it.
//!
//! Refuses to fetch it: where the file comes from is the affair of the setup and of the core.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use nexus_llm::LocalError;
use sha2::{Digest, Sha256};

/// A model file that is known to the byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starter {
    /// The part of its name after `local/`.
    pub id: &'static str,
    /// As its makers call the file.
    pub file_name: &'static str,
    /// Of the whole file, lower-case hexadecimal.
    pub sha256: &'static str,
    /// Size of the file.
    pub bytes: u64,
    /// For people.
    pub display_name: &'static str,
}

/// SmolLM2-135M-Instruct by Hugging Face, Apache-2.0, in Q4_1.
pub const STARTER: Starter = Starter {
    id: "smollm2-135m",
    file_name: "SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    bytes: 98_362_432,
    display_name: "SmolLM2 135M",
};

/// Whether the file at `path` is the starter model, to the byte. Reads all of it: under a second on a common disk.
///
/// # Errors
/// [`LocalError::FileMissing`]; [`LocalError::NotGguf`] where it is another file, a damaged one, or cannot be read.
pub fn verify(path: &Path) -> Result<(), LocalError> {
    verify_as(path, &STARTER)
}

fn verify_as(path: &Path, expected: &Starter) -> Result<(), LocalError> {
    let refuse = |reason: String| LocalError::NotGguf {
        path: path.display().to_string(),
        reason,
    };
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => LocalError::FileMissing {
            path: path.display().to_string(),
        },
        _ => refuse(format!("it could not be examined: {error}")),
    })?;
    if !metadata.is_file() {
        return Err(refuse("it is no regular file".to_owned()));
    }
    if metadata.len() != expected.bytes {
        return Err(refuse(format!(
            "it has {} bytes, {} has {}",
            metadata.len(),
            expected.file_name,
            expected.bytes
        )));
    }
    let digest = sha256(path).map_err(|error| refuse(format!("it could not be read: {error}")))?;
    if digest != expected.sha256 {
        return Err(refuse(format!(
            "its SHA-256 is {digest}, that of {} is {}",
            expected.file_name, expected.sha256
        )));
    }
    Ok(())
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: Starter = Starter {
        id: "abc",
        file_name: "abc.gguf",
        // The published test vector of SHA-256.
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        bytes: 3,
        display_name: "ABC",
    };

    #[test]
    fn only_the_very_bytes_pass() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc.gguf");
        assert_eq!(
            verify_as(&path, &ABC),
            Err(LocalError::FileMissing {
                path: path.display().to_string()
            })
        );
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(verify_as(&path, &ABC), Ok(()));
        let reason = |reason: &str| {
            Err(LocalError::NotGguf {
                path: path.display().to_string(),
                reason: reason.to_owned(),
            })
        };
        std::fs::write(&path, "abcd").unwrap();
        assert_eq!(
            verify_as(&path, &ABC),
            reason("it has 4 bytes, abc.gguf has 3")
        );
        std::fs::write(&path, "abd").unwrap();
        assert_eq!(
            verify_as(&path, &ABC),
            reason(
                "its SHA-256 is a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9, \
                 that of abc.gguf is ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            )
        );
    }

    #[test]
    fn a_folder_is_no_model() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            verify(folder.path()),
            Err(LocalError::NotGguf { reason, .. }) if reason == "it is no regular file"
        ));
    }
}
