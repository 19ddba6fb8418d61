//! mistral.rs's worker with GGUF files, packed and unpacked. Needs `NEXUS_WORKER`.

use nexus_protocol::ModelRef;
use nexus_worker_client::WeightsPolicy;
use nexus_worker_client::gguf::{self, Weights};

use crate::measure::{judge, just_enough, taken};
use crate::shapes::{self, Case};
use crate::support::{model_writer, vocabulary};
use crate::{Bench, is_full, path_from};

/// A test for each shape, so that one can be run alone.
macro_rules! each {
    ($weights:ident { $($case:ident: $when:expr,)* }) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                if $when {
                    super::measure(&shapes::$case(), Weights::$weights).await;
                }
            }
        )*
    };
}

mod packed {
    use super::*;

    each! {
        Packed {
            large_words: is_full(),
            wide_and_flat: is_full(),
            many_keys: is_full(),
            small_and_long: is_full(),
            fused_as_phi3: is_full(),
            narrow: true,
            // Measured only after the estimates were made.
            smollm2_in_8_bits: is_full(),
            sixteen_bits: is_full(),
            one_head_has_keys: is_full(),
            three_bits_untied: is_full(),
        }
    }
}

mod unpacked {
    use super::*;

    each! {
        Unpacked {
            large_words: is_full(),
            wide_and_flat: is_full(),
            many_keys: is_full(),
            small_and_long: is_full(),
            narrow: true,
            // Measured only after the estimates were made.
            smollm2_in_8_bits: is_full(),
            one_head_has_keys: is_full(),
            three_bits_untied: is_full(),
            five_bits_few_keys: is_full(),
        }
    }
}

async fn measure(case: &Case, weights: Weights) {
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
    judge(case.name, case.context, taken, estimate);
}
