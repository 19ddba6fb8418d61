//! Where answers are made: what falls back says so, and nothing goes to the cloud from a chat that asks this machine first but with
//! the user's word on that very request.

use nexus_llm::{LocalError, ModelError};
use nexus_protocol::{
    ApprovalAnswer, CloudOffer, ErrorAction, ErrorCode, EventMsg, ItemBody, ItemId, ItemStatus,
    ModelRef, Nonce, NoticeLevel, Op, Routing,
};

use crate::{
    harness::Harness,
    model::{Play, down, lost, stop, text},
};

fn died() -> Play {
    Play::Error(ModelError::Local(LocalError::WorkerDied {
        cause: nexus_llm::WorkerDeath::NotStarted,
        reason: "It was killed.".into(),
    }))
}

fn unreachable() -> Play {
    Play::Error(ModelError::Unreachable {
        provider: "test".into(),
        message: "no route".into(),
    })
}

/// What an event asks the user: item, nonce and fingerprint.
pub fn question(msg: &EventMsg) -> Option<(ItemId, Nonce, String)> {
    let (EventMsg::ItemAdded { item } | EventMsg::ItemChanged { item }) = msg else {
        return None;
    };
    match &item.body {
        ItemBody::Offer { offer } if offer.answer.is_none() => {
            Some((item.id, offer.nonce, offer.fingerprint.clone()))
        }
        ItemBody::ToolCall {
            approval: Some(approval),
            ..
        } if approval.answer.is_none() => {
            Some((item.id, approval.nonce, approval.fingerprint.clone()))
        }
        _ => None,
    }
}

fn answer(msg: &EventMsg, answer: ApprovalAnswer) -> Op {
    let (item, nonce, fingerprint) = question(msg).unwrap();
    Op::Approve {
        item,
        nonce,
        fingerprint,
        answer,
    }
}

pub fn yes(msg: &EventMsg) -> Op {
    answer(msg, ApprovalAnswer::Once)
}

fn no(msg: &EventMsg) -> Op {
    let word = String::new();
    answer(msg, ApprovalAnswer::Deny { word })
}

async fn asked(harness: &Harness, from: usize) -> EventMsg {
    harness.wait(from, |msg| question(msg).is_some()).await
}

async fn offers(harness: &Harness) -> Vec<CloudOffer> {
    let items = harness.snapshot().await.items;
    let offers = items.into_iter().filter_map(|item| match item.body {
        ItemBody::Offer { offer } => Some(*offer),
        _ => None,
    });
    offers.collect()
}

async fn answers(harness: &Harness) -> Vec<(String, String)> {
    let items = harness.snapshot().await.items;
    let said = items.into_iter().filter_map(|item| match item.body {
        ItemBody::Assistant { text, model, .. } => Some((model.0, text)),
        _ => None,
    });
    said.collect()
}

#[tokio::test]
async fn local_first_sends_nothing_without_a_word() {
    let harness = Harness::new().await;
    harness.routed(Routing::LocalFirst).await;
    harness.here.plays(vec![died()]);
    let from = harness.events().len();
    harness.user("Hi").await.unwrap();
    let asked = asked(&harness, from).await;
    assert!(harness.model.requests().is_empty());
    // An answer to another question is none.
    let (item, nonce, _) = question(&asked).unwrap();
    let other = Op::Approve {
        item,
        nonce,
        fingerprint: "00".into(),
        answer: ApprovalAnswer::Once,
    };
    assert!(harness.submit(other).await.is_err());
    harness.submit(no(&asked)).await.unwrap();
    let EventMsg::TurnFailed { error, .. } = harness.ends(from).await else {
        panic!("the turn failed here and went nowhere else");
    };
    assert_eq!(error.code, ErrorCode::WorkerDied);
    assert!(harness.model.requests().is_empty());
    // Each question is answered once.
    assert!(harness.submit(yes(&asked)).await.is_err());
    harness.check().await;
}

#[tokio::test]
async fn local_first_sends_what_was_shown_and_nothing_else() {
    let harness = Harness::new().await;
    harness.routed(Routing::LocalFirst).await;
    harness.here.plays(vec![text("I begin, "), died()]);
    harness.model.plays(vec![text("and I end."), stop()]);
    let from = harness.events().len();
    harness.user("Tell me").await.unwrap();
    let asked = asked(&harness, from).await;
    harness.submit(yes(&asked)).await.unwrap();
    let end = harness.ends(from).await;
    assert!(matches!(end, EventMsg::TurnCompleted { .. }), "{end:?}");
    let requests = harness.model.requests();
    assert_eq!(requests.len(), 1);
    let offer = offers(&harness).await.remove(0);
    assert_eq!(offer.fingerprint, nexus_tools::policy::digest(&requests[0]));
    let bytes = serde_json::to_vec(&requests[0]).unwrap().len();
    assert_eq!(
        (offer.messages as usize, offer.bytes as usize),
        (requests[0].messages.len(), bytes)
    );
    assert!(offer.cost_usd().unwrap() > 0.0);
    insta::assert_snapshot!(harness.story());
    // The session asks this machine first, as before.
    let session = harness.snapshot().await.session;
    assert_eq!(session.model, Some(ModelRef("local/tiny".into())));
    harness.check().await;
}

#[tokio::test]
async fn local_first_offers_the_cloud_for_what_is_too_long_here() {
    let harness = Harness::new().await;
    harness.routed(Routing::LocalFirst).await;
    harness.model.plays(vec![text("I read it."), stop()]);
    let from = harness.events().len();
    harness.user(&"many words ".repeat(4_000)).await.unwrap();
    let asked = asked(&harness, from).await;
    harness.submit(yes(&asked)).await.unwrap();
    let end = harness.ends(from).await;
    assert!(matches!(end, EventMsg::TurnCompleted { .. }), "{end:?}");
    let expected = ("test/scripted".to_owned(), "I read it.".to_owned());
    assert_eq!(answers(&harness).await, [expected]);
    harness.check().await;
}

#[tokio::test]
async fn an_offer_ends_with_the_turn_and_with_going_offline() {
    for offline in [false, true] {
        let harness = Harness::new().await;
        harness.routed(Routing::LocalFirst).await;
        harness.here.plays(vec![died()]);
        let from = harness.events().len();
        harness.user("Hi").await.unwrap();
        let asked = asked(&harness, from).await;
        if offline {
            harness.offline.set(true);
        } else {
            harness.submit(Op::Interrupt).await.unwrap();
        }
        let end = harness.ends(from).await;
        assert_eq!(
            matches!(end, EventMsg::TurnFailed { .. }),
            offline,
            "{end:?}"
        );
        assert!(harness.submit(yes(&asked)).await.is_err());
        let answer = offers(&harness).await.remove(0).answer;
        assert_eq!(answer, Some(ApprovalAnswer::Withdrawn));
        assert!(harness.model.requests().is_empty());
        harness.check().await;
    }
}

#[tokio::test]
async fn an_offer_that_a_crash_left_open_is_withdrawn() {
    let mut harness = Harness::new().await;
    harness.routed(Routing::LocalFirst).await;
    harness.here.plays(vec![died()]);
    let from = harness.events().len();
    harness.user("Hi").await.unwrap();
    let asked = asked(&harness, from).await;
    harness.restart().await;
    assert!(harness.submit(yes(&asked)).await.is_err());
    let left = harness.snapshot().await.items.pop().unwrap();
    assert_eq!(left.status, ItemStatus::Interrupted);
    assert_eq!(
        offers(&harness).await[0].answer,
        Some(ApprovalAnswer::Withdrawn)
    );
}

#[tokio::test]
async fn offline_the_cloud_is_not_even_offered() {
    let harness = Harness::new().await;
    harness.routed(Routing::LocalFirst).await;
    harness.offline.set(true);
    harness.here.plays(vec![died()]);
    let end = harness.user_turn("Hi").await;
    assert!(matches!(end, EventMsg::TurnFailed { .. }));
    assert!(offers(&harness).await.is_empty());
    let refused = harness.submit(Op::AskCloud).await.unwrap_err();
    assert_eq!(refused.action, ErrorAction::GoOnline);
    harness.check().await;
}

#[tokio::test]
async fn the_user_may_want_the_cloud() {
    let harness = Harness::new().await;
    let refused = harness.submit(Op::AskCloud).await.unwrap_err();
    assert_eq!(refused.title, "There is nothing to ask the cloud");
    harness.routed(Routing::LocalFirst).await;
    harness.here.plays(vec![text("Small words."), stop()]);
    harness.user_turn("Hi").await;

    let from = harness.events().len();
    harness.submit(Op::AskCloud).await.unwrap();
    let first = asked(&harness, from).await;
    harness.submit(no(&first)).await.unwrap();
    harness.ends(from).await;
    let here = ("local/tiny".to_owned(), "Small words.".to_owned());
    assert_eq!(answers(&harness).await, [here]);

    harness.model.plays(vec![text("Large words."), stop()]);
    let from = harness.events().len();
    harness.submit(Op::AskCloud).await.unwrap();
    let second = asked(&harness, from).await;
    harness.submit(yes(&second)).await.unwrap();
    harness.ends(from).await;
    let there = ("test/scripted".to_owned(), "Large words.".to_owned());
    assert_eq!(answers(&harness).await, [there]);
    // The answer that was replaced was not sent.
    let sent = serde_json::to_string(&harness.model.requests()[0]).unwrap();
    assert!(!sent.contains("Small words"), "{sent}");
    harness.check().await;
}

#[tokio::test]
async fn cloud_first_falls_back_where_the_network_fails_and_says_so() {
    let harness = Harness::new().await;
    harness.routed(Routing::CloudFirst).await;
    harness.model.plays(vec![unreachable()]);
    harness.here.plays(vec![text("From here."), stop()]);
    let end = harness.user_turn("Hi").await;
    assert!(matches!(end, EventMsg::TurnCompleted { .. }), "{end:?}");
    insta::assert_snapshot!(harness.story());
    harness.check().await;
}

#[tokio::test]
async fn cloud_first_falls_back_at_most_once_and_only_for_the_network() {
    // Something was shown; and a provider that answers with an error is no network that fails.
    for script in [vec![text("I "), lost()], vec![down()]] {
        let harness = Harness::new().await;
        harness.routed(Routing::CloudFirst).await;
        harness.model.plays(script);
        let end = harness.user_turn("Hi").await;
        assert!(!matches!(end, EventMsg::TurnCompleted { .. }), "{end:?}");
        assert!(harness.here.requests().is_empty());
        harness.check().await;
    }
    let harness = Harness::new().await;
    harness.routed(Routing::CloudFirst).await;
    harness.model.plays(vec![lost()]);
    harness.here.plays(vec![died()]);
    let end = harness.user_turn("Hi").await;
    assert!(matches!(end, EventMsg::TurnFailed { .. }), "{end:?}");
    harness.check().await;
}

#[tokio::test]
async fn a_routing_is_not_left_by_naming_another_model() {
    for (routing, model) in [
        (Routing::LocalOnly, "test/scripted"),
        (Routing::LocalFirst, "test/scripted"),
        (Routing::CloudFirst, "local/tiny"),
    ] {
        let harness = Harness::new().await;
        harness.routed(routing).await;
        let op = Op::UserTurn {
            text: "Hi".into(),
            attachments: Vec::new(),
            model: Some(ModelRef(model.into())),
        };
        let refused = harness.submit(op).await.unwrap_err();
        assert_eq!(
            refused.title,
            format!("This chat is set to “{}”", routing.name())
        );
        harness.check().await;
    }
}

#[tokio::test]
async fn a_notice_of_a_fallback_is_a_warning() {
    let harness = Harness::new().await;
    harness.routed(Routing::CloudFirst).await;
    harness.model.plays(vec![Play::Error(ModelError::Offline {
        provider: "test".into(),
    })]);
    harness.here.plays(vec![text("From here."), stop()]);
    harness.user_turn("Hi").await;
    let notice = harness
        .snapshot()
        .await
        .items
        .into_iter()
        .find_map(|item| match item.body {
            ItemBody::Notice { level, text, .. } => Some((level, text)),
            _ => None,
        });
    let words = "You are offline by your own choice, so Tiny on this machine answers.";
    assert_eq!(notice, Some((NoticeLevel::Warning, words.to_owned())));
}

#[tokio::test]
async fn without_a_routing_nothing_is_offered() {
    let harness = Harness::new().await;
    harness.model.plays(vec![unreachable()]);
    let end = harness.user_turn("Hi").await;
    assert!(matches!(end, EventMsg::TurnFailed { .. }));
    assert!(offers(&harness).await.is_empty());
    harness.check().await;
}
