//! Actions from a line of text, so that tables of them can be read.
//!
//! `read|write|create|delete a + b`, `move a b`, `run LINE`, `code TEXT`, `fetch HOST`, `settings`, `compute`; words with @ before it say
//! more. The working folder is `/w`; a relative path is inside.

use std::collections::BTreeMap;

use nexus_protocol::{
    Action, Capability, Confinement, FileAccess, FileAction, NetworkAction, ProcessAction,
    ToolLabel,
};

pub fn action(text: &str) -> Action {
    let mut words = text;
    let mut marks = Vec::new();
    while let Some(rest) = words.strip_prefix('@') {
        let (mark, rest) = rest.split_once(' ').unwrap();
        marks.push(mark.split_once('=').unwrap_or((mark, "")));
        words = rest;
    }
    let (verb, object) = words.split_once(' ').unwrap_or((words, ""));
    let files = |access| object.split(" + ").map(|path| file(path, access)).collect();
    let (tool, capability, files) = match verb {
        "read" => ("read_file", Capability::Read, files(FileAccess::Read)),
        "write" => ("write_file", Capability::Write, files(FileAccess::Modify)),
        "create" => ("write_file", Capability::Write, files(FileAccess::Create)),
        "delete" => ("delete_file", Capability::Write, files(FileAccess::Delete)),
        "move" => {
            let (from, to) = object.split_once(' ').unwrap();
            let files = vec![
                file(from, FileAccess::MoveFrom),
                file(to, FileAccess::MoveTo),
            ];
            ("move_file", Capability::Write, files)
        }
        "run" => ("shell", Capability::Execute, Vec::new()),
        "code" => ("run_code", Capability::Execute, Vec::new()),
        "fetch" => ("web_fetch", Capability::Network, Vec::new()),
        "settings" => ("set_setting", Capability::Settings, Vec::new()),
        "compute" => ("calculate", Capability::Compute, Vec::new()),
        other => panic!("no such verb: {other}"),
    };
    let process = match verb {
        "run" => Some(process("shell", "/bin/bash", object)),
        "code" => Some(process("python", "/usr/bin/python3", object)),
        _ => None,
    };
    let mut action = Action {
        tool: tool.to_owned(),
        capability,
        label: ToolLabel {
            verb: verb.to_owned(),
            object: object.to_owned(),
        },
        process,
        files,
        network: (verb == "fetch").then(|| network(object)),
        arguments_hash: format!("hash of {verb} {object}"),
    };
    for (mark, value) in marks {
        add(&mut action, mark, value);
    }
    action
}

pub fn unconfined() -> Confinement {
    Confinement::Not {
        why: "This system has no sandbox.".to_owned(),
    }
}

pub fn network(host: &str) -> NetworkAction {
    NetworkAction {
        hosts: (!matches!(host, "" | "*"))
            .then(|| host.to_owned())
            .into_iter()
            .collect(),
        bytes: None,
    }
}

pub fn file(path: &str, access: FileAccess) -> FileAction {
    let inside = !path.starts_with('/') && !path.contains(':');
    FileAction {
        path: match path {
            "." => "/w".to_owned(),
            _ if inside => format!("/w/{path}"),
            _ => path.to_owned(),
        },
        shown: path.to_owned(),
        access,
        inside,
        protected: false,
        before: Some("0".repeat(64)),
        after: None,
        diff: None,
        undoable: true,
    }
}

fn process(language: &str, program: &str, code: &str) -> ProcessAction {
    ProcessAction {
        language: language.to_owned(),
        code: code.to_owned(),
        argv: vec![program.to_owned(), "-c".to_owned(), code.to_owned()],
        cwd: "/w".to_owned(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        sandbox: Confinement::Full,
        runs: Vec::new(),
        time_limit_s: 120,
    }
}

fn add(action: &mut Action, mark: &str, value: &str) {
    match mark {
        "tool" => action.tool = value.to_owned(),
        "protected" => action.files[0].protected = true,
        "final" => action.files[0].undoable = false,
        "folder" => action.files[0].before = None,
        "reads" => action.files.push(file(value, FileAccess::Read)),
        "net" => action.network = Some(network(value)),
        "unconfined" => action.process.as_mut().unwrap().sandbox = unconfined(),
        "foreign" => {
            action.process.as_mut().unwrap().argv[0] = r"C:\Windows\powershell.exe".to_owned()
        }
        "broken" => spoil(action, value),
        other => panic!("no such mark: {other}"),
    }
}

fn spoil(action: &mut Action, how: &str) {
    match how {
        "process" => action.process = None,
        "files" => action.files.clear(),
        "shown" => action.files[0].shown = action.files[0].path.clone(),
        "up" => action.files[0].shown = "../w/src/main.rs".to_owned(),
        "other" => action.files[0].shown = "docs/other.md".to_owned(),
        "outside" => action.files[0].inside = false,
        "weak" => action.capability = Capability::Read,
        "argv" => action.process.as_mut().unwrap().argv[2] = "id".to_owned(),
        "cwd" => action.process.as_mut().unwrap().cwd = "w".to_owned(),
        "half" => action.files.truncate(1),
        "hash" => action.arguments_hash.clear(),
        "compute" => action.capability = Capability::Compute,
        other => panic!("no such fault: {other}"),
    }
}
