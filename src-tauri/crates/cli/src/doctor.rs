//! `nexus doctor`.

use std::process::ExitCode;

use nexus_core::CoreOptions;
use nexus_protocol::DoctorStatus;

use crate::{arguments::Doctor, failure::Failure, output::Output};

/// Prints the report. It needs no core that starts: that is the first thing it looks at.
pub async fn run(
    command: Doctor,
    options: CoreOptions,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let report = nexus_core::doctor(options).await;
    if command.json {
        output.json(&report)?;
    } else {
        for check in &report.checks {
            let mark = match check.status {
                DoctorStatus::Ok => "ok      ",
                DoctorStatus::Warning => "warning ",
                DoctorStatus::Missing => "MISSING ",
            };
            output.line(&format!("{mark} {}: {}", check.name, check.detail))?;
        }
    }
    let missing = report
        .checks
        .iter()
        .any(|check| check.status == DoctorStatus::Missing);
    Ok(if missing {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
