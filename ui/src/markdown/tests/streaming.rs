//! A text fed bit by bit ends as the text fed at once, and what was closed on the way was right.

use proptest::prelude::*;

use super::assert_allowed;
use crate::markdown::parse::parse_message;
use crate::markdown::{Block, LiveDocument, parse};

/// Feeds `text` at every character boundary and checks each step.
fn check(text: &str) {
    let whole = parse_message(text);
    let starts: Vec<usize> = whole.iter().map(|located| located.start).collect();
    // Definitions and footnotes that come later change words inside blocks, never where blocks are.
    // A `\(` whose partner is in a later block may meet a dollar of its own: settled when the text is complete.
    let delimiters_mixed =
        text.contains('$') && ["\\(", "\\["].iter().any(|open| text.contains(open));
    let comparable = !text.contains("]:") && !text.contains("[^") && !delimiters_mixed;
    let mut live = LiveDocument::default();
    let mut closed_before = 0;
    let mut stable_before = 0;
    for (at, character) in text.char_indices() {
        live.update(&text[..at + character.len_utf8()], true);
        assert!(live.closed() >= closed_before && live.stable() >= stable_before);
        assert!(live.closed() <= live.blocks().len());
        if live.closed() > closed_before {
            assert!(live.closed() <= whole.len(), "closed too much in {text:?}");
            let newly = closed_before..live.closed();
            if comparable {
                for (block, located) in live.blocks()[newly.clone()].iter().zip(&whole[newly]) {
                    assert_eq!(**block, located.block, "a closed block of {text:?}");
                }
            }
            if let Some(next) = starts.get(live.closed()) {
                assert!(
                    live.stable() <= *next,
                    "stable {} beyond {next} in {text:?}",
                    live.stable()
                );
            }
        }
        closed_before = live.closed();
        stable_before = live.stable();
    }
    live.update(text, false);
    let streamed: Vec<Block> = live
        .blocks()
        .iter()
        .map(|block| (**block).clone())
        .collect();
    assert_eq!(streamed, parse(text), "{text:?}");
}

#[test]
fn known_hard_cases() {
    for text in [
        "# a\n\npara\nmore\n\n- x\n- y\n\n  z\n\nend",
        "```rust\nlet a;\n\n  b\n```\nafter\n\n~~~\nx\n```\n~~~~\nq",
        "```\nopen to the end\n\n",
        "   ```` a b\n    x\n  y\n   ```\n  `````\nz\n",
        "| a | b |\n|---|:-:|\n| 1 | 2 |\n\ntext\n| not\n",
        "para\n---\n\n---\n\na\n===\nb",
        "> q\n> r\nlazy\n\nnext\n\n> s\n\n\n> t",
        "<div>\n\nx\n\n<!-- a\n\nb -->\n\ny\n<b>\n\nz",
        "[a]: /u\n\"t\nmore\"\n\n[a] x\n\n[b]:\n/v\n[b]\nend\n\nx",
        "a[^1]\n\n[^1]: note\n\n    more\n\nb[^1]\n\nc",
        "\\[\na\n- b\n+ c\n\\]\n\ntext \\( x \\) and $$\ny\n= z\n$$\nend\n\n$$ open\n\n- a",
        "1. a\n   ```\n   x\n   ```\n2. b\n\nc",
        "a\r\n\r\n```\r\nx\r\n```\r\nb\rc\r\r- d\r\n",
        "- a\n\n\n\n    code?\n\n      more\n\npara",
        "    code\n\n    more\n\ntext\n\tcode",
        "```\n\n\n```\n\n",
        "[^1]: [^1]: \n\n\n",
        "`\\[\n>|-|\n`\\]",
        "\\(0$|-|\n| a |\n|---|\n\\)",
        "\\[|-|\n# \\]| a |\n|---|\n",
        "[^1]: [^1]: \n\n    x\n\ny\n\nz\n",
        "a\n```\nb\n``` c\n```\n",
        "* * *\n- - -\n* a\n***\n",
        "\u{feff}# x\n\0\n\n- \u{0}\n",
    ] {
        check(text);
    }
}

#[test]
fn costs_the_open_block() {
    let mut text = String::new();
    for index in 0..2_000 {
        text.push_str(&format!(
            "Paragraph {index} with some **words** in it and `code`.\n\n"
        ));
    }
    let mut live = LiveDocument::default();
    let mut end = 0;
    while end < text.len() {
        end = (end + 7).min(text.len());
        live.update(&text[..end], true);
    }
    assert_eq!(live.blocks().len(), 2_000);
    // Each delta parses at most the two blocks at the end: some ten times the text, not thousands.
    assert!(
        live.parsed_bytes < text.len() * 20,
        "{} for {}",
        live.parsed_bytes,
        text.len()
    );
}

#[test]
fn an_open_block_of_code_is_not_parsed_again() {
    let mut text = String::from("intro\n\n```rust\n");
    let mut live = LiveDocument::default();
    for index in 0..20_000 {
        text.push_str(&format!("let x{index} = {index};\n"));
        live.update(&text, true);
    }
    text.push_str("```\n\ndone");
    live.update(&text, true);
    assert_eq!(live.blocks().len(), 3);
    assert!(
        live.parsed_bytes < text.len() * 3,
        "{} for {}",
        live.parsed_bytes,
        text.len()
    );
}

#[test]
fn replaced_text_starts_anew() {
    let mut live = LiveDocument::default();
    live.update("# one\n\ntwo\n\nthree", true);
    live.update("# other text\n\nx", true);
    let shown: Vec<Block> = live
        .blocks()
        .iter()
        .map(|block| (**block).clone())
        .collect();
    assert_eq!(shown, parse("# other text\n\nx"));
    live.update("", true);
    assert!(live.blocks().is_empty());
}

#[test]
fn what_was_right_stays_the_same_value() {
    let text = "# one\n\ntwo [a]\n\n```\nx\n```\n\nlast\n\n[a]: https://a.example";
    let mut live = LiveDocument::default();
    for end in 1..=text.len() {
        live.update(&text[..end], true);
    }
    let before: Vec<_> = live.blocks().to_vec();
    assert_eq!(live.update(text, false), 1);
    for index in [0, 2, 3] {
        assert!(std::sync::Arc::ptr_eq(
            &before[index],
            &live.blocks()[index]
        ));
    }
}

/// Pieces that meet in ugly ways.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "\n",
            "\n\n",
            "\r\n",
            " ",
            "    ",
            "\t",
            "- ",
            "* ",
            "1. ",
            "> ",
            "# ",
            "```",
            "~~~",
            "````",
            "`",
            "``",
            "**",
            "*",
            "_",
            "~~",
            "[",
            "]",
            "(",
            ")",
            "](",
            "![",
            "<",
            ">",
            "<div>",
            "</div>",
            "<!--",
            "-->",
            "<br>",
            "|",
            "|-|\n",
            "| a |\n|---|\n",
            "---",
            "===",
            "[a]: /u\n",
            "[a]",
            "[^1]",
            "[^1]: ",
            "\\",
            "\\(",
            "\\)",
            "\\[",
            "\\]",
            "$",
            "$$",
            "\\frac{a}{b}",
            "{",
            "}",
            "&amp;",
            "&#0;",
            "http://a.example",
            "https://b.example/x",
            "www.c.example",
            "javascript:x",
            "mailto:a@b.example",
            "\0",
            "\u{202e}",
            "\u{200b}",
            "é",
            "漢",
            "😀",
            "[ ] ",
            "[x] ",
            ":",
            "word",
            "2",
            "+ ",
            "<script>",
            "\"",
            "'",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(debug_assertions) { 1_000 } else { 200_000 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn streamed_is_whole(fragments in prop::collection::vec(fragment(), 0..24)) {
        check(&fragments.concat());
    }

    #[test]
    fn any_text_becomes_only_what_is_listed(text in "(?s).{0,200}") {
        assert_allowed(&parse(&text));
    }
}
