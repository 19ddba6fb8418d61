//! Crafted files, each with the exact words it is refused with, and mutations that must not panic.

use std::time::{Duration, Instant};

use nexus_protocol::{ModelPlace, ModelRef};
use proptest::prelude::*;

use super::builder::{Entry, Gguf, array, tensor, tiny};
use super::*;

fn read(file: &Gguf) -> Result<GgufSummary, Fault> {
    let bytes = file.bytes();
    inspect_reader(bytes.as_slice(), bytes.len() as u64)
}

fn raw(bytes: &[u8]) -> Result<GgufSummary, Fault> {
    inspect_reader(bytes, bytes.len() as u64)
}

fn text(text: &str) -> Entry {
    Entry::String(text.as_bytes().to_vec())
}

/// A string that claims `length` bytes and has none.
fn claim(length: u64) -> Entry {
    Entry::Raw(8, length.to_le_bytes().to_vec())
}

/// An array that claims `elements` and has none.
fn array_claim(of: u32, elements: u64) -> Entry {
    let mut bytes = of.to_le_bytes().to_vec();
    bytes.extend(elements.to_le_bytes());
    Entry::Raw(9, bytes)
}

fn bent(change: impl FnOnce(&mut Gguf)) -> Gguf {
    tiny().with(change)
}

/// `tiny` with its second tensor changed.
fn second(change: impl FnOnce(&mut super::builder::TensorEntry)) -> Gguf {
    bent(|file| change(&mut file.tensors[1]))
}

fn bad(reason: &str) -> Fault {
    Fault::Bad(reason.to_owned())
}

const ENDS: &str = "it ends within its header";

fn table() -> Vec<(&'static str, Gguf, Fault)> {
    let shape = "its shape does not fit: width";
    let at_name = |value: Entry| tiny().set("general.name", value);
    vec![
        ("magic", bent(|f| f.magic = *b"GGML"), bad("it does not begin with the letters GGUF")),
        ("zip", bent(|f| f.magic = *b"PK\x03\x04"), bad("it does not begin with the letters GGUF")),
        ("version 0", bent(|f| f.version = 0), bad("version 0 of the format is not known")),
        ("version 1", bent(|f| f.version = 1), bad("version 1 of the format is not known")),
        ("version 4", bent(|f| f.version = 4), bad("version 4 of the format is not known")),
        ("version huge", bent(|f| f.version = u32::MAX), bad("version 4294967295 of the format is not known")),
        ("big-endian", bent(|f| f.version = 3_u32.swap_bytes()), bad("it was written for big-endian machines")),
        ("tensors 0", bent(|f| f.tensor_count = Some(0)), bad("it holds no tensors")),
        ("tensors 2^63", bent(|f| f.tensor_count = Some(1 << 63)), bad("it claims 9223372036854775808 tensors, at most 65536 are allowed")),
        ("tensors one more", bent(|f| f.tensor_count = Some(4)), bad("a tensor's name has 0 bytes, 1 to 1024 are allowed")),
        ("tensors 60,000", bent(|f| f.tensor_count = Some(60_000)), bad("a tensor's name has 0 bytes, 1 to 1024 are allowed")),
        ("entries 2^63", bent(|f| f.entry_count = Some(1 << 63)), bad("it claims 9223372036854775808 metadata entries, at most 4096 are allowed")),
        ("entries 4097", bent(|f| f.entry_count = Some(4097)), bad("it claims 4097 metadata entries, at most 4096 are allowed")),
        ("entries none", bent(|f| f.entries.clear()), bad("it does not say its architecture")),
        ("key empty", bent(|f| f.entries[1].0.clear()), bad("a metadata key has 0 bytes, 1 to 1024 are allowed")),
        ("key long", bent(|f| f.entries[1].0 = vec![b'k'; 1025]), bad("a metadata key has 1025 bytes, 1 to 1024 are allowed")),
        ("key not UTF-8", bent(|f| f.entries[1].0 = vec![0xff, 0xfe]), bad("a metadata key is not valid UTF-8")),
        ("key twice", bent(|f| f.entries.push((b"general.architecture".to_vec(), text("qwen2")))), bad("the metadata key general.architecture is there twice")),
        ("value type", at_name(Entry::Raw(13, vec![])), bad("the type 13 of general.name is not known")),
        ("string 2^62", at_name(claim(1 << 62)), bad("a text in general.name claims 4611686018427387904 bytes, at most 16777216 are allowed")),
        ("string 2^40", at_name(claim(1 << 40)), bad("a text in general.name claims 1099511627776 bytes, at most 16777216 are allowed")),
        ("string 2^63", at_name(claim(1 << 63)), bad("a text in general.name claims 9223372036854775808 bytes, at most 16777216 are allowed")),
        ("string 1 GiB", at_name(claim(1 << 30)), bad("a text in general.name claims 1073741824 bytes, at most 16777216 are allowed")),
        ("string past the end", at_name(claim(10 << 20)), bad(ENDS)),
        ("short string past the end", at_name(claim(900_000)), bad(ENDS)),
        ("array 2^40", at_name(array_claim(4, 1 << 40)), bad("it claims 1099511627776 elements in general.name, at most 4194304 are allowed")),
        ("array 2^63", at_name(array_claim(8, 1 << 63)), bad("it claims 9223372036854775808 elements in general.name, at most 4194304 are allowed")),
        ("array past the end", at_name(array_claim(4, 4_000_000)), bad(ENDS)),
        ("array of strange things", at_name(array_claim(99, 1)), bad("the type 99 of general.name is not known")),
        ("array of arrays", at_name(Entry::Raw(9, [array(9, 1), array(9, 1), array(4, 0)].concat())), bad("general.name is an array of arrays")),
        ("arrays 65 deep", at_name(Entry::Raw(9, array(9, 1).repeat(65))), bad("general.name is an array of arrays")),
        ("array's string 1 GiB", at_name(Entry::Raw(9, [array(8, 1), (1_u64 << 30).to_le_bytes().to_vec()].concat())), bad("a text in general.name claims 1073741824 bytes, at most 16777216 are allowed")),
        ("bool 2", at_name(Entry::Bool(2)), bad("general.name is neither true nor false but 2")),
        ("bool 2 in an array", at_name(Entry::Raw(9, [array(7, 2), vec![1, 2]].concat())), bad("general.name is neither true nor false but 2")),
        ("alignment 0", tiny().set("general.alignment", Entry::U32(0)), bad("its alignment is 0, not a power of two up to 4096")),
        ("alignment odd", tiny().set("general.alignment", Entry::U32(33)), bad("its alignment is 33, not a power of two up to 4096")),
        ("alignment huge", tiny().set("general.alignment", Entry::U32(1 << 31)), bad("its alignment is 2147483648, not a power of two up to 4096")),
        ("alignment a text", tiny().set("general.alignment", text("32")), bad("its alignment is no 32-bit number")),
        ("alignment 8 bits", tiny().set("general.alignment", Entry::U8(0)), bad("its alignment is no 32-bit number")),
        ("alignment 64 bits", tiny().set("general.alignment", Entry::U64(32)), bad("its alignment is no 32-bit number")),
        ("tensor without a name", second(|t| t.name.clear()), bad("a tensor's name has 0 bytes, 1 to 1024 are allowed")),
        ("tensor's name not UTF-8", second(|t| t.name = vec![0xc3, 0x28]), bad("a tensor's name is not valid UTF-8")),
        ("tensor twice", second(|t| t.name = b"token_embd.weight".to_vec()), bad("the tensor token_embd.weight is there twice")),
        ("dimensions none", second(|t| t.dimensions.clear()), bad("tensor blk.0.attn_q.weight has 0 dimensions, 1 to 4 are allowed")),
        ("dimensions 5", second(|t| t.dimensions = vec![1; 5]), bad("tensor blk.0.attn_q.weight has 5 dimensions, 1 to 4 are allowed")),
        ("dimension 0", second(|t| t.dimensions = vec![32, 0]), bad("tensor blk.0.attn_q.weight has a dimension of zero")),
        ("2^40 x 2^40", second(|t| t.dimensions = vec![1 << 40, 1 << 40]), bad("the size of tensor blk.0.attn_q.weight is beyond counting")),
        ("2^63 x 2", second(|t| t.dimensions = vec![1 << 63, 2]), bad("the size of tensor blk.0.attn_q.weight is beyond counting")),
        ("bytes beyond counting", second(|t| { t.kind = 0; t.dimensions = vec![1 << 63]; }), bad("the size of tensor blk.0.attn_q.weight is beyond counting")),
        ("row not in blocks", second(|t| t.dimensions = vec![31, 32]), bad("a row of tensor blk.0.attn_q.weight does not divide into blocks of 32 weights")),
        ("row not in K blocks", second(|t| t.kind = 12), bad("a row of tensor blk.0.attn_q.weight does not divide into blocks of 256 weights")),
        ("offset odd", second(|t| t.offset = Some(33)), bad("the data of tensor blk.0.attn_q.weight is not aligned to 32 bytes")),
        ("offset past the end", second(|t| t.offset = Some(1 << 40)), bad("the data of tensor blk.0.attn_q.weight would lie past the end of the file; it may be cut off")),
        ("offset at the edge", second(|t| t.offset = Some(u64::MAX - 31)), bad("the data of tensor blk.0.attn_q.weight would lie past the end of the file; it may be cut off")),
        ("overlap", second(|t| t.offset = Some(0)), bad("the data of tensor blk.0.attn_q.weight overlaps another's")),
        ("overlap by a little", second(|t| t.offset = Some(480)), bad("the data of tensor blk.0.attn_q.weight overlaps another's")),
        ("data cut off", bent(|f| f.cut = 64), bad("the data of tensor output_norm.weight would lie past the end of the file; it may be cut off")),
        ("IQ4_XS", second(|t| t.kind = 23), Fault::Quantization("IQ4_XS".to_owned())),
        ("MXFP4", second(|t| t.kind = 39), Fault::Quantization("MXFP4".to_owned())),
        ("TQ1_0", second(|t| t.kind = 34), Fault::Quantization("TQ1_0".to_owned())),
        ("tensor type 4", second(|t| t.kind = 4), Fault::Quantization("tensor type 4".to_owned())),
        ("tensor type huge", second(|t| t.kind = u32::MAX), Fault::Quantization("tensor type 4294967295".to_owned())),
        ("no architecture", tiny().without("general.architecture"), bad("it does not say its architecture")),
        ("architecture a number", tiny().set("general.architecture", Entry::U32(1)), bad("general.architecture is no text")),
        ("gemma3", tiny().set("general.architecture", text("gemma3")), Fault::Architecture("gemma3".to_owned())),
        ("qwen3moe", tiny().set("general.architecture", text("qwen3moe")), Fault::Architecture("qwen3moe".to_owned())),
        ("a long architecture", tiny().set("general.architecture", text(&"x".repeat(5000))), Fault::Architecture("x".repeat(40))),
        ("a part of several", tiny().set("split.count", Entry::Raw(2, vec![3, 0])), bad("it is one part of a model that was split into several files")),
        ("a negative part", tiny().set("split.count", Entry::I32(-1)), bad("it is one part of a model that was split into several files")),
        ("no layers", tiny().without("llama.block_count"), bad("llama.block_count is missing")),
        ("zero layers", tiny().set("llama.block_count", Entry::U32(0)), bad("llama.block_count is 0, 1 to 1024 are allowed")),
        ("layers 64 bits", tiny().set("llama.block_count", Entry::U64(1)), bad("llama.block_count is no 32-bit number")),
        ("layers negative", tiny().set("llama.block_count", Entry::I32(-1)), bad("llama.block_count is no 32-bit number")),
        ("no width", tiny().without("llama.embedding_length"), bad("llama.embedding_length is missing")),
        ("no heads", tiny().set("llama.attention.head_count", Entry::U32(0)), bad("llama.attention.head_count is 0, 1 to 4096 are allowed")),
        ("heads by layer", tiny().set("llama.attention.head_count_kv", Entry::I32s(vec![2])), bad("llama.attention.head_count_kv is no 32-bit number")),
        ("heads that do not divide", tiny().set("llama.attention.head_count", Entry::U32(5)), bad(&format!("{shape} 32, 5 heads, 2 of them with keys"))),
        ("key heads that do not divide", tiny().set("llama.attention.head_count_kv", Entry::U32(3)), bad(&format!("{shape} 32, 4 heads, 3 of them with keys"))),
        ("no context", tiny().without("llama.context_length"), bad("llama.context_length is missing")),
        ("context 0", tiny().set("llama.context_length", Entry::U32(0)), bad("llama.context_length is no number from 1 to 16777216")),
        ("context 2^63", tiny().set("llama.context_length", Entry::U64(1 << 63)), bad("llama.context_length is no number from 1 to 16777216")),
        ("no positions", tiny().without("llama.rope.dimension_count"), bad("llama.rope.dimension_count is missing")),
        ("no epsilon", tiny().without("llama.attention.layer_norm_rms_epsilon"), bad("llama.attention.layer_norm_rms_epsilon is missing")),
        ("epsilon a number", tiny().set("llama.attention.layer_norm_rms_epsilon", Entry::U32(1)), bad("llama.attention.layer_norm_rms_epsilon is no 32-bit fraction")),
        ("epsilon NaN", tiny().set("llama.attention.layer_norm_rms_epsilon", Entry::F32(f32::NAN)), bad("llama.attention.layer_norm_rms_epsilon is no 32-bit fraction")),
        ("key length 0", tiny().set("llama.attention.key_length", Entry::U32(0)), bad("llama.attention.key_length is 0, 1 to 65536 are allowed")),
        ("no vocabulary", tiny().without("tokenizer.ggml.tokens"), bad("it has no vocabulary (tokenizer.ggml.tokens)")),
        ("empty vocabulary", tiny().set("tokenizer.ggml.tokens", Entry::Strings(vec![])), bad("it has no vocabulary (tokenizer.ggml.tokens)")),
        ("vocabulary of numbers", tiny().set("tokenizer.ggml.tokens", Entry::I32s(vec![1])), bad("it has no vocabulary (tokenizer.ggml.tokens)")),
        ("no tokenizer", tiny().without("tokenizer.ggml.model"), bad("it does not say its tokenizer (tokenizer.ggml.model)")),
        ("bert tokenizer", tiny().set("tokenizer.ggml.model", text("bert")), bad("its tokenizer “bert” is not supported")),
        ("no merges", tiny().without("tokenizer.ggml.merges"), bad("tokenizer.ggml.merges is missing")),
        ("no scores", tiny().set("tokenizer.ggml.model", text("llama")), bad("tokenizer.ggml.scores is missing")),
        ("token types of another kind", tiny().set("tokenizer.ggml.token_type", Entry::F32s(vec![1.0])), bad("tokenizer.ggml.token_type is no list of 32-bit numbers")),
        ("no end", tiny().without("tokenizer.ggml.eos_token_id"), bad("tokenizer.ggml.eos_token_id is missing or no number")),
        ("end past the vocabulary", tiny().set("tokenizer.ggml.eos_token_id", Entry::U32(4)), bad("tokenizer.ggml.eos_token_id is 4, the vocabulary has 4 words")),
        ("beginning past the vocabulary", tiny().set("tokenizer.ggml.bos_token_id", Entry::U32(u32::MAX)), bad("tokenizer.ggml.bos_token_id is 4294967295, the vocabulary has 4 words")),
        ("template a number", tiny().set("tokenizer.chat_template", Entry::U32(1)), bad("its chat template is no text")),
        ("template of 2 MiB", tiny().set("tokenizer.chat_template", text(&"x".repeat(2 << 20))), bad("its chat template is longer than 1 MiB")),
        ("no embedding", bent(|f| f.tensors[0].name = b"other".to_vec()), bad("the tensor token_embd.weight is missing")),
        ("narrow embedding", bent(|f| f.tensors[0].dimensions = vec![16, 8]), bad("the tensor token_embd.weight does not fit the vocabulary")),
        ("short embedding", bent(|f| f.tensors[0].dimensions = vec![32, 3]), bad("the tensor token_embd.weight does not fit the vocabulary")),
        ("flat embedding", bent(|f| f.tensors[0].dimensions = vec![128]), bad("the tensor token_embd.weight does not fit the vocabulary")),
    ]
}

#[test]
fn crafted_files_are_refused_with_the_reason() {
    let start = Instant::now();
    let table = table();
    assert!(table.len() >= 60, "{}", table.len());
    for (name, file, fault) in table {
        assert_eq!(read(&file), Err(fault), "{name}");
    }
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn bytes_that_are_no_gguf_are_refused() {
    let magic = "it does not begin with the letters GGUF";
    for (bytes, reason) in [
        (&b""[..], "it is empty"),
        (b"G", magic),
        (b"GGUF", ENDS),
        (b"GGUF\x03\0\0\0", ENDS),
        (&[0; 4096], magic),
        (b"<!DOCTYPE html><html>", magic),
        (b"version https://git-lfs.github.com/spec/v1", magic),
        (b"\x80\x02}q\x00", magic),
    ] {
        assert_eq!(raw(bytes), Err(bad(reason)), "{bytes:?}");
    }
}

#[test]
fn a_header_cut_anywhere_is_refused() {
    let whole = tiny().bytes();
    for length in 0..whole.len() - 128 {
        let fault = raw(&whole[..length]).expect_err("a part was accepted");
        assert!(matches!(fault, Fault::Bad(_)), "{length}: {fault:?}");
    }
}

#[test]
fn a_sound_file_is_summarized() {
    let file = tiny();
    let summary = read(&file).unwrap();
    assert_eq!(
        summary,
        GgufSummary {
            architecture: "llama".to_owned(),
            name: Some("Tiny".to_owned()),
            context_length: 512,
            quantization: "Q8_0".to_owned(),
            parameters: 128 + 1024 + 32,
            file_bytes: file.bytes().len() as u64,
            has_chat_template: true,
            tools: false,
            shape: summary::Shape {
                layers: 1,
                key_heads: 2,
                head_width: 16,
                rope_width: 8,
                tensor_bytes: 512 + 1088 + 128,
                embedding_elements: 128,
                embedding_bytes: 512,
                largest_tensor_bytes: 1088,
                tied: true,
            },
        }
    );
    assert_eq!(
        summary.model_info(ModelRef::new("local", "tiny"), "Tiny".to_owned()),
        nexus_protocol::ModelInfo {
            model: ModelRef("local/tiny".to_owned()),
            display_name: "Tiny".to_owned(),
            place: ModelPlace::ThisMachine,
            context_tokens: Some(512),
            max_output_tokens: None,
            tools: false,
            images: false,
            pricing: None,
            file_bytes: Some(summary.file_bytes),
            quantization: Some("Q8_0".to_owned()),
        }
    );
    // Two heads of 8 keys and 8 values, 2 bytes each, in steps of 512 tokens.
    assert_eq!(summary.cache_bytes(1), 512 * 2 * 16 * 2);
    assert_eq!(
        summary.estimate_bytes(512),
        (512 + 1088 + 128) + 128 * 4 + 512 + 512 * 8 * 2 + 2 * 32_768 + 1088 + (140 << 20)
    );
}

#[test]
fn what_varies_between_sound_files_is_taken() {
    let template = "{% if tools %}<tool_call>{% endif %}";
    let summary = read(
        &tiny()
            .set("tokenizer.chat_template", text(template))
            .set("general.file_type", Entry::U32(15))
            .set("general.name", text("  a\nname\0"))
            .set("general.alignment", Entry::U32(32)),
    )
    .unwrap();
    assert!(summary.tools);
    assert_eq!(summary.quantization, "Q4_K_M");
    assert_eq!(summary.name.as_deref(), Some("a name"));

    let bare = read(&tiny().without("tokenizer.chat_template").without("general.name")).unwrap();
    assert_eq!((bare.has_chat_template, bare.tools, bare.name), (false, false, None));

    let long = tiny().set("llama.context_length", Entry::U64(131_072));
    assert_eq!(read(&long).unwrap().context_length, 131_072);
    let scaled = long.set("llama.rope.scaling.factor", Entry::F32(8.0));
    assert_eq!(read(&scaled).unwrap().context_length, 8192);

    let untied = bent(|file| file.tensors.push(tensor("output.weight", &[32, 4], 0, 512)));
    assert!(!read(&untied).unwrap().shape.tied);
}

#[test]
fn absurd_but_sound_shapes_need_absurd_memory_and_do_not_overflow() {
    let summary = read(
        &tiny()
            .set("llama.block_count", Entry::U32(1024))
            .set("llama.context_length", Entry::U32(16 << 20))
            .set("llama.attention.key_length", Entry::U32(65_536))
            .set("llama.attention.value_length", Entry::U32(65_536)),
    )
    .unwrap();
    assert!(summary.estimate_bytes(u32::MAX) > 1 << 60);
}

#[test]
fn a_header_longer_than_any_real_one_is_refused() {
    // 140 arrays of a million bytes: more than the cap in all, each within its own.
    let mut file = tiny();
    for number in 0..140 {
        let bytes = [array(0, 1 << 20), vec![0; 1 << 20]].concat();
        file = file.set(&format!("junk.{number}"), Entry::Raw(9, bytes));
    }
    assert_eq!(read(&file), Err(bad("its header is longer than 128 MiB")));
}

#[test]
fn paths_that_are_no_files_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let missing = LocalError::FileMissing {
        path: path.display().to_string(),
    };
    assert_eq!(inspect(&path), Err(missing));
    let refused = |path: &Path, reason: &str| {
        let start = Instant::now();
        assert_eq!(
            inspect(path),
            Err(LocalError::NotGguf {
                path: path.display().to_string(),
                reason: reason.to_owned()
            })
        );
        assert!(start.elapsed() < Duration::from_secs(2));
    };
    refused(folder.path(), "it is no regular file");
    std::fs::write(&path, b"").unwrap();
    refused(&path, "it is empty");
    assert!(matches!(
        inspect(&path.join("below")),
        Err(LocalError::FileMissing { .. })
    ));
    #[cfg(target_os = "linux")]
    {
        refused(Path::new("/dev/zero"), "it is no regular file");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        refused(&pipe, "it is no regular file");
        let loops = folder.path().join("loop");
        std::os::unix::fs::symlink(&loops, &loops).unwrap();
        assert!(matches!(inspect(&loops), Err(LocalError::NotGguf { .. })));
    }
}

#[test]
fn a_huge_file_of_nothing_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.gguf");
    // A header that claims all it may, in a file of a tebibyte that takes no space.
    let head = tiny()
        .set("junk", array_claim(8, 4 << 20))
        .with(|file| file.entry_count = Some(4096))
        .bytes();
    std::fs::write(&path, &head).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    if file.set_len(1 << 40).is_err() {
        file.set_len(1 << 33).unwrap();
    }
    let start = Instant::now();
    assert!(matches!(inspect(&path), Err(LocalError::NotGguf { .. })));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn a_sound_file_passes_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("modèl 1.gguf");
    let bytes = tiny().bytes();
    std::fs::write(&path, &bytes).unwrap();
    let summary = inspect(&path).unwrap();
    assert_eq!(summary, read(&tiny()).unwrap());
    #[cfg(unix)]
    {
        let link = folder.path().join("link.gguf");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(inspect(&link), Ok(summary));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn changed_bytes_never_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = tiny().bytes();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(summary) = raw(&bytes) {
            // Whatever passes can be reckoned with.
            prop_assert!(summary.estimate_bytes(8192) > 0);
        }
    }

    #[test]
    fn changed_numbers_never_panic(index in any::<prop::sample::Index>(), number in prop_oneof![
        Just(0_u64), Just(u64::MAX), Just(1 << 63), Just((1 << 63) - 1), Just(1 << 62), Just(1 << 40), Just(1 << 32), Just((1 << 32) - 1), any::<u64>(),
    ]) {
        let mut bytes = tiny().bytes();
        let at = index.index(bytes.len() - 8);
        bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        if let Ok(summary) = raw(&bytes) {
            prop_assert!(summary.estimate_bytes(8192) > 0);
        }
    }

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let mut bytes = b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0".to_vec();
        bytes.extend(noise);
        prop_assert!(raw(&bytes).is_err());
    }
}
