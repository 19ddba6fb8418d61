//! `kill -9` in the middle of an answer: what was said to be saved is saved, and nobody is left behind.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use nexus_protocol::{Delta, Event, EventMsg, Item, ItemId, ItemStatus, SessionId};
use nexus_store::Store;
use nexus_test_support::ScriptedServer;

use crate::driver::required;

/// Of an answer that is coming, so much may be lost: twice the interval at which it is flushed.
const MAY_BE_LOST: Duration = Duration::from_millis(500);

fn rounds(usual: u32, full: u32) -> u32 {
    if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        full
    } else {
        usual
    }
}

/// Xorshift: enough to spread kills, and its seed is printed.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        println!("kill: seed {}", now.as_nanos() as u64 | 1);
        Self(now.as_nanos() as u64 | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What a killed process had said, and when each line was read.
struct Heard {
    events: Vec<(Instant, Event)>,
    killed: Instant,
}

/// From when the time until a kill counts.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Start,
    FirstEvent,
    FirstDelta,
}

/// Starts `nexus ask`, kills it so long after that moment, and returns what it had said.
fn ask_and_kill(arguments: &[&str], data: &Path, from: From, delay: Duration) -> Heard {
    let mut child = Command::new(required("NEXUS_E2E_CLI"))
        .args(["ask", "--json"])
        .args(arguments)
        .env("NEXUS_DATA_DIR", data)
        .env("NEXUS_AUTO_TITLE", "false")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let (first, began) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        let mut events = Vec::new();
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // The last line may be cut in the middle: it was not said.
            if let Ok(event) = serde_json::from_str::<Event>(&line) {
                let delta = matches!(event.msg, EventMsg::ItemDelta { .. });
                events.push((Instant::now(), event));
                if delta || from == From::FirstEvent {
                    let _ = first.send(());
                }
            }
        }
        events
    });
    if from != From::Start {
        // A process that ends without a word is found out by what it did not say.
        let _ = began.recv_timeout(Duration::from_secs(30));
    }
    thread::sleep(delay);
    let killed = Instant::now();
    kill(&mut child);
    Heard {
        events: reader.join().unwrap(),
        killed,
    }
}

fn kill(child: &mut Child) {
    // SIGKILL on Unix.
    let _ = child.kill();
    child.wait().unwrap();
}

/// Compares what was said with what is on disk. Returns how many commits were acknowledged.
async fn compare(heard: &Heard, data: &Path) -> usize {
    let started = Instant::now();
    let store = Store::open(&data.join("nexus.db")).unwrap();
    store.recover().await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "opening took {:?}",
        started.elapsed()
    );
    assert_eq!(store.integrity_check().await.unwrap(), Vec::<String>::new());
    let mut acknowledged: BTreeMap<ItemId, Item> = BTreeMap::new();
    let mut shown: BTreeMap<ItemId, String> = BTreeMap::new();
    let mut due: BTreeMap<ItemId, usize> = BTreeMap::new();
    let mut session = None;
    for (at, event) in &heard.events {
        session = Some(event.session);
        match &event.msg {
            EventMsg::ItemAdded { item } | EventMsg::ItemCompleted { item } => {
                if item.status != ItemStatus::InProgress {
                    acknowledged.insert(item.id, item.clone());
                }
                shown.insert(item.id, item.body.text().to_owned());
            }
            EventMsg::ItemDelta {
                item,
                delta: Delta::Text { text },
                ..
            } => {
                let so_far = shown.entry(*item).or_default();
                so_far.push_str(text);
                if heard.killed.saturating_duration_since(*at) > MAY_BE_LOST {
                    due.insert(*item, so_far.len());
                }
            }
            _ => {}
        }
    }
    let Some(session) = session else { return 0 };
    let stored: BTreeMap<ItemId, Item> = store
        .items(session)
        .await
        .unwrap()
        .into_iter()
        .map(|item| (item.id, item))
        .collect();
    for (id, item) in &acknowledged {
        assert_eq!(
            stored.get(id),
            Some(item),
            "an acknowledged item was lost or changed"
        );
    }
    for (id, text) in &shown {
        if acknowledged.contains_key(id) {
            continue;
        }
        let kept = stored.get(id).map_or("", |item| item.body.text());
        assert!(
            text.starts_with(kept) || kept.starts_with(text.as_str()),
            "{kept:?} is not what was shown: {text:?}"
        );
        let due = due.get(id).copied().unwrap_or(0);
        assert!(
            kept.len() >= due,
            "{} bytes kept of {due} that were shown more than {MAY_BE_LOST:?} before",
            kept.len()
        );
    }
    assert!(
        stored
            .values()
            .all(|item| item.status != ItemStatus::InProgress),
        "nothing grows for ever"
    );
    acknowledged.len()
}

#[tokio::test]
async fn a_hundred_kills_lose_nothing_that_was_committed() {
    let data = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start();
    server.set_pause(Duration::from_millis(4));
    let settings = format!(
        "[[providers]]\nid = \"scripted\"\nbase_url = \"{}\"\nkey = \"none\"\n",
        server.base_url()
    );
    fs::write(data.path().join("settings.toml"), settings).unwrap();
    let mut dice = Dice::new();
    let rounds = rounds(100, 1_000);
    let (mut acknowledged, mut streaming) = (0, 0);
    let mut session: Option<SessionId> = None;
    for round in 0..rounds {
        let message = format!("Something long, round {round}");
        let mut arguments = vec!["--model", "scripted/long"];
        let name = session.map(|session| session.to_string());
        if let Some(name) = &name {
            arguments.extend(["--session", name]);
        }
        arguments.push(&message);
        // Most in mid-stream; every fifth at some moment from the very start on.
        let heard = if round % 5 == 4 {
            ask_and_kill(
                &arguments,
                data.path(),
                From::Start,
                Duration::from_millis(dice.below(400)),
            )
        } else {
            ask_and_kill(
                &arguments,
                data.path(),
                From::FirstEvent,
                Duration::from_millis(dice.below(1_200)),
            )
        };
        streaming += usize::from(
            heard
                .events
                .iter()
                .any(|(_, event)| matches!(event.msg, EventMsg::ItemDelta { .. })),
        );
        acknowledged += compare(&heard, data.path()).await;
        // A chat that stays the same for some rounds meets its own broken answers; then a new one keeps the requests short.
        session = heard
            .events
            .first()
            .map(|(_, event)| event.session)
            .filter(|_| round % 10 != 9);
    }
    server.assert_clean();
    assert!(
        streaming as u32 >= rounds / 2,
        "only {streaming} of {rounds} kills met a stream"
    );
    println!(
        "kill: {rounds} kills ({streaming} in mid-stream), {acknowledged} acknowledged items, 0 lost, integrity ok"
    );
}

/// Workers of a data folder that still run, by what their environment says.
fn workers(data: &Path) -> Vec<u32> {
    let mark = data.as_os_str().as_encoded_bytes();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok())
        .filter(|process| {
            let read = |name: &str| fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
            let has =
                |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
            has(&read("cmdline"), b"nexus-worker")
                && (has(&read("environ"), mark) || has(&read("cmdline"), mark))
        })
        .collect()
}

#[tokio::test]
async fn a_killed_parent_leaves_no_worker() {
    let data = tempfile::tempdir().unwrap();
    let mut dice = Dice::new();
    let rounds = rounds(10, 100);
    let mut met = 0;
    for round in 0..rounds {
        let prompt = format!("Tell a long story, number {round}.");
        let arguments = ["--model", "local/smollm2-135m", &prompt];
        // While it loads, and while it answers.
        let from = if round % 2 == 0 {
            From::FirstEvent
        } else {
            From::FirstDelta
        };
        let heard = ask_and_kill(
            &arguments,
            data.path(),
            from,
            Duration::from_millis(dice.below(800)),
        );
        met += usize::from(
            heard
                .events
                .iter()
                .any(|(_, event)| matches!(event.msg, EventMsg::ItemDelta { .. })),
        );
        let end = Instant::now() + Duration::from_secs(3);
        while !workers(data.path()).is_empty() {
            assert!(
                Instant::now() < end,
                "workers {:?} outlived their parent",
                workers(data.path())
            );
            thread::sleep(Duration::from_millis(20));
        }
        compare(&heard, data.path()).await;
    }
    assert!(
        met as u32 >= rounds / 2,
        "only {met} of {rounds} kills met a stream"
    );
    println!("kill: {rounds} kills with a real worker ({met} in mid-stream), 0 orphans");
}

/// The way to find a worker finds one: without this the test above could not fail.
#[tokio::test]
async fn a_running_worker_is_found() {
    let data = tempfile::tempdir().unwrap();
    let mut child = Command::new(required("NEXUS_E2E_CLI"))
        .args([
            "ask",
            "--json",
            "--model",
            "local/smollm2-135m",
            "Tell a long story.",
        ])
        .env("NEXUS_DATA_DIR", data.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while workers(data.path()).is_empty() {
        assert!(Instant::now() < end, "no worker was ever seen");
        thread::sleep(Duration::from_millis(10));
    }
    kill(&mut child);
}
