//! How a local model is run, in words. Pure.

use nexus_worker_client::{Backend, Measured, Outlook};

/// A sentence each: which engine and why, then how it did with each engine.
pub(super) fn sentences(outlook: &Outlook) -> Vec<String> {
    let mut all = vec![outlook.why.clone()];
    all.extend(outlook.program.passed_over.iter().cloned());
    for backend in Backend::ALL {
        all.extend(outlook.record.measured(backend).map(figures));
    }
    all
}

fn figures(measured: &Measured) -> String {
    let mut parts = vec![format!(
        "loads in {:.1} s",
        measured.load_ms as f64 / 1000.0
    )];
    if let Some(rate) = measured.prompt_tokens_per_second {
        parts.push(format!("reads {rate:.0} tokens/s"));
    }
    if let Some(rate) = measured.answer_tokens_per_second {
        parts.push(format!("writes {rate:.0} tokens/s"));
    }
    if let Some(bytes) = measured.peak_bytes {
        parts.push(format!("takes {:.1} GB", bytes as f64 / 1e9));
    }
    let threads = match measured.threads {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    format!(
        "Measured here with {} on {threads}: {}.",
        measured.backend,
        parts.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_left_out() {
        let mut measured = Measured {
            backend: Backend::Llama,
            load_ms: 312,
            prompt_tokens_per_second: Some(812.4),
            answer_tokens_per_second: Some(139.7),
            peak_bytes: Some(303_000_000),
            threads: 2,
        };
        assert_eq!(
            figures(&measured),
            "Measured here with llama.cpp on 2 threads: loads in 0.3 s, reads 812 tokens/s, writes 140 tokens/s, takes 0.3 GB."
        );
        (
            measured.prompt_tokens_per_second,
            measured.peak_bytes,
            measured.threads,
        ) = (None, None, 1);
        assert_eq!(
            figures(&measured),
            "Measured here with llama.cpp on 1 thread: loads in 0.3 s, writes 140 tokens/s."
        );
    }
}
