//! Looks at everything the app needs, and says of each missing part what to do.
//!
//! Changes nothing that lasts: the keychain's canary and the probe file are removed again.

mod engines;
mod library;
mod worker;

use std::path::Path;

use nexus_protocol::{
    DoctorCheck, DoctorReport, DoctorStatus, KeySource, KeyStatus, ModelPlace, StarterStatus,
};
use nexus_worker_client::{
    memory,
    starter::{self, STARTER},
};

use crate::{CoreOptions, Nexus, StartError, models};

/// Less free disk than this is worth a word.
const LITTLE_DISK: u64 = 2_000_000_000;
/// Less free memory than this is worth a word: the starter model needs about half of it.
const LITTLE_MEMORY: u64 = 1_000_000_000;

/// The report where no core runs: starting one is the first check.
pub async fn doctor(options: CoreOptions) -> DoctorReport {
    match Nexus::start(options.clone()).await {
        Ok(nexus) => {
            let report = examine(&nexus).await;
            nexus.shutdown().await;
            report
        }
        Err(error) => DoctorReport {
            checks: cannot_start(&options, &error),
        },
    }
}

fn cannot_start(options: &CoreOptions, error: &StartError) -> Vec<DoctorCheck> {
    let card = error.card();
    let folder = options.data_dir.display();
    let detail = format!("{}. {}", card.title, card.detail);
    match error {
        StartError::Store(_) => vec![
            check("Data folder", DoctorStatus::Ok, folder.to_string()),
            check("Database", DoctorStatus::Missing, detail),
        ],
        StartError::NoDataDir | StartError::DataDir { .. } => {
            vec![check("Data folder", DoctorStatus::Missing, detail)]
        }
        StartError::Rule(_) => vec![check("Rules", DoctorStatus::Missing, detail)],
        StartError::Network(_) => vec![
            check("Data folder", DoctorStatus::Ok, folder.to_string()),
            check("Network client", DoctorStatus::Missing, detail),
        ],
    }
}

/// All checks on a running core.
pub async fn examine(nexus: &Nexus) -> DoctorReport {
    let (database, keychain, worker, engines, starter, library, keys) = futures::join!(
        database(nexus),
        keychain(nexus),
        worker::check(&nexus.inner.worker),
        nexus.inner.engine.programs(),
        starter(nexus),
        nexus.inner.models.library(),
        keys(nexus),
    );
    let mut checks = vec![
        data_folder(nexus),
        database,
        settings(nexus),
        keychain,
        worker,
        engines::check(&engines),
        engines::confinement(&nexus.inner.confinement),
        sandbox(nexus),
        starter,
        library::check(&library),
    ];
    checks.extend(keys);
    checks.extend([memory(), disk(nexus.inner.data.root())]);
    DoctorReport { checks }
}

fn check(name: &str, status: DoctorStatus, detail: impl Into<String>) -> DoctorCheck {
    DoctorCheck {
        name: name.into(),
        status,
        detail: detail.into(),
    }
}

fn data_folder(nexus: &Nexus) -> DoctorCheck {
    let folder = nexus.inner.data.root().display();
    match nexus.inner.data.probe() {
        Ok(()) => check(
            "Data folder",
            DoctorStatus::Ok,
            format!("{folder} is writable"),
        ),
        Err(error) => check(
            "Data folder",
            DoctorStatus::Missing,
            format!(
                "{folder}: {error}. Make it writable, or set NEXUS_DATA_DIR to another folder."
            ),
        ),
    }
}

fn sandbox(nexus: &Nexus) -> DoctorCheck {
    let view = nexus.sandbox_view();
    let layers: Vec<String> = view
        .layers
        .iter()
        .map(|(name, works, detail)| {
            let state = if *works { "" } else { "no " };
            let detail = match detail.as_str() {
                "" => String::new(),
                detail => format!(" ({detail})"),
            };
            format!("{state}{name}{detail}")
        })
        .collect();
    let layers = layers.join(", ");
    if view.works {
        check("Sandbox", DoctorStatus::Ok, layers)
    } else {
        check(
            "Sandbox",
            DoctorStatus::Warning,
            format!(
                "{} Programs are asked for each time, as not sandboxed. {layers}",
                view.reason
            ),
        )
    }
}

async fn database(nexus: &Nexus) -> DoctorCheck {
    let path = nexus.inner.data.database();
    match nexus.inner.store.integrity_check().await {
        Ok(faults) if faults.is_empty() => check(
            "Database",
            DoctorStatus::Ok,
            format!("{} is whole", path.display()),
        ),
        Ok(faults) => check(
            "Database",
            DoctorStatus::Missing,
            format!(
                "{} is damaged: {}. Copy it away before anything else.",
                path.display(),
                faults.join("; ")
            ),
        ),
        Err(error) => check("Database", DoctorStatus::Missing, error.card().detail),
    }
}

fn settings(nexus: &Nexus) -> DoctorCheck {
    let loaded = nexus.inner.settings.reload();
    let file = nexus.inner.settings.file();
    match loaded.problems.as_slice() {
        [] if file.exists() => check("Settings", DoctorStatus::Ok, file.display().to_string()),
        [] => check(
            "Settings",
            DoctorStatus::Ok,
            format!("defaults; {} is made with the first change", file.display()),
        ),
        problems => {
            let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
            check(
                "Settings",
                DoctorStatus::Missing,
                format!(
                    "{}. Mend it; until then the defaults apply.",
                    all.join("; ")
                ),
            )
        }
    }
}

async fn keychain(nexus: &Nexus) -> DoctorCheck {
    match nexus.inner.keys.proven().await {
        Ok(()) => check(
            "Keychain",
            DoctorStatus::Ok,
            "it keeps what a second process writes",
        ),
        Err(error) => check(
            "Keychain",
            DoctorStatus::Warning,
            format!(
                "{error}. Keys are kept for one run only; start a Secret Service such as gnome-keyring, or set keys as environment variables."
            ),
        ),
    }
}

async fn starter(nexus: &Nexus) -> DoctorCheck {
    let name = STARTER.display_name;
    match nexus.inner.models.starter().await {
        StarterStatus::Missing { reason } => check("Starter model", DoctorStatus::Warning, reason),
        StarterStatus::Available { .. } => {
            let Some(path) = nexus.inner.models.starter_file() else {
                return check("Starter model", DoctorStatus::Warning, "its file went away");
            };
            verified(name, path, "can be installed from").await
        }
        StarterStatus::Installed { .. } => {
            match nexus.inner.models.path(&models::starter_ref()).await {
                Ok(Some(path)) => verified(name, path, "is installed at").await,
                Ok(None) => check("Starter model", DoctorStatus::Warning, "its file went away"),
                Err(card) => check("Starter model", DoctorStatus::Missing, card.detail),
            }
        }
    }
}

async fn verified(name: &str, path: std::path::PathBuf, words: &str) -> DoctorCheck {
    let shown = path.display().to_string();
    match tokio::task::spawn_blocking(move || starter::verify(&path)).await {
        Ok(Ok(())) => check(
            "Starter model",
            DoctorStatus::Ok,
            format!("{name} {words} {shown}; every byte is as it should be"),
        ),
        Ok(Err(error)) => check(
            "Starter model",
            DoctorStatus::Missing,
            format!("{error}. Delete {shown} and install it again."),
        ),
        Err(error) => check("Starter model", DoctorStatus::Missing, error.to_string()),
    }
}

/// A provider in the cloud without a key is no fault, unless the default model is its.
async fn keys(nexus: &Nexus) -> Vec<DoctorCheck> {
    let default = nexus.inner.settings.current().settings.default_model;
    let views = nexus.inner.providers.views().await;
    views
        .into_iter()
        .filter(|view| view.place == ModelPlace::Cloud || view.custom)
        .map(|view| {
            let name = format!("Key for {}", view.name);
            match view.key {
                KeyStatus::NotNeeded => check(&name, DoctorStatus::Ok, "none is needed"),
                KeyStatus::Set { source } => check(&name, DoctorStatus::Ok, from(&source)),
                KeyStatus::Missing => {
                    let used = default.as_ref().is_some_and(|m| m.provider() == view.id);
                    check(
                        &name,
                        if used {
                            DoctorStatus::Missing
                        } else {
                            DoctorStatus::Warning
                        },
                        "none; its models cannot be used until one is set in Settings or the environment",
                    )
                }
            }
        })
        .collect()
}

fn from(source: &KeySource) -> String {
    match source {
        KeySource::Keychain => "in the keychain".into(),
        KeySource::Environment { name } => format!("in the variable {name}"),
        KeySource::ThisRun => "for this run only".into(),
    }
}

fn memory() -> DoctorCheck {
    let remedy = "Close other programs before you use a model on this machine.";
    amount("Free memory", memory::available(), LITTLE_MEMORY, remedy)
}

fn disk(folder: &Path) -> DoctorCheck {
    let disks = sysinfo::Disks::new_with_refreshed_list().ok();
    // The deepest mount point above the folder holds it.
    let free = disks
        .iter()
        .flat_map(|disks| disks.iter())
        .filter(|disk| folder.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().as_os_str().len())
        .map(|disk| disk.available_space());
    amount(
        "Free disk",
        free,
        LITTLE_DISK,
        "Free some space for models and chats.",
    )
}

fn amount(name: &str, free: Option<u64>, little: u64, remedy: &str) -> DoctorCheck {
    let Some(free) = free else {
        return check(name, DoctorStatus::Warning, "it could not be found out");
    };
    let shown = format!("{:.1} GB", free as f64 / 1e9);
    if free < little {
        check(
            name,
            DoctorStatus::Warning,
            format!("only {shown}. {remedy}"),
        )
    } else {
        check(name, DoctorStatus::Ok, shown)
    }
}
