//! Writes models of any shape with random weights: as large, as deep and as quantized as a real one, and as quick or slow;
//! only what they say is noise.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::gguf_builder::{Entry, Gguf, TensorEntry, tensor};

/// What makes one model larger than another.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// `llama`, `phi3`, `qwen2` or `qwen3`.
    pub architecture: &'static str,
    pub layers: u32,
    pub width: u32,
    pub heads: u32,
    pub key_heads: u32,
    pub feed_forward: u32,
    pub context: u32,
    pub words: u32,
    /// Whether the last layer uses the embedding's weights.
    pub tied: bool,
    pub weights: Kind,
}

/// Qwen2.5-1.5B.
pub const QWEN_1_5B: Shape = Shape {
    architecture: "qwen2",
    layers: 28,
    width: 1536,
    heads: 12,
    key_heads: 2,
    feed_forward: 8960,
    context: 32_768,
    words: 151_936,
    tied: true,
    weights: Kind::Q4KM,
};

/// How weights are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    /// Mostly `Q4K`, with `Q6K` where it matters most: what most people fetch.
    Q4KM,
}

impl Kind {
    /// Its number in the format, weights and bytes of a block, and where the block's 16-bit scales stand with values that keep
    /// weights near a hundredth: all other bytes may be anything.
    fn layout(self) -> (u32, u64, u64, &'static [(usize, u16)]) {
        match self {
            Self::F32 => (0, 1, 4, &[]),
            Self::F16 => (1, 1, 2, &[]),
            Self::BF16 => (30, 1, 2, &[]),
            Self::Q4_0 => (2, 32, 18, &[(0, 0x1800)]),
            Self::Q4_1 => (3, 32, 20, &[(0, 0x1800), (2, 0x2000)]),
            Self::Q5_0 => (6, 32, 22, &[(0, 0x1400)]),
            Self::Q8_0 => (8, 32, 34, &[(0, 0x0800)]),
            Self::Q2K => (10, 256, 84, &[(80, 0x1000), (82, 0x1400)]),
            Self::Q3K => (11, 256, 110, &[(108, 0x0400)]),
            Self::Q4K | Self::Q4KM => (12, 256, 144, &[(0, 0x0400), (2, 0x1000)]),
            Self::Q5K => (13, 256, 176, &[(0, 0x0200), (2, 0x1000)]),
            Self::Q6K => (14, 256, 210, &[(208, 0x0040)]),
        }
    }

    /// `general.file_type`.
    fn file_type(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::BF16 => 32,
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q5_0 => 8,
            Self::Q8_0 => 7,
            Self::Q2K => 10,
            Self::Q3K => 11,
            Self::Q5K => 16,
            Self::Q4K => 14,
            Self::Q6K => 18,
            Self::Q4KM => 15,
        }
    }

    /// What one tensor gets, as llama.cpp's quantizer decides.
    fn of(self, name: &str, layer: u32, layers: u32) -> Self {
        if self != Self::Q4KM {
            return self;
        }
        let eighth = layers / 8;
        let more_bits =
            layer < eighth || layer >= 7 * eighth || (layer.saturating_sub(eighth)) % 3 == 2;
        match name {
            "token_embd" | "output" => Self::Q6K,
            "attn_v" | "ffn_down" if more_bits => Self::Q6K,
            _ => Self::Q4K,
        }
    }
}

/// Writes the file, its data noise.
pub fn write(file: &Gguf, path: &Path) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    write_to(file, &mut out)?;
    out.flush()
}

/// The same to anywhere.
pub fn write_to(file: &Gguf, out: &mut impl Write) -> io::Result<()> {
    let (header, _) = file.header();
    out.write_all(&header)?;
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    for tensor in &file.tensors {
        noise.tensor(tensor, out)?;
        let padding = tensor.bytes.next_multiple_of(file.alignment) - tensor.bytes;
        out.write_all(&vec![0; padding as usize])?;
    }
    Ok(())
}

/// All but the data. `vocabulary` are the entries of a tokenizer with as many words as the shape says.
pub fn describe(shape: &Shape, vocabulary: Vec<(Vec<u8>, Entry)>) -> Gguf {
    let text = |text: &str| Entry::String(text.as_bytes().to_vec());
    let architecture = shape.architecture;
    let head = shape.width / shape.heads;
    let own = [
        ("block_count", Entry::U32(shape.layers)),
        ("context_length", Entry::U32(shape.context)),
        ("embedding_length", Entry::U32(shape.width)),
        ("feed_forward_length", Entry::U32(shape.feed_forward)),
        ("attention.head_count", Entry::U32(shape.heads)),
        ("attention.head_count_kv", Entry::U32(shape.key_heads)),
        ("attention.layer_norm_rms_epsilon", Entry::F32(1e-5)),
        ("rope.dimension_count", Entry::U32(head)),
        ("rope.freq_base", Entry::F32(10_000.0)),
    ];
    let mut entries = vec![
        (b"general.architecture".to_vec(), text(architecture)),
        (b"general.name".to_vec(), text("Noise")),
        (
            b"general.file_type".to_vec(),
            Entry::U32(shape.weights.file_type()),
        ),
    ];
    entries.extend(own.map(|(name, entry)| (format!("{architecture}.{name}").into_bytes(), entry)));
    entries.extend(vocabulary);
    Gguf {
        magic: *b"GGUF",
        version: 3,
        tensor_count: None,
        entry_count: None,
        entries,
        tensors: tensors(shape),
        alignment: 32,
        cut: 0,
    }
}

fn tensors(shape: &Shape) -> Vec<TensorEntry> {
    let (width, layers) = (u64::from(shape.width), shape.layers);
    let head = width / u64::from(shape.heads);
    let keys = head * u64::from(shape.key_heads);
    let feed = u64::from(shape.feed_forward);
    let words = u64::from(shape.words);
    let weights = |name: String, kind: Kind, row: u64, rows: u64| {
        let (number, block, bytes, _) = kind.layout();
        tensor(&name, &[row, rows], number, row / block * bytes * rows)
    };
    let plain = |name: String, length: u64| tensor(&name, &[length], 0, length * 4);
    let whole = |name: &str, kind: Kind| {
        weights(
            format!("{name}.weight"),
            kind.of(name, 0, layers),
            width,
            words,
        )
    };
    let mut all = vec![whole("token_embd", shape.weights)];
    for layer in 0..layers {
        let mut matrix = |name: &str, row: u64, rows: u64| {
            let kind = shape.weights.of(name, layer, layers);
            all.push(weights(
                format!("blk.{layer}.{name}.weight"),
                kind,
                row,
                rows,
            ));
        };
        if shape.architecture == "phi3" {
            matrix("attn_qkv", width, width + 2 * keys);
            matrix("ffn_up", width, 2 * feed);
        } else {
            matrix("attn_q", width, width);
            matrix("attn_k", width, keys);
            matrix("attn_v", width, keys);
            matrix("ffn_gate", width, feed);
            matrix("ffn_up", width, feed);
        }
        matrix("attn_output", width, width);
        matrix("ffn_down", feed, width);
        let mut vector =
            |name: &str, length: u64| all.push(plain(format!("blk.{layer}.{name}"), length));
        vector("attn_norm.weight", width);
        vector("ffn_norm.weight", width);
        match shape.architecture {
            "qwen2" => {
                vector("attn_q.bias", width);
                vector("attn_k.bias", keys);
                vector("attn_v.bias", keys);
            }
            "qwen3" => {
                vector("attn_q_norm.weight", head);
                vector("attn_k_norm.weight", head);
            }
            _ => {}
        }
    }
    all.push(plain("output_norm.weight".to_owned(), width));
    if !shape.tied {
        all.push(whole("output", shape.weights));
    }
    all
}

/// The same noise each time: xorshift.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn tensor(&mut self, tensor: &TensorEntry, out: &mut impl Write) -> io::Result<()> {
        let all = [
            Kind::F32,
            Kind::F16,
            Kind::BF16,
            Kind::Q4_0,
            Kind::Q4_1,
            Kind::Q5_0,
            Kind::Q8_0,
            Kind::Q2K,
            Kind::Q3K,
            Kind::Q4K,
            Kind::Q5K,
            Kind::Q6K,
        ];
        // Of kinds that are not known here all bytes are noise, scales too.
        let (kind, (_, _, block, scales)) = all
            .map(|kind| (kind, kind.layout()))
            .into_iter()
            .find(|(_, layout)| layout.0 == tensor.kind)
            .unwrap_or((Kind::Q8_0, (tensor.kind, 1, 1, &[])));
        // Factors of norms; everything else is small.
        let is_norm = tensor.name.ends_with(b"norm.weight");
        let block = block as usize;
        let mut part = vec![0; (1 << 16) / block * block];
        let mut left = tensor.bytes as usize;
        while left > 0 {
            let size = left.min(part.len());
            for bytes in part[..size].chunks_mut(8) {
                let random = self.next().to_le_bytes();
                bytes.copy_from_slice(&random[..bytes.len()]);
            }
            match kind {
                Kind::F32 => {
                    for bytes in part[..size].chunks_exact_mut(4) {
                        let small = f32::from(i16::from_le_bytes([bytes[0], bytes[1]])) / 1.0e6;
                        let number = if is_norm { 1.0 } else { small };
                        bytes.copy_from_slice(&number.to_le_bytes());
                    }
                }
                Kind::F16 => {
                    for bytes in part[..size].chunks_exact_mut(2) {
                        // Any sign and fraction; 2 to the power of -7.
                        bytes[1] = bytes[1] & 0x83 | 0x20;
                    }
                }
                Kind::BF16 => {
                    for bytes in part[..size].chunks_exact_mut(2) {
                        // The same; -7 or -6.
                        bytes[1] = bytes[1] & 0x80 | 0x3c;
                    }
                }
                _ => {
                    for bytes in part[..size].chunks_exact_mut(block) {
                        for &(at, scale) in scales {
                            bytes[at..at + 2].copy_from_slice(&scale.to_le_bytes());
                        }
                    }
                }
            }
            out.write_all(&part[..size])?;
            left -= size;
        }
        Ok(())
    }
}
