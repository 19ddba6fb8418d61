use nexus_protocol::{
    AnswerMeta, Attachment, ErrorAction, ErrorCard, ErrorCode, FinishReason, ImageData, ModelRef,
    NoticeLevel, ToolLabel, ToolResult, Usage,
};
use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::fixture::{Fixture, answer, item_id, message, plan, session, session_id};

#[tokio::test]
async fn items_come_back_by_position_and_a_second_put_replaces() {
    let fixture = Fixture::with_session().await;
    assert_eq!(fixture.store.next_position(session_id(1)).await.unwrap(), 0);
    fixture
        .store
        .put_items(&[message(1, 5, "late"), message(1, 0, "early")])
        .await
        .unwrap();
    fixture
        .store
        .put_item(&answer(1, 2, "gro", ItemStatus::InProgress))
        .await
        .unwrap();
    fixture
        .store
        .put_item(&answer(1, 2, "growing", ItemStatus::Complete))
        .await
        .unwrap();
    assert_eq!(
        fixture.store.items(session_id(1)).await.unwrap(),
        vec![
            message(1, 0, "early"),
            answer(1, 2, "growing", ItemStatus::Complete),
            message(1, 5, "late"),
        ]
    );
    assert_eq!(fixture.store.next_position(session_id(1)).await.unwrap(), 6);
    fixture
        .store
        .remove_items(&[message(1, 5, "").id, item_id(99)])
        .await
        .unwrap();
    assert_eq!(fixture.store.next_position(session_id(1)).await.unwrap(), 3);
    assert_eq!(
        fixture.store.items(session_id(2)).await.unwrap(),
        Vec::new()
    );
}

#[tokio::test]
async fn an_item_without_a_session_is_refused_and_takes_the_others_with_it() {
    let fixture = Fixture::with_session().await;
    let batch = [message(1, 0, "fine"), message(2, 0, "nowhere")];
    assert_eq!(
        fixture.store.put_items(&batch).await,
        Err(StoreError::NoSession)
    );
    assert_eq!(
        fixture.store.items(session_id(1)).await.unwrap(),
        Vec::new()
    );
    assert_eq!(fixture.store.search("fine", 5).await.unwrap(), Vec::new());
}

#[tokio::test]
async fn a_body_that_makes_no_sense_is_an_error_and_not_a_hole() {
    let fixture = Fixture::with_session().await;
    fixture
        .store
        .create_session(&session(2, "Other"))
        .await
        .unwrap();
    fixture
        .store
        .put_items(&[message(1, 0, "a"), message(1, 1, "b"), message(2, 0, "c")])
        .await
        .unwrap();
    fixture
        .beside()
        .execute(
            "UPDATE items SET body = '{\"kind\":\"telepathy\"}' WHERE position = 1",
            [],
        )
        .unwrap();
    let error = fixture.store.items(session_id(1)).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::UnreadableItem { item, reason }
            if *item == message(1, 1, "").id && reason.contains("telepathy")),
        "{error:?}"
    );
    assert_eq!(
        fixture.store.items(session_id(2)).await.unwrap(),
        vec![message(2, 0, "c")]
    );
}

#[tokio::test]
async fn a_message_of_a_mebibyte_is_kept_and_found() {
    let fixture = Fixture::with_session().await;
    let item = message(1, 0, &format!("{} needle", "hay ".repeat(262_144)));
    fixture.store.put_item(&item).await.unwrap();
    assert_eq!(
        fixture.store.items(session_id(1)).await.unwrap(),
        vec![item]
    );
    assert_eq!(fixture.store.search("needle", 5).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_asked_is_done_when_nobody_waits_for_it() {
    let fixture = Fixture::with_session().await;
    let item = message(1, 0, "asked and left");
    {
        let mut put = Box::pin(fixture.store.put_item(&item));
        // Polled once: the work is handed over. Then dropped.
        let _ = futures_poll_once(put.as_mut()).await;
    }
    fixture.store.set_value("after", "1").await.unwrap();
    assert_eq!(
        fixture.store.items(session_id(1)).await.unwrap(),
        vec![item]
    );
}

async fn futures_poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

#[test]
fn histories_are_read_through_the_index_in_its_order() {
    let fixture = Fixture::new();
    assert_eq!(
        plan(&fixture.beside(), BY_POSITION),
        vec!["SEARCH items USING INDEX items_by_position (session=?)"]
    );
}

fn number() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL
}

fn model() -> impl Strategy<Value = ModelRef> {
    any::<String>().prop_map(ModelRef)
}

fn usage() -> impl Strategy<Value = Usage> {
    (any::<[u64; 4]>(), option::of(number())).prop_map(|(n, cost_usd)| Usage {
        input_tokens: n[0],
        output_tokens: n[1],
        cached_tokens: n[2],
        reasoning_tokens: n[3],
        cost_usd,
    })
}

fn meta() -> impl Strategy<Value = AnswerMeta> {
    let finish = prop_oneof![
        Just(FinishReason::Stop),
        Just(FinishReason::Length),
        Just(FinishReason::Incomplete),
        Just(FinishReason::ToolCalls),
        Just(FinishReason::ContentFilter),
    ];
    (
        option::of(usage()),
        option::of(any::<u64>()),
        any::<u64>(),
        option::of(number()),
        option::of(finish),
    )
        .prop_map(
            |(usage, time_to_first_token_ms, duration_ms, tokens_per_second, finish)| AnswerMeta {
                usage,
                time_to_first_token_ms,
                duration_ms,
                tokens_per_second,
                finish,
            },
        )
}

fn card() -> impl Strategy<Value = ErrorCard> {
    let action = prop_oneof![
        Just(ErrorAction::None),
        Just(ErrorAction::Retry),
        any::<i64>().prop_map(|at| ErrorAction::RetryAt { at: UnixMillis(at) }),
        any::<String>().prop_map(|provider| ErrorAction::OpenProvider { provider }),
    ];
    let code = prop_oneof![Just(ErrorCode::KeyMissing), Just(ErrorCode::Internal)];
    (code, any::<String>(), any::<String>(), action)
        .prop_map(|(code, title, detail, action)| ErrorCard::new(code, title, detail, action))
}

fn attachment() -> impl Strategy<Value = Attachment> {
    any::<[String; 3]>().prop_map(|[name, media_type, base64]| Attachment {
        name,
        image: ImageData { media_type, base64 },
    })
}

fn result() -> impl Strategy<Value = ToolResult> {
    (any::<bool>(), any::<[String; 2]>(), any::<u64>()).prop_map(
        |(ok, [output, summary], duration_ms)| ToolResult {
            ok,
            output,
            summary,
            duration_ms,
            parts: Vec::new(),
        },
    )
}

fn body() -> impl Strategy<Value = ItemBody> {
    let level = prop_oneof![
        Just(NoticeLevel::Info),
        Just(NoticeLevel::Warning),
        Just(NoticeLevel::Error),
    ];
    prop_oneof![
        (any::<String>(), vec(attachment(), 0..3))
            .prop_map(|(text, attachments)| ItemBody::User { text, attachments }),
        (any::<String>(), model(), option::of(meta()))
            .prop_map(|(text, model, meta)| ItemBody::Assistant { text, model, meta }),
        (any::<String>(), option::of(any::<u64>()))
            .prop_map(|(text, duration_ms)| ItemBody::Thinking { text, duration_ms }),
        (any::<[String; 6]>(), option::of(result())).prop_map(
            |([call_id, name, arguments, verb, object, output], result)| ItemBody::ToolCall {
                call_id,
                name,
                arguments,
                label: Some(ToolLabel { verb, object }),
                approval: None,
                output,
                result,
            }
        ),
        (any::<String>(), any::<[u64; 2]>(), any::<bool>()).prop_map(
            |(text, [tokens_before, tokens_after], undone)| ItemBody::Compaction {
                text,
                through: 3,
                tokens_before,
                tokens_after,
                undone,
            }
        ),
        (level, any::<String>(), option::of(card()))
            .prop_map(|(level, text, error)| ItemBody::Notice { level, text, error }),
    ]
}

fn item() -> impl Strategy<Value = Item> {
    let status = prop_oneof![
        Just(ItemStatus::InProgress),
        Just(ItemStatus::Complete),
        Just(ItemStatus::Interrupted),
        Just(ItemStatus::Failed),
    ];
    (
        any::<[u128; 2]>(),
        any::<[u32; 2]>(),
        any::<i64>(),
        status,
        body(),
    )
        .prop_map(|([id, turn], [step, position], at, status, body)| Item {
            id: item_id(id),
            session: session_id(1),
            turn: TurnId(Uuid::from_u128(turn)),
            step,
            position,
            created_at: UnixMillis(at),
            status,
            body,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each item goes in, is replaced by the other at the same id, and goes; the index follows every time.
    #[test]
    fn any_item_comes_back_as_it_went_in(first in item(), second in item()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::with_session().await;
            let store = &fixture.store;
            store.put_item(&first).await.unwrap();
            assert_eq!(store.items(session_id(1)).await.unwrap(), vec![first.clone()]);
            let second = Item { id: first.id, ..second };
            store.put_item(&second).await.unwrap();
            assert_eq!(store.items(session_id(1)).await.unwrap(), vec![second]);
            assert_eq!(store.integrity_check().await.unwrap(), Vec::<String>::new());
            store.remove_items(&[first.id]).await.unwrap();
            assert_eq!(store.items(session_id(1)).await.unwrap(), vec![]);
            assert_eq!(store.integrity_check().await.unwrap(), Vec::<String>::new());
        });
    }
}
