//! Which turns changed files: the line at the end of such a turn, and from which messages one can go back.

use std::collections::{HashMap, HashSet};

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{FileChange, ItemId, SessionId, TurnId, UndoScope};

use crate::{
    actions,
    components::{Icon, Shape},
    format,
    state::{OpenSession, Row, use_app},
};

/// What the transcript needs to know of the changes. Copying it copies handles.
#[derive(Clone, Copy)]
pub struct TurnChanges {
    ends: Memo<HashMap<ItemId, (TurnId, usize)>>,
    last: Memo<Option<u32>>,
}

impl TurnChanges {
    /// Follows a session's rows and changes.
    pub fn of(open: &OpenSession) -> Self {
        let rows = RwSignal::from(open.rows.clone());
        let changes = RwSignal::from(open.changes.clone());
        let activity = RwSignal::from(open.activity.clone());
        let running = Memo::new(move |_| match activity.get() {
            nexus_protocol::SessionActivity::Running { turn } => Some(turn),
            nexus_protocol::SessionActivity::Idle => None,
        });
        let places =
            Memo::new(move |_| rows.with(|rows| rows.iter().map(Place::of).collect::<Vec<_>>()));
        let ends = Memo::new(move |_| {
            places.with(|places| {
                changes.with(|changes| match changes.value() {
                    Some(changes) => ends(places, changes, running.get()),
                    None => HashMap::new(),
                })
            })
        });
        let last = Memo::new(move |_| {
            places.with(|places| changes.with(|changes| last_change(places, changes.value()?)))
        });
        Self { ends, last }
    }

    /// Whether something at or after this place can be taken back. Subscribes.
    pub fn reaches(self, position: u32) -> bool {
        self.last.get().is_some_and(|last| last >= position)
    }
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    item: ItemId,
    turn: TurnId,
    position: u32,
}

impl Place {
    fn of(row: &Row) -> Self {
        Self {
            item: row.id,
            turn: row.turn,
            position: row.position,
        }
    }
}

/// Changes that can be taken back and are not settled.
fn open_changes(changes: &[FileChange]) -> impl Iterator<Item = &FileChange> {
    changes
        .iter()
        .filter(|change| !change.kept && change.not_undoable.is_none())
}

/// The last item of each turn that changed files, with the number of files; not of the turn that runs.
fn ends(
    places: &[Place],
    changes: &[FileChange],
    running: Option<TurnId>,
) -> HashMap<ItemId, (TurnId, usize)> {
    let turn_of: HashMap<ItemId, TurnId> = places.iter().map(|p| (p.item, p.turn)).collect();
    let mut files: HashMap<TurnId, usize> = HashMap::new();
    for change in open_changes(changes) {
        let turns: HashSet<TurnId> = change
            .calls
            .iter()
            .filter_map(|call| turn_of.get(call).copied())
            .collect();
        for turn in turns {
            *files.entry(turn).or_default() += 1;
        }
    }
    let last_of: HashMap<TurnId, ItemId> = places.iter().map(|p| (p.turn, p.item)).collect();
    files
        .into_iter()
        .filter(|(turn, _)| Some(*turn) != running)
        .filter_map(|(turn, count)| Some((*last_of.get(&turn)?, (turn, count))))
        .collect()
}

/// The place of the last call that changed something.
fn last_change(places: &[Place], changes: &[FileChange]) -> Option<u32> {
    let calls: HashSet<ItemId> = open_changes(changes)
        .flat_map(|change| change.calls.iter().copied())
        .collect();
    places
        .iter()
        .filter(|place| calls.contains(&place.item))
        .map(|place| place.position)
        .max()
}

/// The line below the last item of a turn that changed files.
#[component]
pub fn TurnEnd(session: SessionId, item: ItemId, changes: TurnChanges) -> impl IntoView {
    let app = use_app();
    let end = Memo::new(move |_| changes.ends.with(|ends| ends.get(&item).copied()));
    move || {
        end.get().map(|(turn, count)| {
            view! {
                <p class="turn-end" data-testid="turn-changes">
                    <Icon shape=Shape::File />
                    <button
                        type="button"
                        class="link-button"
                        on:click=move |_| {
                            if !app.view.changes.get_untracked() {
                                actions::toggle_changes(app);
                            }
                        }
                    >
                        {format!("{} changed", format::count(count, "file", "files"))}
                    </button>
                    <span aria-hidden="true">"·"</span>
                    <button
                        type="button"
                        class="link-button"
                        data-testid="turn-undo"
                        on:click=move |_| {
                            spawn_local(actions::undo(app, session, UndoScope::Turn { turn }, false));
                        }
                    >
                        "Undo"
                    </button>
                </p>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_protocol::ChangeKind;
    use uuid::Uuid;

    fn item(number: u128) -> ItemId {
        ItemId(Uuid::from_u128(number))
    }

    fn turn(number: u128) -> TurnId {
        TurnId(Uuid::from_u128(number))
    }

    fn change(path: &str, calls: &[u128], kept: bool) -> FileChange {
        FileChange {
            path: path.into(),
            shown: path.into(),
            kind: ChangeKind::Modified,
            added: 1,
            removed: 0,
            calls: calls.iter().map(|call| item(*call)).collect(),
            kept,
            not_undoable: None,
        }
    }

    /// Two turns: items 1 to 3, and 4 to 6.
    fn places() -> Vec<Place> {
        (1..=6)
            .map(|number| Place {
                item: item(number),
                turn: turn(if number <= 3 { 1 } else { 2 }),
                position: number as u32,
            })
            .collect()
    }

    #[test]
    fn turns_that_changed_files_say_so_at_their_end() {
        let changes = [
            change("a", &[2, 2, 5], false),
            change("b", &[2], false),
            change("c", &[5], true),
            change("gone", &[99], false),
        ];
        let expected = HashMap::from([(item(3), (turn(1), 2)), (item(6), (turn(2), 1))]);
        assert_eq!(ends(&places(), &changes, None), expected);
        let while_second_runs = HashMap::from([(item(3), (turn(1), 2))]);
        assert_eq!(ends(&places(), &changes, Some(turn(2))), while_second_runs);
    }

    #[test]
    fn one_can_go_back_to_before_the_last_change() {
        assert_eq!(
            last_change(&places(), &[change("a", &[2, 5], false)]),
            Some(5)
        );
        assert_eq!(last_change(&places(), &[change("a", &[5], true)]), None);
        let fixed = FileChange {
            not_undoable: Some("too large".into()),
            ..change("a", &[5], false)
        };
        assert_eq!(last_change(&places(), &[fixed]), None);
    }
}
