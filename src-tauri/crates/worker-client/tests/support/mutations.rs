//! Sound models, changed at random in a few places of their headers.

use super::gguf_builder::{Entry, Gguf, TensorEntry};
use super::hostile_models::{SMALL, sound};
use super::model_writer::{Kind, Shape, describe, write_to};
use super::random::Random;
use super::vocabulary;

/// A file that is longer is not tried: what its length would cost is not what is asked here.
const MOST_BYTES: u64 = 4 << 20;

/// Keys that readers know, whether or not the file has them; behind the architecture, or whole.
const KEYS: [&str; 40] = [
    ".attention.causal",
    ".attention.clamp_kqv",
    ".attention.head_count",
    ".attention.head_count_kv",
    ".attention.key_length",
    ".attention.layer_norm_epsilon",
    ".attention.layer_norm_rms_epsilon",
    ".attention.max_alibi_bias",
    ".attention.scale",
    ".attention.sliding_window",
    ".attention.value_length",
    ".block_count",
    ".context_length",
    ".embedding_length",
    ".expert_count",
    ".expert_used_count",
    ".expert_weights_scale",
    ".feed_forward_length",
    ".leading_dense_block_count",
    ".logit_scale",
    ".pooling_type",
    ".rope.dimension_count",
    ".rope.freq_base",
    ".rope.scaling.factor",
    ".rope.scaling.original_context_length",
    ".rope.scaling.type",
    ".use_parallel_residual",
    ".vocab_size",
    "general.alignment",
    "general.file_type",
    "general.quantization_version",
    "general.type",
    "split.count",
    "tokenizer.ggml.add_bos_token",
    "tokenizer.ggml.add_space_prefix",
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.padding_token_id",
    "tokenizer.ggml.pre",
    "tokenizer.ggml.scores",
];

const NUMBERS: [u64; 20] = [
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    16,
    31,
    32,
    64,
    255,
    512,
    4096,
    65_536,
    1 << 20,
    1 << 24,
    1 << 31,
    u32::MAX as u64,
    u64::MAX,
];

const FRACTIONS: [f32; 10] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1e-5,
    1e-38,
    1e38,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

const TEXTS: [&str; 12] = [
    "",
    " ",
    "\0",
    "llama",
    "qwen2",
    "gpt2",
    "llama-bpe",
    "yarn",
    "none",
    "<|im_end|>",
    "{{ messages[0].content }}",
    "\u{1f980}\u{202e}",
];

/// Number in the format, weights and bytes of a block.
const KINDS: [(u32, u64, u64); 15] = [
    (0, 1, 4),
    (1, 1, 2),
    (2, 32, 18),
    (3, 32, 20),
    (6, 32, 22),
    (7, 32, 24),
    (8, 32, 34),
    (9, 32, 36),
    (10, 256, 84),
    (11, 256, 110),
    (12, 256, 144),
    (13, 256, 176),
    (14, 256, 210),
    (15, 256, 292),
    (30, 1, 2),
];

/// Sound models of several kinds, small enough to load in a moment.
pub fn bases() -> Vec<Gguf> {
    let of = |architecture, tied, weights| {
        let shape = Shape {
            architecture,
            tied,
            weights,
            ..SMALL
        };
        describe(
            &shape,
            vocabulary::of_bytes(shape.words, vocabulary::CHATML),
        )
    };
    vec![
        sound(),
        of("llama", true, Kind::F16),
        of("qwen2", true, Kind::Q8_0),
        of("qwen3", false, Kind::Q4_0),
        of("qwen3", false, Kind::F32),
    ]
}

/// One of [`bases`], changed; `None` where that makes a file that is too long. The same for the same seed.
pub fn mutated(seed: u64) -> Option<Vec<u8>> {
    let mut random = Random(seed);
    let all = bases();
    let mut file = random.one_of(&all).clone();
    let changes = 1 + random.below(3);
    // A file whose bytes alone are changed has the words of a sound one around them.
    let by_bytes = random.once_in(4);
    if !by_bytes {
        for _ in 0..changes {
            change(&mut file, &mut random);
        }
    }
    let bytes = file
        .tensors
        .iter()
        .fold(0_u64, |sum, tensor| sum.saturating_add(tensor.bytes));
    if bytes > MOST_BYTES {
        return None;
    }
    let header = file.header().0.len();
    let mut out = Vec::new();
    write_to(&file, &mut out).ok()?;
    if by_bytes {
        for _ in 0..changes {
            change_bytes(&mut out[..header], &mut random);
        }
    }
    Some(out)
}

fn change_bytes(header: &mut [u8], random: &mut Random) {
    // The numbers and the tensors stand at the ends; between them is the vocabulary.
    let end = header.len();
    let at = match random.below(3) {
        0 => random.below(end.min(800)),
        1 => end - 1 - random.below(end.min(2000)),
        _ => random.below(end),
    };
    match random.below(4) {
        0 => header[at] = random.number() as u8,
        1 if at + 8 <= end => {
            let number = *random.one_of(&NUMBERS);
            header[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        2 if at + 4 <= end => {
            let number = random.one_of(&FRACTIONS).to_le_bytes();
            header[at..at + 4].copy_from_slice(&number);
        }
        _ => header[at] ^= 1 << random.below(8),
    }
}

fn change(file: &mut Gguf, random: &mut Random) {
    match random.below(12) {
        0..=2 => change_entry(file, random),
        3..=4 => {
            let key = known_key(file, random);
            let entry = entry(random);
            set(file, &key, entry);
        }
        5 => {
            let at = random.below(file.entries.len());
            file.entries.remove(at);
        }
        6 => file.entries.rotate_left(random.below(8)),
        7..=9 => change_tensor(file, random),
        10 => {
            let alignment = *random.one_of(&[1_u32, 8, 16, 64, 256, 4096]);
            file.alignment = alignment.into();
            set(file, "general.alignment", Entry::U32(alignment));
        }
        _ => match random.below(4) {
            0 => file.version = 2,
            1 => file.tensor_count = Some(file.tensors.len() as u64 - 1),
            2 => file.entry_count = Some(file.entries.len() as u64 - 1),
            _ => {
                let at = random.below(file.entries.len());
                let key = &mut file.entries[at].0;
                let byte = random.below(key.len());
                key[byte] ^= 1 << random.below(7);
            }
        },
    }
}

fn known_key(file: &Gguf, random: &mut Random) -> String {
    let key = *random.one_of(&KEYS);
    let architecture = file
        .entries
        .iter()
        .find_map(|(key, entry)| match entry {
            Entry::String(name) if key == b"general.architecture" => {
                Some(String::from_utf8_lossy(name).into_owned())
            }
            _ => None,
        })
        .unwrap_or_default();
    if key.starts_with('.') {
        format!("{architecture}{key}")
    } else {
        key.to_owned()
    }
}

fn set(file: &mut Gguf, key: &str, entry: Entry) {
    match file.entries.iter_mut().find(|(k, _)| k == key.as_bytes()) {
        Some(slot) => slot.1 = entry,
        None => file.entries.push((key.as_bytes().to_vec(), entry)),
    }
}

/// Any value of any type.
fn entry(random: &mut Random) -> Entry {
    let number = *random.one_of(&NUMBERS);
    match random.below(12) {
        0..=3 => Entry::U32(number as u32),
        4 => Entry::U64(number),
        5 => Entry::I32((number as i32).wrapping_neg()),
        6..=7 => Entry::F32(*random.one_of(&FRACTIONS)),
        8 => Entry::Bool(random.below(2) as u8),
        9 => Entry::String(random.one_of(&TEXTS).as_bytes().to_vec()),
        10 => Entry::F32s(vec![*random.one_of(&FRACTIONS); random.below(400)]),
        _ => Entry::I32s(vec![number as i32; random.below(400)]),
    }
}

/// Another value of the same type, near the old one as often as not.
fn change_entry(file: &mut Gguf, random: &mut Random) {
    let at = random.below(file.entries.len());
    match &mut file.entries[at].1 {
        Entry::U32(number) => *number = near((*number).into(), random) as u32,
        Entry::U64(number) => *number = near(*number, random),
        Entry::U8(number) | Entry::Bool(number) => *number ^= 1,
        Entry::I32(number) => *number = number.wrapping_add(1),
        Entry::F32(number) => *number = *random.one_of(&FRACTIONS),
        Entry::String(text) => change_text(text, random),
        Entry::Strings(texts) => change_list(texts, random, |text, random| {
            let mut bytes = text.clone().into_bytes();
            change_text(&mut bytes, random);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }),
        Entry::I32s(numbers) => change_list(numbers, random, |number, random| {
            *number = near((*number).unsigned_abs().into(), random) as i32;
        }),
        Entry::F32s(numbers) => change_list(numbers, random, |number, random| {
            *number = *random.one_of(&FRACTIONS);
        }),
        Entry::Raw(..) => {}
    }
}

fn near(number: u64, random: &mut Random) -> u64 {
    match random.below(6) {
        0 => number.wrapping_add(1),
        1 => number.wrapping_sub(1),
        2 => number.wrapping_mul(2),
        3 => number / 2,
        _ => *random.one_of(&NUMBERS),
    }
}

fn change_text(text: &mut Vec<u8>, random: &mut Random) {
    match random.below(6) {
        0 => *text = random.one_of(&TEXTS).as_bytes().to_vec(),
        1 => text.truncate(random.below(text.len() + 1)),
        2 => {
            let part = text.clone();
            text.extend(part);
        }
        3 if !text.is_empty() => {
            let from = random.below(text.len());
            let to = (from + 1 + random.below(8)).min(text.len());
            text.drain(from..to);
        }
        4 => {
            let at = random.below(text.len() + 1);
            let more = random.one_of(&["{{", "}}", "{%", "%}", "|", "(", "'", "\u{feff}"]);
            text.splice(at..at, more.bytes());
        }
        _ if !text.is_empty() => {
            let at = random.below(text.len());
            text[at] ^= 1 << random.below(8);
        }
        _ => text.push(0xff),
    }
}

fn change_list<T: Clone>(
    list: &mut Vec<T>,
    random: &mut Random,
    one: impl Fn(&mut T, &mut Random),
) {
    if list.is_empty() {
        return;
    }
    let at = random.below(list.len());
    match random.below(6) {
        0 => list.truncate(at),
        1 => list.extend_from_within(at..),
        2 => {
            let value = list[at].clone();
            list.fill(value);
        }
        3 => list.rotate_left(at),
        _ => {
            for _ in 0..1 + random.below(8) {
                let at = random.below(list.len());
                one(&mut list[at], random);
            }
        }
    }
}

fn change_tensor(file: &mut Gguf, random: &mut Random) {
    let count = file.tensors.len();
    let (at, other) = (random.below(count), random.below(count));
    match random.below(10) {
        0 => {
            file.tensors.remove(at);
        }
        1 => file.tensors.swap(at, other),
        2 => {
            let name = file.tensors[other].name.clone();
            file.tensors[other].name = std::mem::replace(&mut file.tensors[at].name, name);
        }
        3 => {
            let name = &mut file.tensors[at].name;
            let byte = random.below(name.len());
            name[byte] ^= 1 << random.below(5);
        }
        4 => {
            let mut more = file.tensors[at].clone();
            more.name.extend(b".more");
            file.tensors.push(more);
        }
        5..=6 => {
            file.tensors[at].kind = random.one_of(&KINDS).0;
            measure(&mut file.tensors[at]);
        }
        _ => {
            let tensor = &mut file.tensors[at];
            let dimensions = &mut tensor.dimensions;
            if dimensions.is_empty() {
                dimensions.push(1);
            }
            let which = random.below(dimensions.len());
            match random.below(7) {
                0 => dimensions.reverse(),
                1 => dimensions.push(*random.one_of(&[0, 1, 2])),
                2 => dimensions.truncate(which),
                3 => dimensions.insert(0, 1),
                4 => {
                    // The same weights in another shape.
                    if let Some(halved) = dimensions.get(which).map(|length| length / 2) {
                        dimensions[which] = halved;
                        let last = dimensions.len() - 1;
                        dimensions[(which + 1).min(last)] *= 2;
                    }
                }
                _ => dimensions[which] = near(dimensions[which], random),
            }
            // Else its data is shorter or longer than it says.
            if !random.once_in(8) {
                measure(tensor);
            }
        }
    }
}

/// Gives a tensor as many bytes as its description says.
fn measure(tensor: &mut TensorEntry) {
    let Some((_, block, bytes)) = KINDS.iter().find(|(kind, _, _)| *kind == tensor.kind) else {
        return;
    };
    let elements = tensor
        .dimensions
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length));
    // What is too much for a file is left as it is: the check must refuse it.
    if let Some(elements) = elements.filter(|elements| *elements < MOST_BYTES) {
        tensor.bytes = elements / block * bytes;
    }
}
