//! `nexus models pull` and `downloads`: fetching with a line that says how far it is.

use std::process::ExitCode;

use nexus_core::Nexus;
use nexus_protocol::{
    AppEvent, Download, DownloadRequest, DownloadStatus, HubDetails, ModelChoice, StarterStatus,
};

use super::{
    hub::in_catalogue,
    progress::{self, Line},
};
use crate::{
    failure::{Failure, INTERRUPTED},
    output::{self, Output},
    signals::Interrupts,
};

/// Fetches what `name` means, and prints the model's name here.
pub async fn run(nexus: &Nexus, output: &mut Output, name: &str) -> Result<ExitCode, Failure> {
    let starter = nexus_core::starter_model();
    if name == starter.0 || name == starter.model() {
        let at_hand = nexus.bootstrap().await?.starter;
        // Where its file did not come with this build, it is fetched like any other.
        if !matches!(at_hand, StarterStatus::Missing { .. }) {
            let info = nexus.starter_install().await?;
            output.line(&info.model.0)?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let request = choose(nexus, name).await?;
    let mut interrupts = Interrupts::listen()?;
    // Listening begins before the download does: no event of it is missed.
    let mut events = nexus.subscribe_app();
    let mut download = nexus.download_start(request).await?;
    let mut line = Line::new();
    loop {
        match &download.status {
            DownloadStatus::Done { model } => {
                line.end();
                output.line(&model.0)?;
                return Ok(ExitCode::SUCCESS);
            }
            DownloadStatus::Failed { error } => {
                line.end();
                return Err(error.clone().into());
            }
            DownloadStatus::Paused => {
                line.end();
                return Ok(paused(name, &download));
            }
            // The first line says that something happens.
            _ => line.show(&progress::words(&download), false),
        }
        tokio::select! {
            event = events.recv() => match event {
                Some(AppEvent::DownloadChanged { download: now }) if now.id == download.id => {
                    download = now;
                }
                Some(_) => {}
                None => return Err(Failure::refused("The core has stopped.")),
            },
            () = interrupts.next() => download = nexus.download_pause(download.id).await?,
        }
    }
}

fn paused(name: &str, download: &Download) -> ExitCode {
    output::warn(&progress::words(download));
    output::warn(&format!("`nexus models pull {name}` goes on from there."));
    ExitCode::from(INTERRUPTED)
}

/// What to ask for: the catalogue's file, the file of an address, the named packing, or the recommended one.
async fn choose(nexus: &Nexus, name: &str) -> Result<DownloadRequest, Failure> {
    if let Some(model) = in_catalogue(nexus, name).await?
        && let Some(known) = model.known
    {
        return Ok(DownloadRequest {
            model: model.id,
            file: known.file,
            revision: None,
        });
    }
    let (id, packing) = split(name);
    // An address may name a file; a search of it says which.
    let named = if id.contains("://") {
        nexus.models_search(id.to_owned(), None).await?.file
    } else {
        None
    };
    let details = nexus.models_details(id.to_owned(), None).await?;
    let choice = match (named, packing) {
        (Some(file), _) => details.choices.iter().find(|choice| choice.file == file),
        (None, Some(packing)) => details
            .choices
            .iter()
            .find(|choice| choice.label.eq_ignore_ascii_case(packing) || choice.file == packing),
        (None, None) => details.choices.iter().find(|choice| choice.recommended),
    };
    let Some(choice) = choice else {
        return Err(Failure::refused(refusal(&details, packing)));
    };
    Ok(DownloadRequest {
        model: details.model.id.clone(),
        file: choice.file.clone(),
        revision: Some(details.revision.clone()),
    })
}

/// `author/name:PACKING`; the colon of `https:` is none.
fn split(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((id, packing)) if !packing.contains('/') => (id, Some(packing)),
        _ => (name, None),
    }
}

fn refusal(details: &HubDetails, packing: Option<&str>) -> String {
    let labels: Vec<&str> = details
        .choices
        .iter()
        .map(|choice: &ModelChoice| choice.label.as_str())
        .collect();
    match packing {
        _ if labels.is_empty() => details.left_out.join("\n"),
        Some(packing) => format!(
            "{} has no {packing}. It has {}.",
            details.model.id,
            labels.join(", ")
        ),
        None => format!(
            "Nothing of {} is recommended on this machine. `nexus models show {}` says why; name a packing to fetch it all the same.",
            details.model.id, details.model.id
        ),
    }
}

/// Downloads that wait, or that another program works on.
pub async fn downloads(
    nexus: &Nexus,
    output: &mut Output,
    discard: bool,
    json: bool,
) -> Result<(), Failure> {
    let mut downloads = nexus.downloads().await?;
    if discard {
        for download in downloads.extract_if(.., |download| download.status.rests()) {
            nexus.download_cancel(download.id).await?;
        }
    }
    if json {
        return output.json(&downloads);
    }
    for download in &downloads {
        output.line(&format!(
            "{}  {}",
            download.model,
            progress::words(download)
        ))?;
    }
    let waits = downloads.iter().find(|download| download.status.rests());
    if let Some(waits) = waits {
        output::warn(&format!(
            "`nexus models pull {}:{}` goes on.",
            waits.model, waits.label
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn packings_follow_a_colon() {
        assert_eq!(split("a/b:Q4_K_M"), ("a/b", Some("Q4_K_M")));
        assert_eq!(split("a/b"), ("a/b", None));
        assert_eq!(split("https://hub/a/b"), ("https://hub/a/b", None));
        assert_eq!(
            split("http://127.0.0.1:8080/a/b:Q8_0"),
            ("http://127.0.0.1:8080/a/b", Some("Q8_0"))
        );
    }
}
