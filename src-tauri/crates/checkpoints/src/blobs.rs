//! Contents by their SHA-256: written aside, synced, renamed; checked by their name whenever they are read. Refuses to know
//! whose they are.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::CheckpointError;

/// From so many new contents on, one sync of the whole file system is faster than one for each.
#[cfg(target_os = "linux")]
const SYNC_ALL_FROM: usize = 32;

/// The store of contents. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Blobs {
    folder: PathBuf,
}

/// Contents that were written and are not in the store before they are committed.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    written: Vec<(PathBuf, PathBuf)>,
}

impl Blobs {
    pub(crate) fn open(root: &Path) -> Result<Self, CheckpointError> {
        let folder = root.join("blobs");
        let aside = folder.join("new");
        fs::create_dir_all(&aside).map_err(CheckpointError::at(&aside))?;
        Ok(Self { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder
            .join(sha256.get(..2).unwrap_or("xx"))
            .join(sha256)
    }

    pub(crate) fn holds(&self, sha256: &str) -> bool {
        self.path(sha256).is_file()
    }

    /// The content of that name.
    ///
    /// # Errors
    /// Where it is not there, or is another one.
    pub(crate) fn read(&self, sha256: &str) -> Result<Vec<u8>, CheckpointError> {
        let path = self.path(sha256);
        let damaged = |reason: &str| CheckpointError::Damaged {
            path: path.clone(),
            reason: reason.to_owned(),
        };
        // A name from a journal is text from a file: it must not lead out of the store.
        if !is_name(sha256) {
            return Err(damaged("its name is no SHA-256"));
        }
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(damaged("it is missing"));
            }
            Err(error) => return Err(CheckpointError::at(&path)(error)),
        };
        if sum(&content) == sha256 {
            Ok(content)
        } else {
            Err(damaged("it has another content"))
        }
    }

    /// Writes a content aside, unless the store has it.
    pub(crate) fn add(
        &self,
        batch: &mut Batch,
        sha256: &str,
        content: &[u8],
    ) -> Result<(), CheckpointError> {
        let path = self.path(sha256);
        if path.is_file() {
            return Ok(());
        }
        let aside = self.folder.join("new").join(Uuid::new_v4().to_string());
        let mut file = File::create_new(&aside).map_err(CheckpointError::at(&aside))?;
        batch.written.push((aside.clone(), path));
        file.write_all(content)
            .and_then(|()| sync_in_batch(&file))
            .map_err(CheckpointError::at(&aside))
    }

    /// Puts a batch into the store: what it holds is on disk when this returns.
    pub(crate) fn commit(&self, mut batch: Batch) -> Result<(), CheckpointError> {
        if batch.written.is_empty() {
            return Ok(());
        }
        sync_batch(&batch, &self.folder)?;
        let mut folders = std::collections::BTreeSet::new();
        for (aside, path) in batch.written.drain(..) {
            let folder = path.parent().unwrap_or(&self.folder);
            if !folders.contains(folder) {
                fs::create_dir_all(folder).map_err(CheckpointError::at(folder))?;
                folders.insert(folder.to_path_buf());
            }
            fs::rename(&aside, &path).map_err(CheckpointError::at(&path))?;
        }
        for folder in &folders {
            sync_folder(folder)?;
        }
        sync_folder(&self.folder)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        for (aside, _) in &self.written {
            // Best effort: what is left is collected with what no journal names.
            let _ = fs::remove_file(aside);
        }
    }
}

/// Whether this is how a content is named.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The name of a content.
pub(crate) fn sum(content: &[u8]) -> String {
    hexadecimal(&Sha256::digest(content))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

// Linux syncs a batch at its end.
#[cfg(target_os = "linux")]
fn sync_in_batch(_: &File) -> std::io::Result<()> {
    Ok(())
}

// macOS would flush the drive's cache for each file: a plain fsync here, and the flush when the journal names them.
#[cfg(all(unix, not(target_os = "linux")))]
fn sync_in_batch(file: &File) -> std::io::Result<()> {
    Ok(rustix::fs::fsync(file)?)
}

#[cfg(not(unix))]
fn sync_in_batch(file: &File) -> std::io::Result<()> {
    file.sync_all()
}

#[cfg(target_os = "linux")]
fn sync_batch(batch: &Batch, folder: &Path) -> Result<(), CheckpointError> {
    if batch.written.len() >= SYNC_ALL_FROM {
        let handle = File::open(folder).map_err(CheckpointError::at(folder))?;
        return rustix::fs::syncfs(handle)
            .map_err(|error| CheckpointError::at(folder)(error.into()));
    }
    for (aside, _) in &batch.written {
        File::open(aside)
            .and_then(|file| file.sync_data())
            .map_err(CheckpointError::at(aside))?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn sync_batch(_: &Batch, _: &Path) -> Result<(), CheckpointError> {
    Ok(())
}

/// Names in a folder are on disk when this returns.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> Result<(), CheckpointError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(CheckpointError::at(folder))
}

/// Windows journals names itself and opens no folder for this.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> Result<(), CheckpointError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Blobs) {
        let root = tempfile::TempDir::new().unwrap();
        let blobs = Blobs::open(root.path()).unwrap();
        (root, blobs)
    }

    fn add(blobs: &Blobs, content: &[u8]) -> String {
        let name = sum(content);
        let mut batch = Batch::default();
        blobs.add(&mut batch, &name, content).unwrap();
        assert_eq!(batch.written.is_empty(), blobs.holds(&name));
        blobs.commit(batch).unwrap();
        name
    }

    #[test]
    fn a_content_is_stored_once_and_comes_back() {
        let (_root, blobs) = store();
        let name = add(&blobs, b"content");
        assert_eq!(add(&blobs, b"content"), name);
        assert_eq!(blobs.read(&name).unwrap(), b"content");
    }

    #[test]
    fn a_batch_that_is_dropped_leaves_nothing() {
        let (_root, blobs) = store();
        let mut batch = Batch::default();
        blobs.add(&mut batch, &sum(b"content"), b"content").unwrap();
        drop(batch);
        assert!(!blobs.holds(&sum(b"content")));
        assert_eq!(fs::read_dir(blobs.folder.join("new")).unwrap().count(), 0);
    }

    #[test]
    fn many_contents_are_committed_at_once() {
        let (_root, blobs) = store();
        let mut batch = Batch::default();
        for number in 0..50_u8 {
            blobs.add(&mut batch, &sum(&[number]), &[number]).unwrap();
        }
        blobs.commit(batch).unwrap();
        assert!((0..50_u8).all(|number| blobs.read(&sum(&[number])).unwrap() == [number]));
    }

    #[test]
    fn a_changed_content_a_missing_one_and_a_name_that_is_a_path_are_refused() {
        let (_root, blobs) = store();
        let name = add(&blobs, b"content");
        fs::write(blobs.path(&name), b"tampered").unwrap();
        for name in [name.as_str(), &sum(b"never kept"), "../../etc/passwd"] {
            let error = blobs.read(name).unwrap_err();
            assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
        }
    }
}
