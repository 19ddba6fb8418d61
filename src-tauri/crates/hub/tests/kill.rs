//! `kill -9` in the middle of a download, again and again: the file is there in the end, and right.
//!
//! The process that is killed is this program itself, so it has no harness; it speaks enough of one for the test runners.

#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(
    clippy::print_stdout,
    reason = "without a harness, nobody else says it"
)]
#![expect(dead_code, reason = "the support is shared with the other tests")]

mod support;

use std::{
    fs,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use nexus_hub::{Limits, unfinished};
use nexus_test_support::TempData;
use rand::Rng;
use support::{content, downloads, hub::TestHub, names, quick, request, scale, sum};

const NAME: &str = "m-Q4_K_M.gguf";
const SIZE: usize = 3 * 1024 * 1024;
const SEED: u64 = 21;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, base, folder] = &arguments[..]
        && flag == "--download"
    {
        return child(base, Path::new(folder));
    }
    if arguments.iter().any(|argument| argument == "--list") {
        if !arguments.iter().any(|argument| argument == "--ignored") {
            println!("survives_kill_9: test");
        }
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(survives_kill_9());
    #[cfg(unix)]
    runtime.block_on(a_limit_on_file_sizes_is_a_full_disk());
    ExitCode::SUCCESS
}

/// Fetches, and saves often, so that a kill finds all kinds of states on the disk.
fn child(base: &str, folder: &Path) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let limits = Limits {
        piece: 256 * 1024,
        save_bytes: 300 * 1024,
        ..quick()
    };
    let wish = request(folder, NAME, &content(SEED, SIZE));
    let outcome = runtime.block_on(async {
        let download = downloads(base, limits).start(wish).unwrap();
        download.finish().await
    });
    match outcome {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

fn spawn(base: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .arg("--download")
        .arg(base)
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

async fn survives_kill_9() {
    let started = Instant::now();
    let bytes = content(SEED, SIZE);
    let hub = TestHub::start(&[(NAME, &bytes)]).await;
    // Slow enough to be killed in the middle of it.
    hub.on_cdn(|_, _, _| {
        std::thread::sleep(Duration::from_millis(20));
        None
    });
    let wanted = scale(100);
    let (mut kills, mut with_part, mut files) = (0, 0, 0);
    while kills < wanted {
        let folder = TempData::new();
        // Some kills a file, then it may end: each start goes on from what the one before left.
        for _ in 0..rand::rng().random_range(1..=4) {
            let asked = || hub.shared.cdn_asked.lock().unwrap().len();
            // After so many pieces were asked for, and a moment: a start takes longer than all of the rest.
            let enough = asked() + rand::rng().random_range(0..=8);
            let moment = Duration::from_millis(rand::rng().random_range(0..=30));
            let mut process = spawn(&hub.base(), folder.path());
            while asked() < enough && process.try_wait().unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(moment).await;
            if process.try_wait().unwrap().is_none() {
                // On Unix this is SIGKILL.
                process.kill().unwrap();
                kills += 1;
            }
            process.wait().unwrap();
            with_part += usize::from(!unfinished(folder.path()).is_empty());
            // The name is the promise: where it is, the file is whole.
            if let Ok(there) = fs::read(folder.join(NAME)) {
                assert_eq!(sum(&there), sum(&bytes), "a wrong file has the name");
            }
        }
        let mut process = spawn(&hub.base(), folder.path());
        let end = tokio::task::spawn_blocking(move || process.wait().unwrap())
            .await
            .unwrap();
        assert!(end.success(), "{end}");
        assert_eq!(sum(&fs::read(folder.join(NAME)).unwrap()), sum(&bytes));
        assert_eq!(names(folder.path()), [NAME]);
        files += 1;
    }
    assert!(
        with_part > 0,
        "no kill hit a download that had saved something"
    );
    println!(
        "kills {kills}, files {files}, all right; {with_part} kills left a part to go on from; {:.1} s",
        started.elapsed().as_secs_f64()
    );
}

/// The system refuses to make the file as long as it must be: the shell sets a limit, and the signal that comes with it is
/// ignored, as a program with a handler would.
#[cfg(unix)]
async fn a_limit_on_file_sizes_is_a_full_disk() {
    let bytes = content(SEED, SIZE);
    let hub = TestHub::start(&[(NAME, &bytes)]).await;
    let folder = TempData::new();
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--download", &hub.base()])
        .arg(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("OutOfSpace"), "{said:?} {output:?}");
    assert_eq!(names(folder.path()).len(), 0);
    println!("a limit on file sizes: {}", said.trim());
}
