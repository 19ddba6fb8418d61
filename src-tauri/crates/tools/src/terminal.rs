//! What programs print for a terminal, made harmless: a stand-in until the branch with the real one is merged.

use nexus_protocol::TerminalSpan;

pub(crate) fn spans(bytes: &[u8]) -> Vec<TerminalSpan> {
    vec![TerminalSpan {
        text: plain(bytes),
        ..TerminalSpan::default()
    }]
}

pub(crate) fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next_if_eq(&'[').is_some() {
                for c in chars.by_ref() {
                    if ('@'..='~').contains(&c) {
                        break;
                    }
                }
            }
        } else if c == '\n' || c == '\t' || !c.is_control() {
            out.push(c);
        }
    }
    out
}
