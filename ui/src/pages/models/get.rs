//! The button that gets a model: while it comes it is the progress, and once it is here it is the way to use it.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{
    ChoiceState, DownloadId, DownloadRequest, DownloadStatus, ErrorAction, ErrorCard,
};

use super::words;
use crate::{
    actions,
    components::{ErrorNote, ProgressBar, SureButton},
    format,
    state::{percent, use_app},
};

/// Button, progress, button. `failed` gets why a download could not begin: the card stands where there is room for it.
#[component]
pub fn GetButton(
    #[prop(into)] state: Signal<ChoiceState>,
    request: DownloadRequest,
    bytes: u64,
    /// What it is called, for screen readers.
    name: String,
    /// Whether it is the one to take.
    #[prop(into)]
    primary: Signal<bool>,
    /// Whether it would not run here: it can be had all the same, but nobody is asked to.
    #[prop(optional, into)]
    quiet: Signal<bool>,
    failed: RwSignal<Option<ErrorCard>>,
) -> impl IntoView {
    let app = use_app();
    let request = StoredValue::new(request);
    let busy = RwSignal::new(false);
    let get = move |_| {
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            let result = actions::get_model(app, request.get_value()).await;
            busy.try_set(false);
            if let Err(card) = result {
                failed.try_set(Some(card));
            }
        });
    };
    let state = Memo::new(move |_| state.get());
    let label = format!("Get {name}, {}", format::bytes(bytes));
    let use_label = format!("Use {name}");
    view! {
        {move || match state.get() {
            ChoiceState::Absent => view! {
                <button
                    type="button"
                    class="button"
                    class:primary=move || primary.get() && !quiet.get()
                    class:quiet=move || quiet.get()
                    data-testid="get-model"
                    aria-label=label.clone()
                    disabled=move || busy.get()
                    on:click=get
                >
                    {move || if busy.get() {
                        "Asking…".to_owned()
                    } else {
                        format!("Get · {}", format::bytes(bytes))
                    }}
                </button>
            }
            .into_any(),
            ChoiceState::Downloading { download } => view! { <Coming id=download /> }.into_any(),
            ChoiceState::Here { model } => view! {
                <button
                    type="button"
                    class="button"
                    class:primary=move || primary.get()
                    data-testid="use-model"
                    aria-label=use_label.clone()
                    on:click=move |_| actions::use_model(app, model.clone())
                >
                    "Use"
                </button>
            }
            .into_any(),
        }}
    }
}

/// Why a download did not begin.
#[component]
pub fn GetFailed(failed: RwSignal<Option<ErrorCard>>) -> impl IntoView {
    let app = use_app();
    view! {
        {move || failed.get().map(|card| view! {
            <ErrorNote card on_action=Callback::new(move |action: ErrorAction| {
                failed.set(None);
                actions::perform(app, &action);
            }) />
        })}
    }
}

/// A download where there is little room.
#[component]
fn Coming(id: DownloadId) -> impl IntoView {
    let app = use_app();
    let held = Memo::new(move |_| {
        app.library
            .downloads
            .with(|all| all.iter().find(|one| one.id == id).cloned())
    });
    let name = Memo::new(move |_| {
        held.with(|held| held.as_ref().map(format::download_name))
            .unwrap_or_default()
    });
    let part = Memo::new(move |_| {
        held.with(|held| held.as_ref().map(|one| percent(one.received, one.total)))
    });
    let still =
        Memo::new(move |_| held.with(|held| held.as_ref().is_some_and(|one| one.status.rests())));
    view! {
        <div class="coming" data-testid="coming">
            <div class="coming-state">
                <span>{move || held.with(|held| held.as_ref().map(words::download_short))}</span>
                <ProgressBar percent=part label=name still />
            </div>
            <DownloadTools id />
        </div>
    }
}

/// What can be done with a download, by its state.
#[component]
pub fn DownloadTools(id: DownloadId) -> impl IntoView {
    let app = use_app();
    // The state alone: bytes come five times a second, and a button that is made anew loses the focus.
    let status = Memo::new(move |_| {
        app.library.downloads.with(|all| {
            all.iter()
                .find(|one| one.id == id)
                .map(|one| match &one.status {
                    DownloadStatus::Queued | DownloadStatus::Connecting => DownloadStatus::Fetching,
                    other => other.clone(),
                })
        })
    });
    let received = Memo::new(move |_| {
        app.library.downloads.with(|all| {
            all.iter()
                .find(|one| one.id == id)
                .map_or(0, |one| one.received)
        })
    });
    let cancel = move || {
        view! {
            <SureButton
                label="Cancel"
                sure=Signal::derive(move || format!("Throw {} away", format::bytes(received.get())))
                // What came in a few seconds comes again in a few seconds.
                risky=Signal::derive(move || received.get() > 20_000_000)
                testid="download-cancel"
                run=Callback::new(move |()| actions::cancel_download(app, id))
            />
        }
    };
    view! {
        <div class="card-actions">
            {move || match status.get() {
                None => ().into_any(),
                Some(DownloadStatus::Done { model }) => view! {
                    <button
                        type="button"
                        class="button quiet"
                        data-testid="download-away"
                        on:click=move |_| actions::cancel_download(app, id)
                    >
                        "Put away"
                    </button>
                    <button
                        type="button"
                        class="button primary"
                        data-testid="use-model"
                        on:click=move |_| actions::use_model(app, model.clone())
                    >
                        "Use"
                    </button>
                }
                .into_any(),
                Some(status @ (DownloadStatus::Paused | DownloadStatus::Failed { .. })) => view! {
                    {cancel()}
                    <button
                        type="button"
                        class="button"
                        data-testid="download-resume"
                        // One that waits for the network would only fail, and wait no more.
                        disabled=move || app.facts.offline()
                        title=move || app.facts.offline().then_some("You are offline")
                        on:click=move |_| actions::resume_download(app, id)
                    >
                        {if status == DownloadStatus::Paused { "Resume" } else { "Try again" }}
                    </button>
                }
                .into_any(),
                Some(DownloadStatus::Fetching | DownloadStatus::Queued | DownloadStatus::Connecting) => view! {
                    {cancel()}
                    <button
                        type="button"
                        class="button quiet"
                        data-testid="download-pause"
                        on:click=move |_| actions::pause_download(app, id)
                    >
                        "Pause"
                    </button>
                }
                .into_any(),
                Some(DownloadStatus::Verifying | DownloadStatus::Elsewhere) => cancel().into_any(),
            }}
        </div>
    }
}
