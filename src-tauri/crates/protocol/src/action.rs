//! What a tool call would do, exactly: what the user is asked about and what an approval is bound to.
//!
//! Owns the shape of an action, of an approval and of the modes. Built by the core from the arguments alone, never from a
//! model's description of them. Every field is part of the fingerprint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::FileDiff;

/// How free the agent is in a session. No mode turns the sandbox and the approvals off together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Reading inside the working folder is free; all else is asked for.
    #[default]
    Ask,
    /// Changing files inside the working folder is free too.
    Edits,
    /// Nothing is changed and nothing runs; the turn ends in a plan.
    Plan,
    /// What the sandbox confines to the working folder, without network, is free.
    Auto,
}

/// The strongest thing that a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Nothing: it reads no files, talks to nobody, and ends by itself in bounded time and memory.
    Compute,
    /// Read files.
    Read,
    /// Change files.
    Write,
    /// Run programs.
    Execute,
    /// Talk to other machines.
    Network,
    /// Change the app's own settings.
    Settings,
}

/// A call in a few words: `Read` `src/main.rs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolLabel {
    /// The verb, capitalised: `Read`, `Run`, `Edit`.
    pub verb: String,
    /// What it is done to, as the arguments say; one line, at most 200 characters.
    pub object: String,
}

/// What a call would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The tool.
    pub tool: String,
    /// The strongest thing it does.
    pub capability: Capability,
    /// In a few words.
    pub label: ToolLabel,
    /// The program that runs, where one does.
    #[serde(default)]
    pub process: Option<ProcessAction>,
    /// Files it reads or changes, as far as they are known beforehand.
    #[serde(default)]
    pub files: Vec<FileAction>,
    /// Whom it talks to; `None` for nobody.
    #[serde(default)]
    pub network: Option<NetworkAction>,
    /// SHA-256 of the arguments in canonical JSON, hexadecimal.
    pub arguments_hash: String,
}

/// A program that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessAction {
    /// For colours: `shell`, `python`, `javascript`.
    pub language: String,
    /// The command line or the code, whole, as it runs.
    pub code: String,
    /// The program and its arguments as the system gets them.
    pub argv: Vec<String>,
    /// The folder it starts in, absolute.
    pub cwd: String,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Whether the sandbox holds it.
    pub sandbox: Confinement,
    /// Programs and scripts in the working folder that the line names to be run: path and SHA-256 of each.
    #[serde(default)]
    pub runs: Vec<BoundFile>,
    /// Seconds until it is ended.
    pub time_limit_s: u32,
}

/// Whether the sandbox holds a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Confinement {
    /// All of it.
    Full,
    /// Less than all, or nothing: why, for people, one sentence. Always asked for, whatever the mode and the rules.
    Not {
        /// Why.
        why: String,
    },
}

/// A file whose content an approval is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundFile {
    /// Absolute.
    pub path: String,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
}

/// A file that a call reads or changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileAction {
    /// Absolute, symbolic links resolved.
    pub path: String,
    /// For people and rules: relative to the working folder where it is inside, with `/`; else absolute.
    pub shown: String,
    /// What happens to it.
    pub access: FileAccess,
    /// Whether it is inside the working folder.
    pub inside: bool,
    /// Whether it is one that programs run or trust later: `.git/hooks`, shell start files, editors' settings, our own data.
    /// Never changed without being asked for.
    pub protected: bool,
    /// SHA-256 of what is there now; `None` where nothing is, or where it does not matter.
    #[serde(default)]
    pub before: Option<String>,
    /// SHA-256 of what will be there; `None` where nothing will, or where it is not known.
    #[serde(default)]
    pub after: Option<String>,
    /// What changes, for people.
    #[serde(default)]
    pub diff: Option<FileDiff>,
    /// Whether it can be undone.
    pub undoable: bool,
}

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileAccess {
    /// It is read, or its folder listed.
    Read,
    /// It is made.
    Create,
    /// Its content changes.
    Modify,
    /// It goes.
    Delete,
    /// It gets another name, the next file's of the list.
    MoveFrom,
    /// It gets the content of the file before it in the list.
    MoveTo,
}

impl FileAccess {
    /// Whether it leaves the file as it is.
    pub fn is_read(self) -> bool {
        self == Self::Read
    }
}

/// Whom a call talks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAction {
    /// Hosts; empty for any.
    pub hosts: Vec<String>,
    /// Bytes that are sent, where that is known.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// A one-time number: each approval is answered at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(pub Uuid);

/// A question to the user, and the answer. Part of the tool call's item, so that it is on disk and survives a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Answered once.
    pub nonce: Nonce,
    /// What would be done.
    pub action: Action,
    /// SHA-256 of the action in canonical JSON, hexadecimal. What runs has this fingerprint or does not run.
    pub fingerprint: String,
    /// Why it is asked, for people: one line.
    pub why: String,
    /// What the model said it is for, in its own words: untrusted.
    #[serde(default)]
    pub reason: Option<String>,
    /// The rule that *always* would add, as text; `None` where no rule may cover this.
    #[serde(default)]
    pub rule: Option<String>,
    /// `None` while it waits.
    #[serde(default)]
    pub answer: Option<ApprovalAnswer>,
}

/// What the user answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ApprovalAnswer {
    /// This once.
    Once,
    /// This and what is like it, in this session.
    Session,
    /// By the rule, from now on, in every session.
    Always,
    /// No.
    Deny {
        /// A word to the model; may be empty.
        #[serde(default)]
        word: String,
    },
    /// The turn was stopped before an answer.
    Withdrawn,
}

impl ApprovalAnswer {
    /// Whether it lets the call run.
    pub fn allows(&self) -> bool {
        matches!(self, Self::Once | Self::Session | Self::Always)
    }
}
