use nexus_protocol::{Attachment, ImageData, ItemId, ItemStatus, SessionId, TurnId, UnixMillis};
use uuid::Uuid;

use super::*;

fn user(text: &str, attachment: Option<&str>) -> Item {
    Item {
        id: ItemId(Uuid::nil()),
        session: SessionId(Uuid::nil()),
        turn: TurnId(Uuid::nil()),
        step: 0,
        position: 0,
        created_at: UnixMillis(0),
        status: ItemStatus::Complete,
        body: ItemBody::User {
            text: text.into(),
            attachments: attachment
                .map(|name| Attachment {
                    name: name.into(),
                    image: ImageData {
                        media_type: "image/png".into(),
                        base64: String::new(),
                    },
                })
                .into_iter()
                .collect(),
        },
    }
}

#[test]
fn first_words_end_at_a_word() {
    let titles = [
        user("Hello", None),
        user("  # Fix *this*\n\nplease `now` ", None),
        user(
            "How do I convince my cat that the new sofa is not a scratching post?",
            None,
        ),
        user(&"a".repeat(100), None),
        user(&"日本語の".repeat(30), None),
        user("exactly forty-eight characters are in this title", None),
        user("\u{202e}evil\u{0}\u{7}", None),
        user("", Some("holiday.png")),
        user("*** `` ##", None),
    ]
    .map(|item| first_words(&item));
    assert_eq!(
        titles,
        [
            "Hello",
            "Fix this please now",
            "How do I convince my cat that the new sofa is…",
            &format!("{}…", "a".repeat(47)),
            &format!(
                "{}…",
                "日本語の".repeat(12).chars().take(47).collect::<String>()
            ),
            "exactly forty-eight characters are in this title",
            "evil",
            "holiday.png",
            "New chat",
        ]
    );
    assert!(
        titles
            .iter()
            .all(|title| title.chars().count() <= MAX_FIRST_WORDS)
    );
}

#[test]
fn only_clean_titles_are_taken() {
    let titles = [
        "Cats and Sofas",
        "\"Cats and Sofas\"\n",
        "**Title:** “Cats and Sofas.”",
        "\n\n# Cats and Sofas\nThis title fits because",
        "",
        "\n \n",
        "...",
        "I'm sorry, but I can't help with that",
        "As an AI language model, I have no cats",
        "Sure! Here is a title: Cats",
        "This chat is about a person who asks how to keep a cat away from a sofa",
        "one two three four five six seven eight nine ten eleven",
        "Surfing in Portugal",
        "<think>The user",
    ]
    .map(clean);
    let cats = || Some("Cats and Sofas".to_owned());
    assert_eq!(
        titles,
        [
            cats(),
            cats(),
            cats(),
            cats(),
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            Some("Surfing in Portugal".to_owned()),
            None,
        ]
    );
}
