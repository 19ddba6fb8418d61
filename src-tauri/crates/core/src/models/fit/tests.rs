use nexus_protocol::{Fit, FitLabel, Measured};

use super::*;

const GB: u64 = 1_000_000_000;

fn machine(free: Option<u64>) -> Machine {
    Machine {
        free,
        freed_by_unloading: 0,
        maps: true,
        bytes_per_second: None,
    }
}

fn shape() -> Shape {
    Shape {
        cache_bytes_per_token: 56 * 1024,
        embedding_elements: 545_000_000,
        guessed: false,
    }
}

fn fit(weights: u64, machine: &Machine) -> Fit {
    judge(estimate(&shape(), weights, 8192, machine), None, machine)
}

fn measured(speed: f64) -> Measured {
    Measured {
        load_ms: 900,
        prompt_tokens_per_second: None,
        answer_tokens_per_second: Some(speed),
        peak_bytes: None,
        backend: "llama".into(),
    }
}

#[test]
fn the_parts_add_up() {
    for maps in [true, false] {
        let machine = Machine {
            maps,
            ..machine(Some(16 * GB))
        };
        let estimate = estimate(&shape(), 4 * GB, 8192, &machine);
        assert_eq!(
            estimate.total,
            estimate.weights + estimate.embedding + estimate.kv_cache + estimate.base
        );
        assert_eq!(estimate.embedding > 0, !maps);
    }
}

#[test]
fn room_decides_first_then_what_was_measured_then_what_is_usual() {
    let label = |weights, machine: &Machine| fit(weights, machine).label;
    assert_eq!(label(2 * GB, &machine(Some(16 * GB))), FitLabel::Fits);
    assert_eq!(
        label(2 * GB, &machine(Some(3 * GB + GB / 2))),
        FitLabel::Slow
    );
    assert_eq!(label(2 * GB, &machine(Some(2 * GB))), FitLabel::WontFit);
    assert_eq!(label(9 * GB, &machine(Some(64 * GB))), FitLabel::Slow);
    assert_eq!(label(2 * GB, &machine(None)), FitLabel::Fits);
    // What the model in memory gives back counts.
    let unloading = Machine {
        freed_by_unloading: 3 * GB,
        ..machine(Some(2 * GB))
    };
    let fit_now = fit(2 * GB, &unloading);
    assert_eq!(fit_now.label, FitLabel::Fits);
    assert!(fit_now.reason.contains("unloaded"), "{}", fit_now.reason);
    // A quick machine is believed, a slow one too.
    let quick = Machine {
        bytes_per_second: Some(200e9),
        ..machine(Some(64 * GB))
    };
    assert_eq!(label(9 * GB, &quick), FitLabel::Fits);
    let roomy = machine(Some(64 * GB));
    let judged = |speed| {
        let estimate = estimate(&shape(), 2 * GB, 8192, &roomy);
        judge(estimate, Some(&measured(speed)), &roomy)
    };
    assert_eq!(judged(3.2).label, FitLabel::Slow);
    assert_eq!(judged(40.0).label, FitLabel::Fits);
    assert_eq!(judged(40.0).reason, "It wrote 40 tokens a second here.");
}

#[test]
fn reasons_are_sentences() {
    let reasons = [
        fit(2 * GB, &machine(Some(16 * GB))).reason,
        fit(2 * GB, &machine(Some(3 * GB + GB / 2))).reason,
        fit(2 * GB, &machine(Some(2 * GB))).reason,
        fit(9 * GB, &machine(Some(64 * GB))).reason,
        fit(2 * GB, &machine(None)).reason,
    ];
    assert_eq!(
        reasons,
        [
            "With a reserve it needs about 3.1 GB of 16.0 GB free.",
            "It barely fits: with a reserve it needs about 3.1 GB of 3.5 GB free. Other programs may have to make room.",
            "With a reserve it needs about 3.1 GB, and there are 2.0 GB free.",
            "There is room, but expect about 2.8 tokens a second on a usual processor.",
            "With a reserve it needs about 3.1 GB; this system does not say how much is free.",
        ]
    );
    assert_eq!(bytes(999), "1 kB");
    assert_eq!(bytes(98_362_432), "98 MB");
}
