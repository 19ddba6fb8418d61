//! What bad surroundings get: a clear card, never a crash, and nothing overwritten. And what the doctor says of them.

use std::fs;

use nexus_core::{CoreOptions, Nexus, StartError};
use nexus_protocol::{DoctorReport, DoctorStatus, ErrorCode};

use super::World;

async fn refusal(options: CoreOptions) -> StartError {
    match Nexus::start(options).await {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unwritable_data_folder_is_a_card() {
    let world = World::new();
    // A file where the folder should be fails for every user, root too.
    let file = world.data.write("file", b"mine");
    for folder in [file.clone(), file.join("below"), "/proc/nexus-agent".into()] {
        let error = refusal(CoreOptions::new(&folder)).await;
        let card = error.card();
        assert_eq!(card.code, ErrorCode::Storage);
        assert!(
            card.detail.contains(&folder.display().to_string()),
            "{card:?}"
        );
        assert!(card.detail.contains("NEXUS_DATA_DIR"), "{card:?}");
        let report = nexus_core::doctor(CoreOptions::new(&folder)).await;
        assert_eq!(status(&report, "Data folder"), Some(DoctorStatus::Missing));
    }
    assert_eq!(fs::read(file).unwrap(), b"mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_database_is_refused_untouched() {
    let world = World::new();
    world.start().await.shutdown().await;
    let path = world.data.join("nexus.db");
    let mut bytes = fs::read(&path).unwrap();
    // The schema's number, as SQLite keeps it in the header of the file: `user_version`.
    bytes[60..64].copy_from_slice(&1_000_000_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = refusal(world.options()).await;
    assert!(matches!(error, StartError::Store(_)), "{error:?}");
    assert_eq!(error.card().code, ErrorCode::Storage);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let report = nexus_core::doctor(world.options()).await;
    assert_eq!(status(&report, "Database"), Some(DoctorStatus::Missing));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_refused_untouched() {
    let world = World::new();
    let path = world.data.write(
        "nexus.db",
        b"this is no database, it is somebody's diary".repeat(200),
    );
    let before = fs::read(&path).unwrap();
    let error = refusal(world.options()).await;
    assert_eq!(error.card().code, ErrorCode::Storage);
    assert_eq!(fs::read(&path).unwrap(), before);
}

fn status(report: &DoctorReport, name: &str) -> Option<DoctorStatus> {
    report
        .checks
        .iter()
        .find(|check| check.name == name)
        .map(|check| check.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_each_missing_part() {
    let world = World::new();
    let options = CoreOptions {
        worker: Some(world.data.join("no-worker")),
        keychain: std::sync::Arc::new(super::NoKeychain),
        env: [
            (
                "NEXUS_DEFAULT_MODEL".to_owned(),
                "openrouter/x/y".to_owned(),
            ),
            ("NEXUS_THEME".to_owned(), "pink".to_owned()),
        ]
        .into(),
        ..world.options()
    };
    let report = nexus_core::doctor(options).await;
    let found: Vec<_> = report
        .checks
        .iter()
        .take(9)
        .map(|check| (check.name.as_str(), check.status))
        .collect();
    assert_eq!(
        found,
        [
            ("Data folder", DoctorStatus::Ok),
            ("Database", DoctorStatus::Ok),
            ("Settings", DoctorStatus::Missing),
            ("Keychain", DoctorStatus::Warning),
            ("Worker", DoctorStatus::Missing),
            ("Engines", DoctorStatus::Missing),
            ("Sandbox of models", DoctorStatus::Warning),
            ("Sandbox", DoctorStatus::Warning),
            ("Starter model", DoctorStatus::Warning),
        ]
    );
    assert_eq!(
        status(&report, "Key for OpenRouter"),
        Some(DoctorStatus::Missing)
    );
    assert_eq!(status(&report, "Key for Groq"), Some(DoctorStatus::Warning));
    assert!(status(&report, "Free disk").is_some());
    assert!(status(&report, "Free memory").is_some());
    for check in &report.checks {
        assert!(!check.detail.is_empty(), "{check:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_is_content_where_all_is_well() {
    let world = World::new();
    let nexus = world.start_with_key().await;
    let report = nexus.doctor().await.unwrap();
    for name in [
        "Data folder",
        "Database",
        "Settings",
        "Keychain",
        "Key for scripted",
    ] {
        assert_eq!(
            status(&report, name),
            Some(DoctorStatus::Ok),
            "{name}: {report:?}"
        );
    }
    // The canary of the keychain's proof is gone again.
    assert_eq!(world.keychain.0.lock().unwrap().len(), 1);
    nexus.shutdown().await;
}
