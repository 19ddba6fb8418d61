//! Where things lie: the checkout, its build folder, and the cache that all checkouts of a user share.
//!
//! Owns paths only; refuses to create, build or fetch anything.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::command;

/// The folders that xtask works in.
#[derive(Clone, Debug)]
pub struct Place {
    /// The checkout: the folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's build folder.
    pub target: PathBuf,
    /// What outlives a checkout: tools, the starter model, built workers.
    pub cache: PathBuf,
    /// The workspace's packages, as cargo names them.
    pub packages: Vec<Package>,
}

/// One package of the workspace.
#[derive(Clone, Debug, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its build targets.
    pub targets: Vec<Target>,
}

/// One build target of a package.
#[derive(Clone, Debug, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// `lib`, `bin`, `test`, `example`, …
    pub kind: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

impl Place {
    /// Asks cargo and the environment.
    ///
    /// # Errors
    /// When cargo cannot read the workspace, or the user has no home folder.
    pub fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let mut ask = command::cargo();
        ask.args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(&manifest);
        let text = command::capture(&mut ask)?;
        let metadata: Metadata =
            serde_json::from_str(&text).context("cargo metadata printed something unexpected")?;
        Ok(Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            cache: cache_folder(&|name| env::var_os(name).map(PathBuf::from))?,
            packages: metadata.packages,
        })
    }

    /// A file of the checkout.
    pub fn file(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// The build folder of the UI: not cargo's own, or Trunk and cargo would wait for each other.
    pub fn ui_target(&self) -> PathBuf {
        self.target.join("ui")
    }

    /// The build folder of the worker, shared by all checkouts: 650 crates, ten minutes.
    pub fn worker_target(&self) -> PathBuf {
        self.cache.join("worker-target")
    }

    /// A release binary of the workspace.
    pub fn release(&self, name: &str) -> PathBuf {
        self.target.join("release").join(executable(name))
    }

    /// Whether a package of the workspace has this build target.
    pub fn has_target(&self, package: &str, kind: &str, name: &str) -> bool {
        self.packages.iter().any(|p| {
            p.name == package
                && p.targets
                    .iter()
                    .any(|t| t.name == name && t.kind.iter().any(|k| k == kind))
        })
    }
}

/// A program's file name on this system.
pub fn executable(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}

/// Finds a program on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(executable(name)))
        .find(|file| file.is_file())
}

/// What rustc prints for `--print WHAT` and more arguments, trimmed.
///
/// # Errors
/// When rustc cannot be run or refuses.
pub fn rustc(args: &[&str]) -> Result<String> {
    let mut ask = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    Ok(command::capture(ask.args(args))?.trim().to_owned())
}

fn cache_folder(variable: &dyn Fn(&str) -> Option<PathBuf>) -> Result<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let base = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        absolute("HOME").map(|home| home.join("Library/Caches"))
    } else {
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
    };
    match base {
        Some(base) => Ok(base.join("nexus-agent-dev")),
        None => bail!(
            "no cache folder: {} is not set to an absolute path; set it",
            if cfg!(windows) {
                "LOCALAPPDATA"
            } else {
                "HOME"
            }
        ),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_cache_follows_xdg_then_home_and_ignores_relative_paths() {
        let with = |xdg: Option<&str>, home: Option<&str>| {
            let (xdg, home) = (xdg.map(PathBuf::from), home.map(PathBuf::from));
            cache_folder(&move |name| match name {
                "XDG_CACHE_HOME" => xdg.clone(),
                "HOME" => home.clone(),
                _ => None,
            })
            .ok()
        };
        assert_eq!(
            [
                with(Some("/x"), Some("/h")),
                with(Some("x"), Some("/h")),
                with(None, Some("/h")),
                with(None, Some("h")),
                with(None, None),
            ],
            [
                Some(PathBuf::from("/x/nexus-agent-dev")),
                Some(PathBuf::from("/h/.cache/nexus-agent-dev")),
                Some(PathBuf::from("/h/.cache/nexus-agent-dev")),
                None,
                None,
            ]
        );
    }
}
