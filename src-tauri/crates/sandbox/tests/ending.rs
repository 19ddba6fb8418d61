//! When the launcher ends, all that it started ends, whatever it did to get away.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nexus_sandbox::{Sandbox, protected};

use crate::world::{LAUNCHER, Profile, World};

/// Each a sleeper that is told by its odd duration.
const NASTY: &str = r"
S=$1
setsid sleep $S.1 &
(setsid sleep $S.2 &) &
nohup sleep $S.3 > /dev/null 2>&1 &
(trap '' TERM HUP INT; exec sleep $S.4) &
sleep $S.5 & kill -STOP $!
(sleep $S.6 < /dev/null > /dev/null 2>&1 & disown) &
setsid bash -c 'trap : TERM; exec -a daemon sleep '$S'.7' &
bash -c 'sleep '$S'.8 & sleep '$S'.9 & wait' &
(while :; do sleep $S.10 & sleep 0.05; kill $!; done) &
trap '' TERM
touch ready
sleep $S.11
";

fn sleepers(mark: &str) -> usize {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| line.windows(mark.len()).any(|part| part == mark.as_bytes()))
        .count()
}

fn until(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < limit, "{what} took longer than {limit:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn nothing_outlives_the_launcher() {
    let rounds = if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        50
    } else {
        5
    };
    let sandbox = Sandbox::probe(LAUNCHER.as_ref());
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let world = World::build();
        let mark = format!("9{}{round:03}", std::process::id());
        let mut child = sandbox
            .command(&world.spec(Profile::Folder, &["/bin/bash", "-c", NASTY, "bash", &mark]))
            .unwrap()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        until("starting", Duration::from_secs(20), || {
            world.path("project/ready").exists() && sleepers(&mark) >= 10
        });
        let start = Instant::now();
        child.kill().unwrap();
        child.wait().unwrap();
        until("ending", Duration::from_secs(10), || sleepers(&mark) == 0);
        slowest = slowest.max(start.elapsed());
        // The placeholders go, too.
        until("cleaning up", Duration::from_secs(10), || {
            protected().all(|path| {
                path.starts_with(".git")
                    || path.starts_with(".vscode")
                    || world.path("project").join(path).symlink_metadata().is_err()
            })
        });
    }
    println!(
        "{rounds} trees of at least 10 nasty processes: all gone at most {} ms after the launcher",
        slowest.as_millis()
    );
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}

#[test]
fn background_processes_end_with_the_program_and_its_code_comes_out() {
    let sandbox = Sandbox::probe(LAUNCHER.as_ref());
    let world = World::build();
    let mark = format!("8{}", std::process::id());
    for (script, code) in [("exit 7", 7), ("kill -TERM $$", 143), ("exec /bin/true", 0)] {
        let script = format!("setsid sleep {mark}.1 > /dev/null 2>&1 & {script}");
        let output = world.confined(&sandbox, Profile::Folder, &["/bin/bash", "-c", &script]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert_eq!(sleepers(&mark), 0);
    }
}

#[test]
fn a_polite_signal_reaches_the_program_once() {
    let sandbox = Sandbox::probe(LAUNCHER.as_ref());
    let world = World::build();
    let script = "trap 'echo asked >> asked' TERM; touch ready; for ((i = 0; i < 40; i++)); do sleep 0.1; test -e asked && sleep 0.5 && exit 5; done";
    let mut child = sandbox
        .command(&world.spec(Profile::Folder, &["/bin/bash", "-c", script]))
        .unwrap()
        .spawn()
        .unwrap();
    until("starting", Duration::from_secs(20), || {
        world.path("project/ready").exists()
    });
    // To the whole group, as those do who end trees of processes.
    let group = format!("-{}", child.id());
    assert!(
        Command::new("/bin/kill")
            .args(["-TERM", "--", &group])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(5));
    assert_eq!(
        fs::read_to_string(world.path("project/asked")).unwrap(),
        "asked\n"
    );
}

#[test]
fn all_ends_with_whoever_started_the_launcher() {
    let sandbox = Sandbox::probe(LAUNCHER.as_ref());
    let world = World::build();
    let mark = format!("7{}", std::process::id());
    let script = format!("touch ready; sleep {mark}.5");
    let inner = sandbox
        .command(&world.spec(Profile::Folder, &["/bin/bash", "-c", &script]))
        .unwrap();
    // A parent of its own, which waits.
    let mut parent = Command::new("/bin/bash")
        .args(["-c", "\"$@\"; true", "bash"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .spawn()
        .unwrap();
    until("starting", Duration::from_secs(20), || {
        world.path("project/ready").exists()
    });
    parent.kill().unwrap();
    parent.wait().unwrap();
    until("ending", Duration::from_secs(5), || sleepers(&mark) == 0);
}

#[test]
fn programs_in_one_folder_leave_each_other_protected() {
    let sandbox = Sandbox::probe(LAUNCHER.as_ref());
    let world = World::build();
    let long = "touch ready; while ! test -e go; do sleep 0.05; done; (echo x > .bashrc) 2> /dev/null; test -f .bashrc && exit 1; exit 0";
    let mut child = sandbox
        .command(&world.spec(Profile::Folder, &["/bin/bash", "-c", long]))
        .unwrap()
        .spawn()
        .unwrap();
    until("starting", Duration::from_secs(20), || {
        world.path("project/ready").exists()
    });
    for _ in 0..3 {
        assert!(
            world
                .confined(&sandbox, Profile::Folder, &["/bin/true"])
                .status
                .success()
        );
    }
    fs::write(world.path("project/go"), "").unwrap();
    assert!(child.wait().unwrap().success());
    assert!(
        world.path("project/.bashrc").symlink_metadata().is_err(),
        "the last one cleans up"
    );
}
