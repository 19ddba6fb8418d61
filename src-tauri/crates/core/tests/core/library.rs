//! The models folder: what other apps have, what is put there by hand, and where it is.

use std::{path::Path, time::Duration};

use nexus_core::{CoreOptions, Nexus};
use nexus_protocol::{
    AppEvent, BannerKind, DownloadRequest, ErrorCode, FoundApp, ImportMode, ModelRef,
};
use nexus_test_support::hub::MODEL;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    World,
    hub::{at, hub, options},
};
use crate::gguf_builder::tiny;

fn with_home(world: &World) -> CoreOptions {
    let mut options = world.options();
    let home = world.data.join("home").display().to_string();
    options.env.insert("HOME".into(), home);
    options
}

async fn names(nexus: &Nexus) -> Vec<String> {
    let library = nexus.models_local().await.unwrap();
    library
        .models
        .into_iter()
        .map(|view| view.info.model.0)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn models_of_other_apps_are_found_and_taken_in_without_a_copy() {
    let world = World::new();
    let sum = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
    let blob = world.data.write(
        &format!("home/.ollama/models/blobs/sha256-{sum}"),
        tiny().bytes(),
    );
    world.data.write(
        "home/.ollama/models/manifests/registry.ollama.ai/library/tiny/latest",
        format!(
            r#"{{"layers":[{{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:{sum}"}}]}}"#
        ),
    );
    world.data.write(
        "home/.lmstudio/models/maker/repo/broken-Q4_0.gguf",
        "no model",
    );
    let nexus = Nexus::start(with_home(&world)).await.unwrap();
    let found = nexus.models_found().await.unwrap();
    let seen: Vec<_> = found
        .iter()
        .map(|model| (model.app, model.name.as_str(), model.problem.is_some()))
        .collect();
    assert_eq!(
        seen,
        [
            (FoundApp::LmStudio, "maker/broken-Q4_0", true),
            (FoundApp::Ollama, "tiny:latest", false),
        ]
    );
    let info = nexus
        .model_take(found[1].path.clone().into())
        .await
        .unwrap();
    assert_eq!(info.model, ModelRef("local/tiny-latest".into()));
    let library = nexus.models_local().await.unwrap();
    assert!(library.models[0].linked);
    let found = nexus.models_found().await.unwrap();
    assert_eq!(found[1].here, Some(info.model.clone()));
    // Only what was found can be taken.
    let other = world.data.write("secret.gguf", tiny().bytes());
    assert_eq!(
        nexus.model_take(other).await.unwrap_err().code,
        ErrorCode::BadInput
    );
    assert_eq!(
        nexus
            .model_take(found[0].path.clone().into())
            .await
            .unwrap_err()
            .code,
        ErrorCode::NotGguf
    );
    let removed = nexus.model_remove(info.model).await.unwrap();
    assert!(removed.still_elsewhere && blob.is_file());
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_frees_its_bytes_and_a_link_does_not() {
    let world = World::new();
    let file = world.data.write("elsewhere/mine.gguf", tiny().bytes());
    let nexus = world.start().await;
    let bytes = tiny().bytes().len() as u64;
    let info = nexus
        .model_import(file.clone(), ImportMode::Copy)
        .await
        .unwrap();
    assert_eq!(nexus.models_place().await.unwrap().used_bytes, bytes);
    let removed = nexus.model_remove(info.model).await.unwrap();
    assert_eq!(
        (removed.bytes_freed, removed.still_elsewhere),
        (bytes, false)
    );
    let info = nexus
        .model_import(file.clone(), ImportMode::Link)
        .await
        .unwrap();
    let removed = nexus.model_remove(info.model).await.unwrap();
    assert_eq!((removed.bytes_freed, removed.still_elsewhere), (0, true));
    assert!(file.is_file());
    // One that cannot be used can be removed too.
    world.data.write("models/bad/bad.gguf", "nothing");
    let library = nexus.models_local().await.unwrap();
    assert_eq!(library.broken[0].model, ModelRef("local/bad".into()));
    nexus
        .model_remove(library.broken[0].model.clone())
        .await
        .unwrap();
    assert!(!world.data.join("models/bad").exists());
    nexus.shutdown().await;
}

async fn changed(events: &mut UnboundedReceiver<AppEvent>) {
    let wait = async {
        loop {
            if events.recv().await.expect("the core runs") == AppEvent::LocalModelsChanged {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .expect("the folder is watched");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_there_appears_and_what_is_removed_goes() {
    let world = World::new();
    let nexus = world.start().await;
    let mut events = nexus.subscribe_app();
    // The watch begins beside; what comes before it is in the first list anyway.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let loose = world.data.write("models/loose.gguf", tiny().bytes());
    changed(&mut events).await;
    assert_eq!(names(&nexus).await, ["local/loose"]);
    let folder = world.data.write("models/new/new.gguf", tiny().bytes());
    changed(&mut events).await;
    std::fs::remove_file(loose).unwrap();
    std::fs::remove_file(folder).unwrap();
    changed(&mut events).await;
    // Two changes may come as two events: the last one is true.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(names(&nexus).await, [""; 0]);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_moves_with_all_that_is_in_it() {
    let world = World::new();
    let hub = hub().await;
    let nexus = at(&world, &hub.base()).await;
    let file = world.data.write("elsewhere/mine.gguf", tiny().bytes());
    nexus.model_import(file, ImportMode::Copy).await.unwrap();
    // A download on its way comes along, once it rests.
    hub.slow_down(500, Duration::from_millis(20));
    let started = nexus
        .download_start(DownloadRequest {
            model: MODEL.into(),
            file: "m-Q8_0.gguf".into(),
            revision: None,
        })
        .await
        .unwrap();
    let to = world.data.join("other/models");
    let busy = nexus.models_move(to.clone()).await.unwrap_err();
    assert_eq!(busy.code, ErrorCode::Busy);
    nexus.download_pause(started.id).await.unwrap();
    let place = nexus.models_move(to.clone()).await.unwrap();
    let to = to.canonicalize().unwrap();
    assert_eq!(Path::new(&place.folder), to);
    assert!(!place.fixed);
    assert_eq!(names(&nexus).await, ["local/mine"]);
    assert!(to.join("mine/mine.gguf").is_file());
    assert!(!world.data.join("models/mine").exists());
    let downloads = nexus.downloads().await.unwrap();
    assert_eq!(downloads.len(), 1);
    assert_eq!(downloads[0].id, started.id);
    for bad in [to.join("below"), "relative".into()] {
        assert_eq!(
            nexus.models_move(bad).await.unwrap_err().code,
            ErrorCode::BadInput
        );
    }
    nexus.shutdown().await;
    // The next run finds all of it.
    let nexus = at(&world, &hub.base()).await;
    assert_eq!(names(&nexus).await, ["local/mine"]);
    assert_eq!(nexus.downloads().await.unwrap().len(), 1);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_fixes_the_folder_and_a_missing_one_is_said() {
    let world = World::new();
    world.data.write("named/m/m.gguf", tiny().bytes());
    let hub = hub().await;
    let mut options = options(&world, &hub.base());
    let named = world.data.join("named");
    options
        .env
        .insert("NEXUS_MODELS_DIR".into(), named.display().to_string());
    let nexus = Nexus::start(options.clone()).await.unwrap();
    assert_eq!(names(&nexus).await, ["local/m"]);
    assert!(nexus.models_place().await.unwrap().fixed);
    let error = nexus
        .models_move(world.data.join("other"))
        .await
        .unwrap_err();
    assert!(error.detail.contains("NEXUS_MODELS_DIR"), "{error:?}");
    nexus.shutdown().await;
    // A file is in the way of the folder: the app starts, and says so.
    let file = world.data.write("file", "x").join("models");
    options
        .env
        .insert("NEXUS_MODELS_DIR".into(), file.display().to_string());
    let nexus = Nexus::start(options).await.unwrap();
    let banners = nexus.bootstrap().await.unwrap().banners;
    assert!(
        banners
            .iter()
            .any(|banner| banner.kind == BannerKind::StorageBroken
                && banner.text.contains("models folder")),
        "{banners:?}"
    );
    nexus.shutdown().await;
}
