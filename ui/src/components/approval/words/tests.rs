use super::*;
use nexus_protocol::{Capability, ToolLabel};

fn action() -> Action {
    Action {
        tool: "edit".into(),
        capability: Capability::Write,
        label: ToolLabel {
            verb: "Edit".into(),
            object: "src/main.rs".into(),
        },
        process: None,
        files: Vec::new(),
        network: None,
        arguments_hash: String::new(),
    }
}

fn process(sandbox: Confinement) -> ProcessAction {
    ProcessAction {
        language: "python".into(),
        code: "print(1)".into(),
        argv: vec!["python3".into(), "-c".into(), "print('a b')".into()],
        cwd: "/home/me/sales".into(),
        env: [("PATH".to_owned(), "/bin".to_owned())].into(),
        sandbox,
        runs: vec![nexus_protocol::BoundFile {
            path: "/home/me/sales/run.sh".into(),
            sha256: "0123456789abcdef".into(),
        }],
        time_limit_s: 120,
    }
}

fn file(shown: &str, access: FileAccess) -> FileAction {
    FileAction {
        path: format!("/home/me/{shown}"),
        shown: shown.into(),
        access,
        inside: true,
        protected: false,
        before: None,
        after: None,
        diff: None,
        undoable: true,
    }
}

#[test]
fn a_title_says_what_and_whether_it_is_confined() {
    let confined = Action {
        process: Some(process(Confinement::Full)),
        ..action()
    };
    let said = title(&confined);
    assert_eq!(
        (said.verb.as_str(), said.object.as_str()),
        ("Run Python", "")
    );
    assert_eq!(said.calm, ["in the sandbox"]);
    assert!(said.grave.is_empty());

    let free = Action {
        process: Some(process(Confinement::Not { why: "x".into() })),
        files: vec![FileAction {
            inside: false,
            ..file("/etc/hosts", FileAccess::Modify)
        }],
        ..action()
    };
    assert_eq!(
        title(&free).grave,
        ["not sandboxed", "outside the working folder"]
    );

    let edit = title(&action());
    assert_eq!(
        (edit.verb.as_str(), edit.object.as_str()),
        ("Edit", "src/main.rs")
    );
}

#[test]
fn a_title_cannot_be_turned_around() {
    let sly = Action {
        label: ToolLabel {
            verb: "Edit".into(),
            object: "a\u{202e}fdp.exe".into(),
        },
        ..action()
    };
    assert_eq!(title(&sly).object, "a⟨U+202E⟩fdp.exe");
}

#[test]
fn the_network_is_named() {
    assert_eq!(network(&action()), None);
    let confined = Action {
        process: Some(process(Confinement::Full)),
        ..action()
    };
    assert_eq!(network(&confined), Some(("no network".into(), false)));
    let talks = |hosts: &[&str], bytes| Action {
        network: Some(NetworkAction {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            bytes,
        }),
        ..confined.clone()
    };
    assert_eq!(
        network(&talks(&["a.example", "b.example"], Some(1500))),
        Some(("network: a.example, b.example, sends 2 KB".into(), true))
    );
    assert_eq!(
        network(&talks(&[], None)),
        Some(("network: any host".into(), true))
    );
}

#[test]
fn files_say_what_happens_to_them() {
    let files = [
        file("a.csv", FileAccess::Create),
        file("old", FileAccess::MoveFrom),
        FileAction {
            undoable: false,
            ..file("new", FileAccess::MoveTo)
        },
        FileAction {
            protected: true,
            ..file(".git/hooks/x", FileAccess::Modify)
        },
        FileAction {
            inside: false,
            ..file("/etc/hosts", FileAccess::Read)
        },
    ];
    let lines = file_lines(&files);
    let told: Vec<(&str, &str, Option<&str>)> = lines
        .iter()
        .map(|line| (line.verb, line.name.as_str(), line.to.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("Writes", "a.csv", None),
            ("Moves", "old", Some("new")),
            ("Changes", ".git/hooks/x", None),
            ("Reads", "/etc/hosts", None),
        ]
    );
    assert_eq!(lines[0].calm, ["new", "can be undone"]);
    assert_eq!(lines[1].grave, ["cannot be undone"]);
    assert_eq!(lines[2].grave, ["protected: programs trust this file"]);
    assert_eq!(lines[3].grave, ["outside the working folder"]);
    assert!(lines[3].calm.is_empty());
}

#[test]
fn details_hold_what_the_answer_is_bound_to() {
    let shown = details(&process(Confinement::Full));
    assert_eq!(
        shown,
        [
            ("Folder", "/home/me/sales".to_owned()),
            ("Ends after", "2 min 0 s".to_owned()),
            (
                "Runs",
                "/home/me/sales/run.sh (sha256 0123456789ab…)".to_owned()
            ),
            ("Program", "\"python3\" \"-c\" \"print('a b')\"".to_owned()),
            ("Environment", "PATH=/bin".to_owned()),
        ]
    );
}

#[test]
fn answers_in_a_few_words() {
    let deny = |word: &str| ApprovalAnswer::Deny { word: word.into() };
    assert_eq!(answer_words(&ApprovalAnswer::Once), "allowed once");
    assert_eq!(answer_words(&deny(" ")), "denied");
    assert_eq!(answer_words(&deny("use the copy")), "denied: use the copy");
}
