//! Two states of a path as a diff for people. Refuses to know which states matter.

use nexus_protocol::FileDiff;

use crate::{
    blobs::Blobs,
    diff::file_diff,
    keeper::{Holdings, Keeper, Limits, Need},
    key::Key,
    look::{look_at, read_whole},
    place::{Places, Way},
    state::{Body, State},
};

/// Where contents come from.
pub(crate) struct Sides<'a> {
    pub(crate) places: &'a Places,
    pub(crate) blobs: &'a Blobs,
    pub(crate) limits: Limits,
}

enum Side {
    Nothing,
    Content(Vec<u8>),
    /// It has none that can be shown.
    Told(String),
}

impl Sides<'_> {
    /// From a state to another; `None` is what is there now.
    pub(crate) fn diff(&self, path: &Key, old: &State, new: Option<&State>) -> FileDiff {
        let shown = self.places.shown(path);
        let now;
        let new = match new {
            Some(new) => new,
            None => {
                now = self.now(path);
                &now
            }
        };
        let mut diff = match (self.side(path, old), self.side(path, new)) {
            (Side::Told(told), _) | (_, Side::Told(told)) => FileDiff {
                path: shown,
                note: told,
                ..FileDiff::default()
            },
            (old, new) => file_diff(&shown, old.content(), new.content()),
        };
        if let (Some(old), Some(new)) = (old.mode, new.mode)
            && old != new
        {
            let note = format!("mode {old:o} → {new:o}");
            diff.note = match diff.note.is_empty() {
                true => note,
                false => format!("{}; {note}", diff.note),
            };
        }
        diff
    }

    fn now(&self, path: &Key) -> State {
        let holdings = Holdings::default();
        let mut keeper = Keeper::new(self.blobs, &holdings, self.limits, Need::Name);
        match look_at(self.places, path, None, &mut keeper) {
            Ok(looked) => looked.seen.state,
            Err(error) => State {
                body: Body::Unkept {
                    size: 0,
                    why: error.to_string(),
                },
                mode: None,
                modified: None,
            },
        }
    }

    fn side(&self, path: &Key, state: &State) -> Side {
        match &state.body {
            Body::Absent => Side::Nothing,
            Body::File { sha256, .. } => match self.blobs.read(sha256) {
                Ok(content) => Side::Content(content),
                Err(_) => self.present(path, sha256),
            },
            Body::Link { target, .. } => {
                Side::Content(format!("link to {}\n", target.display()).into_bytes())
            }
            Body::Unkept { why, .. } => Side::Told(format!("the content was not kept: {why}")),
            Body::Folder => Side::Told("a folder".to_owned()),
            Body::Special { what } => Side::Told(what.clone()),
        }
    }

    /// A content that was not kept is still to be had where it is the present one.
    fn present(&self, path: &Key, sha256: &str) -> Side {
        if let Ok((Way::Open(folder), name)) = self.places.parent(path)
            && let Ok(content) = read_whole(&folder, name, self.limits.file)
            && crate::blobs::sum(&content) == sha256
        {
            return Side::Content(content);
        }
        Side::Told("one of the two contents was not kept".to_owned())
    }
}

impl Side {
    fn content(&self) -> Option<&[u8]> {
        match self {
            Self::Content(content) => Some(content),
            Self::Nothing | Self::Told(_) => None,
        }
    }
}
