//! What fills the window beside the sidebar, and the two pages that fill all of it.

mod chat;
mod failure;
mod models;
mod onboarding;
mod settings;

pub use chat::ChatPage;
pub use failure::FailurePage;
pub use models::{ModelsPage, ModelsTools};
pub use onboarding::OnboardingPage;
pub use settings::SettingsPage;
