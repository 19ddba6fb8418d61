use std::{fs, path::Path};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::{
    Store,
    fixture::{Fixture, message, session_id},
};

fn refusal(path: &Path) -> StoreError {
    Store::open(path).map(|_| ()).unwrap_err()
}

/// All files of a folder with their bytes, but the shared memory that any reader makes anew.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().ends_with("-shm"))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn an_old_sqlite_is_refused() {
    let refused = StoreError::OldSqlite {
        found: 3_051_002,
        needed: 3_051_003,
    };
    assert_eq!(check_library(3_051_002), Err(refused));
    assert_eq!(check_library(3_051_003), Ok(()));
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_the_file_stays_as_it_is() {
    let fixture = Fixture::with_session().await;
    fixture
        .store
        .put_item(&message(1, 0, "from the future"))
        .await
        .unwrap();
    fixture.store.close().await;
    fixture
        .beside()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let folder = fixture.path.parent().unwrap();
    let before = files(folder);
    assert_eq!(
        refusal(&fixture.path),
        StoreError::NewerSchema {
            found: 99,
            supported: SUPPORTED
        }
    );
    assert_eq!(files(folder), before);
}

#[test]
fn a_newer_schema_that_is_only_in_the_log_is_refused_too() {
    let source = TempDir::new().unwrap();
    let target = TempDir::new().unwrap();
    let writer = Connection::open(source.path().join("nexus.db")).unwrap();
    writer.pragma_update(None, "journal_mode", "WAL").unwrap();
    writer
        .execute_batch("CREATE TABLE later (a); PRAGMA user_version = 7;")
        .unwrap();
    // As a crash leaves it: the log is full, nothing was moved into the file.
    for name in ["nexus.db", "nexus.db-wal"] {
        fs::copy(source.path().join(name), target.path().join(name)).unwrap();
    }
    let before = files(target.path());
    assert!(before[1].1.len() > 4_096);
    let refused = refusal(&target.path().join("nexus.db"));
    assert_eq!(
        refused,
        StoreError::NewerSchema {
            found: 7,
            supported: SUPPORTED
        }
    );
    assert_eq!(files(target.path()), before);
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("nexus.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (a)")
        .unwrap();
    let before = files(folder.path());
    assert_eq!(refusal(&path), StoreError::NotOurs { path: path.clone() });
    assert_eq!(files(folder.path()), before);
}

#[test]
fn garbage_is_called_damaged_and_kept() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("nexus.db");
    fs::write(&path, "this is no database ".repeat(500)).unwrap();
    let before = files(folder.path());
    let refused = refusal(&path);
    assert!(
        matches!(&refused, StoreError::Damaged { path: at, .. } if *at == path),
        "{refused:?}"
    );
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_log_whose_database_is_gone_is_not_thrown_away() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("nexus.db");
    fs::write(folder.path().join("nexus.db-wal"), [7; 5_000]).unwrap();
    let refused = StoreError::Damaged {
        path: path.clone(),
        reason: "the file is empty, but its write-ahead log is not".to_owned(),
    };
    assert_eq!(refusal(&path), refused);
    fs::write(&path, []).unwrap();
    let before = files(folder.path());
    assert_eq!(refusal(&path), refused);
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_place_that_cannot_be_written_says_so() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "x").unwrap();
    for path in [
        folder.path().join("file/nexus.db"),
        folder.path().to_owned(),
    ] {
        let refused = refusal(&path);
        assert!(
            matches!(&refused, StoreError::Unwritable { path: at, .. } if *at == path),
            "{refused:?}"
        );
    }
}

#[test]
fn missing_folders_are_made_and_an_empty_file_is_a_new_one() {
    let folder = TempDir::new().unwrap();
    Store::open(&folder.path().join("a/b/nexus.db")).unwrap();
    fs::write(folder.path().join("empty.db"), []).unwrap();
    Store::open(&folder.path().join("empty.db")).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::with_session().await;
    for suffix in ["", "-wal", "-shm"] {
        let file = beside(&fixture.path, suffix);
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600,
            "{file:?}"
        );
    }
}

/// Damage of many kinds: each is an error or a finding, or harmed nothing; never a panic, never a silent loss.
#[tokio::test]
async fn no_damage_is_silent() {
    let fixture = Fixture::with_session().await;
    let items: Vec<_> = (0..200)
        .map(|n| message(1, n, &format!("message {n} {}", "text ".repeat(60))))
        .collect();
    fixture.store.put_items(&items).await.unwrap();
    fixture.store.close().await;
    let whole = fs::read(&fixture.path).unwrap();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed).unwrap() % below
    };
    let mut noticed = 0;
    for round in 0..60 {
        let mut damaged = whole.clone();
        match round % 4 {
            0 => damaged.truncate(random(whole.len())),
            1 => {
                let page = random(whole.len() / 4_096) * 4_096;
                damaged[page..page + 4_096].fill(0);
            }
            2 => (0..64).for_each(|_| damaged[random(whole.len())] ^= 1 << (round % 8)),
            _ => damaged[..100].iter_mut().for_each(|byte| *byte ^= 0x55),
        }
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("nexus.db");
        fs::write(&path, &damaged).unwrap();
        let store = match Store::open(&path) {
            Ok(store) => store,
            Err(_) if damaged.is_empty() => continue,
            Err(error) => {
                assert!(
                    matches!(
                        error,
                        StoreError::Damaged { .. }
                            | StoreError::NotOurs { .. }
                            | StoreError::NewerSchema { .. }
                    ),
                    "{error:?}"
                );
                assert_eq!(fs::read(&path).unwrap(), damaged);
                noticed += 1;
                continue;
            }
        };
        let found = store.items(session_id(1)).await;
        let findings = store.integrity_check().await.unwrap();
        let _ = store.search("message", 20).await;
        let _ = store.put_item(&message(1, 999, "after")).await;
        if found.as_ref() != Ok(&items) {
            // A flipped bit within a text is the one damage that no check of the structure can see.
            let only_text =
                round % 4 == 2 && found.as_ref().is_ok_and(|found| found.len() == items.len());
            assert!(
                found.is_err() || !findings.is_empty() || only_text,
                "round {round}"
            );
            noticed += 1;
        }
    }
    assert!(noticed > 30, "{noticed}");
}
