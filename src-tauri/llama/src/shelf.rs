//! Conversations that made room for others in the engine's memory, each in a file until its next turn; and the beginning that all
//! of an app's conversations share, in a file that outlives the worker.
//!
//! A chat's title, a summary or another chat would else cost the whole conversation: one sequence is all that llama.cpp is given
//! memory for. Files and not memory, because the system's cache gives them up where others need it. Owns the files in its folder,
//! which is the worker's own and goes with it; the parent moves the shared beginning from one worker's folder to the next one's.
//! Nothing here is an error to anybody: what cannot be kept is computed again.

use std::fs;
use std::path::{Path, PathBuf};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::session::LlamaStateSeqFlags;
use llama_cpp_2::token::LlamaToken;
use nexus_protocol::worker::PREFIX_FILE;

use crate::engine::SEQUENCE;

/// Computing fewer tokens than these is no worse than reading them from a file.
pub(crate) const WORTH: usize = 128;
/// Of one file: below what the sandbox lets a worker write.
const FILE_BYTES: usize = 192 << 20;
/// Of all conversations.
const BYTES: usize = 512 << 20;
/// Conversations that are kept, the one used longest ago leaves first.
const KEPT: usize = 4;
/// How often a worker writes a shared beginning: where they differ each time, keeping them gains nothing.
const BEGINNINGS: usize = 2;

struct Kept {
    tokens: Vec<LlamaToken>,
    file: PathBuf,
    bytes: usize,
}

pub(crate) struct Shelf {
    folder: PathBuf,
    kept: Vec<Kept>,
    next: u64,
    /// The tokens in the file of the shared beginning.
    beginning: Vec<LlamaToken>,
    beginnings: usize,
}

impl Shelf {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            kept: Vec::new(),
            next: 0,
            beginning: Vec::new(),
            beginnings: 0,
        }
    }

    /// Keeps the conversation in the context.
    pub(crate) fn put(&mut self, context: &LlamaContext<'_>, tokens: &[LlamaToken]) {
        let file = self.folder.join(format!("conversation-{}.kv", self.next));
        self.next += 1;
        let Some(bytes) = save(context, &file, tokens) else {
            return;
        };
        // The same conversation, some turns ago.
        self.remove(|kept| tokens.starts_with(&kept.tokens));
        self.kept.push(Kept {
            tokens: tokens.to_vec(),
            file,
            bytes,
        });
        while self.kept.len() > KEPT || self.kept.iter().map(|it| it.bytes).sum::<usize>() > BYTES {
            let oldest = self.kept.remove(0);
            discard(&oldest.file);
        }
    }

    /// Brings back the conversation that `prompt` goes on with, where that has so many more of its tokens than the `here` in the
    /// context that it pays. Gives the tokens that the context holds then.
    pub(crate) fn take(
        &mut self,
        context: &mut LlamaContext<'_>,
        prompt: &[LlamaToken],
        here: usize,
    ) -> Option<Vec<LlamaToken>> {
        let at = best(
            self.kept.iter().map(|kept| kept.tokens.as_slice()),
            prompt,
            here,
        )?;
        let kept = self.kept.remove(at);
        let tokens = load(context, &kept.file, kept.tokens.len());
        discard(&kept.file);
        Some(tokens.unwrap_or_default())
    }

    /// The shared beginning that the last worker left, brought into the context. The tokens that it holds then.
    pub(crate) fn open(&mut self, context: &mut LlamaContext<'_>, room: usize) -> Vec<LlamaToken> {
        let file = self.folder.join(PREFIX_FILE);
        // A file that ends the worker does so once: the next one does not find it.
        let trying = file.with_extension("trying");
        if fs::rename(&file, &trying).is_err() {
            return Vec::new();
        }
        let Some(tokens) = load(context, &trying, room) else {
            discard(&trying);
            return Vec::new();
        };
        let _stays_away = fs::rename(&trying, &file);
        self.beginning.clone_from(&tokens);
        tokens
    }

    /// Whether the beginning of a prompt may be wanted of which `here` tokens need not be computed. Asked first, for finding where
    /// a beginning ends costs as much as the prompt's own tokens did.
    pub(crate) fn may_want(&self, prompt: &[LlamaToken], here: usize) -> bool {
        has_room(self.beginnings) && !is_past(&self.beginning, prompt, here)
    }

    /// Whether a beginning is worth a file, and has none.
    pub(crate) fn wants(&self, beginning: &[LlamaToken]) -> bool {
        beginning.len() >= WORTH && has_room(self.beginnings) && self.beginning != beginning
    }

    /// Keeps the beginning, which is all that the context holds, for the next worker.
    pub(crate) fn keep(&mut self, context: &LlamaContext<'_>, beginning: &[LlamaToken]) {
        self.beginnings += 1;
        let file = self.folder.join(PREFIX_FILE);
        let part = file.with_extension("part");
        if save(context, &part, beginning).is_some() && fs::rename(&part, &file).is_ok() {
            self.beginning = beginning.to_vec();
        }
    }

    fn remove(&mut self, which: impl Fn(&Kept) -> bool) {
        self.kept.retain(|kept| {
            let goes = which(kept);
            if goes {
                discard(&kept.file);
            }
            !goes
        });
    }
}

fn has_room(beginnings: usize) -> bool {
    beginnings < BEGINNINGS
}

/// Whether a prompt has this beginning, and more than it need not be computed.
fn is_past<T: PartialEq>(beginning: &[T], prompt: &[T], here: usize) -> bool {
    !beginning.is_empty() && here > beginning.len() && prompt.starts_with(beginning)
}

/// Which of them shares most with `prompt`, where it pays.
fn best<'a, T: PartialEq + 'a>(
    all: impl Iterator<Item = &'a [T]>,
    prompt: &[T],
    here: usize,
) -> Option<usize> {
    all.map(|tokens| crate::prefix::reusable(tokens, prompt))
        .enumerate()
        .filter(|(_, shared)| *shared >= here + WORTH)
        .max_by_key(|(_, shared)| *shared)
        .map(|(at, _)| at)
}

/// Bytes written; `None` where it was not.
fn save(context: &LlamaContext<'_>, file: &Path, tokens: &[LlamaToken]) -> Option<usize> {
    // What is longer than the sandbox allows would end the worker.
    if context.state_seq_get_size_ext(SEQUENCE, LlamaStateSeqFlags::empty()) > FILE_BYTES {
        return None;
    }
    match context.state_seq_save_file(file, SEQUENCE, tokens) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            tracing::debug!(%error, "a conversation could not be kept");
            discard(file);
            None
        }
    }
}

/// The tokens that the context holds then; `None` where it holds nothing.
fn load(context: &mut LlamaContext<'_>, file: &Path, most: usize) -> Option<Vec<LlamaToken>> {
    match context.state_seq_load_file(file, SEQUENCE, most) {
        Ok((tokens, _)) => Some(tokens),
        Err(error) => {
            tracing::debug!(%error, "a conversation could not be brought back");
            let whole = context.clear_kv_cache_seq(Some(SEQUENCE.unsigned_abs()), None, None);
            if whole.is_err() {
                tracing::debug!("and its rest stays");
            }
            None
        }
    }
}

fn discard(file: &Path) {
    // The folder goes with the worker, and all that is in it.
    let _gone = fs::remove_file(file);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_looked_for_until_a_conversation_is_past_it() {
        let prompt: Vec<u32> = (0..400).collect();
        let beginning = &prompt[..200];
        assert!(is_past(beginning, &prompt, 300));
        assert!(!is_past(beginning, &prompt, 200));
        // Of other instructions; and the first of a worker.
        assert!(!is_past(&[7; 200], &prompt, 300));
        assert!(!is_past(&[], &prompt, 300));
        assert!(has_room(BEGINNINGS - 1) && !has_room(BEGINNINGS));
    }

    #[test]
    fn the_conversation_that_goes_on_comes_back_where_it_pays() {
        let a: Vec<u32> = (0..400).collect();
        let b: Vec<u32> = (0..200).chain(1000..1300).collect();
        let kept = [a.as_slice(), b.as_slice()];
        let goes_on: Vec<u32> = b.iter().copied().chain(2000..2010).collect();
        assert_eq!(best(kept.into_iter(), &goes_on, 0), Some(1));
        assert_eq!(best(kept.into_iter(), &goes_on, 200), Some(1));
        // Nearly all of it is in memory.
        assert_eq!(best(kept.into_iter(), &goes_on, 450), None);
        // Too few to be worth a file.
        assert_eq!(best(kept.into_iter(), &a[..100], 0), None);
        assert_eq!(best(std::iter::empty::<&[u32]>(), &a, 0), None);
    }
}
