use std::path::Path;

use super::{is_protected, protected};

#[test]
fn all_that_is_listed_is_protected_with_what_is_above_and_below() {
    for path in protected() {
        assert!(is_protected(path), "{path:?}");
        assert!(is_protected(&path.join("below/it")), "{path:?}");
        assert!(
            is_protected(&Path::new("vendor/sub").join(path)),
            "{path:?}"
        );
    }
    assert!(is_protected(Path::new(".git")));
    assert!(is_protected(Path::new("sub/.git")));
}

#[test]
fn other_spellings_of_protected_names_are_protected() {
    for path in [
        ".GIT/hooks/pre-commit",
        ".Git/Config",
        "./.git/./hooks/x",
        "GIT~1/hooks",
        ".git./config",
        ".git /config",
        ".git::$INDEX_ALLOCATION/config",
        ".g\u{200c}it/hooks",
        ".BashRC",
        ".VSCODE/tasks.json",
        ".mcp.json.",
    ] {
        assert!(is_protected(Path::new(path)), "{path:?}");
    }
}

#[test]
fn the_rest_of_the_folder_is_free() {
    for path in [
        "",
        "src/main.rs",
        ".git/objects/ab/cd",
        ".git/index",
        ".git/refs/heads/main",
        ".github/workflows/ci.yml",
        ".gitignore",
        "git/hooks",
        "hooks/pre-commit",
        "bashrc",
        "a~1/b",
        ".mcp.json.example",
    ] {
        assert!(!is_protected(Path::new(path)), "{path:?}");
    }
}
