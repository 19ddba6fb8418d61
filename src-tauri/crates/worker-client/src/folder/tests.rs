//! Sound folders, and folders as wrong as people and the network make them.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;

use super::builder::{
    CONTEXT, HIDDEN, MARKS, ModelFolder, WORDS, llama, qwen2_5_vl, qwen3_embedding,
};
use super::*;
use nexus_protocol::worker::{ModelKind, ModelSource, Quantize};

struct Written {
    folder: tempfile::TempDir,
}

impl Written {
    fn new(model: &ModelFolder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        model.write(folder.path());
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    fn without(&self, name: &str) -> &Self {
        fs::remove_file(self.path(name)).unwrap();
        self
    }

    fn inspect(&self) -> Result<FolderSummary, LocalError> {
        inspect(self.folder.path())
    }

    fn reason(&self) -> String {
        match self.inspect() {
            Err(LocalError::BadFolder { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_model_of_text_says_what_it_is() {
    let summary = Written::new(&llama()).inspect().unwrap();
    let facts = (
        summary.architecture.as_str(),
        summary.kind,
        summary.images,
        summary.context_length,
        summary.quantization.as_str(),
        summary.has_chat_template,
        summary.tools,
    );
    assert_eq!(
        facts,
        (
            "LlamaForCausalLM",
            ModelKind::Text,
            false,
            CONTEXT,
            "F32",
            true,
            false
        )
    );
    let tensors = llama().tensors;
    let elements = tensors
        .values()
        .map(|t| t.numbers.len() as u64)
        .sum::<u64>();
    assert_eq!(summary.parameters, elements);
    assert_eq!(summary.weights.embedding, (WORDS * HIDDEN) as u64);
    // Keys and values of 16 bits, in two layers, two heads, 16 numbers.
    assert_eq!(summary.cache_bytes(1), 512 * 2 * 2 * 16 * 2 * 2);
    assert_eq!(
        summary.source(Some(Quantize::Q8)),
        ModelSource::Safetensors {
            kind: ModelKind::Text,
            quantize: Some(Quantize::Q8)
        }
    );
}

#[test]
fn a_model_that_sees_and_one_that_makes_vectors_say_so() {
    let summary = Written::new(&qwen2_5_vl()).inspect().unwrap();
    assert_eq!((summary.kind, summary.images), (ModelKind::Images, true));
    assert!(summary.has_chat_template);
    assert!(MARKS.contains(&"<|image_pad|>"));

    let summary = Written::new(&qwen3_embedding()).inspect().unwrap();
    assert_eq!(
        (summary.kind, summary.images),
        (ModelKind::Embedding, false)
    );
    assert!(!summary.has_chat_template);
    assert_eq!(summary.cache_bytes(1024), 0);
    // The engine fails at this one's second word after an image.
    let mut model = qwen2_5_vl();
    model.set("architectures", json!(["Qwen2VLForConditionalGeneration"]));
    let summary = Written::new(&model).inspect().unwrap();
    assert_eq!((summary.kind, summary.images), (ModelKind::Images, false));
    // Without its parts it is a model of text: Qwen 3.
    let written = Written::new(&qwen3_embedding());
    written.without("modules.json");
    assert_eq!(written.inspect().unwrap().kind, ModelKind::Text);
}

#[test]
fn quantizing_takes_less_memory_and_uqff_what_the_files_have() {
    let written = Written::new(&llama());
    let summary = written.inspect().unwrap();
    let [plain, eight, six, four] = [
        None,
        Some(Quantize::Q8),
        Some(Quantize::Q6),
        Some(Quantize::Q4),
    ]
    .map(|quantize| summary.memory(512, quantize).weights);
    assert!(
        plain > eight && eight > six && six > four,
        "{plain} {eight} {six} {four}"
    );
    let [plain, four] = [None, Some(Quantize::Q4)].map(|quantize| summary.memory(512, quantize));
    let saved = summary.weights.quantizable * (256 - 72) / 16 / 8;
    assert!(
        (plain.weights - four.weights).abs_diff(saved) < 8,
        "{plain:?} {four:?} {saved}"
    );
    assert_eq!(plain.cache, summary.cache_bytes(512));
    assert_eq!(plain.base, 42_000_000 + WORDS as u64 * 1100);
    // Rows of 64 numbers, of keys and values, and of 128.
    let prompt = |each: u64| 512 * 512 * 6 + 512 * (64 + 2 * 2 * 16 + 128) * each;
    assert_eq!((plain.reading, four.reading), (prompt(8), prompt(10)));
    assert_eq!(
        plain.total(),
        plain.weights + plain.reading + plain.cache + plain.base
    );

    fs::rename(
        written.path("model.safetensors"),
        written.path("residual.safetensors"),
    )
    .unwrap();
    written.put("q4k-0.uqff", llama().safetensors());
    assert_eq!(written.reason(), "q4k-0.uqff is no UQFF file");
    let (uqff, residual) = llama().uqff();
    written.put("residual.safetensors", &residual);
    for name in ["q4k-0.uqff", "q4k-1.uqff", "q8_0-0.uqff"] {
        written.put(name, &uqff);
    }
    let summary = written.inspect().unwrap();
    assert_eq!(summary.quantization, "UQFF Q4K");
    assert_eq!(summary.file_bytes, (2 * uqff.len() + residual.len()) as u64);
    assert_eq!(
        summary.source(Some(Quantize::Q4)),
        ModelSource::Uqff {
            kind: ModelKind::Text,
            file: "q4k-0.uqff".to_owned()
        }
    );
    // The other file, by its own path.
    let other = inspect(&written.path("q8_0-0.uqff")).unwrap();
    assert_eq!(other.quantization, "UQFF Q8_0");
    written.without("residual.safetensors");
    assert_eq!(written.reason(), "residual.safetensors is missing");
}

#[test]
fn what_is_missing_is_named() {
    for (name, reason) in [
        ("config.json", "config.json is missing"),
        ("tokenizer.json", "tokenizer.json is missing"),
        (
            "model.safetensors",
            "it has no weights in safetensors or UQFF",
        ),
    ] {
        let written = Written::new(&llama());
        assert_eq!(written.without(name).reason(), reason);
    }
    assert!(matches!(
        inspect(std::path::Path::new("/no/such/model")),
        Err(LocalError::FileMissing { .. })
    ));
    // Weights that only Python can read are none.
    let written = Written::new(&llama());
    written
        .without("model.safetensors")
        .put("pytorch_model-00001-of-00001.bin", "pickle");
    assert_eq!(written.reason(), "it has no weights in safetensors or UQFF");
}

#[test]
fn a_missing_part_is_told_by_its_number() {
    let written = Written::new(&llama());
    let bytes = llama().safetensors();
    written
        .without("model.safetensors")
        .put("model-00001-of-00003.safetensors", &bytes)
        .put("model-00003-of-00003.safetensors", &bytes);
    assert_eq!(
        written.reason(),
        "part 2 of the 3 parts of its weights is missing"
    );
    written.put("model-00002-of-00003.safetensors", &bytes);
    written.inspect().unwrap();
}

#[test]
fn weights_that_were_cut_or_lie_are_refused() {
    let bytes = llama().safetensors();
    let reason = |bytes: &[u8]| {
        Written::new(&llama())
            .put("model.safetensors", bytes)
            .reason()
    };
    assert!(reason(&bytes[..bytes.len() - 1]).contains("it was cut or damaged"));
    assert!(reason(&[&bytes[..], b"x"].concat()).contains("it was cut or damaged"));
    assert!(reason(&bytes[..5]).contains("too short"));
    assert!(reason(&u64::MAX.to_le_bytes()).contains("says that its header has"));
    let header = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    assert!(reason(&header("no JSON")).contains("broken header"));
    let huge = r#"{"a":{"dtype":"F32","shape":[9223372036854775807,8],"data_offsets":[0,8]}}"#;
    assert!(reason(&header(huge)).contains("broken header"));
    let outside = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    assert!(reason(&header(outside)).contains("it was cut or damaged"));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for (key, value) in [
        ("num_hidden_layers", json!(0)),
        ("num_hidden_layers", json!("many")),
        ("hidden_size", json!(-1)),
        ("hidden_size", json!(1_u64 << 40)),
        ("num_key_value_heads", json!(64)),
        ("max_position_embeddings", json!(1e30)),
        ("head_dim", json!(100_000)),
    ] {
        let mut model = llama();
        model.set(key, value.clone());
        let reason = Written::new(&model).reason();
        assert!(reason.contains("config.json"), "{key} = {value}: {reason}");
    }
    let mut model = llama();
    model.set("architectures", json!(["A", "B"]));
    assert!(
        Written::new(&model)
            .reason()
            .contains("does not name one architecture")
    );
    for name in [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
    ] {
        for text in ["", "{", "[]", "null", "\u{0}"] {
            let reason = Written::new(&llama()).put(name, text).reason();
            assert!(!reason.is_empty(), "{name}: {reason}");
        }
    }
}

#[test]
fn what_the_engine_does_not_know_is_told_by_its_name() {
    let mut model = llama();
    model.set("architectures", json!(["MambaForCausalLM"]));
    assert_eq!(
        Written::new(&model).inspect(),
        Err(LocalError::UnsupportedArchitecture {
            architecture: "MambaForCausalLM".to_owned()
        })
    );
    let mut model = llama();
    model.set(
        "quantization_config",
        json!({ "quant_method": "awq", "bits": 4 }),
    );
    assert_eq!(
        Written::new(&model).inspect(),
        Err(LocalError::UnsupportedQuantization {
            quantization: "awq".to_owned()
        })
    );
}

#[test]
fn what_would_be_fetched_or_read_from_elsewhere_is_refused() {
    let written = Written::new(&llama());
    written.put(
        "chat_template.jinja",
        "<|start|>user<|channel|>final<|message|>",
    );
    assert!(written.reason().contains("o200k_base.tiktoken"));
    written.put("o200k_base.tiktoken", "IQ== 0");
    written.inspect().unwrap();

    let written = Written::new(&llama());
    assert!(
        written
            .put("params.json", "{}")
            .reason()
            .contains("params.json")
    );

    let mut model = qwen3_embedding();
    model.json(
        "modules.json",
        &json!([
            { "path": "", "type": "sentence_transformers.models.Transformer" },
            { "path": "../../etc", "type": "sentence_transformers.models.Pooling" },
        ]),
    );
    assert_eq!(
        Written::new(&model).reason(),
        "modules.json leads out of the folder"
    );
    let mut model = qwen3_embedding();
    model.json(
        "1_Pooling/config.json",
        &json!({ "pooling_mode_cls_token": true }),
    );
    assert!(Written::new(&model).reason().contains("cannot be run here"));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_does_not_hold_it_up() {
    let written = Written::new(&llama());
    written.without("config.json");
    let status = std::process::Command::new("mkfifo")
        .arg(written.path("config.json"))
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(written.reason(), "config.json is no regular file");
}

#[test]
fn tools_are_known_by_the_template() {
    let written = Written::new(&llama());
    written.put(
        "chat_template.jinja",
        "{% if tools %}{{ tools | tojson }} <tool_call>{% endif %}",
    );
    assert!(written.inspect().unwrap().tools);
}

proptest! {
    /// Whatever a header is: an answer, and no panic.
    #[test]
    fn a_header_with_changed_bytes_is_read_or_refused(at in 0_usize..6000, byte in any::<u8>()) {
        let mut bytes = llama().safetensors();
        let at = at % bytes.len();
        bytes[at] = byte;
        let written = Written::new(&llama());
        written.put("model.safetensors", &bytes);
        if let Err(error) = written.inspect() {
            prop_assert!(matches!(error, LocalError::BadFolder { .. }), "{error:?}");
        }
    }

    #[test]
    fn settings_with_changed_bytes_are_read_or_refused(at in 0_usize..1000, byte in any::<u8>()) {
        let written = Written::new(&llama());
        let mut bytes = fs::read(written.path("config.json")).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        written.put("config.json", &bytes);
        let _summary_or_error = written.inspect();
    }
}
