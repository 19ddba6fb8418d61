//! Whether the program that runs local models is there, and answers.

use std::{
    io,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use nexus_protocol::{
    DoctorCheck, DoctorStatus,
    worker::{FrameDecoder, WorkerReply, WorkerRequest, encode},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

/// How long it may take to start and to answer.
const LIMIT: Duration = Duration::from_secs(5);
const NAME: &str = "Worker";

/// Starts it, without a model, and pings it.
pub async fn check(program: &Path) -> DoctorCheck {
    let shown = program.display();
    let started = Instant::now();
    let problem = match tokio::time::timeout(LIMIT, ping(program)).await {
        Ok(Ok(())) => {
            let took = started.elapsed().as_millis();
            return super::check(
                NAME,
                DoctorStatus::Ok,
                format!("{shown} answered in {took} ms"),
            );
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("it did not answer in {} s", LIMIT.as_secs()),
    };
    super::check(
        NAME,
        DoctorStatus::Missing,
        format!(
            "{shown}: {problem}. Models on this machine cannot run. Install the app again, or build it with `cargo xtask setup`, or set NEXUS_WORKER."
        ),
    )
}

async fn ping(program: &Path) -> io::Result<()> {
    let mut child = Command::new(program)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("its pipes are missing"));
    };
    let request = encode(&WorkerRequest::Ping { id: 1 }).map_err(io::Error::other)?;
    // A program that ended already closed the pipe; that it says nothing is found below.
    let _ = stdin.write_all(&request).await;
    let mut decoder = FrameDecoder::default();
    let mut buffer = vec![0; 4096];
    loop {
        match decoder.next_message().map_err(io::Error::other)? {
            Some(WorkerReply::Pong { id: 1, .. }) => return Ok(()),
            // Anything else is early, not wrong.
            Some(_) => {}
            None => match stdout.read(&mut buffer).await? {
                0 => return Err(io::Error::other("it ended without an answer")),
                count => decoder.push(buffer.get(..count).unwrap_or_default()),
            },
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_is_no_worker_is_named() {
        for (program, reason) in [
            ("/no/such/nexus-worker", "No such file"),
            ("/bin/true", "it ended without an answer"),
            ("/bin/cat", ""),
        ] {
            let check = check(Path::new(program)).await;
            assert_eq!(check.status, DoctorStatus::Missing, "{check:?}");
            assert!(check.detail.starts_with(program), "{check:?}");
            assert!(check.detail.contains(reason), "{check:?}");
            assert!(check.detail.contains("NEXUS_WORKER"), "{check:?}");
        }
    }
}
