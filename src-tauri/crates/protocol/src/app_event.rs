//! What happened in the app as a whole, in no session.

use serde::{Deserialize, Serialize};

use crate::{Download, DownloadId, MoveProgress};

/// One thing that happened outside all sessions. Each carries the whole new state of what it is about: a front end that missed one
/// is right again with the next, and asks once at its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AppEvent {
    /// A download began, went on, or ended. At most five a second each.
    DownloadChanged {
        /// As it stands.
        download: Download,
    },
    /// A download was cancelled, or its end was taken off the list.
    DownloadRemoved {
        /// Which.
        id: DownloadId,
    },
    /// Something came into the models folder or left it: ask for the list again.
    LocalModelsChanged,
    /// The models folder is being moved.
    ModelsMoving {
        /// How far it is.
        progress: MoveProgress,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_back_as_they_went() {
        for event in [
            AppEvent::DownloadRemoved {
                id: DownloadId(uuid::Uuid::from_u128(1)),
            },
            AppEvent::LocalModelsChanged,
            AppEvent::ModelsMoving {
                progress: MoveProgress {
                    to: "/other".into(),
                    done: 1,
                    total: 2,
                },
            },
        ] {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<AppEvent>(&text).unwrap(), event);
        }
        assert_eq!(
            serde_json::to_string(&AppEvent::LocalModelsChanged).unwrap(),
            "{\"type\":\"local_models_changed\"}"
        );
    }
}
