//! The window of Nexus Agent: Leptos compiled to WASM. It shows a fold of the core's events and holds no truth of its own.

mod actions;
mod app;
mod browser;
mod components;
mod crash;
mod format;
pub mod ipc;
pub mod markdown;
mod pages;
pub mod state;
mod visible;

/// Installs the crash page and mounts the tree into the document's body.
pub fn run() {
    crash::install();
    state::perf::expose();
    leptos::mount::mount_to_body(app::Root);
}
