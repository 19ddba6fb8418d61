//! What no confined program and no file tool may change in the user's folder.
//!
//! Owns: the list, and the question whether a path is on it. These files are run or trusted by something outside the sandbox
//! (git's hooks, a shell, an editor, an agent), so that writing them would be an escape that only waits. They are protected when
//! absent, too: whoever may create them decides what is in them. Refuses to own: how they are protected.

use std::path::{Component, Path};

#[cfg(test)]
mod tests;

/// Relative to the folder. Directories protect all below them.
const PROTECTED: &[&str] = &[
    // Commands that git runs, and the files that say where else git shall look for such commands.
    ".git/hooks",
    ".git/config",
    ".git/config.worktree",
    ".git/commondir",
    ".git/modules",
    ".git/worktrees",
    ".gitconfig",
    // Where projects keep the hooks that git is told to run, or that a package manager puts in its place.
    ".githooks",
    ".husky",
    ".lefthook",
    // What editors run when they open a folder.
    ".vscode",
    ".idea",
    ".zed",
    // What agents run or believe.
    ".nexus",
    ".mcp.json",
    ".claude",
    ".codex",
    ".cursor",
    // What shells run, where the folder is somebody's home.
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".zlogout",
    ".envrc",
    ".ssh",
];

/// The protected paths, relative to the folder.
pub fn protected() -> impl Iterator<Item = &'static Path> {
    PROTECTED.iter().map(Path::new)
}

/// Whether a path, relative to the folder, is protected: it is on the list, below something on it, or a parent of something on
/// it, like `.git`, whose removal would remove the protected, too. Any folder below counts like the folder itself, because
/// a repository may hold others. Names are compared as the most forgiving file system would.
pub fn is_protected(relative: &Path) -> bool {
    let names: Vec<String> = relative
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(folded(&name.to_string_lossy())),
            _ => None,
        })
        .collect();
    (0..names.len()).any(|start| {
        PROTECTED.iter().any(|path| {
            let tail = &names[start..];
            // Equal as far as both go: the path itself, something below it, or a parent that ends the given path.
            path.split('/')
                .zip(tail)
                .all(|(ours, theirs)| ours == theirs)
        })
    })
}

/// A name as file systems fold it: macOS ignores case and some invisible characters, Windows also trailing dots and blanks,
/// what follows a colon (streams), and answers to short names.
fn folded(name: &str) -> String {
    let name = name.split(':').next().unwrap_or_default();
    let name: String = name
        .chars()
        .filter(|character| {
            !matches!(character, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
        })
        .flat_map(char::to_lowercase)
        .collect();
    let name = name.trim_end_matches(['.', ' ']);
    match name.split_once('~') {
        // `GIT~1` is the short name of `.git`; the others on the list have such names, too.
        Some((stem, number)) if number.chars().all(|digit| digit.is_ascii_digit()) => PROTECTED
            .iter()
            .filter_map(|path| path.split('/').next())
            .find(|first| {
                let plain: String = first.chars().filter(|c| *c != '.').take(6).collect();
                plain == stem
            })
            .map_or_else(|| name.to_owned(), str::to_owned),
        _ => name.to_owned(),
    }
}
