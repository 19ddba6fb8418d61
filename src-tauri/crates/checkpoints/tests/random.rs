//! Random sequences of what agents and users do, and undos of random scopes: the exact earlier tree, or a refusal that shows
//! both versions and touches nothing. No change of the user is ever lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use fastrand::Rng;
use nexus_checkpoints::{Checkpoints, Intent, Journal, Recorder};
use nexus_protocol::{ItemId, SessionId, TurnId, UndoScope};
use uuid::Uuid;

use crate::{
    model::{self, Node, Tree},
    rounds,
};

const FILES: [&str; 10] = [
    "a.txt",
    "b.txt",
    ".env",
    "s/c.txt",
    "s/d.txt",
    "s/t/e.txt",
    "s/t/f.txt",
    "u/g.txt",
    "u",
    "s/t",
];

/// A change of a path by the agent.
#[derive(Clone, Debug)]
struct Change {
    /// Call and turn.
    by: (u128, u128),
    before: Option<Node>,
    after: Option<Node>,
    undone: bool,
}

struct Scene {
    _data: tempfile::TempDir,
    work: tempfile::TempDir,
    checkpoints: Checkpoints,
    journal: Journal,
    /// For each path what the agent did to it, in order.
    changes: BTreeMap<PathBuf, Vec<Change>>,
    /// What a new folder gets.
    folder_mode: u32,
    rng: Rng,
    call: u128,
    turn: u128,
}

#[derive(Default)]
struct Counts {
    exact: usize,
    refused: usize,
    redone: usize,
    forced: usize,
}

#[test]
fn an_undo_gives_the_exact_earlier_tree_or_refuses() {
    let sequences = rounds(1_000);
    let seed = std::env::var("NEXUS_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..1 << 40));
    println!("NEXUS_TEST_SEED={seed}");
    let mut counts = Counts::default();
    for sequence in 0..sequences as u64 {
        // A sequence that fails is run alone with its own seed.
        println!("sequence {sequence}: NEXUS_TEST_SEED={}", seed + sequence);
        Scene::new(seed + sequence).play(&mut counts);
    }
    println!(
        "{sequences} sequences, {} undos exact ({} forced), {} redone, {} refused, 0 user changes lost",
        counts.exact, counts.forced, counts.redone, counts.refused
    );
    // All ways were gone, or this shows little.
    assert!(counts.exact >= sequences && counts.refused >= sequences / 4);
    assert!(counts.redone >= sequences / 4 && counts.forced >= sequences / 20);
}

impl Scene {
    fn new(seed: u64) -> Self {
        let data = model::folder();
        let work = model::folder();
        let checkpoints = Checkpoints::open(data.path()).unwrap();
        let journal = open(&checkpoints, work.path());
        let mut scene = Self {
            _data: data,
            work,
            checkpoints,
            journal,
            changes: BTreeMap::new(),
            folder_mode: 0,
            rng: Rng::with_seed(seed),
            call: 0,
            turn: 1,
        };
        for path in ["s", "s/t"] {
            fs::create_dir(scene.path(path)).unwrap();
        }
        if let Node::Folder(mode) = scene.tree()[Path::new("s")] {
            scene.folder_mode = mode;
        }
        for _ in 0..4 {
            let path = scene.some_path();
            scene.act(&path);
        }
        scene
    }

    fn play(&mut self, counts: &mut Counts) {
        for _ in 0..self.rng.usize(8..30) {
            match self.rng.u8(..14) {
                0..=5 => self.tool(),
                6 => self.program(),
                7..=9 => self.user(),
                10 => self.turn += 1,
                // Another start of the app.
                11 => {
                    self.journal = open(&self.checkpoints, self.work.path());
                }
                _ => self.undo(counts),
            }
        }
        self.undo(counts);
    }

    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.work.path().join(path)
    }

    fn tree(&self) -> Tree {
        model::read(self.work.path())
    }

    fn some_path(&mut self) -> PathBuf {
        FILES[self.rng.usize(..FILES.len())].into()
    }

    fn content(&mut self) -> Vec<u8> {
        // Few contents, so that a file is often changed back.
        let lines = self.rng.usize(..4);
        (0..lines)
            .map(|_| format!("line {}\n", self.rng.u8(..3)))
            .collect::<String>()
            .into_bytes()
    }

    /// Notes what differs from an earlier tree as changed by the call.
    fn note(&mut self, before: &Tree) {
        let by = (self.call, self.turn);
        let after = self.tree();
        let paths: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
        for path in paths {
            let (before, after) = (before.get(&path).cloned(), after.get(&path).cloned());
            if before != after {
                self.changes.entry(path).or_default().push(Change {
                    by,
                    before,
                    after,
                    undone: false,
                });
            }
        }
    }

    /// A tool changes one path.
    fn tool(&mut self) {
        self.call += 1;
        let recorder = self.recorder();
        let before = self.tree();
        let relative = self.some_path();
        let path = self.path(&relative);
        match self.rng.u8(..8) {
            0..=3 if !path.is_dir() && parents_are_folders(&before, &relative) => {
                let content = self.content();
                let intent = Intent::Content(model::hash(&content));
                recorder.before(&path, &intent).unwrap();
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                // As tools do: aside, then renamed. A link is replaced, not followed.
                let aside = self.work.path().join("aside");
                fs::write(&aside, content).unwrap();
                fs::rename(&aside, &path).unwrap();
                recorder.after(&path).unwrap();
            }
            4 if path.symlink_metadata().is_ok() => {
                recorder.before(&path, &Intent::Absent).unwrap();
                remove(&path);
                recorder.after(&path).unwrap();
            }
            5 if path.symlink_metadata().is_ok() => {
                let number = self.rng.u8(..3);
                let to = self.path(format!("moved{number}"));
                if to.symlink_metadata().is_err() {
                    let folder = path.symlink_metadata().unwrap().is_dir();
                    let intent = match before.get(&relative) {
                        Some(Node::File(content, _)) => Intent::Content(model::hash(content)),
                        _ if folder => Intent::Folder,
                        _ => Intent::Content(model::hash(b"a link has none")),
                    };
                    recorder.before(&path, &Intent::Absent).unwrap();
                    recorder.before(&to, &intent).unwrap();
                    fs::rename(&path, &to).unwrap();
                    recorder.after(&to).unwrap();
                    recorder.after(&path).unwrap();
                }
            }
            6 if parents_are_folders(&before, &relative) && path.symlink_metadata().is_err() => {
                recorder.before(&path, &Intent::Folder).unwrap();
                fs::create_dir_all(&path).unwrap();
                recorder.after(&path).unwrap();
            }
            _ => {
                if let Some(Node::File(content, _)) = before.get(&relative) {
                    let intent = Intent::Content(model::hash(content));
                    recorder.before(&path, &intent).unwrap();
                    set_mode(&path, 0o600 | self.rng.u32(..0o200));
                    recorder.after(&path).unwrap();
                }
            }
        }
        self.note(&before);
    }

    /// A program changes what it likes.
    fn program(&mut self) {
        self.call += 1;
        let recorder = self.recorder();
        let before = self.tree();
        let mark = recorder.before_tree(self.work.path()).unwrap();
        assert!(mark.not_kept.is_empty(), "{:?}", mark.not_kept);
        for _ in 0..self.rng.usize(..8) {
            let path = self.some_path();
            self.act(&path);
        }
        recorder.after_tree(mark).unwrap();
        self.note(&before);
    }

    fn user(&mut self) {
        let path = self.some_path();
        self.act(&path);
    }

    /// Changes a path by plain means.
    fn act(&mut self, relative: &Path) {
        let path = self.path(relative);
        let there = path.symlink_metadata();
        match self.rng.u8(..9) {
            0..=3 if parents_are_folders(&self.tree(), relative) => {
                if there.as_ref().is_ok_and(|there| !there.is_file()) {
                    remove(&path);
                }
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, self.content()).unwrap();
            }
            4 if there.is_ok() => remove(&path),
            5 if parents_are_folders(&self.tree(), relative) => {
                if there.is_ok() {
                    remove(&path);
                }
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                link(
                    ["a.txt", "../b.txt", "s", "/nowhere"][self.rng.usize(..4)],
                    &path,
                );
            }
            6 if there.is_err() && parents_are_folders(&self.tree(), relative) => {
                fs::create_dir_all(&path).unwrap();
            }
            7 if there.is_ok_and(|there| !there.is_symlink()) => {
                set_mode(&path, 0o700 | self.rng.u32(..0o100));
            }
            8 => {
                let number = self.rng.u8(..3);
                let to = self.path(format!("renamed{number}"));
                if path.symlink_metadata().is_ok() && to.symlink_metadata().is_err() {
                    fs::rename(&path, &to).unwrap();
                }
            }
            _ => {}
        }
    }

    fn recorder(&self) -> Recorder {
        let id = Uuid::from_u128;
        self.journal
            .recorder(turn_id(self.turn), ItemId(id(self.call)))
    }

    /// Undoes a random scope and holds the result against what it should be.
    fn undo(&mut self, counts: &mut Counts) {
        let (scope, wanted) = self.scope();
        let force = self.rng.u8(..5) == 0;
        let before = self.tree();
        let expected = self.expected(&before, &wanted, force);
        let report = self.journal.undo(&scope, force).unwrap();
        let after = self.tree();
        assert!(report.lost.is_empty(), "{:?}", report.lost);
        let Some((expected, stay)) = expected else {
            assert_eq!(after, before, "a refusal touches nothing: {scope:?}");
            assert!(!report.conflicts.is_empty(), "{scope:?} must be refused");
            for conflict in &report.conflicts {
                assert!(!conflict.since.note.is_empty(), "{conflict:?}");
                assert!(Path::new(&conflict.path).starts_with(self.work.path()));
            }
            counts.refused += 1;
            return;
        };
        assert_eq!(report.conflicts, [], "{scope:?}, force {force}");
        assert_eq!(after, expected, "{scope:?}, force {force}");
        assert_eq!(report.restored.is_empty(), after == before);
        let did = after != before;
        counts.exact += usize::from(did);
        counts.forced += usize::from(did && force);
        if did && self.rng.bool() {
            let report = self.journal.redo().unwrap();
            assert_eq!((report.conflicts, report.lost), (vec![], vec![]));
            assert_eq!(self.tree(), before, "a redo gives the later tree");
            counts.redone += 1;
        } else {
            self.mark(&stay, &wanted);
        }
    }

    fn scope(&mut self) -> (UndoScope, Box<Wanted>) {
        let turn = self.rng.u128(1..=self.turn);
        match self.rng.u8(..4) {
            0 => (UndoScope::All, Box::new(|_| true)),
            1 => {
                let call = self.rng.u128(1..=self.call.max(1));
                let id = ItemId(Uuid::from_u128(call));
                let wanted = move |by: (u128, u128)| by.0 == call;
                (UndoScope::Call { call: id }, Box::new(wanted))
            }
            2 => {
                let id = turn_id(turn);
                let wanted = move |by: (u128, u128)| by.1 == turn;
                (UndoScope::Turn { turn: id }, Box::new(wanted))
            }
            _ => {
                let id = turn_id(turn);
                let wanted = move |by: (u128, u128)| by.1 >= turn;
                (UndoScope::BackTo { turn: id }, Box::new(wanted))
            }
        }
    }

    /// What an undo must give: the tree, and folders that stay because something is in them. `None` where it must be refused.
    /// Written from the rules, not from the code.
    fn expected(&self, now: &Tree, wanted: &Wanted, force: bool) -> Option<(Tree, Vec<PathBuf>)> {
        let mut tree = now.clone();
        let mut folders_to_go = Vec::new();
        let mut put = Vec::new();
        for (path, changes) in &self.changes {
            let active: Vec<&Change> = changes.iter().filter(|change| !change.undone).collect();
            let Some(first) = active.iter().position(|change| wanted(change.by)) else {
                continue;
            };
            let taken = &active[first..];
            let (target, left) = (&taken[0].before, &taken[taken.len() - 1].after);
            let present = now.get(path).cloned();
            if present == *target {
                continue;
            }
            let is_folder = |node: &Option<Node>| matches!(node, Some(Node::Folder(_)));
            let folder_is_enough =
                is_folder(&present) && (target.is_none() || is_folder(target) && !is_folder(left));
            let untouched = (present == *left || folder_is_enough)
                && taken.iter().all(|change| wanted(change.by))
                && taken.windows(2).all(|pair| pair[0].after == pair[1].before);
            if !untouched && !force {
                return None;
            }
            match target {
                None if is_folder(&present) => folders_to_go.push(path.clone()),
                None => drop(tree.remove(path)),
                Some(node) => {
                    tree.insert(path.clone(), node.clone());
                    put.push(path.clone());
                }
            }
        }
        for path in &put {
            for above in path
                .ancestors()
                .skip(1)
                .filter(|above| *above != Path::new(""))
            {
                // What is there now and no folder would have to go for a folder that nobody asked for.
                let in_the_way = matches!(now.get(above), Some(Node::File(..) | Node::Link(_)));
                if in_the_way && !tree.contains_key(above) {
                    return None;
                }
                let made = Node::Folder(self.folder_mode);
                match tree.entry(above.to_path_buf()).or_insert(made) {
                    Node::Folder(_) => {}
                    _ => return None,
                }
            }
        }
        let mut stay = Vec::new();
        for path in folders_to_go.into_iter().rev() {
            let used = tree
                .keys()
                .any(|other| other != &path && other.starts_with(&path));
            if used {
                stay.push(path);
            } else {
                tree.remove(&path);
            }
        }
        // A folder that became a file has nothing left in it.
        let in_a_file = |path: &PathBuf| {
            let mut above = path.ancestors().skip(1);
            above.any(|above| matches!(tree.get(above), Some(Node::File(..) | Node::Link(_))))
        };
        (!tree.keys().any(in_a_file)).then_some((tree, stay))
    }

    /// What was taken back is taken back no second time.
    fn mark(&mut self, stay: &[PathBuf], wanted: &Wanted) {
        for (path, changes) in &mut self.changes {
            let active = changes.iter_mut().filter(|change| !change.undone);
            let taken = active.skip_while(|change| !wanted(change.by));
            if !stay.contains(path) {
                taken.for_each(|change| change.undone = true);
            }
        }
    }
}

/// Which changes a scope means, by call and turn.
type Wanted = dyn Fn((u128, u128)) -> bool;

/// Numbers of turns hold their time, as the core's do.
fn turn_id(turn: u128) -> TurnId {
    TurnId(Uuid::from_u128((turn << 80) | (7 << 76) | (2 << 62)))
}

fn open(checkpoints: &Checkpoints, folder: &Path) -> Journal {
    checkpoints
        .session(SessionId(Uuid::from_u128(1)), Some(folder))
        .unwrap()
}

/// Whether a file could be made there without following a link.
fn parents_are_folders(tree: &Tree, path: &Path) -> bool {
    path.ancestors()
        .skip(1)
        .all(|above| matches!(tree.get(above), None | Some(Node::Folder(_))))
}

fn remove(path: &Path) {
    if path.symlink_metadata().unwrap().is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}

#[cfg(unix)]
fn link(target: &str, path: &Path) {
    std::os::unix::fs::symlink(target, path).unwrap();
}

#[cfg(not(unix))]
fn link(_: &str, path: &Path) {
    fs::write(path, "no links here").unwrap();
}
