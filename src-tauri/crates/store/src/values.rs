//! Small state of the app by key: the last window size, whether the first run is over. Refuses settings that people edit:
//! those are in a file of their own.

use rusqlite::{OptionalExtension, params};

use crate::{Store, StoreError};

impl Store {
    /// The value of a key; `None` where it was never set.
    pub async fn value(&self, key: &str) -> Result<Option<String>, StoreError> {
        let key = key.to_owned();
        self.reader()
            .run(move |transaction| {
                Ok(transaction
                    .prepare_cached("SELECT value FROM settings WHERE key = ?1")?
                    .query_row(params![key], |row| row.get(0))
                    .optional()?)
            })
            .await
    }

    /// Sets the value of a key.
    pub async fn set_value(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.writer()
            .run(move |transaction| {
                transaction
                    .prepare_cached(
                        "INSERT INTO settings (key, value) VALUES (?1, ?2)
                         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    )?
                    .execute(params![key, value])?;
                Ok(())
            })
            .await
    }
}
