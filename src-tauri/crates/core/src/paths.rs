//! Where things lie in the data folder. Owns names only; makes the folder and proves that it can be written.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The data folder.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Makes the folder with its subfolders where they are missing, readable by its owner only, and writes and
    /// removes a file in it: permissions, read-only mounts and full disks show here and not in the middle of a chat.
    pub fn prepare(path: &Path) -> io::Result<Self> {
        create_private(path)?;
        // Relative paths would follow the working folder of whoever reads them next, a worker for one.
        let this = Self(fs::canonicalize(path)?);
        create_private(&this.models())?;
        create_private(&this.logs())?;
        create_private(&this.scratch())?;
        create_private(&this.tool_scratch())?;
        this.probe()?;
        Ok(this)
    }

    /// Writes and removes a small file.
    pub fn probe(&self) -> io::Result<()> {
        let probe = self.0.join(format!(".write-probe-{}", std::process::id()));
        let written = fs::File::create(&probe).and_then(|mut file| {
            file.write_all(b"probe")?;
            file.sync_all()
        });
        let removed = fs::remove_file(&probe);
        written.and(removed)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// `nexus.db`: sessions, items, usage, small app state.
    pub fn database(&self) -> PathBuf {
        self.0.join("nexus.db")
    }

    /// `settings.toml`, unless another file is named.
    pub fn settings(&self) -> PathBuf {
        self.0.join("settings.toml")
    }

    /// `models/`: a folder for each local model.
    pub fn models(&self) -> PathBuf {
        self.0.join("models")
    }

    /// `logs/`: a file a day.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// `checkpoints/`: what is needed to take file changes back.
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints")
    }

    /// `tools/`: long output of tools, and the temp folders of what they start.
    pub fn tool_scratch(&self) -> PathBuf {
        self.0.join("tools")
    }

    /// `measured/`: how each local model did on this machine, a file each.
    pub fn measured(&self) -> PathBuf {
        self.0.join("measured")
    }

    /// `scratch/`: what worker processes may write.
    pub fn scratch(&self) -> PathBuf {
        self.0.join("scratch")
    }
}

/// Says that a core runs on the data folder. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    file: fs::File,
    first: bool,
}

impl RunLock {
    /// The first core holds it alone until [`Self::share`]; later ones wait for that and share it.
    pub fn take(data: &DataDir) -> io::Result<Self> {
        let file = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(data.root().join("running.lock"))?;
        let first = match file.try_lock() {
            Ok(()) => true,
            Err(fs::TryLockError::WouldBlock) => {
                file.lock_shared()?;
                false
            }
            Err(fs::TryLockError::Error(error)) => return Err(error),
        };
        Ok(Self { file, first })
    }

    /// Whether no other core ran.
    pub fn is_first(&self) -> bool {
        self.first
    }

    /// Lets others start. A third one that starts in the moment between is the first of its own; it finds nothing to mend.
    pub fn share(&mut self) -> io::Result<()> {
        self.file.unlock()?;
        self.file.lock_shared()
    }
}

/// Chats are private: on Unix others may not even list the folder. An existing folder keeps its mode.
fn create_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_folder_gets_its_parts_and_keeps_no_probe() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::prepare(&dir.path().join("a/b")).unwrap();
        let mut names: Vec<_> = fs::read_dir(data.root())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["logs", "models", "scratch", "tools"]);
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "x").unwrap();
        assert!(DataDir::prepare(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "x");
    }

    #[cfg(unix)]
    #[test]
    fn others_cannot_list_the_folder() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::prepare(&dir.path().join("data")).unwrap();
        let mode = fs::metadata(data.root()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
