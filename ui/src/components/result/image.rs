//! An image that a tool made. Raster formats only (an SVG is a document), and not more than the window can hold.

use leptos::prelude::*;
use nexus_protocol::ImageData;

use super::file::FileView;

/// Characters of base64 that are drawn: the 4 MiB that a result may have, encoded.
const MOST: usize = 6 * 1024 * 1024;
const KINDS: [&str; 4] = ["image/png", "image/jpeg", "image/webp", "image/gif"];

/// The image, or its name and size where it cannot be drawn.
#[component]
pub fn ImageView(name: String, image: ImageData) -> impl IntoView {
    let name = if name.is_empty() {
        "Image".to_owned()
    } else {
        name
    };
    if !can_be_drawn(&image) {
        let bytes = Some(image.base64.len() as u64 / 4 * 3);
        return view! { <FileView path=format!("{name} (not shown)") bytes /> }.into_any();
    }
    view! {
        <figure class="picture">
            <img
                class="picture-image"
                alt=name.clone()
                src=format!("data:{};base64,{}", image.media_type, image.base64)
            />
            <figcaption class="data-note" dir="auto">{name}</figcaption>
        </figure>
    }
    .into_any()
}

fn can_be_drawn(image: &ImageData) -> bool {
    KINDS.contains(&image.media_type.as_str()) && image.base64.len() <= MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_giants_are_not_drawn() {
        let image = |kind: &str, length: usize| ImageData {
            media_type: kind.into(),
            base64: "A".repeat(length),
        };
        assert!(can_be_drawn(&image("image/png", 4)));
        assert!(!can_be_drawn(&image("image/svg+xml", 4)));
        assert!(!can_be_drawn(&image("text/html", 4)));
        assert!(!can_be_drawn(&image("image/png", MOST + 1)));
    }
}
