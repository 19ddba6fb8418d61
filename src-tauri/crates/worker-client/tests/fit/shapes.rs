//! GGUF files as real ones are, and a few as none is.

use crate::support::model_writer::{Kind, Shape};

/// A model to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub shape: Shape,
    pub context: u32,
}

const TIED: bool = true;
const UNTIED: bool = false;

/// Each with its context; layers; width, heads, heads with keys and width of the inner layer; words; and the form of the weights.
macro_rules! cases {
    ($($test:ident: $name:literal, $context:literal, ($architecture:literal, $layers:literal),
        ($width:literal, $heads:literal, $key_heads:literal, $feed_forward:literal), ($words:literal, $tied:ident),
        $weights:ident;)*) => {
        $(
            pub fn $test() -> Case {
                Case {
                    name: $name,
                    context: $context,
                    shape: Shape {
                        architecture: $architecture,
                        layers: $layers,
                        width: $width,
                        heads: $heads,
                        key_heads: $key_heads,
                        feed_forward: $feed_forward,
                        context: 16_384,
                        words: $words,
                        tied: $tied,
                        weights: Kind::$weights,
                    },
                }
            }
        )*
    };
}

/// Some of these by their names.
macro_rules! named {
    ($($case:ident),* $(,)?) => {
        [$((stringify!($case), $crate::shapes::$case())),*]
    };
}
pub(crate) use named;

// Those that the estimates for llama.cpp were made with.
cases! {
    smollm2_in_8_bits: "like SmolLM2-135M, Q8_0", 2048, ("llama", 30), (576, 9, 3, 1536), (49_152, TIED), Q8_0;
    smollm2_in_4_bits: "the same, Q4_0", 8192, ("llama", 30), (576, 9, 3, 1536), (49_152, TIED), Q4_0;
    qwen2_in_4_bits: "like Qwen2.5-0.5B, Q4_0", 4096, ("qwen2", 24), (896, 14, 2, 4864), (151_936, TIED), Q4_0;
    qwen3_in_mixed_bits: "half of Qwen3-0.6B, Q4_K_M", 4096, ("qwen3", 14), (1024, 16, 8, 3072), (151_936, TIED), Q4KM;
    wide_and_flat: "wide and flat, Q4_K", 1024, ("llama", 4), (2048, 32, 8, 8192), (32_000, UNTIED), Q4K;
    sixteen_bits: "16 bits", 2048, ("llama", 12), (768, 12, 12, 2048), (32_000, TIED), F16;
    all_heads_have_keys: "all heads have keys, Q6_K", 4096, ("llama", 10), (1280, 20, 20, 3584), (50_000, UNTIED), Q6K;
    deep_with_few_words: "deep, few words, Q8_0", 8192, ("llama", 40), (512, 8, 8, 1408), (1024, TIED), Q8_0;
    large_words: "large words, small context, Q4_K", 512, ("llama", 8), (1024, 16, 4, 2816), (128_256, TIED), Q4K;
}

// Those that were measured only after the estimates were made.
cases! {
    fused_as_phi3: "fused as Phi 3, Q4_K_M", 1024, ("phi3", 6), (1536, 24, 8, 4096), (32_064, UNTIED), Q4KM;
    one_head_has_keys: "Q5_0, one head has keys", 2048, ("llama", 18), (704, 11, 1, 1888), (64_000, TIED), Q5_0;
    three_bits_untied: "Q3_K, untied", 512, ("qwen2", 12), (1024, 16, 16, 2816), (100_352, UNTIED), Q3K;
    five_bits_few_keys: "Q5_K, few keys", 4096, ("qwen3", 4), (1280, 10, 2, 5120), (65_536, UNTIED), Q5K;
    two_bits_large_words: "Q2_K, large words", 512, ("llama", 6), (1536, 12, 4, 6144), (262_144, TIED), Q2K;
    a_long_context: "a long context, BF16", 8192, ("qwen3", 2), (896, 7, 7, 2432), (8192, UNTIED), BF16;
    narrow: "Q4_1, narrow", 512, ("llama", 24), (384, 6, 2, 1024), (16_384, UNTIED), Q4_1;
}

// Those that mistral.rs reads in time: it takes a minute for what llama.cpp reads in seconds.
cases! {
    many_keys: "all heads have keys, Q8_0", 2048, ("qwen2", 4), (1024, 16, 16, 2816), (8192, UNTIED), Q8_0;
    small_and_long: "small, long context, Q4_0", 3072, ("llama", 4), (512, 8, 2, 1408), (4096, TIED), Q4_0;
}
