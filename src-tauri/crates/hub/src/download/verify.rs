//! What the bytes on disk add up to.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::{Trouble, part::blocking};
use crate::{Sha256Sum, error::HubError};

const BLOCK: usize = 1024 * 1024;

/// Reads the whole file again: what was received is not what was stored.
pub(crate) async fn sha256(path: PathBuf, stop: CancellationToken) -> Result<Sha256Sum, Trouble> {
    let name = path.clone();
    let sum = blocking(move || {
        let mut file = File::open(path)?;
        let mut block = vec![0; BLOCK];
        let mut hash = Sha256::new();
        loop {
            if stop.is_cancelled() {
                return Ok(None);
            }
            match file.read(&mut block) {
                Ok(0) => return Ok(Some(Sha256Sum::from(<[u8; 32]>::from(hash.finalize())))),
                Ok(count) => hash.update(&block[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    })
    .await
    .map_err(|error| HubError::disk("Reading", &name, &error))?;
    sum.ok_or(Trouble::Stopped)
}
