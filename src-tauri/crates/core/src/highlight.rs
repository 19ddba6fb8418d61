//! Colours for code: native, bounded, and never more than classes of text.
//!
//! Owns the grammars and the mapping of their scopes to [`HighlightClass`]. Refuses to make markup.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use nexus_protocol::{HighlightClass, HighlightSpan};
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

/// Longer code stays plain.
pub const MAX_BYTES: usize = 200 * 1024;
/// Code that takes longer is plain from there on.
pub const MAX_TIME: Duration = Duration::from_millis(300);
/// One line cannot be interrupted, so what comes after a huge one is plain.
const MAX_LINE: usize = 4 * 1024;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// Colours code of a language named as in a fence. All spans put together are the code, whatever happens.
pub async fn highlight(language: String, code: String) -> Vec<HighlightSpan> {
    let plain = code.clone();
    let work = tokio::task::spawn_blocking(move || highlight_within(&language, &code, MAX_TIME));
    // The first call of a run also unpacks the grammars, which is not counted by the work itself.
    match tokio::time::timeout(MAX_TIME * 4, work).await {
        Ok(Ok(spans)) => spans,
        _ => plain_spans(plain),
    }
}

fn plain_spans(code: String) -> Vec<HighlightSpan> {
    if code.is_empty() {
        return Vec::new();
    }
    vec![HighlightSpan {
        class: HighlightClass::Plain,
        text: code,
    }]
}

fn highlight_within(language: &str, code: &str, limit: Duration) -> Vec<HighlightSpan> {
    let Some(syntax) = syntax_of(language) else {
        return plain_spans(code.to_owned());
    };
    if code.len() > MAX_BYTES {
        return plain_spans(code.to_owned());
    }
    let started = Instant::now();
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut spans = Spans::default();
    let mut done = 0;
    for line in code.split_inclusive('\n') {
        if line.len() > MAX_LINE || started.elapsed() > limit {
            break;
        }
        let Ok(operations) = state.parse_line(line, &SYNTAXES) else {
            break;
        };
        let mut at = 0;
        for (offset, operation) in operations {
            if let Some(text) = line.get(at..offset) {
                spans.push(class_of(&stack), text);
                at = offset;
            }
            if stack.apply(&operation).is_err() {
                break;
            }
        }
        spans.push(class_of(&stack), line.get(at..).unwrap_or_default());
        done += line.len();
    }
    spans.push(HighlightClass::Plain, code.get(done..).unwrap_or_default());
    spans.0
}

fn syntax_of(language: &str) -> Option<&'static SyntaxReference> {
    let token = language
        .split([',', ' ', '{'])
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    // Names that models write and the grammars do not know.
    let token = match token.as_str() {
        "" | "text" | "txt" | "plain" | "plaintext" | "output" | "none" => return None,
        "shell" | "console" | "terminal" | "shellsession" | "zsh" => "sh",
        "c++" => "cpp",
        "csharp" | "c#" => "cs",
        "golang" => "go",
        "jsonc" | "json5" | "ndjson" | "jsonl" => "json",
        "node" | "mjs" | "cjs" => "js",
        "jsx" => "tsx",
        "py3" | "python3" | "pycon" => "py",
        "rustlang" => "rs",
        "docker" => "dockerfile",
        "patch" => "diff",
        "make" => "makefile",
        other => other,
    };
    SYNTAXES.find_syntax_by_token(token)
}

#[derive(Default)]
struct Spans(Vec<HighlightSpan>);

impl Spans {
    fn push(&mut self, class: HighlightClass, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.class == class => last.text.push_str(text),
            _ => self.0.push(HighlightSpan {
                class,
                text: text.to_owned(),
            }),
        }
    }
}

/// The innermost scope that means something decides.
fn class_of(stack: &ScopeStack) -> HighlightClass {
    stack
        .as_slice()
        .iter()
        .rev()
        .find_map(|scope| {
            CLASSES
                .iter()
                .find(|(prefix, _)| prefix.is_prefix_of(*scope))
        })
        .map_or(HighlightClass::Plain, |(_, class)| *class)
}

/// Prefixes of scopes, the more exact before the less exact.
static CLASSES: LazyLock<Vec<(Scope, HighlightClass)>> = LazyLock::new(|| {
    use HighlightClass as C;
    [
        ("comment", C::Comment),
        ("punctuation.definition.comment", C::Comment),
        ("markup.inserted", C::Inserted),
        ("markup.deleted", C::Deleted),
        ("markup.heading", C::Keyword),
        ("markup.raw", C::String),
        ("constant.character.escape", C::Constant),
        ("constant.other.placeholder", C::Constant),
        ("meta.interpolation", C::Plain),
        ("string", C::String),
        ("punctuation.definition.string", C::String),
        ("constant", C::Constant),
        ("keyword.operator", C::Plain),
        ("keyword", C::Keyword),
        ("storage.type.function", C::Keyword),
        ("storage.type", C::Type),
        ("storage", C::Keyword),
        ("entity.name.function", C::Function),
        ("support.function", C::Function),
        ("support.macro", C::Function),
        ("variable.function", C::Function),
        ("entity.name.tag", C::Type),
        ("entity.name.type", C::Type),
        ("entity.name.class", C::Type),
        ("entity.name.struct", C::Type),
        ("entity.name.enum", C::Type),
        ("entity.name.trait", C::Type),
        ("entity.other.inherited-class", C::Type),
        ("support.type.property-name", C::Attribute),
        ("support.type", C::Type),
        ("support.class", C::Type),
        ("entity.other.attribute-name", C::Attribute),
        ("meta.attribute", C::Attribute),
        ("meta.annotation", C::Attribute),
        ("variable.annotation", C::Attribute),
        ("variable.language", C::Keyword),
        ("variable.parameter", C::Attribute),
        ("support.constant", C::Constant),
    ]
    .into_iter()
    // Constant names: a test counts them.
    .filter_map(|(name, class)| Some((Scope::new(name).ok()?, class)))
    .collect()
});

#[cfg(test)]
mod tests;
