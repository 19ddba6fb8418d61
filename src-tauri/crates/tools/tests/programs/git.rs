//! `git`: what it says of a repository, and that a hostile repository runs nothing.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output, Stdio},
};

use nexus_protocol::{Capability, Confinement, Mode, ResultPart};
use nexus_tools::{
    ToolError,
    policy::{Decision, Permission, Rules, decide},
};
use serde_json::{Value, json};

use crate::desk::Desk;

/// Git as anyone runs it, in a fixed place and time.
fn plain(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", "/nowhere")
        .env("GIT_AUTHOR_NAME", "A U Thor")
        .env("GIT_AUTHOR_EMAIL", "author@example.org")
        .env("GIT_AUTHOR_DATE", "2024-02-29T12:00:00+0100")
        .env("GIT_COMMITTER_NAME", "C O Mitter")
        .env("GIT_COMMITTER_EMAIL", "committer@example.org")
        .env("GIT_COMMITTER_DATE", "2024-02-29T12:00:00+0100")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = plain(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Two commits, and changes that are staged and not.
fn repository(desk: &Desk) {
    let folder = desk.path();
    done(folder, &["init", "-q", "-b", "main"]);
    desk.write("a.txt", "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n");
    desk.write("gone.txt", "will go\n");
    done(folder, &["add", "."]);
    done(folder, &["commit", "-q", "-m", "First\n\nWith a body."]);
    desk.write("a.txt", "one\n2\nthree\nfour\nfive\nsix\nseven\neight\n");
    std::fs::remove_file(folder.join("gone.txt")).unwrap();
    desk.write("new file.txt", "new\r\n");
    done(folder, &["add", "."]);
    done(folder, &["commit", "-q", "-m", "Second"]);
    desk.write(
        "a.txt",
        "one\n2\nthree\nfour\nfive\nsix\nseven\n++ b/evil\n-- \u{202e}\n",
    );
    desk.write("staged.txt", "staged");
    done(folder, &["add", "staged.txt"]);
    desk.write("untracked.txt", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_as_models_read_it() {
    let desk = Desk::new();
    repository(&desk);
    let mut table = String::new();
    for arguments in [
        json!({ "command": "status" }),
        json!({ "command": "status", "path": "a.txt" }),
        json!({ "command": "diff" }),
        json!({ "command": "diff", "staged": true }),
        json!({ "command": "diff", "revision": "HEAD~1..HEAD", "path": "a.txt" }),
        json!({ "command": "diff", "path": "staged.txt" }),
        json!({ "command": "log" }),
        json!({ "command": "log", "max_count": 1, "path": "gone.txt" }),
        json!({ "command": "log", "path": "a.txt", "lines": "5,6" }),
        json!({ "command": "blame", "path": "a.txt", "lines": "1,2", "revision": "HEAD" }),
        json!({ "command": "show" }),
        json!({ "command": "show", "revision": "HEAD~1:a.txt" }),
        json!({ "command": "show", "revision": "nosuch" }),
        json!({ "command": "log", "path": "nosuch" }),
    ] {
        table.push_str(&format!("{arguments}\n"));
        match desk.call("git", arguments).await {
            Ok(output) => {
                table.push_str(&format!("[{}]\n{}\n", output.summary, output.text));
                for part in output.parts {
                    let ResultPart::Diff { diff } = part else {
                        panic!("{part:?}");
                    };
                    let lines: usize = diff.hunks.iter().map(|hunk| hunk.lines.len()).sum();
                    table.push_str(&format!(
                        "    part {:?} +{} -{} {lines} lines {:?}\n",
                        diff.path, diff.added, diff.removed, diff.note
                    ));
                }
            }
            Err(error) => table.push_str(&format!("{error:?}\n")),
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
    // The working folder was read and nothing else.
    assert_eq!(
        done(desk.path(), &["status", "--porcelain"])
            .lines()
            .count(),
        3
    );
}

#[tokio::test]
async fn what_would_be_an_option_or_lies_outside_is_refused() {
    let desk = Desk::new();
    repository(&desk);
    for arguments in [
        json!({ "command": "diff", "revision": "--output=stolen" }),
        json!({ "command": "log", "revision": "-p" }),
        json!({ "command": "show", "revision": "" }),
        json!({ "command": "show", "revision": "HEAD\n--output=stolen" }),
        json!({ "command": "diff", "path": "../other" }),
        json!({ "command": "diff", "path": "/etc/passwd" }),
        json!({ "command": "blame" }),
        json!({ "command": "blame", "path": "a.txt", "lines": "1,2 --output=stolen" }),
        json!({ "command": "blame", "path": "a.txt", "lines": "5,2" }),
        json!({ "command": "status", "revision": "HEAD" }),
        json!({ "command": "log", "staged": true }),
        json!({ "command": "log", "lines": "1,2" }),
        json!({ "command": "log", "max_count": 0 }),
        json!({ "command": "push" }),
    ] {
        let result = desk.call("git", arguments.clone()).await;
        assert!(
            matches!(result, Err(ToolError::BadArguments(_))),
            "{arguments} {result:?}"
        );
    }
    // A path that looks like an option or a pattern is a path.
    desk.write("--output=x", "");
    let arguments = json!({ "command": "status", "path": "--output=x" });
    let output = desk.call("git", arguments).await.unwrap();
    assert_eq!(output.summary, "1 changed");
    let output = desk
        .call("git", json!({ "command": "diff", "path": "*" }))
        .await;
    assert_eq!(output.unwrap().text, "No differences.");
}

#[tokio::test]
async fn a_folder_without_a_repository_is_none_whatever_is_above() {
    let desk = Desk::new();
    repository(&desk);
    let below = desk.path().join("below");
    std::fs::create_dir(&below).unwrap();
    let mut inner = Desk::new();
    inner.ctx.workspace = Some(std::sync::Arc::new(
        nexus_tools::Workspace::open(&below).unwrap(),
    ));
    let result = inner.call("git", json!({ "command": "status" })).await;
    assert!(
        matches!(&result, Err(ToolError::Failed(why)) if why.contains("not a git repository")),
        "{result:?}"
    );
}

#[tokio::test]
async fn it_is_free_where_the_sandbox_holds_it_and_asked_about_elsewhere() {
    let permission = Permission {
        mode: Mode::Ask,
        rules: &Rules::default(),
        grants: &[],
    };
    let arguments = json!({ "command": "log", "path": "a.txt" });
    let action = Desk::new().action("git", arguments.clone()).await;
    assert_eq!(
        (action.capability, &action.process),
        (Capability::Read, &None)
    );
    assert_eq!(action.label.object, "log --max-count=20 a.txt");
    assert_eq!(decide(&action, &permission), Decision::Allow);
    let action = Desk::unconfined().action("git", arguments).await;
    assert_eq!(action.capability, Capability::Execute);
    let process = action.process.as_ref().unwrap();
    assert!(matches!(process.sandbox, Confinement::Not { .. }));
    assert!(matches!(decide(&action, &permission), Decision::Ask(_)));
}

/// A repository whose configuration runs a program wherever git would: each leaves a mark.
fn hostile(desk: &Desk, marks: &Path) {
    let folder = desk.path();
    let mark = |name: &str| format!("touch '{}/{name}'", marks.display());
    done(folder, &["init", "-q", "-b", "main"]);
    for name in [
        "a.txt",
        "b.cmd",
        "c.conv",
        "d.clean",
        "e.process",
        "f.named",
        "same.txt",
        "gone.txt",
    ] {
        desk.write(name, &format!("{name}\n"));
    }
    let inner = folder.join("inner");
    std::fs::create_dir(&inner).unwrap();
    done(&inner, &["init", "-q", "-b", "main"]);
    std::fs::write(inner.join("x"), "x\n").unwrap();
    done(&inner, &["add", "."]);
    done(&inner, &["commit", "-q", "-m", "Inner"]);
    done(folder, &["add", "."]);
    done(folder, &["commit", "-q", "-m", "First"]);

    // A commit that claims to be signed.
    let commit = done(folder, &["cat-file", "commit", "HEAD"]);
    let (head, message) = commit.split_once("\n\n").unwrap();
    let signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----";
    std::fs::write(
        marks.join("commit"),
        format!("{head}\n{signature}\n\n{message}\n"),
    )
    .unwrap();
    let file = marks.join("commit").to_string_lossy().into_owned();
    let signed = done(folder, &["hash-object", "-t", "commit", "-w", &file]);
    std::fs::remove_file(marks.join("commit")).unwrap();
    done(folder, &["update-ref", "refs/heads/main", &signed]);

    // An object that is missing and promised.
    let gone = done(folder, &["rev-parse", "HEAD:gone.txt"]);
    let (first, rest) = gone.split_at(2);
    std::fs::remove_file(folder.join(".git/objects").join(first).join(rest)).unwrap();

    let attributes = "*.cmd diff=cmd\n*.conv diff=conv\n*.clean filter=clean\n*.process filter=process\n*.named filter=a=b\n";
    std::fs::write(folder.join(".git/info/attributes"), attributes).unwrap();
    let gpg = marks.join("../gpg").to_string_lossy().into_owned();
    script(Path::new(&gpg), &mark("gpg"));
    for (name, value) in [
        ("core.fsmonitor", mark("fsmonitor") + "; false"),
        ("diff.external", mark("external") + "; true"),
        ("diff.cmd.command", mark("command") + "; true"),
        ("diff.conv.textconv", mark("textconv") + "; cat"),
        ("filter.clean.clean", mark("clean") + "; cat"),
        ("filter.clean.required", "true".to_owned()),
        ("filter.process.process", mark("process") + "; false"),
        ("filter.a=b.clean", mark("named") + "; cat"),
        ("log.showSignature", "true".to_owned()),
        ("format.pretty", "%H %G?".to_owned()),
        ("gpg.program", gpg),
        ("core.repositoryFormatVersion", "1".to_owned()),
        ("extensions.partialClone", "evil".to_owned()),
        ("remote.evil.promisor", "true".to_owned()),
        (
            "remote.evil.url",
            format!("ext::touch {}/fetch", marks.display()),
        ),
        ("protocol.ext.allow", "always".to_owned()),
        ("core.pager", mark("pager")),
        ("pager.log", mark("pager")),
        ("alias.status", format!("!{}", mark("alias"))),
        ("status.submoduleSummary", "true".to_owned()),
    ] {
        done(folder, &["config", name, &value]);
    }
    done(
        &inner,
        &["config", "core.fsmonitor", &(mark("inner") + "; false")],
    );
    for name in [
        "post-index-change",
        "post-checkout",
        "reference-transaction",
    ] {
        script(&folder.join(".git/hooks").join(name), &mark("hook"));
    }
    // Same size and another time: git has to look into them.
    for name in [
        "a.txt",
        "b.cmd",
        "c.conv",
        "d.clean",
        "e.process",
        "f.named",
    ] {
        desk.write(name, &format!("{}\n", name.to_uppercase()));
    }
    std::fs::write(inner.join("x"), "y\n").unwrap();
    desk.write("same.txt", "same.txt\n");
}

fn script(path: &Path, line: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, format!("#!/bin/sh\n{line}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn left(marks: &Path) -> BTreeSet<String> {
    std::fs::read_dir(marks)
        .unwrap()
        .map(|it| it.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

fn every_call() -> Vec<Value> {
    let mut calls = vec![
        json!({ "command": "diff", "staged": true }),
        json!({ "command": "show", "revision": "HEAD:gone.txt" }),
        json!({ "command": "log", "path": "a.txt", "lines": "1,1" }),
        json!({ "command": "diff", "revision": "HEAD" }),
        json!({ "command": "status", "path": "inner" }),
    ];
    calls.extend(["status", "diff", "log", "show"].map(|it| json!({ "command": it })));
    for name in [
        "a.txt",
        "b.cmd",
        "c.conv",
        "d.clean",
        "e.process",
        "f.named",
    ] {
        for command in ["diff", "blame", "show", "log"] {
            calls.push(json!({ "command": command, "path": name }));
        }
    }
    calls
}

/// Without the sandbox, so that nothing but the tool itself stands in the way.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_repository_runs_nothing() {
    for desk in [Desk::unconfined(), Desk::new()] {
        let marks = desk.path().join(".marks");
        std::fs::create_dir(&marks).unwrap();
        hostile(&desk, &marks);
        let before = left(&marks);
        for arguments in every_call() {
            let result = desk.call("git", arguments.clone()).await;
            assert_eq!(left(&marks), before, "{arguments} {result:?}");
            let is_missing = arguments["revision"] == "HEAD:gone.txt";
            assert_eq!(
                result.is_err(),
                is_missing || show_of_root(&arguments),
                "{arguments} {result:?}"
            );
        }
        // The same with git as it is: each of them would have run. By path, because the broken filter ends git.
        for arguments in [
            &["diff", "--", "a.txt"][..],
            &["diff", "--", "b.cmd"],
            &["diff", "--", "d.clean"],
            &["diff", "--", "e.process"],
            &["diff", "--", "f.named"],
            &["show", "--", "c.conv"],
            &["log", "-1"],
            &["show", "HEAD:gone.txt"],
            &["config", "--unset", "filter.process.process"],
            &["status"],
        ] {
            plain(desk.path(), arguments);
        }
        let ran = left(&marks);
        for name in [
            "clean",
            "command",
            "external",
            "fetch",
            "fsmonitor",
            "gpg",
            "hook",
            "inner",
            "named",
            "process",
            "textconv",
        ] {
            assert!(
                ran.contains(name),
                "{name} did not run with plain git: {ran:?}"
            );
        }
    }
}

/// A whole first commit holds the object that is missing.
fn show_of_root(arguments: &Value) -> bool {
    arguments == &json!({ "command": "show" })
}
