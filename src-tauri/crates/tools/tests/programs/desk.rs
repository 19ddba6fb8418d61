//! A working folder with a recorder and the real sandbox, and calls of the tools that come with the app.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use nexus_checkpoints::{Checkpoints, Journal};
use nexus_protocol::{Action, Confinement, ItemId, SessionId, TurnId, UnixMillis};
use nexus_sandbox::Sandbox;
use nexus_tools::{
    Host, Interpreters, OutputSink, Prepared, Registry, SessionTools, ToolContext, ToolError,
    ToolOutput, Workspace,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) data: TempDir,
    pub(crate) ctx: ToolContext,
    pub(crate) journal: Journal,
    pub(crate) said: Arc<Mutex<String>>,
}

/// The launcher lies beside this test's folder: the same build makes both.
fn launcher() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let name = format!("nexus-sandbox{}", std::env::consts::EXE_SUFFIX);
    let launcher = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        launcher.is_file(),
        "{} is missing: cargo build -p nexus-sandbox",
        launcher.display()
    );
    launcher
}

impl Desk {
    /// With the sandbox, which must hold on this machine.
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::probe(&launcher());
        assert_eq!(
            sandbox.machine().confines(),
            Ok(()),
            "{:?}",
            sandbox.machine()
        );
        Self::with(Some(sandbox))
    }

    /// Without one.
    pub(crate) fn unconfined() -> Self {
        Self::with(None)
    }

    fn with(sandbox: Option<Sandbox>) -> Self {
        let folder = TempDir::new().unwrap();
        let data = TempDir::new().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        let journal = Checkpoints::open(&data.path().join("checkpoints"))
            .unwrap()
            .session(SessionId(Uuid::from_u128(1)), Some(folder.path()))
            .unwrap();
        let env: BTreeMap<String, String> = std::env::vars().collect();
        let ctx = ToolContext {
            cancel: CancellationToken::new(),
            now: UnixMillis(1_700_000_000_000),
            workspace: Some(Arc::new(Workspace::open(folder.path()).unwrap())),
            host: Arc::new(Host {
                sandbox,
                env,
                hidden: vec![data.path().to_path_buf()],
                scratch: data.path().join("scratch"),
                interpreters: Interpreters::default(),
            }),
            session: Arc::new(SessionTools::default()),
            recorder: Some(
                journal.recorder(TurnId(Uuid::from_u128(2)), ItemId(Uuid::from_u128(3))),
            ),
            output: OutputSink::new(move |text| heard.lock().unwrap().push_str(text)),
            sees_images: true,
        };
        Self {
            folder,
            data,
            ctx,
            journal,
            said,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        std::fs::write(self.path().join(path), content).unwrap();
    }

    /// More of the user's environment.
    pub(crate) fn env(&mut self, more: &[(&str, &str)]) {
        let mut host = (*self.ctx.host).clone();
        host.env.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        self.ctx.host = Arc::new(host);
    }

    /// A machine that has only these interpreters.
    #[cfg(feature = "built-in-interpreters")]
    pub(crate) fn only(&mut self, interpreters: Interpreters) {
        let nowhere = self.data.path().join("nowhere");
        self.env(&[("PATH", nowhere.to_str().unwrap())]);
        let mut host = (*self.ctx.host).clone();
        host.interpreters = interpreters;
        self.ctx.host = Arc::new(host);
    }

    pub(crate) async fn prepare(
        &self,
        tool: &str,
        arguments: Value,
    ) -> Result<Prepared, ToolError> {
        Registry::builtin()
            .get(tool)
            .unwrap()
            .prepare(arguments, &self.ctx)
            .await
    }

    pub(crate) async fn action(&self, tool: &str, arguments: Value) -> Action {
        self.prepare(tool, arguments).await.unwrap().action
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Result<ToolOutput, ToolError> {
        let prepared = self.prepare(tool, arguments).await?;
        if self.ctx.host.sandbox.is_some()
            && let Some(process) = &prepared.action.process
        {
            assert_eq!(process.sandbox, Confinement::Full);
        }
        prepared.run(self.ctx.clone()).await
    }

    /// Processes of this desk that live, by what only they have: the path of its data in their environment or arguments.
    pub(crate) fn processes(&self) -> Vec<String> {
        let mark = self.data.path().to_string_lossy().into_owned();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let folder = entry.path();
            if folder == Path::new(&format!("/proc/{}", std::process::id())) {
                continue;
            }
            let read = |name: &str| {
                String::from_utf8_lossy(&std::fs::read(folder.join(name)).unwrap_or_default())
                    .into_owned()
            };
            let arguments = read("cmdline");
            // A zombie has neither.
            if read("environ").contains(&mark) || arguments.contains(&mark) {
                found.push(format!(
                    "{}: {}",
                    folder.display(),
                    arguments.replace('\0', " ")
                ));
            }
        }
        found
    }

    /// Waits until no process of this desk lives.
    pub(crate) async fn gone(&self, limit: Duration) -> Result<Duration, Vec<String>> {
        let start = Instant::now();
        loop {
            let living = self.processes();
            if living.is_empty() {
                return Ok(start.elapsed());
            }
            if start.elapsed() > limit {
                return Err(living);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// `full` where `NEXUS_TEST_FULL` is set, else `short`.
pub(crate) fn rounds(full: usize, short: usize) -> usize {
    if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        full
    } else {
        short
    }
}
