//! Schemas as the grammar's engine takes them. What it lets through is valid against the schema as it was; the other way
//! round it may be narrower: a model that must guess properties nobody named gains nothing from being allowed to.

use serde_json::{Map, Value, json};

/// Depth to which a schema is looked at.
const DEEPEST: usize = 32;

/// The schema of an answer.
pub(super) fn json(schema: &Value) -> String {
    let mut schema = schema.clone();
    close(&mut schema, DEEPEST);
    if let Value::Object(fields) = &mut schema {
        fields.insert("x-guidance".to_owned(), manner());
    }
    schema.to_string()
}

/// The schema of a tool's arguments: an object in any case.
pub(super) fn arguments(schema: &Value) -> String {
    let mut fields = match schema {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    if !COMBINED.iter().any(|key| fields.contains_key(*key)) {
        fields.insert("type".to_owned(), json!("object"));
    }
    json(&Value::Object(fields))
}

/// On one line, with the spaces that Python's `json` writes, for that is what models have read. A keyword that the engine does
/// not know is left to whoever checks the result.
fn manner() -> Value {
    json!({
        "whitespace_flexible": false,
        "item_separator": ", ?",
        "key_separator": ": ?",
        "lenient": true,
    })
}

/// Keywords that make one schema of several: what is closed in one part would shut out the properties of another.
const COMBINED: [&str; 8] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "$ref",
    "$dynamicRef",
    "dependentSchemas",
];

/// Objects that name their properties have no others.
fn close(schema: &mut Value, depth: usize) {
    let (Value::Object(fields), Some(depth)) = (schema, depth.checked_sub(1)) else {
        return;
    };
    let is_combined = COMBINED.iter().any(|key| fields.contains_key(*key));
    if fields.contains_key("properties")
        && !is_combined
        && !fields.contains_key("patternProperties")
    {
        fields
            .entry("additionalProperties")
            .or_insert(Value::Bool(false));
    }
    for key in ["properties", "$defs", "definitions"] {
        if let Some(Value::Object(inner)) = fields.get_mut(key) {
            inner.values_mut().for_each(|schema| close(schema, depth));
        }
    }
    if let Some(items) = fields.get_mut("items") {
        close(items, depth);
    }
    // Alternatives stand each for itself where nothing is said beside them.
    if !fields.contains_key("properties") {
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::Array(inner)) = fields.get_mut(key) {
                inner.iter_mut().for_each(|schema| close(schema, depth));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(mut schema: Value) -> Value {
        close(&mut schema, DEEPEST);
        schema
    }

    #[test]
    fn objects_are_closed_where_that_changes_nothing_else() {
        let inner = json!({"properties": {"a": {"type": "string"}}});
        let shut = json!({"properties": {"a": {"type": "string"}}, "additionalProperties": false});
        assert_eq!(closed(inner.clone()), shut);
        assert_eq!(
            closed(json!({"items": inner.clone()})),
            json!({"items": shut})
        );
        assert_eq!(
            closed(json!({"anyOf": [inner.clone()]})),
            json!({"anyOf": [shut]})
        );
        for same in [
            json!({"allOf": [inner.clone()]}),
            json!({"properties": {}, "anyOf": [inner.clone()]}),
            json!({"properties": {}, "additionalProperties": {"type": "string"}}),
            json!({"type": "object"}),
            json!(true),
        ] {
            assert_eq!(closed(same.clone()), same);
        }
    }
}
