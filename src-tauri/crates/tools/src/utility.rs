//! Small tools that change nothing.
//!
//! Owns nothing but its list.

mod calculate;
mod current_time;

pub use calculate::Calculate;
pub use current_time::CurrentTime;
