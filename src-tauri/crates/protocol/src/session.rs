//! Sessions as front ends list and open them.

use serde::{Deserialize, Serialize};

use crate::{Item, Mode, ModelRef, Routing, SessionId, TurnId, UnixMillis};

/// A session without its items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// Its id.
    pub id: SessionId,
    /// Shown in the sidebar; empty until the first message.
    pub title: String,
    /// Who chose the title.
    pub title_source: TitleSource,
    /// The model of the last turn, or the one chosen since.
    #[serde(default)]
    pub model: Option<ModelRef>,
    /// How free the agent is.
    #[serde(default)]
    pub mode: Mode,
    /// The working folder, absolute; without one the agent has no tools for files and programs.
    #[serde(default)]
    pub folder: Option<String>,
    /// Where its answers are made; `None` for where its model is.
    #[serde(default)]
    pub routing: Option<Routing>,
    /// The model at the other place, which may be asked too.
    #[serde(default)]
    pub partner: Option<ModelRef>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When something was last said in it.
    pub updated_at: UnixMillis,
}

/// What a new session begins with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewSession {
    /// Its model; `None` for the default one.
    pub model: Option<ModelRef>,
    /// How free the agent is; `None` for Ask.
    pub mode: Option<Mode>,
    /// The working folder, absolute; `None` for none.
    pub folder: Option<String>,
    /// Where its answers are made; `None` for where its model is.
    pub routing: Option<Routing>,
    /// The model at the other place; `None` for the core's choice.
    pub partner: Option<ModelRef>,
}

/// Who chose a title. A later kind replaces an earlier one, never the other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TitleSource {
    /// Nobody yet.
    None,
    /// The first words of the first message.
    FirstWords,
    /// A model.
    Model,
    /// The user.
    User,
}

/// A session as it stands: what was said up to `last_seq`. Events after it continue from here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The session.
    pub session: SessionSummary,
    /// All items, by position, growing ones with all their text so far.
    pub items: Vec<Item>,
    /// The sequence number of the last event that is contained in this.
    pub last_seq: u64,
    /// What it is doing.
    pub activity: SessionActivity,
    /// What filled the model's context at the last call; `None` before the first since the core started.
    #[serde(default)]
    pub context: Option<ContextUse>,
}

/// What fills a model's context. Tokens, estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextUse {
    /// What the model takes, its answer included; 0 where that is not known.
    pub limit: u64,
    /// The agent's and the user's instructions.
    pub instructions: u64,
    /// Descriptions of tools.
    pub tools: u64,
    /// Results of tools: files, output.
    pub files: u64,
    /// What the user and the model said, summaries of it among them.
    pub history: u64,
}

impl ContextUse {
    /// All of it.
    pub fn used(&self) -> u64 {
        self.instructions + self.tools + self.files + self.history
    }
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SessionActivity {
    /// Nothing.
    Idle,
    /// A turn runs.
    Running {
        /// The turn.
        turn: TurnId,
    },
}

/// Why a session in the list wants attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// A turn runs.
    Running,
    /// It waits for the user's word.
    Waiting,
}
