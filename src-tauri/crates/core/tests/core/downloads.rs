//! From the hub to a model that can be used, through cuts, restarts and lies.

use std::{path::Path, time::Duration};

use nexus_core::Nexus;
use nexus_protocol::{
    AppEvent, ChoiceState, Download, DownloadId, DownloadRequest, DownloadStatus, ErrorCode,
    ModelRef,
};
use nexus_test_support::hub::{MODEL, Reply, TestHub};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    World,
    hub::{at, files, hub, options},
};
use crate::gguf_builder::tiny;

const PATIENCE: Duration = Duration::from_secs(30);

pub fn request(file: &str) -> DownloadRequest {
    DownloadRequest {
        model: MODEL.into(),
        file: file.into(),
        revision: None,
    }
}

/// Events of one download until it is as wanted.
pub async fn until(
    events: &mut UnboundedReceiver<AppEvent>,
    id: DownloadId,
    wanted: impl Fn(&Download) -> bool,
) -> Vec<Download> {
    let mut seen = Vec::new();
    loop {
        let event = tokio::time::timeout(PATIENCE, events.recv())
            .await
            .unwrap_or_else(|_| panic!("it does not come to that: {seen:?}"))
            .expect("the core runs");
        if let AppEvent::DownloadChanged { download } = event
            && download.id == id
        {
            let there = wanted(&download);
            seen.push(download);
            if there {
                return seen;
            }
        }
    }
}

/// Until it rests; the last state.
pub async fn rest(events: &mut UnboundedReceiver<AppEvent>, id: DownloadId) -> Download {
    let seen = until(events, id, |download| download.status.rests()).await;
    seen.into_iter().last().unwrap()
}

/// A slow hub, and a download from it that has begun.
pub async fn one_under_way() -> (World, TestHub, Nexus, UnboundedReceiver<AppEvent>, Download) {
    let world = World::new();
    let hub = hub().await;
    hub.slow_down(6_000, Duration::from_millis(20));
    let nexus = at(&world, &hub.base()).await;
    let mut events = nexus.subscribe_app();
    let one = nexus.download_start(request("m-Q8_0.gguf")).await.unwrap();
    until(&mut events, one.id, |now| now.received > 0).await;
    (world, hub, nexus, events, one)
}

pub async fn locals(nexus: &Nexus) -> Vec<ModelRef> {
    let library = nexus.models_local().await.unwrap();
    assert_eq!(library.broken, []);
    library
        .models
        .into_iter()
        .map(|view| view.info.model)
        .collect()
}

/// Names in the models folder, hidden ones too.
pub fn in_folder(world: &World) -> Vec<String> {
    names_in(&world.data.join("models"))
}

/// Names of what a folder holds, in order.
pub fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_becomes_a_model_and_goes_again() {
    let world = World::new();
    let hub = hub().await;
    let nexus = at(&world, &hub.base()).await;
    let mut events = nexus.subscribe_app();
    let details = nexus.models_details(MODEL.into(), None).await.unwrap();
    let choice = details
        .choices
        .iter()
        .find(|choice| choice.recommended)
        .unwrap();
    let started = nexus
        .download_start(DownloadRequest {
            model: details.model.id.clone(),
            file: choice.file.clone(),
            revision: Some(details.revision.clone()),
        })
        .await
        .unwrap();
    assert_eq!(
        (started.total, started.label.as_str()),
        (choice.bytes, "Q4_K_M")
    );
    let done = rest(&mut events, started.id).await;
    let model = ModelRef("local/m-q4_k_m".into());
    assert_eq!(
        done.status,
        DownloadStatus::Done {
            model: model.clone()
        }
    );
    assert_eq!(done.received, done.total);
    assert_eq!(in_folder(&world), ["m-q4_k_m"]);
    let library = nexus.models_local().await.unwrap();
    let [view] = library.models.as_slice() else {
        panic!("{library:?}")
    };
    assert_eq!(view.info.model, model);
    assert!(!view.linked && !view.loaded && view.measured.is_none());
    let origin = view.origin.clone().unwrap();
    assert_eq!(
        (origin.model.as_str(), origin.file),
        (MODEL, choice.file.clone())
    );
    // The hub's page knows it, and it is not fetched again.
    let details = nexus.models_details(MODEL.into(), None).await.unwrap();
    let here = details.choices.iter().find(|c| c.file == choice.file);
    assert_eq!(
        here.unwrap().state,
        ChoiceState::Here {
            model: model.clone()
        }
    );
    let asked = hub.fetched();
    let again = nexus.download_start(request(&choice.file)).await.unwrap();
    assert_eq!(again.status, done.status);
    assert_eq!(hub.fetched(), asked);
    // Off the list, the model stays.
    nexus.download_cancel(started.id).await.unwrap();
    assert_eq!(nexus.downloads().await.unwrap(), []);
    assert_eq!(locals(&nexus).await, std::slice::from_ref(&model));
    let removed = nexus.model_remove(model).await.unwrap();
    assert_eq!(
        (removed.bytes_freed, removed.still_elsewhere),
        (choice.bytes, false)
    );
    assert_eq!(in_folder(&world), [""; 0]);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_and_a_restart_keep_what_came() {
    let world = World::new();
    let hub = hub().await;
    hub.slow_down(6_000, Duration::from_millis(20));
    let nexus = at(&world, &hub.base()).await;
    let mut events = nexus.subscribe_app();
    let file = "m-Q8_0.gguf";
    let started = nexus.download_start(request(file)).await.unwrap();
    until(&mut events, started.id, |now| now.received > 0).await;
    let details = nexus.models_details(MODEL.into(), None).await.unwrap();
    let choice = details.choices.iter().find(|c| c.file == file).unwrap();
    assert_eq!(
        choice.state,
        ChoiceState::Downloading {
            download: started.id
        }
    );
    let paused = nexus.download_pause(started.id).await.unwrap();
    assert_eq!(paused.status, DownloadStatus::Paused);
    assert!(
        paused.received > 0 && paused.received < paused.total,
        "{paused:?}"
    );
    assert_eq!(locals(&nexus).await, []);
    // On with it, and in the middle the program ends.
    nexus.download_resume(started.id).await.unwrap();
    until(&mut events, started.id, |now| {
        now.received > paused.received && now.status == DownloadStatus::Fetching
    })
    .await;
    nexus.shutdown().await;

    let nexus = at(&world, &hub.base()).await;
    let [found] = nexus.downloads().await.unwrap().try_into().unwrap();
    assert_eq!(
        (found.id, &found.status),
        (started.id, &DownloadStatus::Paused)
    );
    assert!(found.received >= paused.received && found.received < found.total);
    hub.hurry();
    let asked = hub.fetched();
    let mut events = nexus.subscribe_app();
    // The same wish is the same download.
    let resumed = nexus.download_start(request(file)).await.unwrap();
    assert_eq!(resumed.id, started.id);
    let done = rest(&mut events, started.id).await;
    assert!(
        matches!(done.status, DownloadStatus::Done { .. }),
        "{done:?}"
    );
    let from = hub.shared.cdn_asked.lock().unwrap()[asked..]
        .iter()
        .filter_map(|asked| asked.range())
        .map(|(start, _)| start)
        .min();
    assert!(from.unwrap() > 0, "it began anew");
    let bytes = std::fs::read(world.data.join("models/m-q8_0/m-Q8_0.gguf")).unwrap();
    assert_eq!(bytes, files()[2].1);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_one_leaves_nothing() {
    let (world, _hub, nexus, _events, started) = one_under_way().await;
    nexus.download_cancel(started.id).await.unwrap();
    assert_eq!(nexus.downloads().await.unwrap(), []);
    assert_eq!(in_folder(&world), [""; 0]);
    assert_eq!(
        nexus.download_resume(started.id).await.unwrap_err().code,
        ErrorCode::BadInput
    );
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_bytes_are_never_a_model() {
    let world = World::new();
    let hub = hub().await;
    // The right length and a sound header, but not what was promised.
    hub.on_cdn(|asked, _, hub| {
        let honest = hub.plain(asked);
        let mut bytes = honest.bytes();
        if let Some(last) = bytes.last_mut() {
            *last ^= 0xff;
        }
        Some(Reply {
            body: nexus_test_support::hub::Body::Bytes(bytes),
            ..honest
        })
    });
    let nexus = at(&world, &hub.base()).await;
    let mut events = nexus.subscribe_app();
    let started = nexus
        .download_start(request("m-Q4_K_M.gguf"))
        .await
        .unwrap();
    let ended = rest(&mut events, started.id).await;
    let DownloadStatus::Failed { error } = ended.status else {
        panic!("{ended:?}")
    };
    assert_eq!(error.code, ErrorCode::BadAnswer);
    assert!(error.detail.contains("SHA-256"), "{error:?}");
    assert_eq!(locals(&nexus).await, []);
    assert!(!world.data.join("models/m-q4_k_m").exists());
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_cannot_run_is_removed_again() {
    let world = World::new();
    let hub = TestHub::start(&[("m-Q4_K_M.gguf", b"GGUF, but no more than that")]).await;
    let nexus = at(&world, &hub.base()).await;
    let mut events = nexus.subscribe_app();
    let started = nexus
        .download_start(request("m-Q4_K_M.gguf"))
        .await
        .unwrap();
    let ended = rest(&mut events, started.id).await;
    let DownloadStatus::Failed { error } = ended.status else {
        panic!("{ended:?}")
    };
    assert_eq!(error.code, ErrorCode::NotGguf);
    assert_eq!(in_folder(&world), [""; 0]);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_before_anything_is_fetched() {
    let world = World::new();
    let hub = hub().await;
    let mut options = options(&world, &hub.base());
    options.downloads.free_space = |_| Ok(1000);
    let nexus = Nexus::start(options).await.unwrap();
    let mut events = nexus.subscribe_app();
    let started = nexus
        .download_start(request("m-Q4_K_M.gguf"))
        .await
        .unwrap();
    let ended = rest(&mut events, started.id).await;
    let DownloadStatus::Failed { error } = ended.status else {
        panic!("{ended:?}")
    };
    assert_eq!(error.code, ErrorCode::Storage);
    assert!(error.detail.contains("1000 bytes free"), "{error:?}");
    assert_eq!(hub.fetched(), 0);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_that_fetch_the_same_share_it() {
    let world = World::new();
    let hub = hub().await;
    hub.slow_down(12_000, Duration::from_millis(20));
    let base = hub.base();
    let (one, two) = tokio::join!(at(&world, &base), at(&world, &base));
    let (mut first, mut second) = (one.subscribe_app(), two.subscribe_app());
    let file = "m-Q8_0.gguf";
    let begun = one.download_start(request(file)).await.unwrap();
    until(&mut first, begun.id, |now| now.received > 0).await;
    let joined = two.download_start(request(file)).await.unwrap();
    assert_eq!(joined.id, begun.id);
    let seen = until(&mut second, begun.id, |now| now.status.rests()).await;
    assert!(
        seen.iter()
            .any(|now| now.status == DownloadStatus::Elsewhere),
        "{seen:?}"
    );
    let model = ModelRef("local/m-q8_0".into());
    let done = DownloadStatus::Done {
        model: model.clone(),
    };
    assert_eq!(seen.last().unwrap().status, done);
    assert_eq!(rest(&mut first, begun.id).await.status, done);
    assert_eq!(in_folder(&world), ["m-q8_0"]);
    let sent: u64 = hub
        .shared
        .cdn_asked
        .lock()
        .unwrap()
        .iter()
        .filter_map(|asked| asked.range())
        .map(|(start, end)| end - start)
        .sum();
    assert!(sent < begun.total * 3 / 2, "it was fetched twice");
    one.shutdown().await;
    two.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_on_the_hub_is_begun_anew() {
    let (world, hub, nexus, mut events, started) = one_under_way().await;
    nexus.download_pause(started.id).await.unwrap();
    let newer = [tiny().bytes(), vec![9; 300_000]].concat();
    hub.put("m-Q8_0.gguf", &newer);
    hub.hurry();
    let again = nexus.download_start(request("m-Q8_0.gguf")).await.unwrap();
    assert_ne!(again.id, started.id);
    let done = rest(&mut events, again.id).await;
    assert!(
        matches!(done.status, DownloadStatus::Done { .. }),
        "{done:?}"
    );
    assert_eq!(in_folder(&world), ["m-q8_0"]);
    assert_eq!(
        std::fs::read(world.data.join("models/m-q8_0/m-Q8_0.gguf")).unwrap(),
        newer
    );
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_fetched_is_refused_at_once() {
    let world = World::new();
    let hub = hub().await;
    let nexus = at(&world, &hub.base()).await;
    for (model, file, code) in [
        (MODEL, "missing.gguf", ErrorCode::NotFound),
        ("some/body", "m.gguf", ErrorCode::NotFound),
        ("no name", "m.gguf", ErrorCode::BadInput),
        (MODEL, "m-IQ4_XS.gguf", ErrorCode::UnsupportedQuantization),
    ] {
        let error = nexus
            .download_start(DownloadRequest {
                model: model.into(),
                file: file.into(),
                revision: None,
            })
            .await
            .unwrap_err();
        assert_eq!(error.code, code, "{model} {file}: {error:?}");
    }
    assert_eq!(in_folder(&world), [""; 0]);
    nexus.shutdown().await;
}
