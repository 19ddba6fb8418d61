//! Downloads as front ends show them.

use serde::{Deserialize, Serialize};

use crate::{DownloadId, ErrorCard, ModelRef};

/// Which packing of which model to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadRequest {
    /// `author/name`.
    pub model: String,
    /// The choice: [`crate::ModelChoice::file`].
    pub file: String,
    /// The commit it was listed at; `None` for the newest.
    #[serde(default)]
    pub revision: Option<String>,
}

/// A download. Those that are paused or failed are found again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// The same for as long as anything of it is on the disk.
    pub id: DownloadId,
    /// `author/name`.
    pub model: String,
    /// The choice: the path of its (first) file.
    pub file: String,
    /// What people read: `Q4_K_M`, or the file's name.
    pub label: String,
    /// What it is doing.
    pub status: DownloadStatus,
    /// Bytes on this disk.
    pub received: u64,
    /// Bytes in all.
    pub total: u64,
    /// Bytes a second, smoothed over some seconds; `None` while nothing is known.
    #[serde(default)]
    pub rate: Option<u64>,
    /// Seconds left at that rate.
    #[serde(default)]
    pub seconds_left: Option<u64>,
    /// Why it waits before another try, one sentence; `None` while all goes well.
    #[serde(default)]
    pub trouble: Option<String>,
}

/// What a download is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DownloadStatus {
    /// Others are before it.
    Queued,
    /// The hub was asked; no byte has come yet.
    Connecting,
    /// Another program of ours (the app, or `nexus` in a terminal) fetches the same file.
    Elsewhere,
    /// Bytes come.
    Fetching,
    /// All came; they are being checked.
    Verifying,
    /// By the user, or by the end of the program.
    Paused,
    /// Ended. What came is kept where it is of use.
    Failed {
        /// What happened and what to do.
        error: ErrorCard,
    },
    /// The model can be used.
    Done {
        /// Its name.
        model: ModelRef,
    },
}

impl DownloadStatus {
    /// Whether nothing will happen by itself any more.
    pub fn rests(&self) -> bool {
        matches!(self, Self::Paused | Self::Failed { .. } | Self::Done { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorAction, ErrorCode};

    #[test]
    fn downloads_come_back_as_they_went() {
        let failed = DownloadStatus::Failed {
            error: ErrorCard::new(
                ErrorCode::Storage,
                "The disk is full",
                "Free some space.",
                ErrorAction::Retry,
            ),
        };
        let done = DownloadStatus::Done {
            model: ModelRef("local/m".into()),
        };
        for status in [
            DownloadStatus::Queued,
            DownloadStatus::Connecting,
            DownloadStatus::Elsewhere,
            DownloadStatus::Fetching,
            DownloadStatus::Verifying,
            DownloadStatus::Paused,
            failed,
            done,
        ] {
            let download = Download {
                id: DownloadId(uuid::Uuid::from_u128(1)),
                model: "maker/model".into(),
                file: "model-Q4_K_M.gguf".into(),
                label: "Q4_K_M".into(),
                status,
                received: 1,
                total: 2,
                rate: Some(3),
                seconds_left: Some(4),
                trouble: Some("The line broke.".into()),
            };
            let text = serde_json::to_string(&download).unwrap();
            assert_eq!(serde_json::from_str::<Download>(&text).unwrap(), download);
        }
        let request = DownloadRequest {
            model: "maker/model".into(),
            file: "m.gguf".into(),
            revision: None,
        };
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(
            serde_json::from_str::<DownloadRequest>(&text).unwrap(),
            request
        );
    }

    #[test]
    fn what_rests_needs_a_hand() {
        assert!(DownloadStatus::Paused.rests());
        assert!(!DownloadStatus::Verifying.rests());
    }
}
