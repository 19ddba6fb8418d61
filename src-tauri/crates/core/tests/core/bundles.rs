//! Models of several files: one choice, one download, one model, and gone as one.

use std::time::Duration;

use nexus_core::Nexus;
use nexus_protocol::{ChoiceState, DownloadStatus, ImportMode, ModelRef};
use nexus_test_support::hub::{MODEL, Reply, TestHub};
use serde_json::json;

use super::{
    World,
    downloads::{in_folder, locals, names_in, request, rest, until},
    hub::{at, options},
};
use crate::gguf_builder::{Entry, tiny};

const FIRST: &str = "Q8_0/m-Q8_0-00001-of-00002.gguf";
const SECOND: &str = "Q8_0/m-Q8_0-00002-of-00002.gguf";

/// A sound model in two files, the second one large enough to be in the middle of.
pub fn parts() -> [Vec<u8>; 2] {
    let part = |number: u16, keep: &dyn Fn(&[u8]) -> bool| {
        let mut part = tiny();
        if number > 0 {
            part.entries.clear();
        }
        part.tensors.retain(|tensor| keep(&tensor.name));
        part.set("split.no", Entry::Raw(2, number.to_le_bytes().to_vec()))
            .set("split.count", Entry::Raw(2, vec![2, 0]))
            .set("split.tensors.count", Entry::I32(3))
            .bytes()
    };
    let embedding = b"token_embd.weight";
    [
        [part(0, &|name| name == embedding), vec![7; 300_000]].concat(),
        [part(1, &|name| name != embedding), vec![8; 2_000_000]].concat(),
    ]
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let [first, second] = parts();
    vec![
        (FIRST, first),
        (SECOND, second),
        ("tokenizer.json", vec![b' '; 5_000]),
        ("chat_template.jinja", b"{{ messages }}".to_vec()),
        ("config.json", b"{}".to_vec()),
    ]
}

async fn hub() -> TestHub {
    hub_of(&files()).await
}

/// With llama.cpp, as far as anybody can tell who starts no model.
async fn with_llama(world: &World, base: &str) -> Nexus {
    let mut options = options(world, base);
    options.llama_worker = Some("nexus-worker-llama".into());
    Nexus::start(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_model_is_one_choice_one_download_and_one_model() {
    let world = World::new();
    let hub = hub().await;
    let nexus = with_llama(&world, &hub.base()).await;
    let details = nexus.models_details(MODEL.into(), None).await.unwrap();
    let [choice] = details.choices.as_slice() else {
        panic!("{details:?}")
    };
    let weights: u64 = files()[..2]
        .iter()
        .map(|(_, bytes)| bytes.len() as u64)
        .sum();
    assert_eq!(
        (choice.label.as_str(), choice.files, choice.bytes),
        ("Q8_0", 2, weights)
    );
    assert_eq!((&choice.unsupported, choice.file.as_str()), (&None, FIRST));

    // Stopped in its second file, and the program ends.
    hub.slow_down(10_000, Duration::from_millis(10));
    let mut events = nexus.subscribe_app();
    let started = nexus.download_start(request(FIRST)).await.unwrap();
    assert_eq!(started.total, weights + 5_014);
    until(&mut events, started.id, |now| now.received > 400_000).await;
    let paused = nexus.download_pause(started.id).await.unwrap();
    assert_eq!(paused.status, DownloadStatus::Paused);
    assert_eq!(locals(&nexus).await, [], "one part is no model");
    nexus.shutdown().await;

    let nexus = with_llama(&world, &hub.base()).await;
    let [found] = nexus.downloads().await.unwrap().try_into().unwrap();
    assert_eq!(
        (found.id, found.received, found.total),
        (started.id, paused.received, started.total)
    );
    hub.hurry();
    hub.shared.cdn_asked.lock().unwrap().clear();
    let mut events = nexus.subscribe_app();
    nexus.download_resume(started.id).await.unwrap();
    let done = rest(&mut events, started.id).await;
    let model = ModelRef("local/m-q8_0".into());
    assert_eq!(
        done.status,
        DownloadStatus::Done {
            model: model.clone()
        }
    );
    let again = hub.shared.cdn_asked.lock().unwrap().clone();
    assert!(
        !again.iter().any(|asked| asked.path().contains("00001-of")),
        "the first part was whole"
    );
    assert_eq!(in_folder(&world), ["m-q8_0"]);
    let folder = world.data.join("models/m-q8_0");
    assert_eq!(
        names_in(&folder),
        [
            "chat_template.jinja",
            "m-Q8_0-00001-of-00002.gguf",
            "m-Q8_0-00002-of-00002.gguf",
            "origin.json",
            "tokenizer.json",
        ]
    );
    assert_eq!(locals(&nexus).await, std::slice::from_ref(&model));
    let details = nexus.models_details(MODEL.into(), None).await.unwrap();
    assert_eq!(
        details.choices[0].state,
        ChoiceState::Here {
            model: model.clone()
        }
    );
    let place = nexus.models_place().await.unwrap();
    assert_eq!(place.used_bytes, weights);
    let removed = nexus.model_remove(model).await.unwrap();
    assert_eq!(removed.bytes_freed, weights + 5_014);
    assert_eq!(in_folder(&world), [""; 0]);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companion_that_does_not_come_fails_nothing() {
    let world = World::new();
    let hub = hub().await;
    hub.on_hub(|asked, _, _| {
        (asked.path().contains("/resolve/") && asked.path().ends_with("tokenizer.json"))
            .then(|| Reply::new(500, "no"))
    });
    let nexus = with_llama(&world, &hub.base()).await;
    let mut events = nexus.subscribe_app();
    let started = nexus.download_start(request(FIRST)).await.unwrap();
    let done = rest(&mut events, started.id).await;
    assert!(
        matches!(done.status, DownloadStatus::Done { .. }),
        "{done:?}"
    );
    assert_eq!((done.received, done.trouble), (done.total, None));
    let names = names_in(&world.data.join("models/m-q8_0"));
    assert!(!names.iter().any(|name| name.starts_with("tokenizer")));
    assert!(
        names.contains(&"chat_template.jinja".to_owned()),
        "{names:?}"
    );
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_llama_a_split_model_is_not_fetched() {
    let world = World::new();
    let hub = hub().await;
    let nexus = at(&world, &hub.base()).await;
    let details = nexus.models_details(MODEL.into(), None).await.unwrap();
    let why = details.choices[0].unsupported.as_deref().unwrap();
    assert!(why.contains("2 files"), "{why}");
    nexus.download_start(request(FIRST)).await.unwrap_err();
    assert_eq!(in_folder(&world), [""; 0]);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_model_of_ones_own_comes_in_whole_and_moves_whole() {
    let world = World::new();
    let source = world.data.join("elsewhere");
    std::fs::create_dir(&source).unwrap();
    let [first, second] = parts();
    let path = source.join("My Model-00001-of-00002.gguf");
    std::fs::write(&path, &first).unwrap();
    let nexus = world.start().await;
    let missing = nexus
        .model_import(path.clone(), ImportMode::Copy)
        .await
        .unwrap_err();
    assert!(missing.detail.contains("part 2 of 2"), "{missing:?}");
    std::fs::write(source.join("My Model-00002-of-00002.gguf"), &second).unwrap();
    let info = nexus.model_import(path, ImportMode::Copy).await.unwrap();
    assert_eq!(info.model, ModelRef("local/my-model".into()));
    assert_eq!(info.file_bytes, Some((first.len() + second.len()) as u64));
    assert_eq!(
        names_in(&world.data.join("models/my-model")),
        [
            "my-model-00001-of-00002.gguf",
            "my-model-00002-of-00002.gguf"
        ]
    );
    // Others lie at the top, where somebody put them.
    for (name, bytes) in [
        ("x-00001-of-00002.gguf", &first),
        ("x-00002-of-00002.gguf", &second),
    ] {
        std::fs::write(world.data.join("models").join(name), bytes).unwrap();
    }
    let both = [
        ModelRef("local/my-model".into()),
        ModelRef("local/x".into()),
    ];
    assert_eq!(locals(&nexus).await, both);
    let target = world.data.join("moved");
    nexus.models_move(target.clone()).await.unwrap();
    assert_eq!(
        names_in(&target),
        ["my-model", "x-00001-of-00002.gguf", "x-00002-of-00002.gguf"]
    );
    assert_eq!(locals(&nexus).await, both);
    for model in both {
        nexus.model_remove(model).await.unwrap();
    }
    assert_eq!(names_in(&target), [""; 0]);
    nexus.shutdown().await;
}

/// A file of weights with one tensor.
fn safetensors(name: &str) -> Vec<u8> {
    let header = json!({ name: { "dtype": "BF16", "shape": [4, 32], "data_offsets": [0, 256] } })
        .to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0; 256]);
    bytes
}

fn repository(architecture: &str) -> Vec<(&'static str, Vec<u8>)> {
    let settings = json!({
        "architectures": [architecture], "hidden_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 4, "max_position_embeddings": 512, "torch_dtype": "bfloat16",
    });
    vec![
        ("README.md", b"words".to_vec()),
        ("config.json", settings.to_string().into_bytes()),
        (
            "tokenizer.json",
            json!({ "model": {} }).to_string().into_bytes(),
        ),
        (
            "tokenizer_config.json",
            json!({ "chat_template": "{{ messages }}" })
                .to_string()
                .into_bytes(),
        ),
        (
            "model-00001-of-00002.safetensors",
            safetensors("model.embed_tokens.weight"),
        ),
        (
            "model-00002-of-00002.safetensors",
            safetensors("lm_head.weight"),
        ),
        ("model.safetensors.index.json", b"{}".to_vec()),
    ]
}

async fn hub_of(files: &[(&str, Vec<u8>)]) -> TestHub {
    let named: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .collect();
    TestHub::start(&named).await
}

const WEIGHTS: &str = "model-00001-of-00002.safetensors";

#[tokio::test(flavor = "multi_thread")]
async fn what_its_author_published_becomes_a_folder() {
    let world = World::new();
    let files = repository("LlamaForCausalLM");
    let hub = hub_of(&files).await;
    let nexus = at(&world, &hub.base()).await;
    let details = nexus.models_details(MODEL.into(), None).await.unwrap();
    let [choice] = details.choices.as_slice() else {
        panic!("{details:?}")
    };
    let bytes: u64 = files[1..].iter().map(|(_, bytes)| bytes.len() as u64).sum();
    assert_eq!(
        (choice.label.as_str(), choice.files, choice.bytes),
        ("Original, 16 bits", 6, bytes)
    );
    assert_eq!((&choice.unsupported, choice.recommended), (&None, true));
    assert_eq!(details.architecture.as_deref(), Some("LlamaForCausalLM"));
    assert_eq!(details.context_tokens, Some(512));
    let mut events = nexus.subscribe_app();
    let started = nexus.download_start(request(&choice.file)).await.unwrap();
    assert_eq!(
        (started.label.as_str(), started.total),
        (choice.label.as_str(), bytes)
    );
    let done = rest(&mut events, started.id).await;
    assert_eq!(
        done.status,
        DownloadStatus::Done {
            model: ModelRef("local/model-gguf".into())
        }
    );
    let folder = world.data.join("models/model-gguf");
    let mut expected: Vec<&str> = files[1..].iter().map(|(name, _)| *name).collect();
    expected.push("origin.json");
    expected.sort_unstable();
    assert_eq!(names_in(&folder), expected);
    for (name, bytes) in &files[1..] {
        assert_eq!(&std::fs::read(folder.join(name)).unwrap(), bytes, "{name}");
    }
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_there_whole_or_not_at_all() {
    let world = World::new();
    let hub = hub_of(&repository("LlamaForCausalLM")).await;
    hub.on_hub(|asked, _, _| {
        (asked.path().contains("/resolve/") && asked.path().ends_with("tokenizer_config.json"))
            .then(|| Reply::new(404, "no").with("X-Error-Code", "EntryNotFound"))
    });
    let nexus = at(&world, &hub.base()).await;
    let mut events = nexus.subscribe_app();
    let started = nexus.download_start(request(WEIGHTS)).await.unwrap();
    let ended = rest(&mut events, started.id).await;
    assert!(
        matches!(ended.status, DownloadStatus::Failed { .. }),
        "{ended:?}"
    );
    let names = in_folder(&world);
    assert!(names.iter().all(|name| name.starts_with('.')), "{names:?}");
    // Later it is there, and what came counts.
    hub.on_hub(|_, _, _| None);
    let asked = hub.fetched();
    nexus.download_resume(started.id).await.unwrap();
    let done = rest(&mut events, started.id).await;
    assert!(
        matches!(done.status, DownloadStatus::Done { .. }),
        "{done:?}"
    );
    assert_eq!(hub.fetched(), asked, "the weights were whole");
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_a_kind_that_is_not_known_is_not_fetched() {
    let world = World::new();
    let hub = hub_of(&repository("MambaForCausalLM")).await;
    let nexus = at(&world, &hub.base()).await;
    let details = nexus.models_details(MODEL.into(), None).await.unwrap();
    let why = details.choices[0].unsupported.as_deref().unwrap();
    assert!(why.contains("“MambaForCausalLM”"), "{why}");
    assert!(!details.choices[0].recommended);
    nexus.download_start(request(WEIGHTS)).await.unwrap_err();
    assert_eq!(in_folder(&world), [""; 0]);
    nexus.shutdown().await;
}
