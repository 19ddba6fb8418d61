//! What front ends and the core say to each other, and what both call things.
//!
//! Owns the words of the project: ids, [`Op`], [`Event`], [`Item`], models, settings, error cards and the
//! frames that a worker process speaks. Refuses to own any I/O, clock or randomness: this crate compiles
//! for wasm32 and everything in it is plain data.

mod action;
mod app_event;
mod change;
mod chat;
mod clock;
mod download;
mod drag;
mod dto;
mod error;
mod event;
mod hub;
mod ids;
mod item;
mod library;
mod model;
mod op;
mod result;
mod routing;
mod session;
mod settings;
pub mod worker;

pub use action::{
    Action, Approval, ApprovalAnswer, BoundFile, Capability, Confinement, FileAccess, FileAction,
    Mode, NetworkAction, Nonce, ProcessAction, ToolLabel,
};
pub use app_event::AppEvent;
pub use change::{ChangeKind, FileChange, UndoConflict, UndoReport, UndoScope};
pub use chat::{
    ChatMessage, ChatRequest, FinishReason, ImageData, Sampling, ToolCallRequest, ToolChoice,
    ToolSpec, UserPart,
};
pub use clock::{Clock, UnixMillis};
pub use download::{Download, DownloadRequest, DownloadStatus};
pub use drag::{FileDrag, GivenFile};
pub use dto::{
    Banner, BannerKind, Bootstrap, DoctorCheck, DoctorReport, DoctorStatus, Door, HighlightClass,
    HighlightSpan, ImportProgress, KeySource, KeyStatus, KeyTest, ModelCatalog, ProviderFailure,
    ProviderView, SandboxView, SearchHit, SettingsView, StarterStatus,
};
pub use error::{ErrorAction, ErrorCard, ErrorCode};
pub use event::{Delta, Event, EventMsg, ModelActivity};
pub use hub::{
    ChoiceState, Fit, FitLabel, Gate, HubDetails, HubModel, HubPage, KnownModel, MemoryEstimate,
    ModelChoice, ModelSkills, SizeGroup,
};
pub use ids::{DownloadId, ItemId, SessionId, SubmissionId, TurnId};
pub use item::{
    AnswerMeta, Attachment, Item, ItemBody, ItemStatus, NoticeLevel, ToolResult, UNDO_NAMES,
};
pub use library::{
    BrokenModel, FoundApp, FoundModel, ImportMode, LocalModelView, LocalModels, Measured,
    ModelOrigin, ModelRemoved, ModelsPlace, MoveProgress,
};
pub use model::{ModelInfo, ModelPlace, ModelRef, Pricing, Usage};
pub use op::{Op, Submission};
pub use result::{
    Chart, ChartKind, DiffHunk, DiffLine, FileDiff, ResultPart, Series, Table, TerminalSpan,
    TreeEntry,
};
pub use routing::{CloudOffer, Routing};
pub use session::{
    ContextUse, NewSession, SessionActivity, SessionState, SessionSummary, Snapshot, TitleSource,
};
pub use settings::{LocalBackend, ModelSettings, ProviderEntry, ProviderKind, Settings, Theme};
