//! What can be made good in a call without guessing.

use serde_json::Value;

use crate::span::Span;

/// A call with its arguments as JSON text. `raw` says that they are as the model wrote them and do not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// The calls in the text of an object or a list of them; `None` where it is neither.
pub(crate) fn calls(text: &str) -> Option<Vec<Call>> {
    let value: Value = serde_json::from_str(text)
        .or_else(|error| {
            completed(text)
                .ok_or(error)
                .and_then(|text| serde_json::from_str(&text))
        })
        .ok()?;
    match value {
        Value::Array(values) if !values.is_empty() => values.into_iter().map(call).collect(),
        value => Some(vec![call(value)?]),
    }
}

fn call(value: Value) -> Option<Call> {
    let Value::Object(mut fields) = value else {
        return None;
    };
    // Some wrap the call as cloud providers do.
    if let Some(Value::Object(inner)) = fields.remove("function") {
        fields = inner;
    }
    let Some(Value::String(name)) = fields.remove("name") else {
        return None;
    };
    let arguments = fields
        .remove("arguments")
        .or_else(|| fields.remove("parameters"));
    Some(Call {
        name,
        arguments: arguments_text(arguments.unwrap_or_default()),
    })
}

/// Arguments as an object's text: some models quote the object once more.
fn arguments_text(arguments: Value) -> String {
    match arguments {
        Value::String(text) => text,
        Value::Null => "{}".to_owned(),
        other => other.to_string(),
    }
}

/// The text with its missing brackets, where the last value is whole. One that was cut could mean something else than what
/// was going to stand there: a path, a number.
pub(crate) fn completed(text: &str) -> Option<String> {
    let text = text.trim_end();
    if !text.ends_with(['}', ']', '"']) {
        return None;
    }
    let mut span = Span::default();
    if span.end(text).is_some() {
        return None;
    }
    span.missing().map(|missing| format!("{text}{missing}"))
}

/// The call in a text that does not parse, as far as its name is clear: the loop that runs calls then tells the model what
/// is wrong with the arguments, which shows better than brackets in an answer.
pub(crate) fn salvaged(text: &str) -> Option<Call> {
    let (_, rest) = text.split_once("\"name\"")?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    let (name, rest) = rest.strip_prefix('"')?.split_once('"')?;
    let plain = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.len() > 128 || !name.chars().all(plain) {
        return None;
    }
    let arguments = ["\"arguments\"", "\"parameters\""]
        .into_iter()
        .find_map(|key| rest.split_once(key))
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(':'))?;
    Some(Call {
        name: name.to_owned(),
        arguments: arguments.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(name: &str, arguments: &str) -> Call {
        Call {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    #[test]
    fn objects_lists_and_quoted_arguments_are_calls() {
        let one = Some(vec![is("now", r#"{"z":1}"#)]);
        assert_eq!(calls(r#"{"name": "now", "arguments": {"z": 1}}"#), one);
        assert_eq!(calls(r#"{"name": "now", "parameters": {"z": 1}}"#), one);
        assert_eq!(calls(r#"[{"name": "now", "arguments": "{\"z\":1}"}]"#), one);
        assert_eq!(
            calls(r#"{"type": "function", "function": {"name": "now", "arguments": {"z": 1}}}"#),
            one
        );
        assert_eq!(
            calls(r#"[{"name":"a"},{"name":"b"}]"#),
            Some(vec![is("a", "{}"), is("b", "{}")])
        );
        for none in [
            "{}",
            "[]",
            "[1]",
            "7",
            r#"{"name": 1}"#,
            r#"[{"name":"a"},2]"#,
        ] {
            assert_eq!(calls(none), None, "{none}");
        }
    }

    #[test]
    fn missing_brackets_are_put_there_where_nothing_else_is_missing() {
        assert_eq!(
            calls(r#"{"name": "now", "arguments": {"z": "a"}"#),
            Some(vec![is("now", r#"{"z":"a"}"#)])
        );
        for cut in [
            r#"{"name": "now", "arguments": {"z": 1"#,
            r#"{"name": "now", "arguments": {"z": "a"#,
            r#"{"name": "now", "arguments": {"z":"#,
        ] {
            assert_eq!(calls(cut), None, "{cut}");
        }
    }

    #[test]
    fn a_name_is_saved_from_a_ruin() {
        assert_eq!(
            salvaged(r#"{"name": "now", "arguments": {'z': 1}}"#),
            Some(is("now", "{'z': 1}}"))
        );
        assert_eq!(salvaged(r#"{"name": 1}"#), None);
        assert_eq!(salvaged("hello"), None);
    }
}
