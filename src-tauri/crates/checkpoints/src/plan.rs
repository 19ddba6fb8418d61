//! Decides what an undo or a redo puts back, and where it may not. Pure but for what it asks about the present.
//!
//! All of a scope is put back or nothing. A path may be put back where it is as the agent left it, where nobody else wrote
//! between the agent's changes, and where no later change is outside of the scope.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::{
    CheckpointError,
    key::Key,
    ledger::{Held, Ledger, Undo},
    record::Step,
    state::{Body, State},
};

/// What is there now.
pub(crate) trait Present {
    /// What a path holds, kept; and what blocks the way to it.
    fn state(&mut self, path: &Key) -> Result<(State, Option<PathBuf>), CheckpointError>;
    /// All paths in a folder, however deep.
    fn below(&mut self, folder: &Key) -> Result<Vec<Key>, CheckpointError>;
}

/// What is to be done.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// In no order. Those that change nothing are in it: their changes are taken back too.
    pub(crate) steps: Vec<Step>,
    pub(crate) conflicts: Vec<Conflict>,
    /// Paths that cannot be put back, and why.
    pub(crate) lost: Vec<(Key, String)>,
}

/// Why a path may not be put back.
#[derive(Debug)]
pub(crate) struct Conflict {
    pub(crate) path: Key,
    /// What the agent left.
    pub(crate) left: State,
    /// What somebody else made of it.
    pub(crate) theirs: State,
    pub(crate) now: State,
    pub(crate) target: State,
    pub(crate) why: String,
}

/// A path that is to be put back.
struct Wanted {
    path: Key,
    target: State,
    left: Held,
    changes: Vec<u64>,
    /// Somebody else wrote between changes of the agent, or the agent after them: before and after, and who.
    meanwhile: Option<(State, State, &'static str)>,
}

/// How the selected changes are taken back.
pub(crate) fn undo(
    ledger: &Ledger,
    selected: &BTreeSet<usize>,
    force: bool,
    present: &mut dyn Present,
) -> Result<Plan, CheckpointError> {
    let paths: BTreeSet<&Key> = selected
        .iter()
        .map(|index| &ledger.changes[*index].path)
        .collect();
    let wanted = paths
        .into_iter()
        .filter_map(|path| wanted(ledger, selected, path))
        .collect();
    judge(wanted, force, present)
}

/// How an undo is taken back.
pub(crate) fn redo(undo: &Undo, present: &mut dyn Present) -> Result<Plan, CheckpointError> {
    let wanted = undo.steps.iter().map(|step| Wanted {
        path: step.path.clone(),
        target: step.from.clone(),
        left: Held {
            before: step.to.clone(),
            after: Some(step.to.clone()),
            intent: None,
        },
        changes: step.changes.clone(),
        meanwhile: None,
    });
    judge(wanted.collect(), false, present)
}

fn wanted(ledger: &Ledger, selected: &BTreeSet<usize>, path: &Key) -> Option<Wanted> {
    let active = ledger.active(path);
    let first = active.iter().position(|index| selected.contains(index))?;
    let taken = &active[first..];
    let held = |index: &usize| &ledger.changes[*index].held;
    let last = taken.last()?;
    let later = taken
        .iter()
        .find(|index| !selected.contains(index))
        .map(|index| {
            let state = held(index).last().clone();
            (
                held(index).before.clone(),
                state,
                "the agent changed it again later, which this undo leaves out",
            )
        });
    let between = || {
        let pair = taken
            .windows(2)
            .find(|pair| !held(&pair[0]).left(&held(&pair[1]).before))?;
        Some((
            held(&pair[0]).last().clone(),
            held(&pair[1]).before.clone(),
            "somebody else changed it between two changes of the agent",
        ))
    };
    Some(Wanted {
        path: path.clone(),
        target: held(&taken[0]).before.clone(),
        left: held(last).clone(),
        changes: taken.iter().map(|index| *index as u64).collect(),
        meanwhile: later.or_else(between),
    })
}

fn judge(
    wanted: Vec<Wanted>,
    force: bool,
    present: &mut dyn Present,
) -> Result<Plan, CheckpointError> {
    let mut plan = Plan::default();
    let mut blocked = BTreeMap::new();
    for wanted in wanted {
        let (now, block) = present.state(&wanted.path)?;
        if let Some(block) = block {
            blocked.insert(wanted.path.clone(), block);
        }
        let conflict = |theirs: &State, why: &str| Conflict {
            path: wanted.path.clone(),
            left: wanted.left.last().clone(),
            theirs: theirs.clone(),
            now: now.clone(),
            target: wanted.target.clone(),
            why: why.to_owned(),
        };
        let settled = now.same(&wanted.target);
        let as_left = wanted.left.left(&now) || folder_is_enough(&wanted, &now);
        if !settled && !force {
            if !as_left {
                let why = "somebody else changed it since";
                plan.conflicts.push(conflict(&now, why));
                continue;
            }
            if let Some((left, theirs, why)) = &wanted.meanwhile {
                let mut conflict = conflict(theirs, why);
                conflict.left = left.clone();
                plan.conflicts.push(conflict);
                continue;
            }
        }
        if !settled && !as_left && now.not_kept().is_some() {
            let why = "somebody else changed it since, and it cannot be kept first";
            plan.conflicts.push(conflict(&now, why));
            continue;
        }
        if let Some(why) = wanted.target.not_kept()
            && !now.same_content(&wanted.target)
        {
            plan.lost.push((wanted.path, why));
            continue;
        }
        plan.steps.push(Step {
            path: wanted.path,
            from: now,
            to: wanted.target,
            changes: wanted.changes,
        });
    }
    check_folders(&mut plan, &blocked, present)?;
    Ok(plan)
}

/// A folder holds nothing of its own but its mode: one that is to go goes where it is empty, one that is to come may be there.
fn folder_is_enough(wanted: &Wanted, now: &State) -> bool {
    let comes = wanted.target.is_folder() && !wanted.left.last().is_folder();
    now.is_folder() && (wanted.target.is_absent() || comes)
}

/// Folders above a step and in its place: refuses where one is in the way, and adds those that are to be made.
fn check_folders(
    plan: &mut Plan,
    blocked: &BTreeMap<Key, PathBuf>,
    present: &mut dyn Present,
) -> Result<(), CheckpointError> {
    let to: BTreeMap<&Key, &State> = plan
        .steps
        .iter()
        .map(|step| (&step.path, &step.to))
        .collect();
    let mut conflicts = Vec::new();
    let mut made = BTreeMap::new();
    for step in &plan.steps {
        if step.from.same(&step.to) || step.to.is_absent() {
            continue;
        }
        if let Some(why) = in_the_way(step, &to, blocked, present)? {
            conflicts.push(Conflict {
                path: step.path.clone(),
                left: step.from.clone(),
                theirs: step.from.clone(),
                now: step.from.clone(),
                target: step.to.clone(),
                why,
            });
            continue;
        }
        for above in step.path.ancestors().skip(1) {
            let above = Key(above.to_path_buf());
            let planned = to.get(&above).is_some_and(|state| state.is_folder());
            if planned || made.contains_key(&above) || present.state(&above)?.0.is_folder() {
                break;
            }
            let step = Step {
                path: above.clone(),
                from: State::ABSENT,
                to: State {
                    body: Body::Folder,
                    ..State::ABSENT
                },
                changes: Vec::new(),
            };
            made.insert(above, step);
        }
    }
    plan.conflicts.extend(conflicts);
    plan.steps.extend(made.into_values());
    Ok(())
}

/// Why a path cannot be put there.
fn in_the_way(
    step: &Step,
    to: &BTreeMap<&Key, &State>,
    blocked: &BTreeMap<Key, PathBuf>,
    present: &mut dyn Present,
) -> Result<Option<String>, CheckpointError> {
    let becomes = |path: &Path| to.get(&Key(path.to_path_buf())).copied();
    if let Some(block) = blocked.get(&step.path)
        && !becomes(block).is_some_and(State::is_folder)
    {
        return Ok(Some(format!("{} is no folder any more", block.display())));
    }
    let no_folder = |above: &&Path| {
        becomes(above).is_some_and(|state| !state.is_folder() && !state.is_absent())
    };
    if let Some(above) = step.path.ancestors().skip(1).find(no_folder) {
        return Ok(Some(format!("{} would be no folder", above.display())));
    }
    if step.from.is_folder() && !step.to.is_folder() {
        let stays = |inner: &Key| to.get(inner).is_none_or(|state| !state.is_absent());
        if present.below(&step.path)?.iter().any(stays) {
            return Ok(Some("it is a folder now that holds other files".to_owned()));
        }
    }
    Ok(None)
}

/// Of paths those that have no other below them: folders are told only where nothing in them is.
pub(crate) fn leaves<'a>(paths: impl Iterator<Item = &'a Key>) -> Vec<&'a Key> {
    let sorted: BTreeSet<&Key> = paths.collect();
    let mut leaves: Vec<&Key> = Vec::new();
    // In order of their components a folder stands right before what is in it.
    for path in sorted {
        if leaves
            .last()
            .is_some_and(|above| path.starts_with(&above.0))
        {
            leaves.pop();
        }
        leaves.push(path);
    }
    leaves
}

/// Whether something can be there half way from one to the other, should the app die: what cannot be replaced in one step.
pub(crate) fn is_half_way(step: &Step, now: &State) -> bool {
    let folder = step.from.is_folder() || step.to.is_folder();
    folder && matches!(now.body, Body::Absent | Body::Folder)
}
