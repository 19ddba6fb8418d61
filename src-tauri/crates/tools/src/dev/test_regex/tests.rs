use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{call, context};

async fn run(arguments: Value) -> Result<ToolOutput, ToolError> {
    call(&TestRegex, arguments, &context()).await
}

#[tokio::test]
async fn matches_as_models_read_them() {
    let mut table = String::new();
    for arguments in [
        json!({ "pattern": r"(?<key>\w+)=(\d+)?", "text": "a=1\nb=\n é=22" }),
        json!({ "pattern": r"^\w", "text": "one\nTwo" }),
        json!({ "pattern": r"^T.o$", "text": "one\nt\no", "flags": "ims" }),
        json!({ "pattern": r"(?<!a)b(?=c)", "text": "abc bc" }),
        json!({ "pattern": r"(\w)\1", "text": "hello" }),
        json!({ "pattern": "", "text": "ab" }),
        json!({ "pattern": "x", "text": "abc" }),
        json!({ "pattern": r"(\w+) (\w+)", "text": "one two", "replace": "$2-${1}-$0-$$" }),
        json!({ "pattern": "b*", "text": "abc", "replace": "-" }),
        json!({ "pattern": "x", "text": "abc", "replace": "y" }),
        json!({ "pattern": ".", "text": "\u{202e}" }),
        json!({ "pattern": "a", "text": "a".repeat(120) }),
        json!({ "pattern": "(", "text": "" }),
        json!({ "pattern": "a", "text": "", "flags": "q" }),
        json!({ "pattern": "a".repeat(5000), "text": "" }),
        json!({ "pattern": "(x+x+)+(?=y)y", "text": "x".repeat(60) }),
        json!({ "pattern": "(((a{1000}){1000}){1000})", "text": "" }),
    ] {
        let result = run(arguments.clone()).await;
        let text = match &result {
            Ok(output) => format!("[{}] {}", output.summary, output.text),
            Err(error) => format!("{error:?}"),
        };
        let lines: Vec<&str> = text.lines().collect();
        let cut = if lines.len() > 12 {
            format!(
                "{}\n…\n{}",
                lines[..3].join("\n"),
                lines[lines.len() - 2..].join("\n")
            )
        } else {
            text
        };
        let shown: String = arguments.to_string().chars().take(100).collect();
        table.push_str(&format!("{shown}\n{cut}\n\n"));
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn people_get_a_table() {
    let output = run(json!({ "pattern": "(?<letter>[a-z])([0-9])?", "text": "a1\nb" })).await;
    let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
    assert_eq!(
        output.unwrap().parts,
        [ResultPart::Table {
            table: Table {
                columns: row(["line:column", "bytes", "match", "letter", "2"]),
                rows: vec![
                    row(["1:1", "0..2", "a1", "a", "1"]),
                    row(["2:1", "3..4", "b", "b", "—"])
                ],
                total_rows: 2,
            }
        }]
    );
}

proptest! {
    #[test]
    fn no_pattern_makes_it_panic(
        pattern in "([a-c.*+?|(){}\\[\\]^$0-9,]|\\\\[1-3bdwsk]|\\(\\?[:=!<>i]){0,12}",
        text in "[a-c0-9 \né]{0,40}",
        replacement in prop::option::of("[a$1{}]{0,5}"),
    ) {
        if let Ok(regex) = compile(&pattern, "i") {
            let _ = search(&regex, &text);
            if let Some(replacement) = replacement {
                let _ = replace(&regex, &text, &replacement);
            }
        }
    }
}
