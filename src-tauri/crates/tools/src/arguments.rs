//! A model's arguments, checked against the tool's schema before the tool sees them.
//!
//! Owns: reading the JSON text, the repair of near-misses, and the words that tell a model what does not fit. Refuses to guess: what
//! fits is never touched, and a repair changes how a value is written, never which value it is.

mod mend;
mod repair;

use std::fmt;

use jsonschema::{
    ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use nexus_protocol::ToolSpec;
use serde_json::{Map, Value};

/// What was repaired: for logs and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The text was in a code fence, had trailing commas or line breaks inside of strings, or was JSON inside of a JSON string.
    Text,
    /// A field had another spelling.
    Renamed {
        /// As the model wrote it.
        from: String,
        /// As the schema has it.
        to: String,
    },
    /// A value had another type: the path.
    Converted(String),
    /// An optional field was `null`: the path.
    Dropped(String),
}

/// Most errors that are named at once.
const MAX_ERRORS: usize = 3;
/// Characters of a value that an error shows.
const MAX_SHOWN: usize = 60;

/// Reads and checks arguments, and says what was repaired. For one call: a [`crate::Registry`] keeps compiled schemas.
///
/// # Errors
/// Words for the model: what does not fit, what is expected, which fields there are.
pub fn validate(spec: &ToolSpec, arguments: &str) -> Result<(Value, Vec<Repair>), String> {
    Checker::new(spec.clone()).check(arguments)
}

/// A spec with its schema compiled.
pub(crate) struct Checker {
    spec: ToolSpec,
    /// `None` where the schema is none: then the tool alone checks its arguments.
    validator: Option<Validator>,
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Checker").field(&self.spec.name).finish()
    }
}

impl Checker {
    pub(crate) fn new(spec: ToolSpec) -> Self {
        let validator = jsonschema::validator_for(&spec.parameters).ok();
        Self { spec, validator }
    }

    pub(crate) fn check(&self, arguments: &str) -> Result<(Value, Vec<Repair>), String> {
        let mut repairs = Vec::new();
        let mut value = self.read(arguments, &mut repairs)?;
        let Some(validator) = &self.validator else {
            return Ok((value, repairs));
        };
        if validator.is_valid(&value) {
            return Ok((value, repairs));
        }
        repair::object(&mut value, &self.spec.parameters, "", &mut repairs);
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .take(MAX_ERRORS)
            .map(|error| format!("- {}", self.explain(&error)))
            .collect();
        if errors.is_empty() {
            return Ok((value, repairs));
        }
        Err(format!(
            "The arguments of `{}` do not fit.\n{}\n{}",
            self.spec.name,
            errors.join("\n"),
            self.fields()
        ))
    }

    /// JSON text to an object.
    fn read(&self, arguments: &str, repairs: &mut Vec<Repair>) -> Result<Value, String> {
        if arguments.trim().is_empty() {
            return Ok(Value::Object(Map::new()));
        }
        let value = serde_json::from_str(arguments).or_else(|error| {
            let mended = mend::text(arguments);
            let value = serde_json::from_str::<Value>(&mended).map_err(|_| error)?;
            repairs.push(Repair::Text);
            Ok::<Value, serde_json::Error>(value)
        });
        match value {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(Value::String(inner)) => match serde_json::from_str(&mend::text(&inner)) {
                Ok(value @ Value::Object(_)) => {
                    repairs.push(Repair::Text);
                    Ok(value)
                }
                _ => Err(self.not_an_object("a string")),
            },
            Ok(other) => Err(self.not_an_object(kind(&other))),
            Err(error) if error.is_eof() => Err(format!(
                "The arguments of `{}` end in the middle, at character {}: they were cut off. Send them again, in several calls if they are long.",
                self.spec.name,
                arguments.chars().count()
            )),
            Err(error) => Err(format!(
                "The arguments of `{}` are no valid JSON: {error}. Send one JSON object.\n{}",
                self.spec.name,
                self.fields()
            )),
        }
    }

    fn not_an_object(&self, kind: &str) -> String {
        format!(
            "The arguments of `{}` must be one JSON object, not {kind}.\n{}",
            self.spec.name,
            self.fields()
        )
    }

    /// The fields that there are.
    fn fields(&self) -> String {
        let schema = &self.spec.parameters;
        let required = |name: &str| {
            schema["required"]
                .as_array()
                .is_some_and(|names| names.iter().any(|it| it == name))
        };
        let fields: Vec<String> = schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, field)| {
                let choices: Vec<String> = repair::choices(field).map(shown).collect();
                let mut notes = match choices.is_empty() {
                    true => repair::types(field).join(" or "),
                    false => choices.join(" or "),
                };
                if required(name) {
                    notes.push_str(", required");
                }
                format!("{name} ({})", notes.trim_start_matches(", "))
            })
            .collect();
        if fields.is_empty() {
            "It takes no fields: send {}.".to_owned()
        } else {
            format!("Fields: {}.", fields.join("; "))
        }
    }

    fn explain(&self, error: &ValidationError<'_>) -> String {
        let place = match error.instance_path().as_str() {
            "" => String::new(),
            path => format!("`{}`: ", path.trim_start_matches('/').replace('/', ".")),
        };
        let found = || shown(error.instance());
        let words = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let names: Vec<String> = unexpected.iter().map(|it| self.unknown(it)).collect();
                format!("There is no field {}.", names.join(", "))
            }
            ValidationErrorKind::Required { property } => {
                format!("The field {} is missing.", shown(property))
            }
            ValidationErrorKind::Type { kind } => {
                format!("Must be {}, not {}.", expected(kind), found())
            }
            ValidationErrorKind::Enum { options } => {
                let options: Vec<String> = options
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(shown)
                    .collect();
                format!("Must be one of {}, not {}.", options.join(", "), found())
            }
            ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
                let options = self
                    .spec
                    .parameters
                    .pointer(error.schema_path().as_str())
                    .map(|options| repair::choices(options).map(shown).collect::<Vec<_>>())
                    .unwrap_or_default();
                if options.is_empty() {
                    format!("{} fits none of the forms that it may have.", found())
                } else {
                    format!("Must be one of {}, not {}.", options.join(", "), found())
                }
            }
            ValidationErrorKind::Minimum { limit } => {
                format!("Must be at least {limit}, not {}.", found())
            }
            ValidationErrorKind::Maximum { limit } => {
                format!("Must be at most {limit}, not {}.", found())
            }
            _ => format!("{}.", clip(&error.masked_with("It").to_string(), 200)),
        };
        place + &words
    }

    /// A field's name, and the known one that it is near to.
    fn unknown(&self, name: &str) -> String {
        let near = self.spec.parameters["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(known, _)| (strsim::jaro_winkler(known, name), known))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let shown = clip(name, MAX_SHOWN);
        match near {
            Some((_, known)) => format!("\"{shown}\" (did you mean \"{known}\"?)"),
            None => format!("\"{shown}\""),
        }
    }
}

fn expected(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(single) => article(&single.to_string()),
        TypeKind::Multiple(several) => {
            let names: Vec<String> = several.iter().map(|it| article(&it.to_string())).collect();
            names.join(" or ")
        }
    }
}

fn article(name: &str) -> String {
    match name {
        "integer" => "a whole number".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "an object".to_owned(),
        "null" => "null".to_owned(),
        other => format!("a {other}"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The value as JSON, or what it is where that is long.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        value => clip(&value.to_string(), MAX_SHOWN),
    }
}

fn clip(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
