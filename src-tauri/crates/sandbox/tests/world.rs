//! A small world to escape into: files, sockets and a process outside the sandbox, and whether anything of it was reached.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::MetadataExt as _,
            net::{SocketAddr, UnixDatagram, UnixListener},
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use nexus_sandbox::{Kind, Limits, Sandbox, Spec, protected};

pub const LAUNCHER: &str = env!("CARGO_BIN_EXE_nexus-sandbox");
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What every script may use.
pub const PRELUDE: &str = r#"
import os, sys, socket, ctypes, time, threading, struct
E = os.environ
libc = ctypes.CDLL(None, use_errno=True)
def sc(*a):
    r = libc.syscall(*[ctypes.c_long(x) if isinstance(x, int) else x for x in a])
    if r < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return r
def got(*a): print("GOT", *a, flush=True)
"#;

/// Stands for the app: the same user's process, with secrets in its memory, arguments, environment and open files.
const VICTIM: &str = r#"
import ctypes, os, sys, tempfile, signal
libc = ctypes.CDLL(None)
libc.prctl(0x59616d61, ctypes.c_ulong(2**64 - 1), 0, 0, 0)  # where the system restricts tracing: by anyone
canary = sys.argv[1]
buffer = ctypes.create_string_buffer(canary.encode())
f = tempfile.TemporaryFile(); f.write(canary.encode()); f.flush()
key = int(sys.argv[2])
shm = libc.shmget(key, 4096, 0o1600)
libc.shmat.restype = ctypes.c_void_p
ctypes.memmove(libc.shmat(shm, None, 0), canary.encode(), len(canary))
os.chdir(sys.argv[3])
print(ctypes.addressof(buffer), f.fileno(), flush=True)
sys.stdin.read()
libc.shmctl(shm, 0, None)
"#;

pub struct World {
    pub root: tempfile::TempDir,
    pub canary: String,
    pub env: BTreeMap<String, String>,
    hits: Arc<AtomicUsize>,
    victim: Child,
    shared: PathBuf,
    public: PathBuf,
}

/// What can be seen of it from outside.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    files: BTreeMap<PathBuf, String>,
    hits: usize,
    victim: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Folder,
    TempOnly,
    Network,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl World {
    pub fn build() -> Self {
        let root = tempfile::tempdir().unwrap();
        let base = root.path();
        let id = std::process::id() * 1000 + NUMBER.fetch_add(1, Ordering::Relaxed);
        let canary = format!("CANARY-{id}-b7f3");
        for folder in [
            "outside/dir",
            "home/.config",
            "home/.ssh",
            "home/.aws",
            "project/.git/hooks",
            "project/.git/objects",
            "project/.git/refs",
            "project/.vscode",
            "temp",
            "data",
        ] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        for file in [
            "outside/canary",
            "home/.ssh/id_ed25519",
            "home/.netrc",
            "home/.aws/credentials",
            "data/nexus.db",
            "data/nexus.log",
            "project/hidden",
        ] {
            fs::write(base.join(file), &canary).unwrap();
        }
        fs::write(base.join("outside/victim"), "as it was").unwrap();
        fs::write(base.join("home/.bashrc"), "as it was").unwrap();
        fs::write(base.join("project/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(
            base.join("project/.git/config"),
            "[core]\n\trepositoryformatversion = 0\n",
        )
        .unwrap();
        fs::write(base.join("project/.git/hooks/pre-commit"), "#!/bin/sh\n").unwrap();
        fs::write(base.join("project/.vscode/settings.json"), "{}").unwrap();
        let shared = PathBuf::from(format!("/dev/shm/nexus-{id}"));
        let public = PathBuf::from(format!("/var/tmp/nexus-{id}"));
        fs::write(&shared, &canary).unwrap();
        fs::write(&public, &canary).unwrap();
        let hits = Arc::new(AtomicUsize::new(0));
        let (tcp, tcp6) = (
            tcp("127.0.0.1:0", &hits, &canary),
            tcp("[::1]:0", &hits, &canary),
        );
        let (udp, udp6) = (udp("127.0.0.1:0", &hits), udp("[::1]:0", &hits));
        for socket in [
            "outside/bus",
            "outside/docker.sock",
            "data/agent",
            "home/X0",
            "project/socket",
        ] {
            let listener = UnixListener::bind(base.join(socket)).unwrap();
            serve_unix(listener, &hits, &canary);
        }
        let name = format!("nexus-{id}");
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        serve_unix(UnixListener::bind_addr(&address).unwrap(), &hits, &canary);
        let datagram = UnixDatagram::bind(base.join("outside/datagram")).unwrap();
        let count = Arc::clone(&hits);
        thread::spawn(move || {
            while datagram.recv(&mut [0; 64]).is_ok_and(|size| size > 0) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut victim = Command::new("/usr/bin/python3")
            .args(["-c", VICTIM, &canary, &id.to_string()])
            .arg(base.join("outside"))
            .env("NEXUS_CANARY", &canary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(victim.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let mut said = line.split_whitespace();
        let mut env = BTreeMap::from([
            ("PATH", PATH.to_owned()),
            ("OUT", base.join("outside").display().to_string()),
            ("HOMEDIR", base.join("home").display().to_string()),
            ("DATA", base.join("data").display().to_string()),
            ("PROJ", base.join("project").display().to_string()),
            ("TEMP", base.join("temp").display().to_string()),
            ("SHM", shared.display().to_string()),
            ("PUBLIC", public.display().to_string()),
            ("TCP", tcp),
            ("TCP6", tcp6),
            ("UDP", udp),
            ("UDP6", udp6),
            ("ABSTRACT", name),
            ("VICTIM", victim.id().to_string()),
            ("ADDRESS", said.next().unwrap().to_owned()),
            ("DESCRIPTOR", said.next().unwrap().to_owned()),
            ("KEY", id.to_string()),
        ])
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<BTreeMap<_, _>>();
        env.insert("HOME".to_owned(), env["TEMP"].clone());
        Self {
            root,
            canary,
            env,
            hits,
            victim,
            shared,
            public,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn spec(&self, profile: Profile, argv: &[&str]) -> Spec {
        let own = self.path(if profile == Profile::TempOnly {
            "temp"
        } else {
            "project"
        });
        let mut env = self.env.clone();
        env.insert("OWN".to_owned(), own.display().to_string());
        Spec {
            argv: argv.iter().map(|text| (*text).to_owned()).collect(),
            cwd: own.clone(),
            env,
            folder: (profile != Profile::TempOnly).then_some(own),
            temp: self.path("temp"),
            readable: Vec::new(),
            hidden: vec![self.path("data"), self.path("project/hidden")],
            network: profile == Profile::Network,
            limits: Limits::default(),
            kind: Kind::Tool,
        }
    }

    /// Runs without any sandbox what `confined` runs.
    pub fn control(&self, profile: Profile, argv: &[&str]) -> Output {
        let spec = self.spec(profile, argv);
        let mut command = Command::new(argv[0]);
        command
            .args(&argv[1..])
            .env_clear()
            .envs(&spec.env)
            .current_dir(&spec.cwd);
        self.run(command)
    }

    pub fn confined(&self, sandbox: &Sandbox, profile: Profile, argv: &[&str]) -> Output {
        self.run(sandbox.command(&self.spec(profile, argv)).unwrap())
    }

    fn run(&self, mut command: Command) -> Output {
        command
            .env("NEXUS_CANARY", &self.canary)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    pub fn state(&mut self) -> State {
        // What was sent has to arrive.
        thread::sleep(Duration::from_millis(20));
        let mut files = BTreeMap::new();
        for name in ["outside", "home", "data"] {
            look(&self.path(name), &mut files);
        }
        for relative in protected() {
            look(&self.path("project").join(relative), &mut files);
        }
        look(&self.path("project/hidden"), &mut files);
        for path in [&self.shared, &self.public] {
            look(path, &mut files);
        }
        for name in ["project", "temp"] {
            setuid(&self.path(name), &mut files);
        }
        State {
            files,
            hits: self.hits.load(Ordering::SeqCst),
            victim: self.victim.try_wait().unwrap().is_none(),
        }
    }

    pub fn leaked(&self, output: &Output) -> bool {
        [&output.stdout, &output.stderr]
            .into_iter()
            .any(|bytes| String::from_utf8_lossy(bytes).contains(&self.canary))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.victim.stdin.take());
        let _ = self.victim.wait();
        // A victim that was killed leaves its shared memory.
        let _ = Command::new("/usr/bin/ipcrm")
            .args(["-M", &self.env["KEY"]])
            .stderr(Stdio::null())
            .status();
        for path in [&self.shared, &self.public] {
            let _ = fs::remove_file(path);
        }
    }
}

/// Everything about a file but when it was read.
fn look(path: &Path, files: &mut BTreeMap<PathBuf, String>) {
    let Ok(found) = path.symlink_metadata() else {
        return;
    };
    let content = if found.is_file() {
        fs::read_to_string(path).unwrap_or_default()
    } else {
        fs::read_link(path)
            .map(|target| target.display().to_string())
            .unwrap_or_default()
    };
    // A folder's times change with the placeholders in it.
    let changed = if found.is_dir() {
        (0, 0)
    } else {
        (found.ctime(), found.ctime_nsec())
    };
    let fact = format!(
        "{:o} {} {} {changed:?} {content}",
        found.mode(),
        found.uid(),
        found.gid()
    );
    files.insert(path.to_path_buf(), fact);
    if found.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            look(&entry.unwrap().path(), files);
        }
    }
}

fn setuid(folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = path.symlink_metadata().unwrap();
        if found.is_file() && found.mode() & 0o4000 != 0 {
            files.insert(path, "set-user-id".to_owned());
        }
    }
}

fn tcp(address: &str, hits: &Arc<AtomicUsize>, canary: &str) -> String {
    let listener = TcpListener::bind(address).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let (hits, canary) = (Arc::clone(hits), canary.to_owned());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            hits.fetch_add(1, Ordering::SeqCst);
            let _ = (&stream).write_all(format!("HTTP/1.0 200 OK\r\n\r\n{canary}").as_bytes());
        }
    });
    port
}

fn udp(address: &str, hits: &Arc<AtomicUsize>) -> String {
    let socket = UdpSocket::bind(address).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let hits = Arc::clone(hits);
    thread::spawn(move || {
        while socket.recv(&mut [0; 64]).is_ok() {
            hits.fetch_add(1, Ordering::SeqCst);
        }
    });
    port
}

fn serve_unix(listener: UnixListener, hits: &Arc<AtomicUsize>, canary: &str) {
    let (hits, canary) = (Arc::clone(hits), canary.to_owned());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            hits.fetch_add(1, Ordering::SeqCst);
            let _ = (&stream).write_all(canary.as_bytes());
        }
    });
}
