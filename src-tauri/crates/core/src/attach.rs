//! Files on this disk, read for a message because the user dropped them on the window: images, and texts that are not long.
//!
//! Refuses what no model takes before it is in memory: neither an image by its first bytes nor text, or more than [`MOST_BYTES`].

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use nexus_protocol::{Attachment, ErrorAction, ErrorCard, ErrorCode, GivenFile, ImageData};

use crate::{cards, fetch_image::media_type};

/// Bytes of one image. The window has the same bound for those that are pasted.
const MOST_BYTES: u64 = 10 * 1024 * 1024;
/// Files that are read at once: more than a message takes.
const MOST_FILES: usize = 16;

/// Reads files, each for itself: one that cannot be attached says why.
pub async fn read_files(paths: Vec<PathBuf>) -> Vec<Result<GivenFile, ErrorCard>> {
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

fn read(path: &Path) -> Result<GivenFile, ErrorCard> {
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
    let unfit = || {
        cards::bad_input(
            "This file cannot be attached",
            format!("“{name}” is neither text nor a PNG, JPEG, WebP or GIF image."),
        )
    };
    // Not opened before this is known: a pipe would wait for ever.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unfit());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    let Some(media_type) = media_type(&bytes) else {
        let start = bytes.get(..GivenFile::MOST_TEXT_BYTES).unwrap_or(&bytes);
        // What is cut in the middle of a letter is text up to there.
        let is_text = start.utf8_chunks().next().is_some_and(|chunk| {
            start.len() - chunk.valid().len() < 4
                && GivenFile::text_of(chunk.valid().as_bytes()).is_some()
        });
        return match GivenFile::text_of(&bytes) {
            Some(text) if start.len() == bytes.len() => Ok(GivenFile::Text { name, text }),
            _ if is_text && start.len() < bytes.len() => Err(cards::bad_input(
                "This text is too long for a message",
                format!(
                    "“{name}” has more than {} KiB. Choose its folder below the message, and ask for it by its name.",
                    GivenFile::MOST_TEXT_BYTES / 1024
                ),
            )),
            _ => Err(unfit()),
        };
    };
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST_BYTES {
        return Err(cards::bad_input(
            "This image is too large",
            format!("“{name}” has more than 10 MiB. Make it smaller first."),
        ));
    }
    Ok(GivenFile::Image(Attachment {
        name,
        image: ImageData {
            media_type: media_type.to_owned(),
            base64: STANDARD.encode(&bytes),
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    fn words(read: Result<GivenFile, ErrorCard>) -> String {
        match read {
            Ok(GivenFile::Image(image)) => format!("{} {}", image.name, image.image.media_type),
            Ok(GivenFile::Text { name, text }) => format!("{name}: {text}"),
            Err(card) => format!("{}: {}", card.title, card.detail),
        }
    }

    #[tokio::test]
    async fn images_and_texts_are_read_whatever_their_name_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("photo.txt"), PNG).unwrap();
        std::fs::write(at("notes.png"), "\u{feff}Grüße").unwrap();
        std::fs::write(at("program"), b"\x7fELF\0\0").unwrap();
        std::fs::write(at("empty"), "").unwrap();
        std::fs::write(at("most.txt"), "a".repeat(GivenFile::MOST_TEXT_BYTES)).unwrap();
        // A letter of two bytes stands over the limit.
        std::fs::write(
            at("long.txt"),
            format!("a{}", "ü".repeat(GivenFile::MOST_TEXT_BYTES)),
        )
        .unwrap();
        let large = File::create(at("large.png")).unwrap();
        std::fs::write(at("large.png"), PNG).unwrap();
        large.set_len(MOST_BYTES + 1).unwrap();
        let paths = [
            "photo.txt",
            "notes.png",
            "program",
            "empty",
            "most.txt",
            "long.txt",
            "large.png",
            "",
        ];
        let mut read: Vec<String> = read_files(paths.map(at).to_vec())
            .await
            .into_iter()
            .map(words)
            .collect();
        let most = read.remove(4);
        assert_eq!(most.len(), "most.txt: ".len() + GivenFile::MOST_TEXT_BYTES);
        let folder = folder.path().file_name().unwrap().to_string_lossy();
        assert_eq!(
            read,
            [
                "photo.txt image/png".to_owned(),
                "notes.png: Grüße".to_owned(),
                "This file cannot be attached: “program” is neither text nor a PNG, JPEG, WebP or GIF image."
                    .to_owned(),
                "empty: ".to_owned(),
                "This text is too long for a message: “long.txt” has more than 64 KiB. Choose its folder below the message, and ask for it by its name."
                    .to_owned(),
                "This image is too large: “large.png” has more than 10 MiB. Make it smaller first."
                    .to_owned(),
                format!(
                    "This file cannot be attached: “{folder}” is neither text nor a PNG, JPEG, WebP or GIF image."
                ),
            ]
        );
    }

    #[tokio::test]
    async fn a_file_that_went_says_so_and_holds_up_no_other() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.png"), PNG).unwrap();
        let paths = vec![folder.path().join("gone.png"), folder.path().join("a.png")];
        let read: Vec<_> = read_files(paths).await;
        assert_eq!(
            read.first().and_then(|it| it.as_ref().err()).unwrap().title,
            "“gone.png” could not be read"
        );
        let Some(Ok(GivenFile::Image(image))) = read.get(1) else {
            panic!("{read:?}")
        };
        assert_eq!(image.image.base64, STANDARD.encode(PNG));
    }

    #[tokio::test]
    async fn no_more_files_are_read_than_a_message_could_take() {
        let paths = vec![PathBuf::from("/nowhere"); MOST_FILES + 5];
        assert_eq!(read_files(paths).await.len(), MOST_FILES);
    }
}
