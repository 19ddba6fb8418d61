//! How local models write tool calls and JSON answers.
//!
//! Owns: the form of each family ([`CallFormat`], in the protocol, names them), the grammar that holds a model to it
//! ([`grammar`]), and what finds calls in the text that comes ([`CallReader`]). Both ends read the same marks here, so that
//! what one lets through the other understands. Refuses to own: any engine, and what a call does.

pub mod grammar;
mod marks;
mod reader;
mod repair;
mod span;

pub use marks::{THOUGHT, TURN_ENDS, shown};
pub use reader::{CallReader, Piece};
