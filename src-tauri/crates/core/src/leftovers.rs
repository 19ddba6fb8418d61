//! What tools left in the data folder for sessions that are gone.
//!
//! Owns when it goes: at a start, after sessions were erased. Refuses to touch what belongs to a session that can still be restored.

use std::{collections::HashSet, fs, path::Path};

use nexus_checkpoints::Checkpoints;
use nexus_protocol::SessionId;
use nexus_store::{Store, StoreError};

use crate::paths::DataDir;

/// Removes the long output, temp folders and checkpoints of sessions that the store does not know.
///
/// # Errors
/// Where the store cannot be read; files that cannot be removed stay for the next start.
pub(crate) async fn clean(data: &DataDir, store: &Store) -> Result<(), StoreError> {
    let known: HashSet<SessionId> = store.session_ids().await?.into_iter().collect();
    let data = data.clone();
    let cleaned = tokio::task::spawn_blocking(move || {
        for session in gone(&data.tool_scratch(), &known) {
            let folder = data.tool_scratch().join(session.to_string());
            if let Err(error) = fs::remove_dir_all(&folder) {
                tracing::warn!(%error, "what tools left could not be removed");
            }
        }
        let checkpoints = gone(&data.checkpoints().join("sessions"), &known);
        if checkpoints.is_empty() {
            return;
        }
        let forgotten = Checkpoints::open(&data.checkpoints())
            .and_then(|all| checkpoints.into_iter().try_for_each(|it| all.forget(it)));
        if let Err(error) = forgotten {
            tracing::warn!(%error, "checkpoints of erased chats could not be removed");
        }
    });
    if let Err(error) = cleaned.await {
        tracing::error!(%error, "cleaning up broke down");
    }
    Ok(())
}

/// Sessions that a folder has something of, and that are not known.
fn gone(folder: &Path, known: &HashSet<SessionId>) -> Vec<SessionId> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let id = Path::new(&name).file_stem()?.to_str()?.parse().ok()?;
            (!known.contains(&id)).then_some(id)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_a_session_that_is_gone_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let [known, gone_one, gone_two] =
            [1, 2, 3].map(|number| SessionId(uuid::Uuid::from_u128(number)));
        for name in [
            known.to_string(),
            gone_one.to_string(),
            format!("{gone_two}.jsonl"),
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::write(folder.path().join("something else"), "").unwrap();
        let mut found = gone(folder.path(), &HashSet::from([known]));
        found.sort();
        assert_eq!(found, [gone_one, gone_two]);
        assert_eq!(gone(&folder.path().join("missing"), &HashSet::new()), []);
    }
}
