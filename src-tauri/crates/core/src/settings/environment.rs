//! Settings from `NEXUS_…` variables. The names come from the struct itself, so that a new setting has its variable
//! without a line here.

use std::collections::BTreeMap;

use nexus_protocol::Settings;
use serde_json::{Map, Value};

use super::{SettingsProblem, validate};

/// The one setting that is a list: `NEXUS_PROVIDERS` holds it as JSON.
pub const PROVIDERS: &str = "providers";

/// A table: `NEXUS_MODELS` holds it as JSON.
pub const MODELS: &str = "models";

/// Settings after the environment.
pub struct Applied {
    /// The result.
    pub settings: Settings,
    /// What was overridden.
    pub names: Vec<String>,
    /// Variables that make no sense: they are left out.
    pub problems: Vec<SettingsProblem>,
}

/// The variable of a setting: `NEXUS_THEME` of `theme`.
pub fn variable(name: &str) -> String {
    format!("NEXUS_{}", name.to_uppercase())
}

/// All settings with their default values.
pub fn defaults() -> Map<String, Value> {
    as_map(&Settings::default())
}

fn as_map(settings: &Settings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(map)) => map,
        // Plain data without maps: there is no way for this to fail.
        _ => Map::new(),
    }
}

/// Puts the variables on top, each on its own: one that makes no sense does not take the others with it.
pub fn apply(mut settings: Settings, variables: &BTreeMap<String, String>) -> Applied {
    let mut names = Vec::new();
    let mut problems = Vec::new();
    for (name, default) in defaults() {
        let variable = variable(&name);
        let Some(text) = variables.get(&variable) else {
            continue;
        };
        let next = value(&default, text).and_then(|value| {
            let mut map = as_map(&settings);
            map.insert(name.clone(), value);
            let next: Settings =
                serde_json::from_value(Value::Object(map)).map_err(|error| error.to_string())?;
            validate::check(&next).map_err(|fault| fault.reason)?;
            Ok(next)
        });
        match next {
            Ok(next) => {
                settings = next;
                names.push(name);
            }
            Err(reason) => problems.push(SettingsProblem {
                source: variable,
                place: None,
                reason,
            }),
        }
    }
    Applied {
        settings,
        names,
        problems,
    }
}

/// The text of a variable as the type that the default has. Where the default is nothing, it is text.
fn value(default: &Value, text: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    match default {
        Value::Bool(_) => match trimmed.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(Value::Bool(true)),
            "0" | "false" | "no" | "off" => Ok(Value::Bool(false)),
            _ => Err(format!("“{trimmed}” is neither true nor false")),
        },
        Value::Number(_) => serde_json::from_str::<serde_json::Number>(trimmed)
            .map(Value::Number)
            .map_err(|_| format!("“{trimmed}” is no number")),
        Value::Array(_) | Value::Object(_) => {
            serde_json::from_str(trimmed).map_err(|error| format!("it is no valid JSON: {error}"))
        }
        Value::Null if trimmed.is_empty() => Ok(Value::Null),
        Value::Null => Ok(Value::String(trimmed.to_owned())),
        Value::String(_) => Ok(Value::String(text.to_owned())),
    }
}
