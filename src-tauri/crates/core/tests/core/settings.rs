//! Settings through the core, and the first-run screen.

use nexus_core::{CoreOptions, Nexus};
use nexus_protocol::{BannerKind, ErrorCode, HighlightClass, ImportMode, Theme};
use serde_json::json;

use super::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_a_banner_and_stays_as_it_is() {
    let world = World::new();
    let broken = "theme = \"dark\"\nauto_title = maybe\n";
    let file = world.data.write("settings.toml", broken);
    let nexus = world.start().await;
    let bootstrap = nexus.bootstrap().await.unwrap();
    let [banner] = bootstrap.banners.as_slice() else {
        panic!("{bootstrap:?}")
    };
    assert_eq!(banner.kind, BannerKind::SettingsBroken);
    assert!(
        banner.text.contains("settings.toml, line 2, column 14"),
        "{banner:?}"
    );
    assert_eq!(bootstrap.settings.settings.theme, Theme::System);
    for error in [
        nexus
            .setting_set("theme".into(), json!("light"))
            .await
            .unwrap_err(),
        nexus.provider_remove("scripted".into()).await.unwrap_err(),
    ] {
        assert!(
            matches!(error.code, ErrorCode::Settings | ErrorCode::BadInput),
            "{error:?}"
        );
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), broken);
    // Mended, without a restart.
    std::fs::write(&file, "theme = \"dark\"\n").unwrap();
    assert_eq!(nexus.bootstrap().await.unwrap().banners, []);
    let view = nexus
        .setting_set("auto_title".into(), json!(false))
        .await
        .unwrap();
    assert_eq!(
        (view.settings.theme, view.settings.auto_title),
        (Theme::Dark, false)
    );
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_run_screen_is_due_until_a_model_is_chosen() {
    let world = World::new();
    std::fs::remove_file(world.data.join("settings.toml")).unwrap();
    let nexus = world.start().await;
    assert!(nexus.bootstrap().await.unwrap().onboarding);
    let file = crate::gguf_builder::tiny().bytes();
    let info = nexus
        .model_import(world.data.write("a.gguf", file), ImportMode::Either)
        .await
        .unwrap();
    nexus.model_select(None, info.model.clone()).await.unwrap();
    let bootstrap = nexus.bootstrap().await.unwrap();
    assert!(!bootstrap.onboarding);
    assert_eq!(bootstrap.settings.settings.default_model, Some(info.model));
    nexus.shutdown().await;
    let chosen = CoreOptions {
        env: [(
            "NEXUS_DEFAULT_MODEL".to_owned(),
            "openrouter/x/y".to_owned(),
        )]
        .into(),
        ..CoreOptions::new(world.data.join("fresh"))
    };
    let nexus = Nexus::start(CoreOptions {
        keychain: world.keychain.clone(),
        ..chosen
    })
    .await
    .unwrap();
    let bootstrap = nexus.bootstrap().await.unwrap();
    assert!(!bootstrap.onboarding);
    assert_eq!(bootstrap.settings.from_environment, ["default_model"]);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_settings_file_is_used_where_one_is_named() {
    let world = World::new();
    let file = world
        .data
        .write("conf/mine.toml", "theme = \"light\" # mine\n");
    let options = CoreOptions {
        config_file: Some(file.clone()),
        ..world.options()
    };
    let nexus = Nexus::start(options).await.unwrap();
    let view = nexus
        .setting_set("theme".into(), json!("dark"))
        .await
        .unwrap();
    assert_eq!(view.file, file.display().to_string());
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "theme = \"dark\" # mine\n"
    );
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_is_coloured_and_images_of_this_machine_are_not_fetched() {
    let world = World::new();
    let nexus = world.start().await;
    let spans = nexus
        .highlight("rust".into(), "fn x() {}".into())
        .await
        .unwrap();
    assert_eq!(
        (spans[0].class, spans[0].text.as_str()),
        (HighlightClass::Keyword, "fn")
    );
    let error = nexus
        .fetch_image(format!("https://127.0.0.1:{}/x.png", world.server.port()))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BadInput);
    assert_eq!(world.server.connections(), 0);
    nexus.shutdown().await;
}
