//! The whole agent without a window: what the app, the CLI and the tests start.
//!
//! Owns composition ([`Nexus`]), the settings file, API keys, logs, the model catalogue, downloads of models, the way out to the network, and what is
//! read from the process's surroundings ([`CoreOptions`]). Refuses to own a turn (that is the agent's), SQL (the store's), a
//! provider's dialect (llm's) and anything that draws.

mod attach;
mod cards;
mod clock;
mod doctor;
mod egress;
mod events;
mod fetch_image;
mod highlight;
mod host;
mod leftovers;
pub mod logging;
mod models;
mod nexus;
mod options;
mod paths;
mod providers;
mod rules;
pub mod secrets;
pub mod settings;

pub use attach::read_files;
pub use clock::SystemClock;
pub use doctor::doctor;
pub use models::starter_ref as starter_model;
pub use nexus::Nexus;
pub use nexus_hub::Limits as DownloadLimits;
pub use nexus_tools::policy::{Rule, RuleError, Verdict};
pub use options::{CoreOptions, LogOptions, StartError};
pub use secrecy::SecretString;
