use nexus_protocol::{
    CloudOffer, ErrorAction, ErrorCard, ErrorCode, Item, ItemId, Mode, Nonce, NoticeLevel,
    SessionActivity, SessionId, SessionSummary, TitleSource, ToolResult, TurnId, UnixMillis,
};
use uuid::Uuid;

use super::*;

fn item(status: ItemStatus, body: ItemBody) -> Item {
    Item {
        id: ItemId(Uuid::nil()),
        session: SessionId(Uuid::nil()),
        turn: TurnId(Uuid::nil()),
        step: 0,
        position: 0,
        created_at: UnixMillis(0),
        status,
        body,
    }
}

fn chat() -> Snapshot {
    let model = ModelRef("local/x".into());
    Snapshot {
        session: SessionSummary {
            id: SessionId(Uuid::nil()),
            title: "Sums".into(),
            title_source: TitleSource::User,
            model: Some(model.clone()),
            mode: Mode::Ask,
            folder: None,
            routing: None,
            partner: None,
            created_at: UnixMillis(0),
            updated_at: UnixMillis(0),
        },
        items: vec![
            item(
                ItemStatus::Complete,
                ItemBody::User {
                    text: "1 + 1?".into(),
                    attachments: vec![],
                },
            ),
            item(
                ItemStatus::Complete,
                ItemBody::Thinking {
                    text: "easy\nreally".into(),
                    duration_ms: None,
                },
            ),
            item(
                ItemStatus::Complete,
                ItemBody::ToolCall {
                    call_id: "1".into(),
                    name: "calculate".into(),
                    arguments: "{\"a\":\"`\"}".into(),
                    label: None,
                    approval: None,
                    output: String::new(),
                    result: Some(ToolResult {
                        ok: true,
                        output: "2".into(),
                        summary: "2".into(),
                        duration_ms: 1,
                        parts: Vec::new(),
                    }),
                },
            ),
            item(
                ItemStatus::Interrupted,
                ItemBody::Assistant {
                    text: "It is".into(),
                    model,
                    meta: None,
                },
            ),
            item(
                ItemStatus::Complete,
                ItemBody::Offer {
                    offer: Box::new(CloudOffer {
                        nonce: Nonce(Uuid::nil()),
                        fingerprint: String::new(),
                        model: ModelRef::new("far", "large"),
                        display_name: "Large".into(),
                        why: "You asked for it.".into(),
                        messages: 2,
                        bytes: 345,
                        files: 0,
                        images: 0,
                        tokens: 80,
                        pricing: None,
                        answer: Some(ApprovalAnswer::Withdrawn),
                    }),
                },
            ),
            item(
                ItemStatus::Complete,
                ItemBody::Undo {
                    redone: false,
                    files: vec!["a.txt".into(), "b.txt".into()],
                    more: 3,
                },
            ),
            item(
                ItemStatus::Complete,
                ItemBody::Notice {
                    level: NoticeLevel::Error,
                    text: "x".into(),
                    error: Some(ErrorCard::new(
                        ErrorCode::Internal,
                        "Broken",
                        "Try again.",
                        ErrorAction::Retry,
                    )),
                },
            ),
        ],
        last_seq: 0,
        activity: SessionActivity::Idle,
        context: None,
    }
}

fn made_at(model: &ModelRef) -> String {
    assert_eq!(model.0, "local/x");
    "on this machine".into()
}

#[test]
fn an_export_has_what_was_said() {
    assert_eq!(
        markdown(&chat(), Detail::Words, made_at),
        "# Sums\n\n## You\n\n1 + 1?\n\n## local/x, on this machine\n\nIt is\n\n(interrupted)\n"
    );
}

#[test]
fn a_transcript_has_everything() {
    assert_eq!(
        markdown(&chat(), Detail::All, made_at),
        "# Sums\n\n## You\n\n1 + 1?\n\n### Thinking\n\n> easy\n> really\n\n### Tool: calculate\n\n`` {\"a\":\"`\"} ``\n\n→ 2\n\n\
         ## local/x, on this machine\n\nIt is\n\n(interrupted)\n\n> You asked for it. Nothing was sent: 2 messages (345 bytes); about 80 tokens for Large.\n\n> You took these changes back: a.txt, b.txt and 3 more\n\n> **Broken** Try again.\n"
    );
}
