//! The worker's mouth: frames to the parent, and only frames.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc;

use nexus_protocol::worker::{self, WorkerReply};

/// Sends replies from any thread without ever waiting: one thread writes them. What waits is bounded by the length of
/// one answer, which the context bounds.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    frames: mpsc::Sender<Vec<u8>>,
}

impl Output {
    /// Takes stdout for frames alone: whatever a library prints from now on goes to stderr.
    pub(crate) fn claim() -> io::Result<Self> {
        let mut pipe = private_stdout()?;
        let (frames, queue) = mpsc::channel::<Vec<u8>>();
        std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || {
                for frame in queue {
                    if pipe.write_all(&frame).and_then(|()| pipe.flush()).is_err() {
                        // Nobody listens any more, so there is nothing left to do.
                        std::process::exit(0);
                    }
                }
            })?;
        Ok(Self { frames })
    }

    pub(crate) fn send(&self, reply: &WorkerReply) {
        match worker::encode(reply) {
            // An error means that the process is about to exit.
            Ok(frame) => drop(self.frames.send(frame)),
            Err(error) => tracing::error!(%error, "a reply was lost"),
        }
    }
}

#[cfg(unix)]
fn private_stdout() -> io::Result<File> {
    use std::os::fd::AsFd as _;
    let pipe = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr().as_fd())?;
    Ok(File::from(pipe))
}

#[cfg(windows)]
fn private_stdout() -> io::Result<File> {
    use std::os::windows::io::AsHandle as _;
    Ok(File::from(io::stdout().as_handle().try_clone_to_owned()?))
}
