use std::{collections::BTreeMap, fs, path::Path};

use super::{Access, View, installation};
use crate::{Kind, Limits, Spec};

fn spec(folder: &Path, temp: &Path) -> Spec {
    Spec {
        argv: vec!["true".to_owned()],
        cwd: folder.to_path_buf(),
        env: BTreeMap::new(),
        folder: Some(folder.to_path_buf()),
        temp: temp.to_path_buf(),
        readable: Vec::new(),
        hidden: Vec::new(),
        network: false,
        limits: Limits::default(),
        kind: Kind::Tool,
    }
}

#[test]
fn the_deepest_tree_decides_and_what_is_hidden_wins() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    for name in [
        "data/keys",
        "data/temp",
        "project/secret",
        "tools/bin",
        "docs",
    ] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(root.join("tools/credentials.toml"), "token").unwrap();
    let mut spec = spec(&root.join("project"), &root.join("data/temp"));
    spec.readable = vec![
        root.join("docs"),
        root.join("data/keys"),
        root.join("absent"),
    ];
    spec.hidden = vec![root.join("data"), root.join("project/secret")];
    spec.env.insert(
        "PATH".to_owned(),
        root.join("tools/bin").display().to_string(),
    );
    let view = View::of(&spec).unwrap();
    let access = |name: &str| view.access(&root.join(name));
    assert_eq!(access("project/src/main.rs"), Some(Access::Write));
    assert_eq!(access("project/secret/key"), Some(Access::Hide));
    assert_eq!(access("data/temp/x"), Some(Access::Write));
    assert_eq!(access("data/keys/x"), Some(Access::Hide));
    assert_eq!(access("docs/x"), Some(Access::Read));
    assert_eq!(access("tools/lib/x"), Some(Access::Read));
    assert_eq!(access("tools/credentials.toml"), Some(Access::Hide));
    assert_eq!(access("elsewhere"), None);
    spec.folder = Some(root.join("data/keys"));
    assert!(View::of(&spec).is_err());
}

#[test]
fn a_home_is_not_an_installation() {
    for (folder, root) in [
        ("/opt/tool/bin", Some("/opt/tool")),
        ("/home/me/.cargo/bin", Some("/home/me/.cargo")),
        ("/root/.pyenv/shims", Some("/root/.pyenv")),
        ("/home/me/bin", None),
        ("/Users/me/bin", None),
        ("/root/bin", None),
        ("/home/me/.local/bin", None),
        ("/bin", None),
        ("/home/me/scripts", None),
    ] {
        assert_eq!(
            installation(Path::new(folder)),
            root.map(Path::new),
            "{folder}"
        );
    }
}
