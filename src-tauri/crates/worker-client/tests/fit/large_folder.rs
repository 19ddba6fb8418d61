//! Folders as large as real ones are, with noise for weights: 16 bits a number, as most are published.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::model_folder::{self, ModelFolder};

/// What a model does, and so how it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As Llama.
    Text,
    /// As Llama, in UQFF.
    Uqff,
    /// As Qwen2.5-VL, with an eye that is small.
    Images,
    /// As Qwen3-Embedding.
    Embedding,
}

/// What makes one model larger than another.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub kind: Kind,
    pub layers: usize,
    pub width: usize,
    pub heads: usize,
    pub key_heads: usize,
    pub inner: usize,
    pub words: usize,
}

/// Tokens that each of them takes.
const CONTEXT: u32 = 16_384;

impl Shape {
    /// Writes all that a folder has.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut model = match self.kind {
            Kind::Text | Kind::Uqff => model_folder::llama(),
            Kind::Images => model_folder::qwen2_5_vl(),
            Kind::Embedding => model_folder::qwen3_embedding(),
        };
        for (key, value) in [
            ("vocab_size", json!(self.words)),
            ("hidden_size", json!(self.width)),
            ("intermediate_size", json!(self.inner)),
            ("num_hidden_layers", json!(self.layers)),
            ("num_attention_heads", json!(self.heads)),
            ("num_key_value_heads", json!(self.key_heads)),
            ("max_position_embeddings", json!(CONTEXT)),
        ] {
            model.set(key, value);
        }
        let head = self.width / self.heads;
        match self.kind {
            Kind::Text | Kind::Uqff => {}
            Kind::Embedding => {
                model.set("head_dim", json!(head));
                model.set("max_window_layers", json!(self.layers));
                let name = "1_Pooling/config.json";
                let mut pooling: Value = serde_json::from_slice(&model.files[name]).unwrap();
                pooling["word_embedding_dimension"] = json!(self.width);
                model.json(name, &pooling);
            }
            Kind::Images => {
                let third = head / 2 / 3;
                let sections = [head / 2 - 2 * third, third, third];
                model.set(
                    "rope_scaling",
                    json!({ "type": "mrope", "mrope_section": sections }),
                );
                let mut eye = model.settings()["vision_config"].clone();
                eye["out_hidden_size"] = json!(self.width);
                model.set("vision_config", eye);
            }
        }
        self.lengthen_vocabulary(&mut model);
        let tensors = self.tensors(&model);
        model.tensors.clear();
        model.write(folder);
        let whole = folder.join("model.safetensors");
        if self.kind != Kind::Uqff {
            let tensors = tensors.into_iter().map(|(name, shape)| plain(name, shape));
            return write_noise(&tensors.collect::<Vec<_>>(), &whole);
        }
        std::fs::remove_file(whole)?;
        let (mut parts, rest): (Vec<_>, Vec<_>) = tensors
            .into_iter()
            .partition(|(name, shape)| shape.len() == 2 && !name.contains("embed_tokens"));
        // The last layer is the first part.
        parts.rotate_right(1);
        let parts = parts.iter().enumerate();
        let parts: Vec<_> = parts
            .map(|(number, (_, shape))| uqff(number, shape))
            .collect();
        let rest = rest.into_iter().map(|(name, shape)| plain(name, shape));
        write_noise(&parts, &folder.join("f16-0.uqff"))?;
        write_noise(
            &rest.collect::<Vec<_>>(),
            &folder.join("residual.safetensors"),
        )
    }

    /// Words that never come.
    fn lengthen_vocabulary(&self, model: &mut ModelFolder) {
        let mut tokenizer: Value = serde_json::from_slice(&model.files["tokenizer.json"]).unwrap();
        let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
        for word in model_folder::WORDS..self.words {
            vocabulary.insert(format!("word{word}"), json!(word));
        }
        model.json("tokenizer.json", &tokenizer);
    }

    fn tensors(&self, small: &ModelFolder) -> Vec<(String, Vec<usize>)> {
        let (width, inner) = (self.width, self.inner);
        let keys = width / self.heads * self.key_heads;
        let prefix = if self.kind == Kind::Embedding {
            ""
        } else {
            "model."
        };
        let mut all = vec![
            (
                format!("{prefix}embed_tokens.weight"),
                vec![self.words, width],
            ),
            (format!("{prefix}norm.weight"), vec![width]),
        ];
        for layer in 0..self.layers {
            let mut add = |name: &str, shape: &[usize]| {
                all.push((format!("{prefix}layers.{layer}.{name}"), shape.to_vec()));
            };
            for (name, rows) in [("q", width), ("k", keys), ("v", keys)] {
                add(&format!("self_attn.{name}_proj.weight"), &[rows, width]);
                if self.kind == Kind::Images {
                    add(&format!("self_attn.{name}_proj.bias"), &[rows]);
                }
            }
            add("self_attn.o_proj.weight", &[width, width]);
            add("mlp.gate_proj.weight", &[inner, width]);
            add("mlp.up_proj.weight", &[inner, width]);
            add("mlp.down_proj.weight", &[width, inner]);
            add("input_layernorm.weight", &[width]);
            add("post_attention_layernorm.weight", &[width]);
            if self.kind == Kind::Embedding {
                add("self_attn.q_norm.weight", &[width / self.heads]);
                add("self_attn.k_norm.weight", &[width / self.heads]);
            }
        }
        if self.kind != Kind::Embedding {
            all.push(("lm_head.weight".to_owned(), vec![self.words, width]));
        }
        // The eye is as small as it is, but sees for a wider model.
        let eye = small
            .tensors
            .iter()
            .filter(|(name, _)| name.starts_with("visual."));
        all.extend(eye.map(|(name, tensor)| {
            let mut shape = tensor.shape.clone();
            if name.starts_with("visual.merger.mlp.2.") {
                shape[0] = width;
            }
            (name.clone(), shape)
        }));
        all
    }
}

/// A tensor as a file in safetensors has it.
struct Entry {
    name: String,
    form: &'static str,
    shape: Vec<usize>,
    /// What stands before the numbers.
    head: Vec<u8>,
    numbers: usize,
    /// Bits of each that are always so, and those that may be anything.
    always: u16,
    noise: u16,
}

/// As BF16: ones for the factors of norms, all else small.
fn plain(name: String, shape: Vec<usize>) -> Entry {
    let (always, noise) = if shape.len() == 1 && name.ends_with(".weight") {
        (0x3f80, 0)
    } else {
        (0x3c00, 0x80ff)
    };
    Entry {
        name,
        form: "BF16",
        numbers: shape.iter().product(),
        shape,
        head: Vec::new(),
        always,
        noise,
    }
}

/// As a part of a UQFF file that is not quantized: F16.
fn uqff(number: usize, shape: &[usize]) -> Entry {
    let numbers = shape.iter().product();
    let head = model_folder::uqff_head(numbers * 2, shape);
    Entry {
        name: number.to_string(),
        form: "U8",
        shape: vec![head.len() + numbers * 2],
        head,
        numbers,
        always: 0x2000,
        noise: 0x83ff,
    }
}

fn write_noise(entries: &[Entry], path: &Path) -> io::Result<()> {
    let mut header = Map::new();
    let mut end = 0;
    for entry in entries {
        let start = end;
        end += entry.head.len() + entry.numbers * 2;
        header.insert(
            entry.name.clone(),
            json!({ "dtype": entry.form, "shape": entry.shape, "data_offsets": [start, end] }),
        );
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for entry in entries {
        out.write_all(&entry.head)?;
        for _ in 0..entry.numbers {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let number = (state >> 48) as u16 & entry.noise | entry.always;
            out.write_all(&number.to_le_bytes())?;
        }
    }
    out.flush()
}
