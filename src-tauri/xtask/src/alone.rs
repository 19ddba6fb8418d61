//! A network of nothing but loopback, and a trace that shows who tried to leave it.
//!
//! A namespace alone would prove only that nothing got out; the trace proves that nothing tried. Owns both, and what counts as
//! leaving. Refuses to know what runs in there.

use std::{collections::BTreeSet, fs, net::Ipv6Addr, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};

use crate::{command, packages::find_program};

/// All that names an address to the kernel, and each program that starts.
const CALLS: &str = "trace=execve,connect,sendto,sendmsg,sendmmsg";
/// `$@` is the command; the namespace begins with loopback down.
const SCRIPT: &str = r#"ip link set lo up && exec "$@""#;
/// Who looks names up for others, behind a socket of this machine: asking it is leaving.
const RESOLVERS: [&str; 3] = ["io.systemd.Resolve", "avahi-daemon/socket", "mDNSResponder"];
const DNS: &str = "htons(53)";

/// What a trace shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Addresses that were named to the kernel.
    pub connects: usize,
    /// The lines that name another machine.
    pub leaves: Vec<String>,
    /// File names of the programs that started.
    pub programs: BTreeSet<String>,
}

/// The command, alone with loopback, its trace in a file.
///
/// # Errors
/// When a program is missing that this needs.
pub fn alone(inner: &Command, trace: &Path) -> Result<Command> {
    for program in ["unshare", "ip", "strace"] {
        if find_program(program).is_none() {
            bail!("{program} is missing; `cargo xtask setup --tests` installs it or says how");
        }
    }
    let mut command = Command::new("unshare");
    let root = command::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root {
        // Only root may make a network without a user namespace around it.
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--net", "sh", "-c", SCRIPT, "sh"])
        // What is sent is nobody's business, and could look like an address.
        .args([
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-s",
            "0",
            "-e",
            CALLS,
            "-o",
        ])
        .arg(trace)
        .arg(inner.get_program())
        .args(inner.get_args());
    if let Some(folder) = inner.get_current_dir() {
        command.current_dir(folder);
    }
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Ok(command)
}

/// Shows that the trace sees who tries to leave: without that it would prove nothing.
///
/// # Errors
/// When it does not.
pub fn control(trace: &Path) -> Result<()> {
    let mut leaves = Command::new("bash");
    // An address for documentation: it belongs to nobody.
    leaves.args(["-c", "exec 3<>/dev/tcp/192.0.2.1/443"]);
    let mut leaves = alone(&leaves, trace)?;
    // It cannot get there; that it tried is what counts.
    let _failed = command::run_within(&mut leaves, Duration::from_secs(60));
    let seen = Trace::of(trace)?;
    if seen.leaves.len() != 1 {
        bail!("the trace missed a connection that was made for it to see: {seen:?}");
    }
    Ok(())
}

impl Trace {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(file: &Path) -> Result<Self> {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Self::read(&String::from_utf8_lossy(&bytes)))
    }

    /// Whether a program ran whose name begins so.
    pub fn ran(&self, program: &str) -> bool {
        self.programs.iter().any(|name| name.starts_with(program))
    }

    fn read(text: &str) -> Self {
        let mut trace = Self::default();
        for line in text.lines() {
            if let Some(path) = between(line, "execve(\"", "\"") {
                let name = path.rsplit('/').next().unwrap_or(path);
                trace.programs.insert(name.to_owned());
            }
            // A call that names none uses what was named before; several in one call each have their own.
            for address in line.split("sa_family=").skip(1) {
                trace.connects += 1;
                if !stays(address) {
                    trace.leaves.push(line.to_owned());
                }
            }
        }
        trace
    }
}

/// Whether an address is of this machine: `AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}`. What is not understood is
/// not.
fn stays(address: &str) -> bool {
    let family = address.split([',', '}']).next().unwrap_or_default();
    // A resolver on loopback asks others.
    let asks_others = || address.contains(DNS);
    match family {
        "AF_UNIX" => !RESOLVERS.iter().any(|name| address.contains(name)),
        "AF_NETLINK" | "AF_UNSPEC" => true,
        "AF_INET" => {
            !asks_others()
                && between(address, "inet_addr(\"", "\"").is_some_and(|it| it.starts_with("127."))
        }
        "AF_INET6" => {
            let parsed = between(address, "inet_pton(AF_INET6, \"", "\"");
            let parsed = parsed.and_then(|it| it.parse::<Ipv6Addr>().ok());
            !asks_others() && parsed.is_some_and(|it| it.to_canonical().is_loopback())
        }
        _ => false,
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|it| it.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_tells_who_stays_and_who_leaves() {
        let stays = r#"
12 execve("/usr/lib/x/WebKitNetworkProcess", [...], 0x7ff /* 3 vars */) = 0
12 connect(5, {sa_family=AF_UNIX, sun_path="/tmp/.X11-unix/X99"}, 20) = 0
12 connect(5, {sa_family=AF_UNIX, sun_path=@"/tmp/dbus"}, 20) = 0
12 sendto(7, [...], 20, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 20
12 sendto(7, ""..., 20, MSG_NOSIGNAL, NULL, 0) = 20
12 sendmsg(7, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=""..., iov_len=8}], msg_flags=0}, 0) = 8
13 connect(9, {sa_family=AF_INET, sin_port=htons(39911), sin_addr=inet_addr("127.0.0.1")}, 16 <unfinished ...>
13 <... connect resumed>) = -1 EINPROGRESS (Operation now in progress)
13 connect(9, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0
13 connect(9, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::ffff:127.0.0.1", &sin6_addr), sin6_scope_id=0}, 28) = 0
13 connect(9, {sa_family=AF_UNSPEC, sa_data=""...}, 16) = 0
"#;
        let trace = Trace::read(stays);
        assert_eq!((trace.connects, &trace.leaves), (7, &Vec::new()));
        assert!(trace.programs.contains("WebKitNetworkProcess"));

        let leaves = r#"
12 connect(5, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("1.2.3.4")}, 16) = -1 ENETUNREACH (Network is unreachable)
12 connect(5, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16) = 0
12 connect(5, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 0
12 connect(5, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::ffff:8.8.8.8", &sin6_addr), sin6_scope_id=0}, 28) = 0
12 connect(5, {sa_family=AF_UNIX, sun_path="/run/systemd/resolve/io.systemd.Resolve"}, 42) = 0
12 sendto(5, ""..., 20, 0, {sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("192.0.2.1")}, 16) = 20
12 sendmsg(5, {msg_name={sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("10.0.0.1")}, msg_namelen=16}, 0) = 8
12 connect(5, {sa_family=AF_VSOCK, svm_cid=VMADDR_CID_HOST, svm_port=1}, 16) = 0
12 connect(5, {sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("0.0.0.0")}, 16) = 0
"#;
        let trace = Trace::read(leaves);
        assert_eq!((trace.connects, trace.leaves.len()), (9, 9));
        // Two in one call, one of which leaves.
        let both = r#"1 sendmmsg(5, [{msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("127.0.0.1")}}}, {msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("8.8.8.8")}}}], 2, 0) = 2"#;
        assert_eq!(Trace::read(both).leaves.len(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_tries_to_leave_is_seen_and_cannot() {
        let file = std::env::temp_dir().join(format!("nexus-alone-{}", std::process::id()));
        control(&file).unwrap();
        let trace = Trace::of(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert!(trace.ran("bash"), "{trace:?}");
        assert!(trace.leaves[0].contains("ENETUNREACH"), "{trace:?}");
    }
}
