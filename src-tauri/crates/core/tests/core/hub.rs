//! The hub's pages, the catalogue, and the token.

use nexus_core::{CoreOptions, Nexus, SecretString};
use nexus_protocol::{
    ChoiceState, ErrorAction, ErrorCode, FitLabel, Gate, KeyTest, ModelsPlace, SizeGroup,
};
use nexus_test_support::hub::{MODEL, Reply, TOKEN, TestHub};

use super::World;
use crate::gguf_builder::{Entry, tiny};

/// A core whose hub is at this address.
pub async fn at(world: &World, base: &str) -> Nexus {
    Nexus::start(options(world, base)).await.unwrap()
}

pub fn options(world: &World, base: &str) -> CoreOptions {
    let mut options = world.options();
    options.env.insert("NEXUS_HUB_URL".into(), base.into());
    options.downloads.space_margin = 0;
    options.downloads.backoff_base = std::time::Duration::from_millis(2);
    options.downloads.backoff_cap = std::time::Duration::from_millis(20);
    options.downloads.tries = 3;
    options
}

/// Files of three sizes, all sound.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("m-Q2_K.gguf", tiny().bytes()),
        ("m-Q4_K_M.gguf", [tiny().bytes(), vec![0; 200_000]].concat()),
        ("m-Q8_0.gguf", [tiny().bytes(), vec![1; 400_000]].concat()),
        ("m-IQ4_XS.gguf", [tiny().bytes(), vec![2; 150_000]].concat()),
    ]
}

pub async fn hub() -> TestHub {
    let files = files();
    let named: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .collect();
    TestHub::start(&named).await
}

#[tokio::test(flavor = "multi_thread")]
async fn words_names_and_addresses_lead_to_models() {
    let world = World::new();
    let hub = hub().await;
    let nexus = at(&world, &hub.base()).await;
    let page = nexus.models_search("model".into(), None).await.unwrap();
    assert_eq!(page.trouble, None);
    let [model] = page.models.as_slice() else {
        panic!("{page:?}")
    };
    assert_eq!((model.id.as_str(), model.author.as_str()), (MODEL, "maker"));
    assert_eq!((model.downloads, model.likes), (Some(1234), Some(7)));
    assert_eq!(model.license.as_deref(), Some("apache-2.0"));
    assert_eq!(model.gate, Gate::Open);
    for text in [
        MODEL.to_owned(),
        format!("https://huggingface.co/{MODEL}/blob/main/m-Q4_K_M.gguf"),
    ] {
        let page = nexus.models_search(text.clone(), None).await.unwrap();
        assert_eq!(page.models.len(), 1, "{text}");
        assert_eq!(page.file.is_some(), text.contains("blob"), "{text}");
    }
    let error = nexus
        .models_search("https://example.org/a/b".into(), None)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BadInput);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_grouped_judged_and_one_is_recommended() {
    let world = World::new();
    let hub = hub().await;
    let nexus = at(&world, &hub.base()).await;
    let details = nexus.models_details(MODEL.into(), None).await.unwrap();
    let seen: Vec<_> = details
        .choices
        .iter()
        .map(|choice| {
            (
                choice.label.as_str(),
                choice.group,
                choice.recommended,
                choice.unsupported.is_some(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("Q2_K", SizeGroup::Small, false, false),
            ("IQ4_XS", SizeGroup::Balanced, false, true),
            ("Q4_K_M", SizeGroup::Balanced, true, false),
            ("Q8_0", SizeGroup::Large, false, false),
        ]
    );
    // The shape is that of the file's own header: a llama of 512 tokens, whatever the page claims.
    assert_eq!(details.architecture.as_deref(), Some("llama"));
    assert_eq!(
        (details.context_tokens, details.estimated_context),
        (Some(512), 512)
    );
    for choice in &details.choices {
        let estimate = choice.fit.estimate;
        assert!(!estimate.approximate);
        assert_eq!(choice.fit.label, FitLabel::Fits, "{choice:?}");
        assert_eq!(
            estimate.total,
            estimate.weights + estimate.embedding + estimate.kv_cache + estimate.base
        );
        assert_eq!(choice.state, ChoiceState::Absent);
    }
    let shorter = nexus.models_details(MODEL.into(), Some(256)).await.unwrap();
    let cache = |details: &nexus_protocol::HubDetails| details.choices[0].fit.estimate.kv_cache;
    assert_eq!(cache(&shorter) * 2, cache(&details));
    // Where the file cannot be looked into, the shape is guessed from what the page says.
    hub.on_cdn(|_, _, _| Some(Reply::new(500, "")));
    let guessed = nexus.models_details(MODEL.into(), None).await.unwrap();
    assert!(guessed.choices[0].fit.estimate.approximate);
    assert_eq!(guessed.architecture.as_deref(), Some("qwen2"));
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_architecture_is_named_before_anything_is_fetched() {
    let world = World::new();
    let other = Entry::String(b"mamba".to_vec());
    let bytes = tiny().set("general.architecture", other).bytes();
    let hub = TestHub::start(&[("m-Q4_K_M.gguf", &bytes)]).await;
    let nexus = at(&world, &hub.base()).await;
    let details = nexus.models_details(MODEL.into(), None).await.unwrap();
    let [only] = details.choices.as_slice() else {
        panic!("{details:?}")
    };
    assert!(!only.recommended);
    assert!(only.unsupported.as_ref().unwrap().contains("“mamba”"));
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_works_without_a_network() {
    let world = World::new();
    // Nobody listens there.
    let nexus = at(&world, "http://127.0.0.1:9").await;
    let all = nexus.models_search(String::new(), None).await.unwrap();
    assert!(all.models.len() >= 8);
    assert_eq!(all.trouble, None);
    assert!(all.models.iter().all(|model| model.known.is_some()));
    let page = nexus
        .models_search("qwen coder".into(), None)
        .await
        .unwrap();
    assert_eq!(page.models.len(), 1);
    assert_eq!(page.trouble.unwrap().code, ErrorCode::Unreachable);
    let known = &page.models[0];
    let details = nexus.models_details(known.id.clone(), None).await.unwrap();
    assert_eq!(details.choices.len(), 1);
    assert!(details.left_out[0].contains("catalogue"));
    // What it does not know is an error.
    let error = nexus
        .models_details("some/body".into(), None)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Unreachable);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_kept_as_a_key_and_goes_to_the_hub_only() {
    let world = World::new();
    let hub = hub().await;
    let nexus = at(&world, &hub.base()).await;
    let token = ModelsPlace::TOKEN.to_owned();
    nexus
        .key_set(token.clone(), SecretString::from(TOKEN))
        .await
        .unwrap();
    assert_eq!(
        nexus.key_test(token.clone()).await.unwrap(),
        KeyTest::Works { models: 1 }
    );
    nexus.models_details(MODEL.into(), None).await.unwrap();
    let bearer = format!("Bearer {TOKEN}");
    for asked in hub.shared.hub_asked.lock().unwrap().iter() {
        assert_eq!(asked.header("authorization"), Some(bearer.as_str()));
    }
    for asked in hub.shared.cdn_asked.lock().unwrap().iter() {
        assert_eq!(asked.header("authorization"), None);
    }
    // It is no provider of models to talk to.
    let providers = nexus.providers().await.unwrap();
    assert!(providers.iter().all(|provider| provider.id != token));
    // A refused one says where to enter another.
    hub.on_hub(|_, _, _| Some(Reply::new(401, "{}")));
    let KeyTest::Failed { error } = nexus.key_test(token.clone()).await.unwrap() else {
        panic!("it was refused")
    };
    assert_eq!(error.code, ErrorCode::KeyRefused);
    assert_eq!(
        error.action,
        ErrorAction::OpenProvider {
            provider: token.clone()
        }
    );
    nexus.shutdown().await;
    // At another address it is not sent.
    let mirror = self::hub().await;
    let elsewhere = at(&world, &mirror.base()).await;
    let page = elsewhere.models_search("model".into(), None).await.unwrap();
    assert_eq!(page.trouble.unwrap().code, ErrorCode::KeyMissing);
    assert_eq!(mirror.shared.hub_asked.lock().unwrap().len(), 0);
    elsewhere.key_delete(token).await.unwrap();
    let page = elsewhere.models_search("model".into(), None).await.unwrap();
    assert_eq!((page.trouble, page.models.len()), (None, 1));
    assert_eq!(
        mirror.shared.hub_asked.lock().unwrap()[0].header("authorization"),
        None
    );
    elsewhere.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_says_what_to_do() {
    let world = World::new();
    let hub = hub().await;
    hub.on_hub(|asked, _, _| {
        asked
            .path()
            .contains("/tree/")
            .then(|| Reply::new(403, "{}").with("X-Error-Code", "GatedRepo"))
    });
    let nexus = at(&world, &hub.base()).await;
    let error = nexus.models_details(MODEL.into(), None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
    assert!(error.detail.contains(&format!("/{MODEL}")), "{error:?}");
    assert!(matches!(error.action, ErrorAction::OpenProvider { .. }));
    nexus.shutdown().await;
}
