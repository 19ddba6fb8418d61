//! What every request must hold, whoever made it.
//!
//! Owns: the rules of a valid conversation, on the wire and in the protocol's shape. Pure. Refuses to own: what a test expects
//! beyond them.

use std::collections::BTreeSet;

use nexus_protocol::{ChatMessage, ChatRequest, UserPart};
use serde_json::Value;

/// One message, as far as the rules go.
enum Said {
    System,
    User { empty: bool },
    Assistant { empty: bool, calls: Vec<String> },
    Tool { call: String },
    Unknown(String),
}

/// What is wrong with a request in the protocol's shape; empty where nothing is.
pub fn check_chat(request: &ChatRequest) -> Vec<String> {
    let said = request.messages.iter().map(|message| match message {
        ChatMessage::System { .. } => Said::System,
        ChatMessage::User { parts } => Said::User {
            empty: parts
                .iter()
                .all(|part| matches!(part, UserPart::Text { text } if text.trim().is_empty())),
        },
        ChatMessage::Assistant { text, tool_calls } => Said::Assistant {
            empty: text.is_empty() && tool_calls.is_empty(),
            calls: tool_calls.iter().map(|call| call.id.clone()).collect(),
        },
        ChatMessage::Tool { call_id, .. } => Said::Tool {
            call: call_id.clone(),
        },
    });
    conversation(said.collect())
}

/// What is wrong with the body of a chat completion call; empty where nothing is.
pub fn check_body(body: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |right: bool, what: &str| {
        if !right {
            wrong.push(what.to_owned());
        }
    };
    must(body.is_object(), "the body is no JSON object");
    must(
        body["model"]
            .as_str()
            .is_some_and(|model| !model.is_empty()),
        "no model is named",
    );
    must(
        body["stream"] == Value::Bool(true),
        "no stream is asked for",
    );
    must(
        body.get("temperature")
            .is_none_or(|t| t.as_f64().is_some_and(|t| (0.0..=2.0).contains(&t))),
        "the temperature is out of range",
    );
    for field in ["max_tokens", "max_completion_tokens"] {
        must(
            body.get(field)
                .is_none_or(|n| n.as_u64().is_some_and(|n| n > 0)),
            "the limit of tokens is no count",
        );
    }
    for tool in body["tools"].as_array().map_or(&[][..], Vec::as_slice) {
        let function = &tool["function"];
        must(tool["type"] == "function", "a tool is no function");
        must(valid_name(&function["name"]), "a tool's name is not valid");
        must(
            function["parameters"]["type"] == "object",
            "a tool's parameters are no object schema",
        );
    }
    if body
        .get("tools")
        .is_some_and(|tools| tools.as_array().is_none_or(Vec::is_empty))
    {
        wrong.push("an empty list of tools is sent".to_owned());
    }
    let Some(messages) = body["messages"].as_array() else {
        wrong.push("there are no messages".to_owned());
        return wrong;
    };
    let said = messages
        .iter()
        .map(|message| on_the_wire(message, &mut wrong));
    let said = said.collect();
    wrong.extend(conversation(said));
    wrong
}

fn on_the_wire(message: &Value, wrong: &mut Vec<String>) -> Said {
    let content = &message["content"];
    let no_text = content.as_str().is_none_or(|text| text.trim().is_empty());
    let empty = no_text && content.as_array().is_none_or(Vec::is_empty);
    match message["role"].as_str() {
        Some("system" | "developer") => Said::System,
        Some("user") => {
            for part in content.as_array().map_or(&[][..], Vec::as_slice) {
                let image = part["image_url"]["url"].as_str();
                if part["type"] == "image_url"
                    && !image.is_some_and(|url| {
                        url.starts_with("data:image/") && url.contains(";base64,")
                    })
                {
                    wrong.push("an image is no data address".to_owned());
                }
            }
            Said::User { empty }
        }
        Some("assistant") => {
            let calls = message["tool_calls"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            for call in calls {
                let function = &call["function"];
                let arguments = function["arguments"].as_str().unwrap_or_default();
                if !serde_json::from_str::<Value>(arguments).is_ok_and(|value| value.is_object()) {
                    wrong.push(format!(
                        "the arguments of a call are no JSON object: {arguments}"
                    ));
                }
                if !valid_name(&function["name"]) {
                    wrong.push(format!(
                        "the name in a call is not valid: {}",
                        function["name"]
                    ));
                }
            }
            Said::Assistant {
                empty: empty && calls.is_empty(),
                calls: calls
                    .iter()
                    .map(|call| call["id"].as_str().unwrap_or_default().to_owned())
                    .collect(),
            }
        }
        Some("tool") => {
            if !content.is_string() {
                wrong.push("a tool's result is no text".to_owned());
            }
            Said::Tool {
                call: message["tool_call_id"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            }
        }
        other => Said::Unknown(format!("{other:?}")),
    }
}

/// The rules that the strictest providers demand.
fn conversation(messages: Vec<Said>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut before = "";
    let mut all_calls = BTreeSet::new();
    let mut open: BTreeSet<String> = BTreeSet::new();
    for (at, message) in messages.iter().enumerate() {
        let mut fault = |what: &str| wrong.push(format!("message {at}: {what}"));
        let role = match message {
            Said::System => "system",
            Said::User { .. } => "user",
            Said::Assistant { .. } => "assistant",
            Said::Tool { .. } => "tool",
            Said::Unknown(role) => {
                fault(&format!("the role {role} does not exist"));
                continue;
            }
        };
        if role != "tool" && !open.is_empty() {
            fault(&format!("the calls {open:?} have no result"));
            open.clear();
        }
        match (before, message) {
            ("", Said::System) => {}
            (_, Said::System) => fault("a system message that is not the first"),
            ("user", Said::User { .. }) => fault("a user message after a user message"),
            ("tool", Said::User { .. }) => fault("a user message after a tool's result"),
            ("assistant", Said::Assistant { .. }) => fault("two assistant messages in a row"),
            ("" | "system", Said::Assistant { .. }) => {
                fault("the conversation does not begin with the user")
            }
            (_, Said::User { empty: true }) => fault("an empty user message"),
            (_, Said::Assistant { empty: true, .. }) => fault("an empty assistant message"),
            _ => {}
        }
        match message {
            Said::Assistant { calls, .. } => {
                for call in calls {
                    if call.is_empty() {
                        fault("a call without an id");
                    }
                    if !all_calls.insert(call.clone()) {
                        fault(&format!("the call id {call} is used twice"));
                    }
                    open.insert(call.clone());
                }
            }
            Said::Tool { call } if !open.remove(call) => {
                fault(&format!("a result without its call: {call}"));
            }
            _ => {}
        }
        before = role;
    }
    if !open.is_empty() {
        wrong.push(format!("the calls {open:?} have no result"));
    }
    if !matches!(before, "user" | "tool") {
        wrong.push(format!(
            "the last message is from “{before}”, not from user or tool"
        ));
    }
    wrong
}

fn valid_name(name: &Value) -> bool {
    name.as_str().is_some_and(|name| {
        (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wrong(messages: Value) -> Vec<String> {
        check_body(&json!({"model": "m", "stream": true, "messages": messages}))
    }

    #[test]
    fn a_valid_conversation() {
        let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "calculate", "arguments": "{}"}});
        let messages = json!([
            {"role": "system", "content": "s"}, {"role": "user", "content": "u"},
            {"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]},
            {"role": "tool", "tool_call_id": "b", "content": "1"}, {"role": "tool", "tool_call_id": "a", "content": ""},
            {"role": "assistant", "content": "x"}, {"role": "user", "content": [{"type": "text", "text": "y"}]}]);
        assert_eq!(wrong(messages), Vec::<String>::new());
    }

    #[test]
    fn each_rule_is_held() {
        let call = json!([{"id": "a", "function": {"name": "n", "arguments": "{}"}}]);
        let user = json!({"role": "user", "content": "u"});
        let cases = [
            (
                json!([]),
                "the last message is from “”, not from user or tool",
            ),
            (
                json!([user, user]),
                "message 1: a user message after a user message",
            ),
            (
                json!([user, {"role": "system", "content": "s"}, user]),
                "message 1: a system message that is not the first",
            ),
            (
                json!([{"role": "assistant", "content": "a"}, user]),
                "message 0: the conversation does not begin with the user",
            ),
            (
                json!([{"role": "user", "content": " "}]),
                "message 0: an empty user message",
            ),
            (
                json!([user, {"role": "assistant", "content": ""}, user]),
                "message 1: an empty assistant message",
            ),
            (
                json!([user, {"role": "assistant", "tool_calls": call}, user]),
                "message 2: the calls {\"a\"} have no result",
            ),
            (
                json!([user, {"role": "assistant", "tool_calls": call}]),
                "the calls {\"a\"} have no result",
            ),
            (
                json!([user, {"role": "tool", "tool_call_id": "z", "content": ""}]),
                "message 1: a result without its call: z",
            ),
            (
                json!([user, {"role": "assistant", "content": "a"}]),
                "the last message is from “assistant”, not from user or tool",
            ),
            (
                json!([{"role": "boss", "content": "a"}, user]),
                "message 0: the role Some(\"boss\") does not exist",
            ),
        ];
        for (messages, expected) in cases {
            let wrong = wrong(messages.clone());
            assert!(
                wrong.iter().any(|fault| fault == expected),
                "{messages}: {wrong:?}"
            );
        }
        let bad = json!([user, {"role": "assistant", "tool_calls":
            [{"id": "a", "function": {"name": "a b", "arguments": "{"}}]}, {"role": "tool", "tool_call_id": "a", "content": 1}]);
        assert_eq!(wrong(bad).len(), 3);
        assert_eq!(check_body(&json!({"messages": [user]})).len(), 2);
    }
}
