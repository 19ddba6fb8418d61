//! Child processes: started with a clean environment, waited for with a limit, their failures told with the command.
//!
//! Owns how a child is run; refuses to know what it is run for.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader, IsTerminal, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// How often a waiting parent looks.
const LOOK: Duration = Duration::from_millis(20);
/// How long output may still come after a child ended: a grandchild can hold the pipe.
const DRAIN: Duration = Duration::from_secs(5);

/// The cargo that runs xtask, without what that cargo put into xtask's own environment.
pub fn cargo() -> Command {
    clean(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A program without what `cargo run` put into xtask's environment: library paths and package variables would
/// reach build scripts and the app.
pub fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, value) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || matches!(
                name,
                "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE"
            )
        {
            command.env_remove(name);
        } else if matches!(name, "LD_LIBRARY_PATH" | "DYLD_FALLBACK_LIBRARY_PATH") {
            let kept: Vec<_> = env::split_paths(&value)
                .filter(|path| !is_cargos_own(path))
                .collect();
            match env::join_paths(&kept) {
                Ok(paths) if !kept.is_empty() => command.env(name, paths),
                _ => command.env_remove(name),
            };
        }
    }
    command
}

fn is_cargos_own(path: &std::path::Path) -> bool {
    let text = path.to_string_lossy().replace('\\', "/");
    text.is_empty()
        || text.contains("/rustlib/")
        || text.contains("/toolchains/")
        || ["/debug", "/debug/deps", "/release", "/release/deps"]
            .iter()
            .any(|end| text.ends_with(end))
        || text.contains("/debug/build/")
}

/// The command as a person would type it.
pub fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    let line: Vec<_> = words
        .into_iter()
        .map(|word| {
            if word.is_empty()
                || word.contains(|c: char| c.is_whitespace() || "'\"|&;()$".contains(c))
            {
                format!("'{}'", word.replace('\'', r"'\''"))
            } else {
                word
            }
        })
        .collect();
    line.join(" ")
}

/// Runs it with xtask's own output.
///
/// # Errors
/// When it cannot be started or does not exit with 0.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    succeeded(command, status)
}

/// Runs it quietly and gives what it wrote to its standard output.
///
/// # Errors
/// When it cannot be started, does not exit with 0 (its standard error is in the message), or prints what is not UTF-8.
pub fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| cannot_start(command))?;
    if !output.status.success() {
        bail!(
            "`{}` ended with {}: {}",
            describe(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed no UTF-8", describe(command)))
}

/// Whether it starts and exits with 0, quietly.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs it with xtask's own output, for so long at most.
///
/// # Errors
/// When it cannot be started, does not exit with 0, or had to be ended.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| cannot_start(command))?;
    match wait_until(&mut child, Instant::now() + limit)? {
        Some(status) => succeeded(command, status),
        None => {
            end(&mut child);
            bail!(
                "`{}` did not end within {} s and was ended",
                describe(command),
                limit.as_secs()
            )
        }
    }
}

/// What a watched command did.
pub struct Watched {
    /// How it ended.
    pub status: ExitStatus,
    /// All that it printed, both streams in the order they came, escape codes taken out.
    pub output: String,
}

/// Runs it, prints its output as it comes, and keeps it. Gives the child's standard input to `hold`, which is closed
/// when the child has ended: see [`crate::desktop`].
///
/// # Errors
/// When it cannot be started, or was still running at the limit and had to be ended.
pub fn watch(command: &mut Command, limit: Duration, lifeline: bool) -> Result<Watched> {
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdin(if lifeline {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| cannot_start(command))?;
    let held: Option<ChildStdin> = child.stdin.take();
    let (send, lines) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        forward(stdout, send.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        forward(stderr, send.clone());
    }
    drop(send);
    let mut output = String::new();
    let mut deadline = Instant::now() + limit;
    let mut ended = None;
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                let mut out = std::io::stdout().lock();
                // A closed pipe of ours must not end the child's run half-way.
                let _ = out.write_all(&line).and_then(|()| out.flush());
                output.push_str(&without_escapes(&String::from_utf8_lossy(&line)));
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        if ended.is_none() {
            ended = child.try_wait()?;
            if ended.is_some() {
                deadline = Instant::now() + DRAIN;
            }
        }
        if Instant::now() >= deadline {
            if ended.is_some() {
                break;
            }
            drop(held);
            end(&mut child);
            bail!(
                "`{}` did not end within {} s and was ended",
                describe(command),
                limit.as_secs()
            );
        }
    }
    let status = match ended {
        Some(status) => status,
        None => child.wait()?,
    };
    drop(held);
    Ok(Watched { status, output })
}

fn forward(from: impl Read + Send + 'static, to: mpsc::Sender<Vec<u8>>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(from);
        loop {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) if to.send(line).is_err() => break,
                Ok(_) => {}
            }
        }
    });
}

/// Waits until then at most; `None` where it still runs.
///
/// # Errors
/// When the child cannot be asked.
pub fn wait_until(child: &mut Child, deadline: Instant) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

/// Ends a child that will not end by itself, and takes its exit status off the system's hands.
pub fn end(child: &mut Child) {
    // Both fail only where it has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", describe(command))
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        Ok(())
    } else {
        bail!("`{}` ended with {status}", describe(command))
    }
}

/// Text without terminal escape codes (`ESC [ … letter`).
pub fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if rest.next() == Some('[') {
            for c in rest.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_taken_out_and_the_text_stays() {
        assert_eq!(
            without_escapes(
                "\u{1b}[32;1m     Summary\u{1b}[0m [  0.1s] \u{1b}[1m3\u{1b}[0m passed é"
            ),
            "     Summary [  0.1s] 3 passed é"
        );
    }

    #[test]
    fn a_command_is_described_as_it_would_be_typed() {
        let mut command = Command::new("nextest");
        command.args(["run", "-E", "not (binary(e2e))", "it's"]);
        assert_eq!(
            describe(&command),
            r"nextest run -E 'not (binary(e2e))' 'it'\''s'"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_watched_command_gives_status_and_both_streams() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; sleep 0.2; echo err >&2; exit 3"]);
        let watched = watch(&mut command, Duration::from_secs(20), false).unwrap();
        assert_eq!(
            (watched.status.code(), watched.output.as_str()),
            (Some(3), "out\nerr\n")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_hangs_is_ended_and_named() {
        let mut command = Command::new("sleep");
        command.arg("30");
        let started = Instant::now();
        let error = run_within(&mut command, Duration::from_millis(50)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`sleep 30` did not end within 0 s and was ended"
        );
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
