//! Reads a header's bytes into [`Header`], within the caps. Knows the format, not what a model needs.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::BufRead;

use super::types::{TensorType, ValueType, tensor_type};
use super::{Fault, limits};

const MAGIC: &[u8; 4] = b"GGUF";
const DEFAULT_ALIGNMENT: u32 = 32;
/// What llama.cpp reads in one go. It asserts that weights which it maps lie so.
const KERNEL_ALIGNMENT: u64 = 32;
const WORDS: &str = "tokenizer.ggml.tokens";

/// A header as the file has it. Strings are kept where they are short, arrays only by length and type.
#[derive(Debug)]
pub(super) struct Header {
    /// Of all parts.
    pub(super) file_bytes: u64,
    /// Files that were put together.
    pub(super) parts: usize,
    pub(super) entries: HashMap<String, Value>,
    pub(super) tensors: HashMap<String, Tensor>,
    pub(super) words: Words,
}

/// What matters of the vocabulary's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// Whether two are the same.
    pub(super) repeats: bool,
    /// Bytes for which there is a word.
    pub(super) bytes: BTreeSet<u8>,
}

/// A metadata value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Any whole number that is not negative, and the type it was written with.
    Unsigned(u64, ValueType),
    /// A negative number.
    Negative,
    Float(f64, ValueType),
    Bool,
    String(String),
    /// Longer than [`limits::TEMPLATE_BYTES`], so of no use here.
    LongString,
    Array {
        of: ValueType,
        elements: u64,
    },
}

/// What the header says of one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) kind: TensorType,
    /// As the file has them: the length of a row first.
    pub(super) dimensions: Vec<u64>,
    pub(super) elements: u64,
    /// Where it begins, counted from the end of the header.
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

pub(super) fn header<R: BufRead>(reader: R, file_bytes: u64) -> Result<Header, Fault> {
    let mut cursor = Cursor {
        reader,
        position: 0,
        end: file_bytes.min(limits::HEADER_BYTES),
        file_bytes,
        words: Words::default(),
    };
    if file_bytes == 0 {
        return bad("it is empty");
    }
    match cursor.bytes::<4>() {
        Ok(magic) if &magic == MAGIC => {}
        _ => return bad("it does not begin with the letters GGUF"),
    }
    match cursor.u32()? {
        2 | 3 => {}
        big if big.swap_bytes() == 2 || big.swap_bytes() == 3 => {
            return bad("it was written for big-endian machines");
        }
        version => return bad(format!("version {version} of the format is not known")),
    }
    let tensor_count = capped(cursor.u64()?, limits::TENSORS, "tensors")?;
    let entry_count = capped(cursor.u64()?, limits::ENTRIES, "metadata entries")?;

    let mut entries = HashMap::new();
    for _ in 0..entry_count {
        let key = cursor.name("a metadata key")?;
        let value = cursor.value(&key)?;
        if entries.insert(key.clone(), value).is_some() {
            return bad(format!("the metadata key {key} is there twice"));
        }
    }
    // Some tools leave the first part of a split model to the metadata.
    if tensor_count == 0 && !entries.contains_key("split.count") {
        return bad("it holds no tensors");
    }
    let alignment = alignment(&entries)?;

    let mut tensors = HashMap::new();
    let mut places = Vec::new();
    for _ in 0..tensor_count {
        let name = cursor.name("a tensor's name")?;
        let (tensor, offset) = cursor.tensor(&name)?;
        if offset % u64::from(alignment) != 0 {
            return bad(format!(
                "the data of tensor {name} is not aligned to {alignment} bytes"
            ));
        }
        places.push((offset, tensor.bytes, name.clone()));
        if tensors.insert(name.clone(), tensor).is_some() {
            return bad(format!("the tensor {name} is there twice"));
        }
    }
    let data_start = cursor
        .position
        .checked_next_multiple_of(u64::from(alignment))
        .ok_or_else(|| Fault::Bad("its header has no end".to_owned()))?;
    check_places(places, data_start, file_bytes)?;
    Ok(Header {
        file_bytes,
        parts: 1,
        entries,
        tensors,
        words: cursor.words,
    })
}

fn alignment(entries: &HashMap<String, Value>) -> Result<u32, Fault> {
    match entries.get("general.alignment") {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(Value::Unsigned(alignment, ValueType::U32)) => match u32::try_from(*alignment) {
            Ok(alignment) if alignment.is_power_of_two() && alignment <= limits::ALIGNMENT => {
                Ok(alignment)
            }
            _ => bad(format!(
                "its alignment is {alignment}, not a power of two up to {}",
                limits::ALIGNMENT
            )),
        },
        Some(_) => bad("its alignment is no 32-bit number"),
    }
}

/// All data lies within the file, at places that kernels can read from, and no two tensors share a byte.
fn check_places(
    mut places: Vec<(u64, u64, String)>,
    data_start: u64,
    file_bytes: u64,
) -> Result<(), Fault> {
    places.sort_unstable();
    let mut free_from = 0;
    for (offset, bytes, name) in places {
        let end = offset
            .checked_add(bytes)
            .filter(|end| {
                data_start
                    .checked_add(*end)
                    .is_some_and(|end| end <= file_bytes)
            })
            .ok_or_else(|| {
                Fault::Bad(format!(
                    "the data of tensor {name} would lie past the end of the file; it may be cut off"
                ))
            })?;
        if !(data_start + offset).is_multiple_of(KERNEL_ALIGNMENT) {
            return bad(format!(
                "the data of tensor {name} does not begin at a multiple of {KERNEL_ALIGNMENT} bytes"
            ));
        }
        if offset < free_from {
            return bad(format!("the data of tensor {name} overlaps another's"));
        }
        free_from = end;
    }
    Ok(())
}

struct Cursor<R> {
    reader: R,
    position: u64,
    /// Where reading stops: the end of the file or of what a header may have.
    end: u64,
    file_bytes: u64,
    words: Words,
}

impl<R: BufRead> Cursor<R> {
    /// Claims the next `count` bytes.
    fn take(&mut self, count: u64) -> Result<(), Fault> {
        match self.position.checked_add(count) {
            Some(position) if position <= self.end => {
                self.position = position;
                Ok(())
            }
            Some(position) if position <= self.file_bytes => bad(format!(
                "its header is longer than {} MiB",
                limits::HEADER_BYTES >> 20
            )),
            _ => bad("it ends within its header"),
        }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.take(N as u64)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }

    fn skip(&mut self, count: u64) -> Result<(), Fault> {
        self.take(count)?;
        let mut left = count;
        while left > 0 {
            let there = self.reader.fill_buf().map_err(unreadable)?.len();
            if there == 0 {
                return bad("it ends within its header");
            }
            let used = usize::try_from(left).map_or(there, |left| left.min(there));
            self.reader.consume(used);
            left -= used as u64;
        }
        Ok(())
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, Fault> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    /// A short string that must be UTF-8.
    fn name(&mut self, what: &str) -> Result<String, Fault> {
        let length = self.u64()?;
        if length == 0 || length > limits::NAME_BYTES {
            return bad(format!(
                "{what} has {length} bytes, 1 to {} are allowed",
                limits::NAME_BYTES
            ));
        }
        String::from_utf8(self.text(length)?)
            .map_err(|_| Fault::Bad(format!("{what} is not valid UTF-8")))
    }

    /// `length` bytes, after they were claimed: so a wrong length never allocates more than the file holds.
    fn text(&mut self, length: u64) -> Result<Vec<u8>, Fault> {
        self.take(length)?;
        let size = usize::try_from(length).map_err(|_| Fault::Bad("a text is too long".into()))?;
        let mut bytes = vec![0; size];
        self.reader.read_exact(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }

    fn value(&mut self, key: &str) -> Result<Value, Fault> {
        match self.value_type(key)? {
            ValueType::Array => self.array(key),
            ValueType::String => self.string(key),
            plain => self.plain(key, plain),
        }
    }

    fn value_type(&mut self, key: &str) -> Result<ValueType, Fault> {
        let number = self.u32()?;
        ValueType::from_number(number)
            .ok_or_else(|| Fault::Bad(format!("the type {number} of {key} is not known")))
    }

    fn string(&mut self, key: &str) -> Result<Value, Fault> {
        let length = self.string_length(key)?;
        if length > limits::TEMPLATE_BYTES {
            self.skip(length)?;
            return Ok(Value::LongString);
        }
        // Vocabularies and texts of real files are not always valid UTF-8; the engine replaces what is not, too.
        let text = String::from_utf8_lossy(&self.text(length)?).into_owned();
        Ok(Value::String(text.trim_end_matches('\0').to_owned()))
    }

    fn string_length(&mut self, key: &str) -> Result<u64, Fault> {
        let length = self.u64()?;
        if length > limits::STRING_BYTES {
            return bad(format!(
                "a text in {key} claims {length} bytes, at most {} are allowed",
                limits::STRING_BYTES
            ));
        }
        Ok(length)
    }

    fn array(&mut self, key: &str) -> Result<Value, Fault> {
        let of = self.value_type(key)?;
        let elements = capped(
            self.u64()?,
            limits::ARRAY_ELEMENTS,
            &format!("elements in {key}"),
        )?;
        match of {
            ValueType::Array => return bad(format!("{key} is an array of arrays")),
            ValueType::String if key == WORDS => {
                let mut all = Vec::new();
                for _ in 0..elements {
                    let length = self.string_length(key)?;
                    let text = self.text(length)?;
                    // As llama.cpp does, up to a zero; it gives the empty ones names of their own.
                    let word = text.split(|byte| *byte == 0).next().unwrap_or_default();
                    if !word.is_empty() {
                        all.push(fingerprint(word));
                    }
                    self.words.bytes.extend(byte_of(word));
                }
                all.sort_unstable();
                self.words.repeats = all.windows(2).any(|pair| pair[0] == pair[1]);
            }
            ValueType::String => {
                for _ in 0..elements {
                    let length = self.string_length(key)?;
                    self.skip(length)?;
                }
            }
            ValueType::Bool => {
                for _ in 0..elements {
                    self.plain(key, ValueType::Bool)?;
                }
            }
            // `elements` is capped, so this cannot overflow.
            fixed => self.skip(elements * fixed.bytes())?,
        }
        Ok(Value::Array { of, elements })
    }

    fn plain(&mut self, key: &str, of: ValueType) -> Result<Value, Fault> {
        let signed = |number: i64| match u64::try_from(number) {
            Ok(number) => Value::Unsigned(number, of),
            Err(_) => Value::Negative,
        };
        Ok(match of {
            ValueType::U8 => Value::Unsigned(u8::from_le_bytes(self.bytes()?).into(), of),
            ValueType::U16 => Value::Unsigned(u16::from_le_bytes(self.bytes()?).into(), of),
            ValueType::U32 => Value::Unsigned(u32::from_le_bytes(self.bytes()?).into(), of),
            ValueType::U64 => Value::Unsigned(u64::from_le_bytes(self.bytes()?), of),
            ValueType::I8 => signed(i8::from_le_bytes(self.bytes()?).into()),
            ValueType::I16 => signed(i16::from_le_bytes(self.bytes()?).into()),
            ValueType::I32 => signed(i32::from_le_bytes(self.bytes()?).into()),
            ValueType::I64 => signed(i64::from_le_bytes(self.bytes()?)),
            ValueType::F32 => Value::Float(f32::from_le_bytes(self.bytes()?).into(), of),
            ValueType::F64 => Value::Float(f64::from_le_bytes(self.bytes()?), of),
            ValueType::Bool => match self.bytes()? {
                [0 | 1] => Value::Bool,
                [other] => return bad(format!("{key} is neither true nor false but {other}")),
            },
            ValueType::String | ValueType::Array => {
                return bad(format!("{key} has no plain value"));
            }
        })
    }

    fn tensor(&mut self, name: &str) -> Result<(Tensor, u64), Fault> {
        let count = self.u32()?;
        if count == 0 || count > limits::DIMENSIONS {
            return bad(format!(
                "tensor {name} has {count} dimensions, 1 to {} are allowed",
                limits::DIMENSIONS
            ));
        }
        let mut dimensions = Vec::new();
        for _ in 0..count {
            dimensions.push(self.u64()?);
        }
        let kind = tensor_type(self.u32()?).map_err(Fault::Quantization)?;
        let offset = self.u64()?;
        let elements = dimensions
            .iter()
            .try_fold(1_u64, |product, dimension| product.checked_mul(*dimension))
            .ok_or_else(|| Fault::Bad(format!("the size of tensor {name} is beyond counting")))?;
        if elements == 0 {
            return bad(format!("tensor {name} has a dimension of zero"));
        }
        if dimensions[0] % kind.block != 0 {
            return bad(format!(
                "a row of tensor {name} does not divide into blocks of {} weights",
                kind.block
            ));
        }
        let bytes = (elements / kind.block)
            .checked_mul(kind.bytes)
            .ok_or_else(|| Fault::Bad(format!("the size of tensor {name} is beyond counting")))?;
        Ok((
            Tensor {
                kind,
                dimensions,
                elements,
                offset,
                bytes,
            },
            offset,
        ))
    }
}

fn capped(count: u64, limit: u64, what: &str) -> Result<u64, Fault> {
    if count > limit {
        return bad(format!(
            "it claims {count} {what}, at most {limit} are allowed"
        ));
    }
    Ok(count)
}

fn fingerprint(word: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    hasher.finish()
}

/// The byte that a word stands for, written as `<0x0A>` or as itself.
fn byte_of(word: &[u8]) -> Option<u8> {
    if let [byte] = word {
        return Some(*byte);
    }
    let digits = word.strip_prefix(b"<0x")?.strip_suffix(b">")?;
    let is_one = digits.len() == 2
        && digits
            .iter()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    let digits = is_one.then(|| std::str::from_utf8(digits).ok())??;
    u8::from_str_radix(digits, 16).ok()
}

fn unreadable(error: std::io::Error) -> Fault {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return Fault::Bad("it ends within its header".to_owned());
    }
    Fault::Bad(format!("it could not be read: {error}"))
}

pub(super) fn bad<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Bad(reason.into()))
}
