//! Files that go with a message: reading them, the limits, and the small pictures in the composer.

use leptos::prelude::*;
use nexus_protocol::{Attachment, GivenFile, ImageData};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, FileList, FileReader};

use super::{Icon, Shape};
use crate::format;

/// What models take.
const MEDIA_TYPES: &str = "image/png,image/jpeg,image/webp,image/gif";

const MOST_BYTES: f64 = 10.0 * 1024.0 * 1024.0;

/// The files of a paste, a drop or a choice.
pub fn files_of(list: Option<FileList>) -> Vec<File> {
    let Some(list) = list else { return Vec::new() };
    (0..list.length()).filter_map(|at| list.get(at)).collect()
}

/// Reads one file.
///
/// # Errors
/// Why it cannot be attached, for people.
pub async fn read(file: File) -> Result<GivenFile, String> {
    let name = file.name();
    let media_type = file.type_();
    if !MEDIA_TYPES.split(',').any(|known| known == media_type) {
        return read_text(&file, name).await;
    }
    if file.size() > MOST_BYTES {
        return Err(format!(
            "“{name}” is too large: {} of {} at most",
            format::bytes(file.size() as u64),
            format::bytes(MOST_BYTES as u64)
        ));
    }
    let unreadable = || format!("“{name}” could not be read");
    let address = data_url(&file).await.map_err(|_| unreadable())?;
    let base64 = address
        .split_once(";base64,")
        .ok_or_else(unreadable)?
        .1
        .to_owned();
    Ok(GivenFile::Image(Attachment {
        name,
        image: ImageData { media_type, base64 },
    }))
}

async fn read_text(file: &File, name: String) -> Result<GivenFile, String> {
    if file.size() > GivenFile::MOST_TEXT_BYTES as f64 {
        return Err(format!(
            "“{name}” is too long for a message: {} of {} at most",
            format::bytes(file.size() as u64),
            format::bytes(GivenFile::MOST_TEXT_BYTES as u64)
        ));
    }
    let bytes = JsFuture::from(file.array_buffer())
        .await
        .map_err(|_| format!("“{name}” could not be read"))?;
    match GivenFile::text_of(&js_sys::Uint8Array::new(&bytes).to_vec()) {
        Some(text) => Ok(GivenFile::Text { name, text }),
        None => Err(format!(
            "“{name}” is neither text nor a PNG, JPEG, WebP or GIF image"
        )),
    }
}

async fn data_url(file: &File) -> Result<String, JsValue> {
    let reader = FileReader::new()?;
    reader.read_as_data_url(file)?;
    let done = js_sys::Promise::new(&mut |resolve, _reject| {
        let end = Closure::once_into_js(move || {
            // Telling a promise that it is done cannot fail.
            let _told = resolve.call0(&JsValue::UNDEFINED);
        });
        reader.set_onloadend(Some(end.unchecked_ref()));
    });
    JsFuture::from(done).await?;
    reader.result()?.as_string().ok_or(JsValue::UNDEFINED)
}

/// The small pictures, each with a way out.
#[component]
pub fn Thumbs(attachments: RwSignal<Vec<Attachment>>) -> impl IntoView {
    view! {
        <Show when=move || attachments.with(|all| !all.is_empty())>
            <div class="thumbs" role="group" aria-label="Images to send">
                {move || attachments
                    .get()
                    .into_iter()
                    .enumerate()
                    .map(|(at, attachment)| view! {
                        <span class="thumb-box" data-testid="attachment">
                            <img
                                class="thumb"
                                alt=attachment.name.clone()
                                src=format!(
                                    "data:{};base64,{}",
                                    attachment.image.media_type,
                                    attachment.image.base64,
                                )
                            />
                            <button
                                type="button"
                                class="icon-button thumb-drop"
                                aria-label=format!("Remove {}", attachment.name)
                                on:click=move |_| attachments.update(|all| drop(all.remove(at)))
                            >
                                <Icon shape=Shape::Cross />
                            </button>
                        </span>
                    })
                    .collect_view()}
            </div>
        </Show>
    }
}
