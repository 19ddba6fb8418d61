//! Which models stay in memory: as many as fit, the one used longest ago leaves first.

use std::path::PathBuf;

use tokio::time::Instant;

use super::actor::Actor;
use super::backend::Backend;
use super::loading::Loaded;

impl Actor {
    /// When the first of them has been idle for too long.
    pub(super) fn idle_at(&self) -> Option<Instant> {
        let after = self.options.idle_unload?;
        let all = self.parked.iter().chain(&self.loaded);
        all.map(|loaded| loaded.used + after).min()
    }

    /// Ends what has been idle for too long.
    pub(super) async fn retire_idle(&mut self) {
        let Some(after) = self.options.idle_unload else {
            return;
        };
        let now = Instant::now();
        let is_idle = |loaded: &Loaded| loaded.used + after <= now;
        while let Some(at) = self.parked.iter().position(is_idle) {
            tracing::info!("a local model was idle and is unloaded");
            self.retire(at).await;
        }
        if self.loaded.as_ref().is_some_and(is_idle) {
            tracing::info!("the local model was idle and is unloaded");
            self.unload().await;
        }
    }

    /// Ends one model that has been idle for a while, where memory is short.
    pub(super) async fn look_at_memory(&mut self) {
        let limits = self.options.limits;
        self.next_look = Instant::now() + limits.memory_look;
        let gauge = self.options.memory.clone();
        let Ok(reading) = tokio::task::spawn_blocking(move || gauge.read()).await else {
            return;
        };
        if !reading.is_short() {
            return;
        }
        if !self.parked.is_empty() {
            tracing::info!(
                ?reading,
                "memory is short: a model that is not in use is unloaded"
            );
            self.retire(0).await;
        } else if self.loaded.as_ref().is_some_and(|loaded| {
            // Never while it answers: that is no idle time.
            !loaded.busy && loaded.used.elapsed() >= limits.memory_grace
        }) {
            tracing::info!(?reading, "memory is short: the idle model is unloaded");
            self.unload().await;
        }
    }

    /// Puts the one in use aside. It stays in memory as long as there is room.
    pub(super) fn park(&mut self) {
        self.parked.extend(self.loaded.take());
    }

    /// Makes room for one more where the number of models is limited.
    pub(super) async fn keep_to_the_limit(&mut self) {
        while self.parked.len() >= self.options.limits.models.max(1) {
            self.retire(0).await;
        }
    }

    /// Ends one that was put aside.
    pub(super) async fn retire(&mut self, at: usize) {
        if at < self.parked.len() {
            let loaded = self.parked.remove(at);
            self.publish();
            // Nothing is lost with it, and whoever waits for its memory should not wait for manners.
            loaded.process.kill().await;
        }
    }

    /// Bytes that a new process can take. Mapped weights count as free in the system's account, though they are in use.
    pub(super) async fn available(&self) -> Option<u64> {
        let gauge = self.options.memory.clone();
        let reading = tokio::task::spawn_blocking(move || gauge.read()).await;
        let mapped = self
            .parked
            .iter()
            .filter(|loaded| loaded.chosen.backend == Backend::Llama)
            .map(|loaded| loaded.summary.file_bytes)
            .fold(0, u64::saturating_add);
        let available = reading.ok()?.available?;
        Some(available.saturating_sub(mapped))
    }

    pub(super) async fn unload(&mut self) {
        if let Some(loaded) = self.take_loaded() {
            loaded.process.shut_down(self.options.limits.exit).await;
        }
    }

    pub(super) async fn unload_all(&mut self) {
        while !self.parked.is_empty() {
            self.retire(0).await;
        }
        self.unload().await;
    }

    pub(super) fn take_loaded(&mut self) -> Option<Loaded> {
        let loaded = self.loaded.take();
        self.publish();
        loaded
    }

    /// Says what is in memory.
    pub(super) fn publish(&self) {
        let ready = self
            .parked
            .iter()
            .chain(&self.loaded)
            .filter(|loaded| loaded.ready);
        let paths: Vec<PathBuf> = ready.map(|loaded| loaded.path.clone()).collect();
        self.resident.send_replace(paths);
    }
}
