//! What one call records: paths before and after they are changed, folders before and after a program ran in them. Refuses to
//! change any of them.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use nexus_protocol::{ItemId, TurnId};

use crate::{
    CheckpointError,
    journal::{Journal, Work},
    keeper::{Keeper, Need},
    key::Key,
    ledger::OpenTree,
    look::look_at,
    place::{Places, Way},
    record::{Intent, Record},
    state::{Body, State},
    tree::{Snapshot, Walk},
};

/// Paths that a mark names at most.
const NAMED: usize = 100;

/// How much of a path was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of it: it can be put back.
    Whole,
    /// That it was there, not its content: why, for people.
    NotContent(String),
}

/// Records what one call changes.
#[derive(Clone, Debug)]
pub struct Recorder {
    journal: Journal,
    turn: TurnId,
    call: ItemId,
}

/// A folder as it was before a program ran.
#[derive(Debug, Default)]
pub struct TreeMark {
    /// Files whose content was not kept, for people: path and why. At most 100.
    pub not_kept: Vec<String>,
    /// Files and folders that were seen.
    pub entries: usize,
    /// Files whose contents had to be read for it: those that changed since the last one.
    pub files_read: u64,
    /// `None` in one that was made of nothing.
    begun: Option<(u64, OpenTree, Shot)>,
}

/// A snapshot that is not printed.
struct Shot(Arc<Snapshot>);

impl fmt::Debug for Shot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries", self.0.entries.len())
    }
}

impl Recorder {
    pub(crate) fn new(journal: Journal, turn: TurnId, call: ItemId) -> Self {
        Self {
            journal,
            turn,
            call,
        }
    }

    /// Keeps what `path` holds, and what it is about to hold. Synced when it returns: then the change may be made. A folder is
    /// kept with all that is in it; folders above it that are not there are recorded as about to be made; of a link that is
    /// about to get a content, the file that it leads to is kept too.
    ///
    /// # Errors
    /// Where it cannot be kept: then the change must not be made.
    pub fn before(&self, path: &Path, intent: &Intent) -> Result<Kept, CheckpointError> {
        self.journal.inner.work(|work| {
            let root = work.inner.places.key(path)?;
            let found = work.keeping(Need::Whole, |work, keeper| {
                found(work, &root, path, intent, keeper)
            })?;
            let kept = kept(&work.inner.places, &found);
            let mut change = work.known.ledger.changes.len() as u64;
            let records = found.into_iter().map(|(path, state, intent)| {
                change += 1;
                Record::Before {
                    change: change - 1,
                    call: self.call,
                    turn: self.turn,
                    root: root.clone(),
                    path,
                    state,
                    intent,
                }
            });
            let records = records.collect();
            work.write(records)?;
            Ok(kept)
        })
    }

    /// The change was made. [`Self::before`] must have been called for the same path in this call.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn after(&self, path: &Path) -> Result<(), CheckpointError> {
        self.journal.inner.work(|work| {
            let root = work.inner.places.key(path)?;
            // What this call last said of each path.
            let mut ours: BTreeMap<Key, usize> = BTreeMap::new();
            for (index, change) in work.known.ledger.changes.iter().enumerate() {
                if change.call == self.call && change.root == root {
                    ours.insert(change.path.clone(), index);
                }
            }
            if ours.is_empty() {
                let reason = format!("{} was changed and not kept before", path.display());
                return Err(work.unreadable(reason));
            }
            let mut numbers = work.known.ledger.changes.len() as u64..;
            let mut changed = |path: Key, before: State, after: State| {
                let change = numbers.next().unwrap_or_default();
                Record::Changed {
                    change,
                    call: self.call,
                    turn: self.turn,
                    root: root.clone(),
                    path,
                    before,
                    after,
                }
            };
            let records = work.keeping(Need::Compare, |work, keeper| {
                let mut records = Vec::new();
                for (path, index) in &ours {
                    let state = look_at(&work.inner.places, path, None, keeper)?.seen.state;
                    let number = *index as u64;
                    match &work.known.ledger.changes[*index].held.after {
                        None => records.push(Record::After {
                            change: number,
                            state,
                        }),
                        Some(after) if after.same(&state) => {}
                        // It was said to be done, and was done again or only now.
                        Some(after) => {
                            records.push(changed(path.clone(), after.clone(), state));
                        }
                    }
                }
                // All in a folder that was not there before, one that was moved here, is of this call.
                for (path, after) in below(work, &root, keeper)? {
                    if !ours.contains_key(&path) {
                        records.push(changed(path, State::ABSENT, after));
                    }
                }
                Ok(records)
            })?;
            work.write(records)
        })
    }

    /// Keeps a whole folder before a program runs in it: contents of files that are not kept already. What is too big to keep is
    /// named by the mark.
    ///
    /// # Errors
    /// Where it cannot be kept.
    pub fn before_tree(&self, folder: &Path) -> Result<TreeMark, CheckpointError> {
        self.journal.inner.work(|work| {
            let folder = work.inner.places.key(folder)?;
            let (snapshot, files_read) = work.shot(&folder, Need::Tree)?;
            let name = work.store_snapshot(&folder, &snapshot)?;
            let tree = work.known.ledger.next_tree;
            work.write(vec![Record::TreeBegun {
                tree,
                call: self.call,
                turn: self.turn,
                folder: folder.clone(),
                snapshot: name,
            }])?;
            work.drop_snapshots();
            let begun = work.known.ledger.trees.get(&tree).cloned();
            Ok(TreeMark {
                not_kept: not_kept(&work.inner.places, &folder, &snapshot),
                entries: snapshot.entries.len(),
                files_read,
                begun: begun.map(|open| (tree, open, Shot(snapshot))),
            })
        })
    }

    /// The program ended: what it changed is journalled. The paths, absolute.
    ///
    /// What the user changed in the folder while the program ran cannot be told from what the program did.
    ///
    /// # Errors
    /// Where the folder or the journal cannot be read or written.
    pub fn after_tree(&self, mark: TreeMark) -> Result<Vec<PathBuf>, CheckpointError> {
        let Some((tree, open, Shot(snapshot))) = mark.begun else {
            return Ok(Vec::new());
        };
        self.journal
            .inner
            .work(|work| work.end_tree(tree, &open, &snapshot))
    }
}

impl Work<'_> {
    /// Closes changes that were begun and not said to be done, where what is there tells: nothing was done, or all. Should the
    /// call be at work still, it says so later.
    pub(crate) fn settle(&mut self) -> Result<(), CheckpointError> {
        let changes = &self.known.ledger.changes;
        let open: Vec<usize> = (0..changes.len())
            .filter(|index| changes[*index].held.after.is_none())
            .collect();
        let records = self.keeping(Need::Compare, |work, keeper| {
            let mut records = Vec::new();
            for index in open {
                let change = &work.known.ledger.changes[index];
                let looked = look_at(&work.inner.places, &change.path, None, keeper)?;
                let last = work.known.ledger.by_path[&change.path].last() == Some(&index);
                if last && change.held.left(&looked.seen.state) {
                    records.push(Record::After {
                        change: index as u64,
                        state: looked.seen.state,
                    });
                }
            }
            Ok(records)
        })?;
        self.write(records)
    }

    /// The program died with the app, or its end was not seen.
    pub(crate) fn finish_tree(&mut self, tree: u64) -> Result<(), CheckpointError> {
        let Some(open) = self.known.ledger.trees.get(&tree).cloned() else {
            return Ok(());
        };
        let snapshot = self.stored_snapshot(&open.snapshot)?;
        self.end_tree(tree, &open, &snapshot).map(|_| ())
    }

    fn end_tree(
        &mut self,
        tree: u64,
        open: &OpenTree,
        before: &Snapshot,
    ) -> Result<Vec<PathBuf>, CheckpointError> {
        let (now, _) = self.shot(&open.folder, Need::Compare)?;
        let mut next = self.known.ledger.changes.len() as u64;
        let mut records = Vec::new();
        let mut paths = Vec::new();
        for (path, mut was, is) in before.changes(&now) {
            let path = Key(open.folder.join(&path.0));
            // Another call or an undo changed it meanwhile, and wrote it down.
            let ledger = &self.known.ledger;
            if let Some(noted) = ledger.noted_since(tree, open.since, &path) {
                if noted.left(&is) {
                    continue;
                }
                was = noted.last().clone();
            }
            paths.push(self.inner.places.given(&path));
            records.push(Record::Changed {
                change: next,
                call: open.call,
                turn: open.turn,
                root: open.folder.clone(),
                path,
                before: was,
                after: is,
            });
            next += 1;
        }
        let snapshot = Some(self.store_snapshot(&open.folder, &now)?);
        records.push(Record::TreeEnded { tree, snapshot });
        self.write(records)?;
        self.drop_snapshots();
        Ok(paths)
    }

    /// A folder as it is, and how many files had to be read. A folder that is not there has nothing in it.
    fn shot(&mut self, folder: &Key, need: Need) -> Result<(Arc<Snapshot>, u64), CheckpointError> {
        let known = self.snapshot(folder);
        let (snapshot, read) = self.keeping(need, |work, keeper| {
            let snapshot = walk(work, folder, &known, keeper)?;
            Ok((snapshot, keeper.files_read))
        })?;
        Ok((Arc::new(snapshot), read))
    }
}

fn walk(
    work: &Work<'_>,
    folder: &Key,
    known: &Snapshot,
    keeper: &mut Keeper<'_>,
) -> Result<Snapshot, CheckpointError> {
    match work.inner.places.folder(folder)? {
        Way::Open(open) => Walk {
            root: folder,
            known,
            without: work.root(),
            entries: work.limits().entries,
        }
        .take(open, keeper),
        Way::Missing | Way::Blocked(_) => Ok(Snapshot::default()),
    }
}

/// All that is in a folder; nothing where the path is no folder.
fn below(
    work: &Work<'_>,
    root: &Key,
    keeper: &mut Keeper<'_>,
) -> Result<Vec<(Key, State)>, CheckpointError> {
    let snapshot = walk(work, root, &Snapshot::default(), keeper)?;
    if snapshot.truncated {
        return Err(CheckpointError::at(root)(std::io::Error::other(format!(
            "more than {} files are in this folder: too many to keep",
            work.limits().entries
        ))));
    }
    let entries = snapshot.entries.into_iter();
    Ok(entries
        .map(|(path, seen)| (Key(root.join(&path.0)), seen.state))
        .collect())
}

/// What a call that is about to change `root` may change: each path, what it holds and, where it is known, what it will hold.
fn found(
    work: &Work<'_>,
    root: &Key,
    path: &Path,
    intent: &Intent,
    keeper: &mut Keeper<'_>,
) -> Result<Vec<(Key, State, Option<Intent>)>, CheckpointError> {
    let places = &work.inner.places;
    let mut found = Vec::new();
    let state = look_at(places, root, None, keeper)?.seen.state;
    if state.is_absent() && *intent != Intent::Absent {
        let missing = root.ancestors().skip(1);
        let missing = missing.take_while(|above| above.symlink_metadata().is_err());
        for above in missing.collect::<Vec<_>>().into_iter().rev() {
            let above = Key(above.to_path_buf());
            found.push((above, State::ABSENT, Some(Intent::Folder)));
        }
    }
    if matches!(state.body, Body::Link { .. })
        && let Intent::Content(_) = intent
        && let Ok(leads_to) = path.canonicalize()
    {
        let leads_to = Key(leads_to);
        let state = look_at(places, &leads_to, None, keeper)?.seen.state;
        if !state.is_folder() {
            found.push((leads_to, state, Some(intent.clone())));
        }
    }
    let folder = state.is_folder();
    found.push((root.clone(), state, Some(intent.clone())));
    if folder {
        // What is in a folder goes with it.
        let goes = (*intent != Intent::Folder).then_some(Intent::Absent);
        let below = below(work, root, keeper)?.into_iter();
        found.extend(below.map(|(path, state)| (path, state, goes.clone())));
    }
    Ok(found)
}

fn kept(places: &Places, found: &[(Key, State, Option<Intent>)]) -> Kept {
    let lines = |(key, state, _): &(Key, State, Option<Intent>)| {
        let why = state.not_kept()?;
        Some(format!("{}: {why}", places.shown(key)))
    };
    let lines: Vec<String> = found.iter().filter_map(lines).take(NAMED).collect();
    if lines.is_empty() {
        Kept::Whole
    } else {
        Kept::NotContent(lines.join("\n"))
    }
}

fn not_kept(places: &Places, folder: &Key, snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    if snapshot.truncated {
        lines.push(format!(
            "{}: it holds more than {} files; what changes in the others cannot be taken back",
            places.shown(folder),
            snapshot.entries.len()
        ));
    }
    let files = snapshot.entries.iter().filter_map(|(path, seen)| {
        let why = seen.state.not_kept()?;
        let shown = places.shown(&Key(folder.join(&path.0)));
        Some(format!("{shown}: {why}"))
    });
    lines.extend(files);
    lines.truncate(NAMED);
    lines
}

#[cfg(test)]
mod tests;
