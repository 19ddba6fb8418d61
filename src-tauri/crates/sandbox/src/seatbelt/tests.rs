use std::{collections::BTreeMap, fs, path::Path};

use super::{profile, quoted};
use crate::{Kind, Limits, Spec};

fn lines(network: bool) -> (Vec<String>, String) {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    for name in ["project", "temp", "docs", "keys"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let text = profile(&Spec {
        argv: vec!["true".to_owned()],
        cwd: root.join("project"),
        env: BTreeMap::new(),
        folder: Some(root.join("project")),
        temp: root.join("temp"),
        readable: vec![root.join("docs")],
        hidden: vec![root.join("keys")],
        network,
        limits: Limits::default(),
        kind: Kind::Tool,
    })
    .unwrap();
    fs::remove_dir_all(&root).unwrap();
    (
        text.lines().map(str::to_owned).collect(),
        root.display().to_string(),
    )
}

fn at(lines: &[String], line: &str) -> usize {
    lines
        .iter()
        .position(|other| other == line)
        .unwrap_or_else(|| panic!("no line {line}"))
}

#[test]
fn what_is_not_named_is_denied_and_later_rules_narrow_earlier_ones() {
    let (lines, root) = lines(false);
    assert_eq!(lines[..2], ["(version 1)", "(deny default)"]);
    let write = at(
        &lines,
        &format!("(allow file-read* file-write* (subpath \"{root}/project\"))"),
    );
    assert!(
        at(
            &lines,
            &format!("(deny file-write* (subpath \"{root}/project/.git/hooks\"))")
        ) > write
    );
    assert!(
        at(
            &lines,
            &format!("(deny file-write-unlink (literal \"{root}/project/.git\"))")
        ) > write
    );
    at(
        &lines,
        &format!("(allow file-read* file-write* (subpath \"{root}/temp\"))"),
    );
    at(
        &lines,
        &format!("(allow file-read* (subpath \"{root}/docs\"))"),
    );
    at(
        &lines,
        &format!("(deny file-read* file-write* process-exec (subpath \"{root}/keys\"))"),
    );
    assert!(!lines.iter().any(|line| line.contains("network")));
    assert!(!lines.iter().any(|line| line.contains("securityd")));
}

#[test]
fn the_network_is_opened_without_unix_sockets() {
    let (lines, _) = lines(true);
    at(&lines, "(allow network-outbound (remote ip))");
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("network*") || line.contains("remote unix"))
    );
}

#[test]
fn a_path_cannot_end_its_string() {
    assert_eq!(
        quoted(Path::new("/a\") (allow default) (\"\\")).unwrap(),
        r#""/a\") (allow default) (\"\\""#
    );
    assert!(quoted(Path::new("/a\nb")).is_err());
}
