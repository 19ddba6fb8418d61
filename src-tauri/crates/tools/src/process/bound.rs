//! Files of the working folder that a program names to be run: an approval is bound to what they hold.
//!
//! Owns finding them and looking again. A second lock, not the first: a line may run what it does not name.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use nexus_protocol::BoundFile;
use sha2::{Digest, Sha256};

use crate::{ToolError, policy::ShellLine};

/// At most this many of one call.
const MAX_FILES: usize = 32;

/// The files that `code` or `argv` names to be run and that lie in the folder `root`.
pub(super) fn files(language: &str, code: &str, argv: &[String], root: &Path) -> Vec<BoundFile> {
    let commands: Vec<Vec<String>> = if language == "shell" {
        let line = ShellLine::read(code).commands;
        line.into_iter().map(|command| command.argv).collect()
    } else {
        vec![argv.to_vec()]
    };
    let resolve = |name: &str| {
        let path = root.join(name).canonicalize().ok()?;
        (path.starts_with(root) && path.is_file()).then_some(path)
    };
    let mut paths: Vec<PathBuf> = commands
        .iter()
        .flat_map(|argv| named(argv, &resolve))
        .collect();
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .take(MAX_FILES)
        .filter_map(|path| {
            let sha256 = hash(&path).ok()?;
            let path = path.to_string_lossy().into_owned();
            Some(BoundFile { path, sha256 })
        })
        .collect()
}

/// Looks again.
///
/// # Errors
/// Where one is not what it was.
pub(super) fn check(files: &[BoundFile]) -> Result<(), ToolError> {
    for file in files {
        if hash(Path::new(&file.path)).ok().as_ref() != Some(&file.sha256) {
            return Err(ToolError::Failed(format!(
                "Nothing was run: {} was changed after this call was looked at. Look at it again, then call again.",
                file.path
            )));
        }
    }
    Ok(())
}

/// The program of a command where its name is a path, and the first file after each word that runs what it is given. Options of
/// such words and their values (`timeout 5 ./x`, `python -W error x.py`) are no files and so passed over.
fn named(argv: &[String], resolve: &dyn Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut expected = true;
    for (index, word) in argv.iter().enumerate() {
        let file = resolve(word).filter(|_| index > 0 || word.contains('/'));
        let goes_on = is_carrier(word.rsplit('/').next().unwrap_or_default());
        if expected && let Some(file) = file {
            found.push(file);
            expected = goes_on;
        } else if goes_on {
            expected = true;
        } else if index == 0 {
            expected = false;
        }
    }
    found
}

/// Whether a command runs the script or the command that it is given.
fn is_carrier(name: &str) -> bool {
    const NAMES: &[&str] = &[
        ".",
        "ash",
        "bash",
        "bun",
        "command",
        "dash",
        "deno",
        "env",
        "exec",
        "fish",
        "ionice",
        "ksh",
        "lua",
        "nice",
        "node",
        "nodejs",
        "nohup",
        "osascript",
        "perl",
        "php",
        "powershell",
        "pwsh",
        "pypy",
        "python",
        "rscript",
        "ruby",
        "setsid",
        "sh",
        "source",
        "stdbuf",
        "sudo",
        "tclsh",
        "time",
        "timeout",
        "tsx",
        "xargs",
        "zsh",
    ];
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    // `python3.11`
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    NAMES.contains(&name) || NAMES.contains(&plain)
}

fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
