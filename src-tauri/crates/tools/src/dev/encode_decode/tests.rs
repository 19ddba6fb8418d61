use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{call, context};

async fn run(operation: &str, text: &str) -> Result<String, ToolError> {
    let arguments = json!({ "operation": operation, "text": text });
    let output = call(&EncodeDecode, arguments, &context()).await?;
    Ok(output.text)
}

#[tokio::test]
async fn encodings_as_they_are_defined() {
    for (operation, text, expected) in [
        ("base64_encode", "foobar\u{fe}", "Zm9vYmFyw74="),
        ("base64_decode", "Zm9v\nYmE=", "fooba"),
        ("base64_decode", "Zm9vYmE", "fooba"),
        ("base64url_encode", "??>>~", "Pz8-Pn4"),
        ("base64url_decode", "Pz8-Pn4=", "??>>~"),
        ("base64_decode", "", "(empty)"),
        (
            "base64_decode",
            "/w==",
            "These 1 bytes are no UTF-8 text. In hexadecimal: ff",
        ),
        ("hex_encode", "é", "c3a9"),
        ("hex_decode", "0xC3 a9", "é"),
        ("url_encode", "a b/ü?~", "a%20b%2F%C3%BC%3F~"),
        ("url_decode", "a%20b+c%2F%C3%BC%zz", "a b+c/ü%zz"),
        (
            "html_encode",
            "<a href=\"x\">'&'</a>",
            "&lt;a href=&quot;x&quot;&gt;&#x27;&amp;&#x27;&lt;/a&gt;",
        ),
        (
            "html_decode",
            "&lt;&eacute;&#233;&#xe9;&nosuch;",
            "<ééé&nosuch;",
        ),
        ("json_escape", "\"a\\\n\t\"", "\\\"a\\\\\\n\\t\\\""),
        ("json_unescape", "\\\"a\\u00e9\\n\\\"", "\"aé\n\""),
        ("json_unescape", "\"quoted\"", "quoted"),
        ("unicode_escape", "aé😀\n", "a\\u00e9\\ud83d\\ude00\\u000a"),
        (
            "unicode_unescape",
            "a\\u00e9\\ud83d\\ude00\\u{1F600}\\n",
            "aé😀😀\\n",
        ),
        ("rot13", "Hello, Zürich!", "Uryyb, Müevpu!"),
        ("base64_decode", "4oCu", "\\u{202e}"),
    ] {
        assert_eq!(
            run(operation, text).await,
            Ok(expected.to_owned()),
            "{operation} {text}"
        );
    }
}

#[tokio::test]
async fn a_token_is_read_and_not_believed() {
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0IiwiaWF0IjoxNTE2MjM5MDIyLCJleHAiOjE1MTYyMzkwODJ9.c2ln";
    let ctx = ToolContext {
        now: UnixMillis(1_600_000_000_000),
        ..context()
    };
    let arguments = json!({ "operation": "jwt_decode", "text": token });
    let output = call(&EncodeDecode, arguments, &ctx).await.unwrap();
    insta::assert_snapshot!(output.text);
}

#[tokio::test]
async fn what_is_not_valid_is_named() {
    let mut table = String::new();
    for (operation, text) in [
        ("base64_decode", "Zm9*"),
        ("base64_decode", "A"),
        ("hex_decode", "abc"),
        ("hex_decode", "xy"),
        ("json_unescape", "\\x"),
        ("json_unescape", "a\"b"),
        ("unicode_unescape", "\\u12"),
        ("unicode_unescape", "\\u{12"),
        ("unicode_unescape", "\\u{110000}"),
        ("unicode_unescape", "\\u+123"),
        ("unicode_unescape", "\\ud83d"),
        ("jwt_decode", "a.b"),
        ("jwt_decode", "YQ.YQ.YQ"),
    ] {
        let error = run(operation, text).await.unwrap_err();
        table.push_str(&format!("{operation} {text}: {error}\n"));
    }
    insta::assert_snapshot!(table);
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(text in any::<String>()) {
        for (encode, decode) in [
            (Operation::Base64Encode, Operation::Base64Decode),
            (Operation::Base64urlEncode, Operation::Base64urlDecode),
            (Operation::HexEncode, Operation::HexDecode),
            (Operation::UrlEncode, Operation::UrlDecode),
            (Operation::HtmlEncode, Operation::HtmlDecode),
            (Operation::JsonEscape, Operation::JsonUnescape),
            (Operation::Rot13, Operation::Rot13),
        ] {
            let now = UnixMillis(0);
            let encoded = convert(&text, encode, now).unwrap();
            prop_assert_eq!(convert(&encoded, decode, now).unwrap(), text.as_str(), "{:?}", encode);
        }
    }

    #[test]
    fn unicode_escapes_come_back(text in "[^\\\\]*") {
        let escaped = unicode_escaped(&text);
        prop_assert!(escaped.is_ascii());
        prop_assert_eq!(unicode_unescaped(&escaped).unwrap(), text);
    }

    #[test]
    fn nothing_makes_it_panic(text in any::<String>(), operation in 0..16usize) {
        let operations = [
            Operation::Base64Encode, Operation::Base64Decode, Operation::Base64urlEncode, Operation::Base64urlDecode,
            Operation::HexEncode, Operation::HexDecode, Operation::UrlEncode, Operation::UrlDecode,
            Operation::HtmlEncode, Operation::HtmlDecode, Operation::JsonEscape, Operation::JsonUnescape,
            Operation::UnicodeEscape, Operation::UnicodeUnescape, Operation::Rot13, Operation::JwtDecode,
        ];
        let _ = convert(&text, operations[operation], UnixMillis(0));
    }
}
