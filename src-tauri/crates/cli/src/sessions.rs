//! `nexus sessions`.

use std::process::ExitCode;

use nexus_core::Nexus;
use nexus_protocol::{SessionId, UnixMillis};

use crate::{arguments::Sessions, failure::Failure, output::Output, transcript};

/// Runs one of the commands.
pub async fn run(
    command: Sessions,
    nexus: &Nexus,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    match command {
        Sessions::List { json } => list(nexus, output, json).await?,
        Sessions::Show { id, json } => {
            let snapshot = nexus.snapshot(find(nexus, &id).await?).await?;
            if json {
                output.json(&snapshot)?;
            } else {
                output.text(&transcript::markdown(
                    &snapshot,
                    transcript::Detail::All,
                    |model| nexus.made_at(model),
                ))?;
            }
        }
        Sessions::Export { id } => {
            let snapshot = nexus.snapshot(find(nexus, &id).await?).await?;
            output.text(&transcript::markdown(
                &snapshot,
                transcript::Detail::Words,
                |model| nexus.made_at(model),
            ))?;
        }
        Sessions::Search { words, json, limit } => {
            search(nexus, output, &words.join(" "), limit, json).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(nexus: &Nexus, output: &mut Output, json: bool) -> Result<(), Failure> {
    let sessions = nexus.sessions().await?;
    if json {
        return output.json(&sessions);
    }
    for session in sessions {
        let title = match session.title.as_str() {
            "" => "(empty)",
            title => title,
        };
        output.line(&format!(
            "{}  {}  {title}",
            session.id,
            time(session.updated_at)
        ))?;
    }
    Ok(())
}

async fn search(
    nexus: &Nexus,
    output: &mut Output,
    words: &str,
    limit: u32,
    json: bool,
) -> Result<(), Failure> {
    let hits = nexus.search(words.to_owned(), limit).await?;
    if json {
        return output.json(&hits);
    }
    for hit in hits {
        let snippet = hit
            .snippet
            .replace(['\u{2}', '\u{3}'], "*")
            .replace('\n', " ");
        output.line(&format!(
            "{}  {}  {}\n    {snippet}",
            hit.session,
            time(hit.at),
            hit.title
        ))?;
    }
    Ok(())
}

/// A session by its id or the beginning of it.
pub async fn find(nexus: &Nexus, text: &str) -> Result<SessionId, Failure> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let wanted = text.to_lowercase();
    let mut found = nexus
        .sessions()
        .await?
        .into_iter()
        .map(|session| session.id)
        .filter(|id| !wanted.is_empty() && id.to_string().starts_with(&wanted));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(Failure::refused(format!(
            "Several chats begin with {text}. Type more of the id."
        ))),
        (None, _) => Err(Failure::refused(format!(
            "There is no chat {text}. `nexus sessions list` shows all."
        ))),
    }
}

/// Local time, to the minute.
fn time(at: UnixMillis) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(time) => time
            .to_zoned(jiff::tz::TimeZone::system())
            .strftime("%Y-%m-%d %H:%M")
            .to_string(),
        Err(_) => "unknown time".into(),
    }
}
