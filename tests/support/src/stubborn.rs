//! Programs that try to stay when they must end: what each is called, and its line for bash.

/// Each runs for ten minutes unless somebody ends it with all that it started: three processes at least, with the shell and
/// what started that.
pub const STUBBORN: [(&str, &str); 12] = [
    ("new session", "setsid sleep 600 & wait"),
    (
        "double fork",
        "(setsid sh -c 'sleep 600 & sleep 600' &) ; sleep 600",
    ),
    (
        "ignores the request",
        "trap '' TERM INT HUP; while :; do sleep 600; done",
    ),
    ("nohup", "nohup sleep 600 >/dev/null 2>&1 & sleep 600"),
    (
        "forks without end",
        "python3 -c 'import os,time\nwhile True:\n  try: os.fork()\n  except OSError: time.sleep(0.01)'",
    ),
    ("stopped", "sleep 600 & kill -STOP $!; kill -STOP $$"),
    ("holds the pipe", "(sleep 600 &); sleep 600"),
    (
        "daemon",
        "python3 -c 'import os,time\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\nfor fd in range(3): os.close(fd)\ntime.sleep(600)'; sleep 600",
    ),
    ("disowned", "sleep 600 & disown; sleep 600"),
    (
        "ignores all signals",
        "python3 -c 'import signal,time\nfor s in range(1,32):\n  try: signal.signal(s, signal.SIG_IGN)\n  except OSError: pass\ntime.sleep(600)'",
    ),
    (
        "comes again",
        "trap 'setsid sleep 600 & setsid sleep 600 &' TERM; while :; do sleep 0.05; done",
    ),
    (
        "detached by node",
        "node -e 'require(\"child_process\").spawn(\"sleep\", [\"600\"], {detached: true, stdio: \"ignore\"}).unref(); setTimeout(() => {}, 600000)'",
    ),
];
