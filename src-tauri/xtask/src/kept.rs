//! Built programs in the cache, under keys of all that went into them: the newest few.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

/// How many builds of one program the cache holds, up to 75 MB each.
const KEPT: usize = 5;

/// Copies the binary into the cache, not as a link: the next build may write into the same file. Old ones go.
pub fn keep(built: &Path, kept: &Path) -> Result<()> {
    let told = || format!("cannot make {}", kept.display());
    let folder = kept.parent().with_context(told)?;
    fs::create_dir_all(folder).with_context(told)?;
    let part = kept.with_extension("part");
    fs::copy(built, &part).with_context(told)?;
    fs::rename(&part, kept).with_context(told)?;
    if let Some(all) = folder.parent() {
        prune(all)?;
    }
    Ok(())
}

/// Leaves the newest few: branches that are switched between, not every state of a week.
fn prune(all: &Path) -> Result<()> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(all)? {
        let entry = entry?;
        folders.push((entry.metadata()?.modified()?, entry.path()));
    }
    folders.sort();
    for (_, old) in folders.iter().rev().skip(KEPT) {
        // Best effort: one that runs on Windows stays.
        let _ = fs::remove_dir_all(old);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    #[test]
    fn the_newest_built_ones_are_kept() {
        let all = env::temp_dir().join(format!("nexus-xtask-keep-{}", std::process::id()));
        fs::create_dir_all(&all).unwrap();
        let built = all.with_extension("built");
        for turn in 0..KEPT + 2 {
            fs::write(&built, turn.to_string()).unwrap();
            keep(&built, &all.join(turn.to_string()).join("worker")).unwrap();
            // Times of files are as coarse as a kernel tick.
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let mut left: Vec<_> = fs::read_dir(&all)
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path().join("worker")).unwrap())
            .collect();
        left.sort();
        fs::remove_dir_all(&all).unwrap();
        fs::remove_file(&built).unwrap();
        assert_eq!(left, ["2", "3", "4", "5", "6"]);
    }
}
