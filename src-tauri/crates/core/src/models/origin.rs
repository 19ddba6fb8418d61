//! The small file beside a model that says where on the hub it comes from. A download has it from its first moment, so that it is
//! found again after a restart; a model keeps it, so that the hub's page can say that it is here.
//!
//! Owns its shape and its reading and writing. Refuses to trust it: it may have been edited.

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
};

use nexus_hub::{Checksum, Choice, FilePath, HubFile, ModelId, Sha256Sum};
use nexus_protocol::{DownloadId, ModelOrigin};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::settings;

/// Its name. No model's file has it: those end in `.gguf`.
pub const FILE: &str = "origin.json";
const VERSION: u32 = 1;
/// Of several files: an older program must not take the first for all.
const SEVERAL: u32 = 2;
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
    /// Its path on the hub; of a model of several files that of the first.
    pub file: String,
    /// In bytes.
    pub size: u64,
    /// What its bytes add up to.
    pub sha256: Sha256Sum,
    /// The others that it is nothing without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rest: Vec<Piece>,
    /// Small ones that came with it, or were to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    companions: Vec<Piece>,
}

/// One of the other files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Piece {
    file: String,
    size: u64,
    checksum: Checksum,
}

impl Piece {
    fn new(file: &HubFile) -> Option<Self> {
        Some(Self {
            file: file.path.as_str().to_owned(),
            size: file.size,
            checksum: file.checksum?,
        })
    }

    fn hub_file(&self) -> Option<HubFile> {
        Some(HubFile {
            path: FilePath::new(&self.file).ok()?,
            size: self.size,
            checksum: Some(self.checksum),
        })
    }
}

impl Origin {
    /// Of a choice as the hub lists it; `None` where a file of it has no checksum, and so cannot be fetched.
    pub fn new(
        id: DownloadId,
        model: ModelId,
        revision: String,
        label: String,
        choice: &Choice,
    ) -> Option<Self> {
        let (file, rest) = choice.files.split_first()?;
        Some(Self {
            version: if rest.is_empty() { VERSION } else { SEVERAL },
            id,
            model,
            revision,
            label,
            file: file.path.as_str().to_owned(),
            size: file.size,
            sha256: file.sha256()?,
            rest: rest.iter().map(Piece::new).collect::<Option<_>>()?,
            companions: choice.companions.iter().filter_map(Piece::new).collect(),
        })
    }

    /// All files that the model is nothing without, as the hub lists them; `None` as for [`Self::hub_file`].
    pub fn files(&self) -> Option<Vec<HubFile>> {
        let first = std::iter::once(self.hub_file());
        first.chain(self.rest.iter().map(Piece::hub_file)).collect()
    }

    /// Those that it can do without.
    pub fn companions(&self) -> Vec<HubFile> {
        self.companions.iter().filter_map(Piece::hub_file).collect()
    }

    /// The same for the same bytes, and for no others.
    pub fn fingerprint(&self) -> String {
        if self.rest.is_empty() {
            return self.sha256.to_string();
        }
        let mut all = Sha256::new();
        all.update(self.sha256.to_string());
        for piece in &self.rest {
            all.update(piece.checksum.to_string());
        }
        Sha256Sum::from(<[u8; 32]>::from(all.finalize())).to_string()
    }

    /// Whether it is a folder with weights in safetensors.
    pub fn is_folder(&self) -> bool {
        self.file.ends_with(".safetensors")
    }

    /// Bytes of the files of weights.
    pub fn weight_bytes(&self) -> u64 {
        let rest = self.rest.iter();
        // Of a folder the others are settings.
        let weights =
            rest.filter(|piece| !self.is_folder() || piece.file.ends_with(".safetensors"));
        let sizes = weights.map(|piece| piece.size);
        sizes.fold(self.size, u64::saturating_add)
    }

    /// Bytes of all that is fetched.
    pub fn bytes(&self) -> u64 {
        let others = self.rest.iter().chain(&self.companions);
        let sizes = others.map(|piece| piece.size);
        sizes.fold(self.size, u64::saturating_add)
    }

    /// The first file as the hub lists it; `None` where somebody put a name here that leads elsewhere.
    pub fn hub_file(&self) -> Option<HubFile> {
        Some(HubFile {
            path: FilePath::new(&self.file).ok()?,
            size: self.size,
            checksum: Some(self.sha256.into()),
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
        [VERSION, SEVERAL]
            .contains(&origin.version)
            .then_some(origin)
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
