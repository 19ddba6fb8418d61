//! Images: shown to who can see them, and what a photo says of itself as text.

use std::io::Cursor;

use base64::{Engine, engine::general_purpose::STANDARD};
use exif::{In, Tag};
use nexus_protocol::{ImageData, ResultPart};

use super::{clean, size};
use crate::{ToolOutput, workspace::Located};

/// Bytes of an image that is shown. What providers take.
const MOST_BYTES: usize = 5 * 1024 * 1024;
/// Characters of one value of a photo's data.
const MOST_OF_VALUE: usize = 100;

/// The media type of an image that models and windows know, by its first bytes.
pub(super) fn kind(bytes: &[u8]) -> Option<&'static str> {
    let kind = infer::get(bytes)?.mime_type();
    ["image/png", "image/jpeg", "image/webp", "image/gif"]
        .into_iter()
        .find(|known| *known == kind)
}

pub(super) fn show(
    place: &Located,
    kind: &'static str,
    bytes: &[u8],
    sees_images: bool,
) -> ToolOutput {
    let name = kind.trim_start_matches("image/").to_uppercase();
    let measure = match imagesize::blob_size(bytes) {
        Ok(it) => format!("{} × {} pixels", it.width, it.height),
        Err(_) => "of unknown dimensions (it may be damaged)".to_owned(),
    };
    let mut text = format!(
        "“{}” is a {name} image, {measure}, {}.\n",
        clean(&place.shown),
        size(bytes.len() as u64)
    );
    for (what, value) in photo_data(bytes) {
        text.push_str(&format!("{what}: {}\n", clean(&value)));
    }
    let mut output = ToolOutput::text(String::new(), format!("{name}, {measure}"));
    if bytes.len() > MOST_BYTES {
        text.push_str("It is not shown: only images up to 5 MiB are.\n");
    } else {
        let image = ImageData {
            media_type: kind.to_owned(),
            base64: STANDARD.encode(bytes),
        };
        if sees_images {
            output.images.push(image.clone());
        } else {
            text.push_str("The model in use cannot see images, so only this is known of it.\n");
        }
        // The whole result is bounded to 4 MiB for people.
        if image.base64.len() < 4 * 1024 * 1024 - 65536 {
            output.parts.push(ResultPart::Image {
                name: place.name().to_string_lossy().into_owned(),
                image,
            });
        }
    }
    output.text = text;
    output
}

/// When, where and with what a photo was taken.
fn photo_data(bytes: &[u8]) -> Vec<(&'static str, String)> {
    let data = std::panic::catch_unwind(|| {
        exif::Reader::new().read_from_container(&mut Cursor::new(bytes))
    });
    let Ok(Ok(data)) = data else {
        return Vec::new();
    };
    let text = |tag| {
        let field = data.get_field(tag, In::PRIMARY)?;
        let value: String = field
            .display_value()
            .to_string()
            .replace('"', "")
            .chars()
            .take(MOST_OF_VALUE)
            .collect();
        (!value.trim().is_empty()).then_some(value)
    };
    let mut found = Vec::new();
    let taken = text(Tag::DateTimeOriginal)
        .or_else(|| text(Tag::DateTimeDigitized))
        .or_else(|| text(Tag::DateTime));
    if let Some(taken) = taken {
        let zone = text(Tag::OffsetTimeOriginal).map_or(String::new(), |zone| format!(" {zone}"));
        found.push(("Taken", format!("{taken}{zone}")));
    }
    let camera: Vec<String> = [Tag::Make, Tag::Model]
        .into_iter()
        .filter_map(text)
        .collect();
    if !camera.is_empty() {
        found.push(("Camera", camera.join(" ")));
    }
    if let (Some(latitude), Some(longitude)) = (text(Tag::GPSLatitude), text(Tag::GPSLongitude)) {
        let north = text(Tag::GPSLatitudeRef).unwrap_or_default();
        let east = text(Tag::GPSLongitudeRef).unwrap_or_default();
        found.push(("Place", format!("{latitude} {north}, {longitude} {east}")));
    }
    if let Some(orientation) = text(Tag::Orientation) {
        found.push(("Orientation", orientation));
    }
    found
}
