//! What holds for every tool that comes with the app.

use nexus_protocol::UnixMillis;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    Registry, Tool, ToolContext, ToolError,
    testing::{call, context},
};

#[test]
fn specs_as_models_read_them() {
    insta::assert_json_snapshot!(Registry::builtin().specs(true));
}

#[test]
fn schemas_are_strict_and_names_are_what_providers_take() {
    for spec in Registry::builtin().specs(true) {
        assert_eq!(spec.parameters["type"], json!("object"), "{}", spec.name);
        assert_eq!(
            spec.parameters["additionalProperties"],
            json!(false),
            "{}",
            spec.name
        );
        assert!(!spec.description.is_empty(), "{}", spec.name);
        assert!(
            (1..=64).contains(&spec.name.len())
                && spec
                    .name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_'),
            "{}",
            spec.name
        );
    }
}

#[tokio::test]
async fn wrong_arguments_are_named_to_the_model() {
    let registry = Registry::builtin();
    let mut table = String::new();
    for (name, arguments) in [
        ("calculate", json!({})),
        ("calculate", json!({ "expression": 5 })),
        ("calculate", json!({ "expression": "1", "precision": 3 })),
        ("calculate", json!("1 + 1")),
        ("current_time", json!({ "timezone": 1 })),
        ("current_time", json!({ "zone": "UTC" })),
        ("current_time", json!([])),
        ("current_time", Value::Null),
    ] {
        let tool = registry.get(name).unwrap();
        let result = call(tool.as_ref(), arguments.clone(), &context()).await;
        let result = result.map(|output| output.text);
        table.push_str(&format!("{name} {arguments}: {result:?}\n"));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn each_tool_is_listed_once() {
    let groups = [
        crate::io::tools(),
        crate::dev::tools(),
        crate::utility::tools(),
    ];
    let names: Vec<String> = groups
        .iter()
        .flatten()
        .map(|tool| tool.spec().name)
        .collect();
    let unique: std::collections::BTreeSet<&String> = names.iter().collect();
    assert_eq!(unique.len(), names.len(), "{names:?}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[0-9a-z+*/^() .%!=-]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("expression|timezone|.{0,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn run(tool: &dyn Tool, arguments: Value) -> Result<crate::ToolOutput, ToolError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(call(tool, arguments, &context()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_arguments_make_a_tool_panic(arguments in any_json()) {
        // Without a working folder: what changes or runs something never gets that far.
        for spec in Registry::builtin().specs(true) {
            let tool = Registry::builtin().get(&spec.name).unwrap();
            if let Ok(output) = run(tool.as_ref(), arguments.clone()) {
                prop_assert!(!output.text.is_empty());
            }
        }
    }

    #[test]
    fn no_expression_is_a_fault_of_the_calculator(
        expression in "([0-9]{1,4}|sqrt|sin|log|[-+*/^%!()., ]|mod|to|of|cm|ft|kg|hex|pi|e|i){0,24}"
    ) {
        let tool = Registry::builtin().get("calculate").unwrap();
        let result = run(tool.as_ref(), json!({ "expression": expression }));
        let fault = matches!(&result, Err(ToolError::Failed(why)) if why.contains("failed on this"));
        prop_assert!(!fault, "{expression}");
    }

    #[test]
    fn no_zone_name_makes_the_clock_panic(zone in ".{0,60}", now in any::<i64>()) {
        let tool = Registry::builtin().get("current_time").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let context = ToolContext { now: UnixMillis(now), ..context() };
        let _ = runtime.block_on(call(tool.as_ref(), json!({ "timezone": zone }), &context));
    }
}
