//! What of the user's environment programs get, and which folders of the user's home they may read.
//!
//! Owns two lists of names. Whatever is not on them is left out: keys and tokens, agents' sockets, the desktop's.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Taken over as they are.
const KEPT: &[&str] = &[
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "SHELL",
    "TZ",
    "USER",
    // Where toolchains are; folders, never secrets.
    "CARGO_HOME",
    "CONDA_PREFIX",
    "DENO_DIR",
    "DOTNET_ROOT",
    "GOROOT",
    "JAVA_HOME",
    "NVM_DIR",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "RBENV_ROOT",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SDKMAN_DIR",
    "VIRTUAL_ENV",
    "VOLTA_HOME",
    // Windows does not start programs without these.
    "COMSPEC",
    "NUMBER_OF_PROCESSORS",
    "OS",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "USERNAME",
    "WINDIR",
];

/// Set the same everywhere.
const SET: &[(&str, &str)] = &[
    // Nobody sits at a terminal: no pagers, no questions.
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("PAGER", "cat"),
    // Output comes as it is printed, in UTF-8, and running a script leaves nothing in the folder.
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONIOENCODING", "utf-8"),
    ("PYTHONUNBUFFERED", "1"),
    // What is printed to a pipe has no colours, and none are forced: a line's own pipes would get them too.
    ("TERM", "xterm-256color"),
];

/// Folders in the user's home that hold programs and their libraries, and no secrets.
const TOOLCHAINS: &[&str] = &[
    ".asdf",
    ".bun/bin",
    ".bun/install/global",
    ".cargo/bin",
    ".cargo/config.toml",
    ".cargo/env",
    ".cargo/git",
    ".cargo/registry",
    ".deno/bin",
    ".dotnet",
    ".fnm",
    ".jdks",
    ".local/bin",
    ".local/lib",
    ".local/pipx",
    ".local/share/fnm",
    ".local/share/mise",
    ".local/share/pipx",
    ".local/share/pnpm",
    ".local/share/uv",
    ".nix-profile",
    ".nvm",
    ".pyenv",
    ".rbenv",
    ".rustup",
    ".sdkman/candidates",
    ".volta",
    "anaconda3",
    "bin",
    "go/bin",
    "go/pkg",
    "miniconda3",
    "miniforge3",
];

/// Toolchains that look for their folders in the home, which is a private one: where the real ones are.
const HOMES: &[(&str, &str)] = &[
    ("CARGO_HOME", ".cargo"),
    ("GOMODCACHE", "go/pkg/mod"),
    ("NVM_DIR", ".nvm"),
    ("PYENV_ROOT", ".pyenv"),
    ("RUSTUP_HOME", ".rustup"),
];

/// The whole environment of a program whose home and temp folder is `temp`.
pub(super) fn of(user: &BTreeMap<String, String>, temp: &Path) -> BTreeMap<String, String> {
    let mut env: BTreeMap<String, String> = user
        .iter()
        .filter(|(name, _)| is_kept(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    env.insert("PATH".to_owned(), path(user));
    env.extend(
        SET.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    let temp = temp.to_string_lossy();
    let own: &[&str] = if cfg!(windows) {
        &[
            "APPDATA",
            "HOME",
            "LOCALAPPDATA",
            "TEMP",
            "TMP",
            "USERPROFILE",
        ]
    } else {
        &["HOME", "TMPDIR"]
    };
    env.extend(
        own.iter()
            .map(|name| ((*name).to_owned(), temp.clone().into_owned())),
    );
    if let Some(home) = home(user) {
        for (name, folder) in HOMES {
            let folder = home.join(folder);
            if folder.is_dir() {
                env.entry((*name).to_owned())
                    .or_insert_with(|| folder.to_string_lossy().into_owned());
            }
        }
    }
    env
}

/// What programs may read of the user's home.
pub(super) fn toolchains(user: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let Some(home) = home(user) else {
        return Vec::new();
    };
    TOOLCHAINS
        .iter()
        .map(|folder| home.join(folder))
        .filter(|folder| folder.exists())
        .collect()
}

/// Where a program is on the `PATH` that programs get.
pub(crate) fn find_program(user: &BTreeMap<String, String>, names: &[&str]) -> Option<PathBuf> {
    let path = path(user);
    let endings: &[&str] = if cfg!(windows) { &[".exe"] } else { &[""] };
    names.iter().find_map(|name| {
        std::env::split_paths(&path).find_map(|folder| {
            endings
                .iter()
                .map(|ending| folder.join(format!("{name}{ending}")))
                .find(|candidate| is_program(candidate))
        })
    })
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

fn is_kept(name: &str) -> bool {
    // Windows has names of either case.
    let name = if cfg!(windows) {
        name.to_ascii_uppercase()
    } else {
        name.to_owned()
    };
    KEPT.contains(&name.as_str()) || name.starts_with("LC_")
}

/// `PATH` without relative entries: with one, `ls` could be a program of the working folder.
fn path(user: &BTreeMap<String, String>) -> String {
    let given = user
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("PATH"))
        .map(|(_, value)| value.as_str());
    let default = if cfg!(windows) {
        ""
    } else {
        "/usr/local/bin:/usr/bin:/bin"
    };
    let folders = std::env::split_paths(given.unwrap_or(default)).filter(|it| it.is_absolute());
    // Entries came out of such a list, so that they go into one.
    std::env::join_paths(folders)
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn home(user: &BTreeMap<String, String>) -> Option<PathBuf> {
    let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    let home = PathBuf::from(user.get(name)?);
    home.is_absolute().then_some(home)
}
