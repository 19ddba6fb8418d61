use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use secrecy::ExposeSecret;

use super::*;
use crate::logging::Redactor;

/// How a fake store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// There is none.
    Absent,
    /// Every call blocks for good.
    Hangs,
    /// Says yes and keeps nothing, as a mock store does.
    Forgets,
    /// Refuses to write.
    ReadOnly,
    /// Returns something else.
    Garbles,
    /// Panics.
    Panics,
    /// Cannot delete.
    Undeletable,
}

struct Fake {
    fault: Fault,
    kept: Mutex<HashMap<String, String>>,
    calls: AtomicUsize,
}

fn fake(fault: Fault) -> Arc<Fake> {
    Arc::new(Fake {
        fault,
        kept: Mutex::default(),
        calls: AtomicUsize::new(0),
    })
}

impl Fake {
    fn called(&self) -> Result<(), SecretError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            Fault::Absent => Err(SecretError::NoStore("no D-Bus".into())),
            Fault::Hangs => loop {
                std::thread::park();
            },
            Fault::Panics => panic!("a driver's bug"),
            _ => Ok(()),
        }
    }
}

impl SecretStore for Fake {
    fn available(&self) -> Result<(), SecretError> {
        self.called()
    }

    fn get(&self, account: &str) -> Result<Option<SecretString>, SecretError> {
        self.called()?;
        if self.fault == Fault::Garbles {
            return Ok(Some(SecretString::from("something else")));
        }
        let kept = self.kept.lock().unwrap();
        Ok(kept
            .get(account)
            .map(|key| SecretString::from(key.as_str())))
    }

    fn set(&self, account: &str, secret: &SecretString) -> Result<(), SecretError> {
        self.called()?;
        match self.fault {
            Fault::ReadOnly => Err(SecretError::Refused("read-only".into())),
            Fault::Forgets => Ok(()),
            _ => {
                let mut kept = self.kept.lock().unwrap();
                kept.insert(account.into(), secret.expose_secret().into());
                Ok(())
            }
        }
    }

    fn delete(&self, account: &str) -> Result<bool, SecretError> {
        self.called()?;
        if self.fault == Fault::Undeletable {
            return Err(SecretError::Refused("it stays".into()));
        }
        Ok(self.kept.lock().unwrap().remove(account).is_some())
    }
}

const LIMIT: Duration = Duration::from_millis(200);
const ORIGIN: &str = "https://openrouter.ai";

fn keys(store: &Arc<Fake>) -> Keys {
    // Only what hangs is waited for to the end: a slow test machine must not look like a fault.
    let limit = match store.fault {
        Fault::Hangs => LIMIT,
        _ => STEP_LIMIT * 5,
    };
    Keys::new(store.clone(), None, Redactor::default()).with_limit(limit)
}

fn is(found: Option<&Found>, key: &str, keychain: bool) -> bool {
    match found {
        Some(Found::Keychain(secret)) => keychain && secret.expose_secret() == key,
        Some(Found::ThisRun(secret)) => !keychain && secret.expose_secret() == key,
        None => false,
    }
}

#[tokio::test]
async fn a_key_outlives_the_run_in_a_keychain_that_works() {
    let store = fake(Fault::None);
    let first = keys(&store);
    assert_eq!(first.proven().await, Ok(()));
    assert!(store.kept.lock().unwrap().is_empty(), "the canary stayed");
    let set = first
        .set("openrouter", ORIGIN, SecretString::from("sk-1234567890"))
        .await;
    assert!(is(Some(&set), "sk-1234567890", true));
    let second = keys(&store);
    let got = second.get("openrouter", ORIGIN).await.unwrap();
    assert!(is(got.as_ref(), "sk-1234567890", true));
    let calls = store.calls.load(Ordering::SeqCst);
    second.get("openrouter", ORIGIN).await.unwrap();
    assert_eq!(store.calls.load(Ordering::SeqCst), calls, "asked twice");
    assert_eq!(second.delete("openrouter").await, Ok(()));
    assert!(second.get("openrouter", ORIGIN).await.unwrap().is_none());
    assert!(
        keys(&store)
            .get("openrouter", ORIGIN)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn every_fault_of_a_keychain_ends_in_this_runs_memory_and_in_time() {
    for (fault, reason) in [
        (Fault::Absent, SecretError::NoStore("no D-Bus".into())),
        (Fault::Hangs, SecretError::Hangs(1)),
        (
            Fault::Forgets,
            SecretError::Forgets("what a second process wrote is not there".into()),
        ),
        (Fault::ReadOnly, SecretError::Refused("read-only".into())),
        (
            Fault::Garbles,
            SecretError::Forgets("it returned something else".into()),
        ),
        (
            Fault::Panics,
            SecretError::Refused("its driver panicked".into()),
        ),
        (Fault::Undeletable, SecretError::Refused("it stays".into())),
    ] {
        let store = fake(fault);
        let keys = keys(&store);
        let started = Instant::now();
        assert_eq!(keys.proven().await, Err(reason), "{fault:?}");
        let set = keys
            .set("openrouter", ORIGIN, SecretString::from("sk-1234567890"))
            .await;
        assert!(is(Some(&set), "sk-1234567890", false), "{fault:?}: {set:?}");
        assert!(
            fault != Fault::Hangs || started.elapsed() < LIMIT * 20,
            "{fault:?}: {:?}",
            started.elapsed()
        );
        // It works for the rest of the run, without the keychain.
        let got = keys.get("openrouter", ORIGIN).await.unwrap();
        assert!(is(got.as_ref(), "sk-1234567890", false), "{fault:?}");
        // The key itself was never given to a store that was not proven.
        assert!(
            !store.kept.lock().unwrap().contains_key("openrouter"),
            "{fault:?}"
        );
        assert_eq!(keys.delete("openrouter").await, Ok(()), "{fault:?}");
        assert!(keys.remembered("openrouter").is_none());
    }
}

#[tokio::test]
async fn a_keychain_that_hangs_does_not_hold_up_others() {
    let store = fake(Fault::Hangs);
    let keys = keys(&store);
    let started = Instant::now();
    let all = futures::future::join_all((0..8).map(|_| keys.get("openrouter", ORIGIN))).await;
    assert!(
        all.iter()
            .all(|result| matches!(result, Err(SecretError::Hangs(_))))
    );
    assert!(started.elapsed() < LIMIT * 7, "{:?}", started.elapsed());
}

#[tokio::test]
async fn every_key_is_unknown_to_the_log() {
    let redactor = Redactor::default();
    let store = fake(Fault::None);
    let first = Keys::new(store.clone(), None, redactor.clone());
    first
        .set("a", ORIGIN, SecretString::from("canary-set-by-hand"))
        .await;
    assert_eq!(redactor.clean("x canary-set-by-hand y"), "x [redacted] y");
    let other = Redactor::default();
    let second = Keys::new(store, None, other.clone());
    second.get("a", ORIGIN).await.unwrap();
    assert_eq!(other.clean("x canary-set-by-hand y"), "x [redacted] y");
}

#[test]
fn no_debug_output_shows_a_key() {
    let found = Found::Keychain(SecretString::from("canary"));
    assert!(!format!("{found:?}").contains("canary"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_program_that_fails_or_hangs_fails_the_proof() {
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some(), "run by cargo");
    let script = |body: &str| {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("probe");
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        (dir, path)
    };
    for (body, check) in [
        (
            "echo no session bus >&2; exit 1",
            SecretError::Refused("no session bus".into()),
        ),
        ("sleep 30", SecretError::Hangs(1)),
        (
            "exit 0",
            SecretError::Forgets("what a second process wrote is not there".into()),
        ),
        // Of this process's environment it sees only what a keychain needs.
        (
            "test -z \"$CARGO_PKG_NAME\" || echo leaked >&2; exit 3",
            SecretError::Refused("the second process ended with exit status: 3".into()),
        ),
    ] {
        let (_dir, program) = script(body);
        let keys = Keys::new(fake(Fault::None), Some(program), Redactor::default())
            .with_limit(Duration::from_millis(700));
        assert_eq!(keys.proven().await, Err(check), "{body}");
    }
    let keys = Keys::new(
        fake(Fault::None),
        Some("/no/such/program".into()),
        Redactor::default(),
    );
    assert!(matches!(keys.proven().await, Err(SecretError::Refused(_))));
}
