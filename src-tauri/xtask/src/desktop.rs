//! A desktop that nobody sees, on Linux: a display (Xvfb), and a session with its own D-Bus, unlocked keyring and home.
//!
//! Both hang on a lifeline: a pipe that xtask holds. When xtask ends, however it ends, the pipe breaks and a small
//! shell beside them ends all that was started. Nothing outlives a test run, not even one that is killed.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    command::{self, Watched},
    packages::find_program,
};

const XVFB_LIMIT: Duration = Duration::from_secs(20);
const GOODBYE: Duration = Duration::from_secs(5);
/// Marks every process of a session, whatever process group it went to.
const MARK: &str = "NEXUS_XTASK_SESSION";

/// Xvfb chooses a free display itself and writes its number when it is ready.
const DISPLAY_SCRIPT: &str = r#"
trap '' INT HUP TERM
Xvfb -displayfd 1 -screen 0 1600x1000x24 -nolisten tcp -noreset 2>/dev/null &
server=$!
exec >/dev/null
cat
kill "$server"
wait "$server"
"#;

/// `$1` is the session's folder, the rest the command. The subshell waits for the lifeline to break, then ends the
/// command, whose end lets the shell go on to clear up.
const SESSION_SCRIPT: &str = r#"
folder=$1; shift
sweep() {
    read -r me rest </proc/self/stat
    for entry in /proc/[0-9]*; do
        pid=${entry#/proc/}
        if [ "$pid" != "$$" ] && [ "$pid" != "$me" ] && grep -qsaF "NEXUS_XTASK_SESSION=$folder" "$entry/environ"; then
            kill "-$1" "$pid" 2>/dev/null
        fi
    done
}
exec 3<&0 </dev/null
( trap '' TERM INT HUP; cat <&3; sweep TERM; sleep 2; sweep KILL ) >/dev/null 2>&1 &
watch=$!
exec 3<&-
dbus-run-session -- sh -c '
    printf %s "$0" | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1 ||
        { echo "the keyring did not unlock" >&2; exit 97; }
    exec "$@"' "a password of this session" "$@"
code=$?
kill -KILL "$watch" 2>/dev/null
sweep TERM
sleep 0.2
sweep KILL
rm -rf -- "$folder"
exit "$code"
"#;

/// A display of our own.
pub struct Xvfb {
    child: Child,
    lifeline: Option<ChildStdin>,
    /// What `DISPLAY` should say.
    pub name: String,
}

impl Xvfb {
    /// Starts one and waits until it is up.
    ///
    /// # Errors
    /// When Xvfb is missing, or not up within 20 s.
    pub fn start() -> Result<Self> {
        if find_program("Xvfb").is_none() {
            bail!("Xvfb is missing; `cargo xtask setup --tests` installs it or says how");
        }
        let mut shell = detached("sh");
        shell
            .args(["-c", DISPLAY_SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = shell.spawn().context("cannot start a shell")?;
        let lifeline = child.stdin.take();
        let stdout = child.stdout.take().context("the shell has no output")?;
        let (send, number) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            // Nobody listens where the limit has passed.
            let _ = send.send(read.map(|_| line.trim().to_owned()));
        });
        let mut server = Self {
            child,
            lifeline,
            name: String::new(),
        };
        match number.recv_timeout(XVFB_LIMIT) {
            Ok(Ok(number)) if !number.is_empty() => server.name = format!(":{number}"),
            _ => bail!(
                "Xvfb did not come up within {} s; run `Xvfb -displayfd 1` to see why",
                XVFB_LIMIT.as_secs()
            ),
        }
        Ok(server)
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        if !matches!(
            command::wait_until(&mut self.child, Instant::now() + GOODBYE),
            Ok(Some(_))
        ) {
            command::end(&mut self.child);
        }
    }
}

/// A process group of its own: a Ctrl-C in the terminal reaches xtask, and the lifeline does the rest.
fn detached(program: &str) -> Command {
    let mut command = command::clean(program);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Runs a command in a session of its own, prints and keeps its output, and ends all that it left behind.
///
/// # Errors
/// When a part of the session is missing or does not start, or the command runs past the limit.
pub fn run_in_session(inner: &Command, limit: Duration) -> Result<Watched> {
    for program in ["dbus-run-session", "gnome-keyring-daemon"] {
        if find_program(program).is_none() {
            bail!("{program} is missing; `cargo xtask setup --tests` installs it or says how");
        }
    }
    let folder = SessionFolder::make()?;
    command::watch(&mut session_shell(inner, &folder)?, limit, true)
}

fn session_shell(inner: &Command, folder: &SessionFolder) -> Result<Command> {
    let mut shell = detached("sh");
    shell
        .args(["-c", SESSION_SCRIPT, "sh"])
        .arg(&folder.0)
        .arg(inner.get_program())
        .args(inner.get_args());
    if let Some(there) = inner.get_current_dir() {
        shell.current_dir(there);
    }
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    folder.apply(&mut shell)?;
    Ok(shell)
}

/// A home, a runtime folder and all else that a session keeps, gone when the session is.
struct SessionFolder(PathBuf);

impl SessionFolder {
    fn make() -> Result<Self> {
        // Short: the names of sockets in it may not pass 107 bytes.
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        let name = format!("nexus-{}-{:x}", std::process::id(), since.subsec_nanos());
        let folder = Self(env::temp_dir().join(name));
        for part in ["home", "run", "data", "config", "cache"] {
            let path = folder.0.join(part);
            fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            for part in [folder.0.clone(), folder.0.join("run")] {
                fs::set_permissions(part, fs::Permissions::from_mode(0o700))?;
            }
        }
        Ok(folder)
    }

    fn apply(&self, command: &mut Command) -> Result<()> {
        // Cargo and rustup live in the real home.
        let home = env::var_os("HOME")
            .map(PathBuf::from)
            .context("HOME is not set; set it")?;
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if env::var_os(name).is_none() && home.join(folder).is_dir() {
                command.env(name, home.join(folder));
            }
        }
        command
            .env("HOME", self.0.join("home"))
            .env("XDG_RUNTIME_DIR", self.0.join("run"))
            .env("XDG_DATA_HOME", self.0.join("data"))
            .env("XDG_CONFIG_HOME", self.0.join("config"))
            .env("XDG_CACHE_HOME", self.0.join("cache"))
            .env(MARK, &self.0)
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env_remove("GNOME_KEYRING_CONTROL")
            .env_remove("WAYLAND_DISPLAY")
            .env("GDK_BACKEND", "x11")
            // Without a desktop's accessibility bus GTK waits for one.
            .env("NO_AT_BRIDGE", "1");
        Ok(())
    }
}

impl Drop for SessionFolder {
    fn drop(&mut self) {
        // Best effort: what stays lies in the system's folder for such.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn alive(pid: &str) -> bool {
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    /// Whether a process that was sent a signal is gone soon: the system takes its time under load.
    fn goes(pid: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while alive(pid) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        !alive(pid)
    }

    #[test]
    fn a_session_gives_the_exit_code_and_leaves_nothing_behind() {
        if find_program("gnome-keyring-daemon").is_none() {
            panic!("gnome-keyring-daemon is missing: run `cargo xtask setup --tests`");
        }
        let mut inner = Command::new("sh");
        // A grandchild in a group of its own, as a WebDriver server is.
        inner.args(["-c", "setsid sleep 300 & echo pid $!; echo bus $DBUS_SESSION_BUS_ADDRESS; echo home $HOME; exit 5"]);
        let watched = run_in_session(&inner, Duration::from_secs(60)).unwrap();
        let said = |word: &str| {
            watched
                .output
                .lines()
                .find_map(|l| l.strip_prefix(word))
                .map(str::trim)
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(watched.status.code(), Some(5), "{}", watched.output);
        assert!(said("bus").starts_with("unix:"), "{}", watched.output);
        assert!(!PathBuf::from(said("home")).exists());
        assert!(goes(&said("pid")));
    }

    #[test]
    fn a_session_whose_owner_is_killed_ends_with_all_it_started() {
        let folder = SessionFolder::make().unwrap();
        let mut inner = Command::new("sh");
        inner.args(["-c", "trap '' TERM; setsid sleep 300 & echo $!; sleep 300"]);
        let mut shell = session_shell(&inner, &folder).unwrap();
        let mut child = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let pid = line.trim();
        assert!(alive(pid), "{line}");
        // What the system does when the owner dies.
        drop(child.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(30);
        let ended = command::wait_until(&mut child, deadline).unwrap();
        assert!(ended.is_some());
        assert!(goes(pid));
        assert!(!folder.0.exists());
    }

    #[test]
    fn two_displays_do_not_meet_and_go_when_dropped() {
        let (one, two) = (Xvfb::start().unwrap(), Xvfb::start().unwrap());
        assert_ne!(one.name, two.name);
        let socket =
            |server: &Xvfb| PathBuf::from(format!("/tmp/.X11-unix/X{}", &server.name[1..]));
        let (first, second) = (socket(&one), socket(&two));
        assert!(first.exists() && second.exists());
        drop(one);
        drop(two);
        assert!(!first.exists() && !second.exists());
    }
}
