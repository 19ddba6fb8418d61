use proptest::prelude::*;

use super::{Answer, Taken, Until};

proptest! {
    #[test]
    fn a_mark_is_found_wherever_pieces_are_cut(
        before in "[ab\u{1e}\n]{0,40}",
        cuts in prop::collection::vec(1usize..7, 1..20),
    ) {
        let mark = "\u{1e}word\u{1e}\n";
        let text = format!("{before}{mark}");
        let mut until = Until::new(mark.to_owned());
        let (mut shown, mut found) = (Vec::new(), false);
        let mut rest = text.as_bytes();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break }
            prop_assert!(!found);
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            let (text, end) = until.push(piece);
            shown.extend(text);
            found = end;
            rest = after;
        }
        prop_assert!(found);
        prop_assert_eq!(shown, before.as_bytes());
    }
}

#[test]
fn only_lines_that_begin_with_the_word_are_answers() {
    let mut answer = Answer::default();
    let Taken::Printed(printed) = answer.push(b"{\"value\":1}\nwor", "word") else {
        panic!()
    };
    assert_eq!(printed, b"{\"value\":1}\n");
    assert!(matches!(answer.push(b"d{}", "word"), Taken::Nothing));
    let Taken::Answer(text) = answer.push(b"\n", "word") else {
        panic!()
    };
    assert_eq!(text, b"{}\n");
}

#[test]
fn an_answer_without_an_end_is_given_up() {
    let mut answer = Answer::default();
    let piece = vec![b'x'; 1 << 20];
    let given_up = (0..9).any(|_| matches!(answer.push(&piece, "word"), Taken::TooLong));
    assert!(given_up);
}
