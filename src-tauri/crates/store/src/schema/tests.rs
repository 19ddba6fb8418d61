use rusqlite::Connection;

use super::*;
use crate::fixture::Fixture;

fn schema(connection: &Connection) -> Vec<String> {
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'trigger') ORDER BY name")
        .unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

#[test]
fn an_empty_file_gets_the_whole_schema() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection).unwrap();
    assert_eq!(
        schema(&connection),
        vec![
            "items",
            "items_fts",
            "items_fts_config",
            "items_fts_data",
            "items_fts_delete",
            "items_fts_docsize",
            "items_fts_idx",
            "items_fts_insert",
            "items_fts_update",
            "sessions",
            "sessions_fts",
            "sessions_fts_config",
            "sessions_fts_data",
            "sessions_fts_delete",
            "sessions_fts_docsize",
            "sessions_fts_idx",
            "sessions_fts_insert",
            "sessions_fts_update",
            "settings",
            "usage",
        ]
    );
    let identity = identify(&connection).unwrap();
    assert_eq!(
        (identity.version, identity.application),
        (SUPPORTED, APPLICATION_ID)
    );
    // A second run changes nothing.
    migrate(&mut connection).unwrap();
    assert_eq!(identify(&connection).unwrap(), identity);
}

#[test]
fn a_migration_that_fails_leaves_the_old_schema() {
    let mut connection = Connection::open_in_memory().unwrap();
    // The last table of the migration is in the way: all before it must be undone.
    connection
        .execute_batch("CREATE TABLE settings (other TEXT)")
        .unwrap();
    assert!(migrate(&mut connection).is_err());
    assert_eq!(schema(&connection), vec!["settings"]);
    let version: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 0);
}

#[tokio::test]
async fn the_writer_is_set_up_as_promised() {
    let fixture = Fixture::new();
    let read = |name: &'static str| {
        let store = fixture.store.clone();
        async move {
            store
                .writer()
                .raw(move |connection| {
                    Ok(connection.pragma_query_value(None, name, |row| {
                        row.get::<_, rusqlite::types::Value>(0)
                    })?)
                })
                .await
                .unwrap()
        }
    };
    use rusqlite::types::Value::{Integer, Text};
    assert_eq!(read("journal_mode").await, Text("wal".to_owned()));
    assert_eq!(read("synchronous").await, Integer(2));
    assert_eq!(read("foreign_keys").await, Integer(1));
    assert_eq!(read("secure_delete").await, Integer(1));
    assert_eq!(read("busy_timeout").await, Integer(5_000));
    assert_eq!(read("mmap_size").await, Integer(0));
}
