//! Lines at the top of the window: what the user must know before anything else.

use leptos::prelude::*;
use nexus_protocol::BannerKind;

use super::{Icon, Shape};
use crate::state::use_app;

/// All banners. Each can be put away for this run.
#[component]
pub fn Banners() -> impl IntoView {
    let banners = use_app().facts.banners;
    view! {
        <For
            each=move || banners.get()
            key=|banner| banner.text.clone()
            children=move |banner| {
                let text = banner.text.clone();
                let (class, testid) = match banner.kind {
                    BannerKind::SettingsBroken => ("banner warn", "banner-settings"),
                    BannerKind::NoKeychain => ("banner warn", "banner-keychain"),
                    BannerKind::StorageBroken => ("banner bad", "banner-storage"),
                };
                view! {
                    <div class=class role="alert" data-testid=testid>
                        <Icon shape=Shape::Warning />
                        <span class="banner-text" dir="auto">{banner.text}</span>
                        <button
                            type="button"
                            class="icon-button"
                            aria-label="Put this away"
                            on:click=move |_| banners.update(|all| all.retain(|b| b.text != text))
                        >
                            <Icon shape=Shape::Cross />
                        </button>
                    </div>
                }
            }
        />
    }
}
