//! Everything that can go wrong between the hub and the models folder, in words for people.
//!
//! Owns: the errors, who can do something about each, and whether a download can go on later. Refuses to own: cards (`core`).

use std::{io, path::Path, time::Duration};

use crate::Checksum;

/// What helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same again, later.
    TryLater,
    /// Another address, name or file.
    ChooseAnother,
    /// Terms to accept on the model's page, or a token to give.
    SignIn,
    /// Space on the disk, or a folder that can be written.
    FixDisk,
    /// A look at the settings: the hub's address is not usable, or it does what it must not.
    CheckHub,
    /// The offline switch: it is the user's own.
    GoOnline,
    /// Nothing: the user wanted it so.
    Nothing,
}

/// Why the hub did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// The text names no model.
    #[error(
        "“{text}” names no model: {reason}. Write author/name, or paste the address of a model's page."
    )]
    Address {
        /// As given, shortened.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// The setting with the hub's address.
    #[error(
        "The hub's address cannot be used: {0}. Give an https address, or remove the setting to use the public hub."
    )]
    Base(String),
    /// There is no such thing.
    #[error(
        "The hub has no {0}, or it is private. Check the name; for a private model, give a token that may read it."
    )]
    NotFound(String),
    /// Terms must be accepted first.
    #[error(
        "This model is gated. Open {page}, sign in and accept its terms, then give a token of that account in the settings."
    )]
    Gated {
        /// Where they are accepted.
        page: String,
    },
    /// The hub does not take the token.
    #[error(
        "The hub refused the token (status {status}). Make a new one with read access on the hub's settings page and give it here."
    )]
    TokenRefused {
        /// 401 or 403.
        status: u16,
    },
    /// Too many requests, or a pause for repairs.
    #[error(
        "The hub asks to wait {} s before the next request. Try again then; a token raises the limits.",
        wait.as_secs()
    )]
    Busy {
        /// How long.
        wait: Duration,
    },
    /// Another status.
    #[error("The hub answered with status {0}. Try again later.")]
    Status(u16),
    /// Not what the interface promises.
    #[error(
        "The hub's answer could not be understood: {0}. If it is a mirror, check its address; otherwise try again later."
    )]
    BadAnswer(String),
    /// Larger than any honest answer.
    #[error(
        "The hub's answer is larger than {limit} bytes and was not read. Check the hub's address."
    )]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// No connection, or none that holds.
    #[error("The hub could not be reached: {0}. Check the connection and try again.")]
    Unreachable(String),
    /// The offline switch is on.
    #[error(
        "You are offline by your own choice, so the hub was not asked. Go online and start again; what came is kept."
    )]
    Offline,
    /// Nothing comes, or next to nothing.
    #[error("The connection went silent: {0}. Try again; what came is kept.")]
    Silent(String),
    /// A page of a network that wants a login.
    #[error(
        "A web page came instead of the file. Networks with a login page do this: open a browser, sign in to the network and try again."
    )]
    WebPage,
    /// A redirect to somewhere it must not go.
    #[error("The hub redirects to where this download must not go: {0}. Check the hub's address.")]
    Redirect(String),
    /// A file name that cannot be used.
    #[error("The file name “{name}” cannot be used: {reason}. Choose another file.")]
    Name {
        /// Printable, shortened.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// Nothing to check the bytes against.
    #[error(
        "The hub gives no checksum for “{0}”, so it cannot be checked and is not fetched. Choose another file."
    )]
    NoHash(String),
    /// The hub has other bytes under this name now.
    #[error(
        "“{0}” has changed on the hub since it was listed. List the files again and start anew."
    )]
    Changed(String),
    /// The hub sends another size than it listed.
    #[error(
        "“{name}” should have {expected} bytes, but the server has {got}. The wrong file was not kept; list the files again."
    )]
    WrongSize {
        /// The file.
        name: String,
        /// As listed.
        expected: u64,
        /// As sent.
        got: u64,
    },
    /// Twice.
    #[error(
        "“{name}” came twice with wrong content ({} {got} instead of {expected}) and was removed. The file on the server is damaged or was tampered with: choose another one.",
        expected.kind()
    )]
    WrongHash {
        /// The file.
        name: String,
        /// As listed.
        expected: Checksum,
        /// Of what came.
        got: Checksum,
    },
    /// Many tries, no progress.
    #[error(
        "Given up after {tries} tries without progress. What came is kept, and the next start goes on from there. The last one failed: {last}"
    )]
    GaveUp {
        /// How many.
        tries: u32,
        /// Why the last one failed.
        last: Box<HubError>,
    },
    /// A write found the disk full, or a quota used up.
    #[error(
        "There is no more space for {path}. Free some, or choose a smaller file; what came is kept, and the next start goes on from there."
    )]
    OutOfSpace {
        /// Where.
        path: String,
    },
    /// Not enough room to begin.
    #[error(
        "The disk has {free} bytes free, but {needed} are needed with a margin. Free some space or choose a smaller file; what came is kept."
    )]
    DiskFull {
        /// Still to be written, with the margin, in bytes.
        needed: u64,
        /// In bytes.
        free: u64,
    },
    /// The name is taken by another file.
    #[error(
        "{path} exists already and is another file. It was left as it is: move it away or choose another folder."
    )]
    Taken {
        /// Where.
        path: String,
    },
    /// The file system refused.
    #[error("{action} {path} failed: {why}. Check that the folder exists and can be written.")]
    Disk {
        /// What was tried: “Writing”.
        action: &'static str,
        /// Where.
        path: String,
        /// In the system's words.
        why: String,
    },
    /// The user's wish.
    #[error("The download was cancelled.")]
    Cancelled,
}

impl HubError {
    /// Who can do what.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Busy { .. }
            | Self::Status(_)
            | Self::Unreachable(_)
            | Self::Silent(_)
            | Self::WebPage
            | Self::GaveUp { .. } => Remedy::TryLater,
            Self::Gated { .. } | Self::TokenRefused { .. } => Remedy::SignIn,
            Self::DiskFull { .. }
            | Self::OutOfSpace { .. }
            | Self::Disk { .. }
            | Self::Taken { .. } => Remedy::FixDisk,
            Self::Base(_) | Self::BadAnswer(_) | Self::TooLarge { .. } | Self::Redirect(_) => {
                Remedy::CheckHub
            }
            Self::Address { .. }
            | Self::NotFound(_)
            | Self::Name { .. }
            | Self::NoHash(_)
            | Self::Changed(_)
            | Self::WrongSize { .. }
            | Self::WrongHash { .. } => Remedy::ChooseAnother,
            Self::Offline => Remedy::GoOnline,
            Self::Cancelled => Remedy::Nothing,
        }
    }

    /// Whether what came so far is of use to a later try: those errors keep the part, all others remove it. A token that was
    /// taken back or a network's login page must not cost hours of fetching, so what may pass keeps it.
    pub fn resumable(&self) -> bool {
        !matches!(
            self,
            Self::Changed(_) | Self::WrongSize { .. } | Self::WrongHash { .. } | Self::Taken { .. }
        )
    }

    pub(crate) fn disk(action: &'static str, path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            // A quota or a limit on file sizes is a full disk to whom it hits.
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::OutOfSpace {
                path: path.display().to_string(),
            },
            _ => Self::Disk {
                action,
                path: path.display().to_string(),
                why: error.to_string(),
            },
        }
    }
}

/// Text from outside for an error: no control characters, not endless.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .take(80)
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;
