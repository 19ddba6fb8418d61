//! Fingerprints: whether what a step would make is made already.
//!
//! Owns hashing of inputs and the small files that remember them; refuses to decide what an input is.

use std::{
    fmt::Write as _,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest, Sha256};

/// A SHA-256 over named parts. The order of the parts matters.
#[derive(Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Adds a text under a name; lengths are hashed too, so that no two lists of parts look alike.
    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.part(name.as_bytes());
        self.part(text.as_bytes());
        self
    }

    /// Adds a file, or all files below a folder: their paths below `root` and what is in them. What is not there adds
    /// its absence. Hidden files and the folders `target` and `dist` are left out.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn files(&mut self, root: &Path, path: &str) -> Result<&mut Self> {
        let start = root.join(path);
        let mut files = Vec::new();
        collect(&start, &mut files)?;
        files.sort();
        self.text("files", path);
        for file in files {
            let name = file.strip_prefix(root).unwrap_or(&file);
            let content =
                fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            self.part(name.to_string_lossy().replace('\\', "/").as_bytes());
            self.part(&content);
        }
        Ok(self)
    }

    /// The fingerprint, 64 hexadecimal digits.
    pub fn finish(&mut self) -> String {
        hex(&std::mem::take(&mut self.0).finalize())
    }

    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
    } else if path.is_dir() {
        let entries =
            fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let is_output = path.is_dir() && (name == "target" || name == "dist");
            if !name.starts_with('.') && !is_output {
                collect(&path, files)?;
            }
        }
    }
    Ok(())
}

/// SHA-256 of a file, 64 hexadecimal digits.
///
/// # Errors
/// When it cannot be read.
pub fn of_file(path: &Path) -> Result<String> {
    let told = || format!("cannot read {}", path.display());
    let mut file = fs::File::open(path).with_context(told)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).with_context(told)?;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..count]);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether the file holds this and nothing else.
pub fn is_stamped(stamp: &Path, with: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|text| text.trim() == with)
}

/// Remembers in the file what [`is_stamped`] will look for.
///
/// # Errors
/// When it cannot be written.
pub fn stamp(stamp: &Path, with: &str) -> Result<()> {
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(stamp, format!("{with}\n"))
        .with_context(|| format!("cannot write {}", stamp.display()))
}

/// Size and time of change of a file: whether it is a link to, or a copy of, another that was placed. `None` where it
/// is not there.
pub fn glance(path: &Path) -> Option<(u64, std::time::SystemTime)> {
    let about = fs::metadata(path).ok()?;
    Some((about.len(), about.modified().ok()?))
}

/// Puts a built file elsewhere: a hard link where the file system can, a copy where it cannot. What was there goes.
///
/// # Errors
/// When the old file cannot be removed (on Windows: while it runs) or the new one cannot be made.
pub fn place_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    if to.exists() {
        fs::remove_file(to).with_context(|| {
            format!(
                "cannot replace {}: end the program that uses it",
                to.display()
            )
        })?;
    }
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own, empty.
    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("nexus-xtask-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("src")).unwrap();
        path
    }

    fn print(root: &Path) -> String {
        Fingerprint::default()
            .files(root, "src")
            .unwrap()
            .text("rustc", "1")
            .finish()
    }

    #[test]
    fn a_known_hash() {
        let root = folder("hash");
        fs::write(root.join("abc"), "abc").unwrap();
        assert_eq!(
            of_file(&root.join("abc")).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_counts_changes_it_and_what_does_not_leaves_it() {
        let root = folder("inputs");
        fs::write(root.join("src/a.rs"), "a").unwrap();
        let first = print(&root);
        fs::create_dir_all(root.join("src/dist")).unwrap();
        fs::write(root.join("src/dist/out.js"), "x").unwrap();
        fs::write(root.join("src/.hidden"), "x").unwrap();
        fs::write(root.join("other.rs"), "x").unwrap();
        assert_eq!(print(&root), first);

        fs::write(root.join("src/a.rs"), "b").unwrap();
        let changed = print(&root);
        fs::rename(root.join("src/a.rs"), root.join("src/b.rs")).unwrap();
        let renamed = print(&root);
        fs::write(root.join("src/a.rs"), "").unwrap();
        let added = print(&root);
        let mut all = vec![first, changed, renamed, added];
        all.dedup();
        assert_eq!(all.len(), 4);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let of = |a: &str, b: &str| Fingerprint::default().text(a, b).finish();
        assert_ne!(of("ab", "c"), of("a", "bc"));
    }

    #[test]
    fn a_placed_file_replaces_and_a_stamp_is_found_again() {
        let root = folder("place");
        fs::write(root.join("new"), "new").unwrap();
        fs::write(root.join("old"), "old").unwrap();
        place_file(&root.join("new"), &root.join("old")).unwrap();
        assert_eq!(fs::read_to_string(root.join("old")).unwrap(), "new");
        let mark = root.join("deep/stamp");
        stamp(&mark, "key").unwrap();
        assert_eq!(
            (is_stamped(&mark, "key"), is_stamped(&mark, "other")),
            (true, false)
        );
        fs::remove_dir_all(root).unwrap();
    }
}
