use super::*;

fn all() -> Vec<HubError> {
    let sum = |byte| Checksum::from(crate::Sha256Sum::from([byte; 32]));
    vec![
        HubError::Address {
            text: "a b/c".into(),
            reason: "it is not of this hub",
        },
        HubError::Base("a token is sent over https only".into()),
        HubError::NotFound("model “a/b”".into()),
        HubError::Gated {
            page: "https://huggingface.co/a/b".into(),
        },
        HubError::TokenRefused { status: 401 },
        HubError::Busy {
            wait: Duration::from_secs(55),
        },
        HubError::Status(500),
        HubError::BadAnswer("its next page is on another host".into()),
        HubError::TooLarge { limit: 4_194_304 },
        HubError::Unreachable("connection refused".into()),
        HubError::Offline,
        HubError::Silent("nothing came for 30 s".into()),
        HubError::WebPage,
        HubError::Redirect("to http, without encryption".into()),
        HubError::Name {
            name: "../x".into(),
            reason: "it climbs out of its folder",
        },
        HubError::NoHash("config.json".into()),
        HubError::Changed("m.gguf".into()),
        HubError::WrongSize {
            name: "m.gguf".into(),
            expected: 10,
            got: 9,
        },
        HubError::WrongHash {
            name: "m.gguf".into(),
            expected: sum(0x11),
            got: sum(0x22),
        },
        HubError::GaveUp {
            tries: 8,
            last: Box::new(HubError::Status(403)),
        },
        HubError::OutOfSpace {
            path: "models/m.gguf.part".into(),
        },
        HubError::DiskFull {
            needed: 5_000_000_000,
            free: 1_000_000_000,
        },
        HubError::Taken {
            path: "models/m.gguf".into(),
        },
        HubError::Disk {
            action: "Making",
            path: "models".into(),
            why: "Permission denied".into(),
        },
        HubError::Cancelled,
    ]
}

#[test]
fn what_people_read() {
    let text: Vec<String> = all()
        .iter()
        .map(|error| {
            let kept = if error.resumable() { ", kept" } else { "" };
            format!("[{:?}{kept}] {error}", error.remedy())
        })
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn text_from_outside_is_made_harmless() {
    assert_eq!(printable("a\n\u{1b}[31mb"), "a\u{FFFD}\u{FFFD}[31mb");
    assert_eq!(printable(&"x".repeat(500)).len(), 80);
}
