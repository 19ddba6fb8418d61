//! Pinned build tools: installed once in the user's cache, each in a folder of its own, on `PATH` for children only.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use toml_edit::DocumentMut;

use crate::{
    command,
    place::{Place, executable},
    progress::Outcome,
    work::Work,
};

/// A program that cargo can install.
pub struct Tool {
    /// The crate.
    pub package: &'static str,
    /// The program.
    pub program: &'static str,
    /// The version; `None`: the one of the crate `wasm-bindgen` in Cargo.lock, with which it must agree to the digit.
    version: Option<&'static str>,
}

/// Builds the UI. Later ones need a newer Rust than the workspace does.
pub const TRUNK: Tool = Tool {
    package: "trunk",
    program: "trunk",
    version: Some("0.21.14"),
};
/// Used by Trunk, which would download one where it finds none.
pub const WASM_BINDGEN: Tool = Tool {
    package: "wasm-bindgen-cli",
    program: "wasm-bindgen",
    version: None,
};
/// Turns WebDriver calls into a window of the app.
pub const TAURI_DRIVER: Tool = Tool {
    package: "tauri-driver",
    program: "tauri-driver",
    version: Some("2.1.0"),
};
/// Checks licences, bans and sources.
pub const CARGO_DENY: Tool = Tool {
    package: "cargo-deny",
    program: "cargo-deny",
    version: Some("0.20.2"),
};
/// Checks advisories.
pub const CARGO_AUDIT: Tool = Tool {
    package: "cargo-audit",
    program: "cargo-audit",
    version: Some("0.22.2"),
};

const ALL: [&Tool; 5] = [
    &TRUNK,
    &WASM_BINDGEN,
    &TAURI_DRIVER,
    &CARGO_DENY,
    &CARGO_AUDIT,
];

impl Tool {
    fn version(&self, place: &Place) -> Result<String> {
        if let Some(version) = self.version {
            return Ok(version.to_owned());
        }
        let path = place.file("Cargo.lock");
        let text = fs::read_to_string(&path).with_context(|| {
            format!(
                "cannot read {}; `cargo generate-lockfile` makes it",
                path.display()
            )
        })?;
        locked_version(&text, "wasm-bindgen")
    }

    fn folder(&self, place: &Place) -> Result<PathBuf> {
        let name = format!("{}-{}", self.package, self.version(place)?);
        Ok(place.cache.join("tools").join(name))
    }

    /// Where its program is, or will be.
    ///
    /// # Errors
    /// When the version cannot be read from Cargo.lock.
    pub fn path(&self, place: &Place) -> Result<PathBuf> {
        Ok(self
            .folder(place)?
            .join("bin")
            .join(executable(self.program)))
    }
}

/// The version of a crate in the text of a Cargo.lock.
fn locked_version(lock: &str, package: &str) -> Result<String> {
    let lock: DocumentMut = lock.parse().context("Cargo.lock is not TOML")?;
    lock.get("package")
        .and_then(|packages| packages.as_array_of_tables())
        .into_iter()
        .flatten()
        .find(|table| table.get("name").and_then(|name| name.as_str()) == Some(package))
        .and_then(|table| table.get("version")?.as_str().map(str::to_owned))
        .with_context(|| format!("Cargo.lock names no {package}"))
}

/// Folders of the tools' programs.
///
/// # Errors
/// When a version cannot be read from Cargo.lock.
pub fn folders(place: &Place) -> Result<Vec<PathBuf>> {
    ALL.iter()
        .map(|tool| Ok(tool.folder(place)?.join("bin")))
        .collect()
}

/// Installs those that are not there.
///
/// # Errors
/// When cargo cannot install one.
pub fn install(work: &Work, tools: &[&Tool]) -> Result<Outcome> {
    let mut missing = Vec::new();
    for tool in tools {
        if !tool.path(&work.place)?.is_file() {
            missing.push(*tool);
        }
    }
    if missing.is_empty() {
        return Ok(Outcome::UpToDate);
    }
    // They share a build folder, so that what they have in common compiles once.
    let scratch = work.place.cache.join("tools-target");
    for tool in &missing {
        install_one(work, tool, &scratch)?;
    }
    // Best effort: what stays only costs space.
    let _ = fs::remove_dir_all(&scratch);
    Ok(Outcome::Done)
}

fn install_one(work: &Work, tool: &Tool, scratch: &std::path::Path) -> Result<()> {
    let version = tool.version(&work.place)?;
    let folder = tool.folder(&work.place)?;
    let attempt = |locked: bool| {
        let mut cargo = work.cargo(["install", tool.package, "--version"]);
        cargo.arg(format!("={version}")).arg("--root").arg(&folder);
        cargo.arg("--target-dir").arg(scratch).arg("--no-track");
        if locked {
            cargo.arg("--locked");
        }
        // Whole-program optimisation of a tool that runs for a second costs minutes on two cores.
        cargo.env("CARGO_PROFILE_RELEASE_LTO", "off");
        cargo.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
        cargo.env("CARGO_PROFILE_RELEASE_DEBUG", "0");
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
        command::run(&mut cargo)
    };
    // A registry's mirror can lag behind the lock file that the tool was published with.
    if let Err(error) = attempt(true) {
        println!("{error:#}; again without --locked");
        attempt(false).with_context(|| {
            format!(
                "cannot install {} {version}; look at cargo's words above, then try `cargo install {} --version {version} --root {}`",
                tool.package, tool.package, folder.display()
            )
        })?;
    }
    if !tool.path(&work.place)?.is_file() {
        bail!(
            "cargo installed {} but {} is not there",
            tool.package,
            tool.path(&work.place)?.display()
        );
    }
    Ok(())
}

/// Step: what builds the UI.
pub fn build_tools(work: &mut Work) -> Result<Outcome> {
    install(work, &[&TRUNK, &WASM_BINDGEN])
}

/// Step: what drives the window in tests.
pub fn test_tools(work: &mut Work) -> Result<Outcome> {
    if cfg!(target_os = "macos") {
        return Ok(Outcome::NotOnThisSystem(
            "WKWebView has no WebDriver".to_owned(),
        ));
    }
    install(work, &[&TAURI_DRIVER])
}

/// Step: what checks dependencies.
pub fn lint_tools(work: &mut Work) -> Result<Outcome> {
    install(work, &[&CARGO_DENY, &CARGO_AUDIT])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locked_version_is_found_by_its_whole_name() {
        let lock = "version = 4\n[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.70\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(
            (
                locked_version(lock, "wasm-bindgen").unwrap(),
                locked_version(lock, "wasm").map_err(|e| e.to_string())
            ),
            (
                "0.2.130".to_owned(),
                Err("Cargo.lock names no wasm".to_owned())
            )
        );
    }
}
