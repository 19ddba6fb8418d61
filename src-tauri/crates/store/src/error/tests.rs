use super::*;

#[test]
fn every_card_says_what_why_and_what_to_do() {
    let path = PathBuf::from("data/nexus.db");
    let reason = "it broke".to_owned();
    let id = uuid::Uuid::from_u128(1);
    let errors = [
        StoreError::OldSqlite {
            found: 1,
            needed: 2,
        },
        StoreError::NewerSchema {
            found: 9,
            supported: 1,
        },
        StoreError::NotOurs { path: path.clone() },
        StoreError::Damaged {
            path: path.clone(),
            reason: reason.clone(),
        },
        StoreError::Unwritable {
            path,
            reason: reason.clone(),
        },
        StoreError::DiskFull,
        StoreError::Busy,
        StoreError::Io {
            reason: reason.clone(),
        },
        StoreError::NoSession,
        StoreError::SessionExists {
            session: SessionId(id),
        },
        StoreError::UnreadableItem {
            item: ItemId(id),
            reason: reason.clone(),
        },
        StoreError::Closed,
        StoreError::Database { reason },
    ];
    let cards: Vec<String> = errors
        .iter()
        .map(|error| {
            let card = error.card();
            assert_eq!(card.code, ErrorCode::Storage);
            format!("{} | {} | {:?}", card.title, card.detail, card.action)
        })
        .collect();
    assert_eq!(
        cards,
        [
            "This build cannot store chats safely | SQLite 1 is too old: 2 is the oldest that is safe. Install a build with a newer SQLite. | None",
            "Your chats were written by a newer version | The database has schema 9, this version knows 1 at most. Update Nexus Agent to open them. Nothing was changed. | None",
            "The database belongs to another program | The file data/nexus.db is the database of another program. Choose another data folder or move that file away. Nothing was changed. | None",
            "The database is damaged | The file data/nexus.db is damaged: it broke. The file was left as it is: keep a copy of it and of its -wal neighbour, then move both away to start afresh, or put a backup in their place. | None",
            "The database cannot be written | The file data/nexus.db cannot be opened or written: it broke. Check that the folder exists and that you may write to it, or choose another data folder. | None",
            "The disk is full | The last change was not saved. Free some space and try again. | Retry",
            "The database is busy | Another process held it for more than 5 seconds. Close other copies of Nexus Agent or try again. | Retry",
            "The disk failed | The disk failed: it broke. Check the disk and its connection, then try again. | Retry",
            "The chat is gone | The chat does not exist, or was deleted for good. Start a new chat. | NewChat",
            "The database refused a change | Session 00000000-0000-0000-0000-000000000001 exists already. This is a fault of the app; the log has more. | None",
            "A message cannot be read | Item 00000000-0000-0000-0000-000000000001 cannot be read: it broke. A newer version of the app may have written it, or the database is damaged; nothing was changed. | None",
            "The database is closed | The app is shutting down, or its storage stopped. Start it again. | None",
            "The database refused a change | The database refused: it broke. This is a fault of the app; the log has more. | None",
        ]
    );
}
