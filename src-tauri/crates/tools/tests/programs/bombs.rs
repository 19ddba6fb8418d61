//! Programs that take all they can: the limit is named, and this process stays small.

use std::time::Duration;

use serde_json::json;

use crate::desk::{Desk, rounds};

/// Most memory of this process since the last call, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

async fn bomb(line: &str, seconds: u32, expected: &[&str]) {
    let desk = Desk::new();
    peak();
    let before = peak();
    let arguments = json!({ "command": line, "timeout_seconds": seconds });
    let output = desk.call("shell", arguments).await.unwrap();
    let after = peak();
    assert!(
        after < before + 64,
        "{line}: {before} MiB, then {after} MiB"
    );
    assert!(
        output.text.len() < 80 * 1024,
        "{line}: {}",
        output.text.len()
    );
    let end = &output.text[output
        .text
        .floor_char_boundary(output.text.len().saturating_sub(700))..];
    assert!(
        expected.iter().any(|words| output.summary.contains(words)),
        "{line}: {} … {end}",
        output.summary
    );
    desk.gone(Duration::from_secs(2)).await.unwrap();
}

/// A gigabyte where all is tested, a tenth else.
fn megabytes() -> usize {
    rounds(1024, 100)
}

macro_rules! bombs {
    ($($name:ident: $line:expr, $seconds:expr, $expected:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            bomb(&$line, $seconds, &$expected).await;
        })*
    };
}

bombs! {
    a_gigabyte_of_output: format!("head -c {}M /dev/zero | tr '\\0' 'x' | fold -w 100", megabytes()), 600, ["exit 0"];
    ten_million_lines: format!("seq {}", rounds(10_000_000, 1_000_000)), 600, ["exit 0"];
    no_line_end: format!("head -c {}M /dev/zero | tr '\\0' x", megabytes()), 600, ["exit 0"];
    errors_flood: format!("head -c {}M /dev/zero | tr '\\0' '\\n' >&2", megabytes()), 600, ["exit 0"];
    binary: format!("head -c {}M /dev/urandom", megabytes()), 600, ["exit 0"];
    control_flood: format!("yes $'\\033[31mred\\033[0m\\033]0;t\\007' | head -c {}M", megabytes()), 600, ["exit 0"];
    memory: "python3 -c 'x = bytearray(8 << 30)'", 60, ["memory limit of 2048 MiB"];
    forks: "f() { f | f & }; f; sleep 3; exit 1", 10, ["processes and threads", "time limit"];
    files_open: "python3 -c 'x = [open(\"/dev/null\") for i in range(5000)]'", 60, ["limit of 1024 open files"];
    one_big_file: "python3 -c '\nwith open(\"big\", \"wb\") as f:\n  for i in range(600): f.write(bytes(1 << 20))'", 60, ["256 MiB for one file"];
    a_sparse_file: "truncate -s 1T big", 60, ["256 MiB for one file"];
    the_processor: "while :; do :; done", 1, ["time limit of 1 s"];
    sleep: "sleep 600", 1, ["time limit of 1 s"];
    many_files: format!("mkdir many; cd many; for i in $(seq {}); do : > f$i; done", rounds(100_000, 5_000)), 300, ["exit 0"];
}
