//! What the journal says: a fold of its records. Pure: refuses to look at the disk.

use std::collections::{BTreeMap, HashMap};

use nexus_protocol::{ItemId, TurnId};

use crate::{
    key::Key,
    record::{Intent, Record, Step, VERSION},
    state::State,
};

/// One change of one path by one call.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) call: ItemId,
    pub(crate) turn: TurnId,
    pub(crate) root: Key,
    pub(crate) path: Key,
    pub(crate) held: Held,
    /// It was taken back.
    pub(crate) undone: bool,
}

/// What a path held before a change and after it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) before: State,
    /// `None` where the call did not say that it was done: a crash, or it failed.
    pub(crate) after: Option<State>,
    pub(crate) intent: Option<Intent>,
}

impl Held {
    /// Whether the change, and nobody else, can have left this.
    pub(crate) fn left(&self, state: &State) -> bool {
        match &self.after {
            Some(after) => after.same(state),
            None => {
                self.before.same(state)
                    || self.intent.as_ref().is_some_and(|intent| state.is(intent))
            }
        }
    }

    /// What it left, as far as is known.
    pub(crate) fn last(&self) -> &State {
        self.after.as_ref().unwrap_or(&self.before)
    }
}

/// A program that runs, or ran when the app died.
#[derive(Clone, Debug)]
pub(crate) struct OpenTree {
    pub(crate) call: ItemId,
    pub(crate) turn: TurnId,
    pub(crate) folder: Key,
    pub(crate) snapshot: String,
    /// Changes before it began.
    pub(crate) since: usize,
    /// What an undo put back while it ran, and how many changes there were then.
    put_back: HashMap<Key, (usize, State)>,
}

/// An undo or a redo.
#[derive(Clone, Debug)]
pub(crate) struct Undo {
    pub(crate) number: u64,
    /// The undo that it takes back.
    pub(crate) redo: Option<u64>,
    pub(crate) steps: Vec<Step>,
}

/// All of a journal.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) opened: bool,
    pub(crate) changes: Vec<Change>,
    pub(crate) by_path: BTreeMap<Key, Vec<usize>>,
    pub(crate) trees: BTreeMap<u64, OpenTree>,
    pub(crate) next_tree: u64,
    /// The newest snapshot of each folder.
    pub(crate) snapshots: BTreeMap<Key, String>,
    pub(crate) unfinished: Option<Undo>,
    pub(crate) next_undo: u64,
    /// Undos that can be done again, the last one first to go.
    pub(crate) redoable: Vec<Undo>,
    kept: HashMap<Key, usize>,
    kept_all: usize,
}

impl Ledger {
    /// Takes a record in. Says why where it does not follow from those before.
    pub(crate) fn apply(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::Opened { version } if version > VERSION => {
                return Err("a newer version of the app wrote it; update the app".to_owned());
            }
            Record::Opened { .. } => self.opened = true,
            Record::Before {
                change,
                call,
                turn,
                root,
                path,
                state,
                intent,
            } => {
                let held = Held {
                    before: state,
                    after: None,
                    intent,
                };
                self.add(change, call, turn, root, path, held)?;
            }
            Record::Changed {
                change,
                call,
                turn,
                root,
                path,
                before,
                after,
            } => {
                let held = Held {
                    before,
                    after: Some(after),
                    intent: None,
                };
                self.add(change, call, turn, root, path, held)?;
            }
            Record::After { change, state } => {
                self.change(change)?.held.after = Some(state);
            }
            Record::TreeBegun {
                tree,
                call,
                turn,
                folder,
                snapshot,
            } => {
                self.snapshots.insert(folder.clone(), snapshot.clone());
                self.next_tree = tree + 1;
                let since = self.changes.len();
                let open = OpenTree {
                    call,
                    turn,
                    folder,
                    snapshot,
                    since,
                    put_back: HashMap::new(),
                };
                self.trees.insert(tree, open);
            }
            Record::TreeEnded { tree, snapshot } => {
                if let (Some(open), Some(snapshot)) = (self.trees.remove(&tree), snapshot) {
                    self.snapshots.insert(open.folder, snapshot);
                }
            }
            Record::UndoBegun { undo, redo, steps } => {
                for change in steps.iter().flat_map(|step| &step.changes) {
                    self.change(*change)?;
                }
                self.next_undo = undo + 1;
                self.unfinished = Some(Undo {
                    number: undo,
                    redo,
                    steps,
                });
            }
            Record::UndoEnded {
                undo,
                rolled_back,
                skipped,
            } => self.undo_ended(undo, rolled_back, &skipped)?,
            Record::Kept { path: Some(path) } => {
                self.kept.insert(path, self.changes.len());
            }
            Record::Kept { path: None } => self.kept_all = self.changes.len(),
        }
        Ok(())
    }

    fn add(
        &mut self,
        number: u64,
        call: ItemId,
        turn: TurnId,
        root: Key,
        path: Key,
        held: Held,
    ) -> Result<(), String> {
        if number != self.changes.len() as u64 {
            return Err(format!("change {number} does not follow the one before"));
        }
        // What was taken back cannot be done again on top of something else.
        self.redoable.clear();
        self.by_path
            .entry(path.clone())
            .or_default()
            .push(self.changes.len());
        self.changes.push(Change {
            call,
            turn,
            root,
            path,
            held,
            undone: false,
        });
        Ok(())
    }

    fn change(&mut self, number: u64) -> Result<&mut Change, String> {
        usize::try_from(number)
            .ok()
            .and_then(|number| self.changes.get_mut(number))
            .ok_or_else(|| format!("change {number} is not there"))
    }

    fn undo_ended(
        &mut self,
        number: u64,
        rolled_back: bool,
        skipped: &[usize],
    ) -> Result<(), String> {
        let Some(mut undo) = self.unfinished.take() else {
            return Err(format!("undo {number} ended and never began"));
        };
        if rolled_back {
            return Ok(());
        }
        if undo.redo.is_some() {
            self.redoable.pop();
        }
        let mut index = 0;
        undo.steps.retain(|_| {
            index += 1;
            !skipped.contains(&(index - 1))
        });
        for step in &undo.steps {
            for change in &step.changes {
                self.change(*change)?.undone = undo.redo.is_none();
            }
            for tree in self.trees.values_mut() {
                let put_back = (self.changes.len(), step.to.clone());
                tree.put_back.insert(step.path.clone(), put_back);
            }
        }
        if undo.redo.is_none() {
            self.redoable.push(undo);
        }
        Ok(())
    }

    /// What was last written down of a path since a tree was begun, by whichever call or undo.
    pub(crate) fn noted_since(&self, tree: u64, since: usize, path: &Key) -> Option<Held> {
        let last = self.by_path.get(path).and_then(|chain| chain.last());
        let put_back = self
            .trees
            .get(&tree)
            .and_then(|tree| tree.put_back.get(path));
        match (last, put_back) {
            (Some(last), Some((changes, _))) if last >= changes => {
                Some(self.changes[*last].held.clone())
            }
            (_, Some((_, state))) => Some(Held {
                before: state.clone(),
                after: Some(state.clone()),
                intent: None,
            }),
            (Some(last), None) if *last >= since => Some(self.changes[*last].held.clone()),
            _ => None,
        }
    }

    /// Changes of a path that changed something and were not taken back, in order.
    pub(crate) fn active(&self, path: &Key) -> Vec<usize> {
        let all = self.by_path.get(path).map_or(&[][..], Vec::as_slice);
        all.iter()
            .copied()
            .filter(|index| self.is_active(*index))
            .collect()
    }

    /// Whether a change changed something and was not taken back.
    pub(crate) fn is_active(&self, index: usize) -> bool {
        let Change { held, undone, .. } = &self.changes[index];
        let nothing = held
            .after
            .as_ref()
            .is_some_and(|after| after.same(&held.before));
        !undone && !nothing
    }

    /// Whether the user has looked at the path since this change.
    pub(crate) fn is_kept(&self, path: &Key, last: usize) -> bool {
        last < self
            .kept_all
            .max(self.kept.get(path).copied().unwrap_or_default())
    }
}
