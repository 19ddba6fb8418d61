//! mistral.rs's worker with GGUF files, packed and unpacked. Needs `NEXUS_WORKER`.

use nexus_protocol::ModelRef;
use nexus_worker_client::WeightsPolicy;
use nexus_worker_client::gguf::{self, Weights};

use crate::measure::{Table, just_enough, taken};
use crate::shapes::{self, Case};
use crate::support::{model_writer, vocabulary};
use crate::{Bench, is_wanted, path_from};

const FEW: [&str; 1] = ["narrow"];

#[tokio::test(flavor = "multi_thread")]
async fn estimates_of_packed_weights_are_true() {
    let all = shapes::named![
        large_words,
        wide_and_flat,
        many_keys,
        small_and_long,
        fused_as_phi3,
        narrow,
        // Measured only after the estimates were made.
        smollm2_in_8_bits,
        sixteen_bits,
        one_head_has_keys,
        three_bits_untied,
    ];
    measure_all(&all, Weights::Packed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn estimates_of_unpacked_weights_are_true() {
    let all = shapes::named![
        large_words,
        wide_and_flat,
        many_keys,
        small_and_long,
        narrow,
        // Measured only after the estimates were made.
        smollm2_in_8_bits,
        one_head_has_keys,
        three_bits_untied,
        five_bits_few_keys,
    ];
    measure_all(&all, Weights::Unpacked).await;
}

async fn measure_all(all: &[(&str, Case)], weights: Weights) {
    let mut table = Table::default();
    for (name, case) in all {
        if is_wanted(name, &FEW) {
            measure(case, weights, &mut table).await;
        }
    }
    table.judge();
}

async fn measure(case: &Case, weights: Weights, table: &mut Table) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let words = vocabulary::of_merges(case.shape.words, vocabulary::CHATML);
    model_writer::write(&model_writer::describe(&case.shape, words), &path).unwrap();
    let summary = gguf::inspect(&path).unwrap();
    let estimate = summary.estimate_with(case.context, weights);
    let bench = Bench::of(|options| {
        options.program = path_from("NEXUS_WORKER");
        options.memory = just_enough(estimate);
        options.weights = WeightsPolicy::Always(weights);
    })
    .await;
    let mut info = summary.model_info(ModelRef::new("local", "fit"), "Fit".to_owned());
    info.context_tokens = Some(case.context);
    let taken = taken(&bench, &path, info, case.context).await;
    bench.engine.shutdown().await;
    table.add(case.name, case.context, taken, estimate);
}
