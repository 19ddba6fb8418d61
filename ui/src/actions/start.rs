//! The first moments: events before anything else, then what the window needs to draw itself.

use leptos::{prelude::Set, task::spawn_local};

use super::{
    downloads::{happened, load_downloads},
    drops::dragged,
    load_models,
};
use crate::{
    ipc::{bridge, client, feed},
    state::{App, Loaded, Page},
};

/// Begins, or begins again after a failure.
pub fn start(app: App) {
    app.facts.start.set(Loaded::Loading);
    spawn_local(async move {
        // Events first: what happens while the answer is on the way is not lost.
        let subscribed = match feed::start(app.store).await {
            Ok(()) => client::subscribe_app(move |events| happened(app, events)).await,
            failed => failed,
        };
        // Without it a file cannot be dropped; there are other ways to add one.
        if let Err(card) = client::subscribe_drags(move |drag| dragged(app, drag)).await {
            bridge::report(&format!("files cannot be dropped: {}", card.detail));
        }
        let bootstrap = match (client::bootstrap().await, subscribed) {
            (Ok(bootstrap), Ok(())) => bootstrap,
            // Where both failed, the start itself says more than the stream.
            (Err(card), _) | (_, Err(card)) => {
                app.facts.start.set(Loaded::Failed(card));
                return;
            }
        };
        app.store
            .list(bootstrap.sessions.clone(), &bootstrap.states);
        app.view.page.set(if bootstrap.onboarding {
            Page::Onboarding
        } else {
            Page::Chat
        });
        app.facts.begin(&bootstrap);
        app.view.focus();
        load_models(app, false);
        load_downloads(app);
    });
}
