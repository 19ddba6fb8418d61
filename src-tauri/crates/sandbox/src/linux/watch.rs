//! Limits that the kernel does not keep for us: on all processes together, and on processes of the superuser.
//!
//! Owns: counting. The kernel's own limits act first and at once (`become_program.rs`, `root.rs`); this is what is left to do for
//! a program that stays below them with each single process.

use std::fs;

use anyhow::Context as _;
use nexus_sandbox::Limits;

/// Counts what runs in this PID namespace.
pub struct Watch {
    limits: Limits,
    /// Bytes that all processes together may use.
    memory: u64,
}

impl Watch {
    /// All processes together may use half of the machine's memory, or what one of them may if that is more.
    pub fn new(limits: &Limits) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string("/proc/meminfo").context("the memory's size cannot be read")?;
        let total = kibibytes(&text, "MemTotal:").context("the memory's size cannot be read")?;
        Ok(Self {
            limits: *limits,
            memory: limits.memory.max(total / 2),
        })
    }

    /// The limit that is breached, for people.
    pub fn breach(&self) -> Option<String> {
        let (mut processes, mut memory) = (0, 0);
        let mut ids = Vec::new();
        for id in ids_of_processes() {
            // It may have ended since it was listed.
            let Ok(text) = fs::read_to_string(format!("/proc/{id}/status")) else {
                continue;
            };
            processes += plain(&text, "Threads:").unwrap_or(1);
            let used = ["RssAnon:", "RssShmem:"]
                .iter()
                .filter_map(|name| kibibytes(&text, name))
                .sum::<u64>();
            // Shared memory is no data to the kernel's own limit.
            if used > self.limits.memory {
                return Some(too_much(self.limits.memory));
            }
            memory += used;
            ids.push(id);
        }
        if processes > self.limits.processes {
            return Some(format!("more than {} processes", self.limits.processes));
        }
        // Pages that processes share were counted for each of them: only a sum that is too large is worth the exact, slow count.
        let breached = memory > self.memory
            && ids.iter().map(|id| proportional(*id)).sum::<u64>() > self.memory;
        breached.then(|| too_much(self.memory))
    }
}

fn too_much(memory: u64) -> String {
    format!("more than {} MiB of memory", memory >> 20)
}

/// All but process 1, which is ours.
fn ids_of_processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id| *id != 1)
}

/// A process's memory, in which a shared page counts as much as its share.
fn proportional(id: u32) -> u64 {
    fs::read_to_string(format!("/proc/{id}/smaps_rollup"))
        .ok()
        .and_then(|text| kibibytes(&text, "Pss:"))
        .unwrap_or(0)
}

fn plain(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    plain(text, name).map(|number| number << 10)
}
