//! Memory of a program with all its children, from /proc.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};

/// The process that runs this program, the youngest where there are several.
///
/// # Errors
/// When there is none.
pub fn of_program(program: &Path) -> Result<u32> {
    let program = program
        .canonicalize()
        .with_context(|| format!("cannot find {}", program.display()))?;
    parents()
        .into_keys()
        .filter(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program))
        .max()
        .with_context(|| format!("no process runs {}", program.display()))
}

/// Proportional set size of a process and all below it, bytes: memory that several share counts once, in shares.
///
/// # Errors
/// When the process itself cannot be looked at.
pub fn memory(root: u32) -> Result<u64> {
    let parents = parents();
    let mut sum = 0;
    for pid in family(root, &parents) {
        match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
            Ok(text) => sum += proportional(&text),
            Err(error) if pid == root => {
                return Err(error).context("cannot look at the app's memory");
            }
            // A child may end at any time.
            Err(_) => {}
        }
    }
    Ok(sum)
}

fn proportional(smaps_rollup: &str) -> u64 {
    smaps_rollup
        .lines()
        .find_map(|line| {
            line.strip_prefix("Pss:")?
                .trim()
                .strip_suffix("kB")?
                .trim()
                .parse::<u64>()
                .ok()
        })
        .map_or(0, |kilobytes| kilobytes * 1024)
}

/// The process and all below it.
fn family(root: u32, parents: &BTreeMap<u32, u32>) -> Vec<u32> {
    let mut all = vec![root];
    let mut next = 0;
    while next < all.len() {
        let parent = all[next];
        all.extend(
            parents
                .iter()
                .filter(|(pid, of)| **of == parent && **pid != parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    all
}

/// Each process with its parent.
fn parents() -> BTreeMap<u32, u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Some((
                pid,
                parent(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?,
            ))
        })
        .collect()
}

/// From the text of /proc/PID/stat. The name in it may hold blanks and brackets.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_found_in_any_depth() {
        let parents = BTreeMap::from([(1, 0), (10, 1), (11, 10), (12, 11), (13, 10), (20, 1)]);
        let mut found = family(10, &parents);
        found.sort_unstable();
        assert_eq!(found, [10, 11, 12, 13]);
    }

    #[test]
    fn the_kernels_files_are_read() {
        assert_eq!(parent("42 (Web Content (x)) S 7 42 42 0 -1"), Some(7));
        assert_eq!(
            proportional(
                "00400000-7fff [rollup]\nRss:  9000 kB\nPss:                 270 kB\nPss_Anon: 1 kB\n"
            ),
            270 * 1024
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_is_found() {
        let me = std::env::current_exe().unwrap();
        assert!(memory(std::process::id()).unwrap() > 100_000);
        assert!(of_program(&me).is_ok());
    }
}
