//! Word documents as text: paragraphs, tables with tabs between cells.
//!
//! Owns the little of the format that text needs. Sizes are bounded before anything is unpacked.

use std::io::{Cursor, Read};

use quick_xml::{Reader, events::Event};
use zip::ZipArchive;

/// Where the text is.
const DOCUMENT: &str = "word/document.xml";
/// Bytes of it unpacked.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of text taken from it.
const MOST_TEXT: usize = 8 * 1024 * 1024;

/// Whether it is an archive with such a document in it.
pub(super) fn is_docx(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
        && ZipArchive::new(Cursor::new(bytes))
            .is_ok_and(|archive| archive.index_for_name(DOCUMENT).is_some())
}

/// Its text. The error is for the model, without a full stop.
pub(super) fn text(bytes: &[u8]) -> Result<String, String> {
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("the archive: {error}"))?;
    let document = archive
        .by_name(DOCUMENT)
        .map_err(|error| format!("the archive: {error}"))?;
    let mut xml = Vec::new();
    // The size that the archive claims may be a lie: what comes out is counted.
    document
        .take(MOST_BYTES + 1)
        .read_to_end(&mut xml)
        .map_err(|error| format!("the archive: {error}"))?;
    if xml.len() as u64 > MOST_BYTES {
        return Err("its text is over 64 MiB".to_owned());
    }
    paragraphs(&xml)
}

fn paragraphs(xml: &[u8]) -> Result<String, String> {
    let mut reader = Reader::from_reader(xml);
    reader.config_mut().check_end_names = false;
    let mut out = String::new();
    let mut in_text = false;
    let mut cell = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => match tag.local_name().as_ref() {
                "t" => in_text = true,
                "tc" => cell = true,
                _ => {}
            },
            Ok(Event::Empty(tag)) => match tag.local_name().as_ref() {
                "tab" => out.push('\t'),
                "br" | "cr" | "p" => out.push('\n'),
                _ => {}
            },
            Ok(Event::End(tag)) => match tag.local_name().as_ref() {
                "t" => in_text = false,
                // A cell ends in a paragraph of its own: a tab instead of its line end keeps the row in a line.
                "p" if cell => {}
                "tc" => {
                    cell = false;
                    out.push('\t');
                }
                "p" | "tr" => {
                    out.truncate(out.trim_end_matches('\t').len());
                    out.push('\n');
                }
                _ => {}
            },
            Ok(Event::Text(text)) if in_text => {
                out.push_str(&text);
            }
            Ok(Event::GeneralRef(name)) if in_text => {
                out.push_str(&reference(&name));
            }
            Ok(Event::Eof) => return Ok(out),
            Ok(_) => {}
            Err(error) => return Err(format!("the document: {error}")),
        }
        if out.len() > MOST_TEXT {
            out.push_str("\n(the rest of the document is left out)\n");
            return Ok(out);
        }
    }
}

/// `amp` in `&amp;`. Only what XML itself knows; a document's own entities are how such files explode.
fn reference(name: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(character)) = name.resolve_char_ref() {
        return character.to_string();
    }
    let name: &str = name;
    match name {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        other => format!("&{other};"),
    }
}
