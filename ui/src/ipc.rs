//! The way to the core: [`bridge`] crosses into JavaScript, [`client`] gives every command a type, [`feed`] pumps events
//! into the state. Nothing outside this module calls Tauri.

pub mod bridge;
pub mod client;
pub mod feed;
