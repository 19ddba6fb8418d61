//! Tools that read and change files.
//!
//! Owns nothing but its list.

use std::sync::Arc;

use crate::Tool;

/// The tools of this group.
pub(crate) fn tools() -> Vec<Arc<dyn Tool>> {
    Vec::new()
}
