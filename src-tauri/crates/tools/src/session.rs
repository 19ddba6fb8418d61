//! What tools keep from call to call in one session.

/// What tools keep from call to call in one session: ends with it.
#[derive(Debug, Default)]
pub struct SessionTools {}

impl SessionTools {
    /// Ends everything that still runs.
    pub async fn close(&self) {}
}
