//! Crafted files: what is bent in each, and the exact words it is refused with.

mod edges;

use super::Fault;
use super::builder::{Entry, Gguf, TensorEntry, array, tiny};

pub(super) use edges::{edges, wide};

pub(super) fn text(text: &str) -> Entry {
    Entry::String(text.as_bytes().to_vec())
}

/// A string that claims `length` bytes and has none.
fn claim(length: u64) -> Entry {
    Entry::Raw(8, length.to_le_bytes().to_vec())
}

/// An array that claims `elements` and has none.
pub(super) fn array_claim(of: u32, elements: u64) -> Entry {
    let mut bytes = of.to_le_bytes().to_vec();
    bytes.extend(elements.to_le_bytes());
    Entry::Raw(9, bytes)
}

pub(super) fn bent(change: impl FnOnce(&mut Gguf)) -> Gguf {
    tiny().with(change)
}

/// `tiny` with its second tensor changed.
fn second(change: impl FnOnce(&mut TensorEntry)) -> Gguf {
    bent(|file| change(&mut file.tensors[1]))
}

pub(super) fn bad(reason: &str) -> Fault {
    Fault::Bad(reason.to_owned())
}

pub(super) const ENDS: &str = "it ends within its header";

pub(super) fn table() -> Vec<(&'static str, Gguf, Fault)> {
    let shape = "its shape does not fit: width";
    let at_name = |value: Entry| tiny().set("general.name", value);
    vec![
        (
            "magic",
            bent(|f| f.magic = *b"GGML"),
            bad("it does not begin with the letters GGUF"),
        ),
        (
            "zip",
            bent(|f| f.magic = *b"PK\x03\x04"),
            bad("it does not begin with the letters GGUF"),
        ),
        (
            "version 0",
            bent(|f| f.version = 0),
            bad("version 0 of the format is not known"),
        ),
        (
            "version 1",
            bent(|f| f.version = 1),
            bad("version 1 of the format is not known"),
        ),
        (
            "version 4",
            bent(|f| f.version = 4),
            bad("version 4 of the format is not known"),
        ),
        (
            "version huge",
            bent(|f| f.version = u32::MAX),
            bad("version 4294967295 of the format is not known"),
        ),
        (
            "big-endian",
            bent(|f| f.version = 3_u32.swap_bytes()),
            bad("it was written for big-endian machines"),
        ),
        (
            "tensors 0",
            bent(|f| f.tensor_count = Some(0)),
            bad("it holds no tensors"),
        ),
        (
            "tensors 2^63",
            bent(|f| f.tensor_count = Some(1 << 63)),
            bad("it claims 9223372036854775808 tensors, at most 65536 are allowed"),
        ),
        (
            "tensors one more",
            bent(|f| f.tensor_count = Some(4)),
            bad("a tensor's name has 0 bytes, 1 to 1024 are allowed"),
        ),
        (
            "tensors 60,000",
            bent(|f| f.tensor_count = Some(60_000)),
            bad("a tensor's name has 0 bytes, 1 to 1024 are allowed"),
        ),
        (
            "entries 2^63",
            bent(|f| f.entry_count = Some(1 << 63)),
            bad("it claims 9223372036854775808 metadata entries, at most 4096 are allowed"),
        ),
        (
            "entries 4097",
            bent(|f| f.entry_count = Some(4097)),
            bad("it claims 4097 metadata entries, at most 4096 are allowed"),
        ),
        (
            "entries none",
            bent(|f| f.entries.clear()),
            bad("it does not say its architecture"),
        ),
        (
            "key empty",
            bent(|f| f.entries[1].0.clear()),
            bad("a metadata key has 0 bytes, 1 to 1024 are allowed"),
        ),
        (
            "key long",
            bent(|f| f.entries[1].0 = vec![b'k'; 1025]),
            bad("a metadata key has 1025 bytes, 1 to 1024 are allowed"),
        ),
        (
            "key not UTF-8",
            bent(|f| f.entries[1].0 = vec![0xff, 0xfe]),
            bad("a metadata key is not valid UTF-8"),
        ),
        (
            "key twice",
            bent(|f| {
                f.entries
                    .push((b"general.architecture".to_vec(), text("qwen2")))
            }),
            bad("the metadata key general.architecture is there twice"),
        ),
        (
            "value type",
            at_name(Entry::Raw(13, vec![])),
            bad("the type 13 of general.name is not known"),
        ),
        (
            "string 2^62",
            at_name(claim(1 << 62)),
            bad(
                "a text in general.name claims 4611686018427387904 bytes, at most 16777216 are allowed",
            ),
        ),
        (
            "string 2^40",
            at_name(claim(1 << 40)),
            bad("a text in general.name claims 1099511627776 bytes, at most 16777216 are allowed"),
        ),
        (
            "string 2^63",
            at_name(claim(1 << 63)),
            bad(
                "a text in general.name claims 9223372036854775808 bytes, at most 16777216 are allowed",
            ),
        ),
        (
            "string 1 GiB",
            at_name(claim(1 << 30)),
            bad("a text in general.name claims 1073741824 bytes, at most 16777216 are allowed"),
        ),
        ("string past the end", at_name(claim(10 << 20)), bad(ENDS)),
        (
            "short string past the end",
            at_name(claim(900_000)),
            bad(ENDS),
        ),
        (
            "array 2^40",
            at_name(array_claim(4, 1 << 40)),
            bad("it claims 1099511627776 elements in general.name, at most 4194304 are allowed"),
        ),
        (
            "array 2^63",
            at_name(array_claim(8, 1 << 63)),
            bad(
                "it claims 9223372036854775808 elements in general.name, at most 4194304 are allowed",
            ),
        ),
        (
            "array past the end",
            at_name(array_claim(4, 4_000_000)),
            bad(ENDS),
        ),
        (
            "array of strange things",
            at_name(array_claim(99, 1)),
            bad("the type 99 of general.name is not known"),
        ),
        (
            "array of arrays",
            at_name(Entry::Raw(
                9,
                [array(9, 1), array(9, 1), array(4, 0)].concat(),
            )),
            bad("general.name is an array of arrays"),
        ),
        (
            "arrays 65 deep",
            at_name(Entry::Raw(9, array(9, 1).repeat(65))),
            bad("general.name is an array of arrays"),
        ),
        (
            "array's string 1 GiB",
            at_name(Entry::Raw(
                9,
                [array(8, 1), (1_u64 << 30).to_le_bytes().to_vec()].concat(),
            )),
            bad("a text in general.name claims 1073741824 bytes, at most 16777216 are allowed"),
        ),
        (
            "bool 2",
            at_name(Entry::Bool(2)),
            bad("general.name is neither true nor false but 2"),
        ),
        (
            "bool 2 in an array",
            at_name(Entry::Raw(9, [array(7, 2), vec![1, 2]].concat())),
            bad("general.name is neither true nor false but 2"),
        ),
        (
            "alignment 0",
            tiny().set("general.alignment", Entry::U32(0)),
            bad("its alignment is 0, not a power of two up to 4096"),
        ),
        (
            "alignment odd",
            tiny().set("general.alignment", Entry::U32(33)),
            bad("its alignment is 33, not a power of two up to 4096"),
        ),
        (
            "alignment huge",
            tiny().set("general.alignment", Entry::U32(1 << 31)),
            bad("its alignment is 2147483648, not a power of two up to 4096"),
        ),
        (
            "alignment a text",
            tiny().set("general.alignment", text("32")),
            bad("its alignment is no 32-bit number"),
        ),
        (
            "alignment 8 bits",
            tiny().set("general.alignment", Entry::U8(0)),
            bad("its alignment is no 32-bit number"),
        ),
        (
            "alignment 64 bits",
            tiny().set("general.alignment", Entry::U64(32)),
            bad("its alignment is no 32-bit number"),
        ),
        (
            "tensor without a name",
            second(|t| t.name.clear()),
            bad("a tensor's name has 0 bytes, 1 to 1024 are allowed"),
        ),
        (
            "tensor's name not UTF-8",
            second(|t| t.name = vec![0xc3, 0x28]),
            bad("a tensor's name is not valid UTF-8"),
        ),
        (
            "tensor twice",
            second(|t| t.name = b"token_embd.weight".to_vec()),
            bad("the tensor token_embd.weight is there twice"),
        ),
        (
            "dimensions none",
            second(|t| t.dimensions.clear()),
            bad("tensor blk.0.attn_q.weight has 0 dimensions, 1 to 4 are allowed"),
        ),
        (
            "dimensions 5",
            second(|t| t.dimensions = vec![1; 5]),
            bad("tensor blk.0.attn_q.weight has 5 dimensions, 1 to 4 are allowed"),
        ),
        (
            "dimension 0",
            second(|t| t.dimensions = vec![32, 0]),
            bad("tensor blk.0.attn_q.weight has a dimension of zero"),
        ),
        (
            "2^40 x 2^40",
            second(|t| t.dimensions = vec![1 << 40, 1 << 40]),
            bad("the size of tensor blk.0.attn_q.weight is beyond counting"),
        ),
        (
            "2^63 x 2",
            second(|t| t.dimensions = vec![1 << 63, 2]),
            bad("the size of tensor blk.0.attn_q.weight is beyond counting"),
        ),
        (
            "bytes beyond counting",
            second(|t| {
                t.kind = 0;
                t.dimensions = vec![1 << 63];
            }),
            bad("the size of tensor blk.0.attn_q.weight is beyond counting"),
        ),
        (
            "row not in blocks",
            second(|t| t.dimensions = vec![31, 32]),
            bad("a row of tensor blk.0.attn_q.weight does not divide into blocks of 32 weights"),
        ),
        (
            "row not in K blocks",
            second(|t| t.kind = 12),
            bad("a row of tensor blk.0.attn_q.weight does not divide into blocks of 256 weights"),
        ),
        (
            "offset odd",
            second(|t| t.offset = Some(33)),
            bad("the data of tensor blk.0.attn_q.weight is not aligned to 32 bytes"),
        ),
        (
            "offset past the end",
            second(|t| t.offset = Some(1 << 40)),
            bad(
                "the data of tensor blk.0.attn_q.weight would lie past the end of the file; it may be cut off",
            ),
        ),
        (
            "offset at the edge",
            second(|t| t.offset = Some(u64::MAX - 31)),
            bad(
                "the data of tensor blk.0.attn_q.weight would lie past the end of the file; it may be cut off",
            ),
        ),
        (
            "overlap",
            second(|t| t.offset = Some(0)),
            bad("the data of tensor blk.0.attn_q.weight overlaps another's"),
        ),
        (
            "overlap by a little",
            second(|t| t.offset = Some(480)),
            bad("the data of tensor blk.0.attn_q.weight overlaps another's"),
        ),
        (
            "data cut off",
            bent(|f| f.cut = 64),
            bad(
                "the data of tensor output_norm.weight would lie past the end of the file; it may be cut off",
            ),
        ),
        (
            "IQ4_XS",
            second(|t| t.kind = 23),
            Fault::Quantization("IQ4_XS".to_owned()),
        ),
        (
            "MXFP4",
            second(|t| t.kind = 39),
            Fault::Quantization("MXFP4".to_owned()),
        ),
        (
            "TQ1_0",
            second(|t| t.kind = 34),
            Fault::Quantization("TQ1_0".to_owned()),
        ),
        (
            "tensor type 4",
            second(|t| t.kind = 4),
            Fault::Quantization("tensor type 4".to_owned()),
        ),
        (
            "tensor type huge",
            second(|t| t.kind = u32::MAX),
            Fault::Quantization("tensor type 4294967295".to_owned()),
        ),
        (
            "no architecture",
            tiny().without("general.architecture"),
            bad("it does not say its architecture"),
        ),
        (
            "architecture a number",
            tiny().set("general.architecture", Entry::U32(1)),
            bad("general.architecture is no text"),
        ),
        (
            "gemma3",
            tiny().set("general.architecture", text("gemma3")),
            Fault::Architecture("gemma3".to_owned()),
        ),
        (
            "qwen3moe",
            tiny().set("general.architecture", text("qwen3moe")),
            Fault::Architecture("qwen3moe".to_owned()),
        ),
        (
            "a long architecture",
            tiny().set("general.architecture", text(&"x".repeat(5000))),
            Fault::Architecture("x".repeat(40)),
        ),
        (
            "a part of several",
            tiny().set("split.count", Entry::Raw(2, vec![3, 0])),
            bad("it is one part of a model that was split into several files"),
        ),
        (
            "a negative part",
            tiny().set("split.count", Entry::I32(-1)),
            bad("it is one part of a model that was split into several files"),
        ),
        (
            "no layers",
            tiny().without("llama.block_count"),
            bad("llama.block_count is missing"),
        ),
        (
            "zero layers",
            tiny().set("llama.block_count", Entry::U32(0)),
            bad("llama.block_count is 0, 1 to 512 are allowed"),
        ),
        (
            "layers 64 bits",
            tiny().set("llama.block_count", Entry::U64(1)),
            bad("llama.block_count is no 32-bit number"),
        ),
        (
            "layers negative",
            tiny().set("llama.block_count", Entry::I32(-1)),
            bad("llama.block_count is no 32-bit number"),
        ),
        (
            "no width",
            tiny().without("llama.embedding_length"),
            bad("llama.embedding_length is missing"),
        ),
        (
            "no heads",
            tiny().set("llama.attention.head_count", Entry::U32(0)),
            bad("llama.attention.head_count is 0, 1 to 4096 are allowed"),
        ),
        (
            "heads by layer",
            tiny().set("llama.attention.head_count_kv", Entry::I32s(vec![2])),
            bad("llama.attention.head_count_kv is no 32-bit number"),
        ),
        (
            "heads that do not divide",
            tiny().set("llama.attention.head_count", Entry::U32(5)),
            bad(&format!("{shape} 32, 5 heads, 2 of them with keys")),
        ),
        (
            "key heads that do not divide",
            tiny().set("llama.attention.head_count_kv", Entry::U32(3)),
            bad(&format!("{shape} 32, 4 heads, 3 of them with keys")),
        ),
        (
            "no context",
            tiny().without("llama.context_length"),
            bad("llama.context_length is missing"),
        ),
        (
            "context 0",
            tiny().set("llama.context_length", Entry::U32(0)),
            bad("llama.context_length is no number from 1 to 16777216"),
        ),
        (
            "context 2^63",
            tiny().set("llama.context_length", Entry::U64(1 << 63)),
            bad("llama.context_length is no number from 1 to 16777216"),
        ),
        (
            "no positions",
            tiny().without("llama.rope.dimension_count"),
            bad("llama.rope.dimension_count is missing"),
        ),
        (
            "no epsilon",
            tiny().without("llama.attention.layer_norm_rms_epsilon"),
            bad("llama.attention.layer_norm_rms_epsilon is missing"),
        ),
        (
            "epsilon a number",
            tiny().set("llama.attention.layer_norm_rms_epsilon", Entry::U32(1)),
            bad("llama.attention.layer_norm_rms_epsilon is no 32-bit fraction"),
        ),
        (
            "epsilon NaN",
            tiny().set(
                "llama.attention.layer_norm_rms_epsilon",
                Entry::F32(f32::NAN),
            ),
            bad("llama.attention.layer_norm_rms_epsilon is no 32-bit fraction"),
        ),
        (
            "key length 0",
            tiny().set("llama.attention.key_length", Entry::U32(0)),
            bad("llama.attention.key_length is 0, 1 to 65536 are allowed"),
        ),
        (
            "no vocabulary",
            tiny().without("tokenizer.ggml.tokens"),
            bad("it has no vocabulary (tokenizer.ggml.tokens)"),
        ),
        (
            "empty vocabulary",
            tiny().set("tokenizer.ggml.tokens", Entry::Strings(vec![])),
            bad("it has no vocabulary (tokenizer.ggml.tokens)"),
        ),
        (
            "vocabulary of numbers",
            tiny().set("tokenizer.ggml.tokens", Entry::I32s(vec![1])),
            bad("it has no vocabulary (tokenizer.ggml.tokens)"),
        ),
        (
            "no tokenizer",
            tiny().without("tokenizer.ggml.model"),
            bad("it does not say its tokenizer (tokenizer.ggml.model)"),
        ),
        (
            "bert tokenizer",
            tiny().set("tokenizer.ggml.model", text("bert")),
            bad("its tokenizer “bert” is not supported"),
        ),
        (
            "no merges",
            tiny().without("tokenizer.ggml.merges"),
            bad("tokenizer.ggml.merges is missing"),
        ),
        (
            "no scores",
            tiny().set("tokenizer.ggml.model", text("llama")),
            bad("tokenizer.ggml.scores is missing"),
        ),
        (
            "token types of another kind",
            tiny().set("tokenizer.ggml.token_type", Entry::F32s(vec![1.0])),
            bad("tokenizer.ggml.token_type is no list of 32-bit numbers"),
        ),
        (
            "no end",
            tiny().without("tokenizer.ggml.eos_token_id"),
            bad("tokenizer.ggml.eos_token_id is missing or no number"),
        ),
        (
            "end past the vocabulary",
            tiny().set("tokenizer.ggml.eos_token_id", Entry::U32(4)),
            bad("tokenizer.ggml.eos_token_id is 4, the vocabulary has 4 words"),
        ),
        (
            "beginning past the vocabulary",
            tiny().set("tokenizer.ggml.bos_token_id", Entry::U32(u32::MAX)),
            bad("tokenizer.ggml.bos_token_id is 4294967295, the vocabulary has 4 words"),
        ),
        (
            "template a number",
            tiny().set("tokenizer.chat_template", Entry::U32(1)),
            bad("its chat template is no text"),
        ),
        (
            "template of 2 MiB",
            tiny().set("tokenizer.chat_template", text(&"x".repeat(2 << 20))),
            bad("its chat template is longer than 1 MiB"),
        ),
        (
            "no embedding",
            bent(|f| f.tensors[0].name = b"other".to_vec()),
            bad("the tensor token_embd.weight is missing"),
        ),
        (
            "narrow embedding",
            bent(|f| f.tensors[0].dimensions = vec![16, 8]),
            bad("the tensor token_embd.weight does not fit the vocabulary"),
        ),
        (
            "short embedding",
            bent(|f| f.tensors[0].dimensions = vec![32, 3]),
            bad("the tensor token_embd.weight does not fit the vocabulary"),
        ),
        (
            "flat embedding",
            bent(|f| f.tensors[0].dimensions = vec![128]),
            bad("the tensor token_embd.weight does not fit the vocabulary"),
        ),
    ]
}
