//! Numbers, sizes, times and names as people read them. Pure functions; the clock and the zone are given to them.

use nexus_protocol::{AnswerMeta, Download, ModelInfo, ModelRef, Pricing, UnixMillis};

use crate::visible;

const DAY_MS: i64 = 86_400_000;

/// A heading of the sidebar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DayGroup {
    /// Since midnight.
    Today,
    /// The day before.
    Yesterday,
    /// The seven days before today, but for yesterday.
    Week,
    /// All before.
    Older,
}

impl DayGroup {
    /// All, newest first.
    pub const ALL: [Self; 4] = [Self::Today, Self::Yesterday, Self::Week, Self::Older];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Today => "Today",
            Self::Yesterday => "Yesterday",
            Self::Week => "Previous 7 days",
            Self::Older => "Older",
        }
    }

    /// Where a day belongs; both are numbers of local days as [`local_day`] gives them. What lies ahead (a clock that was
    /// set back) counts as today.
    pub fn of(day: i64, today: i64) -> Self {
        match today - day {
            ..=0 => Self::Today,
            1 => Self::Yesterday,
            2..=7 => Self::Week,
            _ => Self::Older,
        }
    }
}

/// The number of the local day of a moment. `west_minutes` is what JavaScript's `getTimezoneOffset` says for it.
pub fn local_day(at: UnixMillis, west_minutes: i64) -> i64 {
    (at.0 - west_minutes * 60_000).div_euclid(DAY_MS)
}

/// `98 MB`, `2.5 GB`: decimal units, as file managers show them.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if value < 10.0 && unit != "KB" {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// `1.4 of 2.5 GB`, `640 MB of 2.5 GB`: how much of something is here.
pub fn bytes_of(done: u64, total: u64) -> String {
    let (done, total) = (bytes(done), bytes(total));
    match (done.split_once(' '), total.split_once(' ')) {
        (Some((number, unit)), Some((_, same))) if unit == same => format!("{number} of {total}"),
        _ => format!("{done} of {total}"),
    }
}

/// `38 s left`, `4 min 10 s left`, `12 min left`: nobody counts the seconds of a long wait.
pub fn left(seconds: u64) -> String {
    match seconds {
        ..600 => format!("{} left", whole_duration(seconds.saturating_mul(1000))),
        600..3600 => format!("{} min left", seconds / 60),
        _ => format!("{} h {} min left", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `135M`, `1.5B`, `70B`: weights of a model.
pub fn weights(count: u64) -> String {
    let (value, unit) = if count >= 1_000_000_000 {
        (count as f64 / 1e9, "B")
    } else {
        (count as f64 / 1e6, "M")
    };
    if value < 9.95 && unit == "B" {
        format!("{}{unit}", trim(&format!("{value:.1}")))
    } else {
        format!("{value:.0}{unit}")
    }
}

/// The two parts of a model's name on the hub: who made it, and what it is called.
pub fn hub_name(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap_or(("", id))
}

/// `Qwen3-4B-GGUF Q4_K_M`: a download, for people.
pub fn download_name(download: &Download) -> String {
    let (_, name) = hub_name(&download.model);
    visible::plain(&format!("{name} {}", download.label))
}

/// `8k`, `128k`, `1M`: a context window.
pub fn context(tokens: u32) -> String {
    let (thousand, million) = if tokens.is_multiple_of(1024) && !tokens.is_multiple_of(1000) {
        (1024, 1024 * 1024)
    } else {
        (1000, 1_000_000)
    };
    if tokens >= million {
        let value = f64::from(tokens) / f64::from(million);
        return format!("{}M", trim(&format!("{value:.1}")));
    }
    if tokens < 1000 {
        return tokens.to_string();
    }
    format!("{:.0}k", f64::from(tokens) / f64::from(thousand))
}

/// `640`, `12k`, `1.2M`: tokens, where a glance is enough.
pub fn tokens(count: u64) -> String {
    match count {
        ..1000 => count.to_string(),
        1000..10_000 => format!("{}k", trim(&format!("{:.1}", count as f64 / 1e3))),
        10_000..1_000_000 => format!("{}k", count / 1000),
        _ => format!("{}M", trim(&format!("{:.1}", count as f64 / 1e6))),
    }
}

/// `18,204`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `3 ms`, `0.2 s`, `3.4 s`, `38 s`, `1 min 38 s`, `2 h 5 min`.
pub fn duration(ms: u64) -> String {
    if ms < 50 {
        return format!("{ms} ms");
    }
    let seconds = ms as f64 / 1000.0;
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    whole_duration(ms)
}

/// The same in whole seconds, at least one: `1 s`, `38 s`, `1 min 38 s`.
pub fn whole_duration(ms: u64) -> String {
    let seconds = (ms.saturating_add(500) / 1000).max(1);
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `31 tok/s`, `9.4 tok/s`.
pub fn rate(tokens_per_second: f64) -> String {
    if tokens_per_second < 9.95 {
        format!("{tokens_per_second:.1} tok/s")
    } else {
        format!("{tokens_per_second:.0} tok/s")
    }
}

/// US dollars of one answer: `$0.0012`, `$1.24`.
pub fn cost(dollars: f64) -> String {
    if dollars >= 1.0 {
        format!("${dollars:.2}")
    } else if dollars >= 0.01 {
        format!("${dollars:.3}")
    } else if dollars >= 0.0001 {
        format!("${dollars:.4}")
    } else {
        "under $0.0001".into()
    }
}

/// A price for a million tokens: `$3`, `$0.25`, `free`.
pub fn price(dollars: f64) -> String {
    if dollars <= 0.0 {
        "free".into()
    } else if dollars < 0.01 {
        format!("${}", trim(&format!("{dollars:.4}")))
    } else {
        format!("${}", trim(&format!("{dollars:.2}")))
    }
}

/// Both prices: `$3 in, $15 out`, `free`.
pub fn prices(pricing: Pricing) -> String {
    if pricing.input_per_million <= 0.0 && pricing.output_per_million <= 0.0 {
        return "free".into();
    }
    format!(
        "{} in, {} out per M",
        price(pricing.input_per_million),
        price(pricing.output_per_million)
    )
}

/// A model's name where nothing else is known of it: the last part of what follows the provider.
pub fn model_name(model: &ModelRef) -> String {
    let name = model.model();
    name.rsplit('/').next().unwrap_or(name).to_owned()
}

/// `98 MB · Q4_1 · 8k context · tools`: what is known of a model, in one line.
pub fn model_facts(info: &ModelInfo) -> String {
    let mut parts = Vec::new();
    parts.extend(info.file_bytes.map(bytes));
    parts.extend(info.quantization.clone());
    parts.extend(
        info.context_tokens
            .map(|tokens| format!("{} context", context(tokens))),
    );
    parts.extend(info.pricing.map(prices));
    let abilities: Vec<&str> = [(info.tools, "tools"), (info.images, "images")]
        .into_iter()
        .filter_map(|(has, word)| has.then_some(word))
        .collect();
    if !abilities.is_empty() {
        parts.push(abilities.join(", "));
    }
    parts.join(" · ")
}

/// `412 tokens · 31 tok/s · first after 0.4 s · $0.0012`: how an answer came about.
pub fn answer_facts(meta: &AnswerMeta) -> String {
    let mut parts = Vec::new();
    if let Some(usage) = meta.usage {
        let word = if usage.output_tokens == 1 {
            "token"
        } else {
            "tokens"
        };
        parts.push(format!("{} {word}", grouped(usage.output_tokens)));
    }
    parts.extend(
        meta.tokens_per_second
            .filter(|r| r.is_finite() && *r > 0.0)
            .map(rate),
    );
    parts.extend(
        meta.time_to_first_token_ms
            .map(|ms| format!("first after {}", duration(ms))),
    );
    parts.extend(
        meta.usage
            .and_then(|usage| usage.cost_usd)
            .filter(|dollars| *dollars > 0.0)
            .map(cost),
    );
    parts.join(" · ")
}

/// `1 file`, `3 files`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{} {word}", grouped(number as u64))
}

/// What the user did to the agent's changes of files.
pub fn undone(redone: bool, files: &[String], more: u32) -> String {
    let mut names: Vec<String> = files.iter().map(|name| visible::plain(name)).collect();
    if more > 0 {
        names.push(format!("{} more", grouped(u64::from(more))));
    }
    let what = if redone {
        "You did the changes again to"
    } else {
        "You undid changes to"
    };
    format!("{what} {}. The model is told.", names.join(", "))
}

/// A tool's name as a verb: `current_time` is `Current time`.
pub fn tool_title(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.trim().chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => "Tool".into(),
    }
}

/// The object of a tool call in a few words: its only or first plain argument.
pub fn tool_object(arguments: &str) -> String {
    const LONGEST: usize = 80;
    let value: serde_json::Value = serde_json::from_str(arguments).unwrap_or_default();
    let first = value.as_object().and_then(|object| {
        object.values().find_map(|value| match value {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    });
    let line = first
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// JSON text with indents; as it is where it does not parse.
pub fn pretty_json(text: &str) -> String {
    serde_json::from_str::<serde_json::Value>(text)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| text.to_owned())
}

/// A search snippet in pieces; `true` marks a match. Matches stand between U+0002 and U+0003.
pub fn snippet_pieces(snippet: &str) -> Vec<(bool, String)> {
    let mut pieces = Vec::new();
    for (count, part) in snippet.split('\u{2}').enumerate() {
        let (matched, rest) = if count == 0 {
            ("", part)
        } else {
            part.split_once('\u{3}').unwrap_or((part, ""))
        };
        for (is_match, text) in [(true, matched), (false, rest)] {
            if !text.is_empty() {
                pieces.push((is_match, text.to_owned()));
            }
        }
    }
    pieces
}

fn trim(number: &str) -> &str {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
