//! The grammars of `nexus-calls` in the engine that both workers run, without a model: what it lets through is drawn at random.
//! They are tried here, for that engine would give the whole app another order of JSON's keys.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use nexus_protocol::ToolSpec;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};
use toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};

use super::*;
use nexus_calls::grammar::of;
use nexus_calls::{CallReader, Piece};

const FORMATS: [CallFormat; 6] = [
    CallFormat::Tags,
    CallFormat::Llama,
    CallFormat::List,
    CallFormat::Named,
    CallFormat::Phi,
    CallFormat::Bare,
];

/// A vocabulary of all bytes, an end, the marks as tokens of their own (control tokens or plain ones) where `marks` says so,
/// and a thousand tokens that go over the edges of what a grammar consists of.
struct Words {
    environment: TokEnv,
    words: Vec<Vec<u8>>,
}

const END: u32 = 256;

impl Words {
    fn new(marks: bool) -> Self {
        let mut words: Vec<Vec<u8>> = (0..=255_u8).map(|byte| vec![byte]).collect();
        words.push(b"\xff<end>".to_vec());
        for edge in [
            "{\"",
            "\":",
            "\": ",
            "\"}",
            "}}",
            "},",
            ", \"",
            "\"name",
            "arguments\": {",
            "<tool",
            "_call>",
            ">\n",
            ">{",
            "\n<",
            "é",
            "🦀",
        ] {
            words.push(edge.as_bytes().to_vec());
        }
        if marks {
            words.extend(nexus_calls::shown().map(|mark| [b"\xff", mark.as_bytes()].concat()));
        }
        let info = TokRxInfo::new(u32::try_from(words.len()).unwrap(), END);
        let trie = TokTrie::from(&info, &words);
        Self {
            environment: Arc::new(ApproximateTokEnv::new(trie)),
            words,
        }
    }

    fn token(&self, mark: &str) -> Option<u32> {
        let at = self
            .words
            .iter()
            .position(|word| word.first() == Some(&0xff) && &word[1..] == mark.as_bytes())?;
        u32::try_from(at).ok()
    }

    fn matcher(&self, grammar: &str) -> Matcher {
        let factory = ParserFactory::new_simple(&self.environment).unwrap();
        let parser = factory.create_parser(TopLevelGrammar::from_lark(grammar.to_owned()));
        let matcher = Matcher::new(parser);
        assert_eq!(matcher.get_error(), None, "{grammar}");
        matcher
    }

    fn text(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens
            .iter()
            .flat_map(|token| {
                let word = &self.words[*token as usize];
                let is_mark = word.len() > 1 && word[0] == 0xff;
                word[usize::from(is_mark)..].to_vec()
            })
            .collect();
        String::from_utf8(bytes).unwrap()
    }

    /// An answer drawn at random from all that may come; `None` where none ended in time.
    fn draw(&self, grammar: &str, random: &mut TestRng) -> Option<String> {
        let mut matcher = self.matcher(grammar);
        let mut tokens = Vec::new();
        while tokens.len() < 4000 {
            let mask = matcher.compute_mask_or_eos().unwrap();
            let allowed: Vec<u32> = (0..self.words.len())
                .filter_map(|token| u32::try_from(token).ok())
                .filter(|token| mask.is_allowed(*token))
                .collect();
            // As a model that wants to come to an end.
            let ends: Vec<u32> = allowed
                .iter()
                .copied()
                .filter(|token| {
                    [u32::from(b'"'), u32::from(b'}'), u32::from(b']'), END].contains(token)
                })
                .collect();
            let from = if !ends.is_empty() && random.next_u32().is_multiple_of(3) {
                &ends
            } else {
                &allowed
            };
            let token = from[random.next_u32() as usize % from.len()];
            if token == END {
                return Some(self.text(&tokens));
            }
            matcher.consume_token(token).unwrap();
            tokens.push(token);
            if matcher.is_stopped() {
                return Some(self.text(&tokens));
            }
        }
        None
    }

    fn admits(&self, grammar: &str, text: &str) -> bool {
        let mut matcher = self.matcher(grammar);
        let mut rest = text.as_bytes();
        while let Some(first) = rest.first() {
            let mark = nexus_calls::shown()
                .filter(|mark| rest.starts_with(mark.as_bytes()))
                .find_map(|mark| Some((self.token(mark)?, mark.len())));
            // Letters go byte by byte.
            let (token, bytes) = mark.unwrap_or((u32::from(*first), 1));
            if matcher.validate_tokens(&[token]).unwrap() == 0 {
                return false;
            }
            matcher.consume_token(token).unwrap();
            rest = &rest[bytes..];
        }
        matcher.is_accepting().unwrap()
    }
}

fn tools() -> Vec<ToolSpec> {
    let tool = |name: &str, parameters: Value| ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters,
    };
    vec![
        tool("now", json!({"type": "object", "properties": {}})),
        tool(
            "file-write/2",
            json!({
                "type": "object",
                "properties": {
                    "path": {"type": "string", "minLength": 1, "maxLength": 20},
                    "mode": {"enum": ["new", "append", "with \"quotes\" & é"]},
                    "lines": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 99}, "maxItems": 3},
                    "owner": {"$ref": "#/$defs/person"},
                },
                "required": ["path", "mode"],
                "$defs": {"person": {"type": "object", "properties": {
                    "name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "minimum": 0, "maximum": 150}},
                    "required": ["name"]}},
            }),
        ),
    ]
}

fn request(choice: ToolChoice) -> ChatRequest {
    ChatRequest {
        tools: tools(),
        tool_choice: choice,
        ..ChatRequest::default()
    }
}

fn is_valid(name: &str, arguments: &str) -> bool {
    let Some(tool) = tools().into_iter().find(|tool| tool.name == name) else {
        return false;
    };
    serde_json::from_str(arguments).is_ok_and(|value: Value| {
        jsonschema::validator_for(&tool.parameters)
            .unwrap()
            .is_valid(&value)
    })
}

fn read(text: &str) -> Vec<Piece> {
    let names = tools().into_iter().map(|tool| tool.name).collect();
    let mut reader = CallReader::new(names);
    let mut pieces = reader.push(text);
    pieces.extend(reader.finish(true));
    pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.trim().is_empty()));
    pieces
}

/// Answers that are drawn of each kind: all with `NEXUS_TEST_FULL`, else a part.
fn rounds() -> u8 {
    match std::env::var_os("NEXUS_TEST_FULL") {
        Some(_) => 30,
        None => 6,
    }
}

fn random(seed: u8) -> TestRng {
    TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32])
}

#[test]
fn whatever_is_let_through_is_read_as_valid_calls_and_nothing_else() {
    for marks in [false, true] {
        let vocabulary = Words::new(marks);
        for format in FORMATS {
            let grammar = of(
                &request(ToolChoice::Required),
                format,
                Thinking::Never,
                Vocabulary {
                    token: &|mark| vocabulary.token(mark),
                    ends: &[],
                },
            )
            .unwrap();
            let mut drawn = 0_u8;
            for seed in 0..rounds() {
                let Some(text) = vocabulary.draw(&grammar, &mut random(seed)) else {
                    continue;
                };
                drawn += 1;
                let pieces = read(&text);
                assert!(!pieces.is_empty(), "{format:?}: {text}");
                for piece in pieces {
                    let good = matches!(&piece, Piece::Call { name, arguments } if is_valid(name, arguments));
                    assert!(good, "{format:?}: {piece:?} in {text}");
                }
            }
            assert!(
                u32::from(drawn) * 6 > u32::from(rounds()) * 5 - 6,
                "{format:?}: {drawn} ended"
            );
        }
    }
}

#[test]
fn text_without_calls_is_free() {
    for marks in [false, true] {
        let vocabulary = Words::new(marks);
        for format in FORMATS {
            let grammar = of(
                &request(ToolChoice::Auto),
                format,
                Thinking::Never,
                Vocabulary {
                    token: &|mark| vocabulary.token(mark),
                    ends: &[],
                },
            )
            .unwrap();
            for text in [
                "",
                "Hello.\n\nIt is <b>late</b>.",
                "{\"name\": \"Ada\", \"age\": 36}",
                "{\"name\": \"unknown\", \"arguments\": {}}",
                "<tool_",
                "<tool_cal> [TOOL {\"a\": 1}",
            ] {
                assert!(vocabulary.admits(&grammar, text), "{format:?}: {text}");
            }
        }
    }
}

#[test]
fn once_a_call_begins_it_is_held_to_its_form() {
    for marks in [false, true] {
        let vocabulary = Words::new(marks);
        let admits = |format, text: &str| {
            let grammar = of(
                &request(ToolChoice::Auto),
                format,
                Thinking::Never,
                Vocabulary {
                    token: &|mark| vocabulary.token(mark),
                    ends: &[],
                },
            )
            .unwrap();
            vocabulary.admits(&grammar, text)
        };
        let now = "{\"name\": \"now\", \"arguments\": {}}";
        for (format, good) in [
            (
                CallFormat::Tags,
                format!("Well. <tool_call>\n{now}\n</tool_call>\n<tool_call>{now}</tool_call>"),
            ),
            (
                CallFormat::Phi,
                format!("Well. <|tool_call|>[{now}, {now}]<|/tool_call|>"),
            ),
            (CallFormat::List, format!("[TOOL_CALLS] [{now}]")),
            (
                CallFormat::Named,
                "Well. [TOOL_CALLS]now[ARGS]{}[TOOL_CALLS]now[ARGS]{}".to_owned(),
            ),
            (
                CallFormat::Llama,
                "<|python_tag|>{\"name\": \"now\", \"parameters\": {}}".to_owned(),
            ),
            (
                CallFormat::Llama,
                "{\"name\": \"now\", \"parameters\": {}}; {\"name\":\"now\",\"parameters\":{}}"
                    .to_owned(),
            ),
            (CallFormat::Bare, format!("{now}\n{now}")),
        ] {
            assert!(admits(format, &good), "{format:?}: {good}");
            for bad in [
                good.replace("now", "later"),
                good.replace("{}", "{\"a\": 1}"),
                good.replace("{}", "[]"),
                good[..good.len() - 1].to_owned(),
            ] {
                // A bare name that is unknown is an answer, not a call.
                let is_answer = bad.starts_with("{\"name\": \"later");
                assert_eq!(admits(format, &bad), is_answer, "{format:?}: {bad}");
            }
        }
    }
}

#[test]
fn a_models_own_ends_may_come_where_the_answer_is_whole() {
    let words = Words::new(true);
    let end = words.token("</think>").unwrap();
    let vocabulary = Vocabulary {
        token: &|_| None,
        ends: &[end],
    };
    let call = "<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>";
    let grammar = of(
        &request(ToolChoice::Auto),
        CallFormat::Tags,
        Thinking::Never,
        vocabulary,
    );
    let grammar = grammar.unwrap();
    for (text, may_end) in [("Hello", true), (call, true), (&call[..30], false)] {
        let mut matcher = words.matcher(&grammar);
        let bytes: Vec<u32> = text.bytes().map(u32::from).collect();
        matcher.consume_tokens(&bytes).unwrap();
        let admitted = matcher.validate_tokens(&[end]).unwrap() == 1;
        assert_eq!(admitted, may_end, "{text}");
    }
}

#[test]
fn thoughts_come_before_what_must_be_called_or_answered() {
    for marks in [false, true] {
        let vocabulary = Words::new(marks);
        let schema = ChatRequest {
            answer_schema: Some(json!({"type": "boolean"})),
            ..ChatRequest::default()
        };
        let admits = |thinking, text: &str| {
            let grammar = of(
                &schema,
                CallFormat::Tags,
                thinking,
                Vocabulary {
                    token: &|mark| vocabulary.token(mark),
                    ends: &[],
                },
            );
            vocabulary.admits(&grammar.unwrap(), text)
        };
        assert!(admits(Thinking::Never, "true"));
        assert!(!admits(Thinking::Never, "<think>a</think>true"));
        assert!(admits(Thinking::May, "true"));
        assert!(admits(Thinking::May, "<think>\na\n</think>\n\ntrue"));
        assert!(!admits(Thinking::May, "<think>\na\n</think>\n\nyes"));
        assert!(admits(Thinking::Began, "a</think>true"));
        assert!(!admits(Thinking::Began, "true"));
    }
}

#[test]
fn nothing_is_held_to_where_nothing_is_asked() {
    let none = of(
        &ChatRequest::default(),
        CallFormat::Tags,
        Thinking::May,
        Vocabulary {
            token: &|_| None,
            ends: &[],
        },
    );
    assert_eq!(none, None);
}

#[test]
fn with_tools_and_a_schema_it_calls_or_answers() {
    let vocabulary = Words::new(false);
    let both = ChatRequest {
        answer_schema: Some(
            json!({"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}),
        ),
        ..request(ToolChoice::Auto)
    };
    for format in FORMATS {
        let grammar = of(
            &both,
            format,
            Thinking::Never,
            Vocabulary {
                token: &|_| None,
                ends: &[],
            },
        )
        .unwrap();
        assert!(vocabulary.admits(&grammar, "{\"a\": true}"), "{format:?}");
        assert!(!vocabulary.admits(&grammar, "Hello"), "{format:?}");
        for seed in 0..rounds() / 3 {
            if let Some(text) = vocabulary.draw(&grammar, &mut random(seed)) {
                let calls = read(&text);
                let is_answer =
                    serde_json::from_str::<Value>(&text).is_ok_and(|value| value["a"].is_boolean());
                let are_calls = calls.iter().all(
                    |piece| matches!(piece, Piece::Call { name, arguments } if is_valid(name, arguments)),
                );
                assert!(is_answer || are_calls, "{format:?}: {text}");
            }
        }
    }
}
