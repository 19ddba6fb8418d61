//! What a confined program sees of the file system.
//!
//! Owns: the decision which trees it may read, which it may write, and what in them is covered up. Refuses to own: how that is
//! done; `linux/root.rs` builds it of mounts and Landlock rules, `seatbelt.rs` writes it into a profile.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{Kind, Spec, Unavailable};

#[cfg(test)]
mod tests;

/// What is done with a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may be read, and programs in it may be run.
    Read,
    /// It may be read and written, and programs in it may be run.
    Write,
    /// It is covered up.
    Hide,
}

/// What a confined program sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Trees by their true path (no symbolic links in it), parents before children: the deepest one that holds a path decides.
    pub trees: BTreeMap<PathBuf, Access>,
    /// Paths that lead to trees by symbolic links: what was asked for, beside where it truly is.
    pub named: Vec<PathBuf>,
}

/// Where systems keep their programs and what these need. Those that a machine lacks are left out.
#[cfg(not(target_os = "macos"))]
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix/store",
    "/run/current-system",
    "/snap",
    "/sys/devices/system",
    // DNS servers and time zone, which `/etc` may name by links that lead elsewhere.
    "/etc/resolv.conf",
    "/etc/localtime",
];
#[cfg(target_os = "macos")]
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/etc",
    "/opt",
    "/nix/store",
    "/System",
    "/Library",
    "/Applications/Xcode.app",
    "/private/var/db/timezone",
    "/private/var/select",
];

/// What a program needs to run that starts no other: the system's libraries, and none of its programs.
const LIBRARIES: &[&str] = &[
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/nix/store",
    "/sys/devices/system",
    // macOS.
    "/System/Library",
    "/Library/Apple",
    "/private/var/db/timezone",
];

/// What drivers of graphics processors need besides.
const GRAPHICS: &[&str] = &[
    "/opt",
    "/sys",
    "/usr/local/cuda",
    "/usr/share/vulkan",
    "/etc/vulkan",
    "/etc/OpenCL",
    "/Library/GPUBundles",
];

/// Secrets in those trees. Most are closed to ordinary users; whoever runs as root has only this.
const SECRETS: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/NetworkManager/system-connections",
    "/etc/wireguard",
    "/etc/docker",
    "/etc/krb5.keytab",
];

/// Keys that package managers keep in folders that are on the `PATH`, relative to them.
const KEYS: &[&str] = &["credentials", "credentials.toml", "auth.json", ".npmrc"];

impl View {
    /// What the program sees.
    ///
    /// # Errors
    /// [`Unavailable`] where a path is missing or asks for what is hidden.
    pub fn of(spec: &Spec) -> Result<Self, Unavailable> {
        let mut view = Self {
            trees: BTreeMap::new(),
            named: Vec::new(),
        };
        let (system, programs) = match spec.kind {
            Kind::Tool => (SYSTEM.to_vec(), programs(spec)),
            Kind::Worker { gpu: false } => (LIBRARIES.to_vec(), Vec::new()),
            Kind::Worker { gpu: true } => ([LIBRARIES, GRAPHICS].concat(), Vec::new()),
        };
        for path in system {
            view.read(Path::new(path));
        }
        for path in programs {
            let inside = |tree: &PathBuf| path.starts_with(tree);
            if spec.folder.as_ref().is_some_and(inside) || inside(&spec.temp) {
                continue;
            }
            view.read(&path);
            for key in KEYS.iter().map(|key| path.join(key)) {
                if key.exists() {
                    view.hide(&key);
                }
            }
        }
        for path in &spec.readable {
            view.read(path);
        }
        for path in SECRETS.iter().map(Path::new).filter(|path| path.exists()) {
            view.hide(path);
        }
        for path in &spec.hidden {
            view.hide(path);
        }
        let hidden: Vec<PathBuf> = view.paths(Access::Hide);
        if let Some(folder) = &spec.folder {
            view.write(folder, &hidden)?;
        }
        // The private temp folder may lie in the app's own folder, which is hidden: it is the caller's, made for this program.
        view.write(&spec.temp, &[])?;
        view.trees.retain(|path, access| {
            *access != Access::Read || !hidden.iter().any(|hidden| path.starts_with(hidden))
        });
        Ok(view)
    }

    /// The trees with that access.
    pub fn paths(&self, wanted: Access) -> Vec<PathBuf> {
        self.trees
            .iter()
            .filter(|(_, access)| **access == wanted)
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// What may be done with a true path.
    pub fn access(&self, path: &Path) -> Option<Access> {
        path.ancestors()
            .find_map(|parent| self.trees.get(parent))
            .copied()
    }

    fn read(&mut self, path: &Path) {
        // What is missing is no reason to refuse: nothing is opened up by it.
        if let Ok(place) = fs::canonicalize(path)
            && place != Path::new("/")
        {
            if self.access(&place).is_none() {
                self.trees.insert(place, Access::Read);
            }
            self.named.push(path.to_path_buf());
        }
    }

    fn hide(&mut self, path: &Path) {
        // A path that is missing is hidden all the same, where a writable tree would let it be made: see `linux/root.rs`.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        self.trees.insert(place, Access::Hide);
    }

    fn write(&mut self, path: &Path, hidden: &[PathBuf]) -> Result<(), Unavailable> {
        let place = fs::canonicalize(path).map_err(|error| {
            Unavailable(format!("{} cannot be opened: {error}.", path.display()))
        })?;
        if place == Path::new("/") {
            return Err(Unavailable(
                "The whole file system cannot be the folder that a confined program writes."
                    .to_owned(),
            ));
        }
        if let Some(hidden) = hidden.iter().find(|hidden| place.starts_with(hidden)) {
            return Err(Unavailable(format!(
                "{} lies in {}, which is hidden from programs.",
                path.display(),
                hidden.display()
            )));
        }
        // What is asked to be readable inside a writable tree stays writable.
        self.trees
            .retain(|tree, access| *access != Access::Read || !tree.starts_with(&place));
        self.trees.insert(place, Access::Write);
        self.named.push(path.to_path_buf());
        Ok(())
    }
}

/// The folders on the `PATH`, each with the installation that it belongs to: an interpreter in `~/.pyenv/versions/3.12/bin` is
/// nothing without its library beside that `bin`.
fn programs(spec: &Spec) -> Vec<PathBuf> {
    let Some(path) = spec.env.get("PATH") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for folder in std::env::split_paths(path).filter(|folder| folder.is_absolute()) {
        match installation(&folder) {
            Some(root) => found.push(root.to_path_buf()),
            None => found.push(folder.clone()),
        }
        // rustup's programs only start those of the toolchain, which it keeps next door.
        if folder.ends_with(".cargo/bin")
            && let Some(home) = folder.ancestors().nth(2)
        {
            found.push(home.join(".rustup"));
        }
        if folder.ends_with(".local/bin")
            && let Some(local) = folder.parent()
        {
            found.extend(
                ["lib", "share/uv", "share/pipx", "share/mise"].map(|part| local.join(part)),
            );
        }
    }
    found
}

/// The folder that a folder of programs belongs to; none where that would open up a home or the whole system.
fn installation(folder: &Path) -> Option<&Path> {
    let name = folder.file_name()?.to_str()?;
    let root = folder.parent()?;
    let is_home = root.parent().is_none_or(|above| {
        above == Path::new("/home") || above == Path::new("/Users") || above == Path::new("/")
    });
    (["bin", "sbin", "shims", "condabin"].contains(&name)
        && !is_home
        && !root.ends_with(".local")
        && root.join(".config").symlink_metadata().is_err()
        && root.join(".ssh").symlink_metadata().is_err())
    .then_some(root)
}
