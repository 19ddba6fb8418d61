//! Downloads that go well, are paused, cancelled, repeated, or meet another one.

use std::{fs, sync::atomic::Ordering, time::Duration};

use nexus_hub::{
    Download, FilePath, HubError, HubFile, Leftovers, Limits, State, discard, unfinished,
};
use nexus_test_support::TempData;

use crate::support::{
    content, downloads,
    hub::{Body, Reply, TOKEN, TestHub},
    names, quick, request, sum,
};

const NAME: &str = "m-Q4_K_M.gguf";

#[tokio::test]
async fn several_files_in_parts_with_progress() {
    let first = content(1, 5 * 1024 * 1024 + 7);
    let second = content(2, 100);
    let hub = TestHub::start(&[
        ("Q4/a-00001-of-00002.gguf", &first),
        ("Q4/a-00002-of-00002.gguf", &second),
    ])
    .await;
    let folder = TempData::new();
    let mut wish = request(
        &folder.join("new/models"),
        "Q4/a-00001-of-00002.gguf",
        &first,
    );
    wish.files.push(HubFile {
        path: FilePath::new("Q4/a-00002-of-00002.gguf").unwrap(),
        size: 100,
        checksum: Some(sum(&second).into()),
    });
    let download = downloads(&hub.base(), quick()).start(wish).unwrap();
    let progress = download.progress();
    let paths = download.finish().await.unwrap();
    assert_eq!(fs::read(&paths[0]).unwrap(), first);
    assert_eq!(fs::read(&paths[1]).unwrap(), second);
    assert_eq!(
        names(&folder.join("new/models")),
        ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"]
    );
    let end = progress.borrow().clone();
    assert_eq!(end.state, State::Done);
    assert_eq!(
        (end.received, end.total),
        (first.len() as u64 + 100, first.len() as u64 + 100)
    );
    assert_eq!((end.files_done, end.files), (2, 2));
    let behind = hub.shared.cdn_asked.lock().unwrap();
    let ranges: usize = behind
        .iter()
        .filter(|asked| asked.range().is_some())
        .count();
    assert!(ranges >= 6, "{ranges} pieces");
    // The signed address was used again and again, not asked for each time.
    assert!(hub.shared.hub_asked.lock().unwrap().len() < ranges);
}

#[tokio::test]
async fn the_token_stays_at_the_hub() {
    let bytes = content(3, 2 * 1024 * 1024);
    let hub = TestHub::start(&[(NAME, &bytes)]).await;
    hub.shared.link_uses.store(1, Ordering::SeqCst);
    let folder = TempData::new();
    downloads(&hub.base(), quick())
        .start(request(folder.path(), NAME, &bytes))
        .unwrap()
        .finish()
        .await
        .unwrap();
    let bearer = format!("Bearer {TOKEN}");
    for asked in hub.shared.hub_asked.lock().unwrap().iter() {
        assert_eq!(asked.header("authorization"), Some(bearer.as_str()));
    }
    let behind = hub.shared.cdn_asked.lock().unwrap();
    assert!(behind.len() > 2);
    for asked in behind.iter() {
        assert_eq!(asked.header("authorization"), None);
        assert_eq!(asked.header("referer"), None);
        assert!(!format!("{asked:?}").contains(TOKEN));
    }
}

/// A hub whose files come slowly enough to do something meanwhile.
async fn slow(bytes: &[u8]) -> TestHub {
    let hub = TestHub::start(&[(NAME, bytes)]).await;
    hub.on_cdn(|_, _, _| {
        std::thread::sleep(Duration::from_millis(150));
        None
    });
    hub
}

async fn until(download: &Download, what: impl Fn(&nexus_hub::Progress) -> bool) {
    let mut progress = download.progress();
    tokio::time::timeout(Duration::from_secs(60), progress.wait_for(|now| what(now)))
        .await
        .unwrap()
        .unwrap();
}

fn one_at_a_time() -> Limits {
    Limits {
        parts: 1,
        piece: 256 * 1024,
        ..quick()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pause_keeps_what_came_and_a_resume_goes_on() {
    let bytes = content(4, 4 * 1024 * 1024);
    let hub = slow(&bytes).await;
    hub.shared.link_uses.store(100, Ordering::SeqCst);
    let folder = TempData::new();
    let download = downloads(&hub.base(), one_at_a_time())
        .start(request(folder.path(), NAME, &bytes))
        .unwrap();
    until(&download, |now| now.received > 0).await;
    download.pause();
    until(&download, |now| now.state == State::Paused).await;
    let asked = hub.shared.cdn_asked.lock().unwrap().len();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        hub.shared.cdn_asked.lock().unwrap().len(),
        asked,
        "nothing is fetched in a pause"
    );
    let kept = unfinished(folder.path());
    assert!(
        matches!(&kept[..], [(name, there, size)] if name == NAME && *there > 0 && *size == bytes.len() as u64),
        "{kept:?}"
    );
    assert!(!folder.join(&format!("{NAME}.lock")).exists());
    download.resume();
    let paths = download.finish().await.unwrap();
    assert_eq!(fs::read(&paths[0]).unwrap(), bytes);
    let fetched: u64 = hub
        .shared
        .cdn_asked
        .lock()
        .unwrap()
        .iter()
        .filter_map(|asked| asked.range())
        .map(|(a, b)| b - a)
        .sum();
    assert!(
        fetched <= bytes.len() as u64 + 256 * 1024,
        "only the piece that was interrupted came twice"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cancel_keeps_or_removes() {
    let bytes = content(5, 4 * 1024 * 1024);
    let hub = slow(&bytes).await;
    let folder = TempData::new();
    let queue = downloads(&hub.base(), one_at_a_time());
    for (leftovers, expected) in [(Leftovers::Keep, 2), (Leftovers::Remove, 0)] {
        let download = queue.start(request(folder.path(), NAME, &bytes)).unwrap();
        until(&download, |now| now.received > 0).await;
        download.cancel(leftovers);
        assert_eq!(download.finish().await, Err(HubError::Cancelled));
        assert_eq!(names(folder.path()).len(), expected, "{leftovers:?}");
    }
    // One that nobody holds any more keeps its part; `discard` removes it.
    let download = queue.start(request(folder.path(), NAME, &bytes)).unwrap();
    until(&download, |now| now.received > 0).await;
    let mut progress = download.progress();
    drop(download);
    progress
        .wait_for(|now| matches!(now.state, State::Failed(HubError::Cancelled)))
        .await
        .unwrap();
    assert_eq!(unfinished(folder.path()).len(), 1);
    discard(folder.path(), NAME).unwrap();
    assert_eq!(names(folder.path()).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_third_download_waits_for_two() {
    let bytes = content(6, 1024 * 1024);
    let hub = slow(&bytes).await;
    let queue = downloads(&hub.base(), one_at_a_time());
    let folders = [TempData::new(), TempData::new(), TempData::new()];
    let [first, second, third] = [0, 1, 2].map(|at| {
        queue
            .start(request(folders[at].path(), NAME, &bytes))
            .unwrap()
    });
    until(&first, |now| now.state == State::Fetching).await;
    until(&second, |now| now.state == State::Fetching).await;
    assert_eq!(third.progress().borrow().state, State::Queued);
    assert_eq!(names(folders[2].path()).len(), 0);
    for download in [first, second, third] {
        download.finish().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_that_fetch_the_same_file_do_it_once() {
    let bytes = content(7, 1024 * 1024);
    let hub = slow(&bytes).await;
    let folder = TempData::new();
    let queue = downloads(&hub.base(), one_at_a_time());
    let wish = request(folder.path(), NAME, &bytes);
    let first = queue.start(wish.clone()).unwrap();
    until(&first, |now| {
        now.state == State::Fetching && now.received > 0
    })
    .await;
    let second = queue.start(wish).unwrap();
    until(&second, |now| now.state == State::WaitingForOther).await;
    first.finish().await.unwrap();
    let asked = hub.shared.cdn_asked.lock().unwrap().len();
    let paths = second.finish().await.unwrap();
    assert_eq!(
        hub.shared.cdn_asked.lock().unwrap().len(),
        asked,
        "the second fetched nothing"
    );
    assert_eq!(fs::read(&paths[0]).unwrap(), bytes);
    assert_eq!(names(folder.path()), [NAME]);
}

/// A part of other content, a journal that lies, a link in the part's place.
#[tokio::test]
async fn leftovers_that_cannot_be_trusted_are_not() {
    let bytes = content(8, 600 * 1024);
    let hub = TestHub::start(&[(NAME, &bytes)]).await;
    let outside = TempData::new();
    let precious = outside.write("precious", b"precious");
    for damage in ["garbage", "other size", "a link", "wrong bytes"] {
        let folder = TempData::new();
        let (part, journal) = (format!("{NAME}.part"), format!("{NAME}.part.journal"));
        let url = format!("{}/maker/model-GGUF/resolve/main/{NAME}", hub.base());
        let honest = format!(
            r#"{{"version":1,"url":"{url}","size":{},"sha256":"{}","etag":null,"done":[[0,{}]]}}"#,
            bytes.len(),
            sum(&bytes),
            bytes.len()
        );
        match damage {
            "garbage" => {
                folder.write(&part, b"x");
                folder.write(&journal, b"\0\0{");
            }
            "other size" => {
                folder.write(&part, b"short");
                folder.write(&journal, honest);
            }
            "wrong bytes" => {
                folder.write(&part, vec![0; bytes.len()]);
                folder.write(&journal, honest);
            }
            _ => {
                #[cfg(unix)]
                std::os::unix::fs::symlink(&precious, folder.join(&part)).unwrap();
                folder.write(&journal, honest);
            }
        }
        let paths = downloads(&hub.base(), quick())
            .start(request(folder.path(), NAME, &bytes))
            .unwrap()
            .finish()
            .await
            .unwrap();
        assert_eq!(fs::read(&paths[0]).unwrap(), bytes, "{damage}");
        assert_eq!(names(folder.path()), [NAME], "{damage}");
    }
    assert_eq!(fs::read(precious).unwrap(), b"precious");
}

/// The size is checked, not the disk filled: a file with a hole of sixteen gigabytes.
#[tokio::test]
async fn a_file_of_sixteen_gigabytes_is_planned_and_paused() {
    let hub = TestHub::start(&[]).await;
    let size: u64 = 16 * 1024 * 1024 * 1024;
    hub.on_hub(move |asked, _, _| {
        let (start, end) = asked.range()?;
        let head = Reply::new(206, "")
            .with("Content-Range", format!("bytes {start}-{}/{size}", end - 1))
            .with("ETag", "\"x\"");
        // A first block, then nothing more for a while.
        Some(head.body(Body::Trickle(end - start, vec![7; 300 * 1024])))
    });
    let folder = TempData::new();
    let mut wish = request(folder.path(), NAME, b"");
    wish.files[0].size = size;
    let limits = Limits {
        free_space: |_| Ok(u64::MAX),
        ..Limits::default()
    };
    let download = downloads(&hub.base(), limits).start(wish).unwrap();
    until(&download, |now| now.received >= 4 * 256 * 1024).await;
    let asked: Vec<u64> = hub
        .shared
        .hub_asked
        .lock()
        .unwrap()
        .iter()
        .filter_map(|asked| asked.range())
        .map(|(start, _)| start)
        .collect();
    assert_eq!(asked.len(), 4, "{asked:?}");
    download.cancel(Leftovers::Remove);
    assert_eq!(download.finish().await, Err(HubError::Cancelled));
    assert_eq!(names(folder.path()).len(), 0);
}
