//! How much of a tool's output is kept.

/// Bytes of a result that a model reads, at most.
const MAX_OUTPUT: usize = 64 * 1024;
/// Bytes of output that is shown while a tool runs.
pub(super) const MAX_LIVE_OUTPUT: usize = 256 * 1024;
/// Characters of a summary, at most.
const MAX_SUMMARY: usize = 120;

/// `text` within [`MAX_OUTPUT`]: its head and its tail, where it is longer.
pub(super) fn bounded(text: String) -> String {
    if text.len() <= MAX_OUTPUT {
        return text;
    }
    // Room for the words between.
    let half = (MAX_OUTPUT - 64) / 2;
    let head = text
        .get(..text.floor_char_boundary(half))
        .unwrap_or_default();
    let tail = text
        .get(text.ceil_char_boundary(text.len() - half)..)
        .unwrap_or_default();
    let left_out = text.len() - head.len() - tail.len();
    format!("{head}\n… {left_out} bytes left out …\n{tail}")
}

pub(super) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_SUMMARY) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_output_keeps_head_and_tail_within_the_limit() {
        let text = format!("head{}tail", "ä".repeat(100_000));
        let short = bounded(text.clone());
        assert!(short.len() <= MAX_OUTPUT, "{}", short.len());
        assert!(short.starts_with("headää") && short.ends_with("äätail"));
        let left_out: usize = short
            .split_once("\n… ")
            .and_then(|(_, rest)| rest.split_once(" bytes"))
            .and_then(|(number, _)| number.parse().ok())
            .unwrap();
        let words = "\n…  bytes left out …\n".len() + left_out.to_string().len();
        assert_eq!(short.len() - words + left_out, text.len());
    }

    #[test]
    fn output_at_the_limit_stays_as_it_is() {
        let text = "x".repeat(MAX_OUTPUT);
        assert_eq!(bounded(text.clone()), text);
    }

    #[test]
    fn a_summary_is_one_short_line() {
        assert_eq!(one_line(" a\n b\tc "), "a b c");
        assert_eq!(one_line(&"ä".repeat(500)).chars().count(), MAX_SUMMARY + 1);
    }
}
