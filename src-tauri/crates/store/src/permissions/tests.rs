use nexus_protocol::Mode;

use crate::{
    StoreError,
    fixture::{Fixture, session_id},
};

#[tokio::test]
async fn mode_and_folder_are_kept() {
    let fixture = Fixture::with_session().await;
    let (store, id) = (&fixture.store, session_id(1));
    let fresh = store.session(id).await.unwrap().unwrap();
    assert_eq!((fresh.mode, fresh.folder), (Mode::Ask, None));
    for mode in [Mode::Edits, Mode::Plan, Mode::Auto, Mode::Ask, Mode::Auto] {
        let changed = store.set_mode(id, mode).await.unwrap().unwrap();
        assert_eq!(changed.mode, mode);
    }
    store.set_folder(id, Some("/home/a b")).await.unwrap();
    let read = store.session(id).await.unwrap().unwrap();
    assert_eq!(
        (read.mode, read.folder.as_deref()),
        (Mode::Auto, Some("/home/a b"))
    );
    assert_eq!(
        store.set_mode(session_id(9), Mode::Ask).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn grants_are_kept_in_order_until_the_folder_changes() {
    let fixture = Fixture::with_session().await;
    let (store, id) = (&fixture.store, session_id(1));
    store.set_folder(id, Some("/a")).await.unwrap();
    assert_eq!(store.grants(id).await.unwrap(), Vec::<String>::new());
    for grant in ["one", "two \"quoted\"", "drei ä"] {
        store.add_grant(id, grant).await.unwrap();
    }
    // The same folder again takes nothing back.
    store.set_folder(id, Some("/a")).await.unwrap();
    assert_eq!(
        store.grants(id).await.unwrap(),
        ["one", "two \"quoted\"", "drei ä"]
    );
    store.set_folder(id, Some("/b")).await.unwrap();
    assert_eq!(store.grants(id).await.unwrap(), Vec::<String>::new());
    let missing = store.add_grant(session_id(9), "x").await;
    assert!(matches!(missing, Err(StoreError::NoSession)));
}

#[tokio::test]
async fn grants_that_cannot_be_read_allow_nothing() {
    let fixture = Fixture::with_session().await;
    fixture
        .beside()
        .execute("UPDATE sessions SET grants = '{\"all\": true'", [])
        .unwrap();
    let grants = fixture.store.grants(session_id(1)).await.unwrap();
    assert_eq!(grants, Vec::<String>::new());
}
