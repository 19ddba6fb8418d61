//! How far an action reaches: whether its parts fit together, and what of it no rule and no mode gives.
//!
//! Owns the facts. Refuses to weigh them against a mode or a rule. Actions are built by the core, so a fault is a bug of ours:
//! what is judged is not what would happen, and a person must look.

use nexus_protocol::{Action, Capability, Confinement, FileAccess, FileAction};

/// Something that is asked for whatever the mode and the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond<'a> {
    /// A program that the sandbox does not hold: why.
    Unconfined(&'a str),
    /// The app's own settings.
    Settings,
    /// A file that programs run or trust.
    Protected(&'a FileAction),
    /// A file outside the working folder is changed.
    WritesOutside(&'a FileAction),
    /// A file outside the working folder is read.
    ReadsOutside(&'a FileAction),
    /// Other machines; the hosts, empty for any.
    Network(&'a [String]),
    /// A change that cannot be undone.
    Final(&'a FileAction),
}

/// All of an action that is asked for whatever the mode and the rules, the gravest first.
pub(super) fn beyond(action: &Action) -> Vec<Beyond<'_>> {
    let mut found = Vec::new();
    if let Some(process) = &action.process
        && let Confinement::Not { why } = &process.sandbox
    {
        found.push(Beyond::Unconfined(why));
    }
    if action.capability == Capability::Settings {
        found.push(Beyond::Settings);
    }
    let first = |fits: fn(&FileAction) -> bool| action.files.iter().find(|file| fits(file));
    found.extend(first(|file| !file.access.is_read() && file.protected).map(Beyond::Protected));
    found.extend(first(|file| !file.access.is_read() && !file.inside).map(Beyond::WritesOutside));
    found.extend(first(|file| file.access.is_read() && !file.inside).map(Beyond::ReadsOutside));
    match &action.network {
        Some(network) => found.push(Beyond::Network(&network.hosts)),
        None if action.capability == Capability::Network => found.push(Beyond::Network(&[])),
        None => {}
    }
    found.extend(first(|file| !file.access.is_read() && !file.undoable).map(Beyond::Final));
    found
}

/// Why an action cannot be what it says; for people.
pub(super) fn fault(action: &Action) -> Option<&'static str> {
    let strength = action.capability;
    let writes = action.files.iter().any(|file| !file.access.is_read());
    if action.tool.is_empty() || action.arguments_hash.is_empty() {
        return Some("it does not say what was called");
    }
    if action.process.is_some() && strength < Capability::Execute {
        return Some("it runs a program and says it does less");
    }
    if action.process.is_none() && strength == Capability::Execute {
        return Some("it runs a program and does not say which");
    }
    if writes && strength < Capability::Write {
        return Some("it changes files and says it does less");
    }
    if !writes && strength == Capability::Write {
        return Some("it changes files and does not say which");
    }
    if strength == Capability::Read && action.files.is_empty() {
        return Some("it reads files and does not say which");
    }
    if strength == Capability::Compute && !(action.files.is_empty() && action.network.is_none()) {
        return Some("it says that it only calculates, and names files or machines");
    }
    if strength < Capability::Execute && action.network.is_some() {
        return Some("it talks to other machines and says it does less");
    }
    if let Some(process) = &action.process {
        let whole = !process.argv.is_empty() && is_absolute(&process.cwd);
        if !whole || process.code.is_empty() {
            return Some("it does not say what it runs, or where");
        }
        // Rules judge the line; what runs are the arguments.
        if process.language == "shell"
            && !process.argv.iter().any(|word| word.contains(&process.code))
        {
            return Some("what it runs is not the line that it shows");
        }
    }
    action
        .files
        .iter()
        .find_map(file_fault)
        .or_else(|| moves_fault(&action.files))
}

/// Rules match what is shown; what is touched is the path. They must be one.
fn file_fault(file: &FileAction) -> Option<&'static str> {
    let path = slashed(&file.path);
    if !is_absolute(&path) || has_parent(&path) {
        return Some("a path of it is not a whole one");
    }
    if has_parent(&file.shown) || is_absolute(&file.shown) == file.inside {
        return Some("a file of it is said to be where it is not");
    }
    // On Windows the two differ in `\` and in a prefix.
    let shown = slashed(&file.shown);
    let same = if !file.inside {
        path.ends_with(&shown)
    } else if matches!(shown.as_str(), "" | ".") {
        file.access.is_read()
    } else {
        path.strip_suffix(&shown)
            .is_some_and(|root| root.ends_with('/'))
    };
    (!same).then_some("a file of it is shown as another")
}

fn moves_fault(files: &[FileAction]) -> Option<&'static str> {
    let mut from = false;
    for file in files {
        if from != (file.access == FileAccess::MoveTo) {
            return Some("it moves a file and does not say where from and where to");
        }
        from = file.access == FileAccess::MoveFrom;
    }
    from.then_some("it moves a file and does not say where to")
}

/// A path in the way that rules write it.
pub(super) fn slashed(path: &str) -> String {
    // A name may hold a backslash where `/` parts folders.
    if path.starts_with('/') {
        path.to_owned()
    } else {
        path.replace('\\', "/")
    }
}

/// Whether a path starts at the root of something, on any system.
pub(super) fn is_absolute(path: &str) -> bool {
    let drive = path.get(1..2) == Some(":") && path.starts_with(|c: char| c.is_ascii_alphabetic());
    path.starts_with(['/', '\\']) || drive
}

/// Whether a path goes up.
pub(super) fn has_parent(path: &str) -> bool {
    path.split(['/', '\\']).any(|part| part == "..")
}
