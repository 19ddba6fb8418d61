//! Bombs go off inside.

use std::{
    fs,
    time::{Duration, Instant},
};

use nexus_sandbox::{Limits, Sandbox};

use crate::world::{LAUNCHER, Profile, World};

const SMALL: Limits = Limits {
    memory: 512 << 20,
    processes: 64,
    open_files: 128,
    file_size: 8 << 20,
};

struct Bomb {
    name: &'static str,
    argv: [&'static str; 3],
    /// What it says when it met its limit; nothing where it is ended.
    says: &'static str,
}

#[test]
fn bombs_meet_their_limits_and_leave_the_machine_usable() {
    let sandbox = Sandbox::probe(LAUNCHER.as_ref());
    let bombs = [
        Bomb {
            name: "memory",
            argv: [
                "/usr/bin/python3",
                "-c",
                "x = []\nwhile True: x.append(b'x' * (1 << 24))",
            ],
            says: "MemoryError",
        },
        Bomb {
            name: "shared memory mapping",
            argv: [
                "/usr/bin/python3",
                "-c",
                "import mmap, time\nm = mmap.mmap(-1, 4 << 30)\nfor i in range(0, 4 << 30, 4096): m[i] = 1\ntime.sleep(60)",
            ],
            says: "of memory",
        },
        Bomb {
            name: "processes",
            argv: ["/bin/bash", "-c", ":(){ :|:& };:; sleep 60"],
            says: "",
        },
        Bomb {
            name: "stubborn processes",
            argv: [
                "/usr/bin/python3",
                "-c",
                "import os, time\nwhile True:\n  try: os.fork()\n  except OSError: time.sleep(0.01)",
            ],
            says: "",
        },
        Bomb {
            name: "threads",
            argv: [
                "/usr/bin/python3",
                "-c",
                "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()",
            ],
            says: "",
        },
        Bomb {
            name: "descriptors",
            argv: ["/usr/bin/python3", "-c", "import os\nwhile True: os.dup(1)"],
            says: "Too many open files",
        },
        Bomb {
            name: "file",
            argv: ["/bin/bash", "-c", "head -c 1G /dev/zero > big"],
            says: "",
        },
        Bomb {
            name: "sparse file",
            argv: ["/bin/bash", "-c", "truncate -s 1T sparse"],
            says: "",
        },
        Bomb {
            name: "shared memory",
            argv: [
                "/bin/bash",
                "-c",
                "for i in $(seq 40); do head -c 8M /dev/zero > /dev/shm/$i || exit 1; done",
            ],
            says: "No space",
        },
    ];
    for bomb in &bombs {
        let world = World::build();
        let mut spec = world.spec(Profile::Folder, &bomb.argv);
        spec.limits = SMALL;
        let start = Instant::now();
        let output = if bomb.name.contains("processes") || bomb.name == "threads" {
            // What ends by no limit of the kernel's is ended by ours, or here.
            let mut argv = vec![
                "/usr/bin/timeout".to_owned(),
                "-s".to_owned(),
                "KILL".to_owned(),
                "5".to_owned(),
            ];
            argv.extend(spec.argv);
            spec.argv = argv;
            let child = sandbox
                .command(&spec)
                .unwrap()
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let most = watch(&spec.env["KEY"], start);
            assert!(most <= 64 + 300, "{}: {most} processes", bomb.name);
            child.wait_with_output().unwrap()
        } else {
            sandbox.command(&spec).unwrap().output().unwrap()
        };
        let said = String::from_utf8_lossy(&output.stderr);
        println!(
            "{}: {} after {} ms",
            bomb.name,
            output.status,
            start.elapsed().as_millis()
        );
        assert!(!output.status.success(), "{}: {said}", bomb.name);
        assert!(said.contains(bomb.says), "{}: {said}", bomb.name);
        assert!(start.elapsed() < Duration::from_secs(30), "{}", bomb.name);
        for file in ["big", "sparse"] {
            let size = fs::metadata(world.path("project").join(file)).map_or(0, |file| file.len());
            assert!(size <= SMALL.file_size, "{}: {size}", bomb.name);
        }
    }
}

/// The most processes at a time that had the world's key in their environment, seen for two seconds.
fn watch(key: &str, start: Instant) -> usize {
    let mark = format!("KEY={key}\0");
    let mut most = 0;
    while start.elapsed() < Duration::from_secs(2) {
        let now = fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| fs::read(entry.path().join("environ")).ok())
            .filter(|text| String::from_utf8_lossy(text).contains(&mark))
            .count();
        most = most.max(now);
    }
    most
}

#[test]
fn ordinary_programs_run_within_the_usual_limits() {
    let sandbox = Sandbox::probe(LAUNCHER.as_ref());
    for (name, argv) in [
        (
            "node",
            vec![
                "node",
                "-e",
                "console.log('fine'); new WebAssembly.Memory({initial: 1})",
            ],
        ),
        (
            "threads",
            vec![
                "python3",
                "-c",
                "import concurrent.futures as c\nwith c.ThreadPoolExecutor(32) as p: list(p.map(str, range(99)))\nprint('fine')",
            ],
        ),
        (
            "processes",
            vec![
                "python3",
                "-c",
                "import multiprocessing as m\nif __name__ == '__main__':\n  with m.Pool(4) as p: p.map(abs, range(99))\n  print('fine')",
            ],
        ),
        (
            "terminal",
            vec!["python3", "-c", "import pty\npty.spawn(['echo', 'fine'])"],
        ),
        (
            "here-document",
            vec![
                "bash",
                "-c",
                "cat <<< fine; cat < <(echo fine) > /tmp/x; cat /tmp/x",
            ],
        ),
        (
            "background",
            vec![
                "bash",
                "-c",
                "sleep 0.01 & wait; echo fine | tee /dev/stderr",
            ],
        ),
        (
            "git",
            vec![
                "bash",
                "-c",
                "echo a > a && git add a .vscode && git -c user.name=a -c user.email=a@b commit -qm a && git log --format=fine:%s && git checkout -q -b other",
            ],
        ),
    ] {
        let world = World::build();
        let _ = fs::remove_file(world.path("project/socket"));
        let output = world.confined(&sandbox, Profile::Folder, &argv);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("fine"),
            "{name}: {output:?}"
        );
    }
}
