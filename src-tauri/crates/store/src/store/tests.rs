use std::time::{Duration, Instant};

use super::*;
use crate::fixture::{Fixture, message, session_id};

#[tokio::test]
async fn values_are_kept_by_key() {
    let fixture = Fixture::new();
    assert_eq!(fixture.store.value("window").await.unwrap(), None);
    fixture.store.set_value("window", "800x600").await.unwrap();
    fixture.store.set_value("window", "1024x768").await.unwrap();
    fixture.store.close().await;
    let store = Store::open(&fixture.path).unwrap();
    assert_eq!(
        store.value("window").await.unwrap().as_deref(),
        Some("1024x768")
    );
}

#[tokio::test]
async fn a_closed_store_says_so_and_leaves_one_file() {
    let fixture = Fixture::with_session().await;
    let clone = fixture.store.clone();
    fixture.store.close().await;
    assert_eq!(clone.sessions().await, Err(StoreError::Closed));
    assert_eq!(
        clone.put_item(&message(1, 0, "x")).await,
        Err(StoreError::Closed)
    );
    clone.close().await;
    let names: Vec<_> = std::fs::read_dir(fixture.path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, vec!["nexus.db"]);
}

#[tokio::test]
async fn a_full_disk_loses_only_the_refused_write_and_needs_no_restart() {
    let fixture = Fixture::with_session().await;
    let store = &fixture.store;
    store.put_item(&message(1, 0, "before")).await.unwrap();
    let pages = async |limit: i64| {
        store
            .writer()
            .raw(move |connection| {
                Ok(connection.query_row(
                    &format!("PRAGMA max_page_count = {limit}"),
                    [],
                    |row| row.get::<_, i64>(0),
                )?)
            })
            .await
            .unwrap()
    };
    // As many pages as there are: the file cannot grow.
    pages(1).await;
    let large = message(1, 1, &"large ".repeat(20_000));
    assert_eq!(store.put_item(&large).await, Err(StoreError::DiskFull));
    assert_eq!(
        store.items(session_id(1)).await.unwrap(),
        vec![message(1, 0, "before")]
    );
    assert_eq!(store.search("large", 5).await.unwrap(), vec![]);
    pages(1_000_000).await;
    store.put_item(&large).await.unwrap();
    assert_eq!(
        store.items(session_id(1)).await.unwrap(),
        vec![message(1, 0, "before"), large]
    );
    assert_eq!(store.integrity_check().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_write_waits_for_another_process_and_then_gives_up() {
    let fixture = Fixture::with_session().await;
    let store = &fixture.store;
    let other = fixture.beside();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (put, ()) = tokio::join!(
        async {
            let item = message(1, 0, "patient");
            store.put_item(&item).await
        },
        async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            // Reads never wait.
            assert_eq!(store.items(session_id(1)).await.unwrap(), vec![]);
            other.execute_batch("COMMIT").unwrap();
        }
    );
    put.unwrap();

    store
        .writer()
        .raw(|connection| Ok(connection.busy_timeout(Duration::from_millis(50))?))
        .await
        .unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(
        store.put_item(&message(1, 1, "refused")).await,
        Err(StoreError::Busy)
    );
    other.execute_batch("ROLLBACK").unwrap();
    store.put_item(&message(1, 1, "accepted")).await.unwrap();
}

#[tokio::test]
async fn a_panic_fails_one_call_and_rolls_it_back() {
    let fixture = Fixture::with_session().await;
    let store = &fixture.store;
    let panicked: Result<(), StoreError> = store
        .writer()
        .run(|transaction| {
            transaction.execute("DELETE FROM sessions", [])?;
            panic!("on purpose")
        })
        .await;
    assert_eq!(panicked, Err(StoreError::Closed));
    store.put_item(&message(1, 0, "still here")).await.unwrap();
    assert_eq!(store.sessions().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_search_index_that_does_not_match_is_found() {
    let fixture = Fixture::with_session().await;
    fixture
        .store
        .put_item(&message(1, 0, "hippopotamus"))
        .await
        .unwrap();
    fixture
        .beside()
        .execute_batch("INSERT INTO items_fts (items_fts) VALUES ('delete-all')")
        .unwrap();
    let findings = fixture.store.integrity_check().await.unwrap();
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].starts_with("the search index items_fts does not match"),
        "{findings:?}"
    );
}

#[tokio::test]
async fn asking_never_blocks_the_caller() {
    let fixture = Fixture::with_session().await;
    let other = fixture.beside();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begin = Instant::now();
    let store = fixture.store.clone();
    let waiting = tokio::spawn(async move { store.put_item(&message(1, 0, "x")).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert!(!waiting.is_finished());
    other.execute_batch("COMMIT").unwrap();
    waiting.await.unwrap().unwrap();
}
