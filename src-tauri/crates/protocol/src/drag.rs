//! Files that are dragged over a window from another program.

use serde::{Deserialize, Serialize};

/// What becomes of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FileDrag {
    /// They came over the window. Said once.
    Over,
    /// They left it again, or nothing in them was a file.
    Left,
    /// They were dropped on it. The window can have them read once, as images.
    Dropped {
        /// Where they are, at least one.
        paths: Vec<String>,
    },
}
