//! Code to a value: as a script whose declarations last, or in a function where it awaits at the top.

use boa_engine::{
    Context, JsError, JsResult, JsValue, Script, Source, builtins::promise::PromiseState,
    object::builtins::JsPromise,
};

use super::host::failure;

/// Runs code and what it leaves to do later. A promise at the end is waited for.
pub(crate) fn evaluate(code: &str, context: &mut Context) -> JsResult<JsValue> {
    let value = match Script::parse(Source::from_bytes(code), None, context) {
        Ok(script) => script.evaluate(context)?,
        // `await` is a syntax error at the top of a script. What is declared beside it lasts for this call alone.
        Err(error) if code.contains("await") => awaiting(code, context).ok_or(error)??,
        Err(error) => return Err(error),
    };
    let done = context.run_jobs();
    let value = match value.as_object().map(JsPromise::from_object) {
        Some(Ok(promise)) => settled(&promise, context)?,
        _ => value,
    };
    done?;
    Ok(value)
}

/// As an expression, else as the body of a function; `None` where it is neither.
fn awaiting(code: &str, context: &mut Context) -> Option<JsResult<JsValue>> {
    let code = code.trim().trim_end_matches(';');
    let forms = [
        format!("(async () => (\n{code}\n))()"),
        // The last line as its value, where it can be one.
        code.rsplit_once('\n')
            .map_or_else(String::new, |(head, last)| {
                format!("(async () => {{\n{head}\nreturn (\n{last}\n);\n}})()")
            }),
        format!("(async () => {{\n{code}\n}})()"),
    ];
    let script = forms
        .iter()
        .filter(|form| !form.is_empty())
        .find_map(|form| Script::parse(Source::from_bytes(form), None, context).ok())?;
    Some(script.evaluate(context))
}

fn settled(promise: &JsPromise, context: &mut Context) -> JsResult<JsValue> {
    match promise.state() {
        PromiseState::Fulfilled(value) => Ok(value),
        PromiseState::Rejected(reason) => Err(JsError::from_opaque(reason)),
        PromiseState::Pending => {
            context.run_jobs()?;
            match promise.state() {
                PromiseState::Fulfilled(value) => Ok(value),
                PromiseState::Rejected(reason) => Err(JsError::from_opaque(reason)),
                PromiseState::Pending => {
                    Err(failure("it waits for something that will never happen"))
                }
            }
        }
    }
}

/// What was thrown, as the model reads it.
pub(crate) fn explain(error: JsError, context: &mut Context) -> String {
    match error.into_opaque(context) {
        Ok(thrown) => {
            let is_error = thrown
                .as_object()
                .is_some_and(|object| object.is::<boa_engine::builtins::error::Error>());
            if is_error {
                thrown.to_string(context).map_or_else(
                    |_| "an error that cannot be shown".to_owned(),
                    |text| text.to_std_string_lossy(),
                )
            } else {
                format!("Uncaught {}", thrown.display())
            }
        }
        Err(error) => error.to_string(),
    }
}
