//! What code may do to the world: print, and read and write files. The sandbox around this process says which.

use std::{
    fs,
    io::{self, Write},
    time::UNIX_EPOCH,
};

use boa_engine::{
    Context, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction,
    js_string,
    object::{
        ObjectInitializer,
        builtins::{JsArray, JsUint8Array},
    },
};
use boa_gc::{Finalize, Trace};
use boa_runtime::{ConsoleState, Logger, extensions};

/// Prints to standard error: standard output is for answers.
#[derive(Debug, Trace, Finalize)]
struct Printed;

impl Printed {
    fn line(text: &str, state: &ConsoleState) -> JsResult<()> {
        let indentation = state.indent();
        writeln!(io::stderr(), "{:indentation$}{text}", "").map_err(|error| failed("print", &error))
    }
}

impl Logger for Printed {
    fn log(&self, text: String, state: &ConsoleState, _: &mut Context) -> JsResult<()> {
        Self::line(&text, state)
    }

    fn info(&self, text: String, state: &ConsoleState, _: &mut Context) -> JsResult<()> {
        Self::line(&text, state)
    }

    fn warn(&self, text: String, state: &ConsoleState, _: &mut Context) -> JsResult<()> {
        Self::line(&text, state)
    }

    fn error(&self, text: String, state: &ConsoleState, _: &mut Context) -> JsResult<()> {
        Self::line(&text, state)
    }
}

/// The parts of the web's world that need no network.
pub(crate) fn install(context: &mut Context) -> JsResult<()> {
    boa_runtime::register(extensions::ConsoleExtension(Printed), None, context)
}

/// What `prelude.js` builds `require("fs")` from.
pub(crate) fn functions(context: &mut Context) -> JsObject {
    ObjectInitializer::new(context)
        .function(NativeFunction::from_fn_ptr(read), js_string!("read"), 1)
        .function(NativeFunction::from_fn_ptr(write), js_string!("write"), 3)
        .function(NativeFunction::from_fn_ptr(list), js_string!("list"), 1)
        .function(NativeFunction::from_fn_ptr(about), js_string!("about"), 1)
        .function(
            NativeFunction::from_fn_ptr(make_folder),
            js_string!("makeFolder"),
            2,
        )
        .function(NativeFunction::from_fn_ptr(remove), js_string!("remove"), 2)
        .function(NativeFunction::from_fn_ptr(rename), js_string!("rename"), 2)
        .build()
}

/// An error of our own.
pub(crate) fn failure(text: &str) -> JsError {
    JsNativeError::error().with_message(text.to_owned()).into()
}

fn failed(what: &str, error: &io::Error) -> JsError {
    failure(&format!("{what}: {error}"))
}

fn text(arguments: &[JsValue], at: usize, context: &mut Context) -> JsResult<String> {
    let value = arguments.get(at).cloned().unwrap_or_default();
    Ok(value.to_string(context)?.to_std_string_lossy())
}

fn flag(arguments: &[JsValue], at: usize) -> bool {
    arguments.get(at).is_some_and(JsValue::to_boolean)
}

fn read(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, context)?;
    let bytes = fs::read(&path).map_err(|error| failed(&path, &error))?;
    if flag(arguments, 1) {
        return Ok(js_string!(String::from_utf8_lossy(&bytes).as_ref()).into());
    }
    Ok(JsUint8Array::from_iter(bytes, context)?.into())
}

fn write(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, context)?;
    let content = arguments.get(1).cloned().unwrap_or_default();
    let bytes = match content.as_object().map(JsUint8Array::from_object) {
        Some(Ok(bytes)) => bytes.iter(context).collect::<Vec<u8>>(),
        _ => content
            .to_string(context)?
            .to_std_string_lossy()
            .into_bytes(),
    };
    let mut options = fs::OpenOptions::new();
    if flag(arguments, 2) {
        options.append(true)
    } else {
        options.write(true).truncate(true)
    };
    let written = options
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(&bytes));
    written.map_err(|error| failed(&path, &error))?;
    Ok(JsValue::undefined())
}

fn list(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, context)?;
    let names = fs::read_dir(&path)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(|error| failed(&path, &error))?;
    let mut names: Vec<String> = names
        .iter()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let names = names
        .iter()
        .map(|name| JsValue::from(JsString::from(name.as_str())));
    Ok(JsArray::from_iter(names, context).into())
}

/// `[kind, size, milliseconds since 1970]`, or undefined where nothing is.
fn about(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, context)?;
    let about = match fs::metadata(&path) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(JsValue::undefined()),
        Err(error) => return Err(failed(&path, &error)),
    };
    let kind = if about.is_dir() {
        "directory"
    } else if about.is_file() {
        "file"
    } else {
        "other"
    };
    let changed = about
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0.0, |age| age.as_secs_f64() * 1000.0);
    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers are floats in JavaScript; no file is longer than 9 PB"
    )]
    let size = about.len() as f64;
    let facts = [js_string!(kind).into(), size.into(), changed.into()];
    Ok(JsArray::from_iter(facts, context).into())
}

fn make_folder(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, context)?;
    let made = if flag(arguments, 1) {
        fs::create_dir_all(&path)
    } else {
        fs::create_dir(&path)
    };
    made.map_err(|error| failed(&path, &error))?;
    Ok(JsValue::undefined())
}

fn remove(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, context)?;
    let is_folder = fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir());
    let removed = match (is_folder, flag(arguments, 1)) {
        (true, true) => fs::remove_dir_all(&path),
        (true, false) => fs::remove_dir(&path),
        (false, _) => fs::remove_file(&path),
    };
    removed.map_err(|error| failed(&path, &error))?;
    Ok(JsValue::undefined())
}

fn rename(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let from = text(arguments, 0, context)?;
    let to = text(arguments, 1, context)?;
    fs::rename(&from, &to).map_err(|error| failed(&format!("{from} to {to}"), &error))?;
    Ok(JsValue::undefined())
}
