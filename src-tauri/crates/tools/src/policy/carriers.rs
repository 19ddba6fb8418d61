//! Commands that run other commands, or code, which stand in their arguments.
//!
//! Owns the list. A rule that allows `find *` means looking for files, not `find -exec`: what is on this list never rides on
//! a rule that allows. Refuses to be complete: it is the second lock, the sandbox is the first.

/// Commands whose arguments are commands, code or scripts, whatever the options.
const ALWAYS: &[&str] = &[
    ".",
    "alias",
    "apply",
    "ash",
    "at",
    "awk",
    "bash",
    "batch",
    "builtin",
    "busybox",
    "bwrap",
    "capsh",
    "chroot",
    "chrt",
    "cmd",
    "command",
    "coproc",
    "crontab",
    "csh",
    "cscript",
    "dash",
    "dbus-run-session",
    "declare",
    "doas",
    "ed",
    "emacs",
    "enable",
    "entr",
    "env",
    "eval",
    "ex",
    "exec",
    "expect",
    "export",
    "fakeroot",
    "firejail",
    "fish",
    "flock",
    "forfiles",
    "gawk",
    "gdb",
    "hash",
    "ionice",
    "ksh",
    "less",
    "lldb",
    "local",
    "ltrace",
    "m4",
    "man",
    "mapfile",
    "mawk",
    "mksh",
    "more",
    "most",
    "mshta",
    "nano",
    "nawk",
    "nice",
    "nohup",
    "nsenter",
    "nvim",
    "open",
    "osascript",
    "parallel",
    "pico",
    "pkexec",
    "powershell",
    "proot",
    "pwsh",
    "readonly",
    "rlwrap",
    "rundll32",
    "runuser",
    "screen",
    "script",
    "sed",
    "set",
    "setarch",
    "setpriv",
    "setsid",
    "sh",
    "shopt",
    "socat",
    "source",
    "ssh",
    "start",
    "stdbuf",
    "strace",
    "su",
    "sudo",
    "systemd-run",
    "taskset",
    "tclsh",
    "tcsh",
    "time",
    "timeout",
    "tmux",
    "toybox",
    "trap",
    "typeset",
    "unbuffer",
    "unshare",
    "unset",
    "valgrind",
    "vi",
    "view",
    "vim",
    "vimdiff",
    "watch",
    "wscript",
    "wsl",
    "xargs",
    "xdg-open",
    "xvfb-run",
    "zsh",
];

/// Options that make a command a carrier, by command. A long one counts where it is abbreviated, too; a short one where
/// it stands in a cluster; one with a single dash and a long name must stand alone.
const OPTIONS: &[(&str, &[&str])] = &[
    ("bun", &["-e", "-p", "--eval", "--print"]),
    ("cargo", &["--config"]),
    (
        "curl",
        &["-K", "-o", "-O", "--config", "--output", "--remote-name"],
    ),
    ("date", &["-s", "--set"]),
    ("deno", &["--ext"]),
    ("diff", &["--to-file"]),
    ("fd", &["-x", "-X", "--exec", "--exec-batch"]),
    ("fdfind", &["-x", "-X", "--exec", "--exec-batch"]),
    (
        "find",
        &[
            "-exec",
            "-execdir",
            "-ok",
            "-okdir",
            "-delete",
            "-fprint",
            "-fprint0",
            "-fprintf",
            "-fls",
            "-files0-from",
        ],
    ),
    ("fzf", &["--bind", "--preview", "--listen"]),
    (
        "git",
        &[
            "-O",
            "-x",
            "--exec",
            "--ext-diff",
            "--open-files-in-pager",
            "--output",
            "--receive-pack",
            "--textconv",
            "--upload-pack",
        ],
    ),
    ("go", &["-exec", "-toolexec", "-overlay", "-vettool"]),
    ("gzip", &["--to-command"]),
    ("hostname", &["-F", "--file"]),
    ("ip", &["-b", "-batch", "-force"]),
    ("jq", &["-f", "--from-file", "-L"]),
    (
        "java",
        &["-jar", "-cp", "-classpath", "-agentpath", "-javaagent"],
    ),
    ("julia", &["-e", "-E", "--eval", "--print"]),
    ("ld", &["-plugin"]),
    ("lua", &["-e", "-l"]),
    (
        "make",
        &["--eval", "-f", "--file", "--makefile", "-C", "--directory"],
    ),
    ("nmap", &["--script"]),
    (
        "node",
        &[
            "-e",
            "-p",
            "-r",
            "--eval",
            "--print",
            "--require",
            "--import",
            "--loader",
        ],
    ),
    ("npm", &["--prefix", "--script-shell"]),
    ("perl", &["-e", "-E", "-M", "-n", "-p", "-i"]),
    ("php", &["-r", "-B", "-R", "-E", "-d"]),
    (
        "pip",
        &["--index-url", "--extra-index-url", "-i", "-t", "--target"],
    ),
    ("python", &["-c", "-m", "-"]),
    ("rg", &["--pre", "--hostname-bin", "--search-zip", "-z"]),
    ("rsync", &["-e", "--rsh", "--rsync-path"]),
    ("ruby", &["-e", "-r", "-n", "-p"]),
    ("scp", &["-S", "-o", "-F"]),
    (
        "sort",
        &[
            "-o",
            "--output",
            "--compress-program",
            "--files0-from",
            "-T",
        ],
    ),
    ("sqlite3", &["-cmd", "-init"]),
    (
        "tar",
        &[
            "-I",
            "-F",
            "--checkpoint-action",
            "--info-script",
            "--new-volume-script",
            "--rmt-command",
            "--rsh-command",
            "--to-command",
            "--use-compress-program",
        ],
    ),
    ("tcpdump", &["-z"]),
    ("tree", &["-o"]),
    (
        "wget",
        &[
            "-O",
            "-i",
            "--output-document",
            "--use-askpass",
            "--execute",
            "-e",
            "--post-file",
        ],
    ),
    ("xz", &["--files", "--files0"]),
    ("yq", &["-i", "--inplace"]),
    ("zip", &["-T", "-TT", "--unzip-command"]),
];

/// Subcommands that make a command a carrier.
const SUBCOMMANDS: &[(&str, &[&str])] = &[
    ("bun", &["x", "repl"]),
    ("deno", &["eval", "repl"]),
    ("docker", &["exec", "run"]),
    (
        "git",
        &[
            "bisect",
            "clone",
            "config",
            "credential",
            "daemon",
            "difftool",
            "filter-branch",
            "fetch",
            "hook",
            "mergetool",
            "pull",
            "rebase",
            "send-email",
            "submodule",
            "upload-pack",
            "worktree",
        ],
    ),
    ("go", &["generate", "run"]),
    ("kubectl", &["exec", "run"]),
    ("npm", &["exec", "explore", "x", "config", "set"]),
    ("pipx", &["run"]),
    ("pnpm", &["dlx", "exec"]),
    ("podman", &["exec", "run"]),
    ("poetry", &["run"]),
    ("uv", &["run", "tool", "x"]),
    ("yarn", &["dlx", "exec"]),
];

/// Read their code from the input where no file is named.
const INTERPRETERS: &[&str] = &[
    "bun", "deno", "julia", "lua", "node", "perl", "php", "python", "ruby",
];

/// Options of git itself, before the subcommand, that change nothing about what runs.
const GIT_FIRST: &[&str] = &["--no-pager", "--version", "--help"];

/// Whether the command runs others, or code, from its arguments.
pub(super) fn carries(argv: &[String]) -> bool {
    let Some((name, arguments)) = argv.split_first() else {
        return true;
    };
    let names = names(name);
    let known = |command: &str| names.iter().any(|name| name == command);
    if known("") || ALWAYS.iter().any(|command| known(command)) {
        return true;
    }
    let names_a_file = || arguments.iter().any(|argument| !argument.starts_with('-'));
    if INTERPRETERS.iter().any(|command| known(command)) && !names_a_file() {
        return true;
    }
    if known("git")
        && let Some(first) = arguments.first()
        && first.starts_with('-')
        && !GIT_FIRST.contains(&first.as_str())
    {
        return true;
    }
    let of = |table: &'static [(&str, &[&str])]| {
        table
            .iter()
            .filter(|(command, _)| known(command))
            .flat_map(|(_, entries)| entries.iter().copied())
            .collect::<Vec<_>>()
    };
    let (options, subcommands) = (of(OPTIONS), of(SUBCOMMANDS));
    arguments.iter().enumerate().any(|(index, argument)| {
        options.iter().any(|option| is(option, argument))
            || subcommands.contains(&argument.as_str())
            // Old habits: `tar xIf`.
            || (known("tar") && index == 0 && !argument.starts_with('-') && argument.contains(['I', 'F']))
    })
}

/// The name without its folder and the letters' case, which some file systems do not know; and the same without its version.
fn names(command: &str) -> [String; 2] {
    let name = command.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.to_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name).to_owned();
    let versionless = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let versionless = if versionless.is_empty() {
        name.clone()
    } else {
        versionless.to_owned()
    };
    [name, versionless]
}

fn is(option: &str, argument: &str) -> bool {
    if let Some(long) = option.strip_prefix("--") {
        let Some(given) = argument.strip_prefix("--") else {
            return false;
        };
        let given = given.split('=').next().unwrap_or_default();
        return !given.is_empty() && long.starts_with(given);
    }
    match option.strip_prefix('-') {
        // `-` alone: code from the input.
        Some("") => argument == "-",
        Some(short) if short.chars().count() == 1 => argument
            .strip_prefix('-')
            .is_some_and(|cluster| !cluster.starts_with('-') && cluster.contains(short)),
        _ => argument.split('=').next() == Some(option),
    }
}
