//! Models that are folders: listed as one, taken in, removed, watched, found in the Hugging Face cache, and run.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nexus_core::{CoreOptions, Nexus};
use nexus_protocol::{
    AppEvent, DoctorStatus, ErrorCode, FitLabel, FoundApp, ImportMode, ModelRef, NewSession,
};

use super::World;
use crate::model_folder::{CONTEXT, ModelFolder, llama, qwen2_5_vl, qwen3_embedding};

fn local(name: &str) -> ModelRef {
    ModelRef::new(ModelRef::LOCAL, name)
}

fn put(world: &World, place: &str, model: &ModelFolder) -> PathBuf {
    let path = world.data.join(place);
    model.write(&path);
    path
}

/// All files below, by name and size.
fn size(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                size(&path)
            } else {
                path.metadata().unwrap().len()
            }
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_one_model_and_a_broken_one_says_why() {
    let world = World::new();
    let sees = put(&world, "models/sees", &qwen2_5_vl());
    put(&world, "models/plain", &llama());
    put(&world, "models/half", &llama());
    fs::rename(
        world.data.join("models/half/model.safetensors"),
        world
            .data
            .join("models/half/model-00001-of-00002.safetensors"),
    )
    .unwrap();
    let (uqff, residue) = llama().uqff();
    let packed = put(&world, "models/packed", &llama());
    fs::remove_file(packed.join("model.safetensors")).unwrap();
    fs::write(packed.join("f16-0.uqff"), uqff).unwrap();
    fs::write(packed.join("residual.safetensors"), residue).unwrap();
    let nexus = world.start().await;
    let library = nexus.models_local().await.unwrap();
    let seen: Vec<_> = library
        .models
        .iter()
        .map(|view| {
            assert_eq!(view.fit.label, FitLabel::Fits, "{:?}", view.fit);
            let estimate = view.fit.estimate;
            assert_eq!(
                estimate.total,
                estimate.weights + estimate.embedding + estimate.kv_cache + estimate.base
            );
            assert_eq!(view.info.context_tokens, Some(CONTEXT));
            (
                view.info.model.0.as_str(),
                view.info.quantization.as_deref().unwrap_or_default(),
                view.skills.vision,
                view.linked,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("local/packed", "UQFF F16", false, false),
            ("local/plain", "F32", false, false),
            ("local/sees", "F32", true, false),
        ]
    );
    let [broken] = library.broken.as_slice() else {
        panic!("{:?}", library.broken)
    };
    assert_eq!(broken.model, local("half"));
    assert!(
        broken
            .error
            .detail
            .contains("part 2 of the 2 parts of its weights is missing"),
        "{broken:?}"
    );
    assert!(broken.bytes > 1000, "{broken:?}");
    let report = nexus.doctor().await.unwrap();
    let models = report.checks.iter().find(|check| check.name == "Models");
    let models = models.unwrap();
    assert_eq!(models.status, DoctorStatus::Warning);
    assert!(
        models
            .detail
            .starts_with("3 can be used, 1 cannot. local/half: "),
        "{models:?}"
    );
    // What is changed in a folder is seen without a start.
    fs::write(sees.join("tokenizer.json"), "no JSON").unwrap();
    let library = nexus.models_local().await.unwrap();
    assert_eq!(library.broken.len(), 2, "{library:?}");
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_taken_in_and_removed_by_link_and_by_copy() {
    let world = World::new();
    let theirs = put(&world, "elsewhere/My Model 0.5B", &llama());
    fs::write(theirs.join("README.md"), "words").unwrap();
    fs::create_dir(theirs.join("onnx")).unwrap();
    fs::write(theirs.join("onnx/model.onnx"), "another form of it").unwrap();
    let nexus = world.start().await;
    let name = local("my-model-0.5b");
    let inside = world.data.join("models/my-model-0.5b");

    let info = nexus
        .model_import(theirs.clone(), ImportMode::Link)
        .await
        .unwrap();
    assert_eq!(
        (&info.model, info.display_name.as_str()),
        (&name, "my-model-0.5b")
    );
    assert!(inside.join("README.md").is_file() && !inside.join("onnx").exists());
    // Again, and by one of its files: the same model.
    for path in [
        theirs.clone(),
        theirs.join("model.safetensors"),
        theirs.join("config.json"),
    ] {
        let again = nexus.model_import(path, ImportMode::Either).await.unwrap();
        assert_eq!(again.model, name);
    }
    let library = nexus.models_local().await.unwrap();
    assert!(library.models[0].linked && library.models.len() == 1);
    let removed = nexus.model_remove(name.clone()).await.unwrap();
    assert_eq!((removed.bytes_freed, removed.still_elsewhere), (0, true));
    assert!(!inside.exists() && theirs.join("model.safetensors").is_file());

    let info = nexus
        .model_import(theirs.clone(), ImportMode::Copy)
        .await
        .unwrap();
    assert_eq!(info.model, name);
    let bytes = size(&inside);
    assert_eq!(nexus.models_place().await.unwrap().used_bytes, bytes);
    let removed = nexus.model_remove(name.clone()).await.unwrap();
    assert_eq!(
        (removed.bytes_freed, removed.still_elsewhere),
        (bytes, false)
    );
    assert!(!inside.exists() && theirs.is_dir());
    assert_eq!(fs::read_dir(world.data.join("models")).unwrap().count(), 0);

    // One that is no model is refused, and nothing of it stays.
    fs::remove_file(theirs.join("tokenizer.json")).unwrap();
    let error = nexus
        .model_import(theirs, ImportMode::Either)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotGguf);
    assert!(
        error.detail.contains("tokenizer.json is missing"),
        "{error:?}"
    );
    assert_eq!(fs::read_dir(world.data.join("models")).unwrap().count(), 0);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_uqff_brings_what_it_needs() {
    let world = World::new();
    let theirs = put(&world, "elsewhere/tiny", &llama());
    let (uqff, residue) = llama().uqff();
    fs::write(theirs.join("f16-0.uqff"), &uqff).unwrap();
    fs::write(theirs.join("f16b-0.uqff"), uqff).unwrap();
    fs::write(theirs.join("residual.safetensors"), residue).unwrap();
    let nexus = world.start().await;
    let info = nexus
        .model_import(theirs.join("f16-0.uqff"), ImportMode::Copy)
        .await
        .unwrap();
    assert_eq!(
        (info.model, info.quantization.as_deref()),
        (local("tiny"), Some("UQFF F16"))
    );
    let inside = world.data.join("models/tiny");
    assert!(inside.join("residual.safetensors").is_file());
    assert!(!inside.join("model.safetensors").exists() && !inside.join("f16b-0.uqff").exists());
    // Two in one folder are two models, and the rest stays until the last one goes.
    fs::copy(theirs.join("f16b-0.uqff"), inside.join("f16b-0.uqff")).unwrap();
    let names = |library: nexus_protocol::LocalModels| -> Vec<String> {
        let models = library.models.into_iter();
        models.map(|view| view.info.model.0).collect()
    };
    let library = nexus.models_local().await.unwrap();
    assert_eq!(names(library), ["local/tiny/f16", "local/tiny/f16b"]);
    let freed = nexus
        .model_remove(local("tiny/f16"))
        .await
        .unwrap()
        .bytes_freed;
    assert_eq!(
        freed,
        fs::metadata(theirs.join("f16-0.uqff")).unwrap().len()
    );
    assert!(inside.join("config.json").is_file());
    assert_eq!(names(nexus.models_local().await.unwrap()), ["local/tiny"]);
    nexus.model_remove(local("tiny")).await.unwrap();
    assert!(!inside.exists());
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_vectors_is_listed_and_not_offered_for_chats() {
    let world = World::new();
    put(&world, "models/vectors", &qwen3_embedding());
    let nexus = world.start().await;
    let catalog = nexus.models(false).await.unwrap();
    assert_eq!(catalog.embedding.len(), 1);
    assert_eq!(catalog.embedding[0].model, local("vectors"));
    assert!(
        catalog
            .local
            .iter()
            .all(|info| info.model != local("vectors"))
    );
    let library = nexus.models_local().await.unwrap();
    assert!(library.models[0].skills.embedding);
    let error = nexus
        .model_select(None, local("vectors"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code, error.title.as_str()),
        (ErrorCode::BadInput, "This model cannot chat")
    );
    let new = NewSession {
        model: Some(local("vectors")),
        ..NewSession::default()
    };
    assert!(nexus.session_create(new).await.is_err());
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_put_there_appears_and_one_that_is_removed_goes() {
    let world = World::new();
    let nexus = world.start().await;
    let mut events = nexus.subscribe_app();
    let mut until = async |names: &[&str]| {
        let wait = async {
            loop {
                let library = nexus.models_local().await.unwrap();
                let models = library.models.into_iter();
                let seen: Vec<String> = models.map(|view| view.info.model.0).collect();
                if seen == names {
                    return;
                }
                while events.recv().await.expect("the core runs") != AppEvent::LocalModelsChanged {}
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait)
            .await
            .expect("the folder is watched");
    };
    // The watch begins beside; what comes before it is in the first list anyway.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let put = put(&world, "models/new", &llama());
    until(&["local/new"]).await;
    fs::remove_dir_all(put).unwrap();
    until(&[]).await;
    nexus.shutdown().await;
}

/// As the Hugging Face cache keeps a model: a snapshot of links to blobs.
#[cfg(unix)]
fn cached(world: &World, repository: &str, model: &ModelFolder) -> PathBuf {
    let written = put(world, "written", model);
    let root = world
        .data
        .join("home/.cache/huggingface/hub")
        .join(repository);
    let (blobs, snapshot) = (root.join("blobs"), root.join("snapshots/0123abcd"));
    fs::create_dir_all(&blobs).unwrap();
    let mut open = vec![written.clone()];
    let mut number = 0;
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(&written).unwrap();
            let link = snapshot.join(name);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            number += 1;
            fs::rename(&path, blobs.join(format!("{repository}-{number}"))).unwrap();
            let up = "../".repeat(name.components().count() + 1);
            let target = format!("{up}blobs/{repository}-{number}");
            std::os::unix::fs::symlink(target, link).unwrap();
        }
    }
    fs::remove_dir_all(written).unwrap();
    snapshot
}

#[cfg(unix)]
fn with_home(world: &World) -> CoreOptions {
    let mut options = world.options();
    let home = world.data.join("home").display().to_string();
    options.env.insert("HOME".into(), home);
    options
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn folders_of_the_hugging_face_cache_are_found_and_taken_in() {
    let world = World::new();
    let text = cached(&world, "models--maker--tiny-0.1B", &llama());
    cached(&world, "models--maker--vectors", &qwen3_embedding());
    // Of this one another program fetched the settings only, and of that one the weights are of no use here.
    world.data.write(
        "home/.cache/huggingface/hub/models--maker--settings/snapshots/1/config.json",
        "{}",
    );
    let mut strange = llama();
    strange.set(
        "architectures",
        serde_json::json!(["WhisperForConditionalGeneration"]),
    );
    cached(&world, "models--maker--strange", &strange);
    let nexus = Nexus::start(with_home(&world)).await.unwrap();
    let found = nexus.models_found().await.unwrap();
    let seen: Vec<_> = found
        .iter()
        .map(|model| {
            (
                model.app,
                model.name.as_str(),
                model.problem.as_ref().map(|p| p.code),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (
                FoundApp::HuggingFace,
                "maker/strange",
                Some(ErrorCode::UnsupportedArchitecture)
            ),
            (FoundApp::HuggingFace, "maker/tiny-0.1B", None),
            (FoundApp::HuggingFace, "maker/vectors", None),
        ]
    );
    assert!(found[1].bytes > 1000);
    let info = nexus
        .model_take(found[1].path.clone().into())
        .await
        .unwrap();
    assert_eq!(info.model, local("maker-tiny-0.1b"));
    nexus
        .model_take(found[2].path.clone().into())
        .await
        .unwrap();
    let inside = world
        .data
        .join("models/maker-vectors/1_Pooling/config.json");
    assert!(inside.is_file() && !inside.is_symlink());
    let found = nexus.models_found().await.unwrap();
    assert_eq!(found[1].here, Some(info.model.clone()));
    let removed = nexus.model_remove(info.model.clone()).await.unwrap();
    assert!(removed.still_elsewhere && text.join("model.safetensors").is_file());
    // Copied, it has the name of its repository, not of its commit.
    let copied = nexus.model_import(text, ImportMode::Copy).await.unwrap();
    assert_eq!(copied.model, info.model);
    nexus.shutdown().await;
}

/// A link to a whole snapshot, as people make them who have no room twice.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_folder_is_a_model_and_goes_alone() {
    let world = World::new();
    let snapshot = cached(&world, "models--maker--tiny", &llama());
    let link = world.data.join("models/mine");
    fs::create_dir_all(world.data.join("models")).unwrap();
    std::os::unix::fs::symlink(&snapshot, &link).unwrap();
    let nexus = world.start().await;
    let library = nexus.models_local().await.unwrap();
    assert!(library.models[0].linked, "{library:?}");
    assert_eq!(library.models[0].info.model, local("mine"));
    let removed = nexus.model_remove(local("mine")).await.unwrap();
    assert_eq!((removed.bytes_freed, removed.still_elsewhere), (0, true));
    assert!(!link.is_symlink() && snapshot.join("model.safetensors").is_file());
    std::os::unix::fs::symlink("/nowhere/at/all", &link).unwrap();
    let library = nexus.models_local().await.unwrap();
    assert_eq!(library.broken[0].error.code, ErrorCode::FileMissing);
    nexus.model_remove(local("mine")).await.unwrap();
    assert!(!link.is_symlink());
    nexus.shutdown().await;
}
