use std::time::{Duration, Instant};

use serde_json::json;

use super::*;
use crate::testing::{call, context};

async fn calculate(expression: &str) -> Result<ToolOutput, ToolError> {
    call(&Calculate, json!({ "expression": expression }), &context()).await
}

async fn text(expression: &str) -> String {
    match calculate(expression).await {
        Ok(output) => output.text,
        Err(error) => format!("error: {error}"),
    }
}

#[tokio::test]
async fn arithmetic_is_exact_and_units_convert() {
    let mut table = String::new();
    for expression in [
        "0.1 + 0.2",
        "2^100",
        "1/3 + 1/4 to fraction",
        "15% of 240",
        "5 feet 10 inches to cm",
        "22/7 to 5 dp",
        "sqrt(2)",
        "@2026-11-22 + 90 days",
        "sin(30°)",
        "0xff to binary",
        "100 km/h to m/s",
        "a = 5; a * 2",
        "30!",
        "98 °F to °C",
        "-3 mod 5",
    ] {
        table.push_str(&format!("{expression}  =>  {}\n", text(expression).await));
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn what_cannot_be_computed_is_said_to_the_model() {
    let mut table = String::new();
    for expression in [
        "",
        "   ",
        "1/0",
        "5 kg to m",
        "what is love",
        "1 usd to eur",
        "random",
        "roll d6",
        "f = \\x. f x; f 1",
        "(x: x x) (x: x x)",
        "(x => x) 1",
    ] {
        table.push_str(&format!("{expression}  =>  {}\n", text(expression).await));
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn overlong_expressions_are_refused() {
    let expression = "1+".repeat(1001);
    assert_eq!(
        calculate(&expression).await,
        Err(ToolError::BadArguments(
            "The expression has 2002 characters, at most 2000 are allowed. Compute it in parts."
                .into()
        ))
    );
}

#[tokio::test]
async fn heavy_work_is_stopped_in_time() {
    for expression in [
        "10^10^10",
        "(10^7)!",
        "9^9^9^9",
        "2^(2^40)",
        "1 << (10^12)",
        "(3^(10^6)) mod 7 + (7^(10^7))",
        "fib(10^9)",
        "1/(3^(10^6)) to 1000000 dp",
    ] {
        let began = Instant::now();
        let result = calculate(expression).await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(4), "{expression} took {took:?}");
        if let Ok(output) = result {
            assert!(output.text.len() < MAX_OUTPUT + 200, "{expression}");
        }
    }
}

#[tokio::test]
async fn deep_nesting_does_not_exhaust_the_stack() {
    for expression in [
        "(".repeat(2000),
        format!("{}1{}", "(".repeat(999), ")".repeat(999)),
        "-".repeat(2000),
        format!("{}1", "-".repeat(1999)),
        format!("{}1", "sqrt ".repeat(399)),
        format!("{}1", "1^".repeat(999)),
        format!("1{}", "!".repeat(1999)),
        format!("{}1", "a=".repeat(999)),
        format!("{}1", "1/".repeat(999)),
        format!("{}1", "1;".repeat(999)),
        format!("{}1", "1 to ".repeat(399)),
        format!("{}1", "not ".repeat(499)),
        format!("{}1", "of ".repeat(600)),
        "@".repeat(2000),
        "'".repeat(2000),
    ] {
        // The answer does not matter: that there is one does.
        let _ = calculate(&expression).await;
    }
}

#[tokio::test]
async fn long_results_are_cut() {
    let output = calculate("7^20000").await.unwrap();
    assert!(
        output.text.len() < MAX_OUTPUT + 200,
        "{}",
        output.text.len()
    );
    assert!(
        output.text.ends_with(
            "… (cut: the result has 16902 characters; ask for fewer digits, such as `to 10 sf`)"
        ),
        "{}",
        output.text
    );
    assert_eq!(output.summary.chars().count(), MAX_SUMMARY + 1);
}

#[tokio::test]
async fn cancelling_ends_the_call_at_once() {
    let context = context();
    let cancel = context.cancel.clone();
    let began = Instant::now();
    let (result, ()) = tokio::join!(
        call(&Calculate, json!({ "expression": "10^10^10" }), &context),
        async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            cancel.cancel();
        }
    );
    assert_eq!(result, Err(ToolError::Failed("Cancelled.".into())));
    assert!(began.elapsed() < Duration::from_millis(400));
}
