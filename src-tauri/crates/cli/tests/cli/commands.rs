//! Lists, files, searches, the doctor.

use nexus_protocol::{DoctorReport, DoctorStatus, ModelCatalog, SearchHit, SessionSummary};
use nexus_test_support::Sse;

use super::{KEY, Ran, World};

#[test]
fn models_are_listed_shown_and_refused() {
    let world = World::new();
    let ran = world.run(&["models", "list", "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let catalog: ModelCatalog = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(catalog.failures, []);
    let first = &catalog.local[0];
    let listed = world.run(&["models", "list", "--refresh"]);
    assert_eq!(listed.code, Some(0));
    assert!(
        listed.stdout.contains("On this machine") && listed.stdout.contains(&first.model.0),
        "{listed:?}"
    );
    let shown = world.run(&["models", "show", &first.model.0]);
    assert!(shown.stdout.contains(&first.display_name), "{shown:?}");
    for arguments in [
        &["models", "show", "nobody/nothing"][..],
        &["models", "pull", "llama-70b"],
        &["models", "pull", "smollm2-135m"],
        &["models", "import", "/no/such/file.gguf"],
        &["models", "rm", "local/nothing"],
        &["models", "rm", "scripted/x"],
    ] {
        let ran = world.run(arguments);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(1), ""),
            "{arguments:?}"
        );
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
    let bogus = world.data.write("bogus.gguf", "no model");
    let ran = world.run(&["models", "import", &bogus.display().to_string()]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("no valid GGUF"), "{ran:?}");
}

#[test]
fn chats_are_listed_shown_found_and_exported() {
    let world = World::new();
    assert_eq!(world.run(&["sessions", "list"]).stdout, "");
    world
        .server
        .push(Sse::reply("test-model", "About **zebras**.").answer());
    assert_eq!(world.run(&["ask", "Tell me something"]).code, Some(0));
    let sessions: Vec<SessionSummary> =
        serde_json::from_str(&world.run(&["sessions", "list", "--json"]).stdout).unwrap();
    let id = sessions[0].id.to_string();
    let list = world.run(&["sessions", "list"]).stdout;
    assert!(
        list.contains(&id) && list.contains("Tell me something"),
        "{list}"
    );
    let expected = "# Tell me something\n\n## You\n\nTell me something\n\n## scripted/test-model\n\nAbout **zebras**.\n";
    for command in ["show", "export"] {
        let ran = world.run(&["sessions", command, &id[..23]]);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(0), expected),
            "{command}"
        );
    }
    let hits: Vec<SearchHit> =
        serde_json::from_str(&world.run(&["sessions", "search", "--json", "zebr"]).stdout).unwrap();
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].session, sessions[0].id);
    let found = world.run(&["sessions", "search", "about", "zebras"]);
    assert!(
        found.stdout.contains(&id) && found.stdout.contains("*zebras*"),
        "{found:?}"
    );
    assert_eq!(world.run(&["sessions", "search", "giraffes"]).stdout, "");
    assert_eq!(
        world
            .run(&["sessions", "show", "00000000-0000-7000-8000-000000000009"])
            .code,
        Some(1)
    );
    assert_eq!(world.run(&["sessions", "search"]).code, Some(2));
}

#[test]
fn the_doctor_names_what_is_missing() {
    let world = World::new();
    let ran = world.run(&["doctor", "--json"]);
    // There is no worker.
    assert_eq!(ran.code, Some(1));
    let report: DoctorReport = serde_json::from_str(&ran.stdout).unwrap();
    let status = |name: &str| {
        report
            .checks
            .iter()
            .find(|check| check.name == name)
            .map(|check| check.status)
    };
    assert_eq!(status("Data folder"), Some(DoctorStatus::Ok));
    assert_eq!(status("Database"), Some(DoctorStatus::Ok));
    assert_eq!(status("Worker"), Some(DoctorStatus::Missing));
    assert_eq!(status("Key for scripted"), Some(DoctorStatus::Ok));
    let text = world.run(&["doctor"]);
    assert_eq!(text.code, Some(1));
    assert!(
        text.stdout.contains("MISSING  Worker") && text.stdout.contains("NEXUS_WORKER"),
        "{text:?}"
    );
    assert!(!text.stdout.contains(KEY) && !ran.stdout.contains(KEY));
}

#[test]
fn bad_surroundings_are_cards() {
    let world = World::new();
    let file = world.data.write("file", "mine").display().to_string();
    let ran = world
        .command(&["ask", "x"])
        .env("NEXUS_DATA_DIR", &file)
        .output()
        .map(Ran::from)
        .unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(
        ran.stderr.contains("The data folder cannot be used") && ran.stderr.contains(&file),
        "{ran:?}"
    );
    let ran = world
        .command(&["doctor"])
        .env("NEXUS_DATA_DIR", &file)
        .output()
        .map(Ran::from)
        .unwrap();
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("MISSING  Data folder"), "{ran:?}");
    // A broken settings file is said, and the rest works on.
    let broken = world
        .data
        .write("broken.toml", "theme = \n")
        .display()
        .to_string();
    let ran = world
        .command(&["sessions", "list"])
        .env("NEXUS_CONFIG", &broken)
        .output()
        .map(Ran::from)
        .unwrap();
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.contains("line 1"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(&broken).unwrap(), "theme = \n");
}

#[test]
fn help_is_there_for_everything() {
    let world = World::new();
    for arguments in [
        &["--help"][..],
        &["ask", "--help"],
        &["models", "--help"],
        &["models", "list", "--help"],
        &["models", "pull", "--help"],
        &["sessions", "--help"],
        &["sessions", "search", "--help"],
        &["doctor", "--help"],
        &["--version"],
    ] {
        let ran = world.run(arguments);
        assert_eq!(
            (ran.code, ran.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
        assert!(!ran.stdout.contains("probe"), "{arguments:?}");
    }
}
