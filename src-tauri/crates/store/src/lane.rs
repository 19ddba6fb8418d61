//! A lane: one thread that owns one connection and does one piece of work after the other. Refuses to know what the work is.
//!
//! Handing work over never blocks the caller: the queue has no bound, and the answer comes through a oneshot. A caller that
//! goes away does not stop its work.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::error::{Fault, StoreError};

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

enum Message {
    Work(Work),
    Close(oneshot::Sender<()>),
}

/// The way to one connection. The thread ends, and the connection closes, when the lane is dropped or closed.
pub(crate) struct Lane {
    queue: mpsc::Sender<Message>,
    path: PathBuf,
    behavior: TransactionBehavior,
}

impl Lane {
    /// Starts the thread. Each piece of work runs in a transaction of the given behavior.
    pub(crate) fn start(
        name: &str,
        mut connection: Connection,
        path: &Path,
        behavior: TransactionBehavior,
    ) -> Result<Self, StoreError> {
        let (queue, messages) = mpsc::channel::<Message>();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let mut closing = None;
                while let Ok(message) = messages.recv() {
                    match message {
                        Message::Work(work) => {
                            // A panic here would be a fault of ours: it fails one call, not the storage of the whole app.
                            if catch_unwind(AssertUnwindSafe(|| work(&mut connection))).is_err() {
                                tracing::error!("a piece of work on the database panicked");
                            }
                        }
                        Message::Close(done) => {
                            closing = Some(done);
                            break;
                        }
                    }
                }
                if let Err((_, error)) = connection.close() {
                    tracing::warn!(%error, "the database did not close cleanly");
                }
                if let Some(done) = closing {
                    // Nobody waiting is fine.
                    let _ = done.send(());
                }
            })
            .map_err(|error| StoreError::Database {
                reason: format!("no thread for the database: {error}"),
            })?;
        Ok(Self {
            queue,
            path: path.to_owned(),
            behavior,
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in a transaction and commits it where it succeeds. When this returns `Ok`, the commit is on disk.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let behavior = self.behavior;
        self.raw(move |connection| {
            let transaction = connection.transaction_with_behavior(behavior)?;
            // A failure drops the transaction, which rolls it back.
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .await
    }

    /// Runs `work` outside a transaction: for what SQLite refuses to do inside one.
    pub(crate) async fn raw<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            // The caller may have gone; its work stays done.
            let _ = answer.send(work(connection));
        });
        self.queue
            .send(Message::Work(work))
            .map_err(|_| StoreError::Closed)?;
        answered
            .await
            .map_err(|_| StoreError::Closed)?
            .map_err(|fault| fault.at(&self.path))
    }

    /// Does what is queued, closes the connection and waits for that. Later calls get [`StoreError::Closed`].
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).is_ok() {
            // An error means that the thread was gone already.
            let _ = closed.await;
        }
    }
}
