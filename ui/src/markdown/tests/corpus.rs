//! The hostile texts that the window test also draws, read as trees.

use std::collections::HashSet;

use serde::Deserialize;

use super::assert_allowed;
use crate::markdown::{Block, Inline, LiveDocument, parse, plain_excerpt};

#[derive(Deserialize)]
struct Hostile {
    name: String,
    markdown: String,
    kind: String,
}

fn corpus() -> Vec<Hostile> {
    serde_json::from_str(include_str!(
        "../../../../tests/fixtures/hostile_markdown.json"
    ))
    .unwrap_or_else(|error| panic!("the corpus is not JSON of the known form: {error}"))
}

#[test]
fn is_large_and_named() {
    let corpus = corpus();
    assert!(corpus.len() >= 220, "{}", corpus.len());
    let names: HashSet<_> = corpus.iter().map(|hostile| hostile.name.as_str()).collect();
    assert_eq!(names.len(), corpus.len());
    for kind in ["script", "request", "link", "structure"] {
        assert!(
            corpus.iter().filter(|hostile| hostile.kind == kind).count() >= 30,
            "{kind}"
        );
    }
    let known = ["script", "request", "link", "structure"];
    assert!(
        corpus
            .iter()
            .all(|hostile| known.contains(&hostile.kind.as_str()))
    );
}

#[test]
fn becomes_only_what_is_listed() {
    for hostile in corpus() {
        let text = hostile.markdown.replace("CANARY", "127.0.0.1:9");
        let blocks = parse(&text);
        assert_allowed(&blocks);
        assert!(!plain_excerpt(&text).contains('\n'), "{}", hostile.name);
        let mut live = LiveDocument::default();
        let mut end = 0;
        // Every character of an ordinary text; long ones in pieces.
        let step = if text.len() < 600 { 1 } else { text.len() / 40 };
        while end < text.len() {
            end = (end + step..=text.len())
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(text.len());
            live.update(&text[..end], true);
        }
        live.update(&text, false);
        let streamed: Vec<Block> = live
            .blocks()
            .iter()
            .map(|block| (**block).clone())
            .collect();
        assert_eq!(streamed, blocks, "{}", hostile.name);
    }
}

#[test]
fn no_text_is_lost_where_html_was_meant() {
    let blocks = parse(
        "<script>window.__pwned=1</script>\n\na <img src=\"x\" onerror=\"window.__pwned=1\"> b",
    );
    assert_eq!(
        blocks,
        vec![
            Block::Html("<script>window.__pwned=1</script>\n".into()),
            Block::Paragraph(vec![
                Inline::Text("a ".into()),
                Inline::Html("<img src=\"x\" onerror=\"window.__pwned=1\">".into()),
                Inline::Text(" b".into()),
            ]),
        ]
    );
}
