//! Servers, networks and disks that do what they should not: each leads to the right file or to a precise error, and leaves
//! nothing in the folder that it should not.

use std::{fs, path::Path, sync::atomic::Ordering, time::Duration};

use nexus_hub::{HubError, Limits, Request, State, unfinished};
use nexus_test_support::TempData;

use crate::support::{
    content, downloads,
    hub::{Asked, Body, Reply, TOKEN, TestHub},
    names, quick, request, sum,
};

const NAME: &str = "m-Q4_K_M.gguf";
const SIZE: usize = 700 * 1024;

enum Want {
    /// The right file, and nothing else.
    File,
    /// This error, and nothing in the folder.
    Error(fn(&HubError) -> bool),
    /// This error; what came may stay for the next start.
    Later(fn(&HubError) -> bool),
}

struct Case {
    name: &'static str,
    set: fn(&TestHub),
    want: Want,
}

fn gave_up(error: &HubError, last: fn(&HubError) -> bool) -> bool {
    matches!(error, HubError::GaveUp { tries: 4, last: l } if last(l))
}

/// Changes the honest answer of the server behind, each time.
fn always(hub: &TestHub, change: impl Fn(&Asked, Reply) -> Reply + Send + Sync + 'static) {
    hub.on_cdn(move |asked, _, hub| Some(change(asked, hub.plain(asked))));
}

/// Changes it once.
fn once(hub: &TestHub, change: impl Fn(&Asked, Reply) -> Reply + Send + Sync + 'static) {
    hub.on_cdn(move |asked, number, hub| (number == 0).then(|| change(asked, hub.plain(asked))));
}

fn hub_says(hub: &TestHub, reply: Reply) {
    hub.on_hub(move |_, _, _| Some(reply.clone()));
}

fn cases() -> Vec<Case> {
    let case = |name, set, want| Case { name, set, want };
    vec![
        case(
            "no ranges: 200 with everything",
            |hub| {
                hub.on_cdn(|_, _, hub| Some(Reply::new(200, whole(hub))));
            },
            Want::File,
        ),
        case(
            "no ranges, and cut once",
            |hub| {
                hub.on_cdn(|_, number, hub| {
                    let bytes = whole(hub);
                    let said = bytes.len() as u64;
                    Some(if number == 3 {
                        Reply::new(200, "").body(Body::Says(said, bytes[..9].to_vec()))
                    } else {
                        Reply::new(200, bytes)
                    })
                });
            },
            Want::File,
        ),
        case(
            "no ranges, and always cut",
            |hub| {
                hub.on_cdn(|_, _, hub| {
                    let bytes = whole(hub);
                    let said = bytes.len() as u64;
                    Some(Reply::new(200, "").body(Body::Says(said, bytes[..SIZE - 1].to_vec())))
                });
            },
            Want::Later(|e| gave_up(e, |l| matches!(l, HubError::Unreachable(_)))),
        ),
        case(
            "416 with another size",
            |hub| {
                always(hub, |_, _| {
                    Reply::new(416, "").with("Content-Range", "bytes */5")
                });
            },
            Want::Error(
                |e| matches!(e, HubError::WrongSize { expected, got: 5, .. } if *expected == SIZE as u64),
            ),
        ),
        case(
            "416 with the right size",
            |hub| {
                always(hub, |_, _| {
                    Reply::new(416, "").with("Content-Range", format!("bytes */{SIZE}"))
                });
            },
            Want::Later(|e| gave_up(e, |l| matches!(l, HubError::BadAnswer(_)))),
        ),
        case(
            "416 once",
            |hub| once(hub, |_, _| Reply::new(416, "")),
            Want::File,
        ),
        case(
            "another range than asked for",
            |hub| {
                always(hub, |_, reply| {
                    reply.with("Content-Range", format!("bytes 1-100/{SIZE}"))
                });
            },
            Want::Later(|e| gave_up(e, |l| matches!(l, HubError::BadAnswer(_)))),
        ),
        case(
            "a range that is none",
            |hub| {
                always(hub, |_, reply| {
                    reply.with(
                        "Content-Range",
                        "bytes 18446744073709551615-18446744073709551615/*",
                    )
                });
            },
            Want::Later(|e| gave_up(e, |l| matches!(l, HubError::BadAnswer(_)))),
        ),
        case(
            "a range of a larger file",
            |hub| {
                always(hub, |asked, reply| {
                    let (start, end) = asked.range().unwrap();
                    reply.with(
                        "Content-Range",
                        format!("bytes {start}-{}/99999999", end - 1),
                    )
                });
            },
            Want::Error(|e| {
                matches!(
                    e,
                    HubError::WrongSize {
                        got: 99_999_999,
                        ..
                    }
                )
            }),
        ),
        case(
            "fewer bytes than asked for, honestly",
            |hub| {
                always(hub, |asked, reply| {
                    let (start, end) = asked.range().unwrap();
                    let half = start + (end - start).div_ceil(2);
                    let bytes = reply.bytes()[..(half - start) as usize].to_vec();
                    reply
                        .with(
                            "Content-Range",
                            format!("bytes {start}-{}/{SIZE}", half - 1),
                        )
                        .body(Body::Bytes(bytes))
                });
            },
            Want::File,
        ),
        case(
            "another length than the file's",
            |hub| {
                hub.on_cdn(|_, _, hub| Some(Reply::new(200, whole(hub)[..1000].to_vec())));
            },
            Want::Error(|e| matches!(e, HubError::WrongSize { got: 1000, .. })),
        ),
        case(
            "a body shorter than said, once",
            |hub| {
                once(hub, |_, reply| {
                    let bytes = reply.bytes();
                    let said = bytes.len() as u64;
                    reply.body(Body::Says(said, bytes[..70_000].to_vec()))
                });
            },
            Want::File,
        ),
        case(
            "a body longer than said",
            |hub| {
                always(hub, |_, reply| {
                    let bytes = reply.bytes();
                    let said = bytes.len() as u64;
                    reply.body(Body::Says(said, [bytes, vec![0; 5000]].concat()))
                });
            },
            Want::File,
        ),
        case(
            "a body longer than the range, without a length",
            |hub| {
                always(hub, |_, reply| {
                    let bytes = [reply.bytes(), vec![0; 50_000]].concat();
                    reply.body(Body::Chunked(bytes))
                });
            },
            Want::File,
        ),
        case(
            "the ETag changes midway, the content does not",
            |hub| {
                hub.on_cdn(|asked, number, hub| {
                    let etag = if number < 2 {
                        "\"before\""
                    } else {
                        "\"after\""
                    };
                    Some(hub.plain(asked).with("ETag", etag))
                });
            },
            Want::File,
        ),
        case(
            "the ETag changes each time",
            |hub| {
                hub.on_cdn(|asked, number, hub| {
                    Some(hub.plain(asked).with("ETag", format!("\"{number}\"")))
                });
            },
            Want::Error(|e| matches!(e, HubError::Changed(_))),
        ),
        case(
            "the content changes midway and comes back",
            |hub| {
                hub.on_cdn(|asked, number, hub| {
                    let reply = hub.plain(asked);
                    (number == 1).then(|| {
                        let other = vec![9; reply.bytes().len()];
                        reply.with("ETag", "\"other\"").body(Body::Bytes(other))
                    })
                });
            },
            Want::File,
        ),
        case(
            "a weak ETag",
            |hub| {
                always(hub, |asked, reply| {
                    assert_eq!(asked.header("if-range"), None, "a weak one may not be sent");
                    reply.with("ETag", "W/\"weak\"")
                });
            },
            Want::File,
        ),
        case(
            "no ETag",
            |hub| {
                always(hub, |_, mut reply| {
                    reply.headers.retain(|(name, _)| name != "ETag");
                    reply
                });
            },
            Want::File,
        ),
        case(
            "compressed, though not asked for",
            |hub| {
                always(hub, |asked, reply| {
                    assert_eq!(asked.header("accept-encoding"), Some("identity"));
                    reply.with("Content-Encoding", "gzip")
                });
            },
            Want::Later(|e| gave_up(e, |l| matches!(l, HubError::BadAnswer(_)))),
        ),
        case(
            "a circle of redirects",
            |hub| {
                hub.on_hub(|asked, _, _| {
                    Some(Reply::new(302, "").with("Location", asked.target.clone()))
                });
            },
            Want::Later(|e| matches!(e, HubError::Redirect(_))),
        ),
        case(
            "a redirect to a file",
            |hub| {
                hub_says(
                    hub,
                    Reply::new(302, "").with("Location", "file:///etc/passwd"),
                );
            },
            Want::Later(|e| matches!(e, HubError::Redirect(reason) if reason.contains("file:"))),
        ),
        case(
            "a redirect with a password",
            |hub| {
                hub_says(
                    hub,
                    Reply::new(302, "").with("Location", "http://user:secret@127.0.0.1/"),
                );
            },
            Want::Later(|e| matches!(e, HubError::Redirect(reason) if !reason.contains("secret"))),
        ),
        case(
            "a redirect to nowhere",
            |hub| hub_says(hub, Reply::new(302, "")),
            Want::Later(|e| matches!(e, HubError::Redirect(_))),
        ),
        case(
            "401",
            |hub| hub_says(hub, Reply::new(401, "")),
            Want::Later(|e| *e == HubError::TokenRefused { status: 401 }),
        ),
        case(
            "403, gated",
            |hub| {
                hub_says(hub, Reply::new(403, "").with("X-Error-Code", "GatedRepo"));
            },
            Want::Later(
                |e| matches!(e, HubError::Gated { page } if page.ends_with("/maker/model-GGUF")),
            ),
        ),
        case(
            "404",
            |hub| {
                hub_says(
                    hub,
                    Reply::new(404, "").with("X-Error-Code", "EntryNotFound"),
                );
            },
            Want::Later(|e| matches!(e, HubError::NotFound(what) if what.contains(NAME))),
        ),
        case(
            "410",
            |hub| hub_says(hub, Reply::new(410, "")),
            Want::Later(|e| matches!(e, HubError::NotFound(_))),
        ),
        case(
            "429 with a short wait, once",
            |hub| {
                hub.on_hub(|_, number, _| {
                    (number == 0).then(|| Reply::new(429, "").with("Retry-After", "1"))
                });
            },
            Want::File,
        ),
        case(
            "429 with a wait of an hour",
            |hub| {
                hub_says(hub, Reply::new(429, "").with("Retry-After", "3600"));
            },
            Want::Later(|e| {
                *e == HubError::Busy {
                    wait: Duration::from_secs(3600),
                }
            }),
        ),
        case(
            "503 with a date in the past",
            |hub| {
                hub.on_hub(|_, number, _| {
                    (number == 0).then(|| {
                        Reply::new(503, "").with("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")
                    })
                });
            },
            Want::File,
        ),
        case(
            "500 for ever",
            |hub| hub_says(hub, Reply::new(500, "")),
            Want::Later(|e| gave_up(e, |l| *l == HubError::Status(500))),
        ),
        case(
            "500 behind, twice",
            |hub| {
                hub.on_cdn(|_, number, _| (number < 2).then(|| Reply::new(500, "")));
            },
            Want::File,
        ),
        case(
            "the signed address expires after each use",
            |hub| hub.shared.link_uses.store(1, Ordering::SeqCst),
            Want::File,
        ),
        case(
            "signed addresses never work",
            |hub| hub.shared.link_uses.store(0, Ordering::SeqCst),
            Want::Later(|e| gave_up(e, |l| *l == HubError::Status(403))),
        ),
        case(
            "a login page instead of the file",
            |hub| {
                always(hub, |_, _| {
                    Reply::new(200, "<html>Welcome to the hotel</html>")
                        .with("Content-Type", "text/html; charset=utf-8")
                });
            },
            Want::Later(|e| gave_up(e, |l| *l == HubError::WebPage)),
        ),
        case(
            "a login page, once",
            |hub| {
                once(hub, |_, _| {
                    Reply::new(200, "<html>Welcome</html>").with("Content-Type", "text/html")
                });
            },
            Want::File,
        ),
        case(
            "a drip without an end",
            |hub| {
                always(hub, |_, reply| {
                    let said = reply.bytes().len() as u64;
                    reply.body(Body::Drip(said))
                });
            },
            Want::Later(|e| gave_up(e, |l| matches!(l, HubError::Silent(_)))),
        ),
        case(
            "silence after the head",
            |hub| {
                always(hub, |_, reply| {
                    let said = reply.bytes().len() as u64;
                    reply.body(Body::Silence(said))
                });
            },
            Want::Later(|e| gave_up(e, |l| matches!(l, HubError::Silent(_)))),
        ),
        case(
            "silence in the middle, once",
            |hub| {
                once(hub, |_, reply| {
                    let bytes = reply.bytes();
                    let said = bytes.len() as u64;
                    reply.body(Body::Trickle(said, bytes[..100_000].to_vec()))
                });
            },
            Want::File,
        ),
        case(
            "wrong content once, then right",
            |hub| {
                once(hub, |_, reply| {
                    let mut bytes = reply.bytes();
                    bytes[77] ^= 1;
                    reply.body(Body::Bytes(bytes))
                });
            },
            Want::File,
        ),
        case(
            "wrong content always",
            |hub| {
                always(hub, |_, reply| {
                    let mut bytes = reply.bytes();
                    bytes[77] ^= 1;
                    reply.body(Body::Bytes(bytes))
                });
            },
            Want::Error(
                |e| matches!(e, HubError::WrongHash { expected, got, .. } if expected != got),
            ),
        ),
        case(
            "the hub now links to other content",
            |hub| {
                hub.on_hub(|asked, _, hub| {
                    Some(
                        hub.hub_answer(asked)
                            .with("X-Linked-Etag", format!("\"{}\"", sum(b"other"))),
                    )
                });
            },
            Want::Error(|e| matches!(e, HubError::Changed(_))),
        ),
        case(
            "the hub now links to another size",
            |hub| {
                hub.on_hub(|asked, _, hub| Some(hub.hub_answer(asked).with("X-Linked-Size", "5")));
            },
            Want::Error(|e| matches!(e, HubError::WrongSize { got: 5, .. })),
        ),
        case(
            "the hub links to nothing it knows",
            |hub| {
                hub.on_hub(|asked, _, hub| {
                    Some(
                        hub.hub_answer(asked)
                            .with("X-Linked-Etag", "\"abc\"")
                            .with("X-Linked-Size", "many"),
                    )
                });
            },
            Want::File,
        ),
        case(
            "the hub sends the file itself",
            |hub| {
                hub.on_hub(|asked, _, hub| {
                    let mut asked = asked.clone();
                    asked.target = format!("/{NAME}");
                    Some(hub.plain(&asked))
                });
            },
            Want::File,
        ),
    ]
}

fn whole(hub: &TestHub) -> Vec<u8> {
    let mut asked = Asked::default();
    asked.target = format!("/{NAME}");
    hub.plain(&asked).bytes()
}

/// Patience of a second, two pieces a file.
fn impatient() -> Limits {
    Limits {
        parts: 2,
        part_at_least: 300 * 1024,
        piece: 300 * 1024,
        tries: 4,
        idle: Duration::from_secs(1),
        slow_window: Duration::from_secs(1),
        slow_bytes: 1024,
        ..quick()
    }
}

async fn fetch(hub: &TestHub, wish: Request, limits: Limits) -> Result<(), HubError> {
    let download = downloads(&hub.base(), limits).start(wish)?;
    tokio::time::timeout(Duration::from_secs(120), download.finish())
        .await
        .unwrap()
        .map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_has_its_own_end() {
    let bytes = content(11, SIZE);
    let cases = cases();
    let count = cases.len();
    for Case { name, set, want } in cases {
        let hub = TestHub::start(&[(NAME, &bytes)]).await;
        set(&hub);
        let folder = TempData::new();
        let outcome = fetch(&hub, request(folder.path(), NAME, &bytes), impatient()).await;
        let left = names(folder.path());
        match want {
            Want::File => {
                assert_eq!(outcome, Ok(()), "{name}");
                assert_eq!(
                    sum(&fs::read(folder.join(NAME)).unwrap()),
                    sum(&bytes),
                    "{name}"
                );
                assert_eq!(left, [NAME], "{name}");
            }
            Want::Error(right) => {
                assert!(
                    matches!(&outcome, Err(error) if right(error) && !error.resumable()),
                    "{name}: {outcome:?}"
                );
                assert_eq!(left, [""; 0], "{name}");
            }
            Want::Later(right) => {
                assert!(
                    matches!(&outcome, Err(error) if right(error) && error.resumable()),
                    "{name}: {outcome:?}"
                );
                // A part stays only where something came.
                match &unfinished(folder.path())[..] {
                    [] => assert_eq!(left, [""; 0], "{name}"),
                    [(_, there, _)] => {
                        assert!(*there > 0, "{name}");
                        let pair = [format!("{NAME}.part"), format!("{NAME}.part.journal")];
                        assert_eq!(left, pair, "{name}");
                    }
                    more => panic!("{name}: {more:?}"),
                }
                // And the next start does go on.
                hub.on_hub(|_, _, _| None);
                hub.on_cdn(|_, _, _| None);
                hub.shared.link_uses.store(9, Ordering::SeqCst);
                assert_eq!(
                    fetch(&hub, request(folder.path(), NAME, &bytes), impatient()).await,
                    Ok(()),
                    "{name}"
                );
                assert_eq!(names(folder.path()), [NAME], "{name}");
            }
        }
        // Whatever happened, the token was seen by the hub only.
        for asked in hub.shared.cdn_asked.lock().unwrap().iter() {
            assert!(!format!("{asked:?}").contains(TOKEN), "{name}");
        }
    }
    println!("{count} oddities of servers");
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let hub = TestHub::start(&[(NAME, b"")]).await;
    let folder = TempData::new();
    assert_eq!(
        fetch(&hub, request(folder.path(), NAME, b""), quick()).await,
        Ok(())
    );
    assert_eq!(fs::read(folder.join(NAME)).unwrap(), b"");
    assert_eq!(names(folder.path()), [NAME]);
}

#[tokio::test]
async fn without_a_hash_nothing_is_fetched() {
    let hub = TestHub::start(&[(NAME, b"x")]).await;
    let folder = TempData::new();
    let mut wish = request(folder.path(), NAME, b"x");
    wish.files[0].checksum = None;
    assert_eq!(
        fetch(&hub, wish, quick()).await,
        Err(HubError::NoHash(NAME.into()))
    );
    assert!(hub.shared.hub_asked.lock().unwrap().is_empty());
    assert_eq!(names(folder.path()).len(), 0);
}

#[tokio::test]
async fn two_files_of_one_name_are_refused() {
    let hub = TestHub::start(&[]).await;
    let folder = TempData::new();
    let mut wish = request(folder.path(), "a/m.gguf", b"x");
    wish.files
        .extend(request(folder.path(), "b/M.gguf", b"y").files);
    assert!(matches!(
        fetch(&hub, wish, quick()).await,
        Err(HubError::Name { .. })
    ));
}

#[tokio::test]
async fn a_file_that_is_there_is_left_alone() {
    let bytes = content(12, SIZE);
    let hub = TestHub::start(&[(NAME, &bytes)]).await;
    let right = TempData::new();
    right.write(NAME, &bytes);
    assert_eq!(
        fetch(&hub, request(right.path(), NAME, &bytes), quick()).await,
        Ok(())
    );
    assert!(
        hub.shared.hub_asked.lock().unwrap().is_empty(),
        "it is right, so nothing is asked"
    );
    for other in [b"mine".to_vec(), vec![0; SIZE]] {
        let wrong = TempData::new();
        wrong.write(NAME, &other);
        let outcome = fetch(&hub, request(wrong.path(), NAME, &bytes), quick()).await;
        assert!(
            matches!(outcome, Err(HubError::Taken { .. })),
            "{outcome:?}"
        );
        assert_eq!(fs::read(wrong.join(NAME)).unwrap(), other);
        assert_eq!(names(wrong.path()), [NAME]);
    }
    let folder = TempData::new();
    fs::create_dir(folder.join(NAME)).unwrap();
    let outcome = fetch(&hub, request(folder.path(), NAME, &bytes), quick()).await;
    assert!(
        matches!(outcome, Err(HubError::Taken { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_file_where_the_folder_should_be() {
    let bytes = content(13, 1000);
    let hub = TestHub::start(&[(NAME, &bytes)]).await;
    let data = TempData::new();
    let file = data.write("models", b"a file");
    let outcome = fetch(&hub, request(&file, NAME, &bytes), quick()).await;
    assert!(matches!(outcome, Err(HubError::Disk { .. })), "{outcome:?}");
    assert_eq!(fs::read(file).unwrap(), b"a file");
}

#[tokio::test]
async fn a_full_disk_is_noticed_before() {
    let bytes = content(14, SIZE);
    let hub = TestHub::start(&[(NAME, &bytes)]).await;
    let folder = TempData::new();
    let limits = Limits {
        free_space: |_: &Path| Ok(1000),
        space_margin: 24,
        ..quick()
    };
    let expected = HubError::DiskFull {
        needed: SIZE as u64 + 24,
        free: 1000,
    };
    let download = downloads(&hub.base(), limits)
        .start(request(folder.path(), NAME, &bytes))
        .unwrap();
    let progress = download.progress();
    assert_eq!(download.finish().await, Err(expected.clone()));
    assert_eq!(progress.borrow().state, State::Failed(expected));
    assert!(hub.shared.hub_asked.lock().unwrap().is_empty());
    assert_eq!(names(folder.path()).len(), 0);
}

/// The hub is gone: the connection is refused.
#[tokio::test]
async fn no_hub_at_all() {
    let bytes = content(15, 1000);
    let folder = TempData::new();
    let queue = downloads("http://127.0.0.1:1", impatient());
    let outcome = queue
        .start(request(folder.path(), NAME, &bytes))
        .unwrap()
        .finish()
        .await;
    assert!(
        matches!(&outcome, Err(error) if gave_up(error, |l| matches!(l, HubError::Unreachable(_)))),
        "{outcome:?}"
    );
    let words = outcome.unwrap_err().to_string();
    assert!(words.contains("What came is kept"), "{words}");
}
