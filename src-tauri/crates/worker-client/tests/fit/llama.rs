//! llama.cpp's worker. Needs `NEXUS_WORKER_LLAMA`.

use nexus_protocol::ModelRef;
use nexus_worker_client::gguf;

use crate::measure::{judge, taken};
use crate::shapes::{self, Case};
use crate::support::{model_writer, vocabulary};
use crate::{Bench, is_full, path_from};

/// A test for each shape, so that one can be run alone.
macro_rules! each {
    ($($case:ident: $when:expr,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                if $when {
                    measure(&shapes::$case()).await;
                }
            }
        )*
    };
}

each! {
    smollm2_in_8_bits: is_full(),
    smollm2_in_4_bits: is_full(),
    qwen2_in_4_bits: is_full(),
    qwen3_in_mixed_bits: is_full(),
    wide_and_flat: is_full(),
    sixteen_bits: is_full(),
    all_heads_have_keys: is_full(),
    deep_with_few_words: is_full(),
    // Repacked, and a large vocabulary: what went wrong before.
    large_words: true,
    fused_as_phi3: is_full(),
    one_head_has_keys: is_full(),
    three_bits_untied: is_full(),
    five_bits_few_keys: is_full(),
    two_bits_large_words: is_full(),
    a_long_context: is_full(),
    narrow: true,
}

async fn measure(case: &Case) {
    let program = Some(path_from("NEXUS_WORKER_LLAMA"));
    let bench = Bench::of(|options| options.llama_program = program).await;
    let path = bench.folder.path().join("model.gguf");
    let words = vocabulary::of_merges(case.shape.words, vocabulary::CHATML);
    model_writer::write(&model_writer::describe(&case.shape, words), &path).unwrap();
    let summary = gguf::inspect(&path).unwrap();
    let mut info = summary.model_info(ModelRef::new("local", "fit"), "Fit".to_owned());
    info.context_tokens = Some(case.context);
    let taken = taken(&bench, &path, info, filled(case)).await;
    bench.engine.shutdown().await;
    judge(
        case.name,
        case.context,
        taken,
        summary.estimate_mapped(case.context),
    );
}

/// All of the context, but for models in which that takes many minutes: a longer prompt is one more row in a mask for each
/// token.
fn filled(case: &Case) -> u32 {
    if case.shape.layers > 16 {
        case.context.min(4096)
    } else {
        case.context
    }
}
