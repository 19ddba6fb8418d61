//! `current_time`: the time now, anywhere.
//!
//! Owns zone names and the words around a time. Refuses to own the clock (the caller's) and the machine's own zone.

use async_trait::async_trait;
use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};
use nexus_protocol::{Capability, ToolSpec, UnixMillis};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput,
    tool::{action, arguments, spec_of},
};

/// Tells the date, the time and the day of the week right now, in any time zone. Use it whenever an answer depends
/// on today's date or the present time: you do not know them otherwise.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// A name of the IANA time zone database, such as `Europe/Berlin`, `America/New_York` or `Asia/Tokyo`; UTC if left out.
    #[serde(default)]
    // Not every provider takes a type list such as ["string", "null"].
    #[schemars(with = "String", default = "utc")]
    timezone: Option<String>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// The tool.
pub struct CurrentTime;

#[async_trait]
impl Tool for CurrentTime {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("current_time")
    }

    fn capability(&self) -> Capability {
        Capability::Compute
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let Input { timezone } = arguments(value)?;
        let name = timezone.as_deref().unwrap_or("UTC").trim();
        let zone = zone(name)?;
        let now = ctx.now;
        let action = action("current_time", Capability::Compute, "Time", name, &seen);
        Ok(Prepared::new(
            action,
            move |_| async move { tell(now, zone) },
        ))
    }
}

fn zone(name: &str) -> Result<TimeZone, ToolError> {
    let zones = TimeZoneDatabase::bundled();
    zones.get(name).map_err(|_| {
        let known: Vec<String> = zones
            .available()
            .map(|name| name.as_str().to_owned())
            .collect();
        ToolError::BadArguments(unknown(name, &known))
    })
}

fn tell(now: UnixMillis, zone: TimeZone) -> Result<ToolOutput, ToolError> {
    let failed = |error: jiff::Error| ToolError::Failed(format!("There is no such time: {error}."));
    let time = Timestamp::from_millisecond(now.0)
        .map_err(failed)?
        .to_zoned(zone);
    let name = time.time_zone().iana_name().unwrap_or("UTC").to_owned();
    Ok(ToolOutput::text(
        format!(
            "{}, {} ({}, UTC{})\nISO 8601: {}",
            time.strftime("%A, %-d %B %Y, %H:%M:%S"),
            name,
            time.strftime("%Z"),
            time.strftime("%:z"),
            time.strftime("%Y-%m-%dT%H:%M:%S%:z"),
        ),
        format!("{} in {name}", time.strftime("%a %-d %b %Y, %H:%M")),
    ))
}

/// Words for the model: the name is unknown, these come near.
fn unknown(name: &str, known: &[String]) -> String {
    let name: String = name.chars().take(64).collect();
    let wanted = fold(&name);
    let mut near: Vec<(f64, &String)> = known
        .iter()
        .map(|candidate| (likeness(&wanted, &fold(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= 0.82)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let near: Vec<&str> = near.iter().take(5).map(|(_, name)| name.as_str()).collect();
    if near.is_empty() {
        format!("There is no time zone “{name}”. Use an IANA name such as Europe/Berlin.")
    } else {
        format!(
            "There is no time zone “{name}”. Near it: {}.",
            near.join(", ")
        )
    }
}

/// 0.0 ..= 1.0. A city alone counts as much as the whole name.
fn likeness(wanted: &str, candidate: &str) -> f64 {
    let city = candidate.rsplit('/').next().unwrap_or(candidate);
    strsim::jaro_winkler(wanted, candidate).max(strsim::jaro_winkler(wanted, city))
}

fn fold(name: &str) -> String {
    name.to_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests;
