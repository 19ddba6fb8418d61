//! llama.cpp's worker. Needs `NEXUS_WORKER_LLAMA`.

use nexus_protocol::ModelRef;
use nexus_worker_client::gguf;

use crate::measure::{Table, taken};
use crate::shapes::{self, Case};
use crate::support::{model_writer, vocabulary};
use crate::{Bench, is_wanted, path_from};

/// The first is repacked and has a large vocabulary: what went wrong before.
const FEW: [&str; 2] = ["large_words", "narrow"];

#[tokio::test(flavor = "multi_thread")]
async fn estimates_are_true() {
    let mut table = Table::default();
    let all = shapes::named![
        smollm2_in_8_bits,
        smollm2_in_4_bits,
        qwen2_in_4_bits,
        qwen3_in_mixed_bits,
        wide_and_flat,
        sixteen_bits,
        all_heads_have_keys,
        deep_with_few_words,
        large_words,
        fused_as_phi3,
        one_head_has_keys,
        three_bits_untied,
        five_bits_few_keys,
        two_bits_large_words,
        a_long_context,
        narrow,
    ];
    for (name, case) in all {
        if is_wanted(name, &FEW) {
            measure(&case, &mut table).await;
        }
    }
    table.judge();
}

async fn measure(case: &Case, table: &mut Table) {
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
    let estimate = summary.estimate_mapped(case.context);
    table.add(case.name, case.context, taken, estimate);
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
