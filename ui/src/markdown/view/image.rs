//! A picture as a card that loads nothing until it is asked to. What comes back must be a raster image in a data URL.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::RowState;

#[derive(Clone)]
enum Loading {
    Waiting,
    Busy,
    Shown(String),
    Failed(String),
}

/// Draws the card of a picture.
pub(super) fn image_view(alt: &str, href: Option<&str>, host: &str, state: &RowState) -> AnyView {
    let alt = match alt.trim() {
        "" => "Picture".to_owned(),
        alt => alt.to_owned(),
    };
    let Some(href) = href.map(str::to_owned) else {
        let label = alt.clone();
        return view! {
            <span class="md-image" role="group" aria-label=label>
                <span class="md-image-alt" dir="auto">{alt}</span>
                <span class="md-host" dir="ltr">{host.to_owned()}</span>
                <span class="md-image-note">"Can't be loaded: only pictures from the web can."</span>
            </span>
        }
        .into_any();
    };
    let loading = ArcRwSignal::new(Loading::Waiting);
    let load = state.host.clone().map(|host| host.load_image);
    let start = {
        let loading = loading.clone();
        move || {
            let Some(load) = load.clone() else { return };
            if matches!(loading.get_untracked(), Loading::Busy | Loading::Shown(_)) {
                return;
            }
            loading.set(Loading::Busy);
            let answer = load(href.clone());
            let loading = loading.clone();
            spawn_local(async move {
                loading.set(match answer.await {
                    Ok(url) if is_picture(&url) => Loading::Shown(url),
                    Ok(_) => Loading::Failed("What came back is not a picture.".to_owned()),
                    Err(reason) => Loading::Failed(reason),
                });
            });
        }
    };
    let host = host.to_owned();
    (move || match loading.get() {
        Loading::Shown(url) => {
            view! { <img class="md-picture" src=url alt=alt.clone() /> }.into_any()
        }
        other => {
            let busy = matches!(other, Loading::Busy);
            let failure = match other {
                Loading::Failed(reason) => {
                    Some(view! { <span class="md-image-failure" role="status">{reason}</span> })
                }
                _ => None,
            };
            let start = start.clone();
            view! {
                <span class="md-image" role="group" aria-label=alt.clone()>
                    <span class="md-image-alt" dir="auto">{alt.clone()}</span>
                    <span class="md-host" dir="ltr">{host.clone()}</span>
                    {failure}
                    <button
                        type="button"
                        class="md-button"
                        data-testid="load-image"
                        disabled=busy
                        on:click=move |_| start()
                    >
                        {if busy { "Loading" } else { "Load image" }}
                    </button>
                </span>
            }
            .into_any()
        }
    })
    .into_any()
}

/// Raster images only: an SVG is a document.
pub(super) fn is_picture(url: &str) -> bool {
    ["png", "jpeg", "gif", "webp", "avif", "bmp"]
        .iter()
        .any(|kind| {
            url.strip_prefix("data:image/")
                .and_then(|rest| rest.strip_prefix(kind))
                .is_some_and(|rest| rest.starts_with(";base64,"))
        })
}

#[cfg(test)]
mod tests {
    use super::is_picture;

    #[test]
    fn only_raster_data_is_a_picture() {
        assert!(is_picture("data:image/png;base64,AAAA"));
        for bad in [
            "http://a.example/x.png",
            "data:image/svg+xml;base64,AAAA",
            "data:text/html,x",
            "data:image/png,x",
            "javascript:1",
            "",
        ] {
            assert!(!is_picture(bad), "{bad}");
        }
    }
}
