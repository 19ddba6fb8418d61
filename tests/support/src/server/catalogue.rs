//! What OpenRouter answers to questions about itself, as its real answers look.
//!
//! Owns: a small list of models and the facts about a key. Refuses to own: being up to date.

use serde_json::{Value, json};

/// `GET /models`.
pub(super) fn openrouter() -> Value {
    let model = |id: &str,
                 name: &str,
                 context: u32,
                 modality: &[&str],
                 prices: (&str, &str),
                 parameters: &[&str]| {
        json!({
            "id": id, "canonical_slug": id, "hugging_face_id": "", "name": name, "created": 1_767_000_000,
            "description": "A model of the scripted provider.", "context_length": context,
            "architecture": {"modality": "text->text", "input_modalities": modality, "output_modalities": ["text"],
                "tokenizer": "Other", "instruct_type": null},
            "pricing": {"prompt": prices.0, "completion": prices.1, "request": "0", "image": "0", "web_search": "0",
                "internal_reasoning": "0"},
            "top_provider": {"context_length": context, "max_completion_tokens": 16384, "is_moderated": false},
            "per_request_limits": null, "supported_parameters": parameters,
        })
    };
    let tools = [
        "max_tokens",
        "temperature",
        "tools",
        "tool_choice",
        "reasoning",
        "include_reasoning",
    ];
    let mut image_maker = model(
        "scripted/painter",
        "Scripted: Painter",
        32_768,
        &["text"],
        ("0.0000003", "0.0000025"),
        &["max_tokens"],
    );
    image_maker["architecture"]["output_modalities"] = json!(["image"]);
    let mut varying = model(
        "scripted/auto",
        "Scripted: Auto Router",
        2_000_000,
        &["text", "image"],
        ("-1", "-1"),
        &[],
    );
    varying["top_provider"] =
        json!({"context_length": null, "max_completion_tokens": null, "is_moderated": false});
    json!({"data": [
        model("scripted/large", "Scripted: Large", 200_000, &["text", "image", "file"], ("0.000003", "0.000015"), &tools),
        model("scripted/small", "Scripted: Small", 131_072, &["text"], ("0.00000015", "0.0000006"), &tools),
        model("scripted/free:free", "Scripted: Free (free)", 32_768, &["text"], ("0", "0"), &["max_tokens", "temperature"]),
        varying,
        image_maker,
    ]})
}

/// `GET /key`.
pub(super) fn key() -> Value {
    json!({"data": {"label": "scripted", "usage": 0.25, "limit": null, "limit_remaining": null,
        "is_free_tier": false, "is_provisioning_key": false, "rate_limit": {"requests": -1, "interval": "10s"}}})
}
