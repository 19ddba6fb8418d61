//! Undo and redo: asks the plan, writes down what is about to be done, does it, writes down that it was. Refuses to know how a
//! file is put back.

use std::{collections::BTreeSet, path::PathBuf};

use nexus_protocol::{UndoConflict, UndoReport, UndoScope};

use crate::{
    CheckpointError,
    journal::Work,
    keeper::{Keeper, Need},
    key::Key,
    look::{Looked, look_at},
    place::{Places, Way},
    plan::{self, Conflict, Plan, Present, leaves},
    record::{Record, Step},
    restore::{Failure, Restorer},
    scope::select,
    state::{Body, State},
};

impl Work<'_> {
    pub(crate) fn undo(
        &mut self,
        scope: &UndoScope,
        force: bool,
    ) -> Result<UndoReport, CheckpointError> {
        self.settle()?;
        let path = match scope {
            UndoScope::File { path } => Some(self.named(path.as_ref())?),
            _ => None,
        };
        let selected = select(&self.known.ledger, scope, path.as_ref());
        let plan = self.keeping(Need::Last, |work, keeper| {
            let places = &work.inner.places;
            let mut eyes = Eyes { places, keeper };
            plan::undo(&work.known.ledger, &selected, force, &mut eyes)
        })?;
        self.carry_out(plan, None)
    }

    pub(crate) fn redo(&mut self) -> Result<UndoReport, CheckpointError> {
        let Some(last) = self.known.ledger.redoable.last().cloned() else {
            return Ok(UndoReport::default());
        };
        let plan = self.keeping(Need::Last, |work, keeper| {
            let places = &work.inner.places;
            plan::redo(&last, &mut Eyes { places, keeper })
        })?;
        self.carry_out(plan, Some(last.number))
    }

    /// Finishes what was begun when the app died or a disk was full. What cannot be put back now is left as it is and stays a
    /// change of the agent.
    pub(crate) fn finish_undo(&mut self) -> Result<(), CheckpointError> {
        let Some(undo) = self.known.ledger.unfinished.clone() else {
            return Ok(());
        };
        let skipped = self
            .restorer(undo.number, Failure::Skips)
            .run(&undo.steps)?;
        self.write(vec![Record::UndoEnded {
            undo: undo.number,
            rolled_back: false,
            skipped,
        }])
    }

    fn carry_out(&mut self, plan: Plan, redo: Option<u64>) -> Result<UndoReport, CheckpointError> {
        let mut report = UndoReport {
            conflicts: plan
                .conflicts
                .iter()
                .map(|conflict| self.conflict(conflict))
                .collect(),
            ..UndoReport::default()
        };
        if !report.conflicts.is_empty() {
            return Ok(report);
        }
        report.lost = plan
            .lost
            .iter()
            .map(|(path, why)| format!("{}: {why}", self.inner.places.shown(path)))
            .collect();
        if plan.steps.is_empty() {
            return Ok(report);
        }
        self.check_contents(&plan.steps)?;
        let number = self.known.ledger.next_undo;
        let steps = plan.steps;
        self.write(vec![Record::UndoBegun {
            undo: number,
            redo,
            steps: steps.clone(),
        }])?;
        let skipped = match self.restorer(number, Failure::Stops).run(&steps) {
            Ok(skipped) => skipped,
            Err(error) => return Err(self.roll_back(number, &steps, error)),
        };
        self.write(vec![Record::UndoEnded {
            undo: number,
            rolled_back: false,
            skipped: skipped.clone(),
        }])?;
        let done = |index: &usize| !skipped.contains(index);
        let moved = (0..steps.len()).filter(|index| !steps[*index].from.same(&steps[*index].to));
        let put_back: BTreeSet<&Key> = moved
            .clone()
            .filter(done)
            .map(|index| &steps[index].path)
            .collect();
        report.restored = leaves(put_back.into_iter())
            .into_iter()
            .map(|path| self.inner.places.shown(path))
            .collect();
        // A folder that stays because other files are in it is as it should be.
        let left = moved.filter(|index| !done(index) && !steps[*index].from.is_folder());
        report.lost.extend(left.map(|index| {
            let shown = self.inner.places.shown(&steps[index].path);
            format!("{shown}: somebody changed it in this moment, so it was left as it is")
        }));
        Ok(report)
    }

    /// Every content that will be needed is there and whole, before anything is touched.
    fn check_contents(&self, steps: &[Step]) -> Result<(), CheckpointError> {
        for step in steps.iter().filter(|step| !step.from.same(&step.to)) {
            if let Body::File { sha256, .. } = &step.to.body {
                self.blobs().read(sha256)?;
            }
        }
        Ok(())
    }

    /// Puts back what was put back: all or nothing. Returns the error that led here.
    fn roll_back(
        &mut self,
        number: u64,
        steps: &[Step],
        error: CheckpointError,
    ) -> CheckpointError {
        let back: Vec<Step> = steps.iter().map(Step::reversed).collect();
        let ended = self
            .restorer(number, Failure::Skips)
            .run(&back)
            .and_then(|_| {
                self.write(vec![Record::UndoEnded {
                    undo: number,
                    rolled_back: true,
                    skipped: Vec::new(),
                }])
            });
        match ended {
            Ok(()) => error,
            // The journal says that it is unfinished: the next call finishes it.
            Err(worse) => worse,
        }
    }

    fn restorer(&self, number: u64, failure: Failure) -> Restorer<'_> {
        let session = self.inner.session.to_string();
        let tail = session.rsplit('-').next().unwrap_or_default().to_owned();
        Restorer {
            places: &self.inner.places,
            blobs: self.blobs(),
            limits: self.limits(),
            aside: format!(".nexus-undo-{tail}-{number}"),
            failure,
        }
    }

    fn conflict(&self, conflict: &Conflict) -> UndoConflict {
        let path = &conflict.path;
        let mut since = self.diff(path, &conflict.left, Some(&conflict.theirs));
        since.note = match since.note.is_empty() {
            true => conflict.why.clone(),
            false => format!("{}; {}", conflict.why, since.note),
        };
        UndoConflict {
            path: self.inner.places.given(path).to_string_lossy().into_owned(),
            shown: self.inner.places.shown(path),
            since,
            undo: self.diff(path, &conflict.now, Some(&conflict.target)),
        }
    }
}

/// Sees what is there, and keeps it: an undo writes over it.
struct Eyes<'e, 'k> {
    places: &'e Places,
    keeper: &'e mut Keeper<'k>,
}

impl Present for Eyes<'_, '_> {
    fn state(&mut self, path: &Key) -> Result<(State, Option<PathBuf>), CheckpointError> {
        let Looked { seen, blocked } = look_at(self.places, path, None, self.keeper)?;
        Ok((seen.state, blocked))
    }

    fn below(&mut self, folder: &Key) -> Result<Vec<Key>, CheckpointError> {
        let mut below = Vec::new();
        let mut folders = vec![folder.clone()];
        while let Some(folder) = folders.pop() {
            // What is no folder, a link too, has nothing in it.
            let Way::Open(open) = self.places.folder(&folder)? else {
                continue;
            };
            for entry in open.entries().map_err(CheckpointError::at(&folder))? {
                let entry = entry.map_err(CheckpointError::at(&folder))?;
                let path = Key(folder.join(entry.file_name()));
                below.push(path.clone());
                folders.push(path);
            }
        }
        Ok(below)
    }
}

#[cfg(test)]
mod tests;
