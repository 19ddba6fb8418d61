//! Which characters are hidden.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{FLAG, for_model};

#[test]
fn hidden_characters_are_flagged_and_scripts_are_not() {
    let mut table = String::new();
    for text in [
        "plain",
        "line\r\n\ttab",
        "ab\u{200B}cd",
        "a\u{200D}b",
        "\u{202E}fdp.exe",
        "x\u{2066}y\u{2069}z",
        "\u{E0001}\u{E0068}\u{E0065}\u{E006C}\u{E0070}",
        "ok \u{E0069}\u{E0067}\u{E006E} after",
        "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F} Scotland",
        "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E0074}\u{E0074}\u{E0074}\u{E007F}",
        "\u{1b}[31mred\u{1b}[0m",
        "a\u{FEFF}b",
        "soft\u{AD}hyphen",
        "heart \u{2764}\u{FE0F}",
        "a\u{FE0F}\u{FE0F}\u{FE01}",
        "می\u{200C}خواهم",
        "क्\u{200D}ष",
        "👩\u{200D}👩\u{200D}👧\u{200D}👦",
        "ภาษา\u{200B}ไทย",
        "葛\u{E0100}城",
        "null\0byte",
    ] {
        writeln!(
            table,
            "{} → {}",
            text.escape_unicode(),
            for_model(text).escape_debug()
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}

/// Real words of many scripts and emoji, in any order: what people write.
const WORDS: &[&str] = &[
    "hello",
    "naïve",
    "Straße",
    "Ελλάδα",
    "Привет",
    "שָׁלוֹם",
    "السَّلَامُ",
    "می\u{200C}خواهم",
    "हिन्दी",
    "क्\u{200D}ष",
    "বাংলা",
    "தமிழ்",
    "ശ്രീ",
    "ක්\u{200D}රි",
    "ไทย",
    "ລາວ",
    "မြန်မာ",
    "ភាសា\u{200B}ខ្មែរ",
    "한국어",
    "日本語",
    "葛\u{E0100}",
    "中文",
    "ᠮᠣᠩ\u{180B}",
    "e\u{301}",
    "👍🏽",
    "👩\u{200D}💻",
    "🏳\u{FE0F}\u{200D}🌈",
    "🇩🇪",
    "1\u{FE0F}\u{20E3}",
    "❤\u{FE0F}",
    "—",
    "…",
    "\n",
    "\t",
    "  ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn scripts_stay_as_they_are(words in prop::collection::vec(prop::sample::select(WORDS), 0..12)) {
        let text = words.join(" ");
        prop_assert_eq!(for_model(&text), text.as_str());
    }

    #[test]
    fn nothing_hidden_is_left_and_nothing_else_goes(text in any::<String>()) {
        let once = for_model(&text).into_owned();
        let hidden = |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{E0001}' | '\u{1b}');
        prop_assert!(!once.chars().any(hidden), "{:?}", once);
        // What is printable ASCII stays, in order.
        let ascii = |text: &str| text.chars().filter(|c| (' '..='~').contains(c)).collect::<String>();
        prop_assert_eq!(ascii(&text), ascii(&once.replace(FLAG, "")));
    }
}
