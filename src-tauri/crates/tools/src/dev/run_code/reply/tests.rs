use nexus_protocol::ResultPart;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Reply;

fn read(value: Value) -> Reply {
    serde_json::from_value(value).unwrap()
}

#[test]
fn whatever_is_answered_is_bounded() {
    let long = "x".repeat(400);
    let row = vec![long.clone(); 60];
    let table = json!({ "columns": row, "rows": vec![row.clone(); 210], "total_rows": 1 });
    let values: Vec<f64> = (0..1000).map(f64::from).collect();
    let series = json!({ "name": long, "values": values });
    let chart = json!({
        "kind": "bar", "title": long, "labels": vec![long.clone(); 600], "series": vec![series; 20],
    });
    let image = format!("iVBORw0KGgo{}", "A".repeat(2 << 20));
    let shown = read(json!({
        "value": long, "error": long,
        "tables": vec![table; 5], "charts": vec![chart; 5], "images": vec![image; 3],
    }))
    .show();
    assert!(shown.failed);
    assert_eq!(shown.images.len(), 1, "the second would be past 3 MiB");
    let (mut tables, mut charts) = (0, 0);
    for part in &shown.parts {
        match part {
            ResultPart::Table { table } => {
                tables += 1;
                assert_eq!(
                    (table.columns.len(), table.rows.len(), table.total_rows),
                    (50, 200, 200)
                );
                assert!(table.rows.iter().all(|row| row.len() == 50));
            }
            ResultPart::Chart { chart } => {
                charts += 1;
                assert_eq!((chart.labels.len(), chart.series.len()), (500, 8));
                assert!(chart.series.iter().all(|series| series.values.len() == 500));
            }
            _ => {}
        }
    }
    assert_eq!((tables, charts), (4, 4));
}

#[test]
fn what_is_no_png_is_no_image() {
    for image in ["", "iVBORw0KGgo<script>", "R0lGODdh", "../../etc/passwd"] {
        let shown = read(json!({ "images": [image] })).show();
        assert!(shown.parts.is_empty() && shown.images.is_empty(), "{image}");
        assert_eq!(
            shown.lines,
            ["[an image was left out: it is no PNG or too big]"]
        );
    }
}

#[test]
fn what_is_not_an_answer_is_none() {
    for text in [
        "{\"extra\":1}",
        "[]",
        "null",
        "{\"charts\":[{\"kind\":\"pie\"}]}",
        "{\"images\":[1]}",
    ] {
        assert!(serde_json::from_str::<Reply>(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_control_characters_are_left(value in any::<String>(), name in any::<String>()) {
        let shown = read(json!({
            "value": value,
            "tables": [{ "columns": [name], "rows": [[value]], "total_rows": 0 }],
        }))
        .show();
        let text = format!("{:?}", shown.lines.concat().replace(['\n', '\t'], ""));
        prop_assert!(!text.contains("\\u{1b}") && !text.contains("\\u{7}"), "{}", text);
    }
}
