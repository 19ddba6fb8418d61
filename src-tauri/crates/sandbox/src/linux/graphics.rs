//! The device files of graphics processors.
//!
//! Owns: where they are. Refuses to own: who gets them; that is said by the kind of a program.

use std::{
    fs,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

/// Folders below `/dev` that hold devices of graphics processors: Mesa's and AMD's, NVIDIA's.
const FOLDERS: [&str; 2] = ["dri", "nvidia-caps"];

/// The device files below a `/dev`, relative to it.
pub fn devices(dev: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", FOLDERS[0], FOLDERS[1]] {
        for entry in fs::read_dir(dev.join(folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // `renderD128` and the like compute; `card0` could also set the screen's mode.
            let computes = match folder {
                "" => name == "kfd" || name.starts_with("nvidia"),
                "dri" => name.starts_with("renderD"),
                _ => true,
            };
            if computes && entry.file_type().is_ok_and(|kind| kind.is_char_device()) {
                found.push(Path::new(folder).join(&*name));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_files_and_other_devices_are_none() {
        let dev = tempfile::tempdir().unwrap();
        fs::create_dir(dev.path().join("dri")).unwrap();
        for name in ["nvidia0", "dri/renderD128", "null"] {
            fs::write(dev.path().join(name), "").unwrap();
        }
        assert_eq!(devices(dev.path()), Vec::<PathBuf>::new());
        let real = devices(Path::new("/dev"));
        assert!(!real.contains(&PathBuf::from("null")), "{real:?}");
    }
}
