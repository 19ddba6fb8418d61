//! The folder that workers write in: one for each of them, gone with it, and what the next one is given of the last one's work.
//!
//! Owns all files below it. What is left of an app that was killed goes at the next one's start.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use nexus_protocol::worker::PREFIX_FILE;
use sha2::{Digest as _, Sha256};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::process::Order;

/// Where the beginnings of conversations wait for a worker.
const BEGINNINGS: &str = "beginnings";
/// How many wait, each up to 200 MB; the one used longest ago leaves first.
const KEPT: usize = 3;

/// A worker's home, its own. It begins with what the last worker of the same model and program computed of the beginning that
/// conversations share, and gives that back when it goes.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) path: PathBuf,
    beginning: PathBuf,
}

impl Home {
    pub(super) fn make(scratch: &Path, order: &Order<'_>) -> std::io::Result<Self> {
        let name = format!("{}-{}", std::process::id(), order.number);
        let scratch = std::path::absolute(scratch).unwrap_or_else(|_| scratch.to_owned());
        let home = Self {
            path: scratch.join(name),
            beginning: scratch.join(BEGINNINGS).join(name_of(order)),
        };
        fs::create_dir_all(&home.path)?;
        // Moved and not copied: one that ends its worker is not found again. Mostly there is none.
        let _none = fs::rename(&home.beginning, home.path.join(PREFIX_FILE));
        Ok(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let left = self.path.join(PREFIX_FILE);
        if left.is_file()
            && let Some(folder) = self.beginning.parent()
            && fs::create_dir_all(folder).is_ok()
            && fs::rename(&left, &self.beginning).is_ok()
        {
            prune(folder);
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::debug!(%error, "a worker's folder stays");
        }
    }
}

/// Of one content of a model, one state of a program and one length of context: with any other it could not be read.
fn name_of(order: &Order<'_>) -> String {
    let subject = (
        order.model,
        order.identity,
        order.state,
        order.context_tokens,
    );
    let digest = Sha256::digest(format!("{subject:?}"));
    let name = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    name.chain([".kv".to_owned()]).collect()
}

fn prune(folder: &Path) {
    let mut all: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    all.sort();
    for (_, old) in all.iter().rev().skip(KEPT) {
        // It is tried again after the next worker.
        let _stays = fs::remove_file(old);
    }
}

/// Removes the folders of workers whose app is gone: it was killed, and they may hold what was said.
pub(super) fn clean(scratch: &Path) {
    let owner = |name: &OsStr| name.to_str()?.split_once('-')?.0.parse::<Pid>().ok();
    let folders: Vec<_> = fs::read_dir(scratch)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((owner(&entry.file_name())?, entry.path())))
        .collect();
    let Ok(mut system) = System::new() else {
        return;
    };
    let owners: Vec<Pid> = folders.iter().map(|(owner, _)| *owner).collect();
    let about = ProcessRefreshKind::nothing();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&owners), true, about);
    for (owner, folder) in folders {
        if system.process(owner).is_none()
            && let Err(error) = fs::remove_dir_all(&folder)
        {
            tracing::warn!(%error, "what a worker left stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::records::Identity;
    use super::*;
    use crate::gguf::Weights;

    fn order<'a>(identity: &'a Identity, state: &'a str, number: u64) -> Order<'a> {
        Order {
            program: Path::new("worker"),
            model: Path::new("/models/a.gguf"),
            linked: Vec::new(),
            identity,
            state,
            context_tokens: 4096,
            weights: Weights::Packed,
            memory: None,
            threads: 1,
            gpu: false,
            number,
        }
    }

    #[test]
    fn the_next_worker_of_the_same_model_is_given_what_the_last_one_left() {
        let scratch = tempfile::tempdir().unwrap();
        let identity = Identity {
            bytes: 7,
            modified: Some(SystemTime::UNIX_EPOCH),
        };
        let home =
            |state, number| Home::make(scratch.path(), &order(&identity, state, number)).unwrap();
        let first = home("1", 1);
        let (path, file) = (first.path.clone(), first.path.join(PREFIX_FILE));
        assert!(!file.exists());
        fs::write(file, "computed").unwrap();
        fs::write(path.join("conversation-0.kv"), "said").unwrap();
        drop(first);
        assert!(!path.exists());
        // Another state of the program could not read it.
        assert!(!home("2", 2).path.join(PREFIX_FILE).exists());
        let second = home("1", 3);
        let left = fs::read_to_string(second.path.join(PREFIX_FILE)).unwrap();
        assert_eq!(left, "computed");
        // It is not there for a third one at the same time, nor after a worker that lost it.
        assert!(!home("1", 4).path.join(PREFIX_FILE).exists());
        fs::remove_file(second.path.join(PREFIX_FILE)).unwrap();
        drop(second);
        assert!(!home("1", 5).path.join(PREFIX_FILE).exists());
    }

    #[test]
    fn the_newest_beginnings_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        for age in 0..5 {
            let path = folder.path().join(age.to_string());
            let file = fs::File::create(path).unwrap();
            let time = SystemTime::now() - Duration::from_secs(age * 60);
            file.set_modified(time).unwrap();
        }
        prune(folder.path());
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["0", "1", "2"]);
    }

    #[test]
    fn folders_of_an_app_that_is_gone_go() {
        let scratch = tempfile::tempdir().unwrap();
        let mine = format!("{}-1", std::process::id());
        // No process has this number: they are below four million.
        let gone = "2000000000-1";
        for name in [mine.as_str(), gone, BEGINNINGS, "else"] {
            fs::create_dir(scratch.path().join(name)).unwrap();
            fs::write(scratch.path().join(name).join("file"), "").unwrap();
        }
        clean(scratch.path());
        let is_there = |name: &str| scratch.path().join(name).exists();
        assert!(is_there(&mine) && is_there(BEGINNINGS) && is_there("else"));
        assert!(!is_there(gone));
    }
}
