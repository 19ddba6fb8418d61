//! A megabyte of anything takes a fraction of a second. Debug builds are many times slower, so they get an eighth of it.

use std::time::Instant;

use super::assert_allowed;
use crate::markdown::{Block, MAX_INPUT_BYTES, MAX_NODES, parse};

const BYTES: usize = if cfg!(debug_assertions) {
    MAX_INPUT_BYTES / 8
} else {
    MAX_INPUT_BYTES
};
/// Milliseconds. What is quadratic takes minutes.
const LIMIT: u128 = if cfg!(debug_assertions) { 2_000 } else { 200 };

fn fill(unit: &str) -> String {
    unit.repeat(BYTES / unit.len())
}

/// Time this thread was on a processor, where the system tells it: other work on the machine must not fail the test.
fn thread_millis(from: Instant) -> u128 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|stat| stat.split(' ').next()?.parse::<u128>().ok())
        .map_or_else(|| from.elapsed().as_millis(), |nanos| nanos / 1_000_000)
}

#[test]
fn a_megabyte_of_anything_is_linear() {
    let labels: String = (0..60_000)
        .map(|i| format!("[{i}]: /{i}\n[{i}] "))
        .collect();
    let notes: String = (0..40_000)
        .map(|i| format!("[^{i}]\n\n[^{i}]: x\n\n"))
        .collect();
    let stairs: String = (0..1_400)
        .map(|depth| format!("{}x\n", "> ".repeat(depth % 700)))
        .collect();
    let indents: String = (0..1_000)
        .map(|depth| format!("{}- x\n", "  ".repeat(depth)))
        .collect();
    let cells = format!(
        "{}\n{}\n{}",
        fill("|a").get(..100_000).unwrap_or_default(),
        fill("|-").get(..100_000).unwrap_or_default(),
        "|x\n".repeat(50_000)
    );
    let started = Instant::now();
    for (name, text) in [
        ("quotes", fill(">")),
        (
            "quotes and lines",
            format!("{}\n{}", ">".repeat(300_000), "a\n".repeat(300_000)),
        ),
        ("stairs", stairs),
        ("lists", fill("- ")),
        ("indents", indents),
        ("brackets", fill("[")),
        ("closing", fill("]")),
        ("images", fill("![")),
        ("links", fill("[a](")),
        ("nested links", fill("[a](b")),
        ("pairs", fill("[]")),
        ("references", fill("[a][")),
        ("stars", fill("*")),
        ("stars and words", fill("*a ")),
        ("mixed emphasis", fill("*a_ ")),
        ("strong", fill("**a")),
        ("underscores", fill("_a__")),
        ("tildes", fill("~~a")),
        ("ticks", fill("`")),
        (
            "growing ticks",
            (1..1_400).map(|n| "`".repeat(n) + " ").collect(),
        ),
        ("tables", fill("|a|b|\n|-|-|\n")),
        ("wide table", cells),
        ("pipes", fill("|")),
        ("html", fill("<a ")),
        ("tags", fill("<b>")),
        ("comments", fill("<!--")),
        ("processing", fill("<?")),
        ("declarations", fill("<!A ")),
        ("cdata", fill("<![CDATA[")),
        ("entities", fill("&")),
        ("dollars", fill("$")),
        ("spaced dollars", fill("$ ")),
        ("dollar words", fill("$a ")),
        ("double dollars", fill("$$ ")),
        ("odd dollars", fill("$$a$ ")),
        ("dollar pairs", fill("a$$b$")),
        ("dollar braces", fill("$}{")),
        ("dollars and round", fill("$\\(")),
        ("math", fill("$a$ ")),
        ("braces", fill("${")),
        ("display", fill("$$a$$ ")),
        ("round", fill("\\(")),
        ("round pairs", fill("\\(a\\) ")),
        ("square", fill("\\[\n")),
        ("escapes", fill("\\")),
        ("addresses", fill("http://a.b ")),
        ("address", fill("http://")),
        ("www", fill("www.")),
        ("labels", labels),
        ("notes", notes),
        ("note references", fill("[^a]")),
        ("fences", fill("```\n")),
        ("rules", fill("---\n")),
        ("headings", fill("# a\n")),
        ("lines", fill("\n")),
        ("text", fill("plain words ")),
        ("nul", fill("\0")),
        ("tasks", fill("- [x] a\n")),
        ("autolinks", fill("<http://a>")),
        ("parens", fill("[a](<b")),
        ("deep parens", format!("[a]({}", fill("("))),
        ("tabs", fill("\t")),
        ("setext", fill("a\n=\n")),
    ] {
        if std::env::var_os("NEXUS_SHOW_TIMES").is_some() {
            eprintln!("-- {name}");
        }
        let before = thread_millis(started);
        let blocks = parse(&text);
        let took = thread_millis(started) - before;
        assert_allowed(&blocks);
        if std::env::var_os("NEXUS_SHOW_TIMES").is_some() {
            eprintln!("{took:6} ms  {name}");
        }
        assert!(took < LIMIT, "{name}: {took} ms");
    }
}

#[test]
fn beyond_the_limits_the_text_is_still_there() {
    let text = "- a\n".repeat(MAX_NODES);
    let blocks = parse(&text);
    assert_eq!(blocks.len(), 1);
    assert!(matches!(&blocks[0], Block::Overflow(rest) if rest.to_text() == text));

    let text = "words\n\n".repeat(MAX_INPUT_BYTES / 7 + 1_000);
    let blocks = parse(&text);
    let Some(Block::Overflow(rest)) = blocks.last() else {
        panic!("no rest")
    };
    assert_eq!(blocks.len() - 1, MAX_NODES / 2);
    assert_eq!(rest.len(), text.len() - (blocks.len() - 1) * 7);

    let text = "a".repeat(MAX_INPUT_BYTES + 10);
    let blocks = parse(&text);
    assert_eq!(blocks.len(), 2);
    assert!(matches!(&blocks[1], Block::Overflow(rest) if rest.len() == 10));
}
