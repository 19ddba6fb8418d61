//! The private temp folder of a program: its home and its temporary files. Gone when the program is.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{ToolError, tool::sha256};

/// A temp folder in use.
#[derive(Debug)]
pub(crate) struct TempFolder {
    path: PathBuf,
    /// Held while the folder is in use, by whichever process of the app.
    lock: File,
}

impl TempFolder {
    /// Where the temp folder of the program that `parts` describe would be.
    pub(super) fn path(scratch: &Path, parts: &[&str]) -> PathBuf {
        let name = sha256(parts.join("\u{0}").as_bytes());
        scratch.join("temp").join(&name[..16])
    }

    /// Makes it, empty: what an earlier program left in it is gone.
    pub(super) fn make(path: &Path) -> Result<Self, ToolError> {
        Self::try_make(path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => ToolError::Failed(
                "The very same call is running already. Wait for it, or stop it first.".to_owned(),
            ),
            _ => ToolError::Failed(format!(
                "The temp folder {} could not be made: {error}. Tell the user.",
                path.display()
            )),
        })
    }

    fn try_make(path: &Path) -> io::Result<Self> {
        let parent = path.parent().unwrap_or(path);
        fs::create_dir_all(parent)?;
        let lock = File::create(path.with_extension("lock"))?;
        lock.try_lock()?;
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        private_folder(path)?;
        Ok(Self {
            path: path.to_path_buf(),
            lock,
        })
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next program of that name, or with the session.
        let _ = fs::remove_dir_all(&self.path);
        // Said aloud: a program that is just being started elsewhere in the app holds a copy of this file until it is another
        // program, and with the copy the lock.
        let _ = self.lock.unlock();
    }
}

#[cfg(unix)]
fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}
