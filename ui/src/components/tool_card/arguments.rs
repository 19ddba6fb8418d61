//! A tool call's arguments as people read them: code as code, the rest as JSON with indents. Pure.

use serde_json::Value;

use crate::format;

/// Names of arguments that hold code.
const CODE: [&str; 5] = ["command", "code", "script", "content", "query"];

/// One piece to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name; empty for what is left.
    pub name: String,
    /// As it is shown.
    pub text: String,
}

/// Splits arguments: text under a name that means code, or of several lines, stands for itself; the rest stays together.
/// What does not parse is shown as it is.
pub fn readable(arguments: &str) -> Vec<Argument> {
    let Ok(Value::Object(mut object)) = serde_json::from_str::<Value>(arguments) else {
        return Some(format::pretty_json(arguments))
            .filter(|text| !text.is_empty())
            .map(|text| Argument {
                name: String::new(),
                text,
            })
            .into_iter()
            .collect();
    };
    let mut pieces = Vec::new();
    object.retain(|name, value| match value {
        Value::String(text) if CODE.contains(&name.as_str()) || text.contains('\n') => {
            pieces.push(Argument {
                name: name.clone(),
                text: std::mem::take(text),
            });
            false
        }
        _ => true,
    });
    if !object.is_empty() {
        let text = format::pretty_json(&Value::Object(object).to_string());
        pieces.push(Argument {
            name: String::new(),
            text,
        });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_stands_for_itself_and_the_rest_stays_together() {
        let shown = readable(r#"{"command":"ls -la\nwc","timeout":5,"text":"a\nb"}"#);
        let shown: Vec<(&str, &str)> = shown
            .iter()
            .map(|piece| (piece.name.as_str(), piece.text.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("command", "ls -la\nwc"),
                ("text", "a\nb"),
                ("", "{\n  \"timeout\": 5\n}"),
            ]
        );
    }

    #[test]
    fn what_does_not_parse_is_shown_as_it_is() {
        let broken = readable(r#"{"command":"ls"#);
        assert_eq!(broken.len(), 1);
        assert_eq!(broken[0].text, r#"{"command":"ls"#);
        assert!(readable("").is_empty());
        assert!(readable("{}").is_empty());
    }
}
