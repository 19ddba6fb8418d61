//! Integration tests of the app without a window, in one binary.

mod capabilities;
mod structure;
