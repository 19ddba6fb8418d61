//! What the tests share.

mod bundles;
mod chats;
mod downloads;
mod faults;
mod folders;
mod hub;
mod keys;
mod library;
mod models;
mod offline;
mod settings;
mod stopped;
mod workers;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use nexus_core::{
    CoreOptions, Nexus, SecretString,
    secrets::{SecretError, SecretStore},
};
use nexus_protocol::{Event, EventMsg, ModelRef, Op, SessionId, Submission, SubmissionId};
use nexus_test_support::{ScriptedServer, TempData};
use secrecy::ExposeSecret;
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

pub const KEY: &str = "sk-canary-0123456789abcdef";

/// A keychain that works, shared by the runs of a test.
#[derive(Default)]
pub struct Keychain(pub Mutex<HashMap<String, String>>);

impl SecretStore for Keychain {
    fn available(&self) -> Result<(), SecretError> {
        Ok(())
    }
    fn get(&self, account: &str) -> Result<Option<SecretString>, SecretError> {
        let kept = self.0.lock().unwrap();
        Ok(kept
            .get(account)
            .map(|key| SecretString::from(key.as_str())))
    }
    fn set(&self, account: &str, secret: &SecretString) -> Result<(), SecretError> {
        let mut kept = self.0.lock().unwrap();
        kept.insert(account.into(), secret.expose_secret().into());
        Ok(())
    }
    fn delete(&self, account: &str) -> Result<bool, SecretError> {
        Ok(self.0.lock().unwrap().remove(account).is_some())
    }
}

/// There is none.
pub struct NoKeychain;

impl SecretStore for NoKeychain {
    fn available(&self) -> Result<(), SecretError> {
        Err(SecretError::NoStore("no D-Bus".into()))
    }
    fn get(&self, _: &str) -> Result<Option<SecretString>, SecretError> {
        self.available().map(|()| None)
    }
    fn set(&self, _: &str, _: &SecretString) -> Result<(), SecretError> {
        self.available()
    }
    fn delete(&self, _: &str) -> Result<bool, SecretError> {
        self.available().map(|()| false)
    }
}

/// A data folder, a keychain and a provider called `scripted`.
pub struct World {
    pub data: TempData,
    pub keychain: Arc<Keychain>,
    pub server: ScriptedServer,
}

impl World {
    pub fn new() -> Self {
        let world = Self {
            data: TempData::new(),
            keychain: Arc::default(),
            server: ScriptedServer::start(),
        };
        world.server.set_pause(Duration::ZERO);
        let settings = format!(
            "auto_title = false\ndefault_model = \"scripted/test-model\"\n\n[[providers]]\nid = \"scripted\"\nkind = \"openrouter\"\nbase_url = \"{}\"\n",
            world.server.base_url()
        );
        world.data.write("settings.toml", settings);
        world
    }

    pub fn options(&self) -> CoreOptions {
        CoreOptions {
            keychain: self.keychain.clone(),
            ..CoreOptions::new(self.data.path())
        }
    }

    pub async fn start(&self) -> Nexus {
        Nexus::start(self.options()).await.unwrap()
    }

    pub async fn start_with_key(&self) -> Nexus {
        let nexus = self.start().await;
        nexus
            .key_set("scripted".into(), SecretString::from(KEY))
            .await
            .unwrap();
        self.server.expect_key(KEY);
        nexus
    }
}

pub fn model() -> ModelRef {
    ModelRef("scripted/test-model".into())
}

pub fn user_turn(session: SessionId, text: &str) -> Submission {
    submission(
        session,
        Op::UserTurn {
            text: text.into(),
            attachments: vec![],
            model: None,
        },
    )
}

pub fn submission(session: SessionId, op: Op) -> Submission {
    Submission {
        id: SubmissionId(Uuid::now_v7()),
        session,
        op,
    }
}

/// Events of a session until its turn ended.
pub async fn until_end(events: &mut UnboundedReceiver<Event>, session: SessionId) -> Vec<EventMsg> {
    let mut all = Vec::new();
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), events.recv())
            .await
            .expect("the turn ends in time")
            .expect("the core runs");
        if event.session != session {
            continue;
        }
        let end = matches!(
            event.msg,
            EventMsg::TurnCompleted { .. }
                | EventMsg::TurnFailed { .. }
                | EventMsg::TurnInterrupted { .. }
        );
        all.push(event.msg);
        if end {
            return all;
        }
    }
}

/// Files under a folder that hold these bytes.
pub fn files_with(folder: &Path, needle: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            if bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes())
            {
                found.push(path);
            }
        }
    }
    found
}
