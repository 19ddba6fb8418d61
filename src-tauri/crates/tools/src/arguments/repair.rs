//! Values that nearly fit a schema, to values that do.
//!
//! Guided by the schema: only what has a type that the schema does not take is touched.

use serde_json::{Map, Number, Value};

use super::Repair;

/// The types that a schema takes, as it names them; empty for any.
pub(super) fn types(schema: &Value) -> Vec<&str> {
    let mut types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => alternatives(schema).flat_map(types).collect(),
    };
    let mut seen = Vec::new();
    types.retain(|it| {
        !seen.contains(it) && {
            seen.push(it);
            true
        }
    });
    types
}

/// The values that a schema, or a list of alternatives, takes and no others; empty where they are not listed.
pub(super) fn choices(schema: &Value) -> impl Iterator<Item = &Value> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let constants = alternatives(schema)
        .chain(schema.as_array().into_iter().flatten())
        .filter_map(|it| it.get("const"));
    listed.chain(constants)
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|key| schema[key].as_array())
        .flatten()
}

fn takes(types: &[&str], value: &Value) -> bool {
    types.is_empty()
        || types.iter().any(|name| match *name {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "number" => value.is_number(),
            // JSON Schema takes 2.0 for a whole number.
            "integer" => {
                value.is_i64()
                    || value.is_u64()
                    || value.as_f64().is_some_and(|it| it.fract() == 0.0)
            }
            _ => true,
        })
}

/// Repairs the fields of an object: spelling, null for “not given”, and their values.
pub(super) fn object(value: &mut Value, schema: &Value, path: &str, repairs: &mut Vec<Repair>) {
    let (Some(fields), Some(known)) = (value.as_object_mut(), schema["properties"].as_object())
    else {
        return;
    };
    if schema["additionalProperties"] == Value::Bool(false) {
        rename(fields, known, repairs);
    }
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|it| it == name))
    };
    fields.retain(|name, field| {
        let drop = field.is_null()
            && !required(name)
            && known.get(name).is_some_and(|it| !takes(&types(it), field));
        if drop {
            repairs.push(Repair::Dropped(join(path, name)));
        }
        !drop
    });
    for (name, field) in fields {
        if let Some(schema) = known.get(name) {
            one(field, schema, &join(path, name), repairs);
        }
    }
}

/// Repairs a value.
fn one(value: &mut Value, schema: &Value, path: &str, repairs: &mut Vec<Repair>) {
    let types = types(schema);
    if !takes(&types, value)
        && let Some(converted) = converted(value, &types)
    {
        *value = converted;
        repairs.push(Repair::Converted(path.to_owned()));
    }
    if let Value::String(text) = value
        && let Some(choice) = near_choice(text, schema)
    {
        *value = choice;
        repairs.push(Repair::Converted(path.to_owned()));
    }
    match value {
        Value::Object(_) => object(value, schema, path, repairs),
        Value::Array(items) if schema["items"].is_object() => {
            for (index, item) in items.iter_mut().enumerate() {
                one(
                    item,
                    &schema["items"],
                    &join(path, &index.to_string()),
                    repairs,
                );
            }
        }
        _ => {}
    }
}

/// The same value in a type that the schema takes.
fn converted(value: &Value, types: &[&str]) -> Option<Value> {
    let has = |name: &str| types.contains(&name);
    let converted = match value {
        Value::String(text) => from_text(text.trim()),
        Value::Number(number) if has("string") => Some(Value::String(number.to_string())),
        Value::Bool(truth) if has("string") => Some(Value::String(truth.to_string())),
        _ => None,
    };
    match converted {
        Some(converted) if takes(types, &converted) => Some(converted),
        // A lone value for a list. Its own type is looked at next.
        _ if has("array") && !value.is_null() => Some(Value::Array(vec![value.clone()])),
        _ => None,
    }
}

/// What a text would be, were it not quoted: no text, and not null.
fn from_text(text: &str) -> Option<Value> {
    match text {
        "True" => Some(Value::Bool(true)),
        "False" => Some(Value::Bool(false)),
        text => serde_json::from_str(text)
            .ok()
            .filter(|value: &Value| !value.is_string() && !value.is_null())
            .filter(exact_number),
    }
}

/// Whether a number was read as it is written: one that is too large for us would become another.
fn exact_number(value: &Value) -> bool {
    value
        .as_number()
        .and_then(Number::as_f64)
        .is_none_or(f64::is_finite)
}

/// The listed value that a text is another spelling of: `SHA-256` for `sha256`.
fn near_choice(text: &str, schema: &Value) -> Option<Value> {
    if choices(schema).any(|choice| choice == text) {
        return None;
    }
    let mut near = choices(schema).filter(|choice| {
        choice
            .as_str()
            .is_some_and(|choice| fold(choice) == fold(text))
    });
    let choice = near.next()?;
    near.next().is_none().then(|| choice.clone())
}

/// Gives unknown fields the one known name that they differ from in case, `-` or `_` alone.
fn rename(fields: &mut Map<String, Value>, known: &Map<String, Value>, repairs: &mut Vec<Repair>) {
    let unknown: Vec<String> = fields
        .keys()
        .filter(|name| !known.contains_key(*name))
        .cloned()
        .collect();
    for from in unknown {
        let mut near = known.keys().filter(|name| fold(name) == fold(&from));
        if let (Some(to), None) = (near.next(), near.next())
            && !fields.contains_key(to)
            && let Some(value) = fields.remove(&from)
        {
            fields.insert(to.clone(), value);
            repairs.push(Repair::Renamed {
                from,
                to: to.clone(),
            });
        }
    }
}

fn fold(name: &str) -> String {
    name.to_lowercase().replace(['-', '_'], "")
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
