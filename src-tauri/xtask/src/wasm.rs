//! What compiles Rust for WASM: the toolchain's own target, one that rustup adds, or a distribution's second compiler.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    command, packages,
    place::{self, on_path},
    progress::Outcome,
    work::Work,
};

/// The target's name.
pub const TRIPLE: &str = "wasm32-unknown-unknown";

/// Debian's second compiler, with the sources of its standard library, and a linker.
const SECOND_COMPILER: [&str; 3] = ["rustc-web", "rust-web-src", "lld"];
const SECOND_RUSTC: &str = "/usr/bin/rustc";
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);

/// What compiles for WASM here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WasmCompiler {
    /// The toolchain has the target's standard library.
    Toolchain,
    /// Another compiler, which builds the standard library from its sources.
    Second {
        /// The compiler.
        rustc: PathBuf,
        /// What links.
        linker: PathBuf,
    },
}

impl WasmCompiler {
    /// Makes a command that runs cargo use it.
    pub fn apply(&self, command: &mut Command) {
        if let Self::Second { rustc, linker } = self {
            command
                .env("RUSTC", rustc)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                .env_remove("RUSTC_WRAPPER");
        }
    }

    /// What identifies it, for fingerprints.
    ///
    /// # Errors
    /// When the compiler cannot say its version.
    pub fn identity(&self) -> Result<String> {
        match self {
            Self::Toolchain => place::rustc(&["-vV"]),
            Self::Second { rustc, .. } => command::capture(Command::new(rustc).arg("-vV")),
        }
    }
}

/// Step: find one, or get one.
pub fn find(work: &mut Work) -> Result<Outcome> {
    if toolchain_has_target()? {
        work.wasm = Some(WasmCompiler::Toolchain);
        return Ok(Outcome::UpToDate);
    }
    // Before rustup: where it failed once it would fail again, slowly, on every run.
    if let Some(second) = second_compiler()? {
        println!("the toolchain has no {TRIPLE}; {SECOND_RUSTC} compiles it");
        work.wasm = Some(second);
        return Ok(Outcome::UpToDate);
    }
    let rustup = if on_path("rustup").is_some() {
        let mut add = command::clean("rustup");
        add.args(["target", "add", TRIPLE]);
        command::run_within(&mut add, RUSTUP_LIMIT)
    } else {
        Err(anyhow::anyhow!("rustup is not installed"))
    };
    let rustup_said = match rustup {
        Ok(()) if toolchain_has_target()? => {
            work.wasm = Some(WasmCompiler::Toolchain);
            return Ok(Outcome::Done);
        }
        Ok(()) => "rustup added the target to another toolchain".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    println!("{rustup_said}; trying the distribution's second compiler");
    if packages::apt_here() {
        packages::apt_install(&SECOND_COMPILER)?;
        if let Some(second) = second_compiler()? {
            work.wasm = Some(second);
            return Ok(Outcome::DoneWith(
                "the distribution's second compiler".to_owned(),
            ));
        }
    }
    bail!(
        "no compiler for {TRIPLE}: {rustup_said}. Run `rustup target add {TRIPLE}` (or install the distribution's package of that target) and start again"
    )
}

fn toolchain_has_target() -> Result<bool> {
    // rustc answers for targets whose library is not installed, too: look for the library.
    let folder = place::rustc(&["--print", "target-libdir", "--target", TRIPLE])?;
    Ok(holds_standard_library(Path::new(&folder)))
}

fn holds_standard_library(folder: &Path) -> bool {
    folder.read_dir().is_ok_and(|mut files| {
        files.any(|file| {
            file.is_ok_and(|file| {
                let name = file.file_name().to_string_lossy().into_owned();
                name.starts_with("libstd-") && name.ends_with(".rlib")
            })
        })
    })
}

fn second_compiler() -> Result<Option<WasmCompiler>> {
    let rustc = PathBuf::from(SECOND_RUSTC);
    if !cfg!(target_os = "linux") || !rustc.is_file() {
        return Ok(None);
    }
    let Ok(root) = command::capture(Command::new(&rustc).args(["--print", "sysroot"])) else {
        return Ok(None);
    };
    if !Path::new(root.trim())
        .join("lib/rustlib/src/rust/library/std")
        .is_dir()
    {
        return Ok(None);
    }
    Ok(linker()?.map(|linker| WasmCompiler::Second { rustc, linker }))
}

fn linker() -> Result<Option<PathBuf>> {
    let sysroot = place::rustc(&["--print", "sysroot"])?;
    let version = place::rustc(&["-vV"])?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("`rustc -vV` names no host")?;
    let bundled = Path::new(&sysroot)
        .join("lib/rustlib")
        .join(host)
        .join("bin")
        .join(format!("rust-lld{}", env::consts::EXE_SUFFIX));
    Ok(if bundled.is_file() {
        Some(bundled)
    } else {
        on_path("wasm-ld")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn only_the_second_compiler_changes_the_environment() {
        let environment = |compiler: WasmCompiler| {
            let mut command = Command::new("trunk");
            compiler.apply(&mut command);
            command
                .get_envs()
                .map(|(name, value)| {
                    (
                        name.to_string_lossy().into_owned(),
                        value.map(|v| v.to_string_lossy().into_owned()),
                    )
                })
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(environment(WasmCompiler::Toolchain), BTreeMap::new());
        let second = WasmCompiler::Second {
            rustc: "/usr/bin/rustc".into(),
            linker: "/x/rust-lld".into(),
        };
        let set = |value: &str| Some(value.to_owned());
        assert_eq!(
            environment(second),
            BTreeMap::from([
                ("RUSTC".to_owned(), set("/usr/bin/rustc")),
                ("RUSTC_BOOTSTRAP".to_owned(), set("1")),
                (
                    "CARGO_UNSTABLE_BUILD_STD".to_owned(),
                    set("std,panic_abort")
                ),
                (
                    "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER".to_owned(),
                    set("/x/rust-lld")
                ),
                ("RUSTC_WRAPPER".to_owned(), None),
            ])
        );
    }
}
