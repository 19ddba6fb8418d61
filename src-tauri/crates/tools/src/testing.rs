//! What the unit tests of tools share: a working folder, a context, a call from arguments to output.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use nexus_checkpoints::{Checkpoints, Journal};
use nexus_protocol::{Action, ItemId, SessionId, TurnId, UnixMillis};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Host, OutputSink, SessionTools, Tool, ToolContext, ToolError, ToolOutput, Workspace};

/// A context without a working folder.
pub(crate) fn context() -> ToolContext {
    ToolContext {
        cancel: CancellationToken::new(),
        now: UnixMillis(0),
        workspace: None,
        host: Arc::new(Host::bare(std::env::temp_dir())),
        session: Arc::new(SessionTools::default()),
        recorder: None,
        output: OutputSink::nowhere(),
        sees_images: false,
    }
}

/// A call from its arguments to its output, as if it had been allowed.
pub(crate) async fn call(
    tool: &dyn Tool,
    arguments: Value,
    ctx: &ToolContext,
) -> Result<ToolOutput, ToolError> {
    tool.prepare(arguments, ctx).await?.run(ctx.clone()).await
}

/// What a call would do.
pub(crate) async fn action(
    tool: &dyn Tool,
    arguments: Value,
    ctx: &ToolContext,
) -> Result<Action, ToolError> {
    Ok(tool.prepare(arguments, ctx).await?.action)
}

/// A working folder with checkpoints, and what tools said as they ran.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) data: TempDir,
    pub(crate) ctx: ToolContext,
    pub(crate) said: Arc<Mutex<String>>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let data = TempDir::new().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let journal = Checkpoints::open(&data.path().join("checkpoints"))
            .unwrap()
            .session(SessionId(Uuid::from_u128(1)), Some(folder.path()))
            .unwrap();
        let heard = Arc::clone(&said);
        let ctx = ToolContext {
            workspace: Some(Arc::new(Workspace::open(folder.path()).unwrap())),
            host: Arc::new(Host::bare(data.path().join("scratch"))),
            recorder: Some(
                journal.recorder(TurnId(Uuid::from_u128(2)), ItemId(Uuid::from_u128(3))),
            ),
            output: OutputSink::new(move |text| heard.lock().unwrap().push_str(text)),
            ..context()
        };
        Self {
            folder,
            data,
            ctx,
            said,
        }
    }

    /// The journal that the context's recorder writes.
    pub(crate) fn journal(&self) -> Journal {
        Checkpoints::open(&self.data.path().join("checkpoints"))
            .unwrap()
            .session(SessionId(Uuid::from_u128(1)), Some(self.path()))
            .unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).unwrap()
    }
}
