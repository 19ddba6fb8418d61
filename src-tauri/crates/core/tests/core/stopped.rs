//! What stops a download and is not its own fault: the offline switch, and a gate.

use std::time::Duration;

use nexus_protocol::{DownloadStatus, ErrorAction, ErrorCode, ModelsPlace};
use nexus_test_support::hub::Reply;
use serde_json::json;

use super::{
    World,
    downloads::{one_under_way, request, rest, until},
    hub::{at, hub},
};

#[tokio::test(flavor = "multi_thread")]
async fn going_offline_pauses_and_going_online_goes_on() {
    let (_world, hub, nexus, mut events, one) = one_under_way().await;
    let other = nexus
        .download_start(request("m-Q4_K_M.gguf"))
        .await
        .unwrap();
    // The user's own pause is none of the switch's business.
    nexus.download_pause(other.id).await.unwrap();

    nexus
        .setting_set("offline".into(), json!(true))
        .await
        .unwrap();
    let seen = until(&mut events, one.id, |now| now.trouble.is_some()).await;
    let waiting = seen.last().unwrap();
    assert_eq!(waiting.status, DownloadStatus::Paused);
    assert_eq!(
        waiting.trouble.as_deref(),
        Some("It waits because you are offline, and goes on when you are online again.")
    );
    let asked = hub.fetched();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(hub.fetched(), asked, "nothing is fetched offline");

    hub.hurry();
    nexus
        .setting_set("offline".into(), json!(false))
        .await
        .unwrap();
    let done = rest(&mut events, one.id).await;
    assert!(
        matches!(done.status, DownloadStatus::Done { .. }),
        "{done:?}"
    );
    assert_eq!(done.trouble, None);
    let listed = nexus.downloads().await.unwrap();
    let other = listed.iter().find(|one| one.id == other.id).unwrap();
    assert_eq!(
        (&other.status, &other.trouble),
        (&DownloadStatus::Paused, &None)
    );
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_and_is_paused_by_the_user_stays_paused() {
    let (_world, _hub, nexus, mut events, one) = one_under_way().await;
    let offline = |on: bool| nexus.setting_set("offline".into(), json!(on));
    offline(true).await.unwrap();
    until(&mut events, one.id, |now| now.trouble.is_some()).await;
    let paused = nexus.download_pause(one.id).await.unwrap();
    assert_eq!(paused.trouble, None);
    offline(false).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let listed = nexus.downloads().await.unwrap();
    assert_eq!(listed[0].status, DownloadStatus::Paused);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gated_download_leads_to_where_the_token_is_set() {
    let world = World::new();
    let hub = hub().await;
    hub.on_hub(|asked, _, _| {
        asked
            .path()
            .contains("/resolve/")
            .then(|| Reply::new(401, "{}").with("X-Error-Code", "GatedRepo"))
    });
    let nexus = at(&world, &hub.base()).await;
    let mut events = nexus.subscribe_app();
    let started = nexus.download_start(request("m-Q8_0.gguf")).await.unwrap();
    let ended = rest(&mut events, started.id).await;
    let DownloadStatus::Failed { error } = ended.status else {
        panic!("{ended:?}")
    };
    assert_eq!(error.code, ErrorCode::Forbidden);
    assert_eq!(
        error.action,
        ErrorAction::OpenProvider {
            provider: ModelsPlace::TOKEN.into()
        }
    );
    nexus.shutdown().await;
}
