//! The models folder: where it is, how full, and the way to move it. On the Models page and in Settings.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{ErrorAction, ErrorCard, ModelsPlace};

use super::{ErrorNote, ProgressBar};
use crate::{
    actions, format,
    state::{Loaded, percent, use_app},
    visible,
};

/// The line.
#[component]
pub fn ModelsFolder() -> impl IntoView {
    let app = use_app();
    let place = Memo::new(move |_| app.library.place.with(|held| held.value().cloned()));
    let unreadable = Memo::new(move |_| {
        app.library.place.with(|held| match held {
            Loaded::Failed(card) => Some(card.clone()),
            _ => None,
        })
    });
    let moving = app.library.moving;
    let moves = Memo::new(move |_| moving.with(Option::is_some));
    let failed = RwSignal::new(None::<ErrorCard>);
    let go = move || {
        failed.set(None);
        spawn_local(async move {
            match actions::move_models(app).await {
                Ok(Some(place)) => drop(app.view.say(
                    format!("The models are in {} now", visible::plain(&place.folder)),
                    false,
                    None,
                )),
                Ok(None) => {}
                Err(card) => drop(failed.try_set(Some(card))),
            }
        });
    };
    view! {
        <div class="settings-line" data-testid="models-folder">
            <div class="settings-words">
                <div class="settings-name">"Models folder"</div>
                <div class="settings-hint mono" dir="ltr" data-testid="models-dir">
                    {move || place.with(|place| place.as_ref().map(|place| visible::plain(&place.folder)))}
                </div>
                <div class="settings-hint">
                    {move || place.with(|place| place.as_ref().map(room))}
                </div>
            </div>
            <Show when=move || place.with(|place| place.as_ref().is_some_and(|place| !place.fixed))>
                <button
                    type="button"
                    class="button"
                    data-testid="models-move"
                    disabled=move || moves.get()
                    on:click=move |_| go()
                >
                    {move || if moves.get() { "Moving…" } else { "Move…" }}
                </button>
            </Show>
            {move || moving.get().map(|progress| view! {
                <div class="card-below">
                    <p class="settings-hint">
                        {format!(
                            "To {} · {}. They can be used again when all are there.",
                            visible::plain(&progress.to),
                            format::bytes_of(progress.done, progress.total),
                        )}
                    </p>
                    <ProgressBar
                        percent=Signal::derive(move || (progress.total > 0).then(|| percent(progress.done, progress.total)))
                        label=Signal::derive(|| "Moving the models".to_owned())
                    />
                </div>
            })}
            {move || failed.get().or_else(|| unreadable.get()).map(|card| view! {
                <div class="card-below">
                    <ErrorNote card on_action=Callback::new(move |action: ErrorAction| match action {
                        ErrorAction::Retry | ErrorAction::RetryAt { .. } if failed.with_untracked(Option::is_some) => go(),
                        ErrorAction::Retry | ErrorAction::RetryAt { .. } => actions::load_place(app),
                        other => actions::perform(app, &other),
                    }) />
                </div>
            })}
        </div>
    }
}

/// How much the models take, how much is left, and what fixes the folder.
fn room(place: &ModelsPlace) -> String {
    let mut parts = vec![format!("{} used", format::bytes(place.used_bytes))];
    parts.extend(
        place
            .free_bytes
            .map(|bytes| format!("{} free on that disk", format::bytes(bytes))),
    );
    if place.fixed {
        parts.push("fixed by the environment: NEXUS_MODELS_DIR".to_owned());
    }
    parts.join(" · ")
}
