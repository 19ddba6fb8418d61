//! What an action is, in words: from the action alone, never from what the model says of it. Pure.

use nexus_protocol::{
    Action, ApprovalAnswer, Confinement, FileAccess, FileAction, NetworkAction, ProcessAction,
};

use crate::{format, visible};

/// The heading of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// `Run Python`, `Edit`.
    pub verb: String,
    /// What it is done to; empty where the card shows it in full below.
    pub object: String,
    /// `in the sandbox`.
    pub calm: Vec<&'static str>,
    /// `not sandboxed`, `outside the working folder`: said in red.
    pub grave: Vec<&'static str>,
}

/// The heading for an action.
pub fn title(action: &Action) -> Title {
    let mut title = match &action.process {
        Some(process) => Title {
            verb: run_words(&process.language),
            object: String::new(),
            calm: Vec::new(),
            grave: Vec::new(),
        },
        None => Title {
            verb: visible::plain(&action.label.verb),
            object: visible::plain(&action.label.object),
            calm: Vec::new(),
            grave: Vec::new(),
        },
    };
    match action.process.as_ref().map(|process| &process.sandbox) {
        Some(Confinement::Full) => title.calm.push("in the sandbox"),
        Some(Confinement::Not { .. }) => title.grave.push("not sandboxed"),
        None => {}
    }
    if action.files.iter().any(|file| !file.inside) {
        title.grave.push("outside the working folder");
    }
    title
}

fn run_words(language: &str) -> String {
    match language {
        "shell" | "" => "Run a command".into(),
        "python" => "Run Python".into(),
        "javascript" => "Run JavaScript".into(),
        other => format!("Run {}", visible::plain(other)),
    }
}

/// Whom a call talks to: the words, and whether they are a warning. `None` where nobody would ask.
pub fn network(action: &Action) -> Option<(String, bool)> {
    let words = match (&action.network, &action.process) {
        (None, Some(_)) => return Some(("no network".into(), false)),
        (None, None) => return None,
        (Some(NetworkAction { hosts, .. }), _) if hosts.is_empty() => "network: any host".into(),
        (Some(NetworkAction { hosts, .. }), _) => {
            let hosts: Vec<String> = hosts.iter().map(|host| visible::plain(host)).collect();
            format!("network: {}", hosts.join(", "))
        }
    };
    let sent = action.network.as_ref().and_then(|network| network.bytes);
    let words = match sent {
        Some(bytes) => format!("{words}, sends {}", format::bytes(bytes)),
        None => words,
    };
    Some((words, true))
}

/// What happens to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLine {
    /// `Reads`, `Changes`, `Moves`.
    pub verb: &'static str,
    /// The file.
    pub name: String,
    /// Where it goes, where it moves.
    pub to: Option<String>,
    /// `new`, `can be undone`.
    pub calm: Vec<&'static str>,
    /// What to look at twice.
    pub grave: Vec<&'static str>,
    /// Which of the action's files the diff is of.
    pub index: usize,
}

/// A line a file; the two ends of a move are one.
pub fn file_lines(files: &[FileAction]) -> Vec<FileLine> {
    let mut lines = Vec::with_capacity(files.len());
    let mut at = 0;
    while let Some(file) = files.get(at) {
        let target = files.get(at + 1).filter(|next| {
            file.access == FileAccess::MoveFrom && next.access == FileAccess::MoveTo
        });
        lines.push(file_line(file, target, at));
        at += if target.is_some() { 2 } else { 1 };
    }
    lines
}

fn file_line(file: &FileAction, target: Option<&FileAction>, index: usize) -> FileLine {
    let verb = match file.access {
        FileAccess::Read => "Reads",
        FileAccess::Create => "Writes",
        FileAccess::Modify => "Changes",
        FileAccess::Delete => "Deletes",
        FileAccess::MoveFrom => "Moves",
        FileAccess::MoveTo => "Moves to",
    };
    let ends = || std::iter::once(file).chain(target);
    let mut calm = Vec::new();
    let mut grave = Vec::new();
    if file.access == FileAccess::Create {
        calm.push("new");
    }
    if ends().any(|file| !file.inside) {
        grave.push("outside the working folder");
    }
    if ends().any(|file| file.protected) {
        grave.push("protected: programs trust this file");
    }
    if !file.access.is_read() {
        if ends().all(|file| file.undoable) {
            calm.push("can be undone");
        } else {
            grave.push("cannot be undone");
        }
    }
    FileLine {
        verb,
        name: visible::plain(&file.shown),
        to: target.map(|file| visible::plain(&file.shown)),
        calm,
        grave,
        index,
    }
}

/// Everything else that an approval of a program is bound to: name and value.
pub fn details(process: &ProcessAction) -> Vec<(&'static str, String)> {
    let mut details = vec![
        ("Folder", visible::plain(&process.cwd)),
        (
            "Ends after",
            format::whole_duration(u64::from(process.time_limit_s) * 1000),
        ),
    ];
    for file in &process.runs {
        let hash = file.sha256.get(..12).unwrap_or(&file.sha256);
        details.push((
            "Runs",
            format!("{} (sha256 {hash}…)", visible::plain(&file.path)),
        ));
    }
    let argv: Vec<String> = process
        .argv
        .iter()
        .map(|part| format!("{part:?}"))
        .collect();
    details.push(("Program", visible::plain(&argv.join(" "))));
    let env: Vec<String> = process
        .env
        .iter()
        .map(|(name, value)| visible::plain(&format!("{name}={value}")))
        .collect();
    details.push(("Environment", env.join("\n")));
    details.retain(|(_, value)| !value.is_empty());
    details
}

/// An answer in a few words, for the tool's line.
pub fn answer_words(answer: &ApprovalAnswer) -> String {
    match answer {
        ApprovalAnswer::Once => "allowed once".into(),
        ApprovalAnswer::Session => "allowed for this chat".into(),
        ApprovalAnswer::Always => "always allowed".into(),
        ApprovalAnswer::Deny { word } if word.trim().is_empty() => "denied".into(),
        ApprovalAnswer::Deny { word } => format!("denied: {}", visible::plain(word.trim())),
        ApprovalAnswer::Withdrawn => "not answered".into(),
    }
}

#[cfg(test)]
mod tests;
