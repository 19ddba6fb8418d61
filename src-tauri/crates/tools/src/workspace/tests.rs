//! Where paths lead, and what the model is told where they lead nowhere.

use std::{fmt::Write as _, path::Path};

use super::{Purpose, Workspace, is_protected};
use crate::Host;

#[cfg(unix)]
#[test]
fn paths_are_resolved_or_refused_in_words() {
    use std::os::unix::fs::symlink;
    let outer = tempfile::TempDir::new().unwrap();
    let outer = outer.path().canonicalize().unwrap();
    let root = outer.join("folder");
    std::fs::create_dir_all(root.join("src/deep")).unwrap();
    std::fs::write(root.join("README.md"), "x").unwrap();
    std::fs::write(root.join("src/main.rs"), "x").unwrap();
    std::fs::write(root.join("café.txt"), "x").unwrap();
    std::fs::write(root.join("12:30.txt"), "x").unwrap();
    std::fs::write(outer.join("secret.txt"), "x").unwrap();
    symlink("src/main.rs", root.join("inside")).unwrap();
    symlink("../secret.txt", root.join("outside")).unwrap();
    symlink(&outer, root.join("up")).unwrap();
    symlink("circle", root.join("circle")).unwrap();
    symlink(root.join("src"), root.join("absolute")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), rustix::fs::Mode::RWXU).unwrap();
    let workspace = Workspace::open(&root).unwrap();
    let mut host = Host::bare(outer.join("data/scratch"));
    host.hidden = vec![outer.join("data"), root.join("keys")];
    std::fs::create_dir_all(outer.join("data/scratch")).unwrap();
    std::fs::create_dir_all(root.join("keys")).unwrap();
    let secret = outer.join("secret.txt").display().to_string();
    let absolute = root.join("src/main.rs").display().to_string();
    let scratch = outer.join("data/scratch").display().to_string();
    let data = outer.join("data").display().to_string();
    let round = root.join("up/folder/src").display().to_string();
    let mut table = String::new();
    for text in [
        ".",
        "./src/../README.md",
        "src//main.rs",
        "inside",
        "absolute/main.rs",
        "new/file.txt",
        "12:30.txt",
        &absolute,
        &secret,
        &scratch,
        &round,
        "",
        "a\0b",
        "~",
        "~/x",
        "..",
        "../secret.txt",
        "src/../../secret.txt",
        "outside",
        "up/secret.txt",
        "circle",
        "readme.md",
        "SRC/main.rs",
        "cafe\u{301}.txt",
        "README.md/x",
        "pipe",
        "keys/id",
        &data,
        "\\\\server\\share",
        "//server/share",
        "C:\\Windows",
        "file.txt:stream",
        "COM1",
        "com¹.txt",
        "nul",
        "PROGRA~1",
        "dot.",
        "space ",
        "a\u{202E}txt",
        "new\nline",
        "what?",
        &"n".repeat(256),
        &"a/".repeat(2100),
        "missing/../x",
    ] {
        let result = workspace.locate(text, Purpose::Write, &host);
        let short: String = text.chars().take(40).collect();
        match result {
            Ok(it) => writeln!(
                table,
                "{short:?}: {} {:?} inside={}",
                it.shown, it.kind, it.inside
            ),
            Err(error) => writeln!(table, "{short:?}: {error}"),
        }
        .unwrap();
    }
    let read = workspace.locate(&scratch, Purpose::Read, &host).unwrap();
    writeln!(
        table,
        "read scratch: {:?} inside={}",
        read.kind, read.inside
    )
    .unwrap();
    let link = workspace.locate("outside", Purpose::Entry, &host).unwrap();
    writeln!(table, "the link itself: {} {:?}", link.shown, link.kind).unwrap();
    let missing = workspace
        .locate("src/mian.rs", Purpose::Read, &host)
        .unwrap();
    writeln!(table, "missing: {}", missing.expect_file().unwrap_err()).unwrap();
    insta::assert_snapshot!(table.replace(outer.to_str().unwrap(), "/OUTER"));
}

#[test]
fn what_is_protected() {
    for path in [
        ".git",
        ".git/hooks/pre-commit",
        "sub/.git/config",
        ".GIT/Config",
        ".mcp.json",
        ".vscode/tasks.json",
        ".idea/x",
        ".envrc",
        ".nexus/settings.toml",
        "home/.bashrc",
        ".zshrc",
        ".claude/settings.json",
        ".cursor/mcp.json",
        ".zed/tasks.json",
        ".ssh/authorized_keys",
        ".git/modules/x/config",
        ".git/commondir",
        "sub/.husky/pre-commit",
        ".githooks/pre-push",
        ".lefthook/pre-push/lint.sh",
        "sub/.GitModules",
    ] {
        assert!(is_protected(Path::new(path)), "{path}");
    }
    for path in [
        "src/main.rs",
        ".gitignore",
        ".git/index",
        "git/config",
        "config",
        ".env",
    ] {
        assert!(!is_protected(Path::new(path)), "{path}");
    }
}
