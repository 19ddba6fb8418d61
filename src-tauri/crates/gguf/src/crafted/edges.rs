//! Numbers, texts and places just past what is allowed, and names that mean something elsewhere.

use super::super::Fault;
use super::super::builder::{Entry, Gguf, array, tensor, tiny};
use super::{ENDS, array_claim, bad, bent, second, text};

/// The same for numbers, texts and places just past what is allowed, and for names that mean something elsewhere.
pub(crate) fn edges() -> Vec<(&'static str, Gguf, Fault)> {
    let set = |key: &str, entry: Entry| tiny().set(key, entry);
    let architecture = |name: &str| set("general.architecture", text(name));
    let kind = |number: u32, name: &str| {
        (
            second(|tensor| tensor.kind = number),
            Fault::Quantization(name.to_owned()),
        )
    };
    let named = |(name, (file, fault)): (&'static str, (Gguf, Fault))| (name, file, fault);
    let query = "tensor blk.0.attn_q.weight";
    let past = format!("the data of {query} would lie past the end of the file; it may be cut off");
    let beyond = format!("the size of {query} is beyond counting");
    let not_gguf = "it does not begin with the letters GGUF";
    let bytes_of = |dimensions: &[u64]| second(|tensor| tensor.dimensions = dimensions.to_vec());
    let allowed = |key: &str, number: u64, most: u64| {
        bad(&format!("{key} is {number}, 1 to {most} are allowed"))
    };
    let context = "llama.context_length is no number from 1 to 16777216";
    let epsilon = "llama.attention.layer_norm_rms_epsilon is no 32-bit fraction";
    [
        (
            "magic in small letters",
            (bent(|f| f.magic = *b"gguf"), bad(not_gguf)),
        ),
        (
            "magic backwards",
            (bent(|f| f.magic = *b"FUGG"), bad(not_gguf)),
        ),
        (
            "pickle",
            (bent(|f| f.magic = [0x80, 2, b'}', b'q']), bad(not_gguf)),
        ),
        (
            "version 2 for big-endian",
            (
                bent(|f| f.version = 2_u32.swap_bytes()),
                bad("it was written for big-endian machines"),
            ),
        ),
        (
            "tensor's name long",
            (
                second(|t| t.name = vec![b't'; 1025]),
                bad("a tensor's name has 1025 bytes, 1 to 1024 are allowed"),
            ),
        ),
        (
            "array of 64-bit numbers past the end",
            (set("general.name", array_claim(10, 4 << 20)), bad(ENDS)),
        ),
        (
            "array one too long",
            (
                set("general.name", array_claim(0, (4 << 20) + 1)),
                bad("it claims 4194305 elements in general.name, at most 4194304 are allowed"),
            ),
        ),
        (
            "strings past the end",
            (
                set(
                    "general.name",
                    Entry::Raw(
                        9,
                        [array(8, 9), 900_000_u64.to_le_bytes().to_vec()].concat(),
                    ),
                ),
                bad(ENDS),
            ),
        ),
        (
            "alignment 8192",
            (
                set("general.alignment", Entry::U32(8192)),
                bad("its alignment is 8192, not a power of two up to 4096"),
            ),
        ),
        (
            "alignment negative",
            (
                set("general.alignment", Entry::I32(-32)),
                bad("its alignment is no 32-bit number"),
            ),
        ),
        (
            "alignment of other data",
            (
                set("general.alignment", Entry::U32(1024)),
                bad(&format!(
                    "the data of {query} is not aligned to 1024 bytes"
                )),
            ),
        ),
        ("2^32 x 2^32", (bytes_of(&[1 << 32, 1 << 32]), bad(&beyond))),
        ("four times 2^16", (bytes_of(&[1 << 16; 4]), bad(&beyond))),
        (
            "2^33 x 2^31, nothing where it wraps",
            (bytes_of(&[1 << 33, 1 << 31]), bad(&beyond)),
        ),
        ("rows 2^50", (bytes_of(&[32, 1 << 50]), bad(&past))),
        (
            "one row more than there is",
            (second(|t| t.dimensions = vec![32, 1 << 20]), bad(&past)),
        ),
        ("IQ2_XXS", kind(16, "IQ2_XXS")),
        ("IQ4_NL", kind(20, "IQ4_NL")),
        ("a kind that was removed", kind(5, "tensor type 5")),
        ("64-bit weights", kind(28, "tensor type 28")),
        ("a kind of the future", kind(200, "tensor type 200")),
        (
            "architecture without letters",
            (architecture(""), Fault::Architecture(String::new())),
        ),
        (
            "architecture in capitals",
            (
                architecture("LLAMA"),
                Fault::Architecture("LLAMA".to_owned()),
            ),
        ),
        (
            "architecture a path",
            (
                architecture("../../etc/passwd"),
                Fault::Architecture("../../etc/passwd".to_owned()),
            ),
        ),
        (
            "clip",
            (architecture("clip"), Fault::Architecture("clip".to_owned())),
        ),
        (
            "layers 1025",
            (
                set("llama.block_count", Entry::U32(513)),
                allowed("llama.block_count", 513, 512),
            ),
        ),
        (
            "width 0",
            (
                set("llama.embedding_length", Entry::U32(0)),
                allowed("llama.embedding_length", 0, 1 << 20),
            ),
        ),
        (
            "width huge",
            (
                set("llama.embedding_length", Entry::U32(u32::MAX)),
                allowed("llama.embedding_length", u32::MAX.into(), 1 << 20),
            ),
        ),
        (
            "heads 4097",
            (
                set("llama.attention.head_count", Entry::U32(4097)),
                allowed("llama.attention.head_count", 4097, 4096),
            ),
        ),
        (
            "key heads 0",
            (
                set("llama.attention.head_count_kv", Entry::U32(0)),
                allowed("llama.attention.head_count_kv", 0, 4096),
            ),
        ),
        (
            "no key heads",
            (
                tiny().without("llama.attention.head_count_kv"),
                bad("llama.attention.head_count_kv is missing"),
            ),
        ),
        (
            "value length huge",
            (
                set("llama.attention.value_length", Entry::U32(65_537)),
                allowed("llama.attention.value_length", 65_537, 65_536),
            ),
        ),
        (
            "positions a text",
            (
                set("llama.rope.dimension_count", text("8")),
                bad("llama.rope.dimension_count is no 32-bit number"),
            ),
        ),
        (
            "context negative",
            (set("llama.context_length", Entry::I32(-1)), bad(context)),
        ),
        (
            "context a text",
            (set("llama.context_length", text("512")), bad(context)),
        ),
        (
            "epsilon without end",
            (
                set(
                    "llama.attention.layer_norm_rms_epsilon",
                    Entry::F32(f32::INFINITY),
                ),
                bad(epsilon),
            ),
        ),
        (
            "epsilon 64 bits",
            (
                set(
                    "llama.attention.layer_norm_rms_epsilon",
                    Entry::Raw(12, 1e-5_f64.to_le_bytes().to_vec()),
                ),
                bad(epsilon),
            ),
        ),
        (
            "end negative",
            (
                set("tokenizer.ggml.eos_token_id", Entry::I32(-1)),
                bad("tokenizer.ggml.eos_token_id is missing or no number"),
            ),
        ),
        (
            "unknown past the vocabulary",
            (
                set("tokenizer.ggml.unknown_token_id", Entry::U32(9)),
                bad("tokenizer.ggml.unknown_token_id is 9, the vocabulary has 4 words"),
            ),
        ),
        (
            "vocabulary a text",
            (
                set("tokenizer.ggml.tokens", text("a b c")),
                bad("it has no vocabulary (tokenizer.ggml.tokens)"),
            ),
        ),
        (
            "tokenizer a number",
            (
                set("tokenizer.ggml.model", Entry::U32(1)),
                bad("it does not say its tokenizer (tokenizer.ggml.model)"),
            ),
        ),
        (
            "scores that are whole",
            (
                set("tokenizer.ggml.model", text("llama"))
                    .set("tokenizer.ggml.scores", Entry::I32s(vec![0; 4])),
                bad("tokenizer.ggml.scores is missing"),
            ),
        ),
        (
            "template yes",
            (
                set("tokenizer.chat_template", Entry::Bool(1)),
                bad("its chat template is no text"),
            ),
        ),
        (
            "parts a text",
            (
                set("split.count", text("2")),
                bad("it is one part of a model that was split into several files"),
            ),
        ),
        (
            "a layer more than there is",
            (
                set("llama.block_count", Entry::U32(2)),
                bad("llama.block_count is 2, but layer 1 is missing"),
            ),
        ),
        (
            "hundreds of layers of nothing",
            (
                set("llama.block_count", Entry::U32(512)),
                bad("llama.block_count is 512, but layer 1 is missing"),
            ),
        ),
        (
            "queries that are keys",
            (
                second(|t| t.name = b"blk.0.attn_k.weight".to_vec()),
                bad("llama.block_count is 1, but layer 0 is missing"),
            ),
        ),
        (
            "an epsilon below zero",
            (
                set(
                    "llama.attention.layer_norm_rms_epsilon",
                    Entry::F32(-1.0),
                ),
                bad("llama.attention.layer_norm_rms_epsilon is -1, less than zero"),
            ),
        ),
        (
            "positions scaled by a strange rule",
            (
                set("llama.rope.scaling.type", text("strange")),
                bad("its positions are scaled by “strange”, which is not known"),
            ),
        ),
        (
            "experts without end",
            (
                set("llama.expert_count", Entry::U32(u32::MAX))
                    .set("llama.expert_used_count", Entry::U32(2)),
                bad(
                    "it uses 2 of 4294967295 experts; up to 1024 can be there, and some of them must be used",
                ),
            ),
        ),
        (
            "experts that nobody asks",
            (
                set("llama.expert_count", Entry::U32(8)),
                bad(
                    "it uses 0 of 8 experts; up to 1024 can be there, and some of them must be used",
                ),
            ),
        ),
        (
            "experts in groups of no size",
            (
                set("llama.expert_count", Entry::U32(8))
                    .set("llama.expert_used_count", Entry::U32(2))
                    .set("llama.expert_group_count", Entry::U32(3)),
                bad("its 8 experts do not divide into 3 groups, 0 of them used"),
            ),
        ),
        (
            "more layers that predict than layers",
            (
                set("llama.nextn_predict_layers", Entry::U32(2)),
                bad("2 of its 1 layers predict further tokens"),
            ),
        ),
        (
            "a word twice",
            (
                set(
                    "tokenizer.ggml.tokens",
                    Entry::Strings(["a", "b", "c", "a\0b"].map(str::to_owned).to_vec()),
                ),
                bad("a word is in its vocabulary twice"),
            ),
        ),
        (
            "words by score without bytes",
            (
                set("tokenizer.ggml.model", text("llama"))
                    .set("tokenizer.ggml.scores", Entry::F32s(vec![0.0; 4])),
                // One of the four is a letter.
                bad("its vocabulary has words for 1 of the 256 bytes"),
            ),
        ),
        (
            "a norm of 16 bits",
            (
                bent(|f| {
                    f.tensors[2].kind = 1;
                    f.tensors[2].bytes = 64;
                }),
                bad("the tensor output_norm.weight is a vector of F16, only F32 can be computed with"),
            ),
        ),
        (
            "positions wider than a head",
            (
                set("llama.rope.dimension_count", Entry::U32(9)),
                bad("llama.rope.dimension_count is 9, its heads have 8"),
            ),
        ),
        (
            "positions narrower than a head",
            (
                set("llama.rope.dimension_count", Entry::U32(4)),
                bad("llama.rope.dimension_count is 4, its heads have 8"),
            ),
        ),
        ("weights of kernels, 8 bits", kind(9, "Q8_1")),
        ("weights of kernels, blocks", kind(15, "Q8_K")),
        (
            "heads wider than queries",
            (
                set("llama.attention.key_length", Entry::U32(9))
                    .set("llama.rope.dimension_count", Entry::U32(9)),
                bad("the queries of layer 0 do not fit 4 heads of 9"),
            ),
        ),
        (
            "queries of another width",
            (
                bytes_of(&[64, 16]),
                bad("the queries of layer 0 do not fit 4 heads of 8"),
            ),
        ),
        (
            "a single part with a context without end",
            (
                wide()
                    .set("llama.context_length", Entry::U32(16 << 20))
                    .set("split.count", Entry::Raw(2, vec![1, 0])),
                bad(
                    "it is the single part of a split model, and its context of 16777216 tokens would take too long to prepare",
                ),
            ),
        ),
    ]
    .map(named)
    .into_iter()
    .collect()
}

/// One head of 256.
pub(crate) fn wide() -> Gguf {
    bent(|file| {
        file.tensors = vec![
            tensor("token_embd.weight", &[256, 4], 0, 256 * 4 * 4),
            tensor("blk.0.attn_q.weight", &[256, 256], 8, 256 * 272),
        ];
    })
    .set("llama.embedding_length", Entry::U32(256))
    .set("llama.attention.head_count", Entry::U32(1))
    .set("llama.attention.head_count_kv", Entry::U32(1))
    .set("llama.rope.dimension_count", Entry::U32(256))
}
