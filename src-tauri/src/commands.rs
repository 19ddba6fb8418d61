//! The commands of the window, by subject. Each parses, calls the core and returns what it says.

pub mod app;
pub mod changes;
pub mod chat;
pub mod downloads;
pub mod drops;
pub mod library;
pub mod models;
pub mod providers;
pub mod sessions;
