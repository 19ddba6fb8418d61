//! How much one message may ask of the window. Owns numbers only.

/// Containers inside containers. What lies deeper is shown as text of the deepest allowed one.
pub const MAX_DEPTH: usize = 32;
/// Nodes in one message. The block that would pass it, and all after it, are shown as plain text.
pub const MAX_NODES: usize = 20_000;
/// Bytes of one message that are formatted. The rest is shown as plain text.
pub const MAX_INPUT_BYTES: usize = 1024 * 1024;
/// Bytes of one formula. A longer one is shown as its source.
pub const MAX_MATH_BYTES: usize = 4 * 1024;
/// Groups inside groups in one formula.
pub const MAX_MATH_DEPTH: usize = 48;
/// Elements one formula may become.
pub const MAX_MATH_NODES: usize = 2_000;
/// Characters of an address that is shown because it may not be opened.
pub const MAX_SHOWN_TARGET: usize = 200;
/// Open blocks longer than this (bytes) are parsed again only after they grew by a 32nd, so that the sum stays linear.
pub const LAZY_TAIL_BYTES: usize = 32 * 1024;
