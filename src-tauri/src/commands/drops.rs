//! Files that the user drags onto the window.

use nexus_protocol::{ErrorCard, FileDrag, GivenFile};
use tauri::{State, ipc::Channel};

use crate::drops::Drops;

#[tauri::command]
pub async fn subscribe_drags(
    drops: State<'_, Drops>,
    channel: Channel<FileDrag>,
) -> Result<(), ErrorCard> {
    drops.listen(channel);
    Ok(())
}

/// Reads what was dropped last, for a message. A file that cannot be attached says why; a second call gives nothing.
#[tauri::command]
pub async fn dropped_files(
    drops: State<'_, Drops>,
) -> Result<Vec<Result<GivenFile, ErrorCard>>, ErrorCard> {
    Ok(nexus_core::read_files(drops.take()).await)
}
