//! What this machine can do, found out by doing it: each layer is applied for real, in a child of its own.

use std::{
    collections::BTreeMap, fs, os::unix::net::UnixDatagram, path::PathBuf, process::Command,
};

use anyhow::Context as _;
use nexus_sandbox::{FAILED_PREFIX, Kind, Layer, Limits, Machine, Spec, view::View};
use nix::sched::{CloneFlags, unshare};
use rustix::thread::set_no_new_privs;

use super::{SELF, TRY, confine, filter, launcher, root};

/// Ubuntu lets user namespaces be made and then takes their rights away.
const APPARMOR: &str = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";

/// The layers, in the order in which they are worth reading.
pub fn probe() -> Machine {
    let layers = [
        ("Landlock", "landlock"),
        ("seccomp", "seccomp"),
        ("namespaces", "namespaces"),
    ];
    Machine {
        layers: layers
            .into_iter()
            .map(|(name, attempt)| {
                let (works, detail) = match ask(attempt) {
                    Ok(detail) => (true, detail),
                    Err(error) => (false, format!("{error:#}")),
                };
                Layer {
                    name: name.to_owned(),
                    works,
                    required: true,
                    detail,
                }
            })
            .collect(),
    }
}

fn ask(attempt: &str) -> anyhow::Result<String> {
    let output = Command::new(SELF)
        .args([TRY, attempt])
        .output()
        .context("it cannot be tried")?;
    let said = |text: &[u8]| String::from_utf8_lossy(text).trim().to_owned();
    if output.status.success() {
        return Ok(said(&output.stdout));
    }
    let reason = said(&output.stderr).replace(FAILED_PREFIX, "");
    let restricted = fs::read_to_string(APPARMOR).is_ok_and(|text| text.trim() == "1");
    if attempt == "namespaces" && restricted {
        anyhow::bail!(
            "{reason}; AppArmor forbids it: an administrator can allow it by `sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
        );
    }
    anyhow::bail!("{reason}")
}

/// Applies a layer to this process and checks that it holds.
pub fn attempt(layer: &str) -> anyhow::Result<()> {
    match layer {
        "landlock" => {
            set_no_new_privs(true).context("new privileges cannot be refused")?;
            let level = confine::landlock(None)?;
            anyhow::ensure!(
                fs::read_dir("/").is_err(),
                "it was applied and does not hold"
            );
            println!("version {}", level as i32);
        }
        "seccomp" => {
            filter::apply(false)?;
            anyhow::ensure!(
                UnixDatagram::unbound().is_err(),
                "it was applied and does not hold"
            );
        }
        "namespaces" => {
            launcher::namespaces(false)?;
            launcher::keep_capabilities().context("the namespaces' rights cannot be kept")?;
            let output = Command::new(SELF)
                .args([TRY, "root"])
                .output()
                .context("no process can be started in them")?;
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            anyhow::ensure!(
                output.status.success(),
                "{}",
                reason.replace(FAILED_PREFIX, "")
            );
            println!("user, PID, network, IPC, mount");
        }
        "root" => {
            unshare(CloneFlags::CLONE_NEWNS).context("no mount namespace can be made")?;
            let spec = nothing();
            root::build(&spec, &View::of(&spec)?)?;
            anyhow::ensure!(
                !PathBuf::from("/root").exists() && !PathBuf::from("/home").exists(),
                "the machine's root is still there"
            );
        }
        _ => anyhow::bail!("{layer:?} is not known"),
    }
    Ok(())
}

/// A program that may use nothing.
fn nothing() -> Spec {
    Spec {
        argv: vec!["true".to_owned()],
        cwd: PathBuf::from("/"),
        env: BTreeMap::new(),
        folder: None,
        temp: std::env::temp_dir(),
        readable: Vec::new(),
        hidden: Vec::new(),
        network: false,
        limits: Limits::default(),
        kind: Kind::Tool,
    }
}
