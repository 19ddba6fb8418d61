//! Finds model files on the Hugging Face hub (or a mirror) and fetches them.
//!
//! Owns: the hub's addresses and answers, what its file names say, and downloads that survive cuts, kills and restarts.
//! Refuses to own: what is in a file (`worker-client`), where models live and what people see of it (`core`).
//!
//! Invariants, each held by a test:
//! 1. A file gets its name only after its size and its checksum (SHA-256; of small files the one of Git) were checked; nothing that is there is ever replaced.
//! 2. The token goes to the hub's own origin and nowhere else, redirects included.
//! 3. No answer is read without a bound, no wait is without an end, no name from the hub leaves the folder.

mod address;
mod checksum;
mod choice;
mod client;
mod download;
mod error;
mod http;
mod quantization;
mod skills;
mod tree;
mod wire;

pub use address::{Address, ModelId};
pub use checksum::{Checksum, GitSum, Sha256Sum};
pub use choice::{Choice, Fit, Form, Group, Needs, choices, recommended};
pub use client::{Found, Hub, Page};
pub use download::{
    Download, Downloads, Leftovers, Limits, Lock, Progress, Request, State, discard, unfinished,
};
pub use error::{HubError, Remedy};
pub use http::{HubSettings, PUBLIC_HUB, http_client};
pub use quantization::Quantization;
pub use skills::Skills;
pub use tree::{FilePath, HubFile, Listing};
pub use wire::{Gated, GgufFacts, ModelInfo, ModelSummary};
