//! What survives a process that is killed, or that can write no more. The test binary starts itself as the victim.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nexus_protocol::{Item, ItemBody, ItemId, ItemStatus, ModelRef, SessionId, TurnId};
use nexus_store::Store;
use tempfile::TempDir;
use uuid::Uuid;

use crate::two_handles::{message, session};

const VICTIM_PATH: &str = "NEXUS_STORE_TEST_VICTIM_PATH";
const VICTIM_ROUND: &str = "NEXUS_STORE_TEST_VICTIM_ROUND";

/// Items written at once by each loop of a victim.
const BATCH: u32 = 3;

/// The items of one loop: the same for the victim, which writes them, and the test, which looks for them.
fn batch(round: u32, step: u32, status: ItemStatus) -> Vec<Item> {
    (0..BATCH)
        .map(|part| {
            let n = (round * 100_000 + step) * BATCH + part;
            Item {
                id: ItemId(Uuid::from_u128(u128::from(n) + 1)),
                turn: TurnId(Uuid::from_u128(u128::from(round * 100_000 + step))),
                status,
                body: ItemBody::Assistant {
                    text: format!("answer {n} {}", "words ".repeat(n as usize % 500)),
                    model: ModelRef::new("local", "tiny"),
                    meta: None,
                },
                ..message(1, n, "")
            }
        })
        .collect()
}

/// Not a test of its own: the body of the process that the tests below start. Does nothing in an ordinary run.
#[test]
fn victim() {
    let (Ok(path), Ok(round)) = (env::var(VICTIM_PATH), env::var(VICTIM_ROUND)) else {
        return;
    };
    let round: u32 = round.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(Path::new(&path)).unwrap();
        for step in 0..100_000 {
            let done = async {
                // Growing items first, as a stream does, then the same ones whole.
                for item in batch(round, step, ItemStatus::InProgress) {
                    store.put_item(&item).await?;
                }
                store
                    .put_items(&batch(round, step, ItemStatus::Complete))
                    .await
            };
            match done.await {
                Ok(()) => say(&format!("ACK {step}")),
                Err(error) => {
                    say(&format!("ERR {error:?}"));
                    return;
                }
            }
        }
    });
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

fn start(mut command: Command, path: &Path, round: u32) -> Child {
    command
        .env(VICTIM_PATH, path)
        .env(VICTIM_ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

const VICTIM: [&str; 4] = ["--exact", "kill::victim", "--nocapture", "--test-threads=1"];

/// Steps that the victim's lines acknowledge, and the error it named; `first` runs after the first acknowledgement.
fn read(out: ChildStdout, first: impl FnOnce()) -> (Vec<u32>, Option<String>) {
    let mut first = Some(first);
    let mut acknowledged = Vec::new();
    let mut error = None;
    for line in BufReader::new(out).split(b'\n') {
        let line = String::from_utf8_lossy(&line.unwrap()).into_owned();
        // The harness prints the test's name without a line end before the first line.
        if let Some((_, step)) = line.split_once("ACK ") {
            acknowledged.push(step.parse().unwrap());
            if let Some(first) = first.take() {
                first();
            }
        } else if let Some((_, text)) = line.split_once("ERR ") {
            error = Some(text.to_owned());
        }
    }
    (acknowledged, error)
}

/// Kills the victim after that long (SIGKILL on Unix) and waits for its end.
fn kill_after(mut victim: Child, wait: Duration) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        thread::sleep(wait);
        victim.kill().unwrap();
        assert!(!victim.wait().unwrap().success());
    })
}

async fn check(store: &Store, acknowledged: &[(u32, u32)]) {
    assert_eq!(store.integrity_check().await.unwrap(), Vec::<String>::new());
    let items = store.items(SessionId(Uuid::from_u128(1))).await.unwrap();
    let stored: BTreeMap<ItemId, Item> = items.into_iter().map(|item| (item.id, item)).collect();
    for (round, step) in acknowledged {
        for item in batch(*round, *step, ItemStatus::Complete) {
            assert_eq!(
                stored.get(&item.id),
                Some(&item),
                "round {round} step {step}"
            );
        }
    }
    // What was written at once is whole at once.
    let mut whole: BTreeMap<TurnId, u32> = BTreeMap::new();
    for item in stored
        .values()
        .filter(|item| item.status == ItemStatus::Complete)
    {
        *whole.entry(item.turn).or_default() += 1;
    }
    assert!(whole.values().all(|count| *count == BATCH), "{whole:?}");
}

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_when_the_process_is_killed() {
    const ROUNDS: u32 = 20;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("nexus.db");
    let store = Store::open(&path).unwrap();
    store.create_session(&session(1)).await.unwrap();
    store.close().await;
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(VICTIM);
        let mut child = start(command, &path, round);
        let out = child.stdout.take().unwrap();
        // Another moment each round. Half of them from the start, which hits the opening and the recovery of the log;
        // half from the first acknowledgement, which hits the writing however slow the machine is.
        let wait = Duration::from_millis(5 + u64::from(round) * 13);
        let mut killer = None;
        let (steps, error) = if round % 2 == 0 {
            killer = Some(kill_after(child, wait));
            read(out, || {})
        } else {
            read(out, || killer = Some(kill_after(child, wait)))
        };
        killer.expect("a first acknowledgement").join().unwrap();
        assert_eq!(error, None);
        acknowledged.extend(steps.into_iter().map(|step| (round, step)));

        let begin = Instant::now();
        let store = Store::open(&path).unwrap();
        store.recover().await.unwrap();
        assert!(
            begin.elapsed() < Duration::from_secs(2),
            "{:?}",
            begin.elapsed()
        );
        check(&store, &acknowledged).await;
        store.close().await;
    }
    assert!(acknowledged.len() >= 10, "{}", acknowledged.len());
}

/// A limit on the size of files stands for a disk that refuses: the kernel fails the write in the middle.
#[cfg(unix)]
#[tokio::test]
async fn nothing_is_lost_or_damaged_where_writing_fails() {
    for kibibytes in [256, 300, 512, 1_024] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("nexus.db");
        let store = Store::open(&path).unwrap();
        store.create_session(&session(1)).await.unwrap();
        store.close().await;
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "trap '' XFSZ; ulimit -f \"$1\" || exit 9; shift; exec \"$@\"",
                "sh",
            ])
            // In blocks of 512 bytes.
            .arg((kibibytes * 2).to_string())
            .arg(env::current_exe().unwrap())
            .args(VICTIM);
        let mut child = start(command, &path, 0);
        let (steps, error) = read(child.stdout.take().unwrap(), || {});
        child.wait().unwrap();
        let error = error.expect("the limit was reached");
        assert!(error.starts_with("Io {") || error == "DiskFull", "{error}");
        assert!(!steps.is_empty());

        let store = Store::open(&path).unwrap();
        let acknowledged: Vec<_> = steps.into_iter().map(|step| (0, step)).collect();
        check(&store, &acknowledged).await;
        // Room again: the next save works.
        store
            .put_item(&message(1, 4_000_000, "after"))
            .await
            .unwrap();
        store.close().await;
    }
}
