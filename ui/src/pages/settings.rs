//! Settings: one column, six parts. Every value shown is what the core says holds.

mod about;
mod data;
mod general;
mod models;
mod provider_form;
mod providers;
mod sandbox;

use leptos::prelude::*;

use crate::{browser, state::SettingsSection};

/// The page.
#[component]
pub fn SettingsPage(section: SettingsSection) -> impl IntoView {
    Effect::new(move |_| {
        if let SettingsSection::Provider(id) = &section {
            let card = format!("[data-testid=\"provider-{id}\"]");
            request_animation_frame(move || {
                if let Some(element) = browser::find(&card) {
                    element.scroll_into_view();
                    let field = format!("{card} input, {card} button");
                    browser::focus(&field);
                }
            });
        }
    });
    view! {
        <div class="page" data-testid="settings-page">
            <div class="page-column">
                <general::General />
                <models::Models />
                <providers::Providers />
                <data::Data />
                <sandbox::Sandbox />
                <about::About />
            </div>
        </div>
    }
}
