//! Why a path that a model wrote cannot be used.
//!
//! Owns the words: the model reads them and does better at the next call.

use std::io;

use crate::ToolError;

/// Why a path cannot be used. Nothing was touched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PathError {
    #[error("The path is empty. Use `.` for the working folder itself.")]
    Empty,
    #[error("The path has a NUL character in it, which no file name can have.")]
    Nul,
    #[error("The path has {length} bytes; at most {most} are possible.")]
    TooLong { length: usize, most: usize },
    #[error("The path goes through {steps} names; at most {most} are possible.")]
    TooDeep { steps: usize, most: usize },
    #[error("The name “{name}” has {length} bytes; at most 255 are possible.")]
    NameTooLong { name: String, length: usize },
    #[error(
        "`~` is not expanded here. Give a path relative to the working folder, or an absolute one."
    )]
    Tilde,
    #[error("“{path}” names another machine or a device. Only files of this machine can be used.")]
    Network { path: String },
    #[error(
        "The name “{name}” {reason}, so it means something else on other systems. Choose a plain name."
    )]
    Foreign { name: String, reason: &'static str },
    #[error(
        "“{path}” leads out of the working folder. Stay inside it, or give the absolute path: the user is asked then."
    )]
    LeadsOut { path: String },
    #[error(
        "“{link}” is a symbolic link that leads out of the working folder. Give the absolute path of what you mean: the user is asked then."
    )]
    LinkLeadsOut { link: String },
    #[error("“{path}” goes through too many symbolic links, perhaps in a circle.")]
    Circle { path: String },
    #[error(
        "There is no “{asked}”, but there is “{real}”: letter case and accents count. Use that name."
    )]
    OtherSpelling { asked: String, real: String },
    #[error("“{shown}” belongs to the app or holds the user's keys. No tool may use it.")]
    Hidden { shown: String },
    #[error("The path leads to a name that is not valid Unicode, which cannot be used here.")]
    NotUnicode,
    #[error("There is no “{path}”.{}", near_words(near))]
    Missing { path: String, near: Vec<String> },
    #[error("“{path}” is a folder, not a file.")]
    IsFolder { path: String },
    #[error("“{path}” is a file, not a folder.")]
    NotFolder { path: String },
    #[error("“{path}” is {kind}, not a file. It is not opened.")]
    Special { path: String, kind: &'static str },
    #[error("“{path}” has {bytes} bytes; at most {most} can be used here.{hint}")]
    TooBig {
        path: String,
        bytes: u64,
        most: u64,
        hint: &'static str,
    },
    #[error("“{path}” cannot be used: {source}.")]
    Io { path: String, source: io::Error },
}

impl PathError {
    pub(super) fn io(path: &str, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

fn near_words(near: &[String]) -> String {
    if near.is_empty() {
        return String::new();
    }
    let names: Vec<String> = near.iter().map(|name| format!("“{name}”")).collect();
    format!(" Near it: {}.", names.join(", "))
}

impl From<PathError> for ToolError {
    fn from(error: PathError) -> Self {
        Self::BadArguments(crate::plain::for_model(&error.to_string()).into_owned())
    }
}
