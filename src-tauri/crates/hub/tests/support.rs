//! What the tests share: a hub on loopback, content, limits that are short.

pub mod proxy;

pub use nexus_test_support::hub;

use std::{path::Path, time::Duration};

use nexus_egress::Switch;
use nexus_hub::{
    Downloads, FilePath, Hub, HubFile, HubSettings, Limits, ModelId, Request, Sha256Sum,
    http_client,
};
use sha2::{Digest, Sha256};

/// Bytes without a pattern that a shifted or swapped range could hide in.
pub fn content(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

pub fn sum(bytes: &[u8]) -> Sha256Sum {
    Sha256Sum::from(<[u8; 32]>::from(Sha256::digest(bytes)))
}

pub fn model() -> ModelId {
    hub::MODEL.parse().unwrap()
}

/// Waits of milliseconds, pieces of a megabyte.
pub fn quick() -> Limits {
    Limits {
        part_at_least: 512 * 1024,
        piece: 1024 * 1024,
        idle: Duration::from_secs(20),
        slow_window: Duration::from_secs(20),
        backoff_base: Duration::from_millis(2),
        backoff_cap: Duration::from_millis(20),
        space_margin: 0,
        ..Limits::default()
    }
}

pub fn connect(base: &str, token: Option<&str>) -> Hub {
    let settings = HubSettings {
        base: base.into(),
        token: token.map(|token| token.to_owned().into()),
        headers_timeout: Duration::from_secs(20),
    };
    Hub::new(
        http_client(Duration::from_secs(10), &Switch::new()).unwrap(),
        &settings,
    )
    .unwrap()
}

pub fn downloads(base: &str, limits: Limits) -> Downloads {
    Downloads::new(connect(base, Some(hub::TOKEN)), 2, limits)
}

pub fn request(folder: &Path, name: &str, bytes: &[u8]) -> Request {
    Request {
        model: model(),
        revision: "main".into(),
        files: vec![HubFile {
            path: FilePath::new(name).unwrap(),
            size: bytes.len() as u64,
            checksum: Some(sum(bytes).into()),
        }],
        optional: Vec::new(),
        folder: folder.to_owned(),
    }
}

/// Names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Many in full, a tenth otherwise.
pub fn scale(full: usize) -> usize {
    if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        full
    } else {
        full / 10
    }
}
