//! The catalogue and model files.

use nexus_core::Nexus;
use nexus_protocol::{
    ErrorCard, ErrorCode, ImportMode, ModelInfo, ModelPlace, ModelRef, NewSession, StarterStatus,
};
use nexus_test_support::Answer;

use super::World;
use crate::gguf_builder::tiny;

async fn import(nexus: &Nexus, file: std::path::PathBuf) -> Result<ModelInfo, ErrorCard> {
    nexus.model_import(file, ImportMode::Either).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_asked_for_once_and_a_broken_one_is_named() {
    let world = World::new();
    let nexus = world.start_with_key().await;
    let catalog = nexus.models(false).await.unwrap();
    assert_eq!(catalog.failures, []);
    assert_eq!(catalog.cloud, []);
    assert!(!catalog.local.is_empty());
    for info in &catalog.local {
        assert_eq!(
            (info.place, info.model.provider()),
            (ModelPlace::ThisMachine, "scripted")
        );
    }
    let asked = world.server.requests().len();
    assert_eq!(nexus.models(false).await.unwrap(), catalog);
    assert_eq!(world.server.requests().len(), asked);
    assert_eq!(nexus.models(true).await.unwrap(), catalog);
    assert!(world.server.requests().len() > asked);
    world.server.set_models(Answer::page(200));
    let broken = nexus.models(true).await.unwrap();
    assert_eq!(broken.local, []);
    let [failure] = broken.failures.as_slice() else {
        panic!("{broken:?}")
    };
    assert_eq!(
        (failure.provider.as_str(), failure.error.code),
        ("scripted", ErrorCode::BadAnswer)
    );
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_chosen_and_removed() {
    let world = World::new();
    let file = world
        .data
        .write("elsewhere/My Model (Q4).gguf", tiny().bytes());
    let nexus = world.start().await;
    let info = import(&nexus, file.clone()).await.unwrap();
    assert_eq!(info.model, ModelRef("local/my-model-q4".into()));
    assert_eq!(info.display_name, "Tiny");
    let inside = world.data.join("models/my-model-q4/my-model-q4.gguf");
    assert_eq!(std::fs::read(&inside).unwrap(), tiny().bytes());
    // The same file is the same model; another one of the same name is another.
    assert_eq!(import(&nexus, file.clone()).await.unwrap(), info);
    let other = world.data.write("other/My Model (Q4).gguf", tiny().bytes());
    let second = import(&nexus, other).await.unwrap();
    assert_eq!(second.model, ModelRef("local/my-model-q4-2".into()));
    let local: Vec<_> = nexus
        .models(false)
        .await
        .unwrap()
        .local
        .into_iter()
        .map(|i| i.model.0)
        .filter(|m| m.starts_with("local/"))
        .collect();
    assert_eq!(local, ["local/my-model-q4", "local/my-model-q4-2"]);

    let session = nexus.session_create(NewSession::default()).await.unwrap();
    nexus
        .model_select(Some(session.id), info.model.clone())
        .await
        .unwrap();
    assert_eq!(
        nexus.settings().await.unwrap().settings.default_model,
        Some(info.model.clone())
    );
    assert_eq!(
        nexus.snapshot(session.id).await.unwrap().session.model,
        Some(info.model.clone())
    );
    let removed = nexus.model_remove(info.model.clone()).await.unwrap();
    // It was a link: the user's own file keeps the bytes.
    assert_eq!((removed.bytes_freed, removed.still_elsewhere), (0, true));
    assert!(!inside.parent().unwrap().exists());
    assert!(file.exists(), "the user's own file went");
    assert_eq!(nexus.settings().await.unwrap().settings.default_model, None);
    for error in [
        nexus.model_remove(info.model.clone()).await.unwrap_err(),
        nexus.model_select(None, info.model).await.unwrap_err(),
    ] {
        assert_eq!(error.code, ErrorCode::ModelMissing);
    }
    let error = nexus
        .model_remove(ModelRef("scripted/x".into()))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BadInput);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_models_are_refused_and_leave_nothing() {
    let world = World::new();
    let nexus = world.start().await;
    let sound = tiny().bytes();
    for (name, bytes, code) in [
        ("empty.gguf", vec![], ErrorCode::NotGguf),
        ("text.gguf", b"GGUF? no".to_vec(), ErrorCode::NotGguf),
        (
            "cut.gguf",
            sound[..sound.len() / 2].to_vec(),
            ErrorCode::NotGguf,
        ),
        (
            "claim.gguf",
            [b"GGUF\x03\0\0\0".as_slice(), &[0xff; 64]].concat(),
            ErrorCode::NotGguf,
        ),
    ] {
        let file = world.data.write(name, bytes);
        let error = import(&nexus, file).await.unwrap_err();
        assert_eq!(error.code, code, "{name}: {error:?}");
    }
    let error = import(&nexus, world.data.join("missing.gguf"))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::FileMissing);
    let error = import(&nexus, world.data.path().to_path_buf())
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotGguf);
    assert_eq!(
        std::fs::read_dir(world.data.join("models"))
            .unwrap()
            .count(),
        0
    );
    // One that lies in the folder all the same has its error in the list, and the others are there.
    world.data.write("models/bad/bad.gguf", b"nothing");
    world.data.write("models/good/good.gguf", tiny().bytes());
    let catalog = nexus.models(false).await.unwrap();
    let [failure] = catalog.failures.as_slice() else {
        panic!("{catalog:?}")
    };
    assert_eq!(
        (failure.provider.as_str(), failure.error.code),
        ("local", ErrorCode::NotGguf)
    );
    assert!(
        catalog
            .local
            .iter()
            .any(|info| info.model.0 == "local/good")
    );
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_starter_that_is_not_what_it_should_be_is_not_installed() {
    let world = World::new();
    let options = nexus_core::CoreOptions {
        starter: vec![
            world.data.join("no-such-file"),
            world.data.write("starter.gguf", tiny().bytes()),
        ],
        ..world.options()
    };
    let nexus = nexus_core::Nexus::start(options).await.unwrap();
    assert!(matches!(
        nexus.bootstrap().await.unwrap().starter,
        StarterStatus::Available { .. }
    ));
    let error = nexus.starter_install().await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotGguf);
    assert_eq!(
        std::fs::read_dir(world.data.join("models"))
            .unwrap()
            .count(),
        0
    );
    nexus.shutdown().await;
    let nexus = world.start().await;
    assert!(matches!(
        nexus.bootstrap().await.unwrap().starter,
        StarterStatus::Missing { .. }
    ));
    assert_eq!(
        nexus.starter_install().await.unwrap_err().code,
        ErrorCode::ModelMissing
    );
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_import_left_is_cleaned_up() {
    let world = World::new();
    world.data.write("models/.import-0123/half.gguf", b"half");
    let nexus = world.start().await;
    assert!(!world.data.join("models/.import-0123").exists());
    nexus.shutdown().await;
}
