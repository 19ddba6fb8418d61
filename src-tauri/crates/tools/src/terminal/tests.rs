use proptest::prelude::*;

use super::*;

/// What programs, files and servers print to deceive, and what they print in earnest.
const PRINTED: &[&[u8]] = &[
    // Colours and bold.
    b"\x1b[31mred\x1b[0m plain",
    b"\x1b[1;32mbold green\x1b[22m green\x1b[39m plain",
    b"\x1b[91mbright\x1b[m plain",
    b"\x1b[38;5;196mindexed\x1b[0m",
    b"\x1b[38;5;21mcube blue \x1b[38;5;240mgrey\x1b[0m",
    b"\x1b[38;2;0;200;10mtrue green\x1b[0m",
    b"\x1b[38:2::250:250:0mcolons\x1b[0m",
    b"\x1b[38:5:9mcolons too\x1b[0m",
    b"\x1b[48;5;31mbackground 31 is no foreground\x1b[0m",
    b"\x1b[48;2;31;32;33mnor are 31 to 33\x1b[0m",
    b"\x1b[58;5;31munderline colour\x1b[0m",
    b"\x1b[38;5;999mno such colour",
    b"\x1b[38;2;300;0;0mno such part",
    b"\x1b[38;5mcut short",
    b"\x1b[8mconcealed is shown\x1b[28m",
    b"\x1b[30;40mblack on black is shown\x1b[0m",
    b"\x1b[31ma\x1b[31mb\x1b[0;31mc one span",
    b"\x1b[31mred\nstill red\x1b[0m\nplain",
    b"\x1b[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;31mtoo many parameters",
    // Lines that are overwritten.
    b"10%\r50%\r100%\ndone",
    b"long line\rshort\n",
    b"secret: rm -rf /\rls     \x1b[K\n",
    b"downloading\r\x1b[Kdone\n",
    b"\x1b[2K\x1b[1Gstep 1\x1b[2K\x1b[1Gstep 2\n",
    b"\x1b[1Kkept",
    b"abc\x1b[2Kd",
    b"abcdef\x1b[3Gxy\n",
    b"abc\x1b[99999Gd\n",
    b"N\x08NA\x08AM\x08ME\x08E",
    b"_\x08u_\x08n_\x08d_\x08e_\x08r",
    b"\x08\x08\x08before the line",
    b"windows\r\nlines\r\n",
    b"tab\there\x0bvertical\x0cform",
    // Sequences that do things to a terminal.
    b"\x1b]0;window title\x07after",
    b"\x1b]2;title\x1b\\after",
    b"\x1b]52;c;cm0gLXJmIC8=\x07clipboard",
    b"\x1b]52;c;?\x1b\\clipboard asked for",
    b"\x1b]8;;https://evil.example/\x1b\\https://good.example\x1b]8;;\x1b\\",
    b"\x1b]8;id=1;file:///etc/passwd\x07link\x1b]8;;\x07",
    b"\x1b]1337;File=inline=1:AAAA\x07image",
    b"\x1b]50;#$\x07font",
    b"\x1b]4;1;?\x07palette",
    b"\x1b]0;never ends\nthe next line is shown",
    b"\x1b]0;never ends",
    b"\x1bPq#0;2;0;0;0#0~~\x1b\\sixel",
    b"\x1bP+q544e\x1b\\terminfo asked for",
    b"\x1bP$q\"p\x1b\\never ends\x1bPxyz\nnext",
    b"\x1b_Gf=100;AAAA\x1b\\kitty",
    b"\x1b^privacy\x1b\\message",
    b"\x1bXstart of string\x1b\\after",
    b"\x1b[2J\x1b[Hcleared screen",
    b"\x1b[3Jscrollback",
    b"\x1b[?1049halternate\x1b[?1049l screen",
    b"\x1b[?25l\x1b[?25hcursor",
    b"\x1b[5A\x1b[2B\x1b[3C\x1b[4Dmoved",
    b"\x1b[10;20Hplaced",
    b"\x1b[s\x1b[usaved",
    b"\x1b7\x1b8saved too",
    b"\x1b[6nreport asked for",
    b"\x1b[c\x1b[>c\x1b[0cwho are you",
    b"\x1b[21tlabel asked for",
    b"\x1b[20~paste\x1b[200~\x1b[201~",
    b"\x1b[4hinsert\x1b[4l",
    b"\x1b[3@\x1b[3P\x1b[3X\x1b[3L\x1b[3Mlines",
    b"\x1b[99999999999999999999999999mhuge",
    b"\x1b[1000000000bx repeated",
    b"\x1bc reset",
    b"\x1b(0lqqk\x1b(B charset",
    b"\x0e shift \x0f",
    b"\x1b%G utf-8",
    b"\x1b[31\x18mcancelled",
    b"\x1b[31\x1b[32mrestarted",
    b"\x1b[\x00\x0131mcontrols inside",
    b"half a sequence\x1b",
    b"half a sequence\x1b[3",
    // Controls, C1, and broken text.
    b"bell\x07 null\x00 delete\x7f escape-less\x05",
    b"\xc2\x9b31mC1 as text\xc2\x9d0;title\xc2\x9c",
    b"\x9b31mC1 as bytes\x9c",
    b"\xff\xfe\xc3(\xe2\x82 broken",
    b"\xf0\x9f\x98",
    b"\xed\xa0\x80 surrogate \xc0\xaf overlong",
];

/// The same for characters.
const WRITTEN: &[&str] = &[
    "access\u{202e}txt.exe",
    "\u{202a}\u{202b}\u{202d}\u{202c}embedded",
    "if admin\u{2066} // check\u{2069} \u{2067}\u{2068}",
    "\u{e0049}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065}tags",
    "\u{e0001}\u{e007f}",
    "zero\u{200b}width\u{2060}space\u{feff}",
    "pay\u{200d}pal\u{200c}.com",
    "a\u{200e}b\u{200f}c",
    "\u{3164}\u{115f}\u{1160}\u{ffa0}blank letters",
    "soft\u{ad}hyphen and\u{34f} joiner",
    "bytes in selectors ☺\u{e0100}\u{e0101}",
    "☺\u{fe01}\u{fe02}\u{fe0f}",
    "line\u{2028}and\u{2029}paragraph",
    "аррӏе.com looks Latin and is shown as it is",
    "\u{fff9}a\u{fffa}b\u{fffb}",
    "\u{180e}\u{206a}\u{2064}",
    // In earnest.
    "👩\u{200d}👩\u{200d}👧 ❤\u{fe0f}\u{200d}🔥 1\u{fe0f}\u{20e3} 🇩🇪 👋🏽",
    "می\u{200c}خواهم",
    "क्\u{200d}ष क्षत्रिय",
    "العربية \u{200f}(مرحبا)",
    "e\u{301} ﷽ ไทย 한국어 日本語",
];

#[test]
fn what_is_shown_of_hostile_output() {
    let mut table = String::new();
    let written = WRITTEN.iter().map(|text| text.as_bytes());
    for bytes in PRINTED.iter().copied().chain(written) {
        let spans = spans(bytes);
        let together: String = spans.iter().map(|span| span.text.as_str()).collect();
        assert_eq!(together, plain(bytes));
        table.push_str(&format!("{}\n", bytes.escape_ascii()));
        for span in spans {
            let colour = span
                .foreground
                .map_or(String::new(), |it| format!(" [{it}]"));
            let bold = if span.bold { " bold" } else { "" };
            table.push_str(&format!("    {:?}{colour}{bold}\n", shown(&span.text)));
        }
    }
    insta::assert_snapshot!(table);
}

/// The characters themselves, so that the snapshot shows what is left unescaped.
fn shown(text: &str) -> Shown<'_> {
    Shown(text)
}

struct Shown<'a>(&'a str);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "|{}|", self.0.replace('\n', "⏎").replace('\t', "⇥"))
    }
}

#[test]
fn there_are_enough_hostile_strings() {
    assert!(PRINTED.len() + WRITTEN.len() >= 100);
}

#[test]
fn scripts_and_emoji_stay_as_they_are() {
    for text in &WRITTEN[16..] {
        assert_eq!(visible(text), *text);
        assert_eq!(plain(text.as_bytes()), *text);
    }
}

#[test]
fn lines_are_given_as_they_end() {
    let mut cleaner = Cleaner::default();
    assert_eq!(cleaner.push(b"one\ntw"), "one\n");
    assert_eq!(cleaner.push(b"o\r"), "");
    assert_eq!(cleaner.push(b"2\n\xc3"), "2wo\n");
    assert_eq!(cleaner.push(b"\xa9"), "");
    assert_eq!(cleaner.finish(), "é");
}

#[test]
fn a_flood_takes_linear_time_and_little_memory() {
    let megabytes = if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        100
    } else {
        2
    };
    let floods: [&[u8]; 8] = [
        b"\x1b[31ma\x1b[32mb",
        b"\x1b[2K\x1b[60000Ga",
        b"\x1b[1Kab\x08\x08\r",
        b"aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b"\x1b]0;aaaaaaaaaaaaaaaaaaaaaaaa",
        b"\x1bPaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b"\x1b[1;2;3;4;5;6;7;8;9;10;11;12",
        b"\xf0\x9f\x98",
    ];
    let started = std::time::Instant::now();
    for flood in floods {
        let piece = flood.repeat((1 << 20) / flood.len());
        let mut reader = Reader::default();
        let mut spans = Spans::default();
        for _ in 0..megabytes {
            reader.push(&piece, &mut spans);
            assert!(reader.line.cells.len() <= MAX_LINE);
            assert!(reader.begun.len() < 4);
            assert!(spans.0.len() <= MAX_SPANS + 1);
            // What is given is the caller's to keep; here it would hide what the reader keeps.
            spans.0.iter_mut().for_each(|span| span.text.clear());
        }
    }
    // Seconds unoptimized; anything that is not linear would take days.
    assert!(started.elapsed() < std::time::Duration::from_secs(600));
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..8),
        2 => prop::sample::select(PRINTED).prop_map(<[u8]>::to_vec),
        1 => prop::sample::select(WRITTEN).prop_map(|text| text.as_bytes().to_vec()),
        2 => any::<char>().prop_map(|it| it.to_string().into_bytes()),
        1 => prop::sample::select(&["\x1b", "\x1b[", "\x1b]", "\x1bP", "\r", "\n", "\x08", "\u{e9}", "\u{9b}"][..])
            .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        if std::env::var_os("NEXUS_TEST_FULL").is_some() { 20_000 } else { 2_000 }
    ))]

    #[test]
    fn no_control_character_is_left(bytes in hostile()) {
        let text = plain(&bytes);
        for character in text.chars() {
            prop_assert!(!character.is_control() || matches!(character, '\n' | '\t'), "{text:?}");
            prop_assert!(!matches!(
                character,
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}'
            ), "{text:?}");
        }
        prop_assert_eq!(visible(&text), text.as_str());
    }

    #[test]
    fn it_does_not_matter_where_a_stream_is_cut(bytes in hostile(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut cleaner = Cleaner::default();
        let mut text = String::new();
        for pair in cuts.windows(2) {
            text += &cleaner.push(&bytes[pair[0]..pair[1]]);
        }
        text += &cleaner.finish();
        prop_assert_eq!(text, plain(&bytes));
    }

    #[test]
    fn spans_are_the_whole_text_and_neighbours_differ(bytes in hostile()) {
        let spans = spans(&bytes);
        let together: String = spans.iter().map(|span| span.text.as_str()).collect();
        prop_assert_eq!(together, plain(&bytes));
        for pair in spans.windows(2) {
            prop_assert!((pair[0].foreground, pair[0].bold) != (pair[1].foreground, pair[1].bold));
        }
        prop_assert!(spans.iter().all(|span| span.foreground.is_none_or(|it| it < 16)));
    }

    #[test]
    fn text_without_tricks_stays_as_it_is(text in "[\\p{Arabic}\\p{Devanagari}\\p{Han}\\p{Latin}\\p{Cyrillic} \n\t]{0,60}") {
        // A mark of direction beside a Latin letter is one.
        let text: String = text.chars().filter(|it| *it != '\u{61c}').filter(|it| !Unseen::default().hides(*it) || matches!(it, '\n' | '\t')).collect();
        prop_assert_eq!(visible(&text), text.as_str());
        prop_assert_eq!(plain(text.as_bytes()), text);
    }
}
