//! Writes small GGUF files, sound or as wrong as a test wants them.

/// A metadata value.
#[derive(Clone, Debug)]
pub enum Entry {
    U8(u8),
    U32(u32),
    U64(u64),
    I32(i32),
    F32(f32),
    Bool(u8),
    String(Vec<u8>),
    Strings(Vec<String>),
    I32s(Vec<i32>),
    F32s(Vec<f32>),
    /// A type number and the bytes behind it, as they are.
    Raw(u32, Vec<u8>),
}

/// A tensor's description.
#[derive(Clone, Debug)]
pub struct TensorEntry {
    pub name: Vec<u8>,
    pub dimensions: Vec<u64>,
    pub kind: u32,
    /// `None`: behind the one before.
    pub offset: Option<u64>,
    pub bytes: u64,
}

/// A file in the making. All parts can be bent.
#[derive(Clone, Debug)]
pub struct Gguf {
    pub magic: [u8; 4],
    pub version: u32,
    pub tensor_count: Option<u64>,
    pub entry_count: Option<u64>,
    pub entries: Vec<(Vec<u8>, Entry)>,
    pub tensors: Vec<TensorEntry>,
    pub alignment: u64,
    /// Bytes to cut from the end.
    pub cut: usize,
}

/// A llama of one layer, four words and no sense, sound in all that a header says.
pub fn tiny() -> Gguf {
    let text = |text: &str| Entry::String(text.as_bytes().to_vec());
    let words = ["<unk>", "<s>", "</s>", "a"];
    Gguf {
        magic: *b"GGUF",
        version: 3,
        tensor_count: None,
        entry_count: None,
        entries: [
            ("general.architecture", text("llama")),
            ("general.name", text("Tiny")),
            ("llama.block_count", Entry::U32(1)),
            ("llama.context_length", Entry::U32(512)),
            ("llama.embedding_length", Entry::U32(32)),
            ("llama.attention.head_count", Entry::U32(4)),
            ("llama.attention.head_count_kv", Entry::U32(2)),
            ("llama.rope.dimension_count", Entry::U32(8)),
            ("llama.attention.layer_norm_rms_epsilon", Entry::F32(1e-5)),
            ("tokenizer.ggml.model", text("gpt2")),
            (
                "tokenizer.ggml.tokens",
                Entry::Strings(words.map(str::to_owned).to_vec()),
            ),
            ("tokenizer.ggml.token_type", Entry::I32s(vec![2, 3, 3, 1])),
            (
                "tokenizer.ggml.merges",
                Entry::Strings(vec!["a a".to_owned()]),
            ),
            ("tokenizer.ggml.eos_token_id", Entry::U32(2)),
            (
                "tokenizer.chat_template",
                text("{% for m in messages %}{{ m['content'] }}{% endfor %}"),
            ),
        ]
        .map(|(key, entry)| (key.as_bytes().to_vec(), entry))
        .to_vec(),
        tensors: vec![
            tensor("token_embd.weight", &[32, 4], 0, 32 * 4 * 4),
            tensor("blk.0.attn_q.weight", &[32, 32], 8, 32 * 34),
            tensor("output_norm.weight", &[32], 0, 32 * 4),
        ],
        alignment: 32,
        cut: 0,
    }
}

/// A tensor behind the one before.
pub fn tensor(name: &str, dimensions: &[u64], kind: u32, bytes: u64) -> TensorEntry {
    TensorEntry {
        name: name.as_bytes().to_vec(),
        dimensions: dimensions.to_vec(),
        kind,
        offset: None,
        bytes,
    }
}

impl Gguf {
    /// Puts `entry` in the place of the one with this key, or behind all.
    pub fn set(mut self, key: &str, entry: Entry) -> Self {
        match self.entries.iter_mut().find(|(k, _)| k == key.as_bytes()) {
            Some(slot) => slot.1 = entry,
            None => self.entries.push((key.as_bytes().to_vec(), entry)),
        }
        self
    }

    /// Takes the entry with this key away.
    pub fn without(mut self, key: &str) -> Self {
        self.entries.retain(|(k, _)| k != key.as_bytes());
        self
    }

    /// Changes anything.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The file, its data zeros: a mebibyte of it at most.
    pub fn bytes(&self) -> Vec<u8> {
        let (mut out, data) = self.header();
        let whole = out.len() + (data as usize).min(1 << 20);
        out.resize(whole, 0);
        out.truncate(whole - self.cut.min(whole));
        out
    }

    /// All that stands before the data, and the data's length.
    pub fn header(&self) -> (Vec<u8>, u64) {
        let mut out = Vec::new();
        out.extend(self.magic);
        out.extend(self.version.to_le_bytes());
        let tensor_count = self.tensor_count.unwrap_or(self.tensors.len() as u64);
        let entry_count = self.entry_count.unwrap_or(self.entries.len() as u64);
        out.extend(tensor_count.to_le_bytes());
        out.extend(entry_count.to_le_bytes());
        for (key, entry) in &self.entries {
            put_string(&mut out, key);
            put_entry(&mut out, entry);
        }
        let mut end = 0;
        for tensor in &self.tensors {
            put_string(&mut out, &tensor.name);
            out.extend((tensor.dimensions.len() as u32).to_le_bytes());
            for dimension in &tensor.dimensions {
                out.extend(dimension.to_le_bytes());
            }
            out.extend(tensor.kind.to_le_bytes());
            let offset = tensor.offset.unwrap_or(end);
            out.extend(offset.to_le_bytes());
            end = offset
                .saturating_add(tensor.bytes)
                .checked_next_multiple_of(self.alignment)
                .unwrap_or(end);
        }
        out.resize(out.len().next_multiple_of(self.alignment as usize), 0);
        (out, end)
    }
}

fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text);
}

fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    let mut tagged = |number: u32, bytes: &[u8]| {
        out.extend(number.to_le_bytes());
        out.extend(bytes);
    };
    match entry {
        Entry::U8(value) => tagged(0, &[*value]),
        Entry::U32(value) => tagged(4, &value.to_le_bytes()),
        Entry::I32(value) => tagged(5, &value.to_le_bytes()),
        Entry::F32(value) => tagged(6, &value.to_le_bytes()),
        Entry::Bool(value) => tagged(7, &[*value]),
        Entry::U64(value) => tagged(10, &value.to_le_bytes()),
        Entry::Raw(number, bytes) => tagged(*number, bytes),
        Entry::String(text) => {
            tagged(8, &[]);
            put_string(out, text);
        }
        Entry::Strings(texts) => {
            tagged(9, &array(8, texts.len()));
            for text in texts {
                put_string(out, text.as_bytes());
            }
        }
        Entry::I32s(values) => {
            tagged(9, &array(5, values.len()));
            out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
        Entry::F32s(values) => {
            tagged(9, &array(6, values.len()));
            out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
    }
}

/// The head of an array: the type of its elements and how many.
pub fn array(of: u32, elements: usize) -> Vec<u8> {
    let mut bytes = of.to_le_bytes().to_vec();
    bytes.extend((elements as u64).to_le_bytes());
    bytes
}
