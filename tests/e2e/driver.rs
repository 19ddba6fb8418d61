//! One WebDriver server for one app: started on free ports, ended with everything it started.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A program or file that the caller names in the environment.
///
/// # Panics
/// Where it is not set: a missing part is a failure, never a skipped test.
pub fn required(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    PathBuf::from(
        value.unwrap_or_else(|| panic!("{name} is not set: run these tests by `cargo xtask test`")),
    )
}

/// A running `tauri-driver`, with the native driver and the app below it in one process group.
pub struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    /// Starts it. The app inherits this environment.
    pub fn start(environment: &[(OsString, OsString)]) -> Self {
        let (port, native_port) = (free_port(), free_port());
        let mut command = Command::new(required("NEXUS_E2E_DRIVER"));
        command
            .args([
                "--port",
                &port.to_string(),
                "--native-port",
                &native_port.to_string(),
            ])
            .arg("--native-driver")
            .arg(required("NEXUS_E2E_NATIVE_DRIVER"))
            .stdin(Stdio::null())
            .process_group(0);
        if std::env::var_os("NEXUS_E2E_VERBOSE").is_none() {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let child = command.spawn().expect("tauri-driver starts");
        let driver = Self { child, port };
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < end, "tauri-driver did not open its port");
            std::thread::sleep(Duration::from_millis(20));
        }
        driver
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Kills the app and both drivers at once, as a power cut would.
    pub fn kill(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        // The group may be gone already, which is what is wanted.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    listener.local_addr().expect("its address").port()
}
