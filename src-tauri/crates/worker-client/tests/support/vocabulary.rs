//! Tokenizers for generated models: one made up, whose words are single bytes, and those of other files, lengthened.

use std::io;
use std::path::Path;

use super::gguf_builder::Entry;

/// The template of a chat, as plain as one can be.
pub const CHATML: &str = "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}\
{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

const NORMAL: i32 = 1;
const CONTROL: i32 = 3;

/// Three marks, each byte, and words that never come, `words` in all: any text has as many tokens as bytes.
pub fn of_bytes(words: u32, template: &str) -> Vec<(Vec<u8>, Entry)> {
    let rare = |number: usize| (format!("word{number}"), None);
    with_rare(words, template, rare)
}

/// The same with a merge for each rare word, as in the vocabularies that people use.
pub fn of_merges(words: u32, template: &str) -> Vec<(Vec<u8>, Entry)> {
    with_rare(words, template, |number| {
        let (left, right) = parts(number);
        (format!("{left}{right}"), Some(format!("{left} {right}")))
    })
}

/// What a rare word is merged from: a shorter one and a capital letter. Texts without two of them beside each other have none;
/// and each is a text of its own, for mistral.rs says nothing of an answer that ends within a letter.
fn parts(number: usize) -> (String, char) {
    const LETTERS: usize = 32;
    let letter = |number: usize| letter(b'@' | number as u8);
    let (rest, last) = (number / LETTERS, letter(number % LETTERS));
    match rest.checked_sub(LETTERS) {
        None => (letter(rest).to_string(), last),
        Some(shorter) => {
            let (left, right) = parts(shorter);
            (format!("{left}{right}"), last)
        }
    }
}

fn with_rare(
    words: u32,
    template: &str,
    rare: impl Fn(usize) -> (String, Option<String>),
) -> Vec<(Vec<u8>, Entry)> {
    let mut all: Vec<String> = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        .map(str::to_owned)
        .to_vec();
    let marks = all.len();
    all.extend((0..=u8::MAX).map(|byte| letter(byte).to_string()));
    let mut merges = vec!["w o".to_owned()];
    all.push("wo".to_owned());
    for number in 0..(words as usize).saturating_sub(all.len()) {
        let (word, merge) = rare(number);
        all.push(word);
        merges.extend(merge);
    }
    let kinds = (0..all.len()).map(|word| if word < marks { CONTROL } else { NORMAL });
    let text = |text: &str| Entry::String(text.as_bytes().to_vec());
    [
        ("model", text("gpt2")),
        ("pre", text("gpt-2")),
        ("token_type", Entry::I32s(kinds.collect())),
        ("tokens", Entry::Strings(all)),
        ("merges", Entry::Strings(merges)),
        ("bos_token_id", Entry::U32(0)),
        ("eos_token_id", Entry::U32(2)),
        ("unknown_token_id", Entry::U32(0)),
        ("add_bos_token", Entry::Bool(0)),
    ]
    .map(|(name, entry)| (format!("tokenizer.ggml.{name}").into_bytes(), entry))
    .into_iter()
    .chain([(b"tokenizer.chat_template".to_vec(), text(template))])
    .collect()
}

/// How GPT-2 writes a byte: those that cannot be seen stand behind all that can.
fn letter(byte: u8) -> char {
    let is_seen = |byte: u8| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    if is_seen(byte) {
        return char::from(byte);
    }
    let unseen = (0..byte).filter(|&other| !is_seen(other)).count();
    char::from_u32(256 + unseen as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The tokenizer of the sound file at `path`, with words that never come up to `words`.
pub fn of_file(path: &Path, words: u32) -> io::Result<Vec<(Vec<u8>, Entry)>> {
    let bytes = std::fs::read(path)?;
    let mut scan = Scan {
        bytes: &bytes,
        at: 16,
    };
    let entries = scan.number(8)?;
    let mut all = Vec::new();
    for _ in 0..entries {
        let length = scan.number(8)?;
        let key = scan.take(length)?.to_vec();
        let kind = scan.number(4)? as u32;
        let from = scan.at;
        scan.skip(kind)?;
        if !key.starts_with(b"tokenizer.") {
            continue;
        }
        let value = bytes[from..scan.at].to_vec();
        let entry = match key.as_slice() {
            b"tokenizer.ggml.tokens" | b"tokenizer.ggml.token_type" => lengthened(value, words),
            _ => value,
        };
        all.push((key, Entry::Raw(kind, entry)));
    }
    Ok(all)
}

/// An array of texts or of 32-bit numbers with `words` elements at least.
fn lengthened(mut array: Vec<u8>, words: u32) -> Vec<u8> {
    const TEXTS: [u8; 4] = 8_u32.to_le_bytes();
    let is_text = array[..4] == TEXTS;
    let there = array[4..8]
        .iter()
        .rev()
        .fold(0, |sum, &byte| sum << 8 | u32::from(byte));
    for number in there..words {
        if is_text {
            let word = format!("word{number}");
            array.extend((word.len() as u64).to_le_bytes());
            array.extend(word.into_bytes());
        } else {
            array.extend(NORMAL.to_le_bytes());
        }
    }
    array[4..12].copy_from_slice(&u64::from(there.max(words)).to_le_bytes());
    array
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn take(&mut self, count: u64) -> io::Result<&'a [u8]> {
        let end = self.at.saturating_add(count as usize);
        let taken = self.bytes.get(self.at..end);
        self.at = end;
        taken.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn number(&mut self, bytes: u64) -> io::Result<u64> {
        let taken = self.take(bytes)?.iter().rev();
        Ok(taken.fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }

    fn skip(&mut self, kind: u32) -> io::Result<()> {
        let fixed = |kind| match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            10..=12 => 8,
            _ => 4,
        };
        match kind {
            8 => {
                let length = self.number(8)?;
                self.take(length)?;
            }
            9 => {
                let of = self.number(4)? as u32;
                let elements = self.number(8)?;
                if of == 8 {
                    for _ in 0..elements {
                        self.skip(8)?;
                    }
                } else {
                    self.take(elements * fixed(of))?;
                }
            }
            other => {
                self.take(fixed(other))?;
            }
        }
        Ok(())
    }
}
