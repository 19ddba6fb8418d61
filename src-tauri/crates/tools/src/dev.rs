//! Tools that run programs, and small ones that developers miss.
//!
//! Owns nothing but its list.

mod jobs;
mod run_code;
mod shell;

use std::sync::Arc;

use crate::Tool;

/// The tools of this group.
pub(crate) fn tools() -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(shell::Shell),
        Arc::new(jobs::Jobs),
        Arc::new(run_code::RunCode),
    ]
}
