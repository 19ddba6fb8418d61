use proptest::prelude::*;

use super::*;

/// Model, revision, path.
type Read = Option<(String, Option<String>, Option<String>)>;

fn read(text: &str) -> Result<Read, HubError> {
    let base = Url::parse("https://mirror.example/hf/").unwrap();
    Address::parse(text, &base).map(|found| {
        found.map(|address| {
            (
                address.model.to_string(),
                address.revision,
                address.path.map(|path| path.to_string()),
            )
        })
    })
}

#[test]
fn names_and_addresses() {
    let model = "Qwen/Qwen2.5-7B-Instruct-GGUF";
    for (text, revision, path) in [
        (model.to_owned(), None, None),
        (format!("  {model}\n"), None, None),
        (format!("https://huggingface.co/{model}"), None, None),
        (format!("huggingface.co/{model}"), None, None),
        (format!("hf.co/{model}/"), None, None),
        (format!("https://mirror.example/hf/{model}"), None, None),
        (
            format!("https://huggingface.co/{model}/discussions/4"),
            None,
            None,
        ),
        (
            format!("https://huggingface.co/{model}/tree/main"),
            Some("main"),
            None,
        ),
        (
            format!("https://huggingface.co/{model}/tree/refs%2Fpr%2F1"),
            Some("refs/pr/1"),
            None,
        ),
        (
            format!("https://huggingface.co/{model}/blob/main/x.gguf"),
            Some("main"),
            Some("x.gguf"),
        ),
        (
            format!("https://huggingface.co/{model}/resolve/v1/Q4/a+b%20c.gguf?download=true"),
            Some("v1"),
            Some("Q4/a+b c.gguf"),
        ),
    ] {
        assert_eq!(
            read(&text),
            Ok(Some((
                model.to_owned(),
                revision.map(str::to_owned),
                path.map(str::to_owned)
            ))),
            "{text}"
        );
    }
}

#[test]
fn words_are_words() {
    for text in [
        "qwen",
        "small coding model",
        "a/b/c",
        "../x",
        "qwen/",
        "/qwen",
        "",
    ] {
        assert_eq!(read(text), Ok(None), "{text}");
    }
}

#[test]
fn addresses_that_lead_elsewhere_are_refused() {
    for text in [
        "https://example.com/a/b",
        "https://huggingface.co/a",
        "https://huggingface.co/datasets/a/b",
        "file:///etc/passwd",
        "ftp://huggingface.co/a/b",
        "https://huggingface.co/a/%2e%2e%2fb",
        "https://huggingface.co/a/b/blob/main/..%2Fx.gguf",
        "https://huggingface.co/a/b/blob/main/%00.gguf",
        "https://huggingface.co/a/%ff",
        "https://",
    ] {
        assert!(read(text).is_err(), "{text}: {:?}", read(text));
    }
}

proptest! {
    #[test]
    fn what_is_read_never_climbs(text in "(https://huggingface.co/)?[a-z./%0-9:\\\\]{0,40}") {
        if let Ok(Some((model, _, path))) = read(&text) {
            prop_assert!(!model.contains(".."));
            prop_assert!(path.is_none_or(|path| path.split('/').all(|part| part != ".." && !part.is_empty())));
        }
    }
}
