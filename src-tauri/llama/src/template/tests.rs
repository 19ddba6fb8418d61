use super::*;

const CHATML: &str = "{{ bos_token }}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

fn template(source: &str) -> Template {
    Template::new(source, "<s>".to_owned(), "</s>".to_owned()).unwrap()
}

fn said(text: &str) -> ChatMessage {
    ChatMessage::User {
        parts: vec![UserPart::Text {
            text: text.to_owned(),
        }],
    }
}

fn asked(messages: Vec<ChatMessage>) -> ChatRequest {
    ChatRequest {
        messages,
        ..ChatRequest::default()
    }
}

#[test]
fn a_conversation_ends_where_the_answer_begins() {
    let request = asked(vec![
        ChatMessage::System {
            text: "Be brief.".to_owned(),
        },
        said("<b> & 'c'"),
    ]);
    assert_eq!(
        template(CHATML).render(&request).unwrap(),
        "<s><|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<b> & 'c'<|im_end|>\n<|im_start|>assistant\n"
    );
}

#[test]
fn a_turn_more_leaves_the_beginning_as_it_was() {
    let template = template(CHATML);
    let first = template.render(&asked(vec![said("a")])).unwrap();
    let second = template
        .render(&asked(vec![
            said("a"),
            ChatMessage::Assistant {
                text: "b".to_owned(),
                tool_calls: Vec::new(),
            },
            said("c"),
        ]))
        .unwrap();
    assert!(second.starts_with(&first), "{second}");
}

#[test]
fn tools_are_written_as_python_writes_json_in_the_authors_order() {
    let request = ChatRequest {
        tools: vec![ToolSpec {
            name: "read".to_owned(),
            description: "Reads a <file> & no more".to_owned(),
            parameters: serde_json::from_str(
                r#"{"type":"object","properties":{"path":{"type":"string"},"at":{"enum":[1,2]}}}"#,
            )
            .unwrap(),
        }],
        ..asked(vec![said("x")])
    };
    assert_eq!(
        template("{% for tool in tools %}{{ tool | tojson }}{% endfor %}").render(&request),
        Ok(r#"{"type": "function", "function": {"name": "read", "description": "Reads a <file> & no more", "parameters": {"type": "object", "properties": {"path": {"type": "string"}, "at": {"enum": [1, 2]}}}}}"#.to_owned())
    );
    assert_eq!(
        template("{{ {'a': 1} | tojson(indent=2) }}").render(&request),
        Ok("{\n  \"a\": 1\n}".to_owned())
    );
    assert_eq!(
        template("{% if tools %}yes{% else %}no{% endif %}").render(&asked(vec![said("x")])),
        Ok("no".to_owned())
    );
}

#[test]
fn calls_keep_their_arguments_as_objects() {
    let request = asked(vec![ChatMessage::Assistant {
        text: String::new(),
        tool_calls: vec![ToolCallRequest {
            id: "1".to_owned(),
            name: "read".to_owned(),
            arguments: r#"{"b":1,"a":"x"}"#.to_owned(),
        }],
    }]);
    let source = "{% for call in messages[0].tool_calls %}{{ call.function.name }} {{ call.function.arguments | tojson }}{% endfor %}";
    assert_eq!(
        template(source).render(&request),
        Ok(r#"read {"b": 1, "a": "x"}"#.to_owned())
    );
}

#[test]
fn what_templates_take_from_python_is_there() {
    let source = "{%- for m in messages[::-1] %}{% if m.content.startswith('skip') %}{% continue %}{% endif %}{{ m.content.strip().split('|')[-1] }};{% endfor -%}{{ strftime_now('%Y') | length }}";
    let request = asked(vec![said(" a|b "), said("skip me"), said("c")]);
    assert_eq!(template(source).render(&request), Ok("c;b;4".to_owned()));
}

#[test]
fn a_refusal_is_in_the_templates_own_words() {
    assert_eq!(
        template("{{ raise_exception('Roles must alternate.') }}").render(&asked(Vec::new())),
        Err("Roles must alternate.".to_owned())
    );
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    let source = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}";
    let error = template(source).fill(&asked(Vec::new())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfFuel);
}

#[test]
fn a_template_with_a_mistake_is_refused_when_it_is_read() {
    Template::new("{% for %}", String::new(), String::new()).unwrap_err();
}

#[test]
fn reasoning_is_known_from_the_template() {
    assert!(template("{{ '</think>' }}").thinks());
    assert!(!template(CHATML).thinks());
    assert!(template(CHATML).writes("<|im_end|>"));
}
