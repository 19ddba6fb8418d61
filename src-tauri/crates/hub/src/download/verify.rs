//! What the bytes on disk add up to.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::{Trouble, part::blocking};
use crate::{Checksum, GitSum, Sha256Sum, error::HubError};

const BLOCK: usize = 1024 * 1024;

/// One that is being computed.
enum Sum {
    Sha256(Box<Sha256>),
    Git(Box<Sha1>),
}

impl Sum {
    /// Of the kind that is expected; Git's begins with the length.
    fn like(expected: Checksum, length: u64) -> Self {
        match expected {
            Checksum::Sha256(_) => Self::Sha256(Box::default()),
            Checksum::Git(_) => {
                Self::Git(Box::new(Sha1::new_with_prefix(format!("blob {length}\0"))))
            }
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Git(hash) => hash.update(bytes),
        }
    }

    fn finish(self) -> Checksum {
        match self {
            Self::Sha256(hash) => Sha256Sum::from(<[u8; 32]>::from(hash.finalize())).into(),
            Self::Git(hash) => GitSum::from(<[u8; 20]>::from(hash.finalize())).into(),
        }
    }
}

/// A sum of the kind that is expected. Reads the whole file again: what was received is not what was stored.
pub(crate) async fn checksum(
    path: PathBuf,
    expected: Checksum,
    stop: CancellationToken,
) -> Result<Checksum, Trouble> {
    let name = path.clone();
    let sum = blocking(move || {
        let mut file = File::open(path)?;
        let mut block = vec![0; BLOCK];
        let mut sum = Sum::like(expected, file.metadata()?.len());
        loop {
            if stop.is_cancelled() {
                return Ok(None);
            }
            match file.read(&mut block) {
                Ok(0) => return Ok(Some(sum.finish())),
                Ok(count) => sum.update(&block[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    })
    .await
    .map_err(|error| HubError::disk("Reading", &name, &error))?;
    sum.ok_or(Trouble::Stopped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_sum_of_a_small_file_is_the_name_that_git_gives_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "what is up, doc?").unwrap();
        // As the book on Git has it.
        let known: Checksum = "bd9dbf5aae1a3862dd1526723246b20206e5fc37".parse().unwrap();
        let sum = checksum(path, known, CancellationToken::new())
            .await
            .unwrap();
        assert_eq!(sum, known);
    }
}
