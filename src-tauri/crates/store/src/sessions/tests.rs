use std::fs;

use super::*;
use crate::fixture::{Fixture, item_id, message, plan, session, session_id};

#[tokio::test]
async fn the_latest_word_comes_first_and_earlier_times_change_nothing() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    for n in 1..=3 {
        store
            .create_session(&session(n, &format!("S{n}")))
            .await
            .unwrap();
    }
    let touched = SessionSummary {
        updated_at: UnixMillis(2_000),
        ..session(1, "S1")
    };
    assert_eq!(
        store.touch(session_id(1), UnixMillis(2_000)).await.unwrap(),
        Some(touched.clone())
    );
    assert_eq!(
        store.touch(session_id(1), UnixMillis(5)).await.unwrap(),
        Some(touched.clone())
    );
    assert_eq!(
        store.touch(session_id(9), UnixMillis(5)).await.unwrap(),
        None
    );
    assert_eq!(
        store.sessions().await.unwrap(),
        vec![touched, session(3, "S3"), session(2, "S2")]
    );
}

#[tokio::test]
async fn a_better_source_keeps_the_title() {
    let fixture = Fixture::with_session().await;
    let store = &fixture.store;
    let id = session_id(1);
    let titled = |title: &str, title_source| SessionSummary {
        title_source,
        ..session(1, title)
    };
    let set = async |title: &str, source| store.set_title(id, title, source).await.unwrap();
    assert_eq!(set("First", TitleSource::FirstWords).await, None);
    assert_eq!(set("Nobody", TitleSource::None).await, None);
    let model = Some(titled("Model's", TitleSource::Model));
    assert_eq!(set("Model's", TitleSource::Model).await, model);
    let user = Some(titled("Mine", TitleSource::User));
    assert_eq!(set("Mine", TitleSource::User).await, user);
    assert_eq!(set("Model again", TitleSource::Model).await, None);
    assert_eq!(store.session(id).await.unwrap(), user);
    let again = Some(titled("Mine 2", TitleSource::User));
    assert_eq!(set("Mine 2", TitleSource::User).await, again);
    assert_eq!(
        store
            .set_title(session_id(9), "x", TitleSource::User)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn the_model_changes_and_stays() {
    let fixture = Fixture::with_session().await;
    let model = ModelRef::new("openrouter", "some/model");
    let expected = Some(SessionSummary {
        model: Some(model.clone()),
        ..session(1, "First")
    });
    assert_eq!(
        fixture
            .store
            .set_model(session_id(1), &model)
            .await
            .unwrap(),
        expected
    );
    assert_eq!(
        fixture
            .store
            .set_model(session_id(1), &model)
            .await
            .unwrap(),
        expected
    );
    assert_eq!(
        fixture.store.session(session_id(1)).await.unwrap(),
        expected
    );
    assert_eq!(
        fixture
            .store
            .set_model(session_id(2), &model)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_taken_id_is_refused() {
    let fixture = Fixture::with_session().await;
    let taken = Err(StoreError::SessionExists {
        session: session_id(1),
    });
    assert_eq!(
        fixture.store.create_session(&session(1, "Again")).await,
        taken
    );
    fixture
        .store
        .delete_session(session_id(1), UnixMillis(1))
        .await
        .unwrap();
    assert_eq!(
        fixture.store.create_session(&session(1, "Again")).await,
        taken
    );
}

#[tokio::test]
async fn a_deleted_session_comes_back_whole() {
    let fixture = Fixture::with_session().await;
    let store = &fixture.store;
    let id = session_id(1);
    store.put_item(&message(1, 0, "kept")).await.unwrap();
    assert!(store.delete_session(id, UnixMillis(50)).await.unwrap());
    assert!(!store.delete_session(id, UnixMillis(60)).await.unwrap());
    assert_eq!(store.session(id).await.unwrap(), None);
    assert_eq!(store.sessions().await.unwrap(), vec![]);
    assert_eq!(
        store.set_title(id, "x", TitleSource::User).await.unwrap(),
        None
    );
    assert_eq!(store.touch(id, UnixMillis(9_999)).await.unwrap(), None);
    // A turn that still ran may end.
    store.put_item(&message(1, 1, "too late")).await.unwrap();
    assert_eq!(store.purge_deleted(UnixMillis(50)).await.unwrap(), 0);
    assert_eq!(
        store.restore_session(id).await.unwrap(),
        Some(session(1, "First"))
    );
    assert_eq!(
        store.restore_session(id).await.unwrap(),
        Some(session(1, "First"))
    );
    assert_eq!(
        store.items(id).await.unwrap(),
        vec![message(1, 0, "kept"), message(1, 1, "too late")]
    );
    assert_eq!(store.restore_session(session_id(9)).await.unwrap(), None);
}

#[tokio::test]
async fn a_purge_leaves_no_word_in_the_file() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    // Texts as written are upper case, words in the index are lower case: both must be there first, and then gone.
    store
        .create_session(&session(1, "Title QUETZAL"))
        .await
        .unwrap();
    store.create_session(&session(2, "Other")).await.unwrap();
    store
        .put_item(&message(2, 0, "ARMADILLO stays"))
        .await
        .unwrap();
    let items: Vec<_> = (0..60)
        .map(|n| message(1, n, &format!("secret XYLOPHONE{n} word")))
        .collect();
    store.put_items(&items).await.unwrap();
    store
        .set_title(session_id(1), "Title VICUNA", TitleSource::User)
        .await
        .unwrap();
    store.empty_log().await.unwrap();
    let words = [
        "XYLOPHONE",
        "xylophone",
        "VICUNA",
        "vicuna",
        "ARMADILLO",
        "armadillo",
    ];
    let seen = || {
        let bytes = fs::read(&fixture.path).unwrap();
        let holds = |word: &str| {
            bytes
                .windows(word.len())
                .any(|window| window == word.as_bytes())
        };
        assert!(
            !holds("QUETZAL") && !holds("quetzal"),
            "a replaced title is gone at once"
        );
        words.map(holds)
    };
    assert_eq!(seen(), [true; 6]);

    store
        .delete_session(session_id(1), UnixMillis(50))
        .await
        .unwrap();
    assert_eq!(store.purge_deleted(UnixMillis(51)).await.unwrap(), 1);
    assert_eq!(seen(), [false, false, false, false, true, true]);
    let log = fs::metadata(fixture.path.with_extension("db-wal")).unwrap();
    assert_eq!(log.len(), 0);
    assert_eq!(store.restore_session(session_id(1)).await.unwrap(), None);
    assert_eq!(
        store.put_item(&message(1, 0, "gone")).await,
        Err(StoreError::NoSession)
    );
    assert_eq!(
        store.items(session_id(2)).await.unwrap(),
        vec![message(2, 0, "ARMADILLO stays")]
    );
    assert_eq!(store.integrity_check().await.unwrap(), Vec::<String>::new());
    // The index's own bookkeeping: one document left in each.
    let sizes = fixture.beside().query_row(
        "SELECT (SELECT count(*) FROM items_fts_docsize), (SELECT count(*) FROM sessions_fts_docsize)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    assert_eq!(sizes, Ok((1_i64, 1_i64)));
}

#[tokio::test]
async fn a_purge_that_was_cut_short_cannot_be_restored_and_is_finished_later() {
    let fixture = Fixture::with_session().await;
    let store = &fixture.store;
    let items: Vec<_> = (0..2 * PURGE_ITEMS)
        .map(|n| message(1, n, "text"))
        .collect();
    store.put_items(&items).await.unwrap();
    store
        .delete_session(session_id(1), UnixMillis(1))
        .await
        .unwrap();
    store
        .writer()
        .run(|transaction| Ok(purge_some(transaction, UnixMillis(2))?))
        .await
        .unwrap();
    assert_eq!(
        store.items(session_id(1)).await.unwrap().len(),
        PURGE_ITEMS as usize
    );
    assert_eq!(store.restore_session(session_id(1)).await.unwrap(), None);
    assert_eq!(store.purge_deleted(UnixMillis(2)).await.unwrap(), 1);
    assert_eq!(store.items(session_id(1)).await.unwrap(), vec![]);
    store.remove_items(&[item_id(1)]).await.unwrap();
}

#[test]
fn lists_are_read_through_their_index_in_its_order() {
    let fixture = Fixture::new();
    let connection = fixture.beside();
    assert_eq!(
        plan(&connection, LIST),
        vec!["SCAN sessions USING INDEX sessions_listed"]
    );
    assert_eq!(
        plan(&connection, NEXT_PURGE),
        vec!["SEARCH sessions USING INDEX sessions_deleted (deleted_at>? AND deleted_at<?)"]
    );
}
