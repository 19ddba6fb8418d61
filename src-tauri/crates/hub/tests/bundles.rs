//! A model of several files is one download: cut, paused, resumed and checked as one.

use std::{fs, sync::atomic::Ordering, time::Duration};

use nexus_hub::{Checksum, Downloads, HubFile, Leftovers, Limits, Request, State, choices};
use nexus_test_support::TempData;

use crate::support::{
    connect, content, downloads,
    hub::{Reply, TOKEN, TestHub},
    model, names,
    proxy::cutting,
    quick,
};

const FIRST: &str = "Q4_K_M/m-Q4_K_M-00001-of-00003.gguf";
const SECOND: &str = "Q4_K_M/m-Q4_K_M-00002-of-00003.gguf";
const THIRD: &str = "Q4_K_M/m-Q4_K_M-00003-of-00003.gguf";
const NAMES: [&str; 5] = [
    "chat_template.jinja",
    "m-Q4_K_M-00001-of-00003.gguf",
    "m-Q4_K_M-00002-of-00003.gguf",
    "m-Q4_K_M-00003-of-00003.gguf",
    "tokenizer.json",
];

/// Three parts and two companions.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (FIRST, content(1, 2 * 1024 * 1024 + 3)),
        (SECOND, content(2, 3 * 1024 * 1024 + 5)),
        (THIRD, content(3, 70_001)),
        ("tokenizer.json", content(4, 900_000)),
        ("chat_template.jinja", content(5, 4_321)),
    ]
}

async fn hub_with(files: &[(&str, Vec<u8>)]) -> TestHub {
    let named: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .collect();
    TestHub::start(&named).await
}

/// The only choice of the hub's model, as the hub lists it.
async fn wish(base: &str, folder: &TempData) -> Request {
    let hub = connect(base, Some(TOKEN));
    let listing = hub.files(&model(), "main").await.unwrap();
    let choice = choices(&listing.files).remove(0);
    Request {
        model: model(),
        revision: "main".into(),
        files: choice.files,
        optional: choice.companions,
        folder: folder.path().to_owned(),
    }
}

fn all_are_right(folder: &TempData, files: &[(&str, Vec<u8>)]) {
    for (name, bytes) in files {
        let name = name.rsplit('/').next().unwrap();
        assert_eq!(&fs::read(folder.join(name)).unwrap(), bytes, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_files_come_whole_over_lines_that_are_cut() {
    const CUTS: usize = 12;
    let files = files();
    for _ in 0..5 {
        let hub = hub_with(&files).await;
        let folder = TempData::new();
        let wish = wish(&hub.base(), &folder).await;
        assert_eq!((wish.files.len(), wish.optional.len()), (3, 2));
        assert!(matches!(wish.files[0].checksum, Some(Checksum::Sha256(_))));
        assert!(matches!(wish.optional[0].checksum, Some(Checksum::Git(_))));
        // Both ways are cut: the hub gives the small files itself.
        let (line, counts) = cutting(hub.cdn(), CUTS, 200_000).await;
        hub.send_through(line);
        let (front, at_hub) = cutting(hub.address, CUTS, 60_000).await;
        let limits = Limits {
            // The cuts are enough to lose patience with a small file; that has a test of its own.
            tries: 40,
            optional_tries: 40,
            ..quick()
        };
        let download = Downloads::new(connect(&format!("http://{front}"), None), 1, limits)
            .start(wish)
            .unwrap();
        let progress = download.progress();
        let came = download.finish().await.unwrap();
        assert_eq!(came.len(), 5);
        all_are_right(&folder, &files);
        assert_eq!(names(folder.path()), NAMES);
        let end = progress.borrow().clone();
        let total: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(
            (end.state, end.received, end.total, end.files_done),
            (State::Done, total as u64, total as u64, 5)
        );
        let (behind, before) = (&counts.cuts, &at_hub.cuts);
        assert!(behind.load(Ordering::SeqCst) >= CUTS, "{behind:?}");
        assert!(before.load(Ordering::SeqCst) >= 3, "{before:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_that_was_stopped_in_its_second_file_goes_on_there() {
    let files = files();
    let hub = hub_with(&files).await;
    hub.on_cdn(|asked, _, _| {
        if asked.path().ends_with("00002-of-00003.gguf") {
            std::thread::sleep(Duration::from_millis(100));
        }
        None
    });
    hub.shared.link_uses.store(1_000, Ordering::SeqCst);
    let folder = TempData::new();
    let limits = Limits {
        parts: 1,
        piece: 256 * 1024,
        ..quick()
    };
    let download = downloads(&hub.base(), limits.clone())
        .start(wish(&hub.base(), &folder).await)
        .unwrap();
    let mut progress = download.progress();
    let first = files[0].1.len() as u64;
    progress
        .wait_for(|now| now.received > first + 300_000)
        .await
        .unwrap();
    download.cancel(Leftovers::Keep);
    download.finish().await.unwrap_err();
    let left = names(folder.path());
    assert!(left.contains(&NAMES[1].to_owned()), "{left:?}");
    assert!(left.contains(&format!("{}.part", NAMES[2])), "{left:?}");
    assert!(!left.contains(&NAMES[3].to_owned()), "{left:?}");

    hub.shared.cdn_asked.lock().unwrap().clear();
    hub.on_cdn(|_, _, _| None);
    downloads(&hub.base(), limits)
        .start(wish(&hub.base(), &folder).await)
        .unwrap()
        .finish()
        .await
        .unwrap();
    all_are_right(&folder, &files);
    assert_eq!(names(folder.path()), NAMES);
    let asked = hub.shared.cdn_asked.lock().unwrap();
    assert!(!asked.iter().any(|asked| asked.path().contains("00001-of")));
    let second = asked.iter().find(|asked| asked.path().contains("00002-of"));
    assert!(second.and_then(|asked| asked.range()).unwrap().0 > 0);
}

#[tokio::test]
async fn a_companion_that_does_not_come_is_left_out() {
    let files = files();
    let hub = hub_with(&files).await;
    let folder = TempData::new();
    let wish = wish(&hub.base(), &folder).await;
    // One is refused by its server, the other is not what was listed.
    hub.on_hub(|asked, _, hub| match asked.path() {
        path if path.ends_with("chat_template.jinja") => Some(Reply::new(500, "no")),
        path if path.ends_with("tokenizer.json") => {
            let mut bytes = hub.hub_answer(asked).bytes();
            bytes[0] ^= 1;
            Some(Reply::new(200, bytes))
        }
        _ => None,
    });
    let download = downloads(&hub.base(), quick()).start(wish).unwrap();
    let progress = download.progress();
    let came = download.finish().await.unwrap();
    assert_eq!(came.len(), 3);
    assert_eq!(names(folder.path()), NAMES[1..4]);
    let end = progress.borrow().clone();
    assert_eq!((end.state, end.files_done), (State::Done, 3));
    assert_eq!(end.trouble, None);
}

#[tokio::test]
async fn a_part_that_does_not_come_is_the_end() {
    let files = files();
    let hub = hub_with(&files).await;
    let folder = TempData::new();
    let wish = wish(&hub.base(), &folder).await;
    hub.put(THIRD, &content(9, 70_001));
    let error = downloads(&hub.base(), quick())
        .start(wish)
        .unwrap()
        .finish()
        .await
        .unwrap_err();
    assert!(!error.resumable(), "{error}");
    assert_eq!(names(folder.path()), NAMES[1..3]);
}

#[tokio::test]
async fn a_companion_of_the_same_name_gives_way() {
    let files = files();
    let hub = hub_with(&files).await;
    let folder = TempData::new();
    let mut wish = wish(&hub.base(), &folder).await;
    let other: HubFile = wish.files[2].clone();
    wish.optional.insert(0, other);
    let came = downloads(&hub.base(), quick())
        .start(wish)
        .unwrap()
        .finish()
        .await
        .unwrap();
    assert_eq!(came.len(), 5);
    all_are_right(&folder, &files);
}
