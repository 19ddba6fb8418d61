//! The real Secret Service (or Keychain, or Credential Manager): keys outlive the process that saved them.
//!
//! Needs a session bus with an unlocked collection; without one it fails, as it should. The program is its own second process.

#![expect(clippy::unwrap_used, reason = "a test without the harness")]

use std::{process::ExitCode, sync::Arc};

use nexus_core::{
    CoreOptions, Nexus, SecretString,
    secrets::{SecretStore, SystemKeychain},
};
use nexus_protocol::{DoctorStatus, KeySource, KeyStatus};

const KEY: &str = "sk-real-keyring-test-0123456789";

fn main() -> ExitCode {
    if nexus_core::secrets::probe_child() {
        return ExitCode::SUCCESS;
    }
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("--read") {
        let account = arguments.next().unwrap();
        let found = SystemKeychain.get(&account).unwrap();
        use secrecy::ExposeSecret;
        return match found {
            Some(key) if key.expose_secret() == KEY => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        };
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(keys_outlive_the_process());
    let mut out = std::io::stderr();
    let _ = std::io::Write::write_all(&mut out, b"real_keyring: ok\n");
    ExitCode::SUCCESS
}

async fn keys_outlive_the_process() {
    let program = std::env::current_exe().unwrap();
    let data = nexus_test_support::TempData::new();
    let id = format!("test-{}", uuid::Uuid::now_v7().simple())[..32].to_owned();
    data.write(
        "settings.toml",
        format!("[[providers]]\nid = \"{id}\"\nbase_url = \"https://keyring.example/v1\"\n"),
    );
    let options = || CoreOptions {
        keychain: Arc::new(SystemKeychain),
        probe_program: Some(program.clone()),
        ..CoreOptions::new(data.path())
    };
    let nexus = Nexus::start(options()).await.unwrap();
    let kept = KeyStatus::Set {
        source: KeySource::Keychain,
    };
    let set = nexus.key_set(id.clone(), SecretString::from(KEY)).await;
    assert_eq!(
        set,
        Ok(kept.clone()),
        "is there a session bus with an unlocked collection?"
    );
    let doctor = nexus.doctor().await.unwrap();
    let keychain = doctor
        .checks
        .iter()
        .find(|check| check.name == "Keychain")
        .unwrap();
    assert_eq!(keychain.status, DoctorStatus::Ok, "{keychain:?}");
    nexus.shutdown().await;
    // Another process reads it, and so does the next start.
    let read = |account: &str| {
        std::process::Command::new(&program)
            .args(["--read", account])
            .status()
            .unwrap()
            .success()
    };
    assert!(read(&id));
    let nexus = Nexus::start(options()).await.unwrap();
    let views = nexus.providers().await.unwrap();
    assert_eq!(views.iter().find(|view| view.id == id).unwrap().key, kept);
    nexus.key_delete(id.clone()).await.unwrap();
    nexus.shutdown().await;
    assert!(!read(&id));
}
