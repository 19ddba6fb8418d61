use uuid::Uuid;

use super::*;
use crate::fixture::{Fixture, session_id};

type UsageRow = (Option<Vec<u8>>, String, i64, [i64; 4], Option<f64>);

fn rows(fixture: &Fixture) -> Vec<UsageRow> {
    let connection = fixture.beside();
    let mut statement = connection
        .prepare(
            "SELECT session, model, at, input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd
             FROM usage ORDER BY row",
        )
        .unwrap();
    let rows = statement.query_map([], |row| {
        let tokens = [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, tokens, row.get(7)?))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn what_was_spent_outlives_the_session_without_naming_it() {
    let fixture = Fixture::with_session().await;
    let store = &fixture.store;
    let id = session_id(1);
    let turn = TurnId(Uuid::from_u128(3));
    let model = ModelRef::new("openrouter", "m");
    let usage = Usage {
        input_tokens: 10,
        output_tokens: u64::MAX,
        cached_tokens: 4,
        reasoning_tokens: 2,
        cost_usd: Some(0.1),
    };
    store
        .add_usage(id, turn, &model, &usage, UnixMillis(5))
        .await
        .unwrap();
    let tokens = [10, i64::MAX, 4, 2];
    let session = Some(id.0.as_bytes().to_vec());
    assert_eq!(
        rows(&fixture),
        vec![(session, "openrouter/m".to_owned(), 5, tokens, Some(0.1))]
    );
    store.delete_session(id, UnixMillis(6)).await.unwrap();
    store.purge_deleted(UnixMillis(7)).await.unwrap();
    assert_eq!(
        rows(&fixture),
        vec![(None, "openrouter/m".to_owned(), 5, tokens, Some(0.1))]
    );
    let refused = store
        .add_usage(id, turn, &model, &usage, UnixMillis(8))
        .await;
    assert_eq!(refused, Err(StoreError::NoSession));
}
