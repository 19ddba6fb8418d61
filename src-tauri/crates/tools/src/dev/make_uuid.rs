//! `make_uuid`: new identifiers.
//!
//! Randomness is the operating system's; the time of version 7 is the call's.

use async_trait::async_trait;
use nexus_protocol::{Capability, ToolSpec, UnixMillis};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use uuid::{Builder, Uuid};

use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput,
    tool::{action, arguments, spec_of},
};

/// Makes new random UUIDs. Never invent one yourself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// 4: all random. 7: begins with the time, so that later ones sort after earlier ones.
    #[serde(default = "four")]
    #[schemars(extend("enum" = [4, 7]))]
    version: u8,
    /// How many, 1 to 100.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    count: usize,
}

fn four() -> u8 {
    4
}

fn one() -> usize {
    1
}

/// The tool.
pub(super) struct MakeUuid;

#[async_trait]
impl Tool for MakeUuid {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("make_uuid")
    }

    fn capability(&self) -> Capability {
        Capability::Compute
    }

    fn needs_folder(&self) -> bool {
        super::ONLY_WITH_A_FOLDER
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let Input { version, count } = arguments(value)?;
        if !matches!(version, 4 | 7) {
            return Err(ToolError::BadArguments(
                "The version must be 4 or 7.".to_owned(),
            ));
        }
        if !(1..=100).contains(&count) {
            return Err(ToolError::BadArguments(
                "The count must be 1 to 100.".to_owned(),
            ));
        }
        let object = format!("{count} × version {version}");
        let action = action("make_uuid", Capability::Compute, "UUID", &object, &seen);
        let now = ctx.now;
        Ok(Prepared::new(action, move |_| async move {
            let mut made = (0..count)
                .map(|_| make(version, now))
                .collect::<Result<Vec<Uuid>, _>>()?;
            // All of one call have the same time: sorted, they also stand in the order in which they sort.
            made.sort_unstable();
            let lines: Vec<String> = made.iter().map(Uuid::to_string).collect();
            Ok(ToolOutput::text(lines.join("\n"), object))
        }))
    }
}

fn make(version: u8, now: UnixMillis) -> Result<Uuid, ToolError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| {
        ToolError::Failed(format!("The system gives no random numbers: {error}."))
    })?;
    let builder = if version == 7 {
        let millis = u64::try_from(now.0).unwrap_or_default();
        let [_, _, _, _, _, _, tail @ ..] = random;
        Builder::from_unix_timestamp_millis(millis, &tail)
    } else {
        Builder::from_random_bytes(random)
    };
    Ok(builder.into_uuid())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::testing::{call, context};

    async fn made(arguments: Value, now: i64) -> Vec<Uuid> {
        let ctx = ToolContext {
            now: UnixMillis(now),
            ..context()
        };
        let output = call(&MakeUuid, arguments, &ctx).await.unwrap();
        let lines = output.text.lines();
        lines.map(|line| line.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn they_have_the_version_and_differ() {
        for version in [4, 7] {
            let uuids = made(json!({ "version": version, "count": 100 }), 1).await;
            let unique: BTreeSet<&Uuid> = uuids.iter().collect();
            assert_eq!(unique.len(), 100);
            for uuid in &uuids {
                assert_eq!(uuid.get_version_num(), version);
                assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
            }
        }
        assert_eq!(made(json!({}), 0).await.len(), 1);
    }

    #[tokio::test]
    async fn version_7_begins_with_the_time_of_the_call() {
        let arguments = json!({ "version": 7, "count": 3 });
        let early = made(arguments.clone(), 1_700_000_000_000).await;
        let late = made(arguments, 1_700_000_000_001).await;
        assert!(early.is_sorted());
        assert!(early.last() < late.first());
        assert!(early[0].to_string().starts_with("018bcfe5-6800-7"));
    }

    #[tokio::test]
    async fn other_versions_and_counts_are_refused() {
        for arguments in [
            json!({ "version": 1 }),
            json!({ "count": 0 }),
            json!({ "count": 101 }),
        ] {
            let result = call(&MakeUuid, arguments, &context()).await;
            assert!(matches!(result, Err(ToolError::BadArguments(_))));
        }
    }
}
