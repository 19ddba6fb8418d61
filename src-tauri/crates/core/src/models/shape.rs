//! The shape of a model that is not here: from the first bytes of its file, or guessed from its number of weights.
//!
//! Owns reading the beginning of a GGUF header, which may break off anywhere. Refuses to judge the file: `worker-client` checks the
//! whole header once it is here.

use std::collections::HashMap;

/// How many bytes of a file are looked at: the numbers of the shape stand before the vocabulary, which is long.
pub const BEGINNING_BYTES: usize = 128 * 1024;

/// No header has more entries before the vocabulary.
const MAX_ENTRIES: usize = 512;
const MAX_NAME: usize = 1024;

/// What memory is reckoned from, besides the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes that the keys and values of one token take.
    pub cache_bytes_per_token: u64,
    /// Numbers in the embedding; 0 where it is not known.
    pub embedding_elements: u64,
    /// Whether it was guessed.
    pub guessed: bool,
}

impl Shape {
    /// What models with so many weights mostly have. Careful: those with few keys and values for their size need less.
    pub fn guess(parameters: u64) -> Self {
        // 48 KiB a token for a billion weights, growing with the root: 30 KiB are measured at half a billion, 128 at eight.
        let billions = parameters as f64 / 1e9;
        Self {
            cache_bytes_per_token: (billions.sqrt() * 48.0 * 1024.0) as u64,
            embedding_elements: parameters / 10,
            guessed: true,
        }
    }
}

/// What the beginning of a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beginning {
    /// `qwen2`, `llama`, …
    pub architecture: Option<String>,
    /// In tokens.
    pub context_length: Option<u64>,
    /// Where all numbers of it were there.
    pub shape: Option<Shape>,
}

/// Reads the first bytes of a file. What is not there, or is nonsense, is left out.
pub fn read(bytes: &[u8]) -> Beginning {
    let mut entries = Entries::default();
    // An end in the middle is the rule: only the beginning was asked for.
    let _ended_early = entries.fill(&mut Bytes(bytes));
    let Some(architecture) = entries.architecture.clone() else {
        return Beginning::default();
    };
    let number = |name: &str| {
        entries
            .numbers
            .get(&format!("{architecture}.{name}"))
            .copied()
    };
    let shape = (|| {
        let heads = number("attention.head_count")?.max(1);
        let width = number("embedding_length")?;
        let head = width / heads;
        let keys = number("attention.key_length").unwrap_or(head);
        let values = number("attention.value_length").unwrap_or(head);
        // Two bytes a number.
        let cache_bytes_per_token = number("block_count")?
            .checked_mul(number("attention.head_count_kv").unwrap_or(heads))?
            .checked_mul(keys.checked_add(values)?)?
            .checked_mul(2)?;
        let words = entries.words.or(number("vocab_size")).unwrap_or(0);
        Some(Shape {
            cache_bytes_per_token,
            embedding_elements: words.checked_mul(width)?,
            guessed: false,
        })
    })();
    Beginning {
        context_length: number("context_length"),
        shape,
        architecture: Some(architecture),
    }
}

#[derive(Default)]
struct Entries {
    architecture: Option<String>,
    numbers: HashMap<String, u64>,
    words: Option<u64>,
}

impl Entries {
    fn fill(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        if bytes.take(4)? != b"GGUF" || !matches!(bytes.u32()?, 2 | 3) {
            return None;
        }
        let (_tensors, entries) = (bytes.u64()?, bytes.u64()?);
        for _ in 0..entries.min(MAX_ENTRIES as u64) {
            let name = bytes.text(MAX_NAME)?;
            match bytes.u32()? {
                0 | 1 | 7 => drop(bytes.take(1)?),
                2 | 3 => drop(bytes.take(2)?),
                4 => drop(self.numbers.insert(name, u64::from(bytes.u32()?))),
                10 => drop(self.numbers.insert(name, bytes.u64()?)),
                5 | 6 => drop(bytes.take(4)?),
                11 | 12 => drop(bytes.take(8)?),
                8 => {
                    let text = bytes.text(bytes.0.len())?;
                    if name == "general.architecture" {
                        self.architecture = Some(text.chars().take(40).collect());
                    }
                }
                9 => {
                    let (of, count) = (bytes.u32()?, bytes.u64()?);
                    if name == "tokenizer.ggml.tokens" {
                        // The vocabulary is longer than what was asked for; its length is all that is wanted.
                        self.words = Some(count);
                    }
                    bytes.skip_array(of, count)?;
                }
                _ => return None,
            }
        }
        Some(())
    }
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn text(&mut self, most: usize) -> Option<String> {
        let length = usize::try_from(self.u64()?).ok().filter(|n| *n <= most)?;
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn skip_array(&mut self, of: u32, count: u64) -> Option<()> {
        let each: u64 = match of {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            10..=12 => 8,
            8 => {
                for _ in 0..count {
                    self.text(self.0.len())?;
                }
                return Some(());
            }
            _ => return None,
        };
        let length = usize::try_from(each.checked_mul(count)?).ok()?;
        self.take(length).map(drop)
    }
}

#[cfg(test)]
mod tests;
