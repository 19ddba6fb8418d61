//! The files that an agent read and changed, path by path.
//!
//! Owns how they are found in the calls: by what the call's result and the question to the user say of files, else by its
//! arguments. Refuses to ask a model: it would forget some.

use std::collections::BTreeSet;

use nexus_protocol::{Capability, Item, ItemBody, ResultPart};
use serde_json::Value;

use crate::context::estimate::text_tokens;

const CHANGED: &str = "## Files changed";
const READ: &str = "## Files read";
/// Arguments that name files.
const PATHS: [&str; 6] = ["path", "paths", "from", "to", "source", "destination"];
/// Characters of a path in the list.
const MAX_PATH: usize = 300;

/// The list, changed files first, the latest of each first, with at most `tokens`. Empty where there are none.
pub(super) fn list<'a>(
    items: impl Iterator<Item = &'a Item>,
    capability: &dyn Fn(&str) -> Option<Capability>,
    tokens: u64,
) -> String {
    let (mut changed, mut read) = (Latest::default(), Latest::default());
    for item in items {
        note(item, capability, &mut changed, &mut read);
    }
    read.0.retain(|path| !changed.0.contains(path));
    let mut left = tokens;
    let sections = [(CHANGED, changed), (READ, read)];
    let sections = sections.into_iter().filter_map(|(heading, paths)| {
        let section = section(heading, &paths.0, left)?;
        left = left.saturating_sub(text_tokens(&section) + 1);
        Some(section)
    });
    sections.collect::<Vec<_>>().join("\n\n")
}

/// A summary without its list of files: the next one has its own.
pub(super) fn without(summary: &str) -> &str {
    let at = [CHANGED, READ]
        .iter()
        .filter_map(|heading| summary.find(&format!("\n\n{heading}\n")))
        .min();
    at.and_then(|at| summary.get(..at)).unwrap_or(summary)
}

/// Paths, the latest last.
#[derive(Default)]
struct Latest(Vec<String>);

impl Latest {
    fn add(&mut self, path: &str) {
        let path = path.split_whitespace().collect::<Vec<_>>().join(" ");
        let path: String = path.chars().take(MAX_PATH).collect();
        if !path.is_empty() {
            self.0.retain(|known| *known != path);
            self.0.push(path);
        }
    }
}

fn note(
    item: &Item,
    capability: &dyn Fn(&str) -> Option<Capability>,
    changed: &mut Latest,
    read: &mut Latest,
) {
    let ItemBody::ToolCall {
        name,
        arguments,
        approval,
        result: Some(result),
        ..
    } = &item.body
    else {
        return;
    };
    if !result.ok {
        return;
    }
    let mut known = BTreeSet::new();
    for file in approval.iter().flat_map(|it| &it.action.files) {
        known.insert(file.shown.clone());
        if file.access.is_read() {
            read.add(&file.shown);
        } else {
            changed.add(&file.shown);
        }
    }
    for part in &result.parts {
        if let ResultPart::Diff { diff } = part {
            known.insert(diff.path.clone());
            changed.add(&diff.path);
        }
    }
    if !known.is_empty() {
        return;
    }
    let into = match capability(name) {
        Some(Capability::Read) => read,
        Some(Capability::Write) => changed,
        _ => return,
    };
    let arguments = serde_json::from_str::<Value>(arguments).unwrap_or_default();
    for value in PATHS.iter().filter_map(|name| arguments.get(*name)) {
        match value {
            Value::String(path) => into.add(path),
            Value::Array(paths) => paths
                .iter()
                .filter_map(Value::as_str)
                .for_each(|path| into.add(path)),
            _ => {}
        }
    }
}

fn section(heading: &str, paths: &[String], tokens: u64) -> Option<String> {
    let more = |count: usize| format!("\n- and {count} more");
    let mut text = heading.to_owned();
    let mut left = tokens.checked_sub(text_tokens(heading) + text_tokens(&more(paths.len())))?;
    let mut shown = 0;
    for path in paths.iter().rev() {
        let line = format!("\n- {path}");
        match left.checked_sub(text_tokens(&line)) {
            Some(rest) => left = rest,
            None => break,
        }
        text.push_str(&line);
        shown += 1;
    }
    if shown < paths.len() {
        text.push_str(&more(paths.len() - shown));
    }
    (!paths.is_empty()).then_some(text)
}
