use super::*;

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// The header of a Qwen2.5 0.5B, as its converter writes it, up to the first word of the vocabulary.
fn header() -> Vec<u8> {
    let mut out = b"GGUF\x03\0\0\0".to_vec();
    out.extend(290_u64.to_le_bytes());
    out.extend(9_u64.to_le_bytes());
    text(&mut out, "general.architecture");
    out.extend(8_u32.to_le_bytes());
    text(&mut out, "qwen2");
    for (name, number) in [
        ("block_count", 24_u32),
        ("context_length", 32768),
        ("embedding_length", 896),
        ("attention.head_count", 14),
        ("attention.head_count_kv", 2),
    ] {
        text(&mut out, &format!("qwen2.{name}"));
        out.extend(4_u32.to_le_bytes());
        out.extend(number.to_le_bytes());
    }
    text(&mut out, "general.tags");
    out.extend(9_u32.to_le_bytes());
    out.extend(8_u32.to_le_bytes());
    out.extend(1_u64.to_le_bytes());
    text(&mut out, "chat");
    text(&mut out, "general.odd");
    out.extend(12_u32.to_le_bytes());
    out.extend(1.5_f64.to_le_bytes());
    text(&mut out, "tokenizer.ggml.tokens");
    out.extend(9_u32.to_le_bytes());
    out.extend(8_u32.to_le_bytes());
    out.extend(151_936_u64.to_le_bytes());
    text(&mut out, "!");
    out
}

#[test]
fn the_numbers_stand_before_the_vocabulary() {
    assert_eq!(
        read(&header()),
        Beginning {
            architecture: Some("qwen2".into()),
            context_length: Some(32768),
            shape: Some(Shape {
                // 24 layers, 2 heads, 64 numbers each for keys and values, 2 bytes: 12 KiB, as measured.
                cache_bytes_per_token: 12 * 1024,
                embedding_elements: 151_936 * 896,
                guessed: false,
            }),
        }
    );
}

#[test]
fn a_header_that_breaks_off_anywhere_says_what_it_said() {
    let header = header();
    for end in 0..header.len() {
        let read = read(&header[..end]);
        assert!(read.architecture.is_none() || read.architecture.as_deref() == Some("qwen2"));
        if read.shape.is_some() {
            assert_eq!(read.context_length, Some(32768), "{end}");
        }
    }
    assert_eq!(read(b"<html>"), Beginning::default());
}

proptest::proptest! {
    #[test]
    fn no_bytes_do_harm(noise in proptest::collection::vec(proptest::num::u8::ANY, 0..400), at in 0_usize..300) {
        let mut bytes = header();
        for (offset, byte) in noise.into_iter().enumerate() {
            if let Some(slot) = bytes.get_mut(at + offset) {
                *slot = byte;
            }
        }
        let _any = read(&bytes);
    }
}

#[test]
fn guesses_are_careful() {
    for (parameters, measured) in [
        (494_000_000, 12 * 1024),
        (1_236_000_000, 32 * 1024),
        (8_030_000_000, 128 * 1024),
        (14_800_000_000, 192 * 1024),
        (70_600_000_000, 320 * 1024),
    ] {
        let guess = Shape::guess(parameters).cache_bytes_per_token;
        assert!(
            guess * 100 >= measured * 95 && guess <= measured * 3,
            "{parameters}: {guess} of {measured}"
        );
    }
}
