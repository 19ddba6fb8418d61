//! The proof that a keychain keeps what it is given: a second process writes a canary, this one reads and deletes it.
//!
//! Some stores live in the memory of one process and say nothing about it. Keys "saved" in one are gone after a restart.

use std::{
    io::{Read, Write},
    path::Path,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt;

use super::{SecretError, SecretStore, SystemKeychain, bounded};

/// The hidden first argument that makes the app or the CLI the second process of the proof.
pub const PROBE_ARGUMENT: &str = "--nexus-keychain-probe";

/// What the child may see: what a keychain needs, and no key.
const CHILD_ENVIRONMENT: &[&str] = &[
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_RUNTIME_DIR",
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "LANG",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "SystemRoot",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
];

/// Call this first in `main` of every program that starts the core. Where the process was started as the second one of a proof,
/// it writes the canary from its standard input into the keychain and returns `true`: then `main` returns at once. Where that
/// fails the process ends here, with the reason on standard error.
#[must_use]
pub fn probe_child() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != PROBE_ARGUMENT) {
        return false;
    }
    let account = arguments
        .next()
        .and_then(|account| account.into_string().ok());
    let failure = match (account, read_canary()) {
        (Some(account), Ok(canary)) => match SystemKeychain.set(&account, &canary) {
            Ok(()) => return true,
            Err(error) => error.to_string(),
        },
        (None, _) => "no account was named".into(),
        (_, Err(error)) => error.to_string(),
    };
    // Nobody reads it where the parent gave up waiting.
    let _ = write!(std::io::stderr(), "{failure}");
    std::process::exit(1);
}

fn read_canary() -> std::io::Result<SecretString> {
    let mut text = String::new();
    std::io::stdin().take(1024).read_to_string(&mut text)?;
    Ok(SecretString::from(text))
}

/// Proves a store. `program` is the one that calls [`probe_child`]; each of the steps has `limit`.
pub(crate) async fn prove(
    store: &Arc<dyn SecretStore>,
    program: Option<&Path>,
    limit: Duration,
) -> Result<(), SecretError> {
    bounded(store, limit, |store| store.available()).await?;
    let id = uuid::Uuid::now_v7().simple().to_string();
    let account = format!("probe-{id}");
    let canary = SecretString::from(format!("canary-{id}"));
    let outcome = round_trip(store, program, limit, &account, &canary).await;
    let cleanup = account.clone();
    // Also after a failure: a store that answered too late may hold the canary.
    let deleted = bounded(store, limit, move |store| store.delete(&cleanup)).await;
    outcome?;
    match deleted? {
        true => Ok(()),
        false => Err(SecretError::Forgets(
            "it read a secret and then could not delete it".into(),
        )),
    }
}

async fn round_trip(
    store: &Arc<dyn SecretStore>,
    program: Option<&Path>,
    limit: Duration,
    account: &str,
    canary: &SecretString,
) -> Result<(), SecretError> {
    match program {
        Some(program) => write_in_child(program, limit, account, canary).await?,
        // Without a second program the store itself must stand for one: tests give one that does.
        None => {
            let (account, canary) = (account.to_owned(), canary.clone());
            bounded(store, limit, move |store| store.set(&account, &canary)).await?;
        }
    }
    let account = account.to_owned();
    match bounded(store, limit, move |store| store.get(&account)).await? {
        Some(read) if read.expose_secret() == canary.expose_secret() => Ok(()),
        Some(_) => Err(SecretError::Forgets("it returned something else".into())),
        None => Err(SecretError::Forgets(
            "what a second process wrote is not there".into(),
        )),
    }
}

async fn write_in_child(
    program: &Path,
    limit: Duration,
    account: &str,
    canary: &SecretString,
) -> Result<(), SecretError> {
    let refused = |error: std::io::Error| SecretError::Refused(error.to_string());
    let mut command = tokio::process::Command::new(program);
    command
        .arg(PROBE_ARGUMENT)
        .arg(account)
        .env_clear()
        .envs(
            CHILD_ENVIRONMENT
                .iter()
                .filter_map(|name| Some((*name, std::env::var_os(name)?))),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(refused)?;
    let run = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A child that ended early closed the pipe: its status and words say why, this error would not.
            let _ = stdin.write_all(canary.expose_secret().as_bytes()).await;
        }
        child.wait_with_output().await
    };
    match tokio::time::timeout(limit, run).await {
        Err(_) => Err(SecretError::Hangs(limit.as_secs().max(1))),
        Ok(Err(error)) => Err(refused(error)),
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said: String = said.trim().chars().take(200).collect();
            Err(SecretError::Refused(if said.is_empty() {
                format!("the second process ended with {}", output.status)
            } else {
                said
            }))
        }
    }
}
