//! `nexus models`.

use std::process::ExitCode;

use nexus_core::Nexus;
use nexus_protocol::{ModelInfo, ModelPlace, ModelRef, StarterStatus};

use crate::{
    arguments::Models,
    failure::{Failure, words},
    output::{self, Output},
};

/// Runs one of the commands.
pub async fn run(command: Models, nexus: &Nexus, output: &mut Output) -> Result<ExitCode, Failure> {
    match command {
        Models::List { refresh, json } => list(nexus, output, refresh, json).await?,
        Models::Show { model, json } => show(nexus, output, &ModelRef(model), json).await?,
        Models::Pull { model } => {
            let starter = nexus_core::starter_model();
            if model != starter.0 && model != starter.model() {
                return Err(Failure::refused(format!(
                    "{model} is not in the catalogue: {starter} is the only one there yet. Download a GGUF file and take it in with `nexus models import FILE`."
                )));
            }
            let info = nexus.starter_install().await?;
            output.line(&info.model.0)?;
        }
        Models::Import { path } => {
            let info = nexus.model_import(path).await?;
            output.line(&info.model.0)?;
        }
        Models::Retry { model } => nexus.model_try_again(&ModelRef(model)).await?,
        Models::Rm { model } => nexus.model_remove(ModelRef(model)).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(
    nexus: &Nexus,
    output: &mut Output,
    refresh: bool,
    json: bool,
) -> Result<(), Failure> {
    let catalog = nexus.models(refresh).await?;
    if json {
        return output.json(&catalog);
    }
    for failure in &catalog.failures {
        output::warn(&format!("{}: {}", failure.provider, words(&failure.error)));
    }
    let width = catalog
        .local
        .iter()
        .chain(&catalog.cloud)
        .map(|info| info.model.0.chars().count())
        .max()
        .unwrap_or(0);
    for (title, models) in [
        ("On this machine", &catalog.local),
        ("Cloud", &catalog.cloud),
    ] {
        if models.is_empty() {
            continue;
        }
        output.line(title)?;
        for info in models {
            output.line(&format!("  {:width$}  {}", info.model.0, facts(info)))?;
        }
    }
    let starter = nexus_core::starter_model();
    if catalog.local.iter().all(|info| info.model != starter)
        && let StarterStatus::Available { .. } = nexus.bootstrap().await?.starter
    {
        output.line(&format!(
            "The starter model {starter} is at hand: asking it puts it in place."
        ))?;
    }
    Ok(())
}

async fn show(
    nexus: &Nexus,
    output: &mut Output,
    model: &ModelRef,
    json: bool,
) -> Result<(), Failure> {
    let catalog = nexus.models(false).await?;
    let found = catalog
        .local
        .iter()
        .chain(&catalog.cloud)
        .find(|info| info.model == *model);
    let Some(info) = found else {
        return Err(Failure::refused(format!(
            "There is no model {model} now. `nexus models list` shows all."
        )));
    };
    if json {
        return output.json(info);
    }
    output.line(&format!("{} ({})", info.display_name, info.model))?;
    output.line(match info.place {
        ModelPlace::ThisMachine => "On this machine",
        ModelPlace::Cloud => "Cloud",
    })?;
    output.line(&facts(info))?;
    match nexus.model_outlook(model).await {
        Ok(sentences) => sentences
            .iter()
            .try_for_each(|sentence| output.line(sentence)),
        // What keeps it from running is known of it, too.
        Err(card) => output.line(&words(&card)),
    }
}

/// What matters for a choice, on one line.
fn facts(info: &ModelInfo) -> String {
    let mut facts = Vec::new();
    if let Some(tokens) = info.context_tokens {
        facts.push(format!("{tokens} tokens"));
    }
    if let Some(quantization) = &info.quantization {
        facts.push(quantization.clone());
    }
    if let Some(bytes) = info.file_bytes {
        facts.push(format!("{:.1} GB", bytes as f64 / 1e9));
    }
    if let Some(pricing) = &info.pricing {
        facts.push(format!(
            "${:.2} in, ${:.2} out per million tokens",
            pricing.input_per_million, pricing.output_per_million
        ));
    }
    if info.tools {
        facts.push("tools".into());
    }
    if info.images {
        facts.push("images".into());
    }
    facts.join(", ")
}
