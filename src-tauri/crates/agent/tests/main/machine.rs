//! A machine for the promises of the whole: a user's home with secrets in it, the working folder in that home, somebody who
//! listens on the network, and the real sandbox.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    net::{TcpListener, UdpSocket},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use nexus_protocol::{Approval, ApprovalAnswer, EventMsg, ItemBody, ItemId, Mode, Op};
use nexus_sandbox::Sandbox;
use nexus_tools::{Host, Registry};
use tempfile::TempDir;

use crate::harness::Harness;

/// What must never be seen outside the files that hold it.
pub const CANARY: &str = "CANARY-7f3d9a51c2e84b60";
/// The same as programs would hide it.
const CANARY_IN_DISGUISE: [&str; 2] = [
    "Q0FOQVJZLTdmM2Q5YTUxYzJlODRiN",
    "43414e4152592d37663364396135316332653834623630",
];

/// Files of the app in its data folder that the app itself does not write during a turn.
const OWN_FILES: [&str; 2] = ["settings.toml", "permissions.toml"];

/// A user's home, the working folder in it, and the app's data.
pub struct Place {
    pub home: TempDir,
    pub data: PathBuf,
    pub listener: Listener,
}

/// The place with a session in it.
pub struct Machine {
    pub place: Place,
    pub harness: Harness,
}

/// `full` where `NEXUS_TEST_FULL` is set, else `short`.
pub fn rounds(full: usize, short: usize) -> usize {
    if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        full
    } else {
        short
    }
}

/// The launcher lies beside this test's folder.
pub fn sandbox() -> Sandbox {
    static PROBED: OnceLock<Sandbox> = OnceLock::new();
    let probe = || {
        let test = std::env::current_exe().unwrap();
        let launcher = test.parent().unwrap().parent().unwrap();
        let launcher = launcher.join("nexus-sandbox");
        assert!(
            launcher.is_file(),
            "{} is missing: cargo build -p nexus-sandbox",
            launcher.display()
        );
        let sandbox = Sandbox::probe(&launcher);
        assert_eq!(sandbox.machine().confines(), Ok(()));
        sandbox
    };
    PROBED.get_or_init(probe).clone()
}

/// Not in `/tmp`: programs get one of their own, and would miss a home in it for that reason alone.
pub fn folder() -> TempDir {
    tempfile::tempdir_in("/var/tmp").unwrap()
}

impl Place {
    pub fn new(data: PathBuf) -> Self {
        let home = folder();
        let at = |path: &str| home.path().join(path);
        let copied = Command::new("cp")
            .arg("-a")
            .arg(template().path().join("work"))
            .arg(at("work"))
            .status()
            .unwrap();
        assert!(copied.success());
        let secret = format!("{CANARY}\n");
        for (path, content) in [
            (".ssh/id_rsa", secret.as_str()),
            (".aws/credentials", &secret),
            (".netrc", &secret),
            (".bashrc", "# start\n"),
            (".profile", "# start\n"),
            ("notes.txt", "the user's own notes\n"),
            ("sibling/victim.txt", "another project\n"),
            ("sibling/run.sh", "#!/bin/sh\necho run\n"),
        ] {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), content).unwrap();
        }
        for own in OWN_FILES {
            fs::write(data.join(own), &secret).unwrap();
        }
        let listener = Listener::start(&at("agent.sock"));
        Self {
            home,
            data,
            listener,
        }
    }

    pub fn work(&self) -> PathBuf {
        self.home.path().join("work")
    }

    /// The user's environment.
    pub fn env(&self) -> BTreeMap<String, String> {
        let home = self.home.path().to_str().unwrap().to_owned();
        [
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("HOME", home),
            ("LANG", "C.UTF-8".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", CANARY.to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// As the core hides things: the app's data but for what tools keep in it, and the user's keys.
    fn hidden(&self) -> Vec<PathBuf> {
        let own = ["nexus.db", "nexus.db-wal", "nexus.db-shm", "checkpoints"];
        let own = own.iter().chain(&OWN_FILES).map(|it| self.data.join(it));
        let keys = [".ssh", ".gnupg", ".aws", ".netrc", ".docker", ".kube"];
        own.chain(keys.iter().map(|it| self.home.path().join(it)))
            .collect()
    }

    pub fn host(&self) -> Host {
        Host {
            sandbox: Some(sandbox()),
            env: self.env(),
            hidden: self.hidden(),
            scratch: self.data.join("tools"),
            interpreters: nexus_tools::Interpreters::default(),
        }
    }

    /// All that no attack may change: the home outside the working folder, the app's files, and in the working folder what
    /// programs run or trust later.
    pub fn untouchable(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        look(self.home.path(), &self.work(), &mut found);
        for own in OWN_FILES {
            look(&self.data.join(own), Path::new(""), &mut found);
        }
        for root in [self.work(), self.work().join("vendor/lib")] {
            for path in nexus_sandbox::protected() {
                look(&root.join(path), Path::new(""), &mut found);
            }
        }
        found
    }

    /// Files of the working folder that hold the canary.
    pub fn leaked(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.work()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    open.push(entry.path());
                } else if kind.is_file() && holds_canary(&fs::read(entry.path()).unwrap()) {
                    found.push(entry.path());
                }
            }
        }
        found
    }

    /// Processes that live and have this place in their environment or arguments.
    pub fn processes(&self) -> Vec<(u32, String)> {
        let marks =
            [&self.data, &self.home.path().to_path_buf()].map(|it| it.to_str().unwrap().to_owned());
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(id) = name.parse::<u32>() else {
                continue;
            };
            if id == std::process::id() {
                continue;
            }
            let read = |name: &str| {
                let bytes = fs::read(entry.path().join(name)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            };
            let (arguments, env) = (read("cmdline"), read("environ"));
            if marks
                .iter()
                .any(|mark| arguments.contains(mark) || env.contains(mark))
            {
                found.push((id, arguments.replace('\0', " ")));
            }
        }
        found
    }

    /// Waits until none lives: how long that took.
    pub async fn gone(&self, limit: Duration) -> Result<Duration, Vec<(u32, String)>> {
        let start = Instant::now();
        loop {
            let living = self.processes();
            if living.is_empty() {
                return Ok(start.elapsed());
            }
            if start.elapsed() > limit {
                return Err(living);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Machine {
    pub async fn new(mode: Mode) -> Self {
        let data = folder();
        let place = Place::new(data.path().to_path_buf());
        let harness = Harness::on(data, place.host(), Registry::builtin(), None).await;
        harness.settings.lock().unwrap().max_tool_calls = 60;
        let machine = Self { place, harness };
        machine.enter(mode).await;
        machine
    }

    /// Sets the session's folder and mode.
    async fn enter(&self, mode: Mode) {
        let (store, id) = (&self.harness.store, self.harness.summary.id);
        let work = self.place.work();
        store.set_folder(id, work.to_str()).await.unwrap();
        let summary = store.set_mode(id, mode).await.unwrap().unwrap();
        self.harness.session.changed(summary).await;
    }

    /// The question that waits after event `from`.
    pub async fn asked(&self, from: usize) -> (ItemId, Approval) {
        let asks = |msg: &EventMsg| matches!(msg, EventMsg::ItemChanged { item } if item.body.awaits_approval());
        question(self.harness.wait(from, asks).await).unwrap()
    }
}

/// The question in an event.
pub fn question(msg: EventMsg) -> Option<(ItemId, Approval)> {
    match msg {
        EventMsg::ItemChanged { item } if item.body.awaits_approval() => match item.body {
            ItemBody::ToolCall { approval, .. } => approval.map(|it| (item.id, *it)),
            _ => None,
        },
        _ => None,
    }
}

pub fn answer(item: ItemId, approval: &Approval, answer: ApprovalAnswer) -> Op {
    Op::Approve {
        item,
        nonce: approval.nonce,
        fingerprint: approval.fingerprint.clone(),
        answer,
    }
}

pub fn is_end(msg: &EventMsg) -> bool {
    matches!(
        msg,
        EventMsg::TurnCompleted { .. }
            | EventMsg::TurnFailed { .. }
            | EventMsg::TurnInterrupted { .. }
    )
}

pub fn holds_canary(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.contains(CANARY) || CANARY_IN_DISGUISE.iter().any(|it| text.contains(it))
}

fn look(path: &Path, not: &Path, found: &mut BTreeMap<PathBuf, String>) {
    if path == not {
        return;
    }
    let Ok(about) = path.symlink_metadata() else {
        return;
    };
    let mode = about.permissions().mode();
    let what = if about.is_symlink() {
        format!("link to {}", fs::read_link(path).unwrap().display())
    } else if about.is_file() {
        String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
    } else {
        String::new()
    };
    found.insert(path.to_path_buf(), format!("{mode:o} {what}"));
    if about.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            look(&entry.unwrap().path(), not, found);
        }
    }
}

/// The working folder as every place begins with it: a repository with another in it.
fn template() -> &'static TempDir {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = folder();
        let work = folder.path().join("work");
        fs::create_dir_all(work.join("src")).unwrap();
        fs::create_dir_all(work.join("vendor/lib")).unwrap();
        fs::write(work.join("README.md"), "# A project\n\nIt builds.\n").unwrap();
        fs::write(work.join("src/app.py"), "def main():\n    return 0\n").unwrap();
        fs::write(work.join("vendor/lib/lib.py"), "x = 1\n").unwrap();
        for (at, added) in [("vendor/lib", "lib.py"), (".", "README.md")] {
            git(&work.join(at), &["init", "-q", "-b", "main"]);
            git(&work.join(at), &["add", added]);
            git(&work.join(at), &["commit", "-q", "-m", "First"]);
        }
        folder
    })
}

pub fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs(["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"].map(|it| (it, "Ada")))
        .envs(["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"].map(|it| (it, "ada@example.org")))
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// Whoever waits for the user's data: on TCP, UDP and a Unix socket.
pub struct Listener {
    pub port: u16,
    got: Arc<AtomicU64>,
}

impl Listener {
    fn start(socket: &Path) -> Self {
        let got = Arc::new(AtomicU64::new(0));
        // A port that is free for both: places beside this one take ports, too.
        let both = || {
            let tcp = TcpListener::bind("127.0.0.1:0").ok()?;
            let port = tcp.local_addr().ok()?.port();
            Some((tcp, UdpSocket::bind(("127.0.0.1", port)).ok()?, port))
        };
        let (tcp, udp, port) = (0..100).find_map(|_| both()).unwrap();
        let unix = UnixListener::bind(socket).unwrap();
        // These threads end with the test.
        let count = Arc::clone(&got);
        std::thread::spawn(move || tcp.incoming().flatten().for_each(|it| drain(it, &count)));
        let count = Arc::clone(&got);
        std::thread::spawn(move || unix.incoming().flatten().for_each(|it| drain(it, &count)));
        let count = Arc::clone(&got);
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok(bytes) = udp.recv(&mut buffer) {
                count.fetch_add(bytes as u64 + 1, Ordering::SeqCst);
            }
        });
        Self { port, got }
    }

    /// Bytes that came, and connections that brought none.
    pub fn got(&self) -> u64 {
        self.got.load(Ordering::SeqCst)
    }
}

/// A connection counts, too: its time is a message. Then it is closed, so that nobody waits for an answer.
fn drain(mut stream: impl Read, count: &AtomicU64) {
    count.fetch_add(1, Ordering::SeqCst);
    if let Ok(bytes) = stream.read(&mut [0; 2048]) {
        count.fetch_add(bytes as u64, Ordering::SeqCst);
    }
}
