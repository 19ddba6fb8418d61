use nexus_protocol::Item;

use super::*;
use crate::{
    Store,
    fixture::{Fixture, answer, message, plan, session_id},
};

fn call(n: u32, status: ItemStatus, result: Option<ToolResult>) -> Item {
    Item {
        status,
        body: ItemBody::ToolCall {
            call_id: format!("call-{n}"),
            name: "calculate".to_owned(),
            arguments: "{\"expression\":\"1+1\"}".to_owned(),
            result,
        },
        ..message(1, n, "")
    }
}

fn outcome(ok: bool, output: &str, summary: &str) -> Option<ToolResult> {
    Some(ToolResult {
        ok,
        output: output.to_owned(),
        summary: summary.to_owned(),
        duration_ms: 0,
    })
}

#[tokio::test]
async fn what_a_crash_left_open_is_ended_and_the_rest_stays() {
    let fixture = Fixture::with_session().await;
    let whole = message(1, 0, "question");
    let done = call(3, ItemStatus::Complete, outcome(true, "2", "2"));
    let items = [
        whole.clone(),
        answer(
            1,
            1,
            "half an answer about pangolins",
            ItemStatus::InProgress,
        ),
        call(2, ItemStatus::InProgress, None),
        done.clone(),
        call(4, ItemStatus::Failed, None),
    ];
    fixture.store.put_items(&items).await.unwrap();
    fixture.store.close().await;

    let store = Store::open(&fixture.path).unwrap();
    assert_eq!(store.recover().await.unwrap(), 3);
    let ended = outcome(false, "Interrupted before it ended.", "interrupted");
    assert_eq!(
        store.items(session_id(1)).await.unwrap(),
        vec![
            whole,
            answer(
                1,
                1,
                "half an answer about pangolins",
                ItemStatus::Interrupted
            ),
            call(2, ItemStatus::Interrupted, ended.clone()),
            done,
            call(4, ItemStatus::Failed, ended),
        ]
    );
    assert_eq!(store.search("pangolin", 5).await.unwrap().len(), 1);
    assert_eq!(store.recover().await.unwrap(), 0);
}

#[tokio::test]
async fn an_unreadable_item_does_not_keep_the_app_from_starting() {
    let fixture = Fixture::with_session().await;
    let items = [
        answer(1, 0, "a", ItemStatus::InProgress),
        answer(1, 1, "b", ItemStatus::InProgress),
    ];
    fixture.store.put_items(&items).await.unwrap();
    fixture
        .beside()
        .execute("UPDATE items SET body = '{' WHERE position = 0", [])
        .unwrap();
    assert_eq!(fixture.store.recover().await.unwrap(), 1);
}

#[test]
fn open_items_are_found_without_reading_the_others() {
    let fixture = Fixture::new();
    assert_eq!(
        plan(&fixture.beside(), OPEN),
        vec!["SEARCH items USING INDEX items_open (open=?)"]
    );
}
