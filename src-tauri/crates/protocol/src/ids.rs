//! Identifiers. Each is a UUID (version 7 where the core makes it, so they sort by time) behind a type of its own.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id!(
    /// One conversation with its history.
    SessionId
);
id!(
    /// From a user message to the agent's last word.
    TurnId
);
id!(
    /// One entry of a session.
    ItemId
);
id!(
    /// One request of a front end; made by the front end, so that it can match answers.
    SubmissionId
);
id!(
    /// One download of a model.
    DownloadId
);
