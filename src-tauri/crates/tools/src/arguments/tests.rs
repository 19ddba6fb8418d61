use proptest::prelude::*;
use serde_json::json;

use super::*;

fn spec() -> ToolSpec {
    ToolSpec {
        name: "search_text".to_owned(),
        description: String::new(),
        parameters: json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["pattern"],
            "properties": {
                "pattern": { "type": "string" },
                "max_count": { "type": "integer", "minimum": 1, "maximum": 1000 },
                "ratio": { "type": "number" },
                "ignore_case": { "type": "boolean" },
                "paths": { "type": "array", "items": { "type": "string" } },
                "edits": { "type": "array", "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["old"],
                    "properties": { "old": { "type": "string" }, "line": { "type": "integer" } }
                } },
                "sort": { "enum": ["by_name", "by_size"] },
                "mode": { "oneOf": [{ "const": "sha256" }, { "const": "md5" }], "type": "string" },
                "nothing": { "type": ["string", "null"] },
            }
        }),
    }
}

#[test]
fn what_fits_is_never_touched() {
    for arguments in [
        r#"{"pattern":"a"}"#,
        r#"{"pattern":"5"}"#,
        r#"{"pattern":"true","nothing":null}"#,
        r#"{"pattern":"{\"pattern\": 1,}","paths":["[1]","null"]}"#,
        r#"{"pattern":"```json\n{}\n```","max_count":2.0}"#,
        r#"{"pattern":"x","sort":"by_name","mode":"md5","ratio":1e3}"#,
    ] {
        let (value, repairs) = validate(&spec(), arguments).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(arguments).unwrap());
        assert_eq!(repairs, []);
    }
}

#[test]
fn near_misses_are_repaired() {
    for (arguments, expected, repairs) in [
        (
            "```json\n{\"pattern\": \"a\"}\n```",
            json!({ "pattern": "a" }),
            1,
        ),
        ("```{\"pattern\": \"a\"}```", json!({ "pattern": "a" }), 1),
        (
            r#"{"pattern": "a,}", "paths": ["b",],}"#,
            json!({ "pattern": "a,}", "paths": ["b"] }),
            1,
        ),
        (
            "{\"pattern\": \"two\nlines\tand \\\"quotes\\\"\"}",
            json!({ "pattern": "two\nlines\tand \"quotes\"" }),
            1,
        ),
        (r#""{\"pattern\": \"a\"}""#, json!({ "pattern": "a" }), 1),
        (
            r#"{"pattern": "a", "max_count": "5", "ratio": "0.5", "ignore_case": "True"}"#,
            json!({ "pattern": "a", "max_count": 5, "ratio": 0.5, "ignore_case": true }),
            3,
        ),
        (
            r#"{"pattern": 404, "nothing": false}"#,
            json!({ "pattern": "404", "nothing": "false" }),
            2,
        ),
        (
            r#"{"pattern": "a", "paths": "src"}"#,
            json!({ "pattern": "a", "paths": ["src"] }),
            1,
        ),
        (
            r#"{"pattern": "a", "paths": "[\"src\", 7]"}"#,
            json!({ "pattern": "a", "paths": ["src", "7"] }),
            2,
        ),
        (
            r#"{"pattern": "a", "edits": "[{\"old\": \"x\", \"line\": \"3\"}]"}"#,
            json!({ "pattern": "a", "edits": [{ "old": "x", "line": 3 }] }),
            2,
        ),
        (
            r#"{"pattern": "a", "edits": {"old": "x", "line": null}}"#,
            json!({ "pattern": "a", "edits": [{ "old": "x" }] }),
            2,
        ),
        (
            r#"{"pattern": "a", "max_count": null, "paths": null, "nothing": null}"#,
            json!({ "pattern": "a", "nothing": null }),
            2,
        ),
        (
            r#"{"Pattern": "a", "maxCount": 3, "ignore-case": true}"#,
            json!({ "pattern": "a", "max_count": 3, "ignore_case": true }),
            3,
        ),
        (
            r#"{"pattern": "a", "sort": "BY-NAME", "mode": "SHA-256"}"#,
            json!({ "pattern": "a", "sort": "by_name", "mode": "sha256" }),
            2,
        ),
    ] {
        let (value, repaired) = validate(&spec(), arguments).unwrap();
        assert_eq!(value, expected, "{arguments}");
        assert_eq!(repaired.len(), repairs, "{arguments} {repaired:?}");
    }
}

#[test]
fn nothing_is_guessed() {
    for arguments in [
        // A pattern of its own is there: which one is meant?
        r#"{"pattern": "a", "PATTERN": "b"}"#,
        r#"{"pattern": null}"#,
        r#"{"pattern": ["a"]}"#,
        r#"{"pattern": {"a": 1}}"#,
        r#"{"pattern": "a", "max_count": "five"}"#,
        r#"{"pattern": "a", "max_count": "5.5"}"#,
        r#"{"pattern": "a", "max_count": "1e400"}"#,
        r#"{"pattern": "a", "ignore_case": "yes"}"#,
        r#"{"pattern": "a", "ignore_case": 1}"#,
        r#"{'pattern': 'a'}"#,
        r#"{pattern: "a"}"#,
        r#"{"pattern": "a"} {"pattern": "b"}"#,
        r#"Here you are: {"pattern": "a"}"#,
    ] {
        assert!(validate(&spec(), arguments).is_err(), "{arguments}");
    }
}

#[test]
fn errors_as_models_read_them() {
    let mut table = String::new();
    let long = format!(r#"{{"pattern": "a", "max_count": "{}"}}"#, "x".repeat(500));
    for arguments in [
        "",
        "null",
        "[1]",
        "\"text\"",
        "{\"pattern\": \"a",
        "{pattern: 1}",
        r#"{"patern": "a"}"#,
        r#"{"pattern": "a", "case": true, "foo": 1}"#,
        r#"{"pattern": "a", "max_count": "many"}"#,
        r#"{"pattern": "a", "max_count": 0, "ratio": [], "ignore_case": {}, "paths": [[1]]}"#,
        r#"{"pattern": "a", "edits": [{"old": "x"}, {"new": "y"}]}"#,
        r#"{"pattern": "a", "sort": "by_date", "mode": "sha3"}"#,
        &long,
    ] {
        let error = validate(&spec(), arguments).unwrap_err();
        table.push_str(&format!("{}\n{error}\n\n", clip(arguments, 100)));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn no_text_is_no_arguments() {
    let spec = ToolSpec {
        parameters: json!({ "type": "object", "properties": {}, "additionalProperties": false }),
        ..spec()
    };
    for arguments in ["", "  \n", "{}"] {
        assert_eq!(validate(&spec, arguments), Ok((json!({}), Vec::new())));
    }
    let error = validate(&spec, r#"{"a": 1}"#).unwrap_err();
    assert!(error.contains("It takes no fields: send {}."), "{error}");
}

#[test]
fn the_registry_reads_arguments_of_the_tools_it_has() {
    let registry = crate::Registry::builtin();
    assert_eq!(
        registry.read_arguments("calculate", r#"{"Expression": 5}"#),
        Ok(json!({ "expression": "5" }))
    );
    assert!(registry.read_arguments("calculate", "{}").is_err());
    assert!(registry.read_arguments("no_such_tool", "{}").is_err());
}

#[test]
fn every_schema_of_ours_compiles() {
    for spec in crate::Registry::builtin().specs(true) {
        let name = spec.name.clone();
        assert!(Checker::new(spec).validator.is_some(), "{name}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9a-z\\[\\]{}\",.]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(
                "pattern|max_count|maxCount|ratio|ignore_case|paths|edits|old|line|sort|mode|nothing|[a-z]{0,4}",
                inner,
                0..5
            )
            .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn fitting() -> impl Strategy<Value = Value> {
    let text = "[0-9a-zé\\[\\]{}\"`,.\n]{0,12}";
    (
        text,
        prop::option::of(1..1000i64),
        prop::option::of(any::<bool>()),
        prop::option::of(prop::collection::vec(text, 0..4)),
        prop::option::of(prop::option::of(text)),
        prop::option::of(prop::sample::select(vec!["by_name", "by_size"])),
    )
        .prop_map(|(pattern, count, case, paths, nothing, sort)| {
            let mut value = json!({ "pattern": pattern });
            let mut set = |name: &str, field: Option<Value>| {
                if let Some(field) = field {
                    value[name] = field;
                }
            };
            set("max_count", count.map(Value::from));
            set("ignore_case", case.map(Value::from));
            set("paths", paths.map(Value::from));
            set("nothing", nothing.map(Value::from));
            set("sort", sort.map(Value::from));
            value
        })
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in ".{0,80}", json in "[\\[\\]{}\":,0-9a-z\\\\` \n]{0,60}", value in any_value()) {
        let checker = Checker::new(spec());
        let _ = checker.check(&text);
        let _ = checker.check(&json);
        if let Ok((repaired, _)) = checker.check(&value.to_string()) {
            // What comes out fits, and is not repaired again.
            prop_assert_eq!(checker.check(&repaired.to_string()), Ok((repaired, Vec::new())));
        }
    }

    #[test]
    fn what_fits_stays_as_it_is(value in fitting(), pretty in any::<bool>()) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        prop_assert_eq!(validate(&spec(), &text), Ok((value, Vec::new())));
    }

    #[test]
    fn mending_keeps_what_is_valid(value in any_value()) {
        let text = format!("{value:#}");
        prop_assert_eq!(mend::text(&text), text);
    }
}
