//! Changes to the file that keep what the user wrote: comments, order, unknown keys. Pure.

use nexus_protocol::ProviderEntry;
use serde_json::Value as Json;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike, Value};

use super::{SettingsError, describe};

/// Sets one top-level value, or takes it out where it is `null`.
pub fn set(document: &mut DocumentMut, name: &str, value: &Json) -> Result<(), SettingsError> {
    if value.is_null() {
        document.remove(name);
        return Ok(());
    }
    let value = toml_value(value).ok_or_else(|| {
        SettingsError::Bad(format!("“{value}” is no value that a setting can have."))
    })?;
    put(document, name, value);
    Ok(())
}

/// Puts a value, with its comment where it is new and its old surroundings where it is not.
pub fn put(document: &mut DocumentMut, name: &str, mut value: Value) {
    match document.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            document.insert(name, Item::Value(value));
            if let Some(mut key) = document.key_mut(name) {
                key.leaf_decor_mut().set_prefix(describe::comment(name));
            }
        }
    }
}

/// A JSON scalar, or a list of them, as TOML. Objects are no settings of this kind.
pub fn toml_value(value: &Json) -> Option<Value> {
    match value {
        Json::Bool(value) => Some(Value::from(*value)),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Some(Value::from(whole)),
            None => number.as_f64().map(Value::from),
        },
        Json::String(text) => Some(Value::from(text.as_str())),
        Json::Array(list) => {
            let values: Option<Vec<Value>> = list.iter().map(toml_value).collect();
            Some(Value::from_iter(values?))
        }
        Json::Null | Json::Object(_) => None,
    }
}

/// Adds a text to a list of texts, where it is not in it yet. What stands beside it stays as it is.
pub fn add_to_list(
    document: &mut DocumentMut,
    name: &str,
    text: &str,
) -> Result<(), SettingsError> {
    match document.get_mut(name) {
        Some(Item::Value(Value::Array(list))) => {
            if !list.iter().any(|value| value.as_str() == Some(text)) {
                list.push(text);
            }
            Ok(())
        }
        Some(_) => Err(SettingsError::Bad(format!(
            "“{name}” in the settings file is no list."
        ))),
        None => {
            put(document, name, Value::from_iter([text]));
            Ok(())
        }
    }
}

/// Adds or replaces a provider. Keys of its table that are not ours stay.
pub fn save_provider(
    document: &mut DocumentMut,
    entry: &ProviderEntry,
) -> Result<(), SettingsError> {
    let item = document
        .entry("providers")
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    match item {
        Item::ArrayOfTables(tables) => {
            if let Some(table) = tables.iter_mut().find(|table| has_id(*table, &entry.id)) {
                return fill(table, entry);
            }
            let mut table = Table::new();
            table.decor_mut().set_prefix("\n");
            fill(&mut table, entry)?;
            tables.push(table);
        }
        // `providers = [{ … }]`: another way to write the same, kept as it is.
        Item::Value(Value::Array(list)) => {
            let found = list
                .iter_mut()
                .filter_map(Value::as_inline_table_mut)
                .find(|table| has_id(*table, &entry.id));
            if let Some(table) = found {
                return fill(table, entry);
            }
            let mut table = toml_edit::InlineTable::new();
            fill(&mut table, entry)?;
            list.push(table);
        }
        _ => {
            return Err(SettingsError::Bad(
                "“providers” in the settings file is no list.".into(),
            ));
        }
    }
    Ok(())
}

/// Takes a provider out.
pub fn remove_provider(document: &mut DocumentMut, id: &str) -> Result<(), SettingsError> {
    let empty = match document.get_mut("providers") {
        Some(Item::ArrayOfTables(tables)) => {
            tables.retain(|table| !has_id(table, id));
            tables.is_empty()
        }
        Some(Item::Value(Value::Array(list))) => {
            list.retain(|value| !value.as_inline_table().is_some_and(|t| has_id(t, id)));
            list.is_empty()
        }
        _ => false,
    };
    if empty {
        document.remove("providers");
    }
    Ok(())
}

fn has_id(table: &dyn TableLike, id: &str) -> bool {
    table.get("id").and_then(Item::as_str) == Some(id)
}

fn fill(table: &mut dyn TableLike, entry: &ProviderEntry) -> Result<(), SettingsError> {
    let json = serde_json::to_value(entry).map_err(|e| SettingsError::Bad(e.to_string()))?;
    for (name, value) in json.as_object().into_iter().flatten() {
        let Some(mut value) = toml_value(value) else {
            continue;
        };
        match table.get_mut(name).and_then(Item::as_value_mut) {
            Some(old) => {
                *value.decor_mut() = old.decor().clone();
                *old = value;
            }
            // An empty name is the same as none.
            None if name == "name" && entry.name.is_empty() => {}
            None => {
                table.insert(name, Item::Value(value));
            }
        }
    }
    Ok(())
}
