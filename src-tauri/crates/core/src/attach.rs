//! Images on this disk, read for a message because the user dropped them on the window.
//!
//! Refuses what no model takes before it is in memory: no image by its first bytes, or more than [`MOST_BYTES`].

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use nexus_protocol::{Attachment, ErrorAction, ErrorCard, ErrorCode, ImageData};

use crate::{cards, fetch_image::media_type};

/// Bytes of one image. The window has the same bound for those that are pasted.
const MOST_BYTES: u64 = 10 * 1024 * 1024;
/// Images that are read at once: more than a message takes.
const MOST_FILES: usize = 16;

/// Reads files, each for itself: one that cannot be attached says why.
pub async fn read_images(paths: Vec<PathBuf>) -> Vec<Result<Attachment, ErrorCard>> {
    let read = tokio::task::spawn_blocking(move || {
        paths
            .iter()
            .take(MOST_FILES)
            .map(|path| read(path))
            .collect()
    });
    read.await
        .unwrap_or_else(|error| vec![Err(cards::internal(error))])
}

fn read(path: &Path) -> Result<Attachment, ErrorCard> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy().into_owned();
    let unreadable = |error: io::Error| {
        ErrorCard::new(
            ErrorCode::Storage,
            format!("“{name}” could not be read"),
            format!("The system says: {error}. Look whether it is still there and may be read."),
            ErrorAction::None,
        )
    };
    let no_image = || {
        cards::bad_input(
            "This file cannot be attached",
            format!("“{name}” is no PNG, JPEG, WebP or GIF image."),
        )
    };
    // Not opened before this is known: a pipe would wait for ever.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(no_image());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    let Some(media_type) = media_type(&bytes) else {
        return Err(no_image());
    };
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST_BYTES {
        return Err(cards::bad_input(
            "This image is too large",
            format!("“{name}” has more than 10 MiB. Make it smaller first."),
        ));
    }
    Ok(Attachment {
        name,
        image: ImageData {
            media_type: media_type.to_owned(),
            base64: STANDARD.encode(&bytes),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    fn words(read: Result<Attachment, ErrorCard>) -> String {
        match read {
            Ok(image) => format!("{} {}", image.name, image.image.media_type),
            Err(card) => format!("{}: {}", card.title, card.detail),
        }
    }

    #[tokio::test]
    async fn an_image_is_read_whatever_its_name_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("photo.txt"), PNG).unwrap();
        std::fs::write(at("notes.png"), "words").unwrap();
        let large = File::create(at("large.png")).unwrap();
        std::fs::write(at("large.png"), PNG).unwrap();
        large.set_len(MOST_BYTES + 1).unwrap();
        let paths = ["photo.txt", "notes.png", "large.png", ""].map(at).to_vec();
        let read: Vec<String> = read_images(paths).await.into_iter().map(words).collect();
        let folder = folder.path().file_name().unwrap().to_string_lossy();
        assert_eq!(
            read,
            [
                "photo.txt image/png".to_owned(),
                "This file cannot be attached: “notes.png” is no PNG, JPEG, WebP or GIF image."
                    .to_owned(),
                "This image is too large: “large.png” has more than 10 MiB. Make it smaller first."
                    .to_owned(),
                format!(
                    "This file cannot be attached: “{folder}” is no PNG, JPEG, WebP or GIF image."
                ),
            ]
        );
    }

    #[tokio::test]
    async fn a_file_that_went_says_so_and_holds_up_no_other() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.png"), PNG).unwrap();
        let paths = vec![folder.path().join("gone.png"), folder.path().join("a.png")];
        let read: Vec<_> = read_images(paths).await;
        assert_eq!(
            read.first().and_then(|it| it.as_ref().err()).unwrap().title,
            "“gone.png” could not be read"
        );
        assert_eq!(
            read.get(1)
                .and_then(|it| it.as_ref().ok())
                .unwrap()
                .image
                .base64,
            STANDARD.encode(PNG)
        );
    }

    #[tokio::test]
    async fn no_more_files_are_read_than_a_message_could_take() {
        let paths = vec![PathBuf::from("/nowhere"); MOST_FILES + 5];
        assert_eq!(read_images(paths).await.len(), MOST_FILES);
    }
}
