//! Crafted files, each with the exact words it is refused with, and mutations that must not panic.

use std::time::{Duration, Instant};

use nexus_protocol::worker::{CallFormat, ModelSource};
use nexus_protocol::{ModelPlace, ModelRef};
use proptest::prelude::*;

use super::builder::{Entry, Gguf, array, tensor, tiny};
use super::crafted::{ENDS, array_claim, bad, bent, edges, table, text, wide};
use super::*;

fn read(file: &Gguf) -> Result<GgufSummary, Fault> {
    let bytes = file.bytes();
    inspect_bytes(&bytes)
}

fn raw(bytes: &[u8]) -> Result<GgufSummary, Fault> {
    inspect_bytes(bytes)
}

#[test]
fn crafted_files_are_refused_with_the_reason() {
    let start = Instant::now();
    let mut table = table();
    table.extend(edges());
    assert!(table.len() >= 120, "{}", table.len());
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

/// Of the one matrix in 8 bits.
const REPACKED_BYTES: u64 = if cfg!(target_arch = "aarch64") {
    1088
} else {
    0
};

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
            parts: 1,
            has_chat_template: true,
            call_format: None,
            says_split: false,
            shape: summary::Shape {
                layers: 1,
                key_heads: 2,
                head_width: 16,
                rope_width: 8,
                packed_bytes: 512 + 1088 + 128,
                unpacked_bytes: 512 + 2 * 1024 + 128,
                embedding_elements: 128,
                embedding_bytes: 512,
                largest_bytes: 1088,
                largest_elements: 1024,
                repacked_bytes: REPACKED_BYTES,
                mapped_bytes: 512 + 1088 + 128,
                width: 32,
                feed_forward: 128,
                words: 4,
                merges: 1,
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
}

#[test]
fn what_mistral_rs_allocates_is_summed_up() {
    let summary = read(&tiny()).unwrap();
    // The program, four words, the embedding in 32 bits, positions.
    let kept = 42_000_000 + 4 * 1100 + 128 * 4 + 512 * 8 * 2;
    // Whom a token sees, and rows of 32 numbers, of keys and values, and of 128.
    let prompt = |each: u64| 512 * 512 * 6 + 512 * (32 + 2 * 16 + 128) * each;
    assert_eq!(
        summary.estimate_bytes(512),
        kept + (512 + 1088 + 128) + 32_768 + prompt(13)
    );
    assert_eq!(
        summary.estimate_with(512, Weights::Unpacked),
        kept + (512 + 2 * 1024 + 128) + 32_768 + prompt(16)
    );
    // More tokens than the model takes are not computed.
    assert_eq!(summary.estimate_bytes(4096), summary.estimate_bytes(512));
    // With a last layer of its own the embedding is only looked up. What is read and unpacked is there besides for a while, which
    // counts where it is more than what runs later.
    let mut large = summary;
    large.shape.tied = false;
    (large.shape.packed_bytes, large.shape.unpacked_bytes) = (1 << 30, 2 << 30);
    (large.shape.largest_bytes, large.shape.largest_elements) = (34 << 20, 32 << 20);
    assert_eq!(
        large.estimate_with(512, Weights::Packed),
        kept + (1 << 30) + (512 + (34 << 20))
    );
    assert_eq!(
        large.estimate_with(512, Weights::Unpacked),
        kept + (2 << 30) + (512 + (34 << 20) + 4 * (32 << 20))
    );
}

#[test]
fn what_is_computed_with_lies_in_memory_packed_unpacked_or_plain() {
    let held = |kind, rows: u64, bytes: u64, tied: bool| {
        let mut file = tiny();
        file.tensors
            .push(tensor("blk.0.more.weight", &[32, rows], kind, bytes));
        if !tied {
            file.tensors.push(tensor("output.weight", &[32, 4], 0, 512));
        }
        let shape = read(&file).unwrap().shape;
        (shape.packed_bytes, shape.unpacked_bytes)
    };
    // In 4 bits, and in 16, which are held in 32.
    let (packed, unpacked) = (512 + 1088 + 128, 512 + 2048 + 128);
    assert_eq!(
        held(2, 8, 8 * 18, true),
        (packed + 8 * 18, unpacked + 2 * 256)
    );
    assert_eq!(
        held(1, 8, 8 * 64, true),
        (packed + 4 * 256, unpacked + 4 * 256)
    );
    // The last layer instead of the embedding, which is as large.
    assert_eq!(held(2, 8, 8 * 18, false), held(2, 8, 8 * 18, true));
}

#[test]
fn rows_that_the_allocator_gives_back_are_not_counted_with_what_follows() {
    let (pairs, width, inner) = (4096 * 4096, 512, 1024);
    assert_eq!(
        prompt_bytes(4096, width, inner, 16),
        6 * pairs + 4096 * 16 * (512 + 1024)
    );
    // From 32 MiB a row on they are.
    assert_eq!(
        prompt_bytes(4096, width, 2048, 16),
        (6 * pairs + 4096 * 16 * 512).max(2 * pairs + 4096 * 16 * (512 + 2048))
    );
    assert_eq!(
        prompt_bytes(4096, width, 8192, 16),
        2 * pairs + 4096 * 16 * (512 + 8192)
    );
}

#[test]
fn what_llama_cpp_allocates_is_summed_up() {
    let summary = read(&tiny()).unwrap();
    // The program, four words, a merge and a layer.
    let kept = 12_000_000 + 4 * (40 + 64 + 12 + 32) + (96 + 12) + 103_600;
    let cache = 512 * 2 * 16 * 2;
    // Three rows of 32 numbers and of 128, the latter quantized, and whom a token sees, for 512 tokens.
    let batch = 512 * (3 * 4 * 32 + 3 * 4 * 128 + 160 + 2 * 512);
    let running = 512 + 1088 + 128 + cache + batch + 4 * 36;
    assert_eq!(
        summary.estimate_mapped(512),
        kept + REPACKED_BYTES + running
    );
    // More tokens than the model takes are not reserved.
    assert_eq!(summary.estimate_mapped(4096), summary.estimate_mapped(512));
}

#[test]
fn matrices_that_llama_cpp_repacks_are_counted_twice() {
    let with = |name: &str, rows: u64| {
        let mut file = tiny();
        // In 4 bits.
        file.tensors.push(tensor(name, &[32, rows], 2, 18 * rows));
        read(&file).unwrap().shape
    };
    let output = with("output.weight", 8);
    assert_eq!(output.repacked_bytes, REPACKED_BYTES + 18 * 8);
    // It is the last in the file: nothing of it stays mapped.
    assert_eq!(output.mapped_bytes, 512 + 1088 + 128);
    // Rows that do not go together stay as they are.
    let odd = with("blk.0.attn_k.weight", 6);
    assert_eq!(odd.repacked_bytes, REPACKED_BYTES);
    assert_eq!(odd.mapped_bytes, 512 + 1088 + 128 + 18 * 6);
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
    assert_eq!(summary.call_format, Some(CallFormat::Tags));
    assert_eq!(summary.quantization, "Q4_K_M");
    assert_eq!(summary.name.as_deref(), Some("a name"));

    let bare = read(
        &tiny()
            .without("tokenizer.chat_template")
            .without("general.name"),
    )
    .unwrap();
    assert_eq!(
        (bare.has_chat_template, bare.call_format, bare.name),
        (false, None, None)
    );

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
            .set("llama.context_length", Entry::U32(16 << 20))
            .set("llama.attention.value_length", Entry::U32(65_536)),
    )
    .unwrap();
    assert!(summary.estimate_bytes(u32::MAX) > 1 << 50);
}

#[test]
fn a_context_without_end_is_shortened_but_in_a_single_part() {
    let claims = |file: Gguf| read(&file.set("llama.context_length", Entry::U32(16 << 20)));
    let key = |file: Gguf| claims(file).unwrap().source();
    let told = |key: Option<&str>| ModelSource::Gguf {
        context_key: key.map(str::to_owned),
    };
    assert_eq!(key(wide()), told(Some("llama.context_length")));
    // What is small is believed, and what was joined again mistral.rs does not take at all.
    let parts = |file: Gguf, count| file.set("split.count", Entry::Raw(2, vec![count, 0]));
    assert_eq!(key(parts(tiny(), 1)), told(None));
    assert_eq!(key(parts(wide(), 0)), told(None));
    // Memory is reckoned for as much as the engine is told.
    let needed = |file: Gguf| claims(file).unwrap().estimate_bytes(512);
    assert_eq!(
        needed(parts(tiny(), 1)) - needed(tiny()),
        ((16 << 20) - 512) * 8 * 2
    );
}

#[test]
fn data_lies_where_kernels_can_read_it() {
    // Beside each other, one of the two lies wrong.
    let eight = bent(|file| {
        file.alignment = 8;
        file.tensors[1].offset = Some(512 + 8);
        file.tensors[2].offset = Some(2048);
    });
    let Err(Fault::Bad(reason)) = read(&eight.set("general.alignment", Entry::U32(8))) else {
        panic!("it was accepted");
    };
    assert!(
        reason.ends_with("does not begin at a multiple of 32 bytes"),
        "{reason}"
    );
}

#[test]
fn a_vocabulary_by_score_has_a_word_for_each_byte() {
    let words: Vec<_> = (0..=u8::MAX)
        .map(|byte| format!("<0x{byte:02X}>"))
        .collect();
    let by_score = |words: Vec<String>| {
        tiny()
            .set("tokenizer.ggml.model", text("llama"))
            .set("tokenizer.ggml.scores", Entry::F32s(vec![0.0; words.len()]))
            .set("tokenizer.ggml.tokens", Entry::Strings(words))
            .with(|file| file.tensors[0] = tensor("token_embd.weight", &[32, 256], 0, 32 * 256 * 4))
    };
    read(&by_score(words.clone())).unwrap();
    let mut lacking = words;
    lacking[0x0a] = "<0x0a>".to_owned();
    assert_eq!(
        read(&by_score(lacking)),
        Err(bad("its vocabulary has words for 255 of the 256 bytes"))
    );
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
    assert_eq!(inspect(&path), Err(Fault::Missing));
    let refused = |path: &Path, reason: &str| {
        let start = Instant::now();
        assert_eq!(inspect(path), Err(Fault::Bad(reason.to_owned())));
        assert!(start.elapsed() < Duration::from_secs(2));
    };
    refused(folder.path(), "it is no regular file");
    std::fs::write(&path, b"").unwrap();
    refused(&path, "it is empty");
    assert_eq!(inspect(&path.join("below")), Err(Fault::Missing));
    #[cfg(target_os = "linux")]
    {
        refused(Path::new("/dev/zero"), "it is no regular file");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        refused(&pipe, "it is no regular file");
        let loops = folder.path().join("loop");
        std::os::unix::fs::symlink(&loops, &loops).unwrap();
        assert!(matches!(inspect(&loops), Err(Fault::Bad(_))));
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
    assert!(matches!(inspect(&path), Err(Fault::Bad(_))));
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
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
