//! What is refused before anything is changed.

use nexus_protocol::{Attachment, EventMsg, ImageData, ModelRef, Op};
use nexus_tools::Registry;

use crate::{
    harness::{Harness, card},
    model::{Play, text},
};

fn user(text: &str, media_type: Option<&str>, size: usize, model: Option<&str>) -> Op {
    Op::UserTurn {
        text: text.into(),
        attachments: media_type
            .map(|media_type| Attachment {
                name: "file".into(),
                image: ImageData {
                    media_type: media_type.into(),
                    base64: "A".repeat(size),
                },
            })
            .into_iter()
            .collect(),
        model: model.map(|model| ModelRef(model.into())),
    }
}

#[tokio::test]
async fn nothing_happens_and_the_card_says_why() {
    let harness = Harness::with(Registry::builtin(), Some(8192)).await;
    let mut table = String::new();
    for op in [
        user("", None, 0, None),
        user(" \n\t ", None, 0, None),
        user("Look", Some("image/svg+xml"), 4, None),
        user("Look", Some("image/png"), 21 * 1024 * 1024, None),
        user(&"a".repeat(9 * 1024 * 1024), None, 0, None),
        user(&"a".repeat(1024 * 1024), None, 0, None),
        user("Hi", None, 0, Some("other/model")),
        Op::Retry,
        Op::Continue,
    ] {
        let refused = harness.submit(op).await.unwrap_err();
        table.push_str(&card(&refused));
        table.push('\n');
    }
    harness.settings.lock().unwrap().default_model = None;
    let refused = harness.user("Hi").await.unwrap_err();
    table.push_str(&card(&refused));
    insta::assert_snapshot!(table);
    assert_eq!(harness.events(), Vec::new());
    harness.check().await;
}

#[tokio::test]
async fn a_megabyte_is_taken_where_it_fits() {
    let harness = Harness::with(Registry::builtin(), Some(1_000_000)).await;
    harness
        .model
        .plays(vec![text("Long."), crate::model::stop()]);
    harness.user_turn(&"a".repeat(1024 * 1024)).await;
    harness.check().await;
}

#[tokio::test]
async fn one_turn_at_a_time() {
    let harness = Harness::new().await;
    harness.model.plays(vec![text("Wor"), Play::Hang]);
    harness.user("Work").await.unwrap();
    let mut table = String::new();
    for op in [user("More", None, 0, None), Op::Retry, Op::Continue] {
        let refused = harness.submit(op).await.unwrap_err();
        table.push_str(&card(&refused));
        table.push('\n');
    }
    insta::assert_snapshot!(table);
    harness.submit(Op::Interrupt).await.unwrap();
    harness
        .wait(0, |msg| matches!(msg, EventMsg::TurnInterrupted { .. }))
        .await;
    harness.check().await;
}
