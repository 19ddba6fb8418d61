//! Downloads: what is on its way, what stopped, what has come.

use leptos::prelude::*;
use nexus_protocol::{DownloadId, DownloadStatus, ErrorAction};

use super::{get::DownloadTools, words};
use crate::{
    actions,
    components::{ErrorNote, ProgressBar},
    format,
    state::{Wanted, percent, use_app},
    visible,
};

/// The part; nothing where there is no download.
#[component]
pub fn Downloads() -> impl IntoView {
    let app = use_app();
    let ids = Memo::new(move |_| {
        app.library
            .downloads
            .with(|all| all.iter().map(|one| one.id).collect::<Vec<_>>())
    });
    view! {
        <Show when=move || ids.with(|ids| !ids.is_empty())>
            <section class="models-part" aria-labelledby="part-downloads" data-testid="downloads">
                <h2 class="section-title" id="part-downloads">"Downloads"</h2>
                <For each=move || ids.get() key=|id| *id children=|id| view! { <DownloadCard id /> } />
            </section>
        </Show>
    }
}

#[component]
fn DownloadCard(id: DownloadId) -> impl IntoView {
    let app = use_app();
    let held = Memo::new(move |_| {
        app.library
            .downloads
            .with(|all| all.iter().find(|one| one.id == id).cloned())
    });
    let Some(first) = held.get_untracked() else {
        return ().into_any();
    };
    let name = format::download_name(&first);
    let label = name.clone();
    let (_, title) = format::hub_name(&first.model);
    let title = visible::plain(title);
    let model = StoredValue::new(first.model.clone());
    let status = Memo::new(move |_| held.with(|held| held.as_ref().map(|one| one.status.clone())));
    let trouble =
        Memo::new(move |_| held.with(|held| held.as_ref().and_then(|one| one.trouble.clone())));
    let part = Memo::new(move |_| {
        held.with(|held| held.as_ref().map(|one| percent(one.received, one.total)))
    });
    let shows_bar = Memo::new(move |_| {
        status.with(|status| !matches!(status, None | Some(DownloadStatus::Done { .. })))
    });
    let still = Memo::new(move |_| {
        status.with(|status| status.as_ref().is_some_and(DownloadStatus::rests))
    });
    let act = Callback::new(move |action: ErrorAction| match action {
        ErrorAction::Retry | ErrorAction::RetryAt { .. } => actions::resume_download(app, id),
        other => actions::perform(app, &other),
    });
    view! {
        <article class="card model-card download-card" data-testid="download-card" aria-label=name>
            <div class="card-words">
                <div class="card-title">
                    <button
                        type="button"
                        class="title-button"
                        title="Show the model"
                        dir="auto"
                        on:click=move |_| actions::show_details(app, Wanted {
                            id: model.get_value(),
                            file: None,
                            context: None,
                        })
                    >
                        {title}
                    </button>
                    <span class="chip small mono" dir="auto">{visible::plain(&first.label)}</span>
                </div>
                <div class="card-facts" data-testid="download-line">
                    {move || held.with(|held| held.as_ref().map(words::download))}
                </div>
                {move || trouble.get().map(|why| view! {
                    <p class="card-trouble" data-testid="download-trouble" dir="auto">{why}</p>
                })}
            </div>
            <DownloadTools id />
            {move || match status.get() {
                Some(DownloadStatus::Failed { mut error }) => {
                    // “Try again” stands with the other buttons.
                    if matches!(error.action, ErrorAction::Retry) {
                        error.action = ErrorAction::None;
                    }
                    view! { <div class="card-below"><ErrorNote card=error on_action=act /></div> }.into_any()
                }
                _ => ().into_any(),
            }}
            <Show when=move || shows_bar.get()>
                <ProgressBar percent=part label=label.clone() still />
            </Show>
        </article>
    }
    .into_any()
}
