//! The real worker with models that are folders, tiny ones that the tests write themselves.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use nexus_llm::{LocalError, ModelError, ModelEvent};
use nexus_protocol::{
    ChatMessage, ChatRequest, FinishReason, ImageData, ModelInfo, ModelRef, Usage, UserPart,
};
use nexus_worker_client::gguf::Weights;
use nexus_worker_client::{LocalEngine, ModelFile, WeightsPolicy, WorkerOptions};
use serde_json::json;
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

use super::{ONE_AT_A_TIME, path_from};
use crate::model_folder::{CONTEXT, HIDDEN, ModelFolder, llama, qwen2_5_vl, qwen3_embedding};

struct Bench {
    _turn: MutexGuard<'static, ()>,
    engine: LocalEngine,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        Self::holding(WeightsPolicy::Auto).await
    }

    async fn holding(weights: WeightsPolicy) -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        let folder = tempfile::tempdir().unwrap();
        let scratch = folder.path().join("scratch");
        let mut options = WorkerOptions::new(path_from("NEXUS_WORKER"), scratch);
        options.weights = weights;
        Self {
            _turn: turn,
            engine: LocalEngine::new(options),
            folder,
        }
    }

    fn written(&self, model: &ModelFolder) -> PathBuf {
        let path = self.folder.path().join("model");
        model.write(&path);
        path
    }

    async fn ask(&self, path: &Path, request: ChatRequest) -> Vec<Result<ModelEvent, ModelError>> {
        self.engine
            .model(path.to_owned(), info(path))
            .stream(request, CancellationToken::new())
            .collect()
            .await
    }

    /// What it said, and what it read and wrote.
    async fn answer(&self, path: &Path, request: ChatRequest) -> (String, Usage) {
        let events = self.ask(path, request).await;
        let text = events
            .iter()
            .filter_map(|event| match event {
                Ok(ModelEvent::Text(text)) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        match events.last() {
            Some(Ok(ModelEvent::Finished {
                reason: FinishReason::Length,
                usage: Some(usage),
            })) => (text, *usage),
            other => panic!("it ended with {other:?}"),
        }
    }

    async fn vectors(&self, path: &Path, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        let token = CancellationToken::new();
        let embeddings = self
            .engine
            .embed(path.to_owned(), &info(path), texts, token)
            .await?;
        assert!(embeddings.tokens > 0);
        Ok(embeddings.vectors)
    }
}

fn info(path: &Path) -> ModelInfo {
    ModelFile::inspect(path)
        .unwrap()
        .model_info(ModelRef::new(ModelRef::LOCAL, "tiny"), "Tiny".to_owned())
}

/// Twelve tokens, always the likeliest.
fn asked(parts: Vec<UserPart>) -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage::User { parts }],
        max_output_tokens: Some(12),
        temperature: Some(0.0),
        ..ChatRequest::default()
    }
}

fn text(words: &str) -> UserPart {
    UserPart::Text {
        text: words.to_owned(),
    }
}

/// Stripes of two colours.
fn picture(side: u32, one: [u8; 3], other: [u8; 3]) -> UserPart {
    let image = RgbImage::from_fn(side, side, |x, _| {
        Rgb(if x / 8 % 2 == 0 { one } else { other })
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(image)
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    UserPart::Image {
        image: ImageData {
            media_type: "image/png".to_owned(),
            base64: STANDARD.encode(bytes.get_ref()),
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_safetensors_loads_and_answers() {
    let bench = Bench::new().await;
    let path = bench.written(&llama());
    let (said, usage) = bench.answer(&path, asked(vec![text("Hello")])).await;
    assert_eq!(usage.output_tokens, 12);
    assert!(
        said.len() == 12 && said.bytes().all(|b| b.is_ascii_lowercase()),
        "{said:?}"
    );
    assert_eq!(bench.engine.loaded(), Some(path.clone()));
    let (again, _) = bench.answer(&path, asked(vec![text("Hello")])).await;
    assert_eq!(again, said);
    let (other, _) = bench
        .answer(&path, asked(vec![text("Goodbye, my friend")]))
        .await;
    assert_ne!(other, said);
    bench.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_sees_answers_by_what_it_sees() {
    let bench = Bench::new().await;
    let path = bench.written(&qwen2_5_vl());
    assert!(info(&path).images);
    let question = || text("What is it?");
    let (blind, without) = bench.answer(&path, asked(vec![question()])).await;
    let red = || picture(112, [255, 0, 0], [0, 0, 0]);
    let green = || picture(112, [0, 255, 0], [255, 255, 255]);
    let (of_red, with) = bench.answer(&path, asked(vec![red(), question()])).await;
    let (of_green, _) = bench.answer(&path, asked(vec![green(), question()])).await;
    let (red_again, _) = bench.answer(&path, asked(vec![red(), question()])).await;
    assert_eq!(red_again, of_red);
    assert_ne!(of_red, of_green);
    assert_ne!(of_red, blind);
    // 112 pixels are four squares of 28 in a row, and one mark stands before and behind them.
    assert_eq!(with.input_tokens, without.input_tokens + 16 + 2);
    // A second one in the same conversation, and words after it.
    let (_, two) = bench
        .answer(&path, asked(vec![red(), green(), question()]))
        .await;
    assert_eq!(two.input_tokens, without.input_tokens + 2 * (16 + 2));
    bench.engine.shutdown().await;
}

/// What a model with quantized weights says differs a little; what it was asked decides all the same.
#[tokio::test(flavor = "multi_thread")]
async fn weights_are_quantized_while_they_are_read() {
    for model in [llama(), qwen2_5_vl()] {
        let bench = Bench::holding(WeightsPolicy::Always(Weights::Packed)).await;
        let path = bench.written(&model);
        let (said, _) = bench.answer(&path, asked(vec![text("Hello")])).await;
        let (other, _) = bench.answer(&path, asked(vec![text("Bye")])).await;
        assert_eq!(said.len(), 12);
        assert_ne!(said, other);
        let (again, _) = bench.answer(&path, asked(vec![text("Hello")])).await;
        assert_eq!(again, said);
        bench.engine.shutdown().await;
    }
    let bench = Bench::holding(WeightsPolicy::Always(Weights::Packed)).await;
    let path = bench.written(&qwen3_embedding());
    let vectors = bench.vectors(&path, &["The sea", "Snow"]).await.unwrap();
    assert_ne!(vectors[0], vectors[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn uqff_says_what_the_same_weights_say_in_safetensors() {
    let bench = Bench::new().await;
    let path = bench.written(&llama());
    let (said, _) = bench.answer(&path, asked(vec![text("Hello")])).await;

    let (uqff, residue) = llama().uqff();
    std::fs::remove_file(path.join("model.safetensors")).unwrap();
    std::fs::write(path.join("f16-0.uqff"), &uqff).unwrap();
    std::fs::write(path.join("residual.safetensors"), residue).unwrap();
    let (of_uqff, _) = bench.answer(&path, asked(vec![text("Hello")])).await;
    assert_eq!(of_uqff, said);
    // By the path of the file, too.
    let (by_file, _) = bench
        .answer(&path.join("f16-0.uqff"), asked(vec![text("Hello")]))
        .await;
    assert_eq!(by_file, said);
    bench.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_are_none_are_refused_and_the_worker_goes_on() {
    let bench = Bench::new().await;
    let path = bench.written(&qwen2_5_vl());
    let broken = UserPart::Image {
        image: ImageData {
            media_type: "image/png".to_owned(),
            base64: STANDARD.encode(b"no image at all"),
        },
    };
    let events = bench.ask(&path, asked(vec![broken, text("?")])).await;
    match events.last() {
        Some(Err(ModelError::RequestRefused { message, .. })) => {
            assert!(message.contains("image 1 cannot be read"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    // Sizes that the engine itself would panic at.
    for side in [1, 20, 3000] {
        let image = picture(side, [9, 9, 9], [200, 10, 10]);
        bench.answer(&path, asked(vec![image, text("?")])).await;
    }
    bench.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_become_vectors_of_length_one() {
    let bench = Bench::new().await;
    let path = bench.written(&qwen3_embedding());
    let texts = ["The sea", "A mountain", "The sea"];
    let vectors = bench.vectors(&path, &texts).await.unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in &vectors {
        assert_eq!(vector.len(), HIDDEN);
        let length: f32 = vector.iter().map(|number| number * number).sum();
        assert!((length.sqrt() - 1.0).abs() < 1e-3, "{length}");
    }
    assert_eq!(vectors[0], vectors[2]);
    let product: f32 = vectors[0].iter().zip(&vectors[1]).map(|(a, b)| a * b).sum();
    assert!(product < 0.99, "{product}");
    // The order of questions changes nothing.
    let alone = bench.vectors(&path, &["A mountain"]).await.unwrap();
    assert_eq!(alone[0], vectors[1]);

    // Too long for the model, and too long for anything.
    let long = "word ".repeat(1000);
    let error = bench.vectors(&path, &[&long]).await.unwrap_err();
    assert_eq!(
        error,
        ModelError::ContextOverflow {
            needed: 5000,
            limit: CONTEXT
        }
    );
    let endless = "a".repeat(1 << 20);
    let error = bench.vectors(&path, &[&endless]).await.unwrap_err();
    assert!(
        matches!(error, ModelError::RequestRefused { .. }),
        "{error:?}"
    );
    bench.vectors(&path, &["It goes on"]).await.unwrap();
    bench.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_model_refuses_what_it_cannot_do() {
    let bench = Bench::new().await;
    let path = bench.written(&llama());
    let error = bench.vectors(&path, &["Hello"]).await.unwrap_err();
    assert!(
        matches!(error, ModelError::RequestRefused { .. }),
        "{error:?}"
    );
    bench.answer(&path, asked(vec![text("It goes on")])).await;
    drop(bench);

    let bench = Bench::new().await;
    let path = bench.written(&qwen3_embedding());
    let events = bench.ask(&path, asked(vec![text("Hello")])).await;
    assert!(
        matches!(events.last(), Some(Err(ModelError::RequestRefused { .. }))),
        "{events:?}"
    );
    bench.vectors(&path, &["It goes on"]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_check_lets_through_and_the_engine_refuses_is_typed() {
    let mut lacking = llama();
    lacking.tensors.remove("model.layers.1.mlp.up_proj.weight");
    let mut misshapen = llama();
    misshapen.set("hidden_size", json!(48));
    let mut unknown = llama();
    unknown.set("hidden_act", json!("no such thing"));
    let mut wordless = llama();
    wordless.json("tokenizer.json", &json!({ "model": 3 }));
    for (name, model) in [
        ("lacking", lacking),
        ("misshapen", misshapen),
        ("unknown", unknown),
        ("wordless", wordless),
    ] {
        let bench = Bench::new().await;
        let path = bench.written(&model);
        let events = bench.ask(&path, asked(vec![text("Hello")])).await;
        match events.last() {
            Some(Err(ModelError::Local(LocalError::BadFolder { reason, .. }))) => {
                assert!(
                    reason.starts_with("the engine refused it: "),
                    "{name}: {reason}"
                );
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}
