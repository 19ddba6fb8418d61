//! One document with everything in it, as a snapshot of its tree.

use crate::markdown::{Block, Inline, parse};

const RICH: &str = include_str!("rich.md");

#[test]
fn rich_document() {
    insta::assert_debug_snapshot!(parse(RICH));
}

fn only_paragraph(text: &str) -> Vec<Inline> {
    match parse(text).as_slice() {
        [Block::Paragraph(content)] => content.clone(),
        other => panic!("{other:?}"),
    }
}

fn words(text: &str) -> Inline {
    Inline::Text(text.into())
}

#[test]
fn a_link_that_lies_says_where_it_goes() {
    assert_eq!(
        only_paragraph("[https://good.example](https://evil.example/x)"),
        vec![Inline::Link {
            href: "https://evil.example/x".into(),
            host: "evil.example".into(),
            deceptive: true,
            content: vec![words("https://good.example")],
        }]
    );
    assert_eq!(
        only_paragraph("[x](javascript:alert(1))"),
        vec![Inline::RefusedLink {
            content: vec![words("x")],
            shown: "javascript:alert(1)".into()
        }]
    );
}

#[test]
fn delimiters_are_math_only_outside_code_and_addresses() {
    assert_eq!(
        only_paragraph("`\\(a\\)` and [y](http://a.example/\\(b\\)) and \\(open"),
        vec![
            Inline::Code("\\(a\\)".into()),
            words(" and "),
            Inline::Link {
                href: "http://a.example/(b)".into(),
                host: "a.example".into(),
                deceptive: false,
                content: vec![words("y")],
            },
            words(" and (open"),
        ]
    );
    let math = only_paragraph("\\(x\\) costs $5-$10");
    assert!(
        matches!(&math[0], Inline::Math { display: false, source, tree: Some(_) } if source == "x")
    );
    assert_eq!(math[1..], [words(" costs $5-$10")]);
    assert!(matches!(
        only_paragraph("\\[\na\n+ b\n- c\n\\]").as_slice(),
        [Inline::Math { display: true, source, tree: Some(_) }] if source == "a\n+ b\n- c"
    ));
}
