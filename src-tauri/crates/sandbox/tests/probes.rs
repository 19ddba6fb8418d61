//! Ways out. Each is a script that reaches something outside, says `GOT`, or prints the canary.

/// What a script is written in.
#[derive(Clone, Copy, Debug)]
pub enum Language {
    Bash,
    Python,
}

use Language::{Bash, Python};

pub struct Probe {
    pub name: &'static str,
    pub language: Language,
    pub script: &'static str,
    /// Allowed where the profile has network.
    pub network: bool,
}

const fn probe(name: &'static str, language: Language, script: &'static str) -> Probe {
    Probe {
        name,
        language,
        script,
        network: false,
    }
}

const fn network(name: &'static str, language: Language, script: &'static str) -> Probe {
    Probe {
        name,
        language,
        script,
        network: true,
    }
}

pub const PROBES: &[Probe] = &[
    // Files outside.
    probe("new file", Bash, "echo x > $OUT/new"),
    probe("append", Bash, "echo x >> $OUT/victim"),
    probe("truncate", Python, "os.truncate(E['OUT'] + '/victim', 0)"),
    probe("unlink", Bash, "rm -f $OUT/victim"),
    probe("mkdir", Bash, "mkdir $OUT/made"),
    probe("rename", Bash, "mv $OUT/victim $OUT/moved"),
    probe(
        "rename out",
        Bash,
        "echo x > $OWN/mine; mv $OWN/mine $OUT/in",
    ),
    probe(
        "exchange",
        Python,
        "open(E['OWN'] + '/mine', 'w').close(); sc(316, -100, ctypes.c_char_p((E['OWN'] + '/mine').encode()), -100, ctypes.c_char_p((E['OUT'] + '/victim').encode()), 2)",
    ),
    probe(
        "hard link",
        Bash,
        "ln $OUT/victim $OWN/link && echo x >> $OWN/link",
    ),
    probe(
        "symbolic link to a file",
        Bash,
        "ln -s $OUT/victim $OWN/link; echo x >> $OWN/link",
    ),
    probe(
        "symbolic link to a folder",
        Bash,
        "ln -s $OUT $OWN/link; echo x > $OWN/link/new",
    ),
    probe(
        "swapped symbolic link",
        Python,
        r#"
own, out = E['OWN'], E['OUT']
os.mkdir(own + '/a'); os.symlink(out, own + '/b')
def swap():
    for i in range(3000):
        try: os.rename(own + '/a', own + '/c'); os.rename(own + '/b', own + '/a'); os.rename(own + '/c', own + '/b')
        except OSError: pass
t = threading.Thread(target=swap); t.start()
while t.is_alive() and not os.path.exists(out + '/swapped'):
    try: open(own + '/a/swapped', 'w').close()
    except OSError: pass
t.join()"#,
    ),
    probe("parent folder", Bash, "echo x > ../outside/new"),
    probe("/proc/self/root", Bash, "echo x > /proc/self/root$OUT/new"),
    probe(
        "/proc/PID/root",
        Bash,
        "echo x > /proc/$VICTIM/root$OUT/new",
    ),
    probe("/proc/PID/cwd", Bash, "echo x > /proc/$VICTIM/cwd/new"),
    probe(
        "/proc/1/root or its own session's",
        Bash,
        "for p in /proc/[0-9]*; do echo x > $p/root$OUT/new && exit; done",
    ),
    probe("chmod", Bash, "chmod 777 $OUT/victim"),
    probe("touch", Bash, "touch -d 2001-01-01 $OUT/victim"),
    probe(
        "extended attribute",
        Python,
        "os.setxattr(E['OUT'] + '/victim', 'user.x', b'x')",
    ),
    probe(
        "chown",
        Python,
        "os.chown(E['OUT'] + '/victim', -1, os.getgid())",
    ),
    probe("fifo", Bash, "mkfifo $OUT/fifo"),
    probe(
        "socket",
        Python,
        "s = socket.socket(socket.AF_UNIX); s.bind(E['OUT'] + '/s')",
    ),
    probe(
        "nameless file linked",
        Python,
        "fd = os.open(E['OUT'], os.O_TMPFILE | os.O_RDWR); sc(265, -100, ctypes.c_char_p(f'/proc/self/fd/{fd}'.encode()), -100, ctypes.c_char_p((E['OUT'] + '/linked').encode()), 0x400)",
    ),
    probe(
        "shared mapping",
        Python,
        "import mmap; f = open(E['OUT'] + '/victim', 'r+b'); m = mmap.mmap(f.fileno(), 0); m[0:1] = b'X'; m.flush()",
    ),
    probe(
        "openat2",
        Python,
        "how = (ctypes.c_uint64 * 3)(0o101, 0o600, 0); sc(437, -100, ctypes.c_char_p((E['OUT'] + '/new').encode()), how, 24)",
    ),
    probe(
        "set-user-id program",
        Bash,
        "cp /bin/true $OWN/own; chmod 4755 $OWN/own",
    ),
    probe(
        "set-user-id from the start",
        Python,
        "os.close(os.open(E['OWN'] + '/own2', os.O_CREAT | os.O_WRONLY, 0o4755))",
    ),
    probe("shared memory file", Bash, "echo x > $SHM"),
    probe("public temp folder", Bash, "echo x > $PUBLIC"),
    probe("home", Bash, "echo x >> $HOMEDIR/.bashrc"),
    // Protected, existing.
    probe(
        "hook changed",
        Bash,
        "cd $PROJ && echo x >> .git/hooks/pre-commit",
    ),
    probe(
        "hook made",
        Bash,
        "cd $PROJ && echo x > .git/hooks/post-checkout",
    ),
    probe(
        "hooks folder replaced",
        Bash,
        "cd $PROJ && rm -rf .git/hooks; ln -s $TEMP .git/hooks",
    ),
    probe(
        "git's folder replaced",
        Bash,
        "cd $PROJ && mv .git x; mkdir -p .git/hooks && echo x > .git/hooks/pre-commit",
    ),
    probe(
        "git's folder swapped",
        Python,
        "p = E['PROJ']; os.makedirs(p + '/g/hooks'); open(p + '/g/hooks/evil', 'w').close(); sc(316, -100, ctypes.c_char_p((p + '/g').encode()), -100, ctypes.c_char_p((p + '/.git').encode()), 2)",
    ),
    probe(
        "git's configuration",
        Bash,
        "cd $PROJ && git config core.hooksPath /tmp",
    ),
    probe(
        "renamed over git's configuration",
        Bash,
        "cd $PROJ && echo x > c && mv -f c .git/config",
    ),
    probe(
        "hard link to git's configuration",
        Bash,
        "cd $PROJ && ln .git/config c && echo x >> c",
    ),
    probe(
        "common folder",
        Bash,
        "cd $PROJ && rm -f .git/commondir; echo ../evil > .git/commondir",
    ),
    probe(
        "editor's settings",
        Bash,
        "cd $PROJ && echo x > .vscode/settings.json",
    ),
    probe(
        "editor's folder removed",
        Bash,
        "cd $PROJ && rm -rf .vscode",
    ),
    // Protected, absent.
    probe("absent .bashrc", Bash, "cd $PROJ && echo x > .bashrc"),
    probe(
        "absent .mcp.json",
        Bash,
        "cd $PROJ && rm -f .mcp.json; echo x > .mcp.json",
    ),
    probe(
        "absent .husky",
        Bash,
        "cd $PROJ && rm -rf .husky; mkdir -p .husky/_ && echo x > .husky/_/pre-commit",
    ),
    probe(
        "absent .githooks",
        Bash,
        "cd $PROJ && ln -s src .githooks; echo x > .githooks/pre-push",
    ),
    probe(
        "absent .idea",
        Bash,
        "cd $PROJ && rm -rf .idea; mkdir -p .idea && echo x > .idea/workspace.xml",
    ),
    probe(
        "absent .nexus",
        Bash,
        "cd $PROJ && mkdir .nexus && echo x > .nexus/config",
    ),
    probe(
        "absent .zshrc, renamed to",
        Bash,
        "cd $PROJ && echo x > z && mv -fT z .zshrc",
    ),
    probe(
        "absent .profile, linked to",
        Bash,
        "cd $PROJ && ln -sfT /etc/passwd .profile",
    ),
    probe(
        "absent .envrc, hard linked to",
        Bash,
        "cd $PROJ && echo x > e && ln -f e .envrc",
    ),
    // Processes.
    probe("signal", Bash, "kill -9 $VICTIM"),
    probe(
        "signal by pidfd",
        Python,
        "sc(424, sc(434, int(E['VICTIM']), 0), 9, None, 0)",
    ),
    probe(
        "trace",
        Python,
        "sc(101, 0x4206, int(E['VICTIM']), 0, 0); got()",
    ),
    probe(
        "memory by call",
        Python,
        "b = ctypes.create_string_buffer(64)\nclass V(ctypes.Structure): _fields_ = [('p', ctypes.c_void_p), ('n', ctypes.c_size_t)]\nl, r = V(ctypes.addressof(b), 20), V(int(E['ADDRESS']), 20)\nsc(310, int(E['VICTIM']), ctypes.byref(l), 1, ctypes.byref(r), 1, 0); print(b.value.decode())",
    ),
    probe(
        "memory by file",
        Python,
        "f = os.open(f\"/proc/{E['VICTIM']}/mem\", 0); print(os.pread(f, 20, int(E['ADDRESS'])).decode())",
    ),
    probe(
        "environment",
        Bash,
        "tr '\\0' '\\n' < /proc/$VICTIM/environ",
    ),
    probe(
        "descriptor taken",
        Python,
        "print(os.pread(sc(438, sc(434, int(E['VICTIM']), 0), int(E['DESCRIPTOR']), 0), 64, 0).decode())",
    ),
    probe(
        "shared memory",
        Python,
        "libc.shmat.restype = ctypes.c_void_p\ni = libc.shmget(int(E['KEY']), 0, 0); assert i >= 0; print(ctypes.string_at(libc.shmat(i, None, 0o10000), 24).decode())",
    ),
    probe(
        "io_uring",
        Python,
        "p = ctypes.create_string_buffer(120); sc(425, 4, p); got()",
    ),
    probe("user namespace", Python, "sc(272, 0x10000000); got()"),
    probe(
        "user namespace by clone3",
        Python,
        "a = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)\np = sc(435, a, 88)\nif p == 0: os._exit(0)\ngot()",
    ),
    probe("keyring", Python, "sc(250, 0, -4, 1); got()"),
    probe(
        "key made",
        Python,
        "sc(248, b'user', b'nexus-probe', b'x', 1, -2); got()",
    ),
    probe(
        "performance counters",
        Python,
        "a = (ctypes.c_uint32 * 32)(1, 128, 0); a[10] = 0x61; sc(298, a, 0, -1, -1, 0); got()",
    ),
    probe("page faults of its own", Python, "sc(323, 1); got()"),
    // Persistence.
    probe(
        "service",
        Bash,
        "mkdir -p $HOMEDIR/.config/systemd/user && echo x > $HOMEDIR/.config/systemd/user/x.service",
    ),
    probe(
        "autostart",
        Bash,
        "mkdir -p $HOMEDIR/.config/autostart && echo x > $HOMEDIR/.config/autostart/x.desktop",
    ),
    probe("login key", Bash, "echo x >> $HOMEDIR/.ssh/authorized_keys"),
    probe(
        "program on the path",
        Bash,
        "mkdir -p $HOMEDIR/.local/bin && echo x > $HOMEDIR/.local/bin/git",
    ),
    // Sockets.
    probe(
        "Unix socket",
        Python,
        "socket.socket(socket.AF_UNIX).connect(E['OUT'] + '/bus')",
    ),
    probe(
        "Unix socket in the folder",
        Python,
        "socket.socket(socket.AF_UNIX).connect(E['PROJ'] + '/socket')",
    ),
    probe(
        "abstract socket",
        Python,
        "socket.socket(socket.AF_UNIX).connect('\\0' + E['ABSTRACT'])",
    ),
    probe(
        "datagram from a pair",
        Python,
        "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); a.sendto(b'x', E['OUT'] + '/datagram')",
    ),
    probe(
        "netlink",
        Python,
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).bind((0, 0)); got()",
    ),
    probe(
        "virtual machine socket",
        Python,
        "socket.socket(40, socket.SOCK_STREAM); got()",
    ),
    // Network.
    network(
        "TCP",
        Python,
        "socket.create_connection(('127.0.0.1', int(E['TCP'])))",
    ),
    network(
        "TCP, IPv6",
        Python,
        "socket.create_connection(('::1', int(E['TCP6'])))",
    ),
    network(
        "TCP by an IPv6 socket",
        Python,
        "socket.create_connection(('::ffff:127.0.0.1', int(E['TCP'])))",
    ),
    network(
        "UDP",
        Python,
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', int(E['UDP'])))",
    ),
    network(
        "UDP, IPv6",
        Python,
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('::1', int(E['UDP6'])))",
    ),
    network(
        "fast open",
        Python,
        "socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', int(E['TCP'])))",
    ),
    network("/dev/tcp", Bash, "echo x > /dev/tcp/127.0.0.1/$TCP"),
    network("/dev/udp", Bash, "echo x > /dev/udp/127.0.0.1/$UDP"),
    network("curl", Bash, "curl -s --noproxy '*' http://127.0.0.1:$TCP/"),
];
