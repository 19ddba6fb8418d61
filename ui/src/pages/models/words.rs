//! What the Models page says, in words. Pure.

use nexus_protocol::{
    Download, DownloadStatus, FitLabel, Gate, HubModel, LocalModelView, Measured, MemoryEstimate,
    ModelRemoved, ModelSkills, SizeGroup,
};

use crate::{format, state::percent};

/// What stands in the search field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Nothing.
    Nothing,
    /// A file of this machine.
    Path(String),
    /// Words, a name, or an address: for the hub.
    Question,
}

impl Typed {
    /// Tells them apart by how they begin.
    pub fn of(text: &str) -> Self {
        // Windows copies paths with quotes around them.
        let text = text.trim().trim_matches('"').trim();
        let mut letters = text.chars();
        let drive = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
            && letters.next() == Some(':')
            && matches!(letters.next(), Some('\\' | '/'));
        if text.is_empty() {
            Self::Nothing
        } else if drive
            || ["/", "~/", "\\\\", "file://"]
                .iter()
                .any(|start| text.starts_with(start))
        {
            Self::Path(text.to_owned())
        } else {
            Self::Question
        }
    }
}

/// The word for a fit, and the class that colours it.
pub fn fit(label: FitLabel) -> (&'static str, &'static str) {
    match label {
        FitLabel::Fits => ("Fits", "fit-word ok"),
        FitLabel::Slow => ("Slow", "fit-word warn"),
        FitLabel::WontFit => ("Won’t fit", "fit-word bad"),
    }
}

/// `needs 6.9 GB, 9.8 GB free`.
pub fn needs(estimate: &MemoryEstimate) -> String {
    let total = format::bytes(estimate.total);
    match estimate.free {
        Some(free) => format!(
            "needs {total}, {} free",
            format::bytes(free.saturating_add(estimate.freed_by_unloading))
        ),
        None => format!("needs {total}"),
    }
}

/// What an estimate is made of, line by line; the last two are the sum and what is there for it.
pub fn split(estimate: &MemoryEstimate) -> Vec<(String, String)> {
    let context = format::grouped(u64::from(estimate.context_tokens));
    let mut lines = vec![("Weights".to_owned(), format::bytes(estimate.weights))];
    if estimate.embedding > 0 {
        lines.push((
            "Unpacked embedding".to_owned(),
            format::bytes(estimate.embedding),
        ));
    }
    lines.push((
        format!("Context of {context} tokens"),
        format::bytes(estimate.kv_cache),
    ));
    lines.push(("The engine".to_owned(), format::bytes(estimate.base)));
    lines.push((
        if estimate.approximate {
            "Needed, about"
        } else {
            "Needed"
        }
        .to_owned(),
        format::bytes(estimate.total),
    ));
    if let Some(free) = estimate.free {
        lines.push(("Free now".to_owned(), format::bytes(free)));
        if estimate.freed_by_unloading > 0 {
            lines.push((
                "Freed by the model in memory".to_owned(),
                format::bytes(estimate.freed_by_unloading),
            ));
        }
    }
    lines
}

/// What a model can do, a word each.
pub fn skills(skills: ModelSkills) -> Vec<&'static str> {
    [
        (skills.tools, "tools"),
        (skills.vision, "images"),
        (skills.reasoning, "thinking"),
        (skills.embedding, "makes vectors"),
    ]
    .into_iter()
    .filter_map(|(has, word)| has.then_some(word))
    .collect()
}

/// `1.2M downloads · 340 likes · apache-2.0`.
pub fn hub_facts(model: &HubModel) -> String {
    let mut parts = Vec::new();
    if let Some(known) = &model.known {
        parts.push(format!("{} weights", format::weights(known.parameters)));
        parts.push(format!("{} context", format::context(known.context_tokens)));
    }
    parts.extend(
        model
            .downloads
            .map(|count| format!("{} downloads", format::tokens(count))),
    );
    parts.extend(
        model
            .likes
            .map(|count| format!("{} likes", format::tokens(count))),
    );
    parts.extend(model.license.clone());
    parts.join(" · ")
}

/// What stands between a model and a download; `None` where nothing does.
pub fn gate(gate: Gate) -> Option<&'static str> {
    match gate {
        Gate::Open => None,
        Gate::Terms => Some("terms to accept"),
        Gate::Approval => Some("on request"),
    }
}

/// A group of packings, and what it means.
pub fn group(group: SizeGroup) -> (&'static str, &'static str) {
    match group {
        SizeGroup::Small => ("Small", "least memory, answers get worse"),
        SizeGroup::Balanced => ("Balanced", "nearly all of the quality for half the memory"),
        SizeGroup::Large => ("Large", "nothing lost that one would notice"),
    }
}

/// `2.5 GB · Q4_K_M · 32k context · tools, thinking`.
pub fn local_facts(view: &LocalModelView) -> String {
    let info = &view.info;
    let mut parts = Vec::new();
    parts.extend(info.file_bytes.map(format::bytes));
    parts.extend(info.quantization.clone());
    parts.extend(
        info.context_tokens
            .map(|tokens| format!("{} context", format::context(tokens))),
    );
    let skills = skills(view.skills);
    if !skills.is_empty() {
        parts.push(skills.join(", "));
    }
    parts.join(" · ")
}

/// `31 tok/s · 3.4 GB`: what was measured, where a glance is enough.
pub fn measured_short(measured: &Measured) -> String {
    let mut parts = Vec::new();
    parts.extend(measured.answer_tokens_per_second.map(format::rate));
    parts.extend(measured.peak_bytes.map(format::bytes));
    if parts.is_empty() {
        parts.push(format!("loads in {}", format::duration(measured.load_ms)));
    }
    format!("measured: {}", parts.join(" · "))
}

/// All that was measured, line by line.
pub fn measured(measured: &Measured) -> Vec<(String, String)> {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "not yet known".to_owned(), format::rate);
    let mut lines = vec![
        ("Loads in".to_owned(), format::duration(measured.load_ms)),
        ("Reads".to_owned(), rate(measured.prompt_tokens_per_second)),
        ("Writes".to_owned(), rate(measured.answer_tokens_per_second)),
    ];
    lines.extend(
        measured
            .peak_bytes
            .map(|bytes| ("Memory at most".to_owned(), format::bytes(bytes))),
    );
    lines.push(("Engine".to_owned(), engine(&measured.backend)));
    lines
}

/// An engine's name for people.
pub fn engine(backend: &str) -> String {
    match backend {
        "llama" => "llama.cpp".to_owned(),
        "mistral" => "mistral.rs".to_owned(),
        other => other.to_owned(),
    }
}

/// What came of removing a model.
pub fn removed(name: &str, removed: &ModelRemoved) -> String {
    if removed.still_elsewhere || removed.bytes_freed == 0 {
        format!("{name} is removed; its file stays where it was")
    } else {
        format!(
            "{name} is removed: {} are free again",
            format::bytes(removed.bytes_freed)
        )
    }
}

/// A download in one line.
pub fn download(download: &Download) -> String {
    let all = format::bytes(download.total);
    let so_far = format::bytes_of(download.received, download.total);
    match &download.status {
        DownloadStatus::Queued if download.received > 0 => format!("{so_far} · waits for its turn"),
        DownloadStatus::Queued => format!("{all} · waits for its turn"),
        DownloadStatus::Connecting => format!("{so_far} · connecting"),
        DownloadStatus::Elsewhere => format!("{so_far} · another Nexus on this machine fetches it"),
        DownloadStatus::Fetching => {
            let mut parts = vec![so_far];
            parts.extend(
                download
                    .rate
                    .map(|rate| format!("{}/s", format::bytes(rate))),
            );
            parts.extend(download.seconds_left.map(format::left));
            parts.join(" · ")
        }
        DownloadStatus::Verifying => format!("{all} · all here, being checked"),
        DownloadStatus::Paused => format!("{so_far} · paused"),
        DownloadStatus::Failed { .. } => format!("{so_far} · stopped"),
        DownloadStatus::Done { .. } => format!("{all} · complete and checked"),
    }
}

/// The same in a word or two.
pub fn download_short(download: &Download) -> String {
    let percent = percent(download.received, download.total);
    match &download.status {
        DownloadStatus::Queued => "Waits".to_owned(),
        DownloadStatus::Connecting => "Connecting".to_owned(),
        DownloadStatus::Elsewhere => "Fetched elsewhere".to_owned(),
        DownloadStatus::Fetching => format!("{percent} %"),
        DownloadStatus::Verifying => "Checking".to_owned(),
        DownloadStatus::Paused => format!("Paused at {percent} %"),
        DownloadStatus::Failed { .. } => "Stopped".to_owned(),
        DownloadStatus::Done { .. } => "Done".to_owned(),
    }
}

#[cfg(test)]
mod tests;
