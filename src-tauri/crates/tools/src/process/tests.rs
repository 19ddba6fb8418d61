use std::sync::{Arc, Mutex};

use nexus_sandbox::Limits;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Collector, Ending, bound, environment};
use crate::{OutputSink, ToolContext, testing::context};

#[test]
fn files_that_a_line_runs_are_found() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for name in ["a.sh", "b.py", "data.csv", "ls"] {
        std::fs::write(root.join(name), name).unwrap();
    }
    std::fs::create_dir(root.join("sub")).unwrap();
    std::fs::write(root.join("sub/c"), "c").unwrap();
    for (line, expected) in [
        ("./a.sh", vec!["a.sh"]),
        ("sub/c x", vec!["sub/c"]),
        ("bash a.sh", vec!["a.sh"]),
        ("python3.11 -W error b.py data.csv", vec!["b.py"]),
        (
            "env A=1 timeout 5 ./a.sh && sub/c | sh ./a.sh",
            vec!["a.sh", "sub/c"],
        ),
        (". ./a.sh", vec!["a.sh"]),
        ("/usr/bin/env python3 b.py", vec!["b.py"]),
        ("cat a.sh b.py", vec![]),
        ("ls", vec![]),
        ("bash -c true", vec![]),
        ("bash ../outside.sh", vec![]),
        ("bash sub", vec![]),
    ] {
        let found = bound::files("shell", line, &[], &root);
        let found: Vec<String> = found
            .iter()
            .map(|file| file.path[root.to_string_lossy().len() + 1..].to_owned())
            .collect();
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn endings_and_limits_are_named() {
    let limits = Limits::default();
    let mut table = String::new();
    for (ending, tail) in [
        (Ending::Exit(0), "MemoryError"),
        (Ending::Exit(1), "fine otherwise"),
        (Ending::Exit(1), "MemoryError"),
        (Ending::Exit(139), ""),
        (Ending::Exit(200), ""),
        (Ending::Signal(9), ""),
        (Ending::Exit(153), ""),
        (Ending::Signal(77), ""),
        (Ending::Exit(1), "OSError: [Errno 27] File too large"),
        (
            Ending::Exit(254),
            "bash: fork: retry: Resource temporarily unavailable",
        ),
        (
            Ending::Exit(1),
            "OSError: [Errno 24] Too many open files: 'x'",
        ),
        (Ending::Exit(1), "write: No space left on device"),
        (
            Ending::Exit(137),
            "[sandbox: more than 256 processes; all its processes were ended]",
        ),
        (
            Ending::Exit(137),
            "[sandbox: more than 2048 MiB of memory; all its processes were ended]",
        ),
        (Ending::TimeLimit(120), ""),
        (Ending::Stopped, ""),
    ] {
        let hint = ending.limit_met(tail, &limits);
        table.push_str(&format!(
            "{ending:?} {tail:?}: {}; {hint:?}\n",
            ending.words()
        ));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn no_name_of_a_secret_is_on_the_list() {
    let user = [
        "API_KEY",
        "LC_",
        "PATHS",
        "HOME",
        "LD_LIBRARY_PATH",
        "SSH_AGENT_PID",
        "USER",
        "lang",
        "NPM_TOKEN",
    ]
    .map(|name| (name.to_owned(), "x".to_owned()))
    .into();
    let env = environment::of(&user, std::path::Path::new("/temp"));
    let taken: Vec<&str> = env
        .iter()
        .filter(|(_, value)| *value == "x")
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(taken, ["LC_", "USER"]);
    assert_eq!(env["HOME"], "/temp");
}

fn listened() -> (Collector, Arc<Mutex<String>>, TempDir) {
    let data = TempDir::new().unwrap();
    let heard = Arc::new(Mutex::new(String::new()));
    let said = Arc::clone(&heard);
    let ctx = ToolContext {
        host: Arc::new(crate::Host::bare(data.path())),
        ..context()
    };
    let sink = OutputSink::new(move |text| said.lock().unwrap().push_str(text));
    (Collector::new(&ctx, sink), heard, data)
}

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_same(
        words in prop::collection::vec(prop_oneof![
            Just("word "), Just("\n"), Just("é"), Just("😀"), Just("\u{1b}[31m"), Just("\u{1b}]0;t\u{7}"), Just("漢"),
        ], 0..60),
        cuts in prop::collection::vec(1usize..9, 1..40),
    ) {
        let text = words.concat();
        let whole = crate::terminal::plain(text.as_bytes());
        let (mut collector, heard, _data) = listened();
        let mut rest = text.as_bytes();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            collector.push(piece);
            // Some pieces are followed by a pause.
            if cut % 3 == 0 { collector.idle() }
            rest = after;
        }
        let output = collector.take();
        prop_assert_eq!(&output.text(), &whole);
        // Pauses may not tear characters apart. A last line that ends in the middle of one is shown with the result.
        let whole = if text.as_bytes().last().is_some_and(u8::is_ascii) { whole } else { heard.lock().unwrap().clone() };
        prop_assert_eq!(&*heard.lock().unwrap(), &whole);
    }

    #[test]
    fn any_bytes_are_taken(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
        let (mut collector, heard, _data) = listened();
        for piece in &pieces {
            collector.push(piece);
            collector.idle();
        }
        let text = collector.take().text();
        let heard = heard.lock().unwrap();
        for text in [&text, &*heard] {
            prop_assert!(text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
        }
    }
}

#[test]
fn memory_is_bounded_and_the_ends_are_right() {
    let (mut collector, heard, _data) = listened();
    for number in 0..2_000_000 {
        collector.push(format!("{number:07}\n").as_bytes());
    }
    let output = collector.take();
    let text = output.text();
    assert!(text.len() < 66 * 1024);
    assert!(text.starts_with("0000000\n0000001\n") && text.ends_with("1999998\n1999999\n"));
    assert!(heard.lock().unwrap().len() < (1 << 20) + 1024);
    let note = output.note().unwrap();
    let path = note
        .split_once("are in ")
        .or_else(|| note.split_once("is in "))
        .unwrap()
        .1;
    let path = path.split_once(": page").unwrap().0;
    assert_eq!(std::fs::metadata(path).unwrap().len(), 16_000_000);
}
