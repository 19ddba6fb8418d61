//! Writes tiny models as folders: random weights from a fixed seed, and all files that a real one has. What such a model says
//! is nonsense, but it is computed by the same code, from the same files, as what a real one says.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

/// Words after the 256 bytes, by number.
pub const MARKS: &[&str] = &[
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<|placeholder|>",
];

/// Words of the vocabulary.
pub const WORDS: usize = 256 + MARKS.len();

/// Numbers in the vector of a token.
pub const HIDDEN: usize = 64;

/// Tokens that it takes.
pub const CONTEXT: u32 = 4096;

const HEADS: usize = 4;
const KEY_HEADS: usize = 2;
const HEAD: usize = HIDDEN / HEADS;
const INNER: usize = 128;
const LAYERS: usize = 2;
const EYE: usize = 32;

const TEMPLATE: &str = "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// A folder before it is written: files as they are, and tensors.
#[derive(Clone, Debug)]
pub struct ModelFolder {
    /// By name; a name may lead into a folder within.
    pub files: BTreeMap<String, Vec<u8>>,
    pub tensors: BTreeMap<String, Tensor>,
}

/// A tensor.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub numbers: Vec<f32>,
}

/// A model of text as Llama is built.
pub fn llama() -> ModelFolder {
    let mut folder = ModelFolder::with(language_settings("LlamaForCausalLM"));
    folder.language("model.", Biases::None);
    folder.head();
    folder
}

/// A model that sees images, as Qwen2.5-VL is built.
pub fn qwen2_5_vl() -> ModelFolder {
    let mut settings = language_settings("Qwen2_5_VLForConditionalGeneration");
    settings["model_type"] = json!("qwen2_5_vl");
    settings["image_token_id"] = json!(256 + 4);
    settings["video_token_id"] = json!(256 + 5);
    settings["use_sliding_window"] = json!(false);
    settings["rope_scaling"] = json!({ "type": "mrope", "mrope_section": [2, 3, 3] });
    settings["vision_config"] = json!({
        "depth": 1,
        "hidden_size": EYE,
        "out_hidden_size": HIDDEN,
        "intermediate_size": 2 * EYE,
        "num_heads": 2,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": [0],
    });
    let mut folder = ModelFolder::with(settings);
    folder.json(
        "preprocessor_config.json",
        &json!({
            "min_pixels": 56 * 56,
            "max_pixels": 448 * 448,
            "patch_size": 14,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
        }),
    );
    folder.eye();
    folder.language("model.", Biases::Queries);
    folder.head();
    folder
}

/// A model that makes vectors, as Qwen3-Embedding is built.
pub fn qwen3_embedding() -> ModelFolder {
    let mut settings = language_settings("Qwen3ForCausalLM");
    settings["head_dim"] = json!(HEAD);
    settings["max_window_layers"] = json!(LAYERS);
    settings["use_sliding_window"] = json!(false);
    let mut folder = ModelFolder::with(settings);
    folder.json(
        "modules.json",
        &json!([
            { "idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer" },
            { "idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling" },
            { "idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize" },
        ]),
    );
    folder.json(
        "1_Pooling/config.json",
        &json!({
            "word_embedding_dimension": HIDDEN,
            "pooling_mode_cls_token": false,
            "pooling_mode_mean_tokens": false,
            "pooling_mode_max_tokens": false,
            "pooling_mode_mean_sqrt_len_tokens": false,
            "pooling_mode_weightedmean_tokens": false,
            "pooling_mode_lasttoken": true,
            "include_prompt": true,
        }),
    );
    folder.language("", Biases::None);
    for layer in 0..LAYERS {
        for norm in ["q_norm", "k_norm"] {
            folder.ones(&format!("layers.{layer}.self_attn.{norm}.weight"), HEAD);
        }
    }
    folder
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Biases {
    None,
    /// Of queries, keys and values.
    Queries,
}

fn language_settings(architecture: &str) -> Value {
    json!({
        "architectures": [architecture],
        "vocab_size": WORDS,
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KEY_HEADS,
        "hidden_act": "silu",
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": false,
        "torch_dtype": "bfloat16",
    })
}

impl ModelFolder {
    fn with(settings: Value) -> Self {
        let mut folder = Self {
            files: BTreeMap::new(),
            tensors: BTreeMap::new(),
        };
        folder.json("config.json", &settings);
        folder.json("tokenizer.json", &tokenizer());
        folder.json(
            "tokenizer_config.json",
            &json!({ "chat_template": TEMPLATE, "eos_token": "<|im_end|>" }),
        );
        folder
    }

    /// Puts a file in.
    pub fn json(&mut self, name: &str, value: &Value) {
        self.files
            .insert(name.to_owned(), value.to_string().into_bytes());
    }

    /// All settings.
    pub fn settings(&self) -> Value {
        serde_json::from_slice(&self.files["config.json"]).unwrap()
    }

    /// Changes one of them.
    pub fn set(&mut self, key: &str, value: Value) {
        let mut settings = self.settings();
        settings[key] = value;
        self.json("config.json", &settings);
    }

    /// The weights as one file in safetensors, 32 bits a number.
    pub fn safetensors(&self) -> Vec<u8> {
        let bytes: BTreeMap<&String, Vec<u8>> = self
            .tensors
            .iter()
            .map(|(name, tensor)| {
                let numbers = tensor.numbers.iter();
                (
                    name,
                    numbers.flat_map(|number| number.to_le_bytes()).collect(),
                )
            })
            .collect();
        let views = self.tensors.iter().map(|(name, tensor)| {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), &bytes[name]);
            (name, view.unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    /// The weights of a model of text as UQFF of 16 bits, and the residue that it leaves.
    pub fn uqff(&self) -> (Vec<u8>, Vec<u8>) {
        let mut names = vec!["lm_head.weight".to_owned()];
        for layer in 0..LAYERS {
            for name in ["q", "k", "v", "o"] {
                names.push(format!("model.layers.{layer}.self_attn.{name}_proj.weight"));
            }
            for name in ["gate", "up", "down"] {
                names.push(format!("model.layers.{layer}.mlp.{name}_proj.weight"));
            }
        }
        let parts: Vec<(String, Vec<u8>)> = names
            .iter()
            .enumerate()
            .map(|(number, name)| (number.to_string(), uqff_part(&self.tensors[name])))
            .collect();
        let views = parts.iter().map(|(number, bytes)| {
            let view = TensorView::new(Dtype::U8, vec![bytes.len()], bytes);
            (number, view.unwrap())
        });
        let mut residue = self.clone();
        residue.tensors.retain(|name, _| !names.contains(name));
        (
            safetensors::serialize(views, None).unwrap(),
            residue.safetensors(),
        )
    }

    /// Writes all of it to the folder, which is made.
    pub fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        std::fs::write(folder.join("model.safetensors"), self.safetensors()).unwrap();
    }

    fn language(&mut self, prefix: &str, biases: Biases) {
        self.random(&format!("{prefix}embed_tokens.weight"), &[WORDS, HIDDEN]);
        self.ones(&format!("{prefix}norm.weight"), HIDDEN);
        for layer in 0..LAYERS {
            let at = format!("{prefix}layers.{layer}");
            for (name, width) in [
                ("q", HIDDEN),
                ("k", KEY_HEADS * HEAD),
                ("v", KEY_HEADS * HEAD),
            ] {
                self.random(
                    &format!("{at}.self_attn.{name}_proj.weight"),
                    &[width, HIDDEN],
                );
                if biases == Biases::Queries {
                    self.random(&format!("{at}.self_attn.{name}_proj.bias"), &[width]);
                }
            }
            self.random(&format!("{at}.self_attn.o_proj.weight"), &[HIDDEN, HIDDEN]);
            self.random(&format!("{at}.mlp.gate_proj.weight"), &[INNER, HIDDEN]);
            self.random(&format!("{at}.mlp.up_proj.weight"), &[INNER, HIDDEN]);
            self.random(&format!("{at}.mlp.down_proj.weight"), &[HIDDEN, INNER]);
            self.ones(&format!("{at}.input_layernorm.weight"), HIDDEN);
            self.ones(&format!("{at}.post_attention_layernorm.weight"), HIDDEN);
        }
    }

    /// Only letters have weight: so whatever it says can be read, and goes on to its limit.
    fn head(&mut self) {
        self.random("lm_head.weight", &[WORDS, HIDDEN]);
        let head = self.tensors.get_mut("lm_head.weight").unwrap();
        for (word, row) in head.numbers.chunks_mut(HIDDEN).enumerate() {
            if !(usize::from(b'a')..=usize::from(b'z')).contains(&word) {
                row.fill(0.0);
            }
        }
    }

    fn eye(&mut self) {
        self.random("visual.patch_embed.proj.weight", &[EYE, 3, 2, 14, 14]);
        let block = "visual.blocks.0";
        for (name, rows, columns) in [
            ("attn.qkv", 3 * EYE, EYE),
            ("attn.proj", EYE, EYE),
            ("mlp.gate_proj", 2 * EYE, EYE),
            ("mlp.up_proj", 2 * EYE, EYE),
            ("mlp.down_proj", EYE, 2 * EYE),
        ] {
            self.random(&format!("{block}.{name}.weight"), &[rows, columns]);
            self.random(&format!("{block}.{name}.bias"), &[rows]);
        }
        for norm in [
            "visual.blocks.0.norm1",
            "visual.blocks.0.norm2",
            "visual.merger.ln_q",
        ] {
            self.ones(&format!("{norm}.weight"), EYE);
        }
        for (name, rows) in [("mlp.0", 4 * EYE), ("mlp.2", HIDDEN)] {
            self.random(&format!("visual.merger.{name}.weight"), &[rows, 4 * EYE]);
            self.random(&format!("visual.merger.{name}.bias"), &[rows]);
        }
    }

    fn ones(&mut self, name: &str, width: usize) {
        let tensor = Tensor {
            shape: vec![width],
            numbers: vec![1.0; width],
        };
        self.tensors.insert(name.to_owned(), tensor);
    }

    /// Evenly spread, as wide as keeps what is computed with them at the same size. The seed is the name.
    fn random(&mut self, name: &str, shape: &[usize]) {
        let count: usize = shape.iter().product();
        let inputs: usize = shape.iter().skip(1).product();
        let mut width = (3.0 / inputs.max(1) as f32).sqrt();
        if ["q_proj.weight", "o_proj.weight"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            // What was read before must weigh more than the last word, or the answer is always the same.
            width *= 4.0;
        } else if name.ends_with(".bias") {
            // And more than what is the same for all words.
            width = 0.05;
        }
        let mut state = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let numbers = (0..count)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let part = (state >> 40) as f32 / (1_u64 << 24) as f32;
                (part * 2.0 - 1.0) * width
            })
            .collect();
        let tensor = Tensor {
            shape: shape.to_vec(),
            numbers,
        };
        self.tensors.insert(name.to_owned(), tensor);
    }
}

/// One layer: the tensor as 16-bit floats.
fn uqff_part(tensor: &Tensor) -> Vec<u8> {
    let numbers: Vec<u8> = tensor
        .numbers
        .iter()
        .flat_map(|number| half::f16::from_f32(*number).to_le_bytes())
        .collect();
    let mut part = uqff_head(numbers.len(), &tensor.shape);
    part.extend(numbers);
    part
}

/// What stands before one: version 0.2.0, not quantized, no bias, then lengths.
pub fn uqff_head(bytes: usize, shape: &[usize]) -> Vec<u8> {
    const F16: u32 = 4;
    let little = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let mut head = vec![0, 2, 0, 0, 1, 0];
    head.extend(little(bytes));
    head.extend(F16.to_le_bytes());
    head.extend(little(shape.len()));
    for side in shape {
        head.extend(little(*side));
    }
    head
}

/// Every byte is a word, and the marks.
fn tokenizer() -> Value {
    let vocabulary: serde_json::Map<String, Value> = (0..=255_u8)
        .map(|byte| (written(byte).to_string(), json!(byte)))
        .collect();
    let marks: Vec<Value> = MARKS
        .iter()
        .enumerate()
        .map(|(index, mark)| {
            json!({
                "id": 256 + index,
                "content": mark,
                "single_word": false,
                "lstrip": false,
                "rstrip": false,
                "normalized": false,
                "special": true,
            })
        })
        .collect();
    let bytes = |prefix: bool| {
        json!({
            "type": "ByteLevel",
            "add_prefix_space": prefix,
            "trim_offsets": true,
            "use_regex": false,
        })
    };
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": marks,
        "normalizer": null,
        "pre_tokenizer": bytes(false),
        "post_processor": null,
        "decoder": bytes(true),
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": false,
            "vocab": vocabulary,
            "merges": [],
        },
    })
}

/// How byte-level tokenizers write a byte: those that cannot be seen are moved behind the others.
fn written(byte: u8) -> char {
    let is_seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if is_seen(byte) {
        return char::from(byte);
    }
    let moved = (0..byte).filter(|other| !is_seen(*other)).count();
    char::from_u32(256 + u32::try_from(moved).unwrap()).unwrap()
}
