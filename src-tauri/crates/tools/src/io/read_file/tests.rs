//! What the model reads of a file.

use std::{fmt::Write as _, io::Write as _};

use nexus_protocol::ResultPart;
use serde_json::{Value, json};

use super::ReadFile;
use crate::{
    ToolContext,
    testing::{Desk, action, call},
};

async fn read(desk: &Desk, arguments: Value) -> String {
    match call(&ReadFile, arguments, &desk.ctx).await {
        Ok(output) => format!("[{}]\n{}", output.summary, output.text),
        Err(error) => format!("error: {error}"),
    }
}

#[tokio::test]
async fn texts_are_numbered_and_bounded() {
    let desk = Desk::new();
    desk.write("three.txt", "one\ntwo\nthree\n");
    desk.write("empty.txt", "");
    desk.write("windows.txt", "a\r\nb\r\n");
    desk.write("latin.txt", b"Sch\xF6ne Gr\xFC\xDFe aus M\xFCnchen\n");
    desk.write("hidden.txt", "see \u{E0041}\u{E0042} here");
    desk.write("data.bin", [0, 1, 2, 3]);
    desk.write("tool", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0");
    desk.write("long.txt", "x".repeat(5000));
    desk.write("dir/x", "");
    let mut table = String::new();
    for arguments in [
        json!({ "path": "three.txt" }),
        json!({ "path": "three.txt", "start_line": 2 }),
        json!({ "path": "three.txt", "start_line": 2, "end_line": 2 }),
        json!({ "path": "three.txt", "start_line": 4 }),
        json!({ "path": "three.txt", "start_line": 3, "end_line": 2 }),
        json!({ "path": "three.txt", "start_line": 0 }),
        json!({ "path": "thre.txt" }),
        json!({ "path": "empty.txt" }),
        json!({ "path": "windows.txt" }),
        json!({ "path": "latin.txt" }),
        json!({ "path": "hidden.txt" }),
        json!({ "path": "data.bin" }),
        json!({ "path": "tool" }),
        json!({ "path": "dir" }),
    ] {
        writeln!(
            table,
            "{arguments}\n{}\n",
            read(&desk, arguments.clone()).await
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
    let long = read(&desk, json!({ "path": "long.txt" })).await;
    assert!(
        long.contains("(line cut: it has 5000 characters)") && long.len() < 2200,
        "{long}"
    );
}

#[tokio::test]
async fn long_files_say_how_to_go_on() {
    let desk = Desk::new();
    let lines: String = (1..=5000).map(|n| format!("line {n}\n")).collect();
    desk.write("many.txt", &lines);
    let text = read(&desk, json!({ "path": "many.txt" })).await;
    assert!(
        text.ends_with(
            "2000\tline 2000\n(lines 1 to 2000 of 5000; read on with start_line 2001)\n"
        ),
        "{text}"
    );
    desk.write("wide.txt", format!("{}\n", "w".repeat(1500)).repeat(100));
    let text = read(&desk, json!({ "path": "wide.txt" })).await;
    assert!(
        text.len() < 65 * 1024 && text.contains("of 100; read on with start_line 44"),
        "{}",
        text.len()
    );
    // A sparse file takes no room on the disk.
    let big = std::fs::File::create(desk.path().join("big.log")).unwrap();
    big.set_len(10_000_000_000).unwrap();
    let error = read(&desk, json!({ "path": "big.log" })).await;
    assert_eq!(
        error,
        "error: “big.log” has 10000000000 bytes; at most 33554432 can be used here. Use search_files to find lines in it."
    );
}

/// 2 × 1 pixels.
fn png() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x01\x08\x02\0\0\0".to_vec();
    png.extend([0; 32]);
    png
}

/// A JPEG with a time in its EXIF data and one frame header.
fn photo() -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
    // One entry: the pointer to the EXIF part, which has one entry: the time.
    tiff.extend(b"\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0");
    tiff.extend(b"\0\x01\x90\x03\0\x02\0\0\0\x14\0\0\0\x2c\0\0\0\0");
    tiff.extend(b"2021:05:03 10:20:30\0");
    let length = u16::try_from(tiff.len() + 8).unwrap().to_be_bytes();
    let mut jpeg = b"\xFF\xD8\xFF\xE1".to_vec();
    jpeg.extend(length);
    jpeg.extend(b"Exif\0\0");
    jpeg.extend(tiff);
    jpeg.extend(b"\xFF\xC0\0\x11\x08\0\x10\0\x20\x03\x01\x22\0\x02\x11\x01\x03\x11\x01\xFF\xD9");
    jpeg
}

#[tokio::test]
async fn images_are_shown_to_who_can_see_them() {
    let desk = Desk::new();
    desk.write("dot.png", png());
    // By its content, not by its name.
    desk.write("photo.txt", photo());
    let blind = call(&ReadFile, json!({ "path": "dot.png" }), &desk.ctx)
        .await
        .unwrap();
    assert!(blind.images.is_empty());
    assert!(
        matches!(blind.parts.as_slice(), [ResultPart::Image { name, .. }] if name == "dot.png")
    );
    let seeing = ToolContext {
        sees_images: true,
        ..desk.ctx.clone()
    };
    let seen = call(&ReadFile, json!({ "path": "photo.txt" }), &seeing)
        .await
        .unwrap();
    assert_eq!(seen.images.len(), 1);
    assert_eq!(seen.images[0].media_type, "image/jpeg");
    insta::assert_snapshot!(format!("{}\n{}", blind.text, seen.text));
}

#[tokio::test]
async fn tables_are_previewed() {
    let desk = Desk::new();
    let rows: String = (0..300).map(|n| format!("{n};\"a;{n}\"\n")).collect();
    desk.write("data.csv", format!("id;name\n{rows}"));
    let output = call(
        &ReadFile,
        json!({ "path": "data.csv", "end_line": 1 }),
        &desk.ctx,
    )
    .await
    .unwrap();
    let [ResultPart::Table { table }] = output.parts.as_slice() else {
        panic!("{:?}", output.parts);
    };
    assert_eq!(table.columns, ["id", "name"]);
    assert_eq!((table.rows.len(), table.total_rows), (200, 300));
    assert_eq!(table.rows[7], ["7", "a;7"]);
}

fn docx(body: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive
        .start_file(
            "word/document.xml",
            zip::write::SimpleFileOptions::default(),
        )
        .unwrap();
    archive.write_all(body.as_bytes()).unwrap();
    archive.finish().unwrap().into_inner()
}

#[tokio::test]
async fn documents_come_as_text() {
    let desk = Desk::new();
    desk.write(
        "letter.docx",
        docx("<w:document><w:body><w:p><w:r><w:t>Dear A &amp; B,</w:t></w:r><w:r><w:tab/><w:t>hello</w:t></w:r></w:p>\
              <w:tbl><w:tr><w:tc><w:p><w:r><w:t>1</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>2</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
              <w:p><w:r><w:t>Bye &lol; &#65;</w:t></w:r></w:p></w:body></w:document>"),
    );
    desk.write("broken.docx", docx("<w:p><w:t>never <<< closed"));
    desk.write("paper.pdf", pdf("BT /F1 12 Tf 50 700 Td (Hello) Tj [(W) -50 (orld) -300 (again)] TJ 0 -20 Td (Second line) Tj ET"));
    desk.write(
        "broken.pdf",
        b"%PDF-1.5\n1 0 obj << /Type /Catalog /Pages 1 0 R >> endobj",
    );
    let mut table = String::new();
    for path in ["letter.docx", "broken.docx", "paper.pdf", "broken.pdf"] {
        writeln!(
            table,
            "{path}\n{}\n",
            read(&desk, json!({ "path": path })).await
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}

/// A page with this content.
fn pdf(content: &str) -> Vec<u8> {
    use lopdf::{Document, Object, Stream, dictionary};
    let mut document = Document::with_version("1.5");
    let pages = document.new_object_id();
    let font = document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier", "Encoding" => "WinAnsiEncoding" });
    let resources = document.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
    let content = document.add_object(Stream::new(dictionary! {}, content.as_bytes().to_vec()));
    let page = document.add_object(dictionary! { "Type" => "Page", "Parent" => pages, "Contents" => content, "Resources" => resources });
    document.objects.insert(
        pages,
        Object::Dictionary(
            dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 },
        ),
    );
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn the_action_names_the_file() {
    let desk = Desk::new();
    desk.write("a/b.txt", "x");
    let action = action(&ReadFile, json!({ "path": "a/../a/b.txt" }), &desk.ctx)
        .await
        .unwrap();
    let [file] = action.files.as_slice() else {
        panic!("{action:?}")
    };
    assert_eq!(
        (file.shown.as_str(), file.inside, file.protected),
        ("a/b.txt", true, false)
    );
    assert_eq!(
        file.path,
        desk.path()
            .canonicalize()
            .unwrap()
            .join("a/b.txt")
            .display()
            .to_string()
    );
}
