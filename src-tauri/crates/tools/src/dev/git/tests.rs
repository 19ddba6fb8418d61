use nexus_protocol::{DiffHunk, DiffLine, FileDiff};
use proptest::prelude::*;

use super::{patch, safe};

fn line(old: Option<u32>, new: Option<u32>, text: &str) -> DiffLine {
    DiffLine {
        old,
        new,
        text: text.to_owned(),
    }
}

#[test]
fn a_patch_is_read_by_its_counts() {
    let text = "commit 1\n\ndiff --git a/x y b/x y\nindex 1..2 100644\n--- a/x y\t\n+++ b/x y\t\n@@ -1,3 +1,3 @@ fn\n same\n--- a/other\n+++ b/other\n last\r\n\\ No newline at end of file\n@@ -9 +9,0 @@\n-gone\ndiff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\ndiff --git a/i.png b/i.png\nnew file mode 100644\nBinary files /dev/null and b/i.png differ\ndiff --git \"a/\\303\\251\" \"b/\\303\\251\"\ndeleted file mode 100644\n--- \"a/\\303\\251\"\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n";
    let file = |path: &str, note: &str| FileDiff {
        path: path.to_owned(),
        note: note.to_owned(),
        ..FileDiff::default()
    };
    let hunk = |lines: Vec<DiffLine>| DiffHunk { lines };
    assert_eq!(
        patch::read(text),
        [
            FileDiff {
                added: 1,
                removed: 2,
                hunks: vec![
                    hunk(vec![
                        line(Some(1), Some(1), "same"),
                        line(Some(2), None, "-- a/other"),
                        line(None, Some(2), "++ b/other"),
                        line(Some(3), Some(3), "last\\u{d}"),
                    ]),
                    hunk(vec![line(Some(9), None, "gone")]),
                ],
                ..file("x y", "")
            },
            file("new", "renamed"),
            file("i.png", "binary"),
            FileDiff {
                removed: 1,
                hunks: vec![hunk(vec![line(Some(1), None, "x")])],
                ..file("\\303\\251", "deleted")
            },
        ]
    );
}

#[test]
fn filters_are_turned_off_by_name() {
    let listed = b"core.bare\0filter.a.b=c.clean\0filter.lfs.required\0filter.x.other\0";
    let settings = safe::without_filters(listed);
    let count: usize = settings
        .iter()
        .find(|(name, _)| name == "GIT_CONFIG_COUNT")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap();
    let of = |index: usize| {
        let value = |prefix: &str| {
            settings
                .iter()
                .find(|(name, _)| *name == format!("{prefix}_{index}"))
                .map(|(_, value)| value.as_str())
                .unwrap()
        };
        (value("GIT_CONFIG_KEY"), value("GIT_CONFIG_VALUE"))
    };
    assert_eq!(of(count - 2), ("filter.a.b=c.clean", ""));
    assert_eq!(of(count - 1), ("filter.lfs.required", "false"));
    assert_eq!(settings.len(), 2 * count + 1);
}

proptest! {
    #[test]
    fn no_patch_makes_it_panic(lines in prop::collection::vec("(diff --git |--- |\\+\\+\\+ |@@ -|rename to |[-+ \\\\])?[ab/ \"é0-9,+@]{0,20}", 0..20)) {
        let _ = patch::read(&lines.join("\n"));
    }
}
