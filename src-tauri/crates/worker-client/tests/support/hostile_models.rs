//! Models whose headers pass the check and that make no sense all the same: each must load, or end in a typed error.

use super::gguf_builder::{Entry, Gguf, tensor};
use super::model_writer::{Kind, Shape, describe};
use super::vocabulary;

/// A model that both workers load in a moment.
pub const SMALL: Shape = Shape {
    architecture: "llama",
    layers: 2,
    width: 64,
    heads: 4,
    key_heads: 2,
    feed_forward: 128,
    context: 512,
    words: 320,
    tied: false,
    weights: Kind::Q8_0,
};

/// [`SMALL`] as it should be.
pub fn sound() -> Gguf {
    with_template(vocabulary::CHATML)
}

/// [`SMALL`] with this chat template.
pub fn with_template(template: &str) -> Gguf {
    describe(&SMALL, vocabulary::of_bytes(SMALL.words, template))
}

/// Name and file.
pub fn table() -> Vec<(&'static str, Gguf)> {
    let text = |text: &str| Entry::String(text.as_bytes().to_vec());
    let llama = |key: &str, entry: Entry| sound().set(&format!("llama.{key}"), entry);
    let words = |key: &str, entry: Entry| sound().set(&format!("tokenizer.ggml.{key}"), entry);
    let lost = |name: &str| sound().with(|file| file.tensors.retain(|t| t.name != name.as_bytes()));
    let shaped = |name: &str, dimensions: &[u64]| {
        let bytes = dimensions.iter().product::<u64>() * 4;
        sound().with(|file| {
            for entry in &mut file.tensors {
                if entry.name == name.as_bytes() {
                    *entry = tensor(name, dimensions, 0, bytes);
                }
            }
        })
    };
    let numbers = |number: f32| Entry::F32(number);
    vec![
        (
            "a layer more than there is",
            llama("block_count", Entry::U32(3)),
        ),
        (
            "a thousand layers more",
            llama("block_count", Entry::U32(1024)),
        ),
        ("a layer less", llama("block_count", Entry::U32(1))),
        ("no keys", lost("blk.0.attn_k.weight")),
        ("no norm", lost("blk.1.ffn_norm.weight")),
        ("no norm at the end", lost("output_norm.weight")),
        ("no last layer", lost("output.weight")),
        ("wide keys", shaped("blk.0.attn_k.weight", &[64, 64])),
        ("narrow keys", shaped("blk.0.attn_k.weight", &[64, 16])),
        (
            "keys on their side",
            shaped("blk.0.attn_k.weight", &[32, 64]),
        ),
        (
            "keys in four dimensions",
            shaped("blk.0.attn_k.weight", &[64, 8, 2, 2]),
        ),
        ("a flat query", shaped("blk.0.attn_q.weight", &[4096])),
        ("a square norm", shaped("blk.0.attn_norm.weight", &[64, 64])),
        ("a norm of one", shaped("output_norm.weight", &[1])),
        ("a small last layer", shaped("output.weight", &[64, 8])),
        ("a large last layer", shaped("output.weight", &[64, 4096])),
        (
            "a wide way down",
            shaped("blk.0.ffn_down.weight", &[256, 64]),
        ),
        (
            "a large embedding",
            shaped("token_embd.weight", &[64, 4096]),
        ),
        (
            "a feed of another width",
            llama("feed_forward_length", Entry::U32(256)),
        ),
        (
            "a feed of nothing",
            llama("feed_forward_length", Entry::U32(0)),
        ),
        (
            "a feed without end",
            llama("feed_forward_length", Entry::U32(u32::MAX)),
        ),
        ("a feed by name", llama("feed_forward_length", text("wide"))),
        (
            "heads that are too many",
            llama("attention.head_count", Entry::U32(64)),
        ),
        ("one head", llama("attention.head_count", Entry::U32(2))),
        (
            "more key heads",
            llama("attention.head_count_kv", Entry::U32(4)),
        ),
        (
            "long keys",
            llama("attention.key_length", Entry::U32(65_536)),
        ),
        ("odd keys", llama("attention.key_length", Entry::U32(15))),
        (
            "long values",
            llama("attention.value_length", Entry::U32(4096)),
        ),
        (
            "positions longer than a head",
            llama("rope.dimension_count", Entry::U32(4096)),
        ),
        (
            "odd positions",
            llama("rope.dimension_count", Entry::U32(7)),
        ),
        (
            "positions that stand still",
            llama("rope.freq_base", numbers(0.0)),
        ),
        (
            "positions that are no number",
            llama("rope.freq_base", numbers(f32::NAN)),
        ),
        ("positions by name", llama("rope.freq_base", text("fast"))),
        (
            "scaled by a strange rule",
            llama("rope.scaling.type", text("strange")),
        ),
        (
            "scaled by nothing",
            llama("rope.scaling.type", text("yarn")).set("llama.rope.scaling.factor", numbers(0.0)),
        ),
        (
            "scaled from nothing",
            llama("rope.scaling.original_context_length", Entry::U32(0)),
        ),
        ("a context of one", llama("context_length", Entry::U32(1))),
        (
            "a context without end",
            llama("context_length", Entry::U64(16 << 20)),
        ),
        (
            "the same in 32 bits",
            llama("context_length", Entry::U32(16 << 20)),
        ),
        (
            "an epsilon of zero",
            llama("attention.layer_norm_rms_epsilon", numbers(0.0)),
        ),
        (
            "an epsilon below zero",
            llama("attention.layer_norm_rms_epsilon", numbers(-1.0)),
        ),
        (
            "experts that are not there",
            llama("expert_count", Entry::U32(8)),
        ),
        (
            "experts without end",
            llama("expert_count", Entry::U32(u32::MAX))
                .set("llama.expert_used_count", Entry::U32(u32::MAX)),
        ),
        (
            "more experts used than there",
            llama("expert_used_count", Entry::U32(4)),
        ),
        (
            "a vocabulary of another size",
            llama("vocab_size", Entry::U32(7)),
        ),
        (
            "a vocabulary without end",
            llama("vocab_size", Entry::U32(u32::MAX)),
        ),
        ("an embedder", llama("pooling_type", Entry::U32(1))),
        ("both ways", llama("attention.causal", Entry::Bool(0))),
        (
            "words cut in a strange way",
            words("pre", text("no such rule")),
        ),
        (
            "merges without a blank",
            words("merges", Entry::Strings(vec!["ab".to_owned(); 9])),
        ),
        (
            "merges of nothing",
            words("merges", Entry::Strings(vec![String::new()])),
        ),
        (
            "merges of no words",
            words("merges", Entry::Strings(vec!["qq zz".to_owned()])),
        ),
        (
            "one word many times",
            words("tokens", Entry::Strings(vec!["a".to_owned(); 320])),
        ),
        (
            "empty words",
            words("tokens", Entry::Strings(vec![String::new(); 320])),
        ),
        (
            "words of half letters",
            words(
                "tokens",
                Entry::Raw(
                    9,
                    [super::gguf_builder::array(8, 320), half_letters(320)].concat(),
                ),
            ),
        ),
        (
            "fewer words than rows",
            words(
                "tokens",
                Entry::Strings(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]),
            ),
        ),
        (
            "kinds of few words",
            words("token_type", Entry::I32s(vec![1])),
        ),
        (
            "strange kinds of words",
            words("token_type", Entry::I32s(vec![-7; 320])),
        ),
        (
            "all words are marks",
            words("token_type", Entry::I32s(vec![3; 320])),
        ),
        ("the beginning by name", words("add_bos_token", text("yes"))),
        (
            "padding past the vocabulary",
            words("padding_token_id", Entry::U32(u32::MAX)),
        ),
        (
            "the turn's end past the vocabulary",
            words("eot_token_id", Entry::U32(1 << 31)),
        ),
        (
            "words by score, and too few scores",
            words("model", text("llama")).set("tokenizer.ggml.scores", Entry::F32s(vec![0.0])),
        ),
        (
            "words by score, none a byte",
            words("model", text("llama"))
                .set("tokenizer.ggml.scores", Entry::F32s(vec![f32::NAN; 320])),
        ),
        ("an adapter", sound().set("general.type", text("adapter"))),
        (
            "a quantization of the future",
            sound().set("general.quantization_version", Entry::U32(u32::MAX)),
        ),
        (
            "a kind of file by name",
            sound().set("general.file_type", text("best")),
        ),
        (
            "a tensor that nobody knows",
            sound().with(|file| file.tensors.push(tensor("blk.0.mystery", &[64], 0, 256))),
        ),
        (
            "no chat template",
            sound().without("tokenizer.chat_template"),
        ),
    ]
}

/// So many words, each the first byte of a letter of three.
fn half_letters(words: usize) -> Vec<u8> {
    [1_u64.to_le_bytes().as_slice(), &[0xe2]]
        .concat()
        .repeat(words)
}
