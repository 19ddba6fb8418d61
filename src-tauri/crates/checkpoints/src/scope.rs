//! Which changes a scope means. Pure.

use std::collections::BTreeSet;

use nexus_protocol::{TurnId, UndoScope};

use crate::{key::Key, ledger::Ledger, state::Body};

/// The changes of a scope that were not taken back yet. `path` is the scope's path, where it has one.
pub(crate) fn select(ledger: &Ledger, scope: &UndoScope, path: Option<&Key>) -> BTreeSet<usize> {
    let first_of = |turn: TurnId| ledger.changes.iter().position(|change| change.turn == turn);
    let active = |index: &usize| ledger.is_active(*index);
    let all = 0..ledger.changes.len();
    match scope {
        UndoScope::All => all.filter(active).collect(),
        UndoScope::Call { call } => all
            .filter(active)
            .filter(|index| ledger.changes[*index].call == *call)
            .collect(),
        UndoScope::Turn { turn } => all
            .filter(active)
            .filter(|index| ledger.changes[*index].turn == *turn)
            .collect(),
        UndoScope::BackTo { turn } => match first_of(*turn) {
            Some(first) => all.filter(active).filter(|index| *index >= first).collect(),
            // It changed nothing itself: later ones are those with a later number, which holds a time.
            None => all
                .filter(active)
                .filter(|index| is_later(ledger.changes[*index].turn, *turn))
                .collect(),
        },
        UndoScope::File { .. } => path.map(|path| of_file(ledger, path)).unwrap_or_default(),
    }
}

fn is_later(turn: TurnId, than: TurnId) -> bool {
    const WITH_TIME: usize = 7;
    turn.0.get_version_num() == WITH_TIME && than.0.get_version_num() == WITH_TIME && turn > than
}

/// Changes of the path, of what is below it, and those that made or removed folders above it: a file that is put back needs its
/// folder, and a folder that was only made for it goes with it.
fn of_file(ledger: &Ledger, path: &Key) -> BTreeSet<usize> {
    let below = ledger.by_path.keys().filter(|key| key.starts_with(&path.0));
    let mut selected: BTreeSet<usize> = below.flat_map(|key| ledger.active(key)).collect();
    if selected.is_empty() {
        return selected;
    }
    for above in path.ancestors().skip(1) {
        let chain = ledger.active(&Key(above.to_path_buf()));
        let made_or_removed = |index: &usize| {
            let held = &ledger.changes[*index].held;
            matches!(
                (&held.before.body, &held.last().body),
                (Body::Absent, Body::Folder) | (Body::Folder, Body::Absent)
            )
        };
        if chain.iter().all(made_or_removed) {
            selected.extend(chain);
        }
    }
    selected
}
