//! Lines in files.

use std::{fmt::Write as _, sync::Arc};

use serde_json::json;

use super::SearchFiles;
use crate::{
    Host, ToolContext,
    testing::{Desk, call},
};

#[tokio::test]
async fn lines_are_found() {
    let desk = Desk::new();
    desk.write("a.rs", "fn one() {}\nlet x = 1;\nlet y = 2;\nfn two() {}\n");
    desk.write("src/b.rs", "// FN three\nfn four(a: &str) {}\n");
    desk.write("c.txt", "fn in text\n");
    desk.write("bin", b"fn before\n\0\0\0");
    desk.write("ignored/x.rs", "fn ignored\n");
    desk.write(".gitignore", "ignored\n");
    desk.write("latin.txt", b"M\xFCnchen marker\n");
    desk.write("long.txt", format!("marker{}\n", "x".repeat(1000)));
    let mut table = String::new();
    for arguments in [
        json!({ "pattern": r"fn \w+" }),
        json!({ "pattern": "fn", "glob": "*.rs", "ignore_case": true }),
        json!({ "pattern": "let x", "context": 1 }),
        json!({ "pattern": "(a: &", "literal": true }),
        json!({ "pattern": "(a: &" }),
        json!({ "pattern": "fn", "path": "src/b.rs" }),
        json!({ "pattern": "ignored", "include_ignored": true, "glob": "*.rs" }),
        json!({ "pattern": "marker", "glob": "!long.txt" }),
        json!({ "pattern": "absent" }),
        json!({ "pattern": "" }),
        json!({ "pattern": "a\\nb" }),
    ] {
        let result = call(&SearchFiles, arguments.clone(), &desk.ctx).await;
        match result {
            Ok(output) => writeln!(table, "{arguments} [{}]\n{}", output.summary, output.text),
            Err(error) => writeln!(table, "{arguments}\n{error}\n"),
        }
        .unwrap();
    }
    insta::assert_snapshot!(table);
    let long = call(
        &SearchFiles,
        json!({ "pattern": "marker", "path": "long.txt" }),
        &desk.ctx,
    )
    .await
    .unwrap();
    assert!(long.text.len() < 700, "{}", long.text);
}

#[tokio::test]
async fn what_is_found_is_bounded() {
    let desk = Desk::new();
    for n in 0..200 {
        desk.write(
            &format!("{n:03}.txt"),
            "needle in a line of some length, so that it adds up\n".repeat(150),
        );
    }
    let output = call(&SearchFiles, json!({ "pattern": "needle" }), &desk.ctx)
        .await
        .unwrap();
    assert!(output.text.len() < 70 * 1024, "{}", output.text.len());
    assert!(
        output
            .text
            .contains("only the first 100 matches in this file")
    );
    assert!(
        output.text.contains("are shown, use a narrower pattern"),
        "{}",
        &output.text[output.text.len() - 200..]
    );
}

#[tokio::test]
async fn what_is_hidden_from_tools_is_not_searched() {
    let desk = Desk::new();
    desk.write("keys/id", "secret needle\n");
    desk.write("a.txt", "needle\n");
    let mut host = Host::bare(desk.path().join("scratch"));
    host.hidden = vec![desk.path().join("keys")];
    let ctx = ToolContext {
        host: Arc::new(host),
        ..desk.ctx.clone()
    };
    let output = call(
        &SearchFiles,
        json!({ "pattern": "needle", "include_ignored": true }),
        &ctx,
    )
    .await
    .unwrap();
    assert_eq!(output.text, "a.txt\n1:needle\n\n(1 match in 1 file)\n");
    let error = call(
        &SearchFiles,
        json!({ "pattern": "needle", "path": "keys" }),
        &ctx,
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("No tool may use it"), "{error}");
}
