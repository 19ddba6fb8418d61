//! The dependency rule, held by a test: who may know whom, and who alone may name a framework.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which of our crates each crate may depend on, outside its tests.
const RULE: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("egress", &[]),
    ("llm", &["nexus-protocol", "nexus-egress"]),
    ("sandbox", &[]),
    ("checkpoints", &["nexus-protocol"]),
    (
        "tools",
        &["nexus-protocol", "nexus-sandbox", "nexus-checkpoints"],
    ),
    ("store", &["nexus-protocol"]),
    (
        "agent",
        &[
            "nexus-protocol",
            "nexus-egress",
            "nexus-llm",
            "nexus-tools",
            "nexus-store",
            "nexus-checkpoints",
        ],
    ),
    ("gguf", &["nexus-protocol"]),
    ("hub", &["nexus-egress"]),
    ("calls", &["nexus-protocol"]),
    ("worker", &["nexus-protocol", "nexus-calls"]),
    (
        "worker-client",
        &[
            "nexus-protocol",
            "nexus-gguf",
            "nexus-llm",
            "nexus-calls",
            "nexus-sandbox",
        ],
    ),
    (
        "core",
        &[
            "nexus-protocol",
            "nexus-egress",
            "nexus-llm",
            "nexus-tools",
            "nexus-store",
            "nexus-agent-loop",
            "nexus-checkpoints",
            "nexus-sandbox",
            "nexus-hub",
            "nexus-worker-client",
        ],
    ),
    ("cli", &["nexus-core", "nexus-protocol"]),
];

/// Crates that only one of ours may name, and that one.
const SOLE: &[(&str, &str)] = &[
    ("rusqlite", "store"),
    ("mistralrs", "worker"),
    ("leptos", "ui"),
    ("tauri", "nexus-agent"),
    // Whoever talks to the network passes the offline switch.
    ("reqwest", "egress"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Names of the dependencies in one section of a manifest, read as text: `name…` up to a dot, a blank or an equals sign.
fn dependencies(manifest: &Path, sections: &[&str]) -> BTreeSet<String> {
    let text = fs::read_to_string(manifest).unwrap();
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = sections.iter().any(|wanted| {
                section == *wanted
                    || section.starts_with("target.") && section.ends_with(&format!(".{wanted}"))
            });
            // `[dependencies.name]` declares one by its heading.
            for wanted in sections {
                if let Some(name) = section.strip_prefix(&format!("{wanted}.")) {
                    names.insert(name.to_owned());
                }
            }
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            let name: String = line
                .chars()
                .take_while(|c| !matches!(c, '.' | ' ' | '='))
                .collect();
            names.insert(name.trim_matches('"').to_owned());
        }
    }
    names
}

fn manifests() -> BTreeMap<String, PathBuf> {
    let mut all: BTreeMap<String, PathBuf> = fs::read_dir(root().join("src-tauri/crates"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|dir| {
            (
                dir.file_name().unwrap().to_string_lossy().into_owned(),
                dir.join("Cargo.toml"),
            )
        })
        .collect();
    all.insert("ui".into(), root().join("ui/Cargo.toml"));
    all.insert("xtask".into(), root().join("src-tauri/xtask/Cargo.toml"));
    all.insert("support".into(), root().join("tests/support/Cargo.toml"));
    all.insert("nexus-agent".into(), root().join("Cargo.toml"));
    all
}

#[test]
fn crates_know_only_whom_they_may() {
    let manifests = manifests();
    let ruled: BTreeSet<&str> = RULE.iter().map(|(name, _)| *name).collect();
    for name in manifests.keys() {
        let outside = ["ui", "xtask", "support", "nexus-agent"].contains(&name.as_str());
        assert!(
            outside || ruled.contains(name.as_str()),
            "the rule says nothing of the crate {name}"
        );
    }
    for (name, allowed) in RULE {
        let ours: BTreeSet<String> =
            dependencies(&manifests[*name], &["dependencies", "build-dependencies"])
                .into_iter()
                .filter(|dependency| dependency.starts_with("nexus-"))
                .collect();
        let allowed: BTreeSet<String> = allowed.iter().map(ToString::to_string).collect();
        assert!(
            ours.is_subset(&allowed),
            "{name} depends on {:?}",
            ours.difference(&allowed)
        );
    }
    let shell: BTreeSet<String> = dependencies(&manifests["nexus-agent"], &["dependencies"])
        .into_iter()
        .filter(|dependency| dependency.starts_with("nexus-"))
        .collect();
    assert_eq!(
        shell,
        ["nexus-core", "nexus-protocol"].map(String::from).into()
    );
}

#[test]
fn frameworks_stay_in_their_crate() {
    for (name, manifest) in manifests() {
        let all = dependencies(
            &manifest,
            &["dependencies", "dev-dependencies", "build-dependencies"],
        );
        for (framework, owner) in SOLE {
            let named = all.iter().any(|dependency| {
                dependency == framework || dependency.starts_with(&format!("{framework}-"))
            });
            assert!(
                !named || name == *owner,
                "{name} names {framework}, which only {owner} may"
            );
        }
    }
}

/// All Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path
                    .file_name()
                    .is_none_or(|name| name != "target" && name != "dist")
                {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn no_source_turns_text_into_html_or_script() {
    const FORBIDDEN: &[&str] = &[
        "inner_html",
        "set_inner_html",
        "set_outer_html",
        "insert_adjacent_html",
        "document.write",
        "js_sys::eval",
        "new_with_args(\"",
        "DomParser",
    ];
    for path in sources(&root().join("ui/src"))
        .into_iter()
        .chain(sources(&root().join("src-tauri/src")))
    {
        let text = fs::read_to_string(&path).unwrap();
        for word in FORBIDDEN {
            // Comments may say that something is not used.
            let used = text
                .lines()
                .any(|line| !line.trim_start().starts_with("//") && line.contains(word));
            assert!(!used, "{} names {word}", path.display());
        }
    }
}

#[test]
fn only_one_crate_opens_a_way_out() {
    const WAYS: &[&str] = &[
        "reqwest::",
        "hyper::",
        "lookup_host",
        "ToSocketAddrs",
        "TcpStream",
        "TcpSocket",
        "UdpSocket",
    ];
    let crates = root().join("src-tauri/crates");
    let all = sources(&crates)
        .into_iter()
        .chain(sources(&root().join("src-tauri/src")));
    for path in all {
        let inside = path.strip_prefix(&crates).unwrap_or(&path);
        let is_test = inside.components().any(|part| {
            ["tests", "tests.rs"]
                .iter()
                .any(|name| part.as_os_str() == *name)
        });
        // The sandbox names sockets to forbid them.
        if is_test || inside.starts_with("egress") || inside.starts_with("sandbox") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for way in WAYS {
            let used = text
                .lines()
                .any(|line| !line.trim_start().starts_with("//") && line.contains(way));
            assert!(!used, "{} names {way}", path.display());
        }
    }
}

#[test]
fn files_stay_short_and_say_what_they_own() {
    let folders = ["src-tauri", "ui/src", "tests"];
    for path in folders
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
    {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        assert!(lines <= 800, "{} has {lines} lines", path.display());
        // A module says what it owns; its `tests.rs` tests that. The build script includes the names of the commands.
        let included = path.ends_with("command_names.rs") || path.ends_with("tests.rs");
        assert!(
            included || text.starts_with("//!"),
            "{} does not open with what it owns",
            path.display()
        );
        assert_ne!(path.file_name().unwrap(), "mod.rs", "{}", path.display());
    }
}

#[test]
fn the_pinned_tauri_configuration_is_strict() {
    let config: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(root().join("tauri.conf.json")).unwrap()).unwrap();
    let csp = config["app"]["security"]["csp"].as_str().unwrap();
    assert!(
        csp.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"),
        "{csp}"
    );
    for loose in [
        "unsafe-inline",
        "'unsafe-eval'",
        "https:",
        "*",
        "data: script",
    ] {
        assert!(!csp.contains(loose), "{loose} in {csp}");
    }
    assert!(config["app"]["security"].get("assetProtocol").is_none());
    assert!(config["app"].get("withGlobalTauri").is_none());
}
