//! Diffs for people.

use nexus_protocol::FileDiff;

/// What changed from `old` to `new`; `None` is a file that is not there. Bounded as [`FileDiff`] says.
pub fn file_diff(shown: &str, _old: Option<&[u8]>, _new: Option<&[u8]>) -> FileDiff {
    FileDiff {
        path: shown.to_owned(),
        ..FileDiff::default()
    }
}
