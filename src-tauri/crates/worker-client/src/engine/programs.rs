//! Which build of a worker runs on this machine: beside each program may lie others for graphics processors and for newer
//! processors.
//!
//! Owns the order in which builds are preferred, asking each what it is, and saying why one was passed over. Refuses to own
//! which engine runs a model.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use nexus_protocol::worker::{PROBE, WorkerProbe};
use tokio::process::Command;
use tokio::time::timeout;

/// A build that can be started here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerProgram {
    /// The program.
    pub path: PathBuf,
    /// What it says of itself; `None` where it did not answer, as old builds do not.
    pub probe: Option<WorkerProbe>,
    /// Why others that are there are not used, a sentence each.
    pub passed_over: Vec<String>,
    /// Changes with the program.
    pub(super) fingerprint: String,
}

impl WorkerProgram {
    /// Whether it computes on a graphics processor.
    pub fn uses_gpu(&self) -> bool {
        self.probe
            .as_ref()
            .is_some_and(|probe| !probe.devices.is_empty())
    }
}

/// What the end of a program's name says it was built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Build {
    Cuda,
    Metal,
    /// Processors of the last ten years, `x86-64-v3`.
    V3,
    Any,
}

impl Build {
    /// The best first.
    const ALL: [Self; 4] = [Self::Cuda, Self::Metal, Self::V3, Self::Any];

    fn suffix(self) -> &'static str {
        match self {
            Self::Cuda => "-cuda",
            Self::Metal => "-metal",
            Self::V3 => "-v3",
            Self::Any => "",
        }
    }

    /// The file of this build beside the plain one.
    fn of(self, plain: &Path) -> PathBuf {
        let name = plain.file_name().unwrap_or_default().to_string_lossy();
        let end = std::env::consts::EXE_SUFFIX;
        let stem = name.strip_suffix(end).unwrap_or(&name);
        plain.with_file_name(format!("{stem}{}{end}", self.suffix()))
    }

    /// Features of the processor without which it is not even asked: a program that meets an unknown instruction dies.
    fn needs(self) -> &'static [&'static str] {
        match self {
            Self::V3 => &[
                "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "lzcnt", "movbe",
            ],
            Self::Cuda | Self::Metal | Self::Any => &[],
        }
    }

    fn wants_gpu(self) -> bool {
        matches!(self, Self::Cuda | Self::Metal)
    }
}

/// The best build that can be started; `None` where not even the plain one is there.
pub(super) async fn find(plain: &Path) -> Option<WorkerProgram> {
    let mut passed_over = Vec::new();
    for build in Build::ALL {
        let path = build.of(plain);
        if !path.is_file() {
            continue;
        }
        let lacking = lacking(build.needs().iter().copied());
        let answer = if lacking.is_empty() {
            ask(&path).await
        } else {
            Err(format!("this processor has no {}", lacking.join(", ")))
        };
        let fingerprint = |probe: Option<&WorkerProbe>| fingerprint(&path, probe);
        match fits(build, answer) {
            Ok(probe) => {
                return Some(WorkerProgram {
                    fingerprint: fingerprint(Some(&probe)),
                    path,
                    probe: Some(probe),
                    passed_over,
                });
            }
            // There is no other: its first model tells what is wrong with it.
            Err(reason) if build == Build::Any => {
                tracing::info!(%reason, program = %path.display(), "a worker does not say what it is");
                return Some(WorkerProgram {
                    fingerprint: fingerprint(None),
                    path,
                    probe: None,
                    passed_over,
                });
            }
            Err(reason) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                passed_over.push(format!("{name} is not used: {reason}."));
            }
        }
    }
    None
}

/// Whether a build can be used after what it said. Pure.
fn fits(build: Build, answer: Result<WorkerProbe, String>) -> Result<WorkerProbe, String> {
    let probe = answer?;
    let lacking = lacking(probe.cpu.iter().map(String::as_str));
    if !lacking.is_empty() {
        return Err(format!(
            "it was built for processors with {}",
            lacking.join(", ")
        ));
    }
    if build.wants_gpu() && probe.devices.is_empty() {
        return Err("it found no graphics processor that it can use".to_owned());
    }
    Ok(probe)
}

async fn ask(program: &Path) -> Result<WorkerProbe, String> {
    /// Drivers of graphics processors take seconds when they are first asked.
    const LIMIT: Duration = Duration::from_secs(15);
    let mut command = Command::new(program);
    command
        .arg(PROBE)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    super::process::keep_windows_variables(&mut command);
    let output = timeout(LIMIT, command.output())
        .await
        .map_err(|_| format!("it did not say what it is within {} s", LIMIT.as_secs()))?
        .map_err(|error| format!("it cannot be started ({error})"))?;
    if !output.status.success() {
        return Err(format!(
            "it ended when it was asked what it is ({})",
            output.status
        ));
    }
    serde_json::from_slice(&output.stdout).map_err(|_| "it did not say what it is".to_owned())
}

fn fingerprint(path: &Path, probe: Option<&WorkerProbe>) -> String {
    let version = probe.map_or("unknown", |probe| probe.version.as_str());
    let data = std::fs::metadata(path).ok();
    let seconds = data
        .as_ref()
        .and_then(|data| data.modified().ok()?.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_secs());
    let bytes = data.map_or(0, |data| data.len());
    format!("{version}, {bytes} bytes of {seconds}")
}

/// Those of the features that this processor is known to lack.
fn lacking<'a>(features: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    features
        .filter(|feature| has(feature) == Some(false))
        .collect()
}

/// `None` for a feature that is not known here.
#[cfg(target_arch = "x86_64")]
fn has(feature: &str) -> Option<bool> {
    macro_rules! detected {
        ($($name:tt),*) => {
            match feature {
                $($name => Some(std::is_x86_feature_detected!($name)),)*
                _ => None,
            }
        };
    }
    detected!(
        "avx",
        "avx2",
        "avx512bf16",
        "avx512bw",
        "avx512cd",
        "avx512dq",
        "avx512f",
        "avx512vbmi",
        "avx512vl",
        "avx512vnni",
        "bmi1",
        "bmi2",
        "f16c",
        "fma",
        "lzcnt",
        "movbe",
        "popcnt",
        "sse4.1",
        "sse4.2",
        "ssse3"
    )
}

#[cfg(not(target_arch = "x86_64"))]
fn has(_feature: &str) -> Option<bool> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(devices: &[&str], cpu: &[&str]) -> WorkerProbe {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        WorkerProbe {
            version: "1.0".to_owned(),
            backend: "mistral".to_owned(),
            devices: owned(devices),
            cpu: owned(cpu),
        }
    }

    #[test]
    fn builds_lie_beside_the_plain_program() {
        let end = std::env::consts::EXE_SUFFIX;
        let plain = PathBuf::from(format!("/opt/nexus-worker{end}"));
        let names: Vec<_> = Build::ALL.map(|build| build.of(&plain)).into();
        let expected = ["-cuda", "-metal", "-v3", ""]
            .map(|suffix| PathBuf::from(format!("/opt/nexus-worker{suffix}{end}")));
        assert_eq!(names, expected);
    }

    #[test]
    fn a_build_that_cannot_run_here_is_passed_over_with_its_reason() {
        assert_eq!(
            fits(Build::Cuda, Ok(probe(&[], &[]))),
            Err("it found no graphics processor that it can use".to_owned())
        );
        fits(Build::Cuda, Ok(probe(&["NVIDIA H100"], &[]))).unwrap();
        fits(Build::Any, Ok(probe(&[], &["of-the-future"]))).unwrap();
        let reason = "it ended".to_owned();
        assert_eq!(fits(Build::V3, Err(reason.clone())), Err(reason));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_best_build_that_answers_is_taken() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let script = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let plain = folder.path().join("nexus-worker");
        assert_eq!(find(&plain).await, None);
        script(
            "nexus-worker",
            r#"echo '{"version":"1","backend":"mistral"}'"#,
        );
        script("nexus-worker-cuda", "exit 127");
        script(
            "nexus-worker-metal",
            r#"echo '{"version":"1","backend":"mistral"}'"#,
        );
        let found = find(&plain).await.unwrap();
        assert_eq!(found.path, plain);
        assert!(!found.uses_gpu());
        assert_eq!(
            found.passed_over,
            [
                "nexus-worker-cuda is not used: it ended when it was asked what it is (exit status: 127).",
                "nexus-worker-metal is not used: it found no graphics processor that it can use.",
            ]
        );
        script(
            "nexus-worker-cuda",
            r#"echo '{"version":"1","backend":"mistral","devices":["NVIDIA H100"]}'"#,
        );
        let found = find(&plain).await.unwrap();
        assert!(found.uses_gpu());
        assert_eq!(found.path, folder.path().join("nexus-worker-cuda"));
    }
}
