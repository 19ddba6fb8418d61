//! The worker's ear: requests from the parent, read on a thread of its own that the engine never blocks. Pings are answered
//! here, so that they tell of the process and not of the engine. Both workers share this file.

use std::io::{self, Read as _};

use nexus_protocol::worker::{FrameDecoder, WorkerReply, WorkerRequest};

use crate::guard::resident_bytes;
use crate::output::Output;

/// Starts to read; `take` gets what is neither a ping nor an end. The process ends when stdin ends, at `Shutdown` and at what
/// is no request.
pub(crate) fn listen(
    output: Output,
    take: impl FnMut(WorkerRequest) + Send + 'static,
) -> io::Result<()> {
    std::thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || read(&output, take))?;
    Ok(())
}

fn read(output: &Output, mut take: impl FnMut(WorkerRequest)) -> ! {
    let mut decoder = FrameDecoder::default();
    let mut buffer = vec![0; 64 << 10];
    let mut stdin = io::stdin().lock();
    loop {
        match decoder.next_message() {
            Ok(Some(WorkerRequest::Ping { id })) => output.send(&WorkerReply::Pong {
                id,
                resident_bytes: resident_bytes(),
            }),
            Ok(Some(WorkerRequest::Shutdown)) => std::process::exit(0),
            Ok(Some(request)) => take(request),
            Ok(None) => match stdin.read(&mut buffer) {
                Ok(0) => std::process::exit(0),
                Ok(count) => decoder.push(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::error!(%error, "stdin cannot be read");
                    std::process::exit(1);
                }
            },
            Err(error) => {
                tracing::error!(%error, "the parent sent no request");
                std::process::exit(1);
            }
        }
    }
}
