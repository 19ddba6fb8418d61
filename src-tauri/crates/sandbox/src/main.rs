//! The launcher: takes rights away from itself, then becomes the program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(125)
}
