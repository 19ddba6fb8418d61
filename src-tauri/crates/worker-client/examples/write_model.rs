//! A model with the shape of Qwen2.5-1.5B, the tokenizer of another file and random weights: `write_model TOKENIZER_OF OUT`.
#![expect(
    clippy::unwrap_used,
    reason = "a file that cannot be written must say so"
)]

use std::path::PathBuf;

use support::model_writer::{self, QWEN_1_5B};
use support::vocabulary;

#[path = "../tests/support/models.rs"]
#[expect(dead_code, reason = "tests write other models")]
mod support;

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (tokenizer, out) = (arguments.next().unwrap(), arguments.next().unwrap());
    let words = vocabulary::of_file(&tokenizer, QWEN_1_5B.words).unwrap();
    model_writer::write(&model_writer::describe(&QWEN_1_5B, words), &out).unwrap();
}
