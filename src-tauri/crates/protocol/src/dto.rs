//! What commands return to a front end.

use serde::{Deserialize, Serialize};

use crate::{
    ErrorCard, ItemId, ModelInfo, ModelPlace, ModelRef, SessionId, SessionState, SessionSummary,
    Settings, UnixMillis,
};

/// All a window needs to draw itself first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The app's version.
    pub version: String,
    /// Settings and where they are.
    pub settings: SettingsView,
    /// By time of the last word, newest first.
    pub sessions: Vec<SessionSummary>,
    /// All known providers.
    pub providers: Vec<ProviderView>,
    /// Things to say at the top of the window.
    pub banners: Vec<Banner>,
    /// The first-run screen, where it is due: no model was ever chosen.
    pub onboarding: bool,
    /// The starter model.
    pub starter: StarterStatus,
    /// Sessions that run or wait for the user.
    #[serde(default)]
    pub states: Vec<(SessionId, SessionState)>,
    /// What confines programs on this machine.
    #[serde(default)]
    pub sandbox: SandboxView,
}

/// The three doors of the first-run screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// The small model that comes with the app.
    Starter,
    /// A GGUF file of the user's own.
    OwnFile,
    /// A key for a cloud provider.
    CloudKey,
}

/// Settings as a window shows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsView {
    /// As they apply now.
    pub settings: Settings,
    /// The file they are in.
    pub file: String,
    /// The data folder.
    pub data_dir: String,
    /// Names of settings that the environment overrides: the window shows them as fixed.
    pub from_environment: Vec<String>,
}

/// A line at the top of the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Banner {
    /// What kind.
    pub kind: BannerKind,
    /// What to say.
    pub text: String,
}

/// What a banner is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BannerKind {
    /// The settings file is broken: defaults apply, the file is not touched.
    SettingsBroken,
    /// Keys are kept for this run only.
    NoKeychain,
    /// The database or data folder cannot be used.
    StorageBroken,
}

/// A provider as a window shows it. Never its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderView {
    /// Its id.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its address.
    pub base_url: String,
    /// Whether it is on this machine.
    pub place: ModelPlace,
    /// Where to get a key, for people: a web address.
    #[serde(default)]
    pub key_url: Option<String>,
    /// Whether there is a key.
    pub key: KeyStatus,
    /// Whether the user's settings hold it, and so can be edited and removed.
    pub custom: bool,
}

/// Whether a provider has a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum KeyStatus {
    /// It needs none.
    NotNeeded,
    /// None.
    Missing,
    /// There is one.
    Set {
        /// Where from.
        source: KeySource,
    },
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum KeySource {
    /// The system's keychain.
    Keychain,
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// This run's memory: there is no keychain.
    ThisRun,
}

/// How a test of a key went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum KeyTest {
    /// The provider took it.
    Works {
        /// How many models it offers.
        models: u32,
    },
    /// It did not.
    Failed {
        /// Why.
        error: ErrorCard,
    },
}

/// Models to choose from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelCatalog {
    /// On this machine.
    pub local: Vec<ModelInfo>,
    /// Elsewhere, of all providers with a key.
    pub cloud: Vec<ModelInfo>,
    /// On this machine, but making vectors of texts: none of them chats.
    #[serde(default)]
    pub embedding: Vec<ModelInfo>,
    /// Providers whose list could not be read.
    pub failures: Vec<ProviderFailure>,
}

/// A provider whose list could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderFailure {
    /// Its id.
    pub provider: String,
    /// Why.
    pub error: ErrorCard,
}

/// The starter model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StarterStatus {
    /// Its file came with the app and can be put in place.
    Available {
        /// Size, bytes.
        bytes: u64,
    },
    /// In place.
    Installed {
        /// Its name.
        model: ModelRef,
    },
    /// It did not come with this build.
    Missing {
        /// What to do instead.
        reason: String,
    },
}

/// How far the import of a model file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProgress {
    /// Bytes copied and checked.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

/// A place where a search found its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchHit {
    /// The session.
    pub session: SessionId,
    /// Its title.
    pub title: String,
    /// The item; `None` where the title matched.
    #[serde(default)]
    pub item: Option<ItemId>,
    /// Some words around; matches stand between U+0002 and U+0003.
    pub snippet: String,
    /// When it was said.
    pub at: UnixMillis,
}

/// What `nexus doctor` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorReport {
    /// In a sensible order.
    pub checks: Vec<DoctorCheck>,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorCheck {
    /// What was looked at.
    pub name: String,
    /// How it is.
    pub status: DoctorStatus,
    /// What was found, and the remedy where something is missing.
    pub detail: String,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoctorStatus {
    /// Well.
    Ok,
    /// The app works without it, with less.
    Warning,
    /// Something does not work.
    Missing,
}

/// A piece of highlighted code; the pieces put together are the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HighlightSpan {
    /// How to draw it.
    pub class: HighlightClass,
    /// The code.
    pub text: String,
}

/// How to draw a piece of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HighlightClass {
    /// As text.
    Plain,
    /// `fn`, `if`, `import`.
    Keyword,
    /// Strings and characters.
    String,
    /// Numbers, true, nil.
    Constant,
    /// Comments.
    Comment,
    /// Names of functions.
    Function,
    /// Names of types, tags.
    Type,
    /// Attributes, properties, variables with a meaning.
    Attribute,
    /// Lines added in a diff.
    Inserted,
    /// Lines removed in a diff.
    Deleted,
}

/// What confines the programs that tools start, on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxView {
    /// Whether programs are confined. Where not, each is asked for under the title "not sandboxed".
    pub works: bool,
    /// Why not, and what to do, for people; empty where it works.
    pub reason: String,
    /// Its layers: name, whether it works, a version or why not.
    pub layers: Vec<(String, bool, String)>,
}
