//! Small tools that change nothing.
//!
//! Owns nothing but its list.

mod calculate;
mod current_time;

use std::sync::Arc;

use crate::Tool;

/// The tools of this group.
pub(crate) fn tools() -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(calculate::Calculate),
        Arc::new(current_time::CurrentTime),
    ]
}
