//! A key that the app holds is nowhere to be found for a confined program.

use std::fs;
use std::process::Command;

use nexus_sandbox::Sandbox;

use crate::world::{LAUNCHER, PRELUDE, Profile, World};

const PLACES: &[(&str, &str)] = &[
    ("inherited environment", "echo $NEXUS_CANARY; env"),
    ("the app's environment", "cat /proc/$VICTIM/environ"),
    ("anybody's environment", "cat /proc/[0-9]*/environ"),
    ("the app's arguments", "cat /proc/$VICTIM/cmdline"),
    ("anybody's arguments", "ps axww"),
    ("the app's open files", "cat /proc/$VICTIM/fd/$DESCRIPTOR"),
    ("inherited open file", "cat <&9"),
    (
        "any open file of its own",
        "for fd in /proc/self/fd/[3-9]*; do timeout 20 cat $fd < /dev/null; done",
    ),
    ("database", "cat $DATA/nexus.db"),
    ("log", "cat $DATA/nexus.log"),
    ("data by a link", "ln -s $DATA $OWN/d; cat $OWN/d/*"),
    (
        "data by a hard link",
        "ln $DATA/nexus.db $OWN/d; cat $OWN/d",
    ),
    ("data by search", "grep -rh CANARY $DATA/"),
    ("data by archive", "tar cf - $DATA"),
    ("hidden file in the folder", "cat $PROJ/hidden"),
    ("hidden file moved", "mv $PROJ/hidden $OWN/h; cat $OWN/h"),
    ("ssh key", "cat $HOMEDIR/.ssh/id_ed25519"),
    ("netrc", "cat $HOMEDIR/.netrc"),
    ("cloud credentials", "cat $HOMEDIR/.aws/credentials"),
    ("shared memory file", "cat $SHM"),
    ("public temp folder", "cat $PUBLIC"),
    (
        "memory",
        "python3 -c \"import os; f = os.open('/proc/$VICTIM/mem', 0); print(os.pread(f, 20, $ADDRESS).decode())\"",
    ),
    (
        "keychain's bus",
        "PY socket.socket(socket.AF_UNIX), E['OUT'] + '/bus'",
    ),
    (
        "docker",
        "PY socket.socket(socket.AF_UNIX), E['OUT'] + '/docker.sock'",
    ),
    (
        "ssh agent in hidden data",
        "PY socket.socket(socket.AF_UNIX), E['DATA'] + '/agent'",
    ),
    (
        "display",
        "PY socket.socket(socket.AF_UNIX), E['HOMEDIR'] + '/X0'",
    ),
    (
        "abstract bus",
        "PY socket.socket(socket.AF_UNIX), '\\0' + E['ABSTRACT']",
    ),
    ("local service", "cat < /dev/tcp/127.0.0.1/$TCP"),
];

#[test]
fn no_place_gives_the_canary_away_and_each_would_without_the_sandbox() {
    let sandbox = Sandbox::probe(LAUNCHER.as_ref());
    assert!(PLACES.len() >= 24);
    let (mut leaks, mut dead) = (Vec::new(), Vec::new());
    for (name, script) in PLACES {
        let script = script.strip_prefix("PY ").map_or_else(
            || (*script).to_owned(),
            |arguments| format!("cat <<'END' | python3 -\n{PRELUDE}\ndef ask(s, a): s.connect(a); print(s.recv(64).decode())\nask({arguments})\nEND"),
        );
        let world = World::build();
        if !leaks_from(&world, None, &script) {
            dead.push(*name);
        }
        let world = World::build();
        if leaks_from(&world, Some(&sandbox), &script) {
            leaks.push(*name);
        }
    }
    println!("{} places, {} leaks", PLACES.len(), leaks.len());
    assert_eq!(dead, Vec::<&str>::new(), "give nothing away even outside");
    assert_eq!(leaks, Vec::<&str>::new());
}

/// Runs the script below a shell that has a secret file open, as an app that forgot to close it would.
fn leaks_from(world: &World, sandbox: Option<&Sandbox>, script: &str) -> bool {
    let spec = world.spec(Profile::Folder, &["/bin/bash", "-c", script]);
    let inner = match sandbox {
        Some(sandbox) => sandbox.command(&spec).unwrap(),
        None => {
            let mut command = Command::new("/bin/bash");
            command.args(["-c", script]);
            command
        }
    };
    let mut command = Command::new("/bin/bash");
    command
        .args(["-c", "exec 9< \"$LEAK\"; unset LEAK; exec \"$@\"", "bash"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env_clear()
        .envs(&spec.env)
        .env("NEXUS_CANARY", &world.canary)
        .env("LEAK", world.path("outside/canary"))
        .current_dir(&spec.cwd)
        .stdin(fs::File::open("/dev/null").unwrap());
    let output = command.output().unwrap();
    assert_ne!(
        output.status.code(),
        Some(nexus_sandbox::FAILED),
        "{output:?}"
    );
    world.leaked(&output)
}
