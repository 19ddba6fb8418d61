use serde_json::json;

use super::*;
use crate::testing::{call, context};

async fn run(json: &str, query: &str) -> Result<ToolOutput, ToolError> {
    let arguments = json!({ "json": json, "query": query });
    call(&QueryJson, arguments, &context()).await
}

const SHOP: &str = r#"{"items": [
    {"name": "pen", "price": 2, "kind": "office", "tags": ["a", "b"]},
    {"name": "lamp", "price": 30.5, "kind": "home", "tags": []},
    {"name": "desk", "price": 120, "kind": "office", "tags": ["b"]}
], "count": 3, "big": 12345678901234567890123}"#;

#[tokio::test]
async fn filters_as_models_read_them() {
    let mut table = String::new();
    for query in [
        ".count",
        ".big",
        ".items[0]",
        ".items | map(.price) | add",
        ".items[] | select(.price > 10) | .name",
        ".items | group_by(.kind)[] | {kind: .[0].kind, n: length, total: (map(.price) | add)}",
        ".items | sort_by(-.price) | map(.name) | join(\", \")",
        "[.items[].tags[]] | unique",
        ".items | map({(.name): .price}) | add",
        "del(.items) | .count += 1 | .new = {deep: [1]} | .x //= 5 | .count *= 2 | .count -= 1",
        ".items |= map(.name |= ascii_upcase) | .items[1:] | .[].name",
        "to_entries | map(.key)",
        "[paths] | length",
        "[.. | numbers] | max",
        ".items as [{name: $first}] | \"\\($first)!\" | @base64, @uri, @json",
        "def twice(f): f | f; .count | twice(. * 2)",
        "reduce range(10) as $i (0; . + $i), [foreach range(3) as $i (0; . + $i; [$i, .])]",
        "[limit(3; repeat(1))], first(range(5; 10)), [range(0; 10; 3)], [range(3; 0; -1)]",
        ".items | map(.name | test(\"^p\")), (.[0].name | sub(\"p\"; \"P\"))",
        "try error(\"no\") catch ., (.nothing // \"default\"), (.count | if . > 2 then \"many\" else \"few\" end)",
        "\"ab\" * 3, (\"a,b\" / \",\"), ([1, 2, 3] - [2]), 7 % 3, 1 / 4",
        "\"[1,{\\\"a\\\":2}]\" | fromjson | .[1].a, (\"12\" | tonumber), ([1] | tojson)",
        "walk(if type == \"number\" then . + 1 else . end) | .count",
        "getpath([\"items\", 0, \"name\"]), (path(.items[0].name) | tostring), (.items | map(has(\"name\")) | all)",
        "with_entries(select(.value | type == \"number\")) | keys",
        "\"a\\u202eb\"",
        "empty",
        ".items[5].name, 1",
        // What is wrong.
        ".items[",
        ".items | nosuch(1)",
        "$ENV.HOME, env, now, input, $x",
        ".count.name",
        "1, error(\"late\")",
        "import \"x\" as x; .",
        "halt, debug, stderr, (1 | localtime)",
    ] {
        let result = match run(SHOP, query).await {
            Ok(output) => format!("[{}]\n{}", output.summary, output.text),
            Err(error) => format!("{error:?}"),
        };
        table.push_str(&format!("{query}\n{result}\n\n"));
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn texts_of_several_values_and_of_none() {
    assert_eq!(
        run("1 2\n{\"a\": 3}", "tojson").await.unwrap().summary,
        "3 results"
    );
    for json in ["", "{", "{\"a\": }", "nope"] {
        assert!(
            matches!(run(json, ".").await, Err(ToolError::BadArguments(_))),
            "{json}"
        );
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(run(&deep, ".").await.is_err());
}

#[tokio::test]
async fn whatever_takes_too_much_is_stopped() {
    // Each may take as long as a call may.
    let all = std::env::var_os("NEXUS_TEST_FULL").is_some();
    let queries = [
        // Time.
        "def f: f; f",
        "def f: try (1 | f) catch f; f",
        "last(repeat(1))",
        "[range(1e12)] | length",
        "last(range(1e15))",
        "until(false; .)",
        "first(range(1e12) | select(. < 0))",
        "isempty(range(1e12) | select(false) )",
        "last(limit(1e15; repeat(1)))",
        "reduce range(1e12) as $x (0; .)",
        "[range(300)] as $a | last($a[] as $x | $a[] as $y | $a[] as $z | $a[] | 1)",
        "[range(300)] as $a | last($a[$a[$a[]]][$a[]][$a[]]?, [$a[] < $a[]] | length | [$a[] + $a[] + $a[] + $a[]])",
        // Memory.
        "\"a\" * 1000000000000",
        "reduce range(60) as $i (\"a\"; . + .)",
        "reduce range(60) as $i (\"a\"; . * 2)",
        "reduce range(60) as $i (\"a\"; \"\\(.)\\(.)\")",
        "reduce range(60) as $i ([1]; . + .)",
        "reduce range(60) as $i (1; [., .])",
        "reduce range(60) as $i (1; {a: ., b: .})",
        "reduce range(60) as $i (1; . as $x | . as $y | {$x, $y})",
        "reduce range(60) as $i ([1, 1]; .[] = .)",
        "reduce range(60) as $i ([1, 1]; .[] |= [., .])",
        "reduce range(60) as $i ({a: [1]}; .a += .a)",
        "reduce range(60) as $i (\"\\\"\"; tojson)",
        "reduce range(120) as $i (\"%\"; @base64)",
        "reduce range(60) as $i (9; . * .)",
        "[range(1000000) | \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" * 100]",
        "[[range(30)], [range(30)], [range(30)], [range(30)], [range(30)], [range(30)]] | [combinations] | length",
        // The stack.
        "def f: 1 + f; f",
        "def f: [f]; f",
        "def f: f, 1; [f]",
        "def f: f | 1; f",
        "def f(g): f(g | g); f(.)",
        "reduce range(1000000) as $i (null; [.])",
        "reduce range(1000000) as $i (null; {a: .})",
        "reduce range(1000000) as $i (null; [.]) | tojson",
        "\"[\" * 100000 | fromjson",
    ];
    for query in queries.into_iter().step_by(if all { 1 } else { 4 }) {
        let result = run("null", query).await;
        assert!(result.is_err(), "{query}: {result:?}");
    }
}

#[tokio::test]
async fn deep_filters_do_not_exhaust_the_stack() {
    for query in [
        "(".repeat(1000) + "1" + &")".repeat(999),
        "[".repeat(900) + "1" + &"]".repeat(900),
        "-".repeat(1999) + "1",
        "1|".repeat(900) + "1",
        "def f:".repeat(300) + "1",
        "if 1 then ".repeat(190) + "1",
        "try ".repeat(400) + "1",
        "1+".repeat(900) + "1",
    ] {
        // It ends; how is the filter's matter.
        let _ = run("null", &query).await;
    }
}

#[tokio::test]
async fn long_results_are_cut() {
    let output = run("null", "range(100000)").await.unwrap();
    assert!(output.text.len() < run::MAX_OUTPUT + 100);
    assert!(output.text.ends_with("or `length`)"), "{}", output.summary);
}

#[tokio::test]
async fn work_of_a_common_size_is_done() {
    let rows: Vec<Value> = (0..5000)
        .map(|index| json!({ "id": index, "name": format!("row {index}"), "kind": index % 7 }))
        .collect();
    let json = Value::from(rows).to_string();
    for (query, expected) in [
        ("map(select(.kind == 3)) | length", "714"),
        ("group_by(.kind) | map(length) | add", "5000"),
        ("map(.name) | join(\",\") | length", "43889"),
        (
            "[.[] | {id, n: (.name | length)}] | map(.id) | add",
            "12497500",
        ),
        ("map(.id) | add", "12497500"),
    ] {
        assert_eq!(run(&json, query).await.unwrap().text, expected, "{query}");
    }
}
