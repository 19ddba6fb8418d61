//! `hash_text`: the checksum of a text.

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use md5::Md5;
use nexus_protocol::{Capability, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput,
    tool::{action, arguments, spec_of},
};

/// Computes the hash of a text, in hexadecimal, over its UTF-8 bytes exactly as given: no line end is added. Never guess a hash.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The text.
    text: String,
    /// The algorithm. md5, sha1 and crc32 find accidents only, not attacks.
    #[serde(default)]
    algorithm: Algorithm,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Algorithm {
    Md5,
    Sha1,
    #[default]
    Sha256,
    Sha512,
    Blake3,
    Crc32,
}

/// The tool.
pub(super) struct HashText;

#[async_trait]
impl Tool for HashText {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("hash_text")
    }

    fn capability(&self) -> Capability {
        Capability::Compute
    }

    fn needs_folder(&self) -> bool {
        super::ONLY_WITH_A_FOLDER
    }

    async fn prepare(&self, value: Value, _: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let Input { text, algorithm } = arguments(value)?;
        let object = format!("{algorithm:?}").to_lowercase();
        let action = action("hash_text", Capability::Compute, "Hash", &object, &seen);
        Ok(Prepared::new(action, move |_| async move {
            let hash = hash(text.as_bytes(), algorithm);
            let summary = format!("{object} of {} bytes", text.len());
            Ok(ToolOutput::text(hash, summary))
        }))
    }
}

fn hash(bytes: &[u8], algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::Md5 => HEXLOWER.encode(&Md5::digest(bytes)),
        Algorithm::Sha1 => HEXLOWER.encode(&Sha1::digest(bytes)),
        Algorithm::Sha256 => HEXLOWER.encode(&Sha256::digest(bytes)),
        Algorithm::Sha512 => HEXLOWER.encode(&Sha512::digest(bytes)),
        Algorithm::Blake3 => blake3::hash(bytes).to_hex().to_string(),
        Algorithm::Crc32 => format!("{:08x}", crc32fast::hash(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{call, context};

    /// The published test vectors.
    #[tokio::test]
    async fn hashes_are_the_published_ones() {
        for (algorithm, text, expected) in [
            ("md5", "", "d41d8cd98f00b204e9800998ecf8427e"),
            ("md5", "abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "sha256",
                "abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                "sha512",
                "abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (
                "blake3",
                "",
                "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            ),
            ("crc32", "123456789", "cbf43926"),
        ] {
            let arguments = json!({ "text": text, "algorithm": algorithm });
            let output = call(&HashText, arguments, &context()).await.unwrap();
            assert_eq!(output.text, expected, "{algorithm}");
        }
    }

    #[tokio::test]
    async fn sha256_is_meant_where_nothing_is_said() {
        let output = call(&HashText, json!({ "text": "é\n" }), &context()).await;
        assert_eq!(output.unwrap().text, crate::tool::sha256("é\n".as_bytes()));
    }
}
