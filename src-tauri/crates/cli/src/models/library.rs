//! Models on this disk, as a terminal shows and changes them.

use std::path::{Path, PathBuf};

use nexus_core::Nexus;
use nexus_protocol::{AppEvent, ImportMode, ModelRef};

use super::{
    hub::label,
    progress::{self, bytes},
};
use crate::{
    failure::Failure,
    output::{self, Output},
};

/// What is known of a local model besides what all models have.
pub async fn details(nexus: &Nexus, output: &mut Output, model: &ModelRef) -> Result<(), Failure> {
    let library = nexus.models_local().await?;
    let Some(view) = library.models.iter().find(|view| view.info.model == *model) else {
        return Ok(());
    };
    output.line(&format!("{}: {}", label(view.fit.label), view.fit.reason))?;
    let estimate = &view.fit.estimate;
    output.line(&format!(
        "Memory: {} weights, {} embedding, {} for {} tokens, {} engine",
        bytes(estimate.weights),
        bytes(estimate.embedding),
        bytes(estimate.kv_cache),
        estimate.context_tokens,
        bytes(estimate.base)
    ))?;
    if let Some(origin) = &view.origin {
        output.line(&format!("From {} ({})", origin.model, origin.file))?;
    }
    let linked = if view.linked { " (linked)" } else { "" };
    output.line(&format!("{}{linked}", view.path))
}

/// What other apps have.
pub async fn found(nexus: &Nexus, output: &mut Output, json: bool) -> Result<(), Failure> {
    let found = nexus.models_found().await?;
    if json {
        return output.json(&found);
    }
    if found.is_empty() {
        output::warn("No other app keeps models on this disk, where they usually do.");
    }
    for model in &found {
        let state = match (&model.here, &model.problem) {
            (Some(here), _) => format!("here: {here}"),
            (None, Some(problem)) => format!("cannot be used: {}", problem.title),
            (None, None) => model.quantization.clone().unwrap_or_default(),
        };
        output.line(&format!(
            "{}  {}  {}  {state}\n  {}",
            model.app.title(),
            model.name,
            bytes(model.bytes),
            model.path
        ))?;
    }
    let takeable = found
        .iter()
        .any(|model| model.here.is_none() && model.problem.is_none());
    if takeable {
        output::warn("`nexus models import PATH` takes one in by a link, without a copy.");
    }
    Ok(())
}

/// Takes a file or a folder in.
pub async fn import(
    nexus: &Nexus,
    output: &mut Output,
    path: PathBuf,
    link: bool,
    copy: bool,
) -> Result<(), Failure> {
    if !copy && is_found(nexus, &path).await? {
        let real = std::fs::canonicalize(&path)?;
        let info = nexus.model_take(real).await?;
        return output.line(&info.model.0);
    }
    let mode = match (link, copy) {
        (true, _) => ImportMode::Link,
        (_, true) => ImportMode::Copy,
        _ => ImportMode::Either,
    };
    let info = nexus.model_import(path, mode).await?;
    output.line(&info.model.0)
}

async fn is_found(nexus: &Nexus, path: &Path) -> Result<bool, Failure> {
    let Ok(real) = std::fs::canonicalize(path) else {
        return Ok(false);
    };
    let real = real.display().to_string();
    let found = nexus.models_found().await?;
    Ok(found.iter().any(|model| model.path == real))
}

/// Deletes one.
pub async fn remove(nexus: &Nexus, output: &mut Output, model: ModelRef) -> Result<(), Failure> {
    let removed = nexus.model_remove(model.clone()).await?;
    if removed.still_elsewhere {
        return output.line(&format!(
            "{model} is removed. Its file is still on this disk, where another program keeps it: nothing was freed."
        ));
    }
    output.line(&format!(
        "{model} is removed: {} freed",
        bytes(removed.bytes_freed)
    ))
}

/// Moves the folder.
pub async fn relocate(nexus: &Nexus, output: &mut Output, folder: PathBuf) -> Result<(), Failure> {
    let folder = std::path::absolute(folder)?;
    let mut events = nexus.subscribe_app();
    let moving = nexus.models_move(folder);
    tokio::pin!(moving);
    let mut line = progress::Line::new();
    let moved = loop {
        tokio::select! {
            moved = &mut moving => break moved,
            Some(event) = events.recv() => {
                if let AppEvent::ModelsMoving { progress } = event {
                    line.show(
                        &format!("{} of {} copied and checked", bytes(progress.done), bytes(progress.total)),
                        false,
                    );
                }
            }
        }
    };
    line.end();
    let place = moved?;
    output.line(&place.folder)
}
