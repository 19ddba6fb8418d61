use nexus_protocol::{Action, Approval, ApprovalAnswer, Capability, Item, Nonce, ToolLabel};
use uuid::Uuid;

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
            label: None,
            approval: None,
            output: "so far".to_owned(),
            result,
        },
        ..message(1, n, "")
    }
}

fn outcome(ok: bool, output: &str, summary: &str) -> Option<ToolResult> {
    Some(ToolResult {
        ok,
        ..ToolResult::failed(output, summary)
    })
}

/// A call that the user was asked about.
fn asked(n: u32, answer: Option<ApprovalAnswer>) -> Item {
    let mut item = call(n, ItemStatus::InProgress, None);
    if let ItemBody::ToolCall { approval, .. } = &mut item.body {
        *approval = Some(Box::new(Approval {
            nonce: Nonce(Uuid::from_u128(u128::from(n))),
            action: Action {
                tool: "calculate".to_owned(),
                capability: Capability::Execute,
                label: ToolLabel::default(),
                process: None,
                files: Vec::new(),
                network: None,
                arguments_hash: String::new(),
            },
            fingerprint: "f".to_owned(),
            why: "why".to_owned(),
            reason: None,
            rule: None,
            answer,
        }));
    }
    item
}

/// What an ended call looks like.
fn interrupted(mut item: Item) -> Item {
    item.status = ItemStatus::Interrupted;
    if let ItemBody::ToolCall { result, output, .. } = &mut item.body {
        *result = outcome(false, "Interrupted before it ended.", "interrupted");
        output.clear();
    }
    item
}

#[tokio::test]
async fn a_question_to_the_user_survives_and_what_was_let_run_does_not_run_again() {
    let fixture = Fixture::with_session().await;
    let running = asked(0, Some(ApprovalAnswer::Once));
    let waiting = asked(1, None);
    let behind = call(2, ItemStatus::InProgress, None);
    let mut elsewhere = call(3, ItemStatus::InProgress, None);
    elsewhere.step = 9;
    let items = [
        running.clone(),
        waiting.clone(),
        behind.clone(),
        elsewhere.clone(),
    ];
    fixture.store.put_items(&items).await.unwrap();
    assert_eq!(fixture.store.recover().await.unwrap(), 2);
    assert_eq!(
        fixture.store.items(session_id(1)).await.unwrap(),
        vec![
            interrupted(running),
            waiting,
            behind,
            interrupted(elsewhere)
        ]
    );
    assert_eq!(
        fixture.store.awaiting_approval().await.unwrap(),
        [session_id(1)]
    );
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
            interrupted(call(2, ItemStatus::InProgress, None)),
            done,
            Item {
                status: ItemStatus::Failed,
                ..interrupted(call(4, ItemStatus::Failed, None))
            },
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

#[tokio::test]
async fn an_open_call_that_cannot_be_read_hides_no_other_question() {
    let fixture = Fixture::with_session().await;
    let items = [asked(0, None), call(1, ItemStatus::InProgress, None)];
    fixture.store.put_items(&items).await.unwrap();
    let spoilt = fixture.beside().execute(
        "UPDATE items SET body = '{\"kind\":' WHERE position = 1",
        [],
    );
    assert_eq!(spoilt, Ok(1));
    assert_eq!(
        fixture.store.awaiting_approval().await,
        Ok(vec![session_id(1)])
    );
}

#[tokio::test]
async fn a_call_that_waited_its_turn_is_ended_as_one_that_ran() {
    let fixture = Fixture::with_session().await;
    let queued = call(0, ItemStatus::Queued, None);
    fixture.store.put_item(&queued).await.unwrap();
    let read = fixture.store.items(session_id(1)).await.unwrap();
    assert_eq!(read, [call(0, ItemStatus::InProgress, None)]);
    assert_eq!(fixture.store.recover().await, Ok(1));
}

#[tokio::test]
async fn an_offer_waits_for_the_user_and_is_withdrawn_by_a_restart() {
    let fixture = Fixture::with_session().await;
    let store = &fixture.store;
    let offer = |status, answer| Item {
        status,
        body: ItemBody::Offer {
            offer: Box::new(nexus_protocol::CloudOffer {
                nonce: Nonce(Uuid::from_u128(5)),
                fingerprint: "ab".to_owned(),
                model: nexus_protocol::ModelRef::new("far", "large"),
                display_name: "Large".to_owned(),
                why: "You asked for it.".to_owned(),
                messages: 2,
                bytes: 100,
                files: 0,
                images: 0,
                tokens: 30,
                pricing: None,
                answer,
            }),
        },
        ..message(1, 0, "")
    };
    let open = offer(ItemStatus::InProgress, None);
    store.put_item(&open).await.unwrap();
    assert_eq!(store.awaiting_approval().await, Ok(vec![session_id(1)]));
    assert_eq!(store.recover().await, Ok(1));
    assert_eq!(store.awaiting_approval().await, Ok(vec![]));
    let withdrawn = offer(ItemStatus::Interrupted, Some(ApprovalAnswer::Withdrawn));
    assert_eq!(store.items(session_id(1)).await, Ok(vec![withdrawn]));
}
