//! Files that are dragged from other programs onto the main window.
//!
//! A web view keeps their paths to itself, so Tauri takes the drop and the page hears of it here. Owns what was dropped last: a page
//! can have that read, once, and can name no other file.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use nexus_protocol::FileDrag;
use tauri::{DragDropEvent, ipc::Channel};

/// Who listens, and what was dropped last.
#[derive(Default)]
pub struct Drops {
    listener: Mutex<Option<Channel<FileDrag>>>,
    last: Mutex<Vec<PathBuf>>,
}

impl Drops {
    /// Tells a page from now on; an earlier one hears no more.
    pub fn listen(&self, channel: Channel<FileDrag>) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(channel);
    }

    /// Takes in what the window says.
    pub fn happened(&self, event: &DragDropEvent) {
        let Some((drag, files)) = read(event) else {
            return;
        };
        if matches!(drag, FileDrag::Dropped { .. }) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = files;
        }
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = listener.as_ref()
            && let Err(error) = channel.send(drag)
        {
            tracing::debug!(%error, "a window went");
        }
    }

    /// What was dropped last; nothing a second time.
    pub fn take(&self) -> Vec<PathBuf> {
        std::mem::take(&mut self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What an event means to a page, and the files of a drop.
fn read(event: &DragDropEvent) -> Option<(FileDrag, Vec<PathBuf>)> {
    match event {
        DragDropEvent::Enter { paths, .. } => {
            (!files(paths).is_empty()).then(|| (FileDrag::Over, Vec::new()))
        }
        DragDropEvent::Drop { paths, .. } => {
            let files = files(paths);
            if files.is_empty() {
                return Some((FileDrag::Left, files));
            }
            let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
            let paths = files.iter().map(shown).collect();
            Some((FileDrag::Dropped { paths }, files))
        }
        DragDropEvent::Leave => Some((FileDrag::Left, Vec::new())),
        // It is over the window: that was said when it came.
        _ => None,
    }
}

/// Those that are files: a link that is dragged comes the same way, with its address for a path.
fn files(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths
        .iter()
        .map(PathBuf::as_path)
        .filter(|path| path.is_absolute())
        .map(Path::to_path_buf)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tauri::{PhysicalPosition, ipc::InvokeResponseBody};

    use super::*;

    const AT: PhysicalPosition<f64> = PhysicalPosition { x: 1.0, y: 1.0 };

    #[cfg(unix)]
    const FILE: &str = "/models/a b.gguf";
    #[cfg(windows)]
    const FILE: &str = "C:\\models\\a b.gguf";

    /// What a page hears of some events.
    fn heard(drops: &Drops, events: &[DragDropEvent]) -> Vec<FileDrag> {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        drops.listen(Channel::new(move |body| {
            if let InvokeResponseBody::Json(text) = body {
                ear.lock()
                    .unwrap()
                    .push(serde_json::from_str(&text).unwrap());
            }
            Ok(())
        }));
        events.iter().for_each(|event| drops.happened(event));
        std::mem::take(&mut heard.lock().unwrap())
    }

    #[test]
    fn a_file_is_announced_once_and_read_once() {
        let drops = Drops::default();
        let paths = vec![PathBuf::from(FILE)];
        let events = [
            DragDropEvent::Enter {
                paths: paths.clone(),
                position: AT,
            },
            DragDropEvent::Over { position: AT },
            DragDropEvent::Over { position: AT },
            DragDropEvent::Drop {
                paths: paths.clone(),
                position: AT,
            },
        ];
        assert_eq!(
            heard(&drops, &events),
            [
                FileDrag::Over,
                FileDrag::Dropped {
                    paths: vec![FILE.to_owned()]
                }
            ]
        );
        assert_eq!(drops.take(), paths);
        assert_eq!(drops.take(), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_link_is_no_file() {
        let drops = Drops::default();
        let paths = vec![PathBuf::from("https://example.org/a.gguf")];
        let events = [
            DragDropEvent::Enter {
                paths: paths.clone(),
                position: AT,
            },
            DragDropEvent::Drop {
                paths,
                position: AT,
            },
        ];
        assert_eq!(heard(&drops, &events), [FileDrag::Left]);
        assert_eq!(drops.take(), Vec::<PathBuf>::new());
    }

    #[test]
    fn what_leaves_the_window_can_not_be_read() {
        let drops = Drops::default();
        let events = [
            DragDropEvent::Enter {
                paths: vec![PathBuf::from(FILE)],
                position: AT,
            },
            DragDropEvent::Leave,
        ];
        assert_eq!(heard(&drops, &events), [FileDrag::Over, FileDrag::Left]);
        assert_eq!(drops.take(), Vec::<PathBuf>::new());
    }
}
