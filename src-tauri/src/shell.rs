//! What the commands share: the core, once it stands, and the forwarders of its events.
//!
//! The window opens before the core has started, so a command waits for it here. A core that cannot start is a card that
//! every command returns and the window shows as a page.

use std::{
    collections::HashMap,
    future::Future,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt as _;
use nexus_core::{CoreOptions, Nexus, StartError};
use nexus_protocol::{AppEvent, ErrorAction, ErrorCard, ErrorCode, Event};
use tauri::{async_runtime::JoinHandle, ipc::Channel};
use tokio::sync::watch;

use crate::bridge;

/// How long closing the app may take before it is closed all the same.
const STOP_LIMIT: Duration = Duration::from_secs(4);

type Core = Option<Result<Nexus, ErrorCard>>;

/// The state behind the commands.
pub struct Shell {
    core: watch::Sender<Core>,
    forwarders: Mutex<HashMap<String, JoinHandle<()>>>,
    data_dir: Mutex<Option<PathBuf>>,
}

impl Default for Shell {
    fn default() -> Self {
        Self::new()
    }
}

impl Shell {
    /// A shell whose core has not started.
    pub fn new() -> Self {
        Self {
            core: watch::Sender::new(None),
            forwarders: Mutex::default(),
            data_dir: Mutex::default(),
        }
    }

    /// Starts the core in the background. Commands wait for it.
    pub fn start(&self, options: Result<CoreOptions, StartError>) {
        if let Ok(options) = &options {
            *self.data_dir.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(options.data_dir.clone());
        }
        let core = self.core.clone();
        tauri::async_runtime::spawn(async move {
            let started = AssertUnwindSafe(async { Nexus::start(options?).await }).catch_unwind();
            let outcome = match started.await {
                Ok(Ok(nexus)) => {
                    nexus.warm_up();
                    Ok(nexus)
                }
                Ok(Err(error)) => Err(error.card()),
                Err(_) => Err(fault("starting")),
            };
            if let Err(card) = &outcome {
                tracing::error!(code = ?card.code, title = %card.title, detail = %card.detail, "the core did not start");
            }
            core.send_replace(Some(outcome));
        });
    }

    /// Where data lies, known even where the core could not start.
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.data_dir
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs `act` on the core. A panic in it becomes a card: no command leaves a window waiting for ever.
    ///
    /// # Errors
    /// What `act` says, or why the core did not start.
    pub async fn with<T, F, Fut>(&self, act: F) -> Result<T, ErrorCard>
    where
        F: FnOnce(Nexus) -> Fut,
        Fut: Future<Output = Result<T, ErrorCard>>,
    {
        let core = self.core().await?;
        AssertUnwindSafe(act(core))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(fault("this")))
    }

    /// Forwards the core's events to a window from now on; an earlier forwarder of the same window ends.
    ///
    /// # Errors
    /// Why the core did not start.
    pub async fn forward(
        &self,
        window: String,
        channel: Channel<Vec<Event>>,
    ) -> Result<(), ErrorCard> {
        let events = self.core().await?.subscribe();
        self.keep(
            window,
            tauri::async_runtime::spawn(bridge::forward(events, channel)),
        );
        Ok(())
    }

    /// The same for what happens outside all sessions.
    ///
    /// # Errors
    /// Why the core did not start.
    pub async fn forward_app(
        &self,
        window: String,
        channel: Channel<Vec<AppEvent>>,
    ) -> Result<(), ErrorCard> {
        let events = self.core().await?.subscribe_app();
        self.keep(
            format!("{window} (app)"),
            tauri::async_runtime::spawn(bridge::forward_app(events, channel)),
        );
        Ok(())
    }

    fn keep(&self, name: String, task: JoinHandle<()>) {
        let mut forwarders = self
            .forwarders
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(earlier) = forwarders.insert(name, task) {
            earlier.abort();
        }
    }

    /// Ends turns and workers and closes the database, within a few seconds.
    pub fn stop(&self) {
        let Some(Ok(core)) = self.core.borrow().clone() else {
            return;
        };
        tauri::async_runtime::block_on(async move {
            if tokio::time::timeout(STOP_LIMIT, core.shutdown())
                .await
                .is_err()
            {
                tracing::warn!("the core did not stop in time");
            }
        });
    }

    async fn core(&self) -> Result<Nexus, ErrorCard> {
        let mut core = self.core.subscribe();
        match core
            .wait_for(Option::is_some)
            .await
            .map(|core| core.clone())
        {
            Ok(Some(core)) => core,
            Ok(None) | Err(_) => Err(fault("starting")),
        }
    }
}

fn fault(what: &str) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Internal,
        "Something went wrong in the app",
        format!(
            "A fault of ours stopped {what}. The log in the data folder has the details; your chats are safe."
        ),
        ErrorAction::None,
    )
}
