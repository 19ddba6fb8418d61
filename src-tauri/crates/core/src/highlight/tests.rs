use nexus_protocol::HighlightClass as C;
use proptest::prelude::*;

use super::*;

fn run(language: &str, code: &str) -> Vec<HighlightSpan> {
    highlight_within(language, code, Duration::from_secs(20))
}

fn joined(spans: &[HighlightSpan]) -> String {
    spans.iter().map(|span| span.text.as_str()).collect()
}

/// The class of the first span that holds the text.
fn class(spans: &[HighlightSpan], text: &str) -> C {
    spans
        .iter()
        .find(|span| span.text.contains(text))
        .map(|span| span.class)
        .unwrap_or_else(|| panic!("{text} is in no span of {spans:?}"))
}

#[test]
fn rust_is_coloured() {
    let code = "// why\nfn main() {\n    let x: u32 = 42;\n    println!(\"hi\\n\");\n}\n";
    let spans = run("rust", code);
    assert_eq!(joined(&spans), code);
    for (text, expected) in [
        ("why", C::Comment),
        ("fn", C::Keyword),
        ("main", C::Function),
        ("42", C::Constant),
        ("hi", C::String),
        ("u32", C::Type),
    ] {
        assert_eq!(class(&spans, text), expected, "{text}: {spans:?}");
    }
}

#[test]
fn languages_that_models_write_are_known() {
    for language in [
        "rust",
        "rs",
        "python",
        "py",
        "javascript",
        "js",
        "typescript",
        "ts",
        "tsx",
        "jsx",
        "json",
        "jsonc",
        "toml",
        "yaml",
        "yml",
        "html",
        "css",
        "scss",
        "bash",
        "sh",
        "shell",
        "zsh",
        "console",
        "c",
        "cpp",
        "c++",
        "h",
        "csharp",
        "cs",
        "c#",
        "java",
        "kotlin",
        "swift",
        "go",
        "golang",
        "ruby",
        "rb",
        "php",
        "sql",
        "r",
        "lua",
        "perl",
        "scala",
        "haskell",
        "hs",
        "elixir",
        "erlang",
        "clojure",
        "dart",
        "zig",
        "nix",
        "dockerfile",
        "docker",
        "makefile",
        "make",
        "cmake",
        "diff",
        "patch",
        "xml",
        "latex",
        "tex",
        "markdown",
        "md",
        "ini",
        "graphql",
        "protobuf",
        "vue",
        "svelte",
        "terraform",
        "hcl",
        "Rust",
        "PYTHON",
        "rust,ignore",
    ] {
        assert!(syntax_of(language).is_some(), "{language}");
    }
    for language in ["", "text", "plaintext", "no-such-language", "<script>"] {
        assert!(syntax_of(language).is_none(), "{language}");
        let plain = HighlightSpan {
            class: C::Plain,
            text: "fn x".into(),
        };
        assert_eq!(run(language, "fn x"), [plain]);
    }
    assert_eq!(run("rust", ""), []);
}

#[test]
fn a_diff_has_two_colours() {
    let code = "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n";
    let spans = run("diff", code);
    assert_eq!(class(&spans, "new"), C::Inserted);
    assert_eq!(class(&spans, "old"), C::Deleted);
    assert_eq!(joined(&spans), code);
}

#[test]
fn every_scope_of_the_table_is_one() {
    assert_eq!(CLASSES.len(), 38);
}

#[tokio::test]
async fn what_is_too_long_or_too_slow_stays_plain() {
    let long = "fn x() {}\n".repeat(MAX_BYTES / 10 + 1);
    let spans = run("rust", &long);
    assert_eq!(spans, plain_spans(long.clone()));
    let line = format!(
        "fn a() {{}}\nlet s = \"{}\";\nfn b() {{}}\n",
        "x".repeat(MAX_LINE)
    );
    let spans = run("rust", &line);
    assert_eq!(joined(&spans), line);
    assert_eq!(class(&spans, "fn b"), C::Plain);
    // No time at all: nothing is coloured and nothing is lost.
    let spans = highlight_within("rust", "fn a() {}\nfn b() {}\n", Duration::ZERO);
    assert_eq!(joined(&spans), "fn a() {}\nfn b() {}\n");
    // A large file through the public way comes back in time, whole.
    let code = "let x = \"a\"; // b\n".repeat(5000);
    let started = Instant::now();
    let spans = highlight("rust".into(), code.clone()).await;
    assert!(started.elapsed() < MAX_TIME * 5, "{:?}", started.elapsed());
    assert_eq!(joined(&spans), code);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the code is, the spans are the code, and neighbours differ.
    #[test]
    fn spans_put_together_are_the_code(
        language in prop_oneof![Just("rust"), Just("python"), Just("html"), Just("markdown"), Just("bash"), Just("json"), Just("diff"), Just("tsx")],
        code in prop_oneof!["\\PC{0,200}", "([ -~]|\n|\t|\r\n|\"|'|`|/|\\*|#|<|>|\\{|\\}|é|🦀){0,200}", any::<String>()],
    ) {
        let spans = run(language, &code);
        prop_assert_eq!(joined(&spans), code);
        prop_assert!(spans.windows(2).all(|pair| pair[0].class != pair[1].class));
        prop_assert!(spans.iter().all(|span| !span.text.is_empty()));
    }
}
