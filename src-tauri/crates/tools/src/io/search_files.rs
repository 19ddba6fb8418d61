//! `search_files`: lines in files, by ripgrep's own libraries.
//!
//! Owns the bounds and the shape of what is found.

mod content;
mod found;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use cap_std::fs::Dir;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, SearcherBuilder};
use ignore::WalkState;
use nexus_protocol::{Capability, FileAccess, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    disk::{blocking, failed},
    walk::{builder, globs, here, start},
};
use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput,
    tool::{action, arguments, spec_of},
    workspace::{Kind, Located, Walls, open_file_in},
};
use content::Lines;
use found::{Found, InFile};

/// Lines around a match that can be asked for.
const MOST_CONTEXT: u32 = 10;
/// Matches after which the walk ends.
const MOST_MATCHES: usize = 5000;
/// Bytes of a line, at most; a file with a longer one is passed over.
const MOST_OF_LINE: usize = 64 * 1024 * 1024;
/// More threads than this gain nothing and take from what else runs.
const MOST_THREADS: usize = 8;

/// Searches the lines of files for a regular expression (Rust syntax, as ripgrep has it) or for plain text. Hidden files, binary
/// files and what .gitignore names are passed over. Lines come with their numbers, by file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// What to look for in each line.
    pattern: String,
    /// Whether the pattern is plain text and no regular expression.
    #[serde(default)]
    #[schemars(with = "bool", default = "no")]
    literal: bool,
    /// Whether upper and lower case are the same.
    #[serde(default)]
    #[schemars(with = "bool", default = "no")]
    ignore_case: bool,
    /// The folder or file to look in; the working folder if left out.
    #[serde(default)]
    #[schemars(with = "String", default = "here")]
    path: Option<String>,
    /// Only files that fit this glob, such as `*.rs`; with `!` before it only those that do not.
    #[serde(default)]
    #[schemars(with = "String")]
    glob: Option<String>,
    /// How many lines before and after each match are shown, at most 10.
    #[serde(default)]
    #[schemars(with = "u32", range(max = 10))]
    context: Option<u32>,
    /// Whether hidden files and those that .gitignore names are searched too.
    #[serde(default)]
    #[schemars(with = "bool", default = "no")]
    include_ignored: bool,
}

fn no() -> bool {
    false
}

/// The tool.
pub struct SearchFiles;

#[async_trait]
impl Tool for SearchFiles {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("search_files")
    }

    fn capability(&self) -> Capability {
        Capability::Read
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let input: Input = arguments(value)?;
        let place = start(input.path.clone(), ctx, |place| match place.kind {
            Kind::Folder => Ok(()),
            _ => place.expect_file().map(drop),
        })
        .await?;
        let search = Search::new(&input, place)?;
        let object = match search.place.shown.as_str() {
            "." => input.pattern.clone(),
            shown => format!("{} in {shown}", input.pattern),
        };
        let mut action = action("search_files", Capability::Read, "Search", &object, &seen);
        action.files = vec![search.place.action(FileAccess::Read)];
        Ok(Prepared::new(action, move |ctx| {
            blocking(move || search.run(Walls::of(&ctx.host), &ctx.cancel))
        }))
    }
}

/// A search, ready.
struct Search {
    place: Located,
    matcher: RegexMatcher,
    searcher: SearcherBuilder,
    globs: ignore::overrides::Override,
    all: bool,
    pattern: String,
}

impl Search {
    fn new(input: &Input, place: Located) -> Result<Self, ToolError> {
        if input.pattern.is_empty() {
            return Err(ToolError::BadArguments("The pattern is empty.".to_owned()));
        }
        let matcher = RegexMatcherBuilder::new()
            .case_insensitive(input.ignore_case)
            .fixed_strings(input.literal)
            .line_terminator(Some(b'\n'))
            .build(&input.pattern)
            .map_err(|error| {
                ToolError::BadArguments(format!(
                    "The pattern is wrong: {error}. Set literal to look for it as plain text; a pattern cannot go over line ends."
                ))
            })?;
        let context = input.context.unwrap_or(0).min(MOST_CONTEXT);
        let context = usize::try_from(context).unwrap_or(0);
        let mut searcher = SearcherBuilder::new();
        searcher
            .line_number(true)
            .before_context(context)
            .after_context(context)
            .binary_detection(BinaryDetection::quit(0))
            .heap_limit(Some(MOST_OF_LINE));
        Ok(Self {
            globs: globs(&place.absolute, input.glob.as_slice())?,
            all: input.include_ignored,
            pattern: input.pattern.clone(),
            matcher,
            searcher,
            place,
        })
    }

    fn run(self, walls: Walls, cancel: &CancellationToken) -> Result<ToolOutput, ToolError> {
        let mut found = if self.place.kind == Kind::Folder {
            self.in_folder(walls, cancel)?
        } else {
            let file = self.place.open_file()?;
            let failed = failed(&self.place.shown);
            let bytes = file.metadata().map_err(&failed)?.len();
            let mut in_file = InFile::new(self.place.shown.clone());
            Lines::new(&self.searcher, &self.matcher)
                .find(&file.into_std(), bytes, &mut in_file)
                .map_err(failed)?;
            let mut found = Found::default();
            found.add(in_file);
            found
        };
        if cancel.is_cancelled() {
            return Err(ToolError::Failed("Cancelled.".to_owned()));
        }
        Ok(found.show(&self.pattern, &self.place.shown))
    }

    fn in_folder(&self, walls: Walls, cancel: &CancellationToken) -> Result<Found, ToolError> {
        let folder = self
            .place
            .open_folder()
            .map_err(failed(&self.place.shown))?;
        let folder = Arc::new(folder);
        let found = Mutex::new(Found::default());
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        builder(&self.place, self.globs.clone(), walls, self.all)
            .threads(threads.min(MOST_THREADS))
            .build_parallel()
            .run(|| {
                let mut lines = Lines::new(&self.searcher, &self.matcher);
                let folder = Arc::clone(&folder);
                let found = &found;
                Box::new(move |entry| {
                    if cancel.is_cancelled() {
                        return WalkState::Quit;
                    }
                    let Ok(entry) = entry else {
                        return WalkState::Continue;
                    };
                    if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                        return WalkState::Continue;
                    }
                    let Ok(below) = entry.path().strip_prefix(&self.place.absolute) else {
                        return WalkState::Continue;
                    };
                    let Some(in_file) = self.in_file(&folder, below, &mut lines) else {
                        return WalkState::Continue;
                    };
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    found.add(in_file);
                    if found.matches() >= MOST_MATCHES {
                        found.more = true;
                        return WalkState::Quit;
                    }
                    WalkState::Continue
                })
            });
        Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is in one file; `None` for nothing, or where it cannot be read.
    fn in_file(&self, folder: &Dir, below: &Path, lines: &mut Lines) -> Option<InFile> {
        let (file, bytes) = open_file_in(folder, below).ok()?;
        let mut in_file = InFile::new(String::new());
        lines.find(&file.into_std(), bytes, &mut in_file).ok()?;
        if in_file.is_empty() {
            return None;
        }
        // Only now: most files have no match.
        in_file.path = self.place.join(below, Kind::File { bytes }).shown;
        Some(in_file)
    }
}

#[cfg(test)]
mod tests;
