//! File tools against hostile paths, folders that turn into links, and damaged documents.
#![cfg(any(target_os = "linux", target_vendor = "apple"))]
#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nexus_checkpoints::Checkpoints;
use nexus_protocol::{Action, ItemId, SessionId, TurnId, UnixMillis};
use nexus_tools::{Host, OutputSink, Registry, SessionTools, ToolContext, ToolError, Workspace};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// In every file outside the working folder, and nowhere inside.
const CANARY: &str = "CANARY-OUTSIDE";

/// The whole number with `NEXUS_TEST_FULL`, else a tenth.
fn runs(full: u32) -> u32 {
    if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        full
    } else {
        full / 10
    }
}

/// A working folder, and beside it what no relative path may reach.
struct World {
    outer: TempDir,
    root: PathBuf,
    ctx: ToolContext,
    runtime: Runtime,
}

impl World {
    fn new() -> Self {
        let outer = TempDir::new().unwrap();
        let top = outer.path().canonicalize().unwrap();
        let root = top.join("folder");
        for folder in ["folder/dir/deep", "outside/deep", "data"] {
            fs::create_dir_all(top.join(folder)).unwrap();
        }
        for file in ["a.txt", "dir/b.txt", "dir/deep/c.txt"] {
            fs::write(root.join(file), "inside").unwrap();
        }
        for file in ["secret.txt", "outside/b.txt", "outside/deep/c.txt"] {
            fs::write(top.join(file), CANARY).unwrap();
        }
        symlink("../outside", root.join("out")).unwrap();
        symlink(top.join("outside"), root.join("abs")).unwrap();
        symlink("../secret.txt", root.join("secret")).unwrap();
        symlink("dir", root.join("in")).unwrap();
        symlink("../../outside", root.join("dir/out")).unwrap();
        symlink("..", root.join("dir/up")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("nothing", root.join("broken")).unwrap();
        let recorder = Checkpoints::open(&top.join("data"))
            .unwrap()
            .session(SessionId(Uuid::from_u128(1)), Some(&root))
            .unwrap()
            .recorder(TurnId(Uuid::from_u128(2)), ItemId(Uuid::from_u128(3)));
        let ctx = ToolContext {
            cancel: CancellationToken::new(),
            now: UnixMillis(0),
            workspace: Some(Arc::new(Workspace::open(&root).unwrap())),
            host: Arc::new(Host::bare(top.join("data/scratch"))),
            session: Arc::new(SessionTools::default()),
            recorder: Some(recorder),
            output: OutputSink::nowhere(),
            sees_images: false,
        };
        let runtime = Runtime::new().unwrap();
        Self {
            outer,
            root,
            ctx,
            runtime,
        }
    }

    fn outside(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let top = self.root.parent().unwrap();
        let mut files = BTreeMap::new();
        let mut folders = vec![top.join("outside")];
        files.insert(
            top.join("secret.txt"),
            fs::read(top.join("secret.txt")).unwrap(),
        );
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    files.insert(path.clone(), Vec::new());
                    folders.push(path);
                } else {
                    files.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        files
    }

    /// A call as it runs unasked: only where the action says that all of it is inside.
    fn call(&self, tool: &str, arguments: Value) -> (Option<Action>, Result<String, ToolError>) {
        let tool = Registry::builtin().get(tool).unwrap();
        self.runtime.block_on(async {
            let call = match tool.prepare(arguments, &self.ctx).await {
                Ok(call) => call,
                Err(error) => return (None, Err(error)),
            };
            let action = call.action.clone();
            if action.files.iter().any(|file| !file.inside) {
                return (Some(action), Ok(String::new()));
            }
            let result = call.run(self.ctx.clone()).await;
            (
                Some(action),
                result.map(|output| format!("{}{:?}", output.text, output.parts)),
            )
        })
    }

    /// Fails where an action claims to be inside and the path, as the system reads it, is not.
    fn judge(&self, text: &str, action: Option<&Action>, result: &Result<String, ToolError>) {
        if let Ok(output) = result {
            assert!(!output.contains(CANARY), "{text:?} read outside: {output}");
        }
        for file in action.into_iter().flat_map(|action| &action.files) {
            let path = Path::new(&file.path);
            assert_eq!(
                file.inside,
                path.starts_with(&self.root),
                "{text:?}: {file:?}"
            );
            let there = path
                .ancestors()
                .find(|path| path.symlink_metadata().is_ok())
                .unwrap();
            // The parent, since the entry itself may be a link that is moved or deleted as such.
            let folder = if there == path {
                there.parent().unwrap_or(there)
            } else {
                there
            };
            assert_eq!(
                folder.canonicalize().unwrap(),
                folder,
                "{text:?}: a link is left in {file:?}"
            );
            assert!(
                file.inside || text.starts_with('/'),
                "{text:?} leads out unsaid: {file:?}"
            );
        }
    }
}

fn hostile(world: &World) -> Vec<String> {
    let top = world.root.parent().unwrap().display().to_string();
    let root = world.root.display().to_string();
    let mut paths: Vec<String> = [
        "",
        " ",
        ".",
        "..",
        "../",
        "../..",
        "...",
        "../secret.txt",
        "../outside/b.txt",
        "./../secret.txt",
        "dir/../../secret.txt",
        "dir/deep/../../../secret.txt",
        "missing/../../secret.txt",
        "a.txt/../../secret.txt",
        "out",
        "out/b.txt",
        "out/deep/c.txt",
        "out/new.txt",
        "out/new/deep.txt",
        "abs/b.txt",
        "abs/../secret.txt",
        "out/../secret.txt",
        "in/out/b.txt",
        "in/../../secret.txt",
        "dir/up/../secret.txt",
        "dir/up/out/b.txt",
        "dir/up/dir/up/secret",
        "dir/out/b.txt",
        "secret",
        "loop",
        "loop/x",
        "broken",
        "broken/x",
        "~",
        "~/.bashrc",
        "~root/x",
        "$HOME/x",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "..%00/secret.txt",
        "a.txt\0",
        "a.txt\0.png",
        "\0",
        "..\\secret.txt",
        "dir\\..\\..\\secret.txt",
        "C:\\Windows\\win.ini",
        "C:secret.txt",
        "c:/x",
        "\\\\server\\share\\x",
        "//server/share/x",
        "\\\\?\\C:\\x",
        "\\\\.\\pipe\\x",
        "\\/x",
        "/\\x",
        "a.txt:stream",
        "a.txt::$DATA",
        "COM1",
        "com1.txt",
        "COM¹",
        "LPT9.log",
        "NUL",
        "nul.txt",
        "CON",
        "AUX",
        "PRN",
        "CONIN$",
        "PROGRA~1",
        "LONGNA~2.TXT",
        "a.txt.",
        "a.txt ",
        "a.txt...",
        "A.TXT",
        "DIR/b.txt",
        "Dir/../../secret.txt",
        "\u{202E}txt.a",
        "a\u{200B}.txt",
        "a.txt\n",
        "\u{1b}[31m",
        "a\u{301}.txt",
        "．．/secret.txt",
        "‥/secret.txt",
        "..\u{2215}secret.txt",
        "<a>",
        "a|b",
        "a?",
        "a*",
        "\"a\"",
        "/proc/self/root/etc/passwd",
        "/proc/self/cwd/../secret.txt",
        "/dev/zero",
        "/dev/stdin",
        "/dev/tty",
        "file:///etc/passwd",
        "/etc/../etc/passwd",
        "/",
        "//",
        "/..",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.extend([
        format!("{top}/secret.txt"),
        format!("{root}/../secret.txt"),
        format!("{root}/out/b.txt"),
        format!("{root}//dir/./b.txt"),
        format!("{top}/folder/../secret.txt"),
        format!("{top}/outside/../folder/a.txt"),
        "a/".repeat(2048),
        "n".repeat(256),
        "é".repeat(128),
        format!("{}secret.txt", "../".repeat(1000)),
        format!("{}a.txt", "dir/up/".repeat(100)),
    ]);
    paths
}

#[test]
fn no_hostile_path_leads_out() {
    let world = World::new();
    let before = world.outside();
    let paths = hostile(&world);
    assert!(paths.len() >= 80, "{}", paths.len());
    for path in &paths {
        for (tool, arguments) in [
            ("read_file", json!({ "path": path })),
            ("list_directory", json!({ "path": path, "depth": 3 })),
            (
                "find_files",
                json!({ "path": path, "glob": "*", "include_ignored": true }),
            ),
            (
                "search_files",
                json!({ "path": path, "pattern": "C", "include_ignored": true }),
            ),
            ("write_file", json!({ "path": path, "content": "written" })),
            (
                "edit_file",
                json!({ "path": path, "edits": [{ "old_text": "C", "new_text": "x" }] }),
            ),
            ("move_path", json!({ "from": "dir/deep/c.txt", "to": path })),
            ("move_path", json!({ "from": path, "to": "moved" })),
            ("delete_path", json!({ "path": path })),
        ] {
            let (action, result) = world.call(tool, arguments);
            world.judge(path, action.as_ref(), &result);
        }
    }
    assert_eq!(world.outside(), before);
}

#[test]
fn random_paths_lead_where_the_system_says() {
    let world = World::new();
    let before = world.outside();
    let root = world.root.display().to_string();
    let top = world.root.parent().unwrap().display().to_string();
    let part = prop::sample::select(vec![
        "..",
        "..",
        ".",
        "",
        "dir",
        "deep",
        "in",
        "out",
        "abs",
        "secret",
        "loop",
        "broken",
        "a.txt",
        "b.txt",
        "c.txt",
        "DIR",
        "new",
        "outside",
        "folder",
        "secret.txt",
        "é",
        "x y",
        "a\\b",
        "..\\..",
    ]);
    let start = prop::sample::select(vec![
        String::new(),
        "./".into(),
        format!("{root}/"),
        format!("{top}/"),
        "/".into(),
    ]);
    let paths = (start, prop::collection::vec(part, 0..8))
        .prop_map(|(start, parts)| format!("{start}{}", parts.join("/")));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(runs(100_000)));
    runner
        .run(&paths, |text| {
            let (action, result) = world.call("read_file", json!({ "path": text }));
            world.judge(&text, action.as_ref(), &result);
            if let Some(file) = action.as_ref().and_then(|action| action.files.first()) {
                // The oracle: what is read is what the system finds there.
                match world.root.join(&text).canonicalize() {
                    Ok(real) => prop_assert_eq!(real, PathBuf::from(&file.path)),
                    // `file/.` is no folder to the system, and the file to the tool.
                    Err(error) => {
                        prop_assert_eq!(error.kind(), std::io::ErrorKind::NotADirectory);
                    }
                }
            }
            let (action, result) =
                world.call("write_file", json!({ "path": text, "content": "w" }));
            world.judge(&text, action.as_ref(), &result);
            Ok(())
        })
        .unwrap();
    assert_eq!(world.outside(), before);
    drop(world.outer);
}

/// Changes a folder and a link to the one outside into each other, in one step, until it is told to stop.
fn swap(root: &Path, stop: &AtomicBool) -> u64 {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let (dir, link) = (root.join("dir"), root.join("link"));
    symlink("../outside", &link).unwrap();
    let mut swaps = 0;
    while !stop.load(Ordering::Relaxed) {
        renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE).unwrap();
        swaps += 1;
        std::thread::yield_now();
    }
    swaps
}

#[test]
fn a_folder_that_turns_into_a_link_leads_nowhere() {
    let world = World::new();
    let before = world.outside();
    let stop = Arc::new(AtomicBool::new(false));
    let swapper = {
        let (root, stop) = (world.root.clone(), Arc::clone(&stop));
        std::thread::spawn(move || swap(&root, &stop))
    };
    let mut worked = 0;
    for round in 0..runs(10_000) {
        let calls = [
            ("read_file", json!({ "path": "dir/b.txt" })),
            (
                "write_file",
                json!({ "path": "dir/b.txt", "content": format!("inside {round}") }),
            ),
            (
                "search_files",
                json!({ "pattern": "CANARY|inside", "include_ignored": true }),
            ),
            (
                "edit_file",
                json!({ "path": "dir/deep/c.txt", "edits": [{ "old_text": "inside", "new_text": "inside, still" }] }),
            ),
            ("move_path", json!({ "from": "a.txt", "to": "dir/a.txt" })),
            ("move_path", json!({ "from": "dir/a.txt", "to": "a.txt" })),
            (
                "find_files",
                json!({ "glob": "dir/**", "include_ignored": true }),
            ),
        ];
        for (tool, arguments) in calls {
            let (action, result) = world.call(tool, arguments);
            if let Ok(output) = &result {
                assert!(!output.contains(CANARY), "{tool} read outside: {output}");
                worked += 1;
            }
            assert!(
                action
                    .iter()
                    .flat_map(|action| &action.files)
                    .all(|file| file.inside)
            );
        }
    }
    stop.store(true, Ordering::Relaxed);
    let swaps = swapper.join().unwrap();
    assert_eq!(world.outside(), before);
    assert!(
        worked > 0 && swaps > 0,
        "nothing was tried: {worked} calls, {swaps} swaps"
    );
}

fn pdf() -> Vec<u8> {
    use lopdf::{Document, Object, Stream, dictionary};
    let mut document = Document::with_version("1.5");
    let pages = document.new_object_id();
    let font = document.add_object(
        dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier" },
    );
    let resources = document.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
    let content = b"BT /F1 12 Tf 50 700 Td (Hello) Tj 0 -20 Td [(W) -300 (orld)] TJ ET".to_vec();
    let content = document.add_object(Stream::new(dictionary! {}, content));
    let page = document.add_object(dictionary! { "Type" => "Page", "Parent" => pages, "Contents" => content, "Resources" => resources });
    let kids = dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 };
    document.objects.insert(pages, Object::Dictionary(kids));
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn docx() -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("word/document.xml", options).unwrap();
    archive
        .write_all(b"<w:document><w:body><w:p><w:r><w:t>Hello &amp; bye</w:t></w:r></w:p></w:body></w:document>")
        .unwrap();
    archive.finish().unwrap().into_inner()
}

#[test]
fn damaged_documents_do_no_harm() {
    let world = World::new();
    let whole = [pdf(), docx()];
    for (bytes, word) in whole.iter().zip(["Hello", "Hello & bye"]) {
        fs::write(world.root.join("document"), bytes).unwrap();
        let (_, result) = world.call("read_file", json!({ "path": "document" }));
        assert!(result.unwrap().contains(word));
    }
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8);
    let repeated = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
    let cut = prop::option::weighted(0.2, any::<prop::sample::Index>());
    let damage = (
        0..whole.len(),
        changes,
        prop::option::weighted(0.3, repeated),
        cut,
    );
    let mut runner = TestRunner::new(ProptestConfig::with_cases(runs(5000)));
    runner
        .run(&damage, |(which, changes, repeated, cut)| {
            let mut bytes = whole[which].clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some((from, to)) = repeated {
                let (a, b) = (from.index(bytes.len()), to.index(bytes.len()));
                let piece = bytes[a.min(b)..a.max(b)].to_vec();
                bytes.splice(a..a, piece);
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            fs::write(world.root.join("document"), &bytes).unwrap();
            let started = std::time::Instant::now();
            let (_, result) = world.call("read_file", json!({ "path": "document" }));
            // The tool's own limit is 20 s; small files are nowhere near it.
            prop_assert!(started.elapsed() < Duration::from_secs(60));
            prop_assert!(!matches!(result, Err(ToolError::Fatal(_))));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_document_that_unpacks_without_end_is_refused() {
    let world = World::new();
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive
        .start_file(
            "word/document.xml",
            zip::write::SimpleFileOptions::default(),
        )
        .unwrap();
    for _ in 0..80 {
        archive.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    fs::write(world.root.join("bomb.docx"), bytes).unwrap();
    let (_, result) = world.call("read_file", json!({ "path": "bomb.docx" }));
    let error = result.unwrap_err().to_string();
    assert!(error.contains("over 64 MiB"), "{error}");
}
