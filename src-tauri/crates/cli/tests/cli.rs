//! What the tests share.

mod ask;
mod commands;
mod models;
#[cfg(unix)]
mod signals;

use std::{
    io::Write,
    process::{Command, Output, Stdio},
    time::Duration,
};

use nexus_test_support::{ScriptedServer, TempData};

pub const KEY: &str = "sk-cli-canary-0123456789";

/// A data folder and a provider called `scripted`, whose key is in the environment.
pub struct World {
    pub data: TempData,
    pub server: ScriptedServer,
}

impl World {
    pub fn new() -> Self {
        let server = ScriptedServer::start();
        server.set_pause(Duration::ZERO).expect_key(KEY);
        let data = TempData::new();
        data.write(
            "settings.toml",
            format!(
                "auto_title = false\n[[providers]]\nid = \"scripted\"\nbase_url = \"{}\"\nkey = \"env:SCRIPTED_KEY\"\n",
                server.base_url()
            ),
        );
        Self { data, server }
    }

    /// The program with nothing of this machine's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexus"));
        command
            .args(arguments)
            .env_clear()
            .env("NEXUS_DATA_DIR", self.data.path())
            .env("NEXUS_DEFAULT_MODEL", "scripted/test-model")
            .env("NEXUS_WORKER", self.data.join("no-worker"))
            .env("SCRIPTED_KEY", KEY)
            // Nobody listens there: no test asks the real hub.
            .env("NEXUS_HUB_URL", "http://127.0.0.1:9")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    pub fn piped(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that refuses its arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ran::from(child.wait_with_output().unwrap())
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}
