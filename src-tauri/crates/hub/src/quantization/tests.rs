use proptest::prelude::*;

use super::*;

fn name(stem: &str) -> Option<(String, u8)> {
    Quantization::find(stem).map(|q| (q.name().to_owned(), q.bits()))
}

#[test]
fn names_as_they_are_on_the_hub() {
    for (stem, expected) in [
        ("Qwen2.5-7B-Instruct-Q4_K_M", Some(("Q4_K_M", 4))),
        ("qwen2.5-7b-instruct-q8_0", Some(("Q8_0", 8))),
        ("Llama-3.2-3B-Instruct-IQ4_XS", Some(("IQ4_XS", 4))),
        ("llama-2-7b.Q2_K", Some(("Q2_K", 2))),
        ("gemma-3-12b-it-BF16", Some(("BF16", 16))),
        ("mistral-7b-v0.1.fp16", Some(("FP16", 16))),
        ("Phi-4-mini-F32", Some(("F32", 32))),
        ("gpt-oss-20b-MXFP4", Some(("MXFP4", 4))),
        ("BitNet-TQ1_0", Some(("TQ1_0", 1))),
        ("Qwen3-30B-A3B-UD-Q4_K_XL", Some(("UD-Q4_K_XL", 4))),
        ("Model-F16-Q5_K_S", Some(("Q5_K_S", 5))),
        ("SmolLM2-135M-Instruct.Q4_1", Some(("Q4_1", 4))),
        ("Q4-the-model", None),
        ("Q9_0", None),
        ("Q4_K_MX", None),
        ("ggml-model", None),
        ("", None),
    ] {
        let expected = expected.map(|(name, bits)| (name.to_owned(), bits));
        assert_eq!(name(stem), expected, "{stem}");
    }
}

#[test]
fn parts() {
    assert_eq!(
        part_of("GLM-Q4_K_M-00002-of-00003"),
        Some(("GLM-Q4_K_M", 2, 3))
    );
    for none in [
        "GLM-Q4_K_M",
        "x-00004-of-00003",
        "x-00000-of-00003",
        "x-1-of-3",
        "-of-",
        "x-+0001-of-00003",
    ] {
        assert_eq!(part_of(none), None, "{none}");
    }
}

proptest! {
    #[test]
    fn any_name_is_read_without_a_panic(stem in "\\PC{0,60}") {
        let _ = Quantization::find(&stem);
        let _ = part_of(&stem);
    }
}
