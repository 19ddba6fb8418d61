//! What the unit tests share: a store in a folder of its own, and small sessions and items.

use std::path::PathBuf;

use nexus_protocol::{
    Item, ItemBody, ItemId, ItemStatus, Mode, ModelRef, SessionId, SessionSummary, TitleSource,
    TurnId, UnixMillis,
};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use crate::Store;

pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) path: PathBuf,
    _folder: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("nexus.db");
        Self {
            store: Store::open(&path).unwrap(),
            path,
            _folder: folder,
        }
    }

    /// With session 1, titled "First".
    pub(crate) async fn with_session() -> Self {
        let fixture = Self::new();
        fixture
            .store
            .create_session(&session(1, "First"))
            .await
            .unwrap();
        fixture
    }

    /// A plain connection beside the store's.
    pub(crate) fn beside(&self) -> Connection {
        Connection::open(&self.path).unwrap()
    }
}

pub(crate) fn session_id(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

pub(crate) fn item_id(n: u128) -> ItemId {
    ItemId(Uuid::from_u128(n))
}

pub(crate) fn session(n: u128, title: &str) -> SessionSummary {
    SessionSummary {
        id: session_id(n),
        title: title.to_owned(),
        title_source: TitleSource::FirstWords,
        model: Some(ModelRef::new("local", "tiny")),
        mode: Mode::Ask,
        folder: None,
        routing: None,
        partner: None,
        created_at: UnixMillis(1_000),
        updated_at: UnixMillis(1_000),
    }
}

/// A whole user message; id, position and time follow from `n`.
pub(crate) fn message(session: u128, n: u32, text: &str) -> Item {
    Item {
        id: item_id((session << 64) | u128::from(n)),
        session: session_id(session),
        turn: TurnId(Uuid::from_u128(7)),
        step: 0,
        position: n,
        created_at: UnixMillis(10_000 + i64::from(n)),
        status: ItemStatus::Complete,
        body: ItemBody::User {
            text: text.to_owned(),
            attachments: Vec::new(),
        },
    }
}

/// An answer in the given state.
pub(crate) fn answer(session: u128, n: u32, text: &str, status: ItemStatus) -> Item {
    Item {
        status,
        body: ItemBody::Assistant {
            text: text.to_owned(),
            model: ModelRef::new("local", "tiny"),
            meta: None,
        },
        ..message(session, n, "")
    }
}

/// The lines of `EXPLAIN QUERY PLAN`, every parameter NULL.
pub(crate) fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    for parameter in 1..=statement.parameter_count() {
        statement
            .raw_bind_parameter(parameter, rusqlite::types::Null)
            .unwrap();
    }
    let mut rows = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get("detail").unwrap());
    }
    lines
}
