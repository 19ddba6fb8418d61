//! A folder in memory: what undo is held against. Knows nothing of the crate.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// What a path holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    File(Vec<u8>, u32),
    Link(PathBuf),
    Folder(u32),
}

/// All that is in a folder, by path relative to it.
pub type Tree = BTreeMap<PathBuf, Node>;

/// Reads a folder. By plain means, none of which the crate uses.
pub fn read(root: &Path) -> Tree {
    let mut tree = Tree::new();
    read_into(root, Path::new(""), &mut tree);
    tree
}

fn read_into(root: &Path, inside: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(root.join(inside)).unwrap() {
        let entry = entry.unwrap();
        let path = inside.join(entry.file_name());
        let metadata = entry.path().symlink_metadata().unwrap();
        if metadata.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap();
            tree.insert(path, Node::Link(target));
        } else if metadata.is_dir() {
            tree.insert(path.clone(), Node::Folder(mode(&metadata)));
            read_into(root, &path, tree);
        } else {
            let content = fs::read(entry.path()).unwrap();
            tree.insert(path, Node::File(content, mode(&metadata)));
        }
    }
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o7777
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0
}

/// A folder for a test, in memory where the system has such: these tests sync a lot.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        TempDir::new_in(memory).unwrap()
    } else {
        TempDir::new().unwrap()
    }
}

/// SHA-256 in hexadecimal, as an intent holds it.
pub fn hash(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
