use super::*;
use crate::models::gguf_builder::tiny;

struct Places {
    _dir: tempfile::TempDir,
    from: PathBuf,
    to: PathBuf,
}

fn places() -> Places {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().canonicalize().unwrap().join("from");
    fs::create_dir_all(from.join("one")).unwrap();
    fs::write(from.join("one/one.gguf"), tiny().bytes()).unwrap();
    fs::write(from.join("loose.gguf"), tiny().bytes()).unwrap();
    fs::write(from.join("notes.txt"), "mine").unwrap();
    Places {
        to: dir.path().canonicalize().unwrap().join("to"),
        from,
        _dir: dir,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn on_one_disk_names_change_and_what_is_no_model_stays() {
    let Places { from, to, _dir } = places();
    let moved = relocate(&from, &to, &Limits::default(), |_, _| {}).unwrap();
    assert_eq!(names(&to), ["loose.gguf", "one"]);
    moved.finish();
    assert_eq!(names(&from), ["notes.txt"]);
    assert_eq!(fs::read(to.join("one/one.gguf")).unwrap(), tiny().bytes());
}

#[test]
fn a_move_can_be_taken_back() {
    let Places { from, to, _dir } = places();
    relocate(&from, &to, &Limits::default(), |_, _| {})
        .unwrap()
        .undo();
    assert_eq!(names(&from), ["loose.gguf", "notes.txt", "one"]);
    assert_eq!(names(&to), [""; 0]);
}

#[test]
fn copies_are_whole_and_the_old_ones_go_last() {
    let Places { from, to, _dir } = places();
    fs::create_dir_all(&to).unwrap();
    let mut heard = Vec::new();
    for name in ["one", "loose.gguf"] {
        copy(&from.join(name), &to.join(name), &mut |bytes| {
            heard.push(bytes)
        })
        .unwrap();
    }
    let size = tiny().bytes().len() as u64;
    assert_eq!(heard, [size, size]);
    let moved = Relocated {
        from: from.clone(),
        to: to.clone(),
        names: vec!["one".into(), "loose.gguf".into()],
        copied: true,
    };
    assert_eq!(names(&from), ["loose.gguf", "notes.txt", "one"]);
    moved.finish();
    assert_eq!(names(&from), ["notes.txt"]);
    assert_eq!(names(&to), ["loose.gguf", "one"]);
}

#[test]
fn folders_that_do_not_suit_are_refused_and_nothing_moves() {
    let Places { from, to, _dir } = places();
    fs::create_dir_all(to.join("one")).unwrap();
    for target in [
        from.clone(),
        from.join("below"),
        to,
        PathBuf::from("relative"),
    ] {
        assert!(relocate(&from, &target, &Limits::default(), |_, _| {}).is_err());
        assert!(from.join("one/one.gguf").is_file());
    }
}

/// Memory is another disk than the temp folder on most Linux machines; where it is not, the names just change.
#[cfg(target_os = "linux")]
#[test]
fn to_another_disk_with_room_and_without() {
    let Places { from, _dir, .. } = places();
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else {
        return;
    };
    let to = other.path().join("models");
    fs::create_dir(&to).unwrap();
    if one_disk(&from, &to).unwrap() {
        return;
    }
    let full = Limits {
        free_space: |_| Ok(10),
        ..Limits::default()
    };
    assert!(relocate(&from, &to, &full, |_, _| {}).is_err());
    assert_eq!(names(&to), [""; 0]);
    let roomy = Limits {
        space_margin: 0,
        ..Limits::default()
    };
    let mut last = (0, 0);
    let moved = relocate(&from, &to, &roomy, |done, total| last = (done, total)).unwrap();
    let size = 2 * tiny().bytes().len() as u64;
    assert_eq!(last, (size, size));
    assert!(from.join("one/one.gguf").is_file());
    moved.finish();
    assert_eq!(names(&to), ["loose.gguf", "one"]);
    assert_eq!(names(&from), ["notes.txt"]);
}
