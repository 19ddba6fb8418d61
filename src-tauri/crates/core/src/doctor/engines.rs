//! Which engines run local models, on what, and what confines them. Pure.

use std::collections::HashMap;

use nexus_protocol::{DoctorCheck, DoctorStatus};
use nexus_worker_client::{Backend, Confinement, WorkerProgram};

/// The engines that are there, each with the build that runs here and why others do not.
pub(super) fn check(programs: &HashMap<Backend, WorkerProgram>) -> DoctorCheck {
    let told: Vec<String> = Backend::ALL
        .into_iter()
        .filter_map(|backend| Some(describe(backend, programs.get(&backend)?)))
        .collect();
    if told.is_empty() {
        return super::check(
            "Engines",
            DoctorStatus::Missing,
            "none is there. Models on this machine cannot run.",
        );
    }
    super::check("Engines", DoctorStatus::Ok, told.join(" "))
}

fn describe(backend: Backend, program: &WorkerProgram) -> String {
    let name = program
        .path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let mut text = match &program.probe {
        None => format!("{backend} ({name}), which does not say what it is."),
        Some(probe) => {
            let on = match probe.devices.as_slice() {
                [] => "the processor".to_owned(),
                devices => devices.join(", "),
            };
            format!("{backend} ({name} {}) on {on}.", probe.version)
        }
    };
    for reason in &program.passed_over {
        text.push(' ');
        text.push_str(reason);
    }
    text
}

/// What keeps a model's process from everything else.
pub(super) fn confinement(confinement: &Confinement) -> DoctorCheck {
    const NAME: &str = "Sandbox of models";
    match confinement {
        Confinement::None(reason) => super::check(
            NAME,
            DoctorStatus::Warning,
            format!("Models on this machine run not sandboxed. {reason}"),
        ),
        Confinement::Full(sandbox) => match sandbox.machine().confines() {
            Ok(()) => super::check(
                NAME,
                DoctorStatus::Ok,
                "no network, no programs, no files but the model's",
            ),
            Err(reason) => super::check(
                NAME,
                DoctorStatus::Missing,
                format!(
                    "{reason} Models on this machine do not run, unless unsandboxed_models = true in the settings allows them to run not sandboxed."
                ),
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use nexus_protocol::worker::WorkerProbe;

    use super::*;

    async fn found(names: &[(&str, &str)]) -> HashMap<Backend, WorkerProgram> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, text) in names {
            std::fs::write(path(name), format!("#!/bin/sh\n{text}\n")).unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = std::fs::Permissions::from_mode(0o755);
                std::fs::set_permissions(path(name), mode).unwrap();
            }
        }
        let mut options =
            nexus_worker_client::WorkerOptions::new(path("nexus-worker"), path("scratch"));
        options.llama_program = Some(path("nexus-worker-llama"));
        nexus_worker_client::LocalEngine::new(options)
            .programs()
            .await
    }

    fn says(probe: &WorkerProbe) -> String {
        format!("echo '{}'", serde_json::to_string(probe).unwrap())
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_report_says_which_engine_runs_on_what_and_why_not_on_more() {
        let probe = |backend: &str, devices: &[&str]| WorkerProbe {
            version: "1.2.3".to_owned(),
            backend: backend.to_owned(),
            devices: devices.iter().map(|&device| device.to_owned()).collect(),
            cpu: Vec::new(),
        };
        let nothing = check(&found(&[]).await);
        assert_eq!(nothing.status, DoctorStatus::Missing);
        let programs = found(&[
            ("nexus-worker", &says(&probe("mistral", &[]))),
            ("nexus-worker-cuda", "exit 1"),
            ("nexus-worker-llama", &says(&probe("llama", &[]))),
        ])
        .await;
        assert_eq!(
            check(&programs).detail,
            "llama.cpp (nexus-worker-llama 1.2.3) on the processor. mistral.rs (nexus-worker 1.2.3) on the processor. \
             nexus-worker-cuda is not used: it ended when it was asked what it is (exit status: 1)."
        );
        let programs = found(&[
            ("nexus-worker", &says(&probe("mistral", &[]))),
            ("nexus-worker-cuda", &says(&probe("mistral", &["CUDA 0"]))),
        ])
        .await;
        assert_eq!(
            check(&programs).detail,
            "mistral.rs (nexus-worker-cuda 1.2.3) on CUDA 0."
        );
    }

    #[test]
    fn what_is_not_sandboxed_is_said_in_these_words() {
        let check = confinement(&Confinement::None("There is none.".to_owned()));
        assert_eq!(check.status, DoctorStatus::Warning);
        assert_eq!(
            check.detail,
            "Models on this machine run not sandboxed. There is none."
        );
    }
}
