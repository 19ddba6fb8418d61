//! How much memory this machine has to give, and whether a model fits.

use nexus_llm::LocalError;
use nexus_protocol::worker::{ModelKind, Quantize};

use crate::folder::{FolderMemory, FolderSummary};
use crate::gguf::{GgufSummary, Weights};

/// Models up to this many weights are unpacked where memory allows: reading the prompt gets several times faster. Above
/// it, the larger weights cost more time at each token than they save.
const UNPACK_PARAMETERS: u64 = 1_000_000_000;

/// Bytes that a new process can take without pushing others out; `None` where the system does not say. In a container it
/// is what the container has left.
pub fn available() -> Option<u64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    let host = system.available_memory();
    let limited = system
        .cgroup_limits()
        .map_or(host, |limits| limits.free_memory.min(host));
    // No system runs this code with nothing at all: zero means that it could not be read.
    (limited > 0).then_some(limited)
}

/// How a model is to be held, and what that takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) weights: Weights,
    /// Bytes of finished conversations to keep; 0 for none.
    pub(crate) prefix_bytes: u64,
}

/// Decides whether and how a model runs in `available` bytes.
///
/// # Errors
/// [`LocalError::TooBig`] where it does not fit with 15 % to spare.
pub(crate) fn plan(
    summary: &GgufSummary,
    context: u32,
    wish: Option<Weights>,
    available: Option<u64>,
    prefix_limit: u64,
) -> Result<Plan, LocalError> {
    // mistral.rs panics where the weights of these are not as in the file.
    let wish = match summary.architecture.as_str() {
        "phi3" => Some(Weights::Packed),
        _ => wish,
    };
    let unpackable = wish == Some(Weights::Unpacked)
        || (wish.is_none() && summary.parameters <= UNPACK_PARAMETERS);
    let Some(have) = available else {
        return Ok(Plan {
            weights: wish.unwrap_or(Weights::Packed),
            prefix_bytes: 0,
        });
    };
    let needed = |weights| {
        let estimate = summary.estimate_with(context, weights);
        estimate.saturating_add(estimate / 100 * 15)
    };
    let weights = if unpackable && needed(Weights::Unpacked) <= have {
        Weights::Unpacked
    } else {
        Weights::Packed
    };
    let need = needed(weights);
    if need > have {
        return Err(LocalError::TooBig { need, have });
    }
    // Half of what is left, and only where it holds more than one or two turns: else it is thrown away again at once.
    let spare = ((have - need) / 2).min(prefix_limit);
    let enough = summary.cache_bytes(context).saturating_mul(2);
    Ok(Plan {
        weights,
        prefix_bytes: if spare >= enough { spare } else { 0 },
    })
}

/// The same for a model in a folder: whether its weights stay at 16 bits or are quantized while they are read. Small models
/// stay as they are where memory allows, and large ones are quantized in any case: each token reads all weights.
///
/// # Errors
/// [`LocalError::TooBig`] where it does not fit with 15 % to spare.
pub(crate) fn plan_folder(
    summary: &FolderSummary,
    context: u32,
    wish: Option<Weights>,
    available: Option<u64>,
    prefix_limit: u64,
) -> Result<(Plan, Option<Quantize>), LocalError> {
    let wishes = quantizations(summary, wish);
    let needed = |quantize| {
        let estimate = summary.estimate(context, quantize);
        estimate.saturating_add(estimate / 100 * 15)
    };
    let planned = |quantize, prefix_bytes| {
        let plan = Plan {
            weights: Weights::Packed,
            prefix_bytes,
        };
        (plan, quantize)
    };
    let Some(have) = available else {
        return Ok(planned(wishes.last().copied().flatten(), 0));
    };
    let fitting = wishes.iter().copied().find(|wish| needed(*wish) <= have);
    let Some(quantize) = fitting else {
        let need = wishes.iter().map(|wish| needed(*wish)).min();
        return Err(LocalError::TooBig {
            need: need.unwrap_or(u64::MAX),
            have,
        });
    };
    // Models that see images, or make vectors, remember nothing.
    let remembers = summary.kind == ModelKind::Text;
    let spare = ((have - needed(quantize)) / 2).min(prefix_limit);
    let enough = summary.cache_bytes(context).saturating_mul(2);
    let prefix_bytes = if remembers && spare >= enough {
        spare
    } else {
        0
    };
    Ok(planned(quantize, prefix_bytes))
}

/// The ways to hold the weights of a model in a folder, the best first.
fn quantizations(summary: &FolderSummary, wish: Option<Weights>) -> &'static [Option<Quantize>] {
    let plain = match wish {
        Some(wish) => wish == Weights::Unpacked,
        None => summary.parameters <= UNPACK_PARAMETERS,
    };
    if summary.is_quantized() {
        &[None]
    } else if plain {
        &[None, Some(Quantize::Q8), Some(Quantize::Q4)]
    } else {
        &[Some(Quantize::Q6), Some(Quantize::Q4)]
    }
}

/// What a model in a folder would take where `available` bytes are free, held as it would be then; where it does not fit, what
/// it takes at least.
pub fn of_folder(summary: &FolderSummary, context: u32, available: Option<u64>) -> FolderMemory {
    let quantize = match plan_folder(summary, context, None, available, 0) {
        Ok((_, quantize)) => quantize,
        Err(_) => quantizations(summary, None).last().copied().flatten(),
    };
    summary.memory(context, quantize)
}

/// The same for llama.cpp: one way to hold the weights, and nothing is kept besides the context.
///
/// # Errors
/// [`LocalError::TooBig`] where it does not fit with 15 % to spare.
pub(crate) fn plan_mapped(
    summary: &GgufSummary,
    context: u32,
    available: Option<u64>,
) -> Result<Plan, LocalError> {
    let estimate = summary.estimate_mapped(context);
    let need = estimate.saturating_add(estimate / 100 * 15);
    match available {
        Some(have) if have < need => Err(LocalError::TooBig { need, have }),
        _ => Ok(Plan {
            weights: Weights::Packed,
            prefix_bytes: 0,
        }),
    }
}

#[cfg(test)]
#[path = "../../gguf/tests/support/gguf_builder.rs"]
#[expect(dead_code, reason = "these tests need sound files only")]
mod gguf_builder;

#[cfg(test)]
mod tests {
    use super::gguf_builder::tiny;
    use super::*;
    use crate::gguf::inspect_bytes;

    fn summary() -> GgufSummary {
        inspect_bytes(&tiny().bytes()).unwrap()
    }

    #[test]
    fn this_machine_says_what_it_has() {
        let have = available().unwrap();
        assert!(have > 16 << 20, "{have}");
    }

    #[test]
    fn what_does_not_fit_is_named_in_bytes() {
        let summary = summary();
        let estimate = summary.estimate_bytes(512);
        let need = estimate + estimate / 100 * 15;
        assert_eq!(
            plan(&summary, 512, None, Some(need - 1), 1 << 30),
            Err(LocalError::TooBig {
                need,
                have: need - 1
            })
        );
    }

    #[test]
    fn small_models_are_unpacked_where_memory_allows() {
        let summary = summary();
        let packed = summary.estimate_bytes(512);
        let unpacked = summary.estimate_with(512, Weights::Unpacked);
        assert!(unpacked > packed);
        let with_spare = |estimate: u64| estimate + estimate / 100 * 15;
        let weights = |have| plan(&summary, 512, None, Some(have), 0).map(|plan| plan.weights);
        assert_eq!(weights(with_spare(unpacked)), Ok(Weights::Unpacked));
        assert_eq!(weights(with_spare(unpacked) - 1), Ok(Weights::Packed));
        assert_eq!(weights(with_spare(packed)), Ok(Weights::Packed));
        assert_eq!(
            plan(&summary, 512, Some(Weights::Packed), Some(1 << 40), 0).map(|p| p.weights),
            Ok(Weights::Packed)
        );
        // These the engine cannot hold so.
        let mut phi = summary.clone();
        phi.architecture = "phi3".to_owned();
        for have in [None, Some(1 << 40)] {
            let plan = plan(&phi, 512, Some(Weights::Unpacked), have, 0);
            assert_eq!(plan.map(|plan| plan.weights), Ok(Weights::Packed));
        }
    }

    #[test]
    fn mapped_weights_need_less_and_keep_nothing_else() {
        let summary = summary();
        let estimate = summary.estimate_mapped(512);
        let need = estimate + estimate / 100 * 15;
        assert_eq!(
            plan_mapped(&summary, 512, Some(need)),
            Ok(Plan {
                weights: Weights::Packed,
                prefix_bytes: 0
            })
        );
        assert_eq!(
            plan_mapped(&summary, 512, Some(need - 1)),
            Err(LocalError::TooBig {
                need,
                have: need - 1
            })
        );
        plan_mapped(&summary, 512, None).unwrap();
    }

    #[test]
    fn a_folder_is_quantized_as_far_as_it_must_be() {
        use crate::folder::builder::{llama, qwen3_embedding};

        let folder = tempfile::tempdir().unwrap();
        llama().write(folder.path());
        let summary = crate::folder::inspect(folder.path()).unwrap();
        // A short context: what is computed for a prompt takes more where weights are quantized, and these are few.
        let need = |quantize| {
            let estimate = summary.estimate(16, quantize);
            estimate + estimate / 100 * 15
        };
        let chosen = |wish, have| {
            plan_folder(&summary, 16, wish, Some(have), 0).map(|(_, quantize)| quantize)
        };
        let (eight, four) = (Some(Quantize::Q8), Some(Quantize::Q4));
        assert_eq!(chosen(None, need(None)), Ok(None));
        assert_eq!(chosen(None, need(None) - 1), Ok(eight));
        assert_eq!(chosen(None, need(eight) - 1), Ok(four));
        assert_eq!(
            chosen(None, need(four) - 1),
            Err(LocalError::TooBig {
                need: need(four),
                have: need(four) - 1
            })
        );
        assert_eq!(
            chosen(Some(Weights::Packed), u64::MAX),
            Ok(Some(Quantize::Q6))
        );
        assert_eq!(chosen(Some(Weights::Unpacked), u64::MAX), Ok(None));

        // A model of text remembers conversations, one that makes vectors has none.
        let kept = |summary: &FolderSummary| {
            plan_folder(summary, 512, None, Some(64 << 30), 1 << 30).map(|(p, _)| p.prefix_bytes)
        };
        assert_eq!(kept(&summary), Ok(1 << 30));
        let folder = tempfile::tempdir().unwrap();
        qwen3_embedding().write(folder.path());
        assert_eq!(kept(&crate::folder::inspect(folder.path()).unwrap()), Ok(0));
    }

    #[test]
    fn finished_conversations_are_kept_only_where_they_fit() {
        let summary = summary();
        let kept = |have| plan(&summary, 512, None, Some(have), 1 << 30).map(|p| p.prefix_bytes);
        assert_eq!(kept(64 << 30), Ok(1 << 30));
        let need = summary.estimate_bytes(512);
        assert_eq!(kept(need + need / 100 * 15), Ok(0));
    }
}
