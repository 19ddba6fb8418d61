use std::fs;

use super::super::builder::{ModelFolder, llama, qwen3_embedding};
use super::super::inspect;
use super::*;

#[test]
fn the_first_part_stands_for_all() {
    let names = [
        "q4k-0.uqff",
        "q4k-1.uqff",
        "q4k-12.uqff",
        "whole.uqff",
        "my-model.uqff",
        "x.gguf",
    ];
    let firsts: Vec<&str> = names.into_iter().filter(|n| is_first_uqff(n)).collect();
    assert_eq!(firsts, ["q4k-0.uqff", "whole.uqff", "my-model.uqff"]);
    assert!(is_whole("model.safetensors") && !is_whole("residual.safetensors"));
}

fn names(paths: Vec<PathBuf>, folder: &Path) -> Vec<String> {
    paths
        .into_iter()
        .map(|path| {
            let path = path.strip_prefix(folder).unwrap();
            path.display().to_string().replace('\\', "/")
        })
        .collect()
}

#[test]
fn what_is_not_the_models_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    qwen3_embedding().write(folder);
    for other in [
        "pytorch.gguf",
        "q4k-0.uqff",
        ".gitattributes",
        "onnx/model.onnx",
    ] {
        let path = folder.join(other);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    fs::write(folder.join("README.md"), "words").unwrap();
    assert_eq!(
        names(files(folder), folder),
        [
            "model.safetensors",
            "README.md",
            "config.json",
            "modules.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "1_Pooling/config.json",
        ]
    );
    assert_eq!(names(weight_files(folder), folder), ["model.safetensors"]);
    let chosen = folder.join("q4k-0.uqff");
    assert_eq!(names(weight_files(&chosen), folder), ["q4k-0.uqff"]);
    assert!(!names(files(&chosen), folder).contains(&"model.safetensors".to_owned()));
}

/// As the Hugging Face cache keeps a model: named links to blobs that are not.
#[cfg(unix)]
fn cached(model: &ModelFolder, root: &Path) -> PathBuf {
    let written = root.join("written");
    model.write(&written);
    let (blobs, snapshot) = (root.join("blobs"), root.join("snapshots/0123"));
    fs::create_dir_all(&blobs).unwrap();
    for (number, file) in files(&written).into_iter().enumerate() {
        let name = file.strip_prefix(&written).unwrap();
        let link = snapshot.join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        fs::rename(&file, blobs.join(number.to_string())).unwrap();
        let up = "../".repeat(name.components().count() + 1);
        std::os::unix::fs::symlink(format!("{up}blobs/{number}"), &link).unwrap();
    }
    snapshot
}

#[cfg(unix)]
#[test]
fn where_links_lead_is_known_and_only_to_where_the_weights_are() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = cached(&qwen3_embedding(), dir.path());
    inspect(&snapshot).unwrap();
    let lead: Vec<PathBuf> = linked(&snapshot)
        .into_iter()
        .map(|path| path.canonicalize().unwrap())
        .collect();
    let blobs = dir.path().join("blobs").canonicalize().unwrap();
    assert_eq!(lead.len(), 6);
    assert!(lead.iter().all(|path| path.starts_with(&blobs)), "{lead:?}");

    // A folder of a stranger that would have its worker read something of the user's.
    let secret = dir.path().join("secret.json");
    fs::write(&secret, "{}").unwrap();
    let planted = snapshot.join("generation_config.json");
    std::os::unix::fs::symlink(&secret, &planted).unwrap();
    let error = inspect(&snapshot).unwrap_err().to_string();
    assert!(
        error.contains("generation_config.json is a link to a place where its weights are not"),
        "{error}"
    );
    assert_eq!(linked(&snapshot).len(), 6);
    fs::remove_file(planted).unwrap();
    inspect(&snapshot).unwrap();
}

#[cfg(unix)]
#[test]
fn a_folder_without_links_leads_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    llama().write(dir.path());
    assert_eq!(linked(dir.path()), Vec::<PathBuf>::new());
    let file = dir.path().join("model.gguf");
    fs::write(&file, "x").unwrap();
    assert_eq!(linked(&file), Vec::<PathBuf>::new());
    assert_eq!(files(&file), Vec::<PathBuf>::new());
}

#[test]
fn the_state_follows_each_file() {
    let dir = tempfile::tempdir().unwrap();
    llama().write(dir.path());
    let before = state(dir.path());
    assert!(before.0 > 1000 && before.1.is_some());
    fs::write(dir.path().join("generation_config.json"), "{}").unwrap();
    assert_ne!(state(dir.path()), before);
}
