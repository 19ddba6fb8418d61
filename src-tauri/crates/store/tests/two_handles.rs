//! Two stores on one file, as the app and the command line have it.

use std::{path::PathBuf, thread};

use nexus_protocol::{
    Item, ItemBody, ItemId, ItemStatus, Mode, SessionId, SessionSummary, TitleSource, TurnId,
    UnixMillis,
};
use nexus_store::Store;
use tempfile::TempDir;
use uuid::Uuid;

pub fn session(n: u128) -> SessionSummary {
    SessionSummary {
        id: SessionId(Uuid::from_u128(n)),
        title: format!("Session {n}"),
        title_source: TitleSource::User,
        model: None,
        mode: Mode::Ask,
        folder: None,
        routing: None,
        partner: None,
        created_at: UnixMillis(1),
        updated_at: UnixMillis(1),
    }
}

pub fn message(session: u128, n: u32, text: &str) -> Item {
    Item {
        id: ItemId(Uuid::from_u128((session << 64) | u128::from(n))),
        session: SessionId(Uuid::from_u128(session)),
        turn: TurnId(Uuid::from_u128(1)),
        step: 0,
        position: n,
        created_at: UnixMillis(i64::from(n)),
        status: ItemStatus::Complete,
        body: ItemBody::User {
            text: text.to_owned(),
            attachments: Vec::new(),
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_handles_write_at_once_and_lose_nothing() {
    const ITEMS: u32 = 150;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("nexus.db");
    let stores = [Store::open(&path).unwrap(), Store::open(&path).unwrap()];
    for n in [1, 2] {
        stores[0].create_session(&session(n)).await.unwrap();
    }
    let writers: Vec<_> = (1..)
        .zip(stores.clone())
        .map(|(n, store)| {
            tokio::spawn(async move {
                for i in 0..ITEMS {
                    store
                        .put_item(&message(n, i, &format!("text {i}")))
                        .await
                        .unwrap();
                    if i % 50 == 0 {
                        store.search("text", 5).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    for (n, other) in [(1, &stores[1]), (2, &stores[0])] {
        let expected: Vec<_> = (0..ITEMS)
            .map(|i| message(n, i, &format!("text {i}")))
            .collect();
        assert_eq!(
            other.items(SessionId(Uuid::from_u128(n))).await.unwrap(),
            expected
        );
    }
    assert_eq!(
        stores[0].integrity_check().await.unwrap(),
        Vec::<String>::new()
    );
}

#[test]
fn many_first_openings_at_once_make_one_schema() {
    for _ in 0..25 {
        let folder = TempDir::new().unwrap();
        let path: PathBuf = folder.path().join("nexus.db");
        let openings: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                thread::spawn(move || Store::open(&path).map(|_| ()))
            })
            .collect();
        for opening in openings {
            assert_eq!(opening.join().unwrap(), Ok(()));
        }
    }
}
