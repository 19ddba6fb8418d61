//! What model calls used and cost, a row each. Refuses to add up: who shows sums decides over which time.

use nexus_protocol::{ModelRef, SessionId, TurnId, UnixMillis, Usage};
use rusqlite::params;

use crate::{Store, StoreError};

impl Store {
    /// Adds what one model call used.
    ///
    /// # Errors
    /// [`StoreError::NoSession`] where the session does not exist.
    pub async fn add_usage(
        &self,
        session: SessionId,
        turn: TurnId,
        model: &ModelRef,
        usage: &Usage,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        let (model, usage) = (model.clone(), *usage);
        self.writer()
            .run(move |transaction| {
                transaction
                    .prepare_cached(
                        "INSERT INTO usage (session, turn, model, at, input_tokens, output_tokens, cached_tokens,
                           reasoning_tokens, cost_usd) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    )?
                    .execute(params![
                        session.0.as_bytes(),
                        turn.0.as_bytes(),
                        model.0,
                        at.0,
                        tokens(usage.input_tokens),
                        tokens(usage.output_tokens),
                        tokens(usage.cached_tokens),
                        tokens(usage.reasoning_tokens),
                        usage.cost_usd,
                    ])?;
                Ok(())
            })
            .await
    }
}

/// SQLite counts to 2^63; a provider that claims more gets that.
fn tokens(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
