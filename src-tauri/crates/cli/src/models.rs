//! `nexus models`.

mod hub;
mod library;
mod progress;
mod pull;

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
        Models::Search { words, json } => {
            hub::search(nexus, output, &words.join(" "), json).await?;
        }
        Models::Show {
            model,
            context,
            json,
        } => show(nexus, output, &model, context, json).await?,
        Models::Pull { model } => return pull::run(nexus, output, &model).await,
        Models::Downloads { discard, json } => {
            pull::downloads(nexus, output, discard, json).await?;
        }
        Models::Found { json } => library::found(nexus, output, json).await?,
        Models::Import { path, link, copy } => {
            library::import(nexus, output, path, link, copy).await?;
        }
        Models::Rm { model } => library::remove(nexus, output, ModelRef(model)).await?,
        Models::Move { folder } => library::relocate(nexus, output, folder).await?,
        Models::Retry { model } => nexus.model_try_again(&ModelRef(model)).await?,
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
        .chain(&catalog.embedding)
        .chain(&catalog.cloud)
        .map(|info| info.model.0.chars().count())
        .max()
        .unwrap_or(0);
    for (title, models) in [
        ("On this machine", &catalog.local),
        (
            "On this machine, for vectors of texts and not for chats",
            &catalog.embedding,
        ),
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

/// A model that can be used now, else one of the hub.
async fn show(
    nexus: &Nexus,
    output: &mut Output,
    name: &str,
    context: Option<u32>,
    json: bool,
) -> Result<(), Failure> {
    let catalog = nexus.models(false).await?;
    let found = catalog
        .local
        .iter()
        .chain(&catalog.embedding)
        .chain(&catalog.cloud)
        .find(|info| info.model.0 == name);
    let Some(info) = found else {
        let model = ModelRef(name.to_owned());
        let ours = model.is_local()
            || nexus
                .bootstrap()
                .await?
                .providers
                .iter()
                .any(|provider| provider.id == model.provider());
        if ours {
            return Err(Failure::refused(format!(
                "There is no model {name} now. `nexus models list` shows all."
            )));
        }
        return hub::show(nexus, output, name, context, json).await;
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
    if info.model.is_local() {
        library::details(nexus, output, &info.model).await?;
    }
    match nexus.model_outlook(&info.model).await {
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
        facts.push(progress::bytes(bytes));
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
