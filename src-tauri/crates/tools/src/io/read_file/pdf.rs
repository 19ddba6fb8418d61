//! PDF documents as text, page by page.
//!
//! Owns the order of words on a page, roughly: a move to another line is a line end, a wide gap a space. The format is large and files
//! are hostile: all of it happens on a thread of its own, with bounds on what is unpacked, on the text and on the time.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lopdf::{Document, LoadOptions, Object, ObjectId, content::Content};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::ToolError;

/// Bytes that one stream may unpack to.
const MOST_UNPACKED: usize = 32 * 1024 * 1024;
/// Bytes of text.
const MOST_TEXT: usize = 8 * 1024 * 1024;
/// Pages.
const MOST_PAGES: usize = 5000;
/// How long it may take. After that its thread is left to end by itself, which it does at the next page.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// The parser goes into nested objects by recursion.
const STACK_BYTES: usize = 256 * 1024 * 1024;
/// Thousandths of the font's size: a gap that is wider is a space.
const SPACE: f32 = -200.0;

/// The text of a document.
pub(super) async fn text(bytes: Vec<u8>, cancel: &CancellationToken) -> Result<String, ToolError> {
    let (sender, receiver) = oneshot::channel();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    std::thread::Builder::new()
        .name("pdf".into())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let read = catch_unwind(AssertUnwindSafe(|| extract(&bytes, &stopped)));
            let read = read.unwrap_or_else(|_| Err("the file is damaged".to_owned()));
            // The receiver is gone where the call was cancelled or took too long.
            let _ = sender.send(read);
        })
        .map_err(|error| ToolError::Failed(format!("The PDF cannot be read: {error}.")))?;
    let why = tokio::select! {
        biased;
        () = cancel.cancelled() => "cancelled".to_owned(),
        read = receiver => match read {
            Ok(Ok(text)) => return Ok(text),
            Ok(Err(why)) => why,
            Err(_) => "the file is damaged".to_owned(),
        },
        () = tokio::time::sleep(TIME_LIMIT) => format!("it takes longer than {} s", TIME_LIMIT.as_secs()),
    };
    stop.store(true, Ordering::Relaxed);
    Err(ToolError::Failed(format!("The PDF cannot be read: {why}.")))
}

fn extract(bytes: &[u8], stop: &AtomicBool) -> Result<String, String> {
    let options = LoadOptions::with_max_decompressed_size(MOST_UNPACKED);
    let document =
        Document::load_mem_with_options(bytes, options).map_err(|error| error.to_string())?;
    if document.is_encrypted() {
        return Err("it is encrypted".to_owned());
    }
    let pages = document.get_pages();
    let total = pages.len();
    let mut out = String::new();
    let mut empty = 0;
    for (number, page) in pages.into_iter().take(MOST_PAGES) {
        if stop.load(Ordering::Relaxed) {
            return Err("stopped".to_owned());
        }
        let text = page_text(&document, page).unwrap_or_else(|why| format!("(unreadable: {why})"));
        if text.trim().is_empty() {
            empty += 1;
        }
        out.push_str(&format!(
            "--- page {number} of {total} ---\n{}\n",
            text.trim()
        ));
        if out.len() > MOST_TEXT {
            out.push_str("(the rest of the document is left out)\n");
            break;
        }
    }
    if total == 0 {
        return Err("it has no pages".to_owned());
    }
    if empty == total {
        out.push_str("(There is no text on any page: they may be scanned images.)\n");
    }
    Ok(out)
}

fn page_text(document: &Document, page: ObjectId) -> Result<String, String> {
    let words = |error: lopdf::Error| error.to_string();
    let fonts = document.get_page_fonts(page).map_err(words)?;
    let content = document
        .get_page_content_with_limit(page, MOST_UNPACKED)
        .map_err(words)?;
    let content = Content::decode(&content).map_err(words)?;
    let mut out = String::new();
    let mut encoding = None;
    let mut line = None;
    for operation in &content.operations {
        let operands = &operation.operands;
        let number = |at: usize| operands.get(at).and_then(|it| it.as_float().ok());
        match operation.operator.as_str() {
            "Tf" => {
                let name = operands.first().and_then(|it| it.as_name().ok());
                encoding = name.and_then(|name| fonts.get(name)).and_then(|font| {
                    font.get_font_encoding_with_limit(document, MOST_UNPACKED)
                        .ok()
                });
            }
            "Td" | "TD" if number(1).is_some_and(|down| down != 0.0) => end_line(&mut out),
            "Td" | "TD" => out.push(' '),
            "Tm" => {
                // The same height is the same line.
                if line.is_some() && line != number(5) {
                    end_line(&mut out);
                } else if !out.ends_with([' ', '\n']) && !out.is_empty() {
                    out.push(' ');
                }
                line = number(5);
            }
            "T*" | "ET" => end_line(&mut out),
            "Tj" | "TJ" | "'" | "\"" => {
                if matches!(operation.operator.as_str(), "'" | "\"") {
                    end_line(&mut out);
                }
                if let Some(encoding) = &encoding {
                    show(&mut out, encoding, operands);
                }
            }
            _ => {}
        }
        if out.len() > MOST_TEXT {
            break;
        }
    }
    Ok(out)
}

fn end_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Strings, and gaps between them; a list one level down is the operand of `TJ`.
fn show(out: &mut String, encoding: &lopdf::Encoding<'_>, operands: &[Object]) {
    for operand in operands {
        let pieces = match operand {
            Object::Array(pieces) => pieces.as_slice(),
            one => std::slice::from_ref(one),
        };
        for piece in pieces {
            match piece {
                Object::String(bytes, _) => {
                    if let Ok(text) = Document::decode_text(encoding, bytes) {
                        out.push_str(&text);
                    }
                }
                gap => {
                    if gap.as_float().is_ok_and(|gap| gap < SPACE) && !out.ends_with(' ') {
                        out.push(' ');
                    }
                }
            }
        }
    }
}
