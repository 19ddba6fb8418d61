//! A folder as data: what is compared before and after.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// One file or folder.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// A folder and its permission bits.
    Folder(u32),
    /// A file: permission bits and content.
    File(u32, Vec<u8>),
    /// A symbolic link's target.
    Link(PathBuf),
}

impl Entry {
    /// An ordinary file.
    pub fn file(content: impl AsRef<[u8]>) -> Self {
        Self::File(0o644, content.as_ref().to_vec())
    }

    fn say(&self) -> String {
        match self {
            Self::Folder(mode) => format!("folder {mode:o}"),
            Self::File(mode, content) => {
                let text = String::from_utf8_lossy(content);
                let text: String = text.chars().take(300).collect();
                format!("file {mode:o}, {} bytes: {text:?}", content.len())
            }
            Self::Link(target) => format!("link to {}", target.display()),
        }
    }
}

/// Everything below a folder, by its path relative to it.
pub fn tree(folder: &Path) -> BTreeMap<String, Entry> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            let about = fs::symlink_metadata(&path).unwrap();
            if about.file_type().is_socket() {
                // What the sandbox puts in the place of protected files while an interpreter of the chat lives.
                continue;
            }
            let mode = about.permissions().mode() & 0o7777;
            let entry = if about.is_symlink() {
                Entry::Link(fs::read_link(&path).unwrap())
            } else if about.is_dir() {
                open.push(path);
                Entry::Folder(mode)
            } else {
                Entry::File(mode, fs::read(&path).unwrap())
            };
            found.insert(name, entry);
        }
    }
    found
}

/// Says every difference before it fails.
pub fn assert_same(
    name: &str,
    found: &BTreeMap<String, Entry>,
    expected: &BTreeMap<String, Entry>,
) {
    let mut differences = Vec::new();
    for path in found.keys().chain(expected.keys()) {
        let (is, should) = (found.get(path), expected.get(path));
        if is != should {
            let say = |entry: Option<&Entry>| entry.map_or("nothing".to_owned(), Entry::say);
            differences.push(format!("{path}: {} instead of {}", say(is), say(should)));
        }
    }
    differences.sort();
    differences.dedup();
    assert!(
        differences.is_empty(),
        "{name}:\n{}",
        differences.join("\n")
    );
}

/// Writes a file and the folders above it.
pub fn put(folder: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Runs a program for a preparation.
pub fn prepare_with(folder: &Path, program: &str, arguments: &[&str]) {
    let done = std::process::Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}
