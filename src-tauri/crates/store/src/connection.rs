//! Opening the file: what is checked before it is touched, and how every connection is set up. Refuses to repair: a file
//! that is damaged, foreign or newer stays as it is, byte for byte.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags};

use crate::{
    error::StoreError,
    schema::{self, APPLICATION_ID, SUPPORTED},
};

/// SQLite 3.7.0 to 3.51.2 can corrupt a database in WAL mode when two connections reset the log at once.
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long a write waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two tries to open.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Statements kept prepared per connection; more than the store has.
const CACHED_STATEMENTS: usize = 64;

/// Bytes of the write-ahead log that are kept on disk after a checkpoint.
const LOG_BYTES: i64 = 16 * 1024 * 1024;

/// Opens the connection that writes, after all checks and migrations.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    patiently(|| try_writer(path))
}

fn try_writer(path: &Path) -> Result<Connection, StoreError> {
    check_library(rusqlite::version_number())?;
    inspect(path)?;
    create_private(path)?;
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|error| StoreError::from_sqlite(&error, path))?;
    set_up_writer(&connection).map_err(|error| StoreError::from_sqlite(&error, path))?;
    require_log(&connection, path)?;
    schema::migrate(&mut connection).map_err(|fault| fault.at(path))?;
    Ok(connection)
}

/// Opens the connection that only reads. The writer must be open.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let open = || {
        let connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        set_up(&connection)?;
        Ok(connection)
    };
    patiently(|| open().map_err(|error| StoreError::from_sqlite(&error, path)))
}

/// Opens again while another process is opening, too. SQLite's own timeout does not cover this: where two connections change
/// to WAL or find a log to recover, one is told at once that the file is busy.
fn patiently<T>(open: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let end = Instant::now() + BUSY_TIMEOUT;
    loop {
        match open() {
            Err(StoreError::Busy) if Instant::now() < end => thread::sleep(BUSY_PAUSE),
            done => return done,
        }
    }
}

fn check_library(found: i32) -> Result<(), StoreError> {
    if found < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite {
            found,
            needed: OLDEST_SQLITE,
        });
    }
    Ok(())
}

/// Looks at an existing file without write access.
fn inspect(path: &Path) -> Result<(), StoreError> {
    // The log first: a database in WAL mode has its first page before it has a log.
    let log_bytes = length(&beside(path, "-wal"), path)?;
    let bytes = length(path, path)?;
    if bytes.unwrap_or(0) == 0 {
        if log_bytes.unwrap_or(0) > 0 {
            // SQLite would delete the log, and with it all that can still be saved.
            return Err(StoreError::Damaged {
                path: path.to_owned(),
                reason: "the file is empty, but its write-ahead log is not".to_owned(),
            });
        }
        return Ok(());
    }
    if log_bytes.is_none()
        && let Some(found) = version_in_header(path)?
        && found > SUPPORTED
    {
        // Known without SQLite, which would leave its two files beside this one.
        return Err(StoreError::NewerSchema {
            found,
            supported: SUPPORTED,
        });
    }
    let read = || {
        let connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        schema::identify(&connection)
    };
    let identity = read().map_err(|error| StoreError::from_sqlite(&error, path))?;
    if identity.version > SUPPORTED {
        return Err(StoreError::NewerSchema {
            found: identity.version,
            supported: SUPPORTED,
        });
    }
    let fresh = identity.version == 0 && identity.tables == 0;
    if !fresh && identity.application != APPLICATION_ID {
        return Err(StoreError::NotOurs {
            path: path.to_owned(),
        });
    }
    Ok(())
}

/// `user_version` as the file's first page has it; newer than that is only what the log holds. `None` where it is no
/// database. <https://www.sqlite.org/fileformat2.html#the_database_header>
fn version_in_header(path: &Path) -> Result<Option<i64>, StoreError> {
    let mut header = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(100).read_to_end(&mut header))
        .map_err(|error| StoreError::from_io(&error, path))?;
    let version = header
        .get(60..64)
        .and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    Ok(version
        .filter(|_| header.starts_with(b"SQLite format 3\0"))
        .map(|bytes| i64::from(i32::from_be_bytes(bytes))))
}

/// The file's length in bytes, `None` where there is none.
fn length(file: &Path, database: &Path) -> Result<Option<u64>, StoreError> {
    match fs::metadata(file) {
        Ok(found) if found.is_dir() => Err(StoreError::Unwritable {
            path: database.to_owned(),
            reason: "a folder is in its place".to_owned(),
        }),
        Ok(found) => Ok(Some(found.len())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::from_io(&error, database)),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the folder and an empty file that only its owner can read; SQLite gives the files beside it the same rights.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let create = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    };
    create().map_err(|error| StoreError::from_io(&error, path))
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // Mapped pages would turn a truncated file into a signal that kills the process.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    set_up(connection)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    connection.pragma_update(None, "synchronous", "FULL")
}

/// Turns on the write-ahead log. It is a property of the file, so all but the first opening find it on.
fn require_log(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(|error| StoreError::from_sqlite(&error, path))?;
    if mode.eq_ignore_ascii_case("wal") {
        return Ok(());
    }
    Err(StoreError::Unwritable {
        path: path.to_owned(),
        reason: format!("its file system allows no write-ahead log (journal mode {mode})"),
    })
}

#[cfg(test)]
mod tests;
