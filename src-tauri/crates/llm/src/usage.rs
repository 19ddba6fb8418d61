//! What a call used, as providers report it.
//!
//! Owns: reading counts and costs that may be absent, negative or absurd. Refuses to own: adding up a turn.

use nexus_protocol::{ModelPlace, Pricing, Usage};
use serde_json::Value;

/// No single call reads or writes more tokens; beyond it a number is a fault, not a count.
const MOST_TOKENS: u64 = 1_000_000_000;
/// No single call costs more US dollars.
const MOST_DOLLARS: f64 = 100_000.0;

/// Reads a `usage` object; `None` where it holds no count.
pub(crate) fn read(usage: &Value) -> Option<Usage> {
    let usage = usage.as_object()?;
    let first = |paths: &[&[&str]]| {
        paths.iter().find_map(|path| {
            let mut value = usage.get(*path.first()?)?;
            for key in path.get(1..).unwrap_or_default() {
                value = value.get(key)?;
            }
            count(value)
        })
    };
    let input = first(&[&["prompt_tokens"], &["input_tokens"]]);
    let output = first(&[&["completion_tokens"], &["output_tokens"]]);
    if input.is_none() && output.is_none() {
        return None;
    }
    let input_tokens = input.unwrap_or(0);
    let output_tokens = output.unwrap_or(0);
    let cached = first(&[
        &["prompt_tokens_details", "cached_tokens"],
        &["input_tokens_details", "cached_tokens"],
        &["prompt_cache_hit_tokens"],
    ]);
    let reasoning = first(&[
        &["completion_tokens_details", "reasoning_tokens"],
        &["output_tokens_details", "reasoning_tokens"],
    ]);
    let billed = usage.get("cost").and_then(dollars);
    // With a key of one's own the provider behind bills the rest.
    let own_key = usage.get("is_byok").and_then(Value::as_bool) == Some(true);
    let upstream = usage
        .get("cost_details")
        .filter(|_| own_key)
        .and_then(|details| details.get("upstream_inference_cost"))
        .and_then(dollars);
    Some(Usage {
        input_tokens,
        output_tokens,
        cached_tokens: cached.unwrap_or(0).min(input_tokens),
        reasoning_tokens: reasoning.unwrap_or(0).min(output_tokens),
        cost_usd: match (billed, upstream) {
            (Some(billed), Some(upstream)) => Some(billed + upstream),
            (billed, upstream) => billed.or(upstream),
        },
    })
}

/// Adds the cost where the provider did not say: from its prices, or nothing on this machine.
pub(crate) fn priced(usage: Usage, place: ModelPlace, pricing: Option<Pricing>) -> Usage {
    let cost_usd = match (place, usage.cost_usd, pricing) {
        // A gateway on this machine may bill for a cloud behind it.
        (_, Some(billed), _) => Some(billed),
        (ModelPlace::ThisMachine, None, _) => Some(0.0),
        (ModelPlace::Cloud, None, Some(pricing)) => {
            let cost = usage.input_tokens as f64 * pricing.input_per_million
                + usage.output_tokens as f64 * pricing.output_per_million;
            Some(cost / 1e6).filter(|cost| cost.is_finite() && *cost >= 0.0)
        }
        (ModelPlace::Cloud, None, None) => None,
    };
    Usage { cost_usd, ..usage }
}

fn count(value: &Value) -> Option<u64> {
    if let Some(count) = value.as_u64() {
        return Some(count.min(MOST_TOKENS));
    }
    // Negative and fractional numbers are counts all the same; casts from floats saturate.
    value.as_f64().map(|count| (count as u64).min(MOST_TOKENS))
}

fn dollars(value: &Value) -> Option<f64> {
    value
        .as_f64()
        .filter(|cost| (0.0..=MOST_DOLLARS).contains(cost))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_are_read_and_clamped() {
        assert_eq!(
            read(
                &json!({"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.25,
                "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3}})
            ),
            Some(Usage {
                input_tokens: 10,
                output_tokens: 5,
                cached_tokens: 4,
                reasoning_tokens: 3,
                cost_usd: Some(0.25)
            })
        );
        assert_eq!(
            read(
                &json!({"prompt_tokens": -3, "completion_tokens": 1e300, "cost": -1,
                "prompt_tokens_details": {"cached_tokens": 99}, "completion_tokens_details": null})
            ),
            Some(Usage {
                input_tokens: 0,
                output_tokens: MOST_TOKENS,
                ..Usage::default()
            })
        );
        assert_eq!(
            read(
                &json!({"input_tokens": 2.9, "prompt_cache_hit_tokens": 1, "is_byok": true,
                "cost": 0.5, "cost_details": {"upstream_inference_cost": 1.5}})
            ),
            Some(Usage {
                input_tokens: 2,
                cached_tokens: 1,
                cost_usd: Some(2.0),
                ..Usage::default()
            })
        );
        for nothing in [
            json!(null),
            json!({}),
            json!([1]),
            json!({"prompt_tokens": "7"}),
        ] {
            assert_eq!(read(&nothing), None);
        }
    }

    #[test]
    fn costs_come_from_the_bill_then_from_prices() {
        let usage = Usage {
            input_tokens: 2_000_000,
            output_tokens: 1_000_000,
            ..Usage::default()
        };
        let pricing = Some(Pricing {
            input_per_million: 0.5,
            output_per_million: 2.0,
        });
        let cost = |usage, place, pricing| priced(usage, place, pricing).cost_usd;
        let billed = Usage {
            cost_usd: Some(9.0),
            ..usage
        };
        assert_eq!(cost(usage, ModelPlace::Cloud, pricing), Some(3.0));
        assert_eq!(cost(billed, ModelPlace::Cloud, pricing), Some(9.0));
        assert_eq!(cost(usage, ModelPlace::Cloud, None), None);
        assert_eq!(cost(billed, ModelPlace::ThisMachine, pricing), Some(9.0));
        assert_eq!(cost(usage, ModelPlace::ThisMachine, pricing), Some(0.0));
    }
}
