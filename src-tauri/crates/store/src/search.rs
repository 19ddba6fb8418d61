//! The search over titles and messages: from what a person typed to hits in order. Refuses to hand typed text to the query
//! language of the index: each word is quoted, so no operator, column or wildcard of it can be reached.

use nexus_protocol::{ItemId, SearchHit, SessionId, UnixMillis};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::{Store, StoreError};

/// Hits returned at most, whatever is asked.
const MAX_HITS: u32 = 200;

/// Words of a query that count; more make no search better, only slower.
const MAX_WORDS: usize = 16;

/// Characters of one word that count.
const MAX_WORD_CHARS: usize = 64;

/// Age, in milliseconds, at which a hit weighs half of its bonus for being new: 30 days.
const HALF_FRESH_MS: f64 = 30.0 * 24.0 * 3600.0 * 1000.0;

/// How much more a hit counts that is as new as the newest one.
const FRESH_BONUS: f64 = 1.0;

/// In the order of the index's own rank; deleted sessions are passed over while the limit is counted.
const MESSAGES: &str = "SELECT s.id, s.title, i.id, snippet(items_fts, 0, char(2), char(3), '…', 16), i.created_at, f.rank
     FROM items_fts AS f CROSS JOIN items AS i ON i.row = f.rowid CROSS JOIN sessions AS s ON s.id = i.session
     WHERE items_fts MATCH ?1 AND s.deleted_at IS NULL ORDER BY f.rank LIMIT ?2";

const TITLES: &str = "SELECT s.id, s.title, NULL, snippet(sessions_fts, 0, char(2), char(3), '…', 32), s.updated_at, f.rank
     FROM sessions_fts AS f CROSS JOIN sessions AS s ON s.row = f.rowid
     WHERE sessions_fts MATCH ?1 AND s.deleted_at IS NULL ORDER BY f.rank LIMIT ?2";

impl Store {
    /// Titles and messages that contain all words of `query`, the last of which may be the beginning of a word; letters
    /// match without case and accents. At most `limit` hits (200 at most): titles first, each kind the best first, newer ones
    /// before older ones that fit as well. A query without a letter or digit finds nothing. Deleted sessions are never found.
    pub async fn search(&self, query: &str, limit: u32) -> Result<Vec<SearchHit>, StoreError> {
        let limit = limit.min(MAX_HITS);
        let Some(expression) = expression(query) else {
            return Ok(Vec::new());
        };
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.reader()
            .run(move |transaction| {
                let titles = best(transaction, TITLES, &expression, limit)?;
                let messages = best(transaction, MESSAGES, &expression, limit)?;
                let limit = limit as usize;
                // Titles may take half of the room, and what messages leave.
                let room = limit.div_ceil(2).max(limit.saturating_sub(messages.len()));
                Ok(titles
                    .into_iter()
                    .take(room)
                    .chain(messages)
                    .take(limit)
                    .collect())
            })
            .await
    }
}

/// The best hits of one index, rank and age weighed together.
fn best(
    connection: &Connection,
    sql: &str,
    expression: &str,
    limit: u32,
) -> rusqlite::Result<Vec<SearchHit>> {
    // Twice as many as asked, so that new ones can come up from below the limit.
    let mut hits: Vec<(SearchHit, f64)> = connection
        .prepare_cached(sql)?
        .query_map(params![expression, limit * 2], hit)?
        .collect::<Result<_, _>>()?;
    let newest = hits.iter().map(|(hit, _)| hit.at).max().unwrap_or_default();
    for (hit, score) in &mut hits {
        *score *= freshness(newest.since(hit.at));
    }
    // The index gives its best rows the lowest numbers. The sort is stable: equal hits keep the index's order.
    hits.sort_by(|(a, a_score), (b, b_score)| a_score.total_cmp(b_score).then(b.at.cmp(&a.at)));
    hits.truncate(limit as usize);
    Ok(hits.into_iter().map(|(hit, _)| hit).collect())
}

/// From 1 for what is very old to `1 + FRESH_BONUS` for the newest.
fn freshness(age_ms: u64) -> f64 {
    1.0 + FRESH_BONUS / (1.0 + age_ms as f64 / HALF_FRESH_MS)
}

fn hit(row: &Row<'_>) -> rusqlite::Result<(SearchHit, f64)> {
    let item: Option<[u8; 16]> = row.get(2)?;
    let hit = SearchHit {
        session: SessionId(Uuid::from_bytes(row.get(0)?)),
        title: row.get(1)?,
        item: item.map(|id| ItemId(Uuid::from_bytes(id))),
        snippet: row.get(3)?,
        at: UnixMillis(row.get(4)?),
    };
    Ok((hit, row.get(5)?))
}

/// What was typed as an expression of the index: `"word" "word" "begin"*`. `None` where there is nothing to look for.
fn expression(query: &str) -> Option<String> {
    let words: Vec<String> = query
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(MAX_WORDS)
        .map(|word| {
            // A zero byte would end the expression in the middle of a quotation.
            let word: String = word
                .chars()
                .filter(|c| *c != '\0')
                .take(MAX_WORD_CHARS)
                .collect();
            format!("\"{}\"", word.replace('"', "\"\""))
        })
        .collect();
    (!words.is_empty()).then(|| words.join(" ") + "*")
}

/// Text as it goes into the index: without the characters that mark matches in a hit, and without the zero byte, at which
/// SQLite's text functions end.
pub(crate) fn searchable(text: &str) -> String {
    text.replace(['\0', '\u{2}', '\u{3}'], "")
}

#[cfg(test)]
mod tests;
