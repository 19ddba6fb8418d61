use proptest::prelude::*;

use super::*;

/// Neighbouring texts joined, so that what was cut where does not matter.
fn read(parts: &[&str]) -> Vec<Piece> {
    read_until(parts, true)
}

fn read_until(parts: &[&str], stopped: bool) -> Vec<Piece> {
    let tools = vec!["now".to_owned(), "calculate".to_owned()];
    let mut reader = CallReader::new(tools);
    let mut all: Vec<Piece> = parts.iter().flat_map(|part| reader.push(part)).collect();
    all.extend(reader.finish(stopped));
    let mut pieces: Vec<Piece> = Vec::new();
    for piece in all {
        match piece {
            Piece::Text(more) => text_piece(&more, &mut pieces),
            call @ Piece::Call { .. } => pieces.push(call),
        }
    }
    pieces
}

fn call(name: &str, arguments: &str) -> Piece {
    Piece::Call {
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    }
}

fn said(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

const TAGGED: &str = "Let me see. <tool_call>\n{\"name\": \"calculate\", \"arguments\": {\"e\": \"1 < 2 </tool_call> \\\"ß🦀\\\"\"}}\n</tool_call>\n<tool_call>{\"name\":\"now\",\"arguments\":\"{}\"}</tool_call> done <b>";

fn tagged() -> Vec<Piece> {
    vec![
        said("Let me see. "),
        call("calculate", "{\"e\":\"1 < 2 </tool_call> \\\"ß🦀\\\"\"}"),
        said("\n"),
        call("now", "{}"),
        said(" done <b>"),
    ]
}

#[test]
fn calls_are_found_wherever_the_text_is_cut() {
    assert_eq!(read(&[TAGGED]), tagged());
    for cut in (0..=TAGGED.len()).filter(|&at| TAGGED.is_char_boundary(at)) {
        assert_eq!(
            read(&[&TAGGED[..cut], &TAGGED[cut..]]),
            tagged(),
            "cut at {cut}"
        );
    }
    let letters: Vec<String> = TAGGED.chars().map(String::from).collect();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    assert_eq!(read(&letters), tagged());
}

#[test]
fn every_familys_form_is_read() {
    let two = vec![call("now", "{\"z\":1}"), call("calculate", "{}")];
    for text in [
        "<|tool_call|>[{\"name\": \"now\", \"arguments\": {\"z\": 1}}, {\"name\": \"calculate\", \"arguments\": {}}]<|/tool_call|>",
        "[TOOL_CALLS] [{\"name\": \"now\", \"arguments\": {\"z\": 1}}, {\"name\": \"calculate\", \"arguments\": {}}]",
        "[TOOL_CALLS]now[ARGS]{\"z\":1}[TOOL_CALLS]calculate[CALL_ID]abc[ARGS]{}",
        "<|python_tag|>{\"name\": \"now\", \"parameters\": {\"z\": 1}}; {\"name\": \"calculate\", \"parameters\": {}}",
        "{\"name\": \"now\", \"parameters\": {\"z\": 1}}\n{\"name\": \"calculate\", \"parameters\": {}}",
        "[{\"name\": \"now\", \"arguments\": {\"z\": 1}}, {\"name\": \"calculate\"}]",
    ] {
        assert_eq!(read(&[text]), two, "{text}");
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        assert_eq!(read(&letters), two, "{text}");
    }
}

#[test]
fn json_that_is_an_answer_stays_one() {
    for text in [
        "{\"name\": \"Ada\", \"age\": 36}",
        "{\"name\": \"Ada\", \"arguments\": {}}",
        "{\"colour\": \"red\"}",
        "[1, 2, 3]",
        "{",
        "Use {\"name\": \"now\", \"arguments\": {}}",
    ] {
        assert_eq!(read(&[text]), vec![said(text)]);
    }
}

#[test]
fn broken_calls_stay_text() {
    for text in [
        "<tool_call>{\"name\": 1}</tool_call>",
        "<tool_call>hello</tool_call> and on",
        "<tool_call>{\"name\":\"x\",\"argum",
        "<|python_tag|>print(1)",
        "[TOOL_CALLS]?",
        "</tool_call>",
        "<tool_cal",
        "<<tool_call",
    ] {
        assert_eq!(read(&[text]), vec![said(text)]);
    }
}

#[test]
fn a_call_with_broken_arguments_is_a_call_so_that_the_model_hears_of_it() {
    assert_eq!(
        read(&["<tool_call>{\"name\": \"now\", \"arguments\": {'zone': 1}}</tool_call>"]),
        vec![call("now", "{'zone': 1}}")]
    );
}

#[test]
fn a_call_without_its_end_counts_where_the_model_stopped_by_itself() {
    let text = "<tool_call>{\"name\":\"now\",\"parameters\":{\"zone\":\"UTC\"}\n";
    assert_eq!(read(&[text]), vec![call("now", "{\"zone\":\"UTC\"}")]);
    assert_eq!(read_until(&[text], false), vec![said(text)]);
    let whole = "<tool_call>{\"name\":\"now\",\"parameters\":{\"zone\":\"UTC\"}}";
    assert_eq!(
        read_until(&[whole], false),
        vec![call("now", "{\"zone\":\"UTC\"}")]
    );
}

#[test]
fn it_knows_when_it_is_inside() {
    let mut reader = CallReader::new(Vec::new());
    for (text, inside) in [
        ("Hi", false),
        ("<tool_call>", true),
        ("{\"name\": \"now\", \"arguments\": {}", true),
        ("}", false),
        ("</tool_call>", false),
    ] {
        reader.push(text);
        assert_eq!(reader.is_inside(), inside, "{text}");
    }
}

#[test]
fn a_call_that_never_ends_is_given_out() {
    let mut reader = CallReader::new(Vec::new());
    assert_eq!(reader.push("<tool_call>{"), vec![]);
    let long = "x".repeat(CALL_BYTES + 1);
    assert_eq!(
        reader.push(&long),
        vec![said(&format!("<tool_call>{{{long}"))]
    );
    assert_eq!(reader.finish(true), vec![]);
}

proptest! {
    #[test]
    fn no_text_is_lost(
        parts in proptest::collection::vec("[a-z<>_/|]{0,8}|<tool_call>|</tool_call>|<\\|python_tag\\|>|é🦀", 0..12),
        stopped: bool,
    ) {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let whole: String = parts.concat();
        let got: String = read_until(&parts, stopped)
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => text,
                call @ Piece::Call { .. } => format!("{call:?}"),
            })
            .collect();
        prop_assert_eq!(got, whole);
    }

    #[test]
    fn cuts_do_not_change_what_is_read(text in "([a-z{}\\[\\]\",: ]|<tool_call>|</tool_call>|\"name\":\"now\"|\"arguments\":\\{\\}|\\[TOOL_CALLS\\]|\\[ARGS\\]|;){0,20}", cut in 1_usize..5) {
        let letters: Vec<char> = text.chars().collect();
        let parts: Vec<String> = letters.chunks(cut).map(|part| part.iter().collect()).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        prop_assert_eq!(read(&parts), read(&[&text]));
    }
}
