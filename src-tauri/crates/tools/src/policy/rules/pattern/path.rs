//! Paths in rules.
//!
//! Owns how a path's pattern is read and matched.

use std::{
    borrow::Cow,
    fmt::{self, Display, Formatter},
    sync::OnceLock,
};

use globset::{Glob, GlobBuilder, GlobMatcher};
use nexus_protocol::{FileAccess, FileAction};

use crate::policy::{
    reach::{has_parent, is_absolute, slashed},
    shell,
};

/// What is not itself in a glob.
const SPECIAL: [char; 6] = ['*', '?', '[', ']', '{', '}'];
/// Bytes of a pattern; systems know no path as long.
const MOST_BYTES: usize = 16 * 1024;

/// Paths of files: `src/**`, `*.md`, `/etc/*`. A relative one means files in the working folder, as they are shown; an absolute one
/// means files wherever they are.
#[derive(Clone, Debug)]
pub(in crate::policy::rules) struct PathPattern {
    text: String,
    exact: Exact,
    loose: LazyGlob,
    absolute: bool,
    /// The folders before the first that is a pattern, in small letters.
    fixed: String,
}

/// How a pattern matches exactly. What a question offers needs no automaton: making one takes longer than all else of a decision.
#[derive(Clone, Debug)]
enum Exact {
    /// One path: the text itself.
    Path,
    /// All in a folder.
    Below(String),
    Glob(LazyGlob),
}

impl Exact {
    fn of(text: &str) -> Result<Self, globset::Error> {
        let plain = |text: &str| !text.is_empty() && !text.contains(SPECIAL);
        Ok(match text.strip_suffix("/**") {
            Some(folder) if plain(folder) => Self::Below(folder.to_owned()),
            None if plain(text) => Self::Path,
            _ => Self::Glob(LazyGlob::new(text, false)?),
        })
    }
}

/// A glob that is compiled when something is first held against it, and then kept.
#[derive(Clone, Debug)]
struct LazyGlob {
    glob: Glob,
    matcher: OnceLock<GlobMatcher>,
}

impl LazyGlob {
    fn new(text: &str, case_insensitive: bool) -> Result<Self, globset::Error> {
        let glob = GlobBuilder::new(text)
            .literal_separator(true)
            .backslash_escape(false)
            .case_insensitive(case_insensitive)
            .build()?;
        Ok(Self {
            glob,
            matcher: OnceLock::new(),
        })
    }

    fn is_match(&self, path: &str) -> bool {
        self.matcher
            .get_or_init(|| self.glob.compile_matcher())
            .is_match(path)
    }
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PathPattern {}

impl PathPattern {
    pub(in crate::policy::rules) fn read(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() || text.trim() != text {
            return Err("the path is empty or has blanks around it");
        }
        if text.contains('\\') {
            return Err("a path is written with /");
        }
        if text
            .chars()
            .any(|c| c == '\n' || c == '\t' || shell::is_trick(c))
        {
            return Err("the path holds invisible or control characters");
        }
        if text.starts_with('~') {
            return Err("a home folder is written out");
        }
        if has_parent(text) {
            return Err("a path with .. says where it is only after it is followed");
        }
        let parts: Vec<&str> = text.split('/').collect();
        let first = usize::from(text.starts_with('/'));
        if parts
            .iter()
            .skip(first)
            .any(|part| matches!(*part, "" | "."))
        {
            return Err("a path has no empty part and no . in it; all of a folder is `folder/**`");
        }
        // Nothing of this length fails to compile later.
        if text.len() > MOST_BYTES {
            return Err("the path is longer than any that there is");
        }
        let wrong = |_| "the path is no pattern: a bracket is not closed, or a range is empty";
        let fixed: Vec<&str> = parts
            .into_iter()
            .take_while(|part| !part.contains(SPECIAL))
            .collect();
        Ok(Self {
            exact: Exact::of(text).map_err(wrong)?,
            loose: LazyGlob::new(text, true).map_err(wrong)?,
            absolute: is_absolute(text),
            fixed: fixed.join("/").to_lowercase(),
            text: text.to_owned(),
        })
    }

    /// The text of a file's path that the pattern speaks of.
    fn seen<'a>(&self, file: &'a FileAction) -> Option<Cow<'a, str>> {
        if self.absolute {
            Some(Cow::Owned(slashed(&file.path)))
        } else {
            file.inside.then_some(Cow::Borrowed(&file.shown))
        }
    }

    pub(in crate::policy::rules) fn matches(&self, file: &FileAction) -> bool {
        self.seen(file).is_some_and(|path| match &self.exact {
            Exact::Path => path == self.text,
            Exact::Below(folder) => path
                .strip_prefix(folder.as_str())
                .is_some_and(|rest| rest.starts_with('/')),
            Exact::Glob(glob) => glob.is_match(&path),
        })
    }

    pub(in crate::policy::rules) fn matches_loosely(&self, file: &FileAction) -> bool {
        self.seen(file)
            .is_some_and(|path| self.loose.is_match(&path))
    }

    /// Whether what the action touches may be a folder with files in it that match: to delete `src` is to delete `src/keep`.
    pub(in crate::policy::rules) fn may_be_below(&self, file: &FileAction) -> bool {
        let Some(path) = self.seen(file) else {
            return false;
        };
        let path = path.to_lowercase();
        let path = match path.trim_end_matches('/') {
            "." => "",
            path => path,
        };
        let is_in = |inner: &str, outer: &str| {
            outer.is_empty()
                || inner == outer
                || inner
                    .strip_prefix(outer)
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        // A file has content; what goes without any is a folder.
        let folder_goes = matches!(file.access, FileAccess::Delete | FileAccess::MoveFrom)
            && file.before.is_none();
        is_in(&self.fixed, path)
            || (folder_goes && self.text.contains("**") && is_in(path, &self.fixed))
    }
}

impl Display for PathPattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
