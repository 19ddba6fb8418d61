//! Lists of models, in both dialects and broken.

use nexus_llm::{ModelError, ProviderSpec, Quirks, vendors};
use nexus_protocol::{ModelInfo, ModelPlace, ModelRef, Pricing, ProviderKind};
use nexus_test_support::{Answer, ScriptedServer};
use serde_json::json;

use crate::harness::{provider, provider_with, quick, spec};

fn listed(id: &str, name: &str) -> ModelInfo {
    ModelInfo {
        model: ModelRef::new("scripted", id),
        display_name: name.into(),
        place: ModelPlace::ThisMachine,
        context_tokens: None,
        max_output_tokens: None,
        tools: true,
        images: false,
        pricing: None,
        file_bytes: None,
        quantization: None,
    }
}

fn price(input_per_million: f64, output_per_million: f64) -> Option<Pricing> {
    Some(Pricing {
        input_per_million,
        output_per_million,
    })
}

#[tokio::test]
async fn openrouters_list() {
    let server = ScriptedServer::start();
    let spec = ProviderSpec {
        kind: ProviderKind::Openrouter,
        ..spec(&server.base_url())
    };
    let models = provider_with(spec, quick()).list_models().await;
    let expected = vec![
        ModelInfo {
            context_tokens: Some(2_000_000),
            tools: false,
            images: true,
            ..listed("scripted/auto", "Scripted: Auto Router")
        },
        ModelInfo {
            context_tokens: Some(32_768),
            max_output_tokens: Some(16_384),
            tools: false,
            pricing: price(0.0, 0.0),
            ..listed("scripted/free:free", "Scripted: Free (free)")
        },
        ModelInfo {
            context_tokens: Some(200_000),
            max_output_tokens: Some(16_384),
            images: true,
            pricing: price(3.0, 15.0),
            ..listed("scripted/large", "Scripted: Large")
        },
        ModelInfo {
            context_tokens: Some(131_072),
            max_output_tokens: Some(16_384),
            pricing: price(0.15, 0.6),
            ..listed("scripted/small", "Scripted: Small")
        },
    ];
    assert_eq!(models, Ok(expected));
}

#[tokio::test]
async fn lists_of_compatible_servers() {
    let list = json!({"object": "list", "data": [
        {"id": "text-embedding-3", "object": "model"},
        {"id": "models/groq", "context_window": 131072, "max_completion_tokens": 8192},
        {"id": "vllm", "max_model_len": 4096, "display_name": "V\u{202e}LLM"},
        {"id": "mistral", "max_context_length": 32768, "capabilities": {"completion_chat": true, "function_calling": false, "vision": true}},
        {"id": "mistral-embedder", "capabilities": {"completion_chat": false}},
        {"id": "llamacpp", "meta": {"n_ctx_train": 2048}},
        {"id": "plain"}, {"id": "plain"}, {"id": ""}, {"id": 7}, {"name": "by-name", "context_length": -5}, null, "x",
        {"id": "bad\u{1b}name"}, {"id": "x".repeat(500)},
    ]});
    let server = ScriptedServer::start();
    server.set_models(Answer::json(200, &list));
    let quirks = Quirks {
        model_prefix: Some("models/".into()),
        hide_models: vec!["embedding".into()],
        ..Quirks::default()
    };
    let models = provider(&server.base_url())
        .with_quirks(quirks)
        .list_models()
        .await;
    let expected = vec![
        listed("by-name", "by-name"),
        ModelInfo {
            context_tokens: Some(131_072),
            max_output_tokens: Some(8_192),
            ..listed("groq", "groq")
        },
        ModelInfo {
            context_tokens: Some(2_048),
            ..listed("llamacpp", "llamacpp")
        },
        ModelInfo {
            context_tokens: Some(32_768),
            tools: false,
            images: true,
            ..listed("mistral", "mistral")
        },
        listed("plain", "plain"),
        ModelInfo {
            context_tokens: Some(4_096),
            ..listed("vllm", "VLLM")
        },
    ];
    assert_eq!(models, Ok(expected));
}

#[tokio::test]
async fn anthropics_list_takes_the_key_in_a_header_of_its_own() {
    let server = ScriptedServer::start();
    let anthropic = vendors()
        .iter()
        .find(|vendor| vendor.id == "anthropic")
        .unwrap();
    let provider = provider(&server.base_url()).with_quirks(anthropic.quirks.clone());
    assert!(provider.list_models().await.is_ok());
    let request = &server.requests()[0];
    assert_eq!(request.header("x-api-key"), Some(crate::harness::KEY));
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn lists_that_fail() {
    let bad = |message: &str| ModelError::BadAnswer {
        provider: "scripted".into(),
        message: message.into(),
    };
    let cases = [
        (
            "a page",
            Answer::page(200),
            bad("it sent a web page instead of an answer"),
            1,
        ),
        (
            "a page as text",
            Answer::page(200).header("content-type", "text/plain"),
            bad("it sent a web page instead of a list"),
            1,
        ),
        (
            "no JSON",
            Answer::json(200, &json!(1))
                .header("content-type", "text/plain")
                .send(b"x")
                .framing(nexus_test_support::Framing::UntilClose),
            bad("its list of models is no valid JSON"),
            1,
        ),
        (
            "no list",
            Answer::json(200, &json!({"data": 7})),
            bad("its list of models is no list"),
            1,
        ),
        (
            "too long",
            Answer::stream()
                .header("content-type", "application/json")
                .repeat(&[b' '; 65_536], 300),
            bad("the answer is longer than 16777216 bytes"),
            1,
        ),
        (
            "silence",
            Answer::silence(),
            ModelError::TimedOut {
                provider: "scripted".into(),
                phase: nexus_llm::Phase::Headers,
            },
            2,
        ),
        (
            "down",
            Answer::error(503, "no"),
            ModelError::ProviderDown {
                provider: "scripted".into(),
                status: 503,
                message: "no".into(),
            },
            2,
        ),
        (
            "key",
            Answer::error(401, "no"),
            ModelError::KeyRefused {
                provider: "scripted".into(),
                message: "no".into(),
            },
            1,
        ),
    ];
    for (name, answer, expected, requests) in cases {
        let server = ScriptedServer::start();
        server.set_models(answer);
        assert_eq!(
            provider(&server.base_url()).list_models().await,
            Err(expected),
            "{name}"
        );
        assert_eq!(server.requests().len(), requests, "{name}");
    }
}
