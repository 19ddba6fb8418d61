//! `nexus models` against a hub on loopback.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use nexus_protocol::{Download, DownloadStatus, FoundModel, HubDetails, HubPage, ModelCatalog};
use nexus_test_support::hub::{MODEL, TestHub};

use super::{Ran, World};
use crate::{
    gguf_builder::tiny,
    model_folder::{llama, qwen3_embedding},
};

fn files() -> [(&'static str, Vec<u8>); 2] {
    [
        ("m-Q4_K_M.gguf", [tiny().bytes(), vec![0; 300_000]].concat()),
        ("m-Q8_0.gguf", [tiny().bytes(), vec![1; 600_000]].concat()),
    ]
}

fn hub() -> TestHub {
    let files = files();
    let named: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .collect();
    TestHub::start_alone(&named)
}

/// The program with this hub, and a home of its own.
fn command(world: &World, base: &str, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments);
    command
        .env("NEXUS_HUB_URL", base)
        .env("HOME", world.data.join("home"));
    command
}

fn run(world: &World, base: &str, arguments: &[&str]) -> Ran {
    Ran::from(command(world, base, arguments).output().unwrap())
}

#[test]
fn a_model_is_found_shown_pulled_listed_and_removed() {
    let (world, hub) = (World::new(), hub());
    let base = hub.base();
    let run = |arguments: &[&str]| run(&world, &base, arguments);
    let found = run(&["models", "search", "model"]);
    assert_eq!(found.code, Some(0), "{found:?}");
    assert!(
        found.stdout.contains(MODEL) && found.stdout.contains("1234 downloads, 7 likes"),
        "{found:?}"
    );
    let page: HubPage =
        serde_json::from_str(&run(&["models", "search", "--json", MODEL]).stdout).unwrap();
    assert_eq!(page.models.len(), 1);
    let shown = run(&["models", "show", MODEL]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for part in [
        "Balanced",
        "Large",
        "RECOMMENDED. Fits: ",
        "302 kB",
        "llama",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {shown:?}");
    }
    let details: HubDetails =
        serde_json::from_str(&run(&["models", "show", "--json", MODEL]).stdout).unwrap();
    assert_eq!(details.choices.len(), 2);
    // The recommended one, then one by its packing, then one by its address.
    let pulled = run(&["models", "pull", MODEL]);
    assert_eq!(
        (pulled.code, pulled.stdout.as_str()),
        (Some(0), "local/m-q4_k_m\n"),
        "{pulled:?}"
    );
    assert!(pulled.stderr.contains("Q4_K_M: "), "{pulled:?}");
    let packed = run(&["models", "pull", &format!("{MODEL}:q8_0")]);
    assert_eq!(packed.stdout, "local/m-q8_0\n", "{packed:?}");
    let asked = hub.fetched();
    let address = format!("https://huggingface.co/{MODEL}/blob/main/m-Q8_0.gguf");
    let again = run(&["models", "pull", &address]);
    assert_eq!(again.stdout, "local/m-q8_0\n", "{again:?}");
    // The header of the smallest file was looked at, and nothing else.
    assert!(hub.fetched() <= asked + 1);
    let catalog: ModelCatalog =
        serde_json::from_str(&run(&["models", "list", "--json"]).stdout).unwrap();
    let names: Vec<&str> = catalog
        .local
        .iter()
        .map(|info| info.model.0.as_str())
        .collect();
    assert!(names.contains(&"local/m-q4_k_m") && names.contains(&"local/m-q8_0"));
    let shown = run(&["models", "show", "local/m-q8_0"]);
    assert!(
        shown
            .stdout
            .contains(&format!("From {MODEL} (m-Q8_0.gguf)"))
            && shown.stdout.contains("Memory: "),
        "{shown:?}"
    );
    let removed = run(&["models", "rm", "local/m-q8_0"]);
    assert_eq!(removed.code, Some(0));
    assert!(removed.stdout.contains("kB freed"), "{removed:?}");
    let bad = run(&["models", "pull", &format!("{MODEL}:Q3_K_M")]);
    assert_eq!(bad.code, Some(1));
    assert!(bad.stderr.contains("It has Q4_K_M, Q8_0."), "{bad:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_pauses_and_the_same_command_goes_on() {
    use rustix::process::{Pid, Signal, kill_process};
    let (world, hub) = (World::new(), hub());
    let base = hub.base();
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::KILL, None)] {
        hub.slow_down(1_000, Duration::from_millis(20));
        let file = format!("{MODEL}:Q8_0");
        let child = command(&world, &base, &["models", "pull", &file])
            .spawn()
            .unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        // Another program sees it, and how much of it would be there after a kill.
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let listed = run(&world, &base, &["models", "downloads", "--json"]);
            let seen: Vec<Download> = serde_json::from_str(&listed.stdout).unwrap();
            if let [seen] = seen.as_slice()
                && seen.received > 0
            {
                assert_eq!(seen.status, DownloadStatus::Elsewhere);
                break;
            }
            assert!(Instant::now() < deadline, "nothing comes: {listed:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
        kill_process(pid, signal).unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{ran:?}");
        if code.is_some() {
            let hint = format!("`nexus models pull {file}` goes on from there.");
            assert!(ran.stderr.contains(&hint), "{ran:?}");
        }
        let listed = run(&world, &base, &["models", "downloads", "--json"]);
        let waiting: Vec<Download> = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!(waiting.len(), 1, "{listed:?}");
        assert!(waiting[0].received > 0, "{waiting:?}");
        let text = run(&world, &base, &["models", "downloads"]);
        assert!(text.stdout.contains("paused"), "{text:?}");
        hub.hurry();
        let ran = run(&world, &base, &["models", "pull", &file]);
        assert_eq!(ran.stdout, "local/m-q8_0\n", "{ran:?}");
        let bytes = std::fs::read(world.data.join("models/m-q8_0/m-Q8_0.gguf")).unwrap();
        assert_eq!(bytes, files()[1].1);
        assert_eq!(run(&world, &base, &["models", "downloads"]).stdout, "");
        assert_eq!(
            run(&world, &base, &["models", "rm", "local/m-q8_0"]).code,
            Some(0)
        );
    }
}

#[test]
fn without_a_hub_the_catalogue_is_there() {
    let world = World::new();
    // Nobody listens there.
    let run = |arguments: &[&str]| run(&world, "http://127.0.0.1:9", arguments);
    let all = run(&["models", "search"]);
    assert_eq!((all.code, all.stderr.as_str()), (Some(0), ""));
    assert!(all.stdout.lines().count() >= 8, "{all:?}");
    let found = run(&["models", "search", "coder"]);
    assert!(
        found.stdout.contains("qwen2.5-coder-7b") && found.stderr.contains("could not be reached"),
        "{found:?}"
    );
    let shown = run(&["models", "show", "qwen2.5-0.5b"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let pulled = run(&["models", "pull", "qwen2.5-0.5b"]);
    assert_eq!((pulled.code, pulled.stdout.as_str()), (Some(1), ""));
    assert!(pulled.stderr.contains("could not be reached"), "{pulled:?}");
}

#[test]
fn other_apps_models_are_found_and_the_folder_moves() {
    let world = World::new();
    let theirs = world
        .data
        .write("home/.cache/llama.cpp/theirs.gguf", tiny().bytes());
    let run = |arguments: &[&str]| run(&world, "http://127.0.0.1:9", arguments);
    let found: Vec<FoundModel> =
        serde_json::from_str(&run(&["models", "found", "--json"]).stdout).unwrap();
    assert_eq!(found.len(), 1);
    let listed = run(&["models", "found"]);
    assert!(
        listed.stdout.contains("llama.cpp  theirs") && listed.stderr.contains("models import"),
        "{listed:?}"
    );
    let path = theirs.display().to_string();
    let taken = run(&["models", "import", &path]);
    assert_eq!(taken.stdout, "local/theirs\n", "{taken:?}");
    let to = world.data.join("moved").display().to_string();
    let moved = run(&["models", "move", &to]);
    assert_eq!(moved.code, Some(0), "{moved:?}");
    assert!(world.data.join("moved/theirs/theirs.gguf").is_file());
    let removed = run(&["models", "rm", "local/theirs"]);
    assert!(removed.stdout.contains("nothing was freed"), "{removed:?}");
    assert!(theirs.is_file());
    let copied = run(&["models", "import", "--copy", &path]);
    assert_eq!(copied.stdout, "local/theirs\n", "{copied:?}");
    assert!(
        run(&["models", "rm", "local/theirs"])
            .stdout
            .contains("freed")
    );
}

#[test]
fn folders_are_taken_in_listed_and_removed() {
    let world = World::new();
    let (text, vectors) = (
        world.data.join("elsewhere/Tiny"),
        world.data.join("elsewhere/Vectors"),
    );
    llama().write(&text);
    qwen3_embedding().write(&vectors);
    let run = |arguments: &[&str]| run(&world, "http://127.0.0.1:9", arguments);
    for (path, name) in [(&text, "local/tiny"), (&vectors, "local/vectors")] {
        let taken = run(&["models", "import", &path.display().to_string()]);
        assert_eq!(taken.stdout, format!("{name}\n"), "{taken:?}");
    }
    let listed = run(&["models", "list"]).stdout;
    let after = |title: &str, name: &str| {
        let (_, rest) = listed.split_once(&format!("{title}\n")).unwrap();
        let line = rest.lines().find(|line| line.contains(name)).unwrap();
        assert!(line.contains("4096 tokens, F32, "), "{listed}");
    };
    after("On this machine", "local/tiny");
    after(
        "On this machine, for vectors of texts and not for chats",
        "local/vectors",
    );
    let shown = run(&["models", "show", "local/tiny"]).stdout;
    assert!(
        shown.contains("Fits: ") && shown.contains("tiny (linked)"),
        "{shown}"
    );
    let asked = run(&["ask", "--model", "local/vectors", "Hello"]);
    assert_eq!(asked.code, Some(1));
    assert!(asked.stderr.contains("makes vectors of texts"), "{asked:?}");
    let removed = run(&["models", "rm", "local/tiny"]);
    assert!(removed.stdout.contains("nothing was freed"), "{removed:?}");
    let copied = run(&["models", "import", "--copy", &text.display().to_string()]);
    assert_eq!(copied.stdout, "local/tiny\n", "{copied:?}");
    let removed = run(&["models", "rm", "local/tiny"]);
    assert!(removed.stdout.contains("kB freed"), "{removed:?}");
    assert!(!world.data.join("models/tiny").exists() && text.is_dir());
    // A folder that lacks a part is named with the reason, and can be removed.
    std::fs::remove_file(vectors.join("config.json")).unwrap();
    std::fs::remove_file(world.data.join("models/vectors/config.json")).unwrap();
    let listed = run(&["models", "list"]);
    assert!(
        listed.stderr.contains("config.json is missing"),
        "{listed:?}"
    );
    assert_eq!(run(&["models", "rm", "local/vectors"]).code, Some(0));
}
