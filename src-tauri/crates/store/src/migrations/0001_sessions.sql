-- Sessions, items, usage, values and the search over titles and texts.
-- Ids are UUIDs as 16 bytes; times are milliseconds since 1970 (UTC). `row` is spelled out because the search index refers
-- to it: an implicit rowid may change when the file is vacuumed.

CREATE TABLE sessions (
  row          INTEGER PRIMARY KEY,
  id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
  title        TEXT    NOT NULL,
  title_source INTEGER NOT NULL CHECK (title_source BETWEEN 0 AND 3),
  model        TEXT,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  -- Set while the session can still be restored.
  deleted_at   INTEGER,
  -- 1 once its items are being erased: from here there is no way back.
  purging      INTEGER NOT NULL DEFAULT 0 CHECK (purging IN (0, 1))
) STRICT;

CREATE INDEX sessions_listed ON sessions (updated_at) WHERE deleted_at IS NULL;
CREATE INDEX sessions_deleted ON sessions (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE items (
  row        INTEGER PRIMARY KEY,
  id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
  session    BLOB    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  turn       BLOB    NOT NULL CHECK (length(turn) = 16),
  step       INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  status     TEXT    NOT NULL CHECK (status IN ('in_progress', 'complete', 'interrupted', 'failed')),
  kind       TEXT    NOT NULL,
  -- 1 where a restart has to end it: it grows, or it is a tool call without a result.
  open       INTEGER NOT NULL CHECK (open IN (0, 1)),
  -- The item's body as JSON: the truth. All other columns are copies to query by.
  body       TEXT    NOT NULL,
  -- What the search finds; NULL while the item grows, so that a flush of partial text never touches the index. Last,
  -- because a row is read up to the last column that is asked for.
  text       TEXT
) STRICT;

CREATE INDEX items_by_position ON items (session, position);
CREATE INDEX items_open ON items (open) WHERE open = 1;

-- The search index takes its texts from here. A view, because the index wants exactly the rows it holds.
CREATE VIEW searchable AS SELECT row, text FROM items WHERE text IS NOT NULL;

-- No prefix indexes: over 100,000 messages they make only one-letter searches quicker (75 ms instead of 195), and
-- writing and erasing two to three times slower.
CREATE VIRTUAL TABLE items_fts USING fts5 (
  text, content = 'searchable', content_rowid = 'row',
  tokenize = 'unicode61 remove_diacritics 2'
);
-- Words of erased messages leave the index at once instead of waiting for a merge.
INSERT INTO items_fts (items_fts, rank) VALUES ('secure-delete', 1);

CREATE TRIGGER items_fts_insert AFTER INSERT ON items WHEN new.text IS NOT NULL BEGIN
  INSERT INTO items_fts (rowid, text) VALUES (new.row, new.text);
END;
CREATE TRIGGER items_fts_delete AFTER DELETE ON items WHEN old.text IS NOT NULL BEGIN
  INSERT INTO items_fts (items_fts, rowid, text) VALUES ('delete', old.row, old.text);
END;
-- One trigger for both steps: the order of two triggers is not defined, and the old words must go first.
CREATE TRIGGER items_fts_update AFTER UPDATE OF text ON items WHEN old.text IS NOT new.text BEGIN
  INSERT INTO items_fts (items_fts, rowid, text) SELECT 'delete', old.row, old.text WHERE old.text IS NOT NULL;
  INSERT INTO items_fts (rowid, text) SELECT new.row, new.text WHERE new.text IS NOT NULL;
END;

CREATE VIRTUAL TABLE sessions_fts USING fts5 (
  title, content = 'sessions', content_rowid = 'row',
  tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO sessions_fts (sessions_fts, rank) VALUES ('secure-delete', 1);

CREATE TRIGGER sessions_fts_insert AFTER INSERT ON sessions BEGIN
  INSERT INTO sessions_fts (rowid, title) VALUES (new.row, new.title);
END;
CREATE TRIGGER sessions_fts_delete AFTER DELETE ON sessions BEGIN
  INSERT INTO sessions_fts (sessions_fts, rowid, title) VALUES ('delete', old.row, old.title);
END;
CREATE TRIGGER sessions_fts_update AFTER UPDATE OF title ON sessions WHEN old.title IS NOT new.title BEGIN
  INSERT INTO sessions_fts (sessions_fts, rowid, title) VALUES ('delete', old.row, old.title);
  INSERT INTO sessions_fts (rowid, title) VALUES (new.row, new.title);
END;

-- What was spent outlives the session it was spent in, without naming it.
CREATE TABLE usage (
  row              INTEGER PRIMARY KEY,
  session          BLOB REFERENCES sessions (id) ON DELETE SET NULL,
  turn             BLOB    NOT NULL,
  model            TEXT    NOT NULL,
  at               INTEGER NOT NULL,
  input_tokens     INTEGER NOT NULL,
  output_tokens    INTEGER NOT NULL,
  cached_tokens    INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_usd         REAL
) STRICT;

CREATE INDEX usage_by_session ON usage (session);
CREATE INDEX usage_by_time ON usage (at);

-- Small state of the app. Settings that people edit are in a TOML file, not here.
CREATE TABLE settings (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
