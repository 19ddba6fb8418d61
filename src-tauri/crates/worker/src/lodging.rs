//! Where a GGUF file lies while the engine reads it, and what lies beside it.
//!
//! The engine takes in any settings that lie beside a model, and panics at bad ones: so the file gets a folder of its own, as a
//! link. It takes several files as one model, and where two say the same the later one counts: so a second file says that the
//! context is as long as it is asked for. The engine reckons tables for all of the context, and a file may claim any.

use std::fs;
use std::path::{Path, PathBuf};

/// What the engine is told of the context, in place of what the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShorterContext {
    /// Under which key.
    pub(crate) key: String,
    pub(crate) tokens: u32,
}

impl ShorterContext {
    /// A GGUF file with this entry and no tensors.
    fn bytes(&self) -> Vec<u8> {
        const VERSION: u32 = 3;
        const NUMBER_OF_32_BITS: u32 = 4;
        let (tensors, entries) = (0_u64, 1_u64);
        [
            b"GGUF".as_slice(),
            &VERSION.to_le_bytes(),
            &tensors.to_le_bytes(),
            &entries.to_le_bytes(),
            &(self.key.len() as u64).to_le_bytes(),
            self.key.as_bytes(),
            &NUMBER_OF_32_BITS.to_le_bytes(),
            &self.tokens.to_le_bytes(),
        ]
        .concat()
    }
}

/// What the engine is given. Lasts until it is dropped.
#[derive(Debug)]
pub(crate) struct Lodging {
    pub(crate) folder: PathBuf,
    /// In that folder, or absolute.
    pub(crate) files: Vec<String>,
    _own: Own,
}

impl Lodging {
    /// # Errors
    /// Why not, for people.
    pub(crate) fn of(path: &Path, context: Option<ShorterContext>) -> Result<Self, String> {
        let unusable = || "its path cannot be used".to_owned();
        let own = Own::new().map_err(|error| format!("the worker's folder is closed: {error}"))?;
        let (folder, file) = match own.link(path) {
            Some(file) => (own.0.clone(), file),
            // No links here: then beside its neighbours.
            None => {
                let folder = path.parent().ok_or_else(unusable)?;
                let file = path.file_name().and_then(|name| name.to_str());
                (
                    folder.to_owned(),
                    file.map(str::to_owned).ok_or_else(unusable)?,
                )
            }
        };
        let mut files = vec![file];
        if let Some(context) = context {
            let beside = own.0.join("context.gguf");
            fs::write(&beside, context.bytes())
                .map_err(|error| format!("the worker's folder is closed: {error}"))?;
            files.push(beside.to_str().map(str::to_owned).ok_or_else(unusable)?);
        }
        Ok(Self {
            folder,
            files,
            _own: own,
        })
    }
}

/// A folder of this process, removed when it is dropped.
#[derive(Debug)]
struct Own(PathBuf);

impl Own {
    fn new() -> std::io::Result<Self> {
        let folder = std::env::current_dir()?.join(format!("worker-{}", std::process::id()));
        // One of a process that had the same number and was killed.
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir(&folder)?;
        Ok(Self(folder))
    }

    /// The name of a link to the file in it.
    #[cfg(unix)]
    fn link(&self, path: &Path) -> Option<String> {
        const FILE: &str = "model.gguf";
        let target = path.canonicalize().ok()?;
        std::os::unix::fs::symlink(target, self.0.join(FILE)).ok()?;
        Some(FILE.to_owned())
    }

    #[cfg(not(unix))]
    fn link(&self, _path: &Path) -> Option<String> {
        None
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "the model's folder stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_context_is_a_file_of_one_entry() {
        let context = ShorterContext {
            key: "llama.context_length".to_owned(),
            tokens: 512,
        };
        let bytes = context.bytes();
        assert_eq!(bytes.len(), 24 + 8 + 20 + 4 + 4);
        assert_eq!(&bytes[..4], b"GGUF");
        assert_eq!(
            &bytes[8..24],
            [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(&bytes[bytes.len() - 4..], 512_u32.to_le_bytes());
    }

    #[test]
    fn both_files_are_there_for_as_long_as_they_are_needed() {
        let path = std::env::temp_dir().join(format!("nexus-lodging-{}", std::process::id()));
        fs::write(&path, b"GGUF").unwrap();
        let context = ShorterContext {
            key: "llama.context_length".to_owned(),
            tokens: 512,
        };
        let lodging = Lodging::of(&path, Some(context)).unwrap();
        let files: Vec<_> = lodging
            .files
            .iter()
            .map(|file| lodging.folder.join(file))
            .collect();
        assert!(files.iter().all(|file| file.is_file()), "{files:?}");
        assert_eq!(files.len(), 2);
        drop(lodging);
        assert!(!files[1].exists());
        assert!(path.is_file());
        fs::remove_file(&path).unwrap();
    }
}
