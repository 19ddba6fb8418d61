use serde_json::json;

use super::*;
use crate::testing::{call, context};

async fn at(now: i64, arguments: Value) -> String {
    let context = ToolContext {
        now: UnixMillis(now),
        ..context()
    };
    match call(&CurrentTime, arguments, &context).await {
        Ok(output) => format!("{}\n[{}]", output.text, output.summary),
        Err(error) => format!("error: {error}"),
    }
}

#[tokio::test]
async fn tells_the_time_anywhere() {
    let mut table = String::new();
    // 2026-11-22T19:14:35.999Z, 2026-03-29T00:59:59Z (a second before Berlin's clocks change) and before 1970.
    for (now, arguments) in [
        (1_795_374_875_999, json!({})),
        (1_795_374_875_999, json!({ "timezone": null })),
        (1_795_374_875_999, json!({ "timezone": "Europe/Berlin" })),
        (1_795_374_875_999, json!({ "timezone": "asia/kathmandu" })),
        (1_795_374_875_999, json!({ "timezone": "America/New_York" })),
        (1_774_745_999_000, json!({ "timezone": "Europe/Berlin" })),
        (1_774_746_000_000, json!({ "timezone": "Europe/Berlin" })),
        (-1, json!({ "timezone": "UTC" })),
        (i64::MAX, json!({})),
    ] {
        table.push_str(&format!(
            "{now} {arguments}\n{}\n\n",
            at(now, arguments.clone()).await
        ));
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn unknown_zones_name_near_ones() {
    let mut table = String::new();
    for zone in [
        "Berlin",
        "New York",
        "Europe/Berln",
        "Tokio",
        "Mars/Olympus",
        "",
        "../../etc/passwd",
        "EST5EDT4,M3.2.0",
        "Xqzzw",
    ] {
        table.push_str(&format!(
            "{zone}: {}\n",
            at(0, json!({ "timezone": zone })).await
        ));
    }
    insta::assert_snapshot!(table);
}
