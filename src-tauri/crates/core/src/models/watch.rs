//! Watches the models folder: a file that is put there appears, one that is removed goes.
//!
//! Owns the watch and waiting until the disk is quiet. Refuses to look at what changed: who wants to know reads the folder.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use notify::{Config, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// A copy of a large file is a stream of changes: they are told together.
const QUIET: Duration = Duration::from_millis(300);
/// For systems and disks without notices.
const POLL: Duration = Duration::from_secs(5);

/// The watch of one folder at a time.
#[derive(Clone)]
pub struct FolderWatch {
    changes: UnboundedSender<()>,
    watcher: Arc<Mutex<Option<Box<dyn Watcher + Send>>>>,
}

impl FolderWatch {
    /// Watches nothing yet; `tell` is called after each change, in this runtime.
    pub fn new(tell: impl Fn() + Send + 'static) -> Self {
        let (changes, mut changed) = unbounded_channel();
        tokio::spawn(async move {
            while changed.recv().await.is_some() {
                // Until nothing more comes for a moment; a stream of changes is told now and then all the same.
                for _ in 0..10 {
                    match tokio::time::timeout(QUIET, changed.recv()).await {
                        Ok(Some(())) => while changed.try_recv().is_ok() {},
                        Ok(None) | Err(_) => break,
                    }
                    tokio::time::sleep(QUIET / 3).await;
                }
                tell();
            }
        });
        Self {
            changes,
            watcher: Arc::default(),
        }
    }

    /// Whether a folder is watched.
    pub fn is_on(&self) -> bool {
        self.lock().is_some()
    }

    /// Watches this folder, and no other any more. Blocks on the disk.
    pub fn turn_to(&self, folder: &Path) {
        let watcher = self
            .watcher::<RecommendedWatcher>(folder, Config::default())
            .or_else(|error| {
                tracing::info!(%error, "the models folder is looked at now and then");
                self.watcher::<PollWatcher>(folder, Config::default().with_poll_interval(POLL))
            });
        match watcher {
            Ok(watcher) => *self.lock() = Some(watcher),
            Err(error) => tracing::warn!(%error, "the models folder is not watched"),
        }
    }

    fn watcher<W: Watcher + Send + 'static>(
        &self,
        folder: &Path,
        config: Config,
    ) -> notify::Result<Box<dyn Watcher + Send>> {
        let changes = self.changes.clone();
        let models = folder.to_path_buf();
        let mut watcher = W::new(
            move |event: notify::Result<notify::Event>| {
                if event.is_ok_and(|event| matters(&event, &models)) {
                    // Nobody listens any more when the program ends.
                    let _ = changes.send(());
                }
            },
            config,
        )?;
        watcher.watch(folder, RecursiveMode::Recursive)?;
        Ok(Box::new(watcher))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Box<dyn Watcher + Send>>> {
        self.watcher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reading changes nothing, and downloads write many times a second what is no model yet.
fn matters(event: &notify::Event, models: &Path) -> bool {
    let hidden = |path: &PathBuf| {
        let first = path.strip_prefix(models).ok().and_then(|p| p.iter().next());
        first.is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    !matches!(event.kind, EventKind::Access(_))
        && (event.paths.is_empty() || !event.paths.iter().all(hidden))
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind};

    use super::{super::downloads, *};

    #[test]
    fn what_is_hidden_or_only_read_does_not_matter() {
        let models = Path::new("/models");
        let event = |kind, path: &str| notify::Event::new(kind).add_path(models.join(path));
        let created = EventKind::Create(CreateKind::File);
        assert!(matters(&event(created, "m/m.gguf"), models));
        let part = format!("{}m-0123/m.gguf.part", downloads::WORKING);
        assert!(!matters(&event(created, &part), models));
        assert!(!matters(
            &event(EventKind::Access(AccessKind::Read), "m/m.gguf"),
            models
        ));
        // A folder that gets its name is seen by its new one.
        assert!(matters(
            &event(created, &part).add_path(models.join("m")),
            models
        ));
    }
}
