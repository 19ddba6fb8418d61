//! What a window may call is what is registered, no more and no less.

use std::{collections::BTreeSet, fs, path::Path};

use nexus_agent::COMMANDS;
use serde_json::Value;

fn capability_files() -> Vec<Value> {
    fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src-tauri/capabilities"))
        .unwrap()
        .map(|entry| {
            serde_json::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap()
        })
        .collect()
}

#[test]
fn the_main_window_may_call_every_command_and_nothing_else() {
    let files = capability_files();
    assert_eq!(files.len(), 1);
    let main = &files[0];
    assert_eq!(main["windows"], serde_json::json!(["main"]));
    assert!(
        main.get("remote").is_none(),
        "no remote page may call anything"
    );
    let granted: BTreeSet<String> = main["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|permission| permission.as_str().unwrap().to_owned())
        .collect();
    let expected: BTreeSet<String> = COMMANDS
        .iter()
        .map(|command| format!("allow-{}", command.replace('_', "-")))
        .collect();
    assert_eq!(granted, expected);
}

#[test]
fn every_declared_command_is_registered() {
    let source =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src-tauri/src/lib.rs"))
            .unwrap();
    let registered: BTreeSet<&str> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("commands::"))
        .filter_map(|path| path.trim_end_matches(',').rsplit("::").next())
        .collect();
    assert_eq!(registered, COMMANDS.iter().copied().collect());
}
