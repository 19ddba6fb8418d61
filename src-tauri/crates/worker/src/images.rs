//! Images of a conversation: from the bytes that the user gave to what the engine can take.
//!
//! Whatever the bytes are, no image costs more memory than [`DECODED_BYTES`], and what goes to the engine has sides from
//! [`SHORT`] to [`LONG`]: past either the engine panics, or computes for minutes.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use either::Either;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, RgbImage};
use indexmap::IndexMap;
use mistralrs::core::MultimodalPromptPrefixer;
use nexus_protocol::worker::{MAX_IMAGES, WorkerError};
use nexus_protocol::{ChatMessage, ImageData, UserPart};
use serde_json::json;

use crate::messages::{self, TemplateMessage};

/// The longer side of what the engine sees, pixels.
const LONG: u32 = 1024;

/// The shorter side, at least: two of the squares that models cut images into.
const SHORT: u32 = 56;

/// Sides of an image as it is given, at most.
const GIVEN: u32 = 16_384;

/// Memory for one image while it is decoded.
const DECODED_BYTES: u64 = 256 << 20;

/// What counts as one token: a square of the models that take images as they are.
const SQUARE: u32 = 28;

/// Tokens of a small image, at least: some models turn each image into as many.
const LEAST_TOKENS: u32 = 256;

/// The images of a conversation, in order.
pub(crate) fn decode(messages: &[ChatMessage]) -> Result<Vec<DynamicImage>, WorkerError> {
    let given: Vec<&ImageData> = messages.iter().flat_map(images_of).collect();
    if given.len() > MAX_IMAGES {
        return Err(refused(format!(
            "the conversation has {} images; at most {MAX_IMAGES} can be shown to the model",
            given.len()
        )));
    }
    given
        .into_iter()
        .enumerate()
        .map(|(index, image)| {
            decode_one(image)
                .map(fitted)
                .map_err(|reason| refused(format!("image {} cannot be read: {reason}", index + 1)))
        })
        .collect()
}

/// Room for the images in the context, tokens. The engine counts them exactly only while it reads the prompt.
pub(crate) fn tokens(images: &[DynamicImage]) -> u32 {
    images
        .iter()
        .map(|image| {
            let squares = image.width().div_ceil(SQUARE) * image.height().div_ceil(SQUARE);
            squares.max(LEAST_TOKENS)
        })
        .sum()
}

/// The conversation as templates see it, with the model's own marks where images are.
pub(crate) fn messages(
    messages: &[ChatMessage],
    prefixer: &dyn MultimodalPromptPrefixer,
) -> Vec<TemplateMessage> {
    let mut shown = 0;
    messages
        .iter()
        .map(|message| {
            let count = images_of(message).count();
            let mut rendered = messages::message(message);
            if count == 0 {
                return rendered;
            }
            let indexes = (shown..shown + count).collect();
            shown += count;
            let text = match rendered.get("content") {
                Some(Either::Left(text)) => prefixer.prefix_image(indexes, text),
                _ => prefixer.prefix_image(indexes, ""),
            };
            let mut content = vec![IndexMap::from([("type".to_owned(), json!("image"))]); count];
            content.push(IndexMap::from([
                ("type".to_owned(), json!("text")),
                ("text".to_owned(), json!(text)),
            ]));
            rendered.insert("content".to_owned(), Either::Right(content));
            rendered
        })
        .collect()
}

fn images_of(message: &ChatMessage) -> impl Iterator<Item = &ImageData> {
    let parts: &[UserPart] = match message {
        ChatMessage::User { parts } => parts,
        _ => &[],
    };
    parts.iter().filter_map(|part| match part {
        UserPart::Image { image } => Some(image),
        UserPart::Text { .. } => None,
    })
}

fn decode_one(image: &ImageData) -> Result<DynamicImage, String> {
    let bytes = STANDARD
        .decode(&image.base64)
        .map_err(|error| format!("its base64 is broken: {error}"))?;
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| error.to_string())?;
    match reader.format() {
        Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP | ImageFormat::Gif) => {}
        _ => return Err("it is no PNG, JPEG, WebP or GIF".to_owned()),
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(GIVEN);
    limits.max_image_height = Some(GIVEN);
    limits.max_alloc = Some(DECODED_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    // Not every decoder keeps to the limit of memory by itself.
    if decoder.total_bytes() > DECODED_BYTES {
        let (width, height) = decoder.dimensions();
        return Err(format!("{width} × {height} pixels are too many"));
    }
    let turned = decoder.orientation();
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    if let Ok(turned) = turned {
        image.apply_orientation(turned);
    }
    Ok(image)
}

/// Scaled down where it is too large, and put on a white ground where it is transparent or too narrow.
fn fitted(image: DynamicImage) -> DynamicImage {
    let image = if image.width().max(image.height()) > LONG {
        image.resize(LONG, LONG, FilterType::Triangle)
    } else {
        image
    };
    if !image.color().has_alpha() && image.width().min(image.height()) >= SHORT {
        return DynamicImage::ImageRgb8(image.into_rgb8());
    }
    let (width, height) = (image.width().max(SHORT), image.height().max(SHORT));
    let mut ground = RgbImage::from_pixel(width, height, image::Rgb([255; 3]));
    for (x, y, pixel) in image.to_rgba8().enumerate_pixels() {
        let [red, green, blue, alpha] = pixel.0;
        let over = |colour: u8| {
            let sum = u32::from(colour) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
            u8::try_from(sum / 255).unwrap_or(u8::MAX)
        };
        ground.put_pixel(x, y, image::Rgb([over(red), over(green), over(blue)]));
    }
    DynamicImage::ImageRgb8(ground)
}

fn refused(reason: String) -> WorkerError {
    WorkerError::Refused { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(image: &DynamicImage) -> ImageData {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        given(bytes.get_ref())
    }

    fn given(bytes: &[u8]) -> ImageData {
        ImageData {
            media_type: "image/png".to_owned(),
            base64: STANDARD.encode(bytes),
        }
    }

    fn showing(images: Vec<ImageData>) -> Vec<ChatMessage> {
        let parts = images
            .into_iter()
            .map(|image| UserPart::Image { image })
            .chain([UserPart::Text {
                text: "What is it?".to_owned(),
            }])
            .collect();
        vec![ChatMessage::User { parts }]
    }

    fn reason(messages: &[ChatMessage]) -> String {
        match decode(messages) {
            Err(WorkerError::Refused { reason }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whatever_is_given_has_sides_that_the_engine_takes() {
        for (width, height) in [(1, 1), (56, 56), (3000, 20), (20, 3000), (1500, 1500)] {
            let image = DynamicImage::new_rgb8(width, height);
            let decoded = decode(&showing(vec![png(&image)])).unwrap();
            let (wide, high) = (decoded[0].width(), decoded[0].height());
            assert!(
                wide.max(high) <= LONG,
                "{width} × {height}: {wide} × {high}"
            );
            assert!(
                wide.min(high) >= SHORT,
                "{width} × {height}: {wide} × {high}"
            );
            assert!(tokens(&decoded) >= LEAST_TOKENS);
        }
    }

    #[test]
    fn what_is_transparent_lies_on_white() {
        let clear = DynamicImage::new_rgba8(64, 64);
        let decoded = decode(&showing(vec![png(&clear)])).unwrap();
        assert_eq!(decoded[0].as_rgb8().unwrap().get_pixel(3, 3).0, [255; 3]);
    }

    #[test]
    fn what_is_no_image_is_refused_in_words() {
        assert!(reason(&showing(vec![given(b"hello")])).contains("no PNG, JPEG, WebP or GIF"));
        let mut broken = png(&DynamicImage::new_rgb8(64, 64));
        broken.base64.truncate(64);
        assert!(reason(&showing(vec![broken])).starts_with("image 1 cannot be read"));
        let no_base64 = ImageData {
            base64: "%".to_owned(),
            ..given(b"")
        };
        assert!(reason(&showing(vec![no_base64])).contains("base64"));
        let many = vec![png(&DynamicImage::new_rgb8(56, 56)); MAX_IMAGES + 1];
        assert!(reason(&showing(many)).contains("at most 16"));
    }

    #[test]
    fn an_image_that_claims_to_be_huge_is_refused_before_it_is_decoded() {
        // The header of a PNG of 60,000 × 60,000 pixels, and nothing more.
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(60_000_u32.to_be_bytes());
        bytes.extend(60_000_u32.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0]);
        let crc = crc32(&bytes[12..]);
        bytes.extend(crc.to_be_bytes());
        bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
        let reason = reason(&showing(vec![given(&bytes)]));
        assert!(reason.starts_with("image 1 cannot be read"), "{reason}");
    }

    /// As PNG has it.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
            })
        })
    }

    #[test]
    fn marks_are_numbered_through_the_conversation() {
        struct Numbers;
        impl MultimodalPromptPrefixer for Numbers {
            fn prefix_image(&self, indexes: Vec<usize>, prompt: &str) -> String {
                format!("{indexes:?} {prompt}")
            }
        }
        let image = png(&DynamicImage::new_rgb8(56, 56));
        let mut conversation = showing(vec![image.clone(), image.clone()]);
        conversation.push(ChatMessage::Assistant {
            text: "A cat".to_owned(),
            tool_calls: Vec::new(),
        });
        conversation.extend(showing(vec![image]));
        let rendered = messages(&conversation, &Numbers);
        let text = |index: usize| match &rendered[index]["content"] {
            Either::Left(text) => text.clone(),
            Either::Right(content) => format!(
                "{} parts: {}",
                content.len(),
                content.last().unwrap()["text"].as_str().unwrap()
            ),
        };
        assert_eq!(text(0), "3 parts: [0, 1] What is it?");
        assert_eq!(text(1), "A cat");
        assert_eq!(text(2), "2 parts: [2] What is it?");
    }
}
