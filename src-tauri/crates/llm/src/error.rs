//! Why a model call failed, and who can do something about it.

use std::{fmt, time::Duration};

use nexus_protocol::{Clock, ErrorAction, ErrorCard, ErrorCode, UnixMillis};

/// A provider as errors carry it: what the app knows it by, and what people do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderLabel {
    /// The part of a model's name before the slash.
    pub id: String,
    /// The name in Settings.
    pub name: String,
}

impl fmt::Display for ProviderLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// One whose name is its id.
impl From<&str> for ProviderLabel {
    fn from(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: id.to_owned(),
        }
    }
}

/// Why a call of a model failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// No key is set.
    #[error("no key is set for {provider}")]
    KeyMissing {
        /// Who.
        provider: ProviderLabel,
    },
    /// 401.
    #[error("{provider} refused the key: {message}")]
    KeyRefused {
        /// Who.
        provider: ProviderLabel,
        /// Its words.
        message: String,
    },
    /// 402.
    #[error("{provider} asks for payment: {message}")]
    PaymentRequired {
        /// Who.
        provider: ProviderLabel,
        /// Its words.
        message: String,
    },
    /// 403.
    #[error("{provider} does not allow this: {message}")]
    Forbidden {
        /// Who.
        provider: ProviderLabel,
        /// Its words.
        message: String,
    },
    /// 404.
    #[error("{provider} knows no such model or address: {message}")]
    NotFound {
        /// Who.
        provider: ProviderLabel,
        /// Its words.
        message: String,
    },
    /// 400, 422 and other 4xx, and redirects, which are never followed.
    #[error("{provider} refused the request ({status}): {message}")]
    RequestRefused {
        /// Who.
        provider: ProviderLabel,
        /// HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// 429, when all tries are used up.
    #[error("{provider} limits requests: {message}")]
    RateLimited {
        /// Who.
        provider: ProviderLabel,
        /// Its words.
        message: String,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// 408, 409, 425, 5xx, when all tries are used up, or an error object within the stream.
    #[error("{provider} failed ({status}): {message}")]
    ProviderDown {
        /// Who.
        provider: ProviderLabel,
        /// HTTP status, or the code in the error object; 0 where there was none.
        status: u16,
        /// Its words.
        message: String,
    },
    /// No connection: name, refusal, TLS.
    #[error("{provider} could not be reached: {message}")]
    Unreachable {
        /// Who.
        provider: ProviderLabel,
        /// Why.
        message: String,
    },
    /// The offline switch is on, and the provider is on another machine.
    #[error("you are offline by your own choice")]
    Offline {
        /// Who was not asked.
        provider: ProviderLabel,
    },
    /// An address that is not called: no web address, or a key would travel in clear.
    #[error("the address of {provider} cannot be used: {message}")]
    BadAddress {
        /// Who.
        provider: ProviderLabel,
        /// Why.
        message: String,
    },
    /// Silence for too long.
    #[error("{provider} went silent while {phase}")]
    TimedOut {
        /// Who.
        provider: ProviderLabel,
        /// When.
        phase: Phase,
    },
    /// The stream broke before its end.
    #[error("the connection to {provider} broke: {message}")]
    ConnectionLost {
        /// Who.
        provider: ProviderLabel,
        /// How.
        message: String,
    },
    /// An answer that is none: a web page, no event stream, a line or a body past the limits.
    #[error("{provider} sent no valid answer: {message}")]
    BadAnswer {
        /// Who.
        provider: ProviderLabel,
        /// What was wrong.
        message: String,
    },
    /// The conversation does not fit.
    #[error("the conversation has {needed} tokens, the model takes {limit}")]
    ContextOverflow {
        /// Tokens needed; 0 where unknown.
        needed: u32,
        /// Tokens the model takes; 0 where unknown.
        limit: u32,
    },
    /// A local model.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The caller's wish.
    #[error("cancelled")]
    Cancelled,
}

/// What a call was waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The connection.
    Connecting,
    /// The first byte of the answer.
    Headers,
    /// The next bytes of the stream.
    Stream,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Headers => "waiting for the first answer",
            Self::Stream => "the answer was coming",
        })
    }
}

/// Why a local model failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LocalError {
    /// No file at the path.
    #[error("there is no file at {path}")]
    FileMissing {
        /// The path.
        path: String,
    },
    /// Not GGUF, or damaged.
    #[error("{path} is no valid GGUF file: {reason}")]
    NotGguf {
        /// The path.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A folder that should hold a model, and does not, or a damaged one.
    #[error("{path} is no model that can be read: {reason}")]
    BadFolder {
        /// The folder.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// An architecture the engine does not know.
    #[error("models of the architecture {architecture} cannot be run here")]
    UnsupportedArchitecture {
        /// As the file says.
        architecture: String,
    },
    /// A tensor type the engine does not know.
    #[error("the quantization {quantization} cannot be run here")]
    UnsupportedQuantization {
        /// Its name, or number.
        quantization: String,
    },
    /// Not enough memory.
    #[error("the model needs {need} bytes of memory, {have} are free")]
    TooBig {
        /// Bytes.
        need: u64,
        /// Bytes.
        have: u64,
    },
    /// The worker program is not there.
    #[error("the program that runs local models is missing: {path}")]
    WorkerMissing {
        /// Where it was looked for.
        path: String,
    },
    /// The worker died or broke its protocol.
    #[error("the model's process ended: {reason}")]
    WorkerDied {
        /// How.
        cause: WorkerDeath,
        /// What is known, in sentences.
        reason: String,
    },
    /// Every engine that knows the file died of it, again and again.
    #[error("{path} does not run here: {reason}")]
    Incompatible {
        /// The path.
        path: String,
        /// Each engine's reason, in sentences.
        reason: String,
    },
    /// This machine could confine the worker, but it does not work, and running it unconfined was not allowed.
    #[error("the model's process cannot be sandboxed: {reason}")]
    Unconfined {
        /// Why, a sentence.
        reason: String,
    },
    /// The worker did not answer in time and was killed.
    #[error("the model did not answer within {seconds} s")]
    Timeout {
        /// Seconds.
        seconds: u64,
    },
}

/// How a worker process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerDeath {
    /// It could not be started, or the app ends.
    NotStarted,
    /// Something outside ended it.
    Killed {
        /// The signal.
        signal: i32,
    },
    /// It failed within: SIGSEGV, SIGABRT, SIGILL and the like.
    Crashed {
        /// The signal.
        signal: i32,
    },
    /// It needed more memory than it was given, or than there was.
    OutOfMemory {
        /// What it was given, bytes; `None` where nothing was set.
        limit: Option<u64>,
    },
    /// It exited.
    Exited {
        /// Its code.
        code: i32,
    },
    /// It was ended because its engine failed or it sent what it should not.
    Misbehaved,
    /// It ended itself: the model's chat template took more time or memory than any real one does.
    Template,
}

impl WorkerDeath {
    /// Whether a new process may do better at once.
    pub fn is_worth_a_restart(self) -> bool {
        !matches!(
            self,
            Self::NotStarted | Self::OutOfMemory { .. } | Self::Template
        )
    }
}

impl ModelError {
    /// Whether the same call may do better a little later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::ProviderDown { .. }
                | Self::Unreachable { .. }
                | Self::TimedOut { .. }
                | Self::ConnectionLost { .. }
        )
    }

    /// Whether the way to the provider is at fault, not the provider: a model on this machine would do better.
    pub fn is_network(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::TimedOut { .. }
                | Self::ConnectionLost { .. }
                | Self::Offline { .. }
        )
    }

    /// The card that people see.
    pub fn card(&self, clock: &dyn Clock) -> ErrorCard {
        use ErrorCode as C;
        let open = |provider: &ProviderLabel| ErrorAction::OpenProvider {
            provider: provider.id.clone(),
        };
        match self {
            Self::KeyMissing { provider } => ErrorCard::new(
                C::KeyMissing,
                format!("No key for {provider}"),
                "Add a key in Settings, or choose a model on this machine.",
                open(provider),
            ),
            Self::KeyRefused { provider, message } => ErrorCard::new(
                C::KeyRefused,
                format!("{provider} refused the key"),
                format!("Check or replace the key in Settings. The provider says: {message}"),
                open(provider),
            ),
            Self::PaymentRequired { provider, message } => ErrorCard::new(
                C::PaymentRequired,
                format!("No credit left at {provider}"),
                format!("Add credit there, or choose another model. The provider says: {message}"),
                ErrorAction::ChooseModel,
            ),
            Self::Forbidden { provider, message } => ErrorCard::new(
                C::Forbidden,
                format!("{provider} does not allow this"),
                format!("The key may lack access to this model. The provider says: {message}"),
                ErrorAction::ChooseModel,
            ),
            Self::NotFound { provider, message } => ErrorCard::new(
                C::NotFound,
                format!("{provider} does not know this model"),
                format!(
                    "Choose another model, or check the provider's address. The provider says: {message}"
                ),
                ErrorAction::ChooseModel,
            ),
            Self::RequestRefused {
                provider,
                status,
                message,
            } => ErrorCard::new(
                C::RequestRefused,
                format!("{provider} refused the request"),
                format!("Status {status}. The provider says: {message}"),
                ErrorAction::Retry,
            ),
            Self::RateLimited {
                provider,
                message,
                retry_after,
            } => {
                let wait = retry_after.unwrap_or(Duration::from_secs(30));
                let at = clock
                    .now()
                    .0
                    .saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
                ErrorCard::new(
                    C::RateLimited,
                    format!("{provider} is limiting requests"),
                    format!(
                        "Try again in {} s. The provider says: {message}",
                        wait.as_secs().max(1)
                    ),
                    ErrorAction::RetryAt { at: UnixMillis(at) },
                )
            }
            Self::ProviderDown {
                provider,
                status,
                message,
            } => ErrorCard::new(
                C::ProviderDown,
                format!("{provider} has trouble"),
                match status {
                    0 => format!("Try again in a moment. The provider says: {message}"),
                    status => format!(
                        "Status {status}. Try again in a moment. The provider says: {message}"
                    ),
                },
                ErrorAction::Retry,
            ),
            Self::Unreachable { provider, message } => ErrorCard::new(
                C::Unreachable,
                format!("{provider} cannot be reached"),
                format!("Check the connection and the provider's address. {message}"),
                ErrorAction::Retry,
            ),
            Self::Offline { provider } => ErrorCard::offline(format!(
                "{provider} is on another machine, and nothing is sent there now. Go online, or choose a model on this machine."
            )),
            Self::BadAddress { provider, message } => ErrorCard::new(
                C::Settings,
                format!("The address of {provider} cannot be used"),
                format!("Correct it in Settings: {message}."),
                open(provider),
            ),
            Self::TimedOut { provider, phase } => ErrorCard::new(
                C::TimedOut,
                format!("{provider} went silent"),
                format!("Nothing came while {phase}. Try again."),
                ErrorAction::Retry,
            ),
            Self::ConnectionLost { provider, message } => ErrorCard::new(
                C::ConnectionLost,
                "The connection broke",
                format!("{provider} stopped in the middle of the answer. {message}"),
                ErrorAction::Continue,
            ),
            Self::BadAnswer { provider, message } => ErrorCard::new(
                C::BadAnswer,
                format!("{provider} sent no valid answer"),
                format!("Is the address right, and is there a sign-in page in between? {message}"),
                open(provider),
            ),
            Self::ContextOverflow { needed, limit } => ErrorCard::new(
                C::ContextOverflow,
                "This chat is too long for the model",
                match (needed, limit) {
                    (0, _) | (_, 0) => {
                        "Start a new chat, or choose a model with a larger context.".to_owned()
                    }
                    (needed, limit) => format!(
                        "It has about {needed} tokens, the model takes {limit}. Start a new chat, or choose a model with a larger context."
                    ),
                },
                ErrorAction::ChooseModel,
            ),
            Self::Local(error) => error.card(),
            Self::Cancelled => ErrorCard::new(
                C::Cancelled,
                "Stopped",
                "You stopped the answer.",
                ErrorAction::Continue,
            ),
        }
    }
}

impl LocalError {
    /// The card that people see.
    pub fn card(&self) -> ErrorCard {
        use ErrorCode as C;
        let gib = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
        match self {
            Self::FileMissing { path } => ErrorCard::new(
                C::FileMissing,
                "The model file is gone",
                format!("There is no file at {path}. Put it back, or choose another model."),
                ErrorAction::ChooseModel,
            ),
            Self::NotGguf { path, reason } => ErrorCard::new(
                C::NotGguf,
                "This is no valid GGUF file",
                format!("{path}: {reason}. Download it again, or choose another file."),
                ErrorAction::ChooseModel,
            ),
            Self::BadFolder { path, reason } => ErrorCard::new(
                C::NotGguf,
                "This folder holds no model that can be read",
                format!("{path}: {reason}. Download it again, or choose another model."),
                ErrorAction::ChooseModel,
            ),
            Self::UnsupportedArchitecture { architecture } => ErrorCard::new(
                C::UnsupportedArchitecture,
                "This kind of model is not supported",
                format!(
                    "Models of the architecture “{architecture}” cannot be run here yet. Choose another model."
                ),
                ErrorAction::ChooseModel,
            ),
            Self::UnsupportedQuantization { quantization } => ErrorCard::new(
                C::UnsupportedQuantization,
                "This quantization is not supported",
                format!(
                    "{quantization} cannot be run here. Q4_0, Q4_K_M, Q6_K and Q8_0 files can."
                ),
                ErrorAction::ChooseModel,
            ),
            Self::TooBig { need, have } => ErrorCard::new(
                C::TooBig,
                "This model needs more memory",
                format!(
                    "It needs {}, {} are free. Close other programs, or choose a smaller model.",
                    gib(*need),
                    gib(*have)
                ),
                ErrorAction::ChooseModel,
            ),
            Self::WorkerMissing { path } => ErrorCard::new(
                C::WorkerMissing,
                "Local models cannot run",
                format!(
                    "The program nexus-worker was not found at {path}. Install the app again, or build it with `cargo xtask setup`."
                ),
                ErrorAction::ChooseModel,
            ),
            Self::WorkerDied {
                cause: WorkerDeath::OutOfMemory { limit },
                reason,
            } => ErrorCard::new(
                C::TooBig,
                "The model ran out of memory",
                match limit {
                    Some(limit) => format!(
                        "{reason} It was given {}. Close other programs, start a new chat, or choose a smaller model.",
                        gib(*limit)
                    ),
                    None => format!(
                        "{reason} Close other programs, start a new chat, or choose a smaller model."
                    ),
                },
                ErrorAction::ChooseModel,
            ),
            Self::WorkerDied {
                cause: WorkerDeath::Template,
                reason,
            } => ErrorCard::new(
                C::WorkerDied,
                "This model's chat template does not work",
                format!("{reason} Choose another model, or another file of this one."),
                ErrorAction::ChooseModel,
            ),
            Self::Incompatible { path, reason } => ErrorCard::new(
                C::WorkerDied,
                "This model does not run here",
                format!(
                    "{path}: {reason} It is tried again when the file or the app changes, or when you say so with `nexus models retry`."
                ),
                ErrorAction::ChooseModel,
            ),
            Self::Unconfined { reason } => ErrorCard::new(
                C::Settings,
                "Local models cannot be sandboxed",
                format!(
                    "{reason} Set unsandboxed_models = true in the settings to run them not sandboxed, or choose another model."
                ),
                ErrorAction::ChooseModel,
            ),
            Self::WorkerDied { reason, .. } => ErrorCard::new(
                C::WorkerDied,
                "The model's process ended",
                format!("{reason} What it had said is kept. It starts anew with the next try."),
                ErrorAction::Retry,
            ),
            Self::Timeout { seconds } => ErrorCard::new(
                C::TimedOut,
                "The model took too long",
                format!(
                    "Nothing came for {seconds} s, so its process was ended. Try again, or choose a smaller model."
                ),
                ErrorAction::Retry,
            ),
        }
    }
}
