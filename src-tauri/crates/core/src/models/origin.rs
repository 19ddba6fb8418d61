//! The small file beside a model that says where on the hub it comes from. A download has it from its first moment, so that it is
//! found again after a restart; a model keeps it, so that the hub's page can say that it is here.
//!
//! Owns its shape and its reading and writing. Refuses to trust it: it may have been edited.

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
};

use nexus_hub::{FilePath, HubFile, ModelId, Sha256Sum};
use nexus_protocol::{DownloadId, ModelOrigin};
use serde::{Deserialize, Serialize};

use crate::settings;

/// Its name. No model's file has it: those end in `.gguf`.
pub const FILE: &str = "origin.json";
const VERSION: u32 = 1;
/// A longer one is not ours.
const MAX_BYTES: u64 = 256 * 1024;

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    version: u32,
    /// Of the download, also across restarts.
    pub id: DownloadId,
    /// Whose file.
    pub model: ModelId,
    /// The commit it was listed at.
    pub revision: String,
    /// For people: `Q4_K_M`.
    pub label: String,
    /// Its path on the hub.
    pub file: String,
    /// In bytes.
    pub size: u64,
    /// What its bytes add up to.
    pub sha256: Sha256Sum,
}

impl Origin {
    /// Of a file as the hub lists it; `None` where it has no checksum, and so cannot be fetched.
    pub fn new(
        id: DownloadId,
        model: ModelId,
        revision: String,
        label: String,
        file: &HubFile,
    ) -> Option<Self> {
        Some(Self {
            version: VERSION,
            id,
            model,
            revision,
            label,
            file: file.path.as_str().to_owned(),
            size: file.size,
            sha256: file.sha256?,
        })
    }

    /// The file as the hub lists it; `None` where somebody put a name here that leads elsewhere.
    pub fn hub_file(&self) -> Option<HubFile> {
        Some(HubFile {
            path: FilePath::new(&self.file).ok()?,
            size: self.size,
            sha256: Some(self.sha256),
        })
    }

    /// For people and windows.
    pub fn view(&self) -> ModelOrigin {
        ModelOrigin {
            model: self.model.to_string(),
            file: self.file.clone(),
        }
    }

    /// The one in a folder; `None` where there is none that can be understood.
    pub fn read(folder: &Path) -> Option<Self> {
        let mut bytes = Vec::new();
        fs::File::open(folder.join(FILE))
            .ok()?
            .take(MAX_BYTES)
            .read_to_end(&mut bytes)
            .ok()?;
        let origin: Self = serde_json::from_slice(&bytes).ok()?;
        (origin.version == VERSION).then_some(origin)
    }

    /// Puts it into a folder, whole or not at all.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let new = folder.join(format!(".{FILE}.{}", uuid::Uuid::now_v7().simple()));
        let written = (|| {
            let mut file = fs::File::create_new(&new)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&new, folder.join(FILE))
        })();
        if written.is_err() {
            // The first error is the one to report.
            let _ = fs::remove_file(&new);
            return written;
        }
        settings::sync_folder(folder)
    }
}
