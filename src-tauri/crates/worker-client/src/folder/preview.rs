//! What the `config.json` of a model tells before the rest of it is here.

use nexus_llm::LocalError;
use serde_json::Value;

use super::{Fault, architecture, config};

/// As far as the settings say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// `LlamaForCausalLM`, …
    pub architecture: String,
    /// Longest context that it was made for, tokens.
    pub context_length: u32,
    /// Bytes that the keys and values of one token take.
    pub cache_bytes_per_token: u64,
    /// Of a weight; `None` where it is not said.
    pub bits: Option<u8>,
}

/// Reads the bytes of a `config.json`.
///
/// # Errors
/// As [`inspect`](super::inspect), as far as the settings are the reason.
pub fn preview(settings: &[u8]) -> Result<Preview, LocalError> {
    read(settings).map_err(|fault| fault.at("config.json"))
}

fn read(settings: &[u8]) -> Result<Preview, Fault> {
    let settings: Value = serde_json::from_slice(settings)
        .map_err(|error| Fault::Bad(format!("it cannot be read: {error}")))?;
    let (architecture, _kind) = architecture::identify(&settings, false)?;
    if architecture == HARMONY_ARCHITECTURE {
        return Err(Fault::Bad(
            "its way of writing answers needs a vocabulary that is not published with it".into(),
        ));
    }
    let sizes = config::read(&settings)?;
    Ok(Preview {
        architecture,
        context_length: sizes.context_length,
        cache_bytes_per_token: sizes
            .layers
            .saturating_mul(sizes.key_heads)
            .saturating_mul(sizes.head_width)
            .saturating_mul(4),
        bits: bits(&settings),
    })
}

/// gpt-oss, whose folder is refused without a file that its repository does not have.
const HARMONY_ARCHITECTURE: &str = "GptOssForCausalLM";

fn bits(settings: &Value) -> Option<u8> {
    let quantized = settings
        .get("quantization_config")
        .and_then(|quantized| quantized.get("quant_method"))
        .and_then(Value::as_str);
    match quantized {
        Some("fp8") => return Some(8),
        Some("mxfp4") => return Some(4),
        _ => {}
    }
    let language = settings.get("text_config").unwrap_or(settings);
    let form = [language, settings].into_iter().find_map(|part| {
        part.get("dtype")
            .or_else(|| part.get("torch_dtype"))
            .and_then(Value::as_str)
    })?;
    match form {
        "bfloat16" | "float16" => Some(16),
        "float32" => Some(32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_settings_alone_say_what_is_to_come() {
        let mut settings = json!({
            "architectures": ["Qwen2ForCausalLM"], "hidden_size": 896, "num_hidden_layers": 24,
            "num_attention_heads": 14, "num_key_value_heads": 2, "max_position_embeddings": 32768,
            "torch_dtype": "bfloat16",
        });
        let read = |settings: &Value| preview(settings.to_string().as_bytes());
        assert_eq!(
            read(&settings),
            Ok(Preview {
                architecture: "Qwen2ForCausalLM".to_owned(),
                context_length: 32768,
                cache_bytes_per_token: 24 * 2 * 64 * 4,
                bits: Some(16),
            })
        );
        settings["quantization_config"] = json!({"quant_method": "fp8"});
        assert_eq!(read(&settings).unwrap().bits, Some(8));
        settings["quantization_config"] = json!({"quant_method": "awq"});
        assert!(matches!(
            read(&settings),
            Err(LocalError::UnsupportedQuantization { .. })
        ));
        settings["architectures"] = json!(["MambaForCausalLM"]);
        assert!(matches!(
            read(&settings),
            Err(LocalError::UnsupportedArchitecture { .. })
        ));
        settings["architectures"] = json!(["GptOssForCausalLM"]);
        settings["quantization_config"] = json!({"quant_method": "mxfp4"});
        assert!(matches!(
            read(&settings),
            Err(LocalError::BadFolder { reason, .. }) if reason.contains("vocabulary")
        ));
        assert!(preview(b"<html>").is_err());
    }
}
