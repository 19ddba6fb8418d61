//! What the estimates say beside what the real workers take, over models of many shapes. Needs `NEXUS_WORKER` and
//! `NEXUS_WORKER_LLAMA`; all shapes are tried where `NEXUS_TEST_FULL` is set, else a few small ones.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test must fail it")]

#[path = "fit/folders.rs"]
mod folders;
#[path = "fit/large_folder.rs"]
mod large_folder;
#[path = "fit/llama.rs"]
mod llama;
#[path = "fit/measure.rs"]
mod measure;
#[path = "fit/mistral.rs"]
mod mistral;
#[path = "support/model_folder.rs"]
#[expect(dead_code, reason = "other tests write other models")]
mod model_folder;
#[path = "fit/shapes.rs"]
mod shapes;
#[path = "support/models.rs"]
#[expect(dead_code, reason = "other tests write other models")]
mod support;

use std::path::PathBuf;

use nexus_worker_client::{LocalEngine, WorkerOptions};
use tokio::sync::{Mutex, MutexGuard};

/// Some of the models are large.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

struct Bench {
    _turn: MutexGuard<'static, ()>,
    engine: LocalEngine,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn of(change: impl FnOnce(&mut WorkerOptions)) -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        let folder = tempfile::tempdir().unwrap();
        let mut options =
            WorkerOptions::new(folder.path().join("none"), folder.path().join("scratch"));
        options.limits.deaths = usize::MAX;
        change(&mut options);
        Self {
            _turn: turn,
            engine: LocalEngine::new(options),
            folder,
        }
    }

    fn scratch(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }
}

fn path_from(name: &str) -> PathBuf {
    let path = std::env::var(name);
    PathBuf::from(path.unwrap_or_else(|_| panic!("{name} must be set for these tests")))
}

/// Whether a model is tried: one of a `few` is for every change of the code, any with `NEXUS_TEST_FULL`; or the one that
/// `NEXUS_TEST_CASE` names alone.
fn is_wanted(name: &str, few: &[&str]) -> bool {
    match std::env::var("NEXUS_TEST_CASE") {
        Ok(only) => only == name,
        Err(_) => few.contains(&name) || std::env::var_os("NEXUS_TEST_FULL").is_some(),
    }
}
