//! mistral.rs's worker with folders. Needs `NEXUS_WORKER`.

use nexus_protocol::ModelRef;
use nexus_protocol::worker::Quantize;
use nexus_worker_client::gguf::Weights;
use nexus_worker_client::{WeightsPolicy, folder};
use tokio_util::sync::CancellationToken;

use crate::large_folder::{Kind, Shape};
use crate::measure::{self, Table, Watch};
use crate::{Bench, is_wanted, path_from};

/// A model to be measured.
struct Case {
    name: &'static str,
    shape: Shape,
    context: u32,
    quantize: Option<Quantize>,
}

/// Each with its context; layers; width, heads, heads with keys and width of the inner layer; words; and how the weights are
/// quantized while they are read.
macro_rules! cases {
    ($($test:ident: $name:literal, $context:literal, ($kind:ident, $layers:literal),
        ($width:literal, $heads:literal, $key_heads:literal, $inner:literal), $words:literal, $quantize:expr;)*) => {
        [$((
            stringify!($test),
            Case {
                name: $name,
                context: $context,
                shape: Shape {
                    kind: Kind::$kind,
                    layers: $layers,
                    width: $width,
                    heads: $heads,
                    key_heads: $key_heads,
                    inner: $inner,
                    words: $words,
                },
                quantize: $quantize,
            },
        )),*]
    };
}

const PLAIN: Option<Quantize> = None;
const Q8: Option<Quantize> = Some(Quantize::Q8);
const Q6: Option<Quantize> = Some(Quantize::Q6);
const Q4: Option<Quantize> = Some(Quantize::Q4);

const FEW: [&str; 1] = ["small"];

#[tokio::test(flavor = "multi_thread")]
async fn estimates_are_true() {
    let mut table = Table::default();
    for (name, case) in cases() {
        if is_wanted(name, &FEW) {
            measure(&case, &mut table).await;
        }
    }
    table.judge();
}

fn cases() -> [(&'static str, Case); 15] {
    cases! {
        small: "a small folder", 512, (Text, 2), (256, 4, 2, 512), 1000, PLAIN;
        plain: "a folder as it is", 1024, (Text, 8), (768, 12, 4, 2048), 32_000, PLAIN;
        in_8_bits: "the same in 8 bits", 1024, (Text, 8), (768, 12, 4, 2048), 32_000, Q8;
        in_6_bits: "the same in 6 bits", 1024, (Text, 8), (768, 12, 4, 2048), 32_000, Q6;
        in_4_bits: "the same in 4 bits", 1024, (Text, 8), (768, 12, 4, 2048), 32_000, Q4;
        wide: "a wide folder", 512, (Text, 4), (2048, 16, 8, 8192), 16_000, PLAIN;
        wide_in_4_bits: "a wide folder in 4 bits", 512, (Text, 4), (2048, 16, 8, 8192), 16_000, Q4;
        with_eyes: "a folder that sees images", 1024, (Images, 4), (1024, 8, 4, 2816), 32_000, PLAIN;
        // Those that were measured only after the estimates were made.
        for_vectors: "a folder that makes vectors", 1024, (Embedding, 6), (1024, 16, 8, 3072), 32_000, PLAIN;
        long: "a folder, long context", 3072, (Text, 4), (512, 8, 8, 1408), 4000, PLAIN;
        long_in_6_bits: "a folder in 6 bits, long context", 3072, (Text, 4), (512, 8, 8, 1408), 4000, Q6;
        as_uqff: "a folder in UQFF", 1024, (Uqff, 6), (768, 12, 4, 2048), 32_000, PLAIN;
        deep_in_6_bits: "a deep folder in 6 bits", 1024, (Text, 24), (640, 10, 2, 1792), 49_152, Q6;
        large_words: "a folder with large words", 512, (Text, 4), (896, 14, 2, 4864), 128_000, PLAIN;
        large_words_in_4_bits: "large words in 4 bits", 512, (Text, 4), (896, 14, 2, 4864), 128_000, Q4;
    }
}

async fn measure(case: &Case, table: &mut Table) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    case.shape.write(&path).unwrap();
    let summary = folder::inspect(&path).unwrap();
    let estimate = summary.estimate(case.context, case.quantize);
    if case.quantize == Q8 {
        assert!(
            estimate < summary.estimate(case.context, PLAIN),
            "it would stay as it is"
        );
    }
    let bench = Bench::of(|options| {
        options.program = path_from("NEXUS_WORKER");
        // It quantizes only as far as it must.
        options.memory = measure::just_enough(estimate);
        options.weights = WeightsPolicy::Always(match case.quantize {
            Some(Quantize::Q6 | Quantize::Q4) => Weights::Packed,
            Some(Quantize::Q8) | None => Weights::Unpacked,
        });
    })
    .await;
    let mut info = summary.model_info(ModelRef::new("local", "fit"), "Fit".to_owned());
    info.context_tokens = Some(case.context);
    let watch = Watch::start(&bench.scratch());
    if case.shape.kind == Kind::Embedding {
        let text = measure::text(case.context);
        let vectors = bench
            .engine
            .embed(path, &info, vec![text], CancellationToken::new());
        assert!(vectors.await.unwrap().tokens > 0);
    } else {
        measure::ask(&bench, &path, info, case.context).await;
    }
    let taken = watch.most();
    bench.engine.shutdown().await;
    table.add(case.name, case.context, taken, estimate);
}
