//! What is never done, whatever the mode, the rules and the answers.
//!
//! Owns the short list, each entry with its reason: no task needs it, and no answer could be meant. Refuses to be the guard
//! against a program that hides what it does: that is the sandbox. Where a line is read whole its words count, so that a search
//! for `rm -rf /` is a search; where it is not, what merely looks like it is enough.

use nexus_protocol::{Action, FileAction};

use super::{
    PlainCommand, ShellLine, carriers,
    reach::slashed,
    rules::{base_name, line_of},
};

const OWN_DATA: &str =
    "This is the app's own data. Only the app itself reads and changes it. Go on without it.";
const ALL_FILES: &str = "This would destroy the whole system or everything that the user has. It is never done. Name only what the task needs.";
const FORK_BOMB: &str =
    "This is a fork bomb: it stops the machine and does nothing else. It is never run.";
const DEVICE: &str = "This would write over a disk or the memory of the machine. It is never done.";

/// Where the app keeps permissions, keys' names and chats, on the three systems: with it a call could allow itself all else.
const DATA_FOLDERS: &[&str] = &[
    "/.local/share/nexus-agent",
    "/.config/nexus-agent",
    "/library/application support/nexus-agent",
    "/appdata/roaming/nexus-agent",
    "/appdata/local/nexus-agent",
];

/// What writes where its arguments say, or takes a disk apart.
const WRITERS: &[&str] = &[
    "badblocks",
    "blkdiscard",
    "cfdisk",
    "cp",
    "cryptsetup",
    "fdisk",
    "gdisk",
    "hdparm",
    "install",
    "mke2fs",
    "mkswap",
    "mv",
    "parted",
    "sfdisk",
    "sgdisk",
    "shred",
    "tee",
    "truncate",
    "wipefs",
];

/// Block devices and memory, by how their names begin.
const DEVICES: &[&str] = &[
    "dm-", "disk", "hd", "kmem", "loop", "mapper/", "md", "mem", "mmcblk", "nvme", "rdisk", "sd",
    "vd", "xvd", "zram",
];

/// Folders right below the root without which nothing works, or in which all homes are.
const SYSTEM: &[&str] = &[
    "/bin", "/boot", "/etc", "/home", "/lib", "/lib64", "/opt", "/root", "/sbin", "/system",
    "/users", "/usr", "/var",
];

/// Why an action is never done; for the model.
pub(super) fn forbidden(action: &Action) -> Option<String> {
    if action.files.iter().any(|file| is_own(&file.path)) {
        return Some(OWN_DATA.to_owned());
    }
    let writes_device = |file: &FileAction| !file.access.is_read() && is_device(&file.path);
    if action.files.iter().any(writes_device) {
        return Some(DEVICE.to_owned());
    }
    let process = action.process.as_ref()?;
    let line = line_of(action)?;
    let reason = in_line(&line, &process.code)?;
    Some(reason.to_owned())
}

fn in_line(line: &ShellLine, text: &str) -> Option<&'static str> {
    if let Some(reason) = line.commands.iter().find_map(in_command) {
        return Some(reason);
    }
    line.opaque?;
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if is_fork_bomb(&bare) {
        return Some(FORK_BOMB);
    }
    scraps(text).iter().find_map(|words| anywhere(words))
}

fn in_command(command: &PlainCommand) -> Option<&'static str> {
    let words = || {
        command
            .argv
            .iter()
            .chain(&command.writes)
            .chain(&command.reads)
    };
    if words().any(|word| is_own(word)) {
        return Some(OWN_DATA);
    }
    if command.writes.iter().any(|path| is_device(path)) {
        return Some(DEVICE);
    }
    at_front(&command.argv).or_else(|| {
        // `sudo rm -rf /`, `sh -c 'rm -rf /'`.
        let carried = carriers::carries(&command.argv);
        let words = || command.argv.iter().flat_map(|word| scraps(word)).flatten();
        carried
            .then(words)
            .and_then(|words| anywhere(&words.collect::<Vec<_>>()))
    })
}

/// A command that may begin at any of the words.
fn anywhere(words: &[String]) -> Option<&'static str> {
    (0..words.len()).find_map(|from| at_front(words.get(from..)?))
}

fn at_front(words: &[String]) -> Option<&'static str> {
    let (name, arguments) = words.split_first()?;
    let name = base_name(name);
    if destroys(&name, arguments) {
        return Some(ALL_FILES);
    }
    writes_device(&name, arguments).then_some(DEVICE)
}

/// Whether a command removes, or gives away, the root, a home folder or the system's folders, with all in them.
fn destroys(name: &str, arguments: &[String]) -> bool {
    let recursive = |letters: &[char]| {
        arguments.iter().any(|argument| {
            argument == "--recursive"
                || argument
                    .strip_prefix('-')
                    .is_some_and(|cluster| !cluster.starts_with('-') && cluster.contains(letters))
        })
    };
    let wide = match name {
        "rm" => recursive(&['r', 'R']),
        "chmod" | "chown" => recursive(&['R']),
        _ => false,
    };
    wide && arguments.iter().any(|argument| is_everything(argument))
}

/// The root, a home folder, or a folder right below the root, and all in it.
fn is_everything(argument: &str) -> bool {
    let path = slashed(argument).to_lowercase();
    if path.starts_with('/') && path.trim_matches(['/', '.', '*']).is_empty() {
        return true;
    }
    let path = path.trim_end_matches(['/', '.', '*']);
    // `/home/ada`, whose owner the line need not name by `~`.
    let is_home = |folder| {
        path.strip_prefix(folder)
            .is_some_and(|name| !name.is_empty() && !name.contains('/'))
    };
    matches!(path, "~" | "$home" | "${home}" | "c:")
        || SYSTEM.contains(&path)
        || ["/home/", "/users/", "c:/users/"].into_iter().any(is_home)
}

/// The words of a text as they look, quotes off, parted where a command may end.
fn scraps(text: &str) -> Vec<Vec<String>> {
    text.split([';', '&', '|', '\n', '(', ')', '`'])
        .map(|command| {
            command
                .split_whitespace()
                .map(|word| word.replace(['"', '\'', '\\'], ""))
                .collect()
        })
        .collect()
}

/// `:(){ :|:& };:` under any name, and its kin on Windows.
fn is_fork_bomb(bare: &str) -> bool {
    let named = bare.match_indices("(){").any(|(at, _)| {
        let before = bare.get(..at).unwrap_or_default();
        let start = before
            .rfind([';', '&', '|', '{', '}', '('])
            .map_or(0, |end| end + 1);
        let name = before.get(start..).unwrap_or_default();
        let name = name.strip_prefix("function").unwrap_or(name);
        !name.is_empty()
            && bare
                .get(at..)
                .is_some_and(|body| body.contains(&format!("{name}|{name}&")))
    });
    named || bare.contains("%0|%0")
}

fn writes_device(name: &str, arguments: &[String]) -> bool {
    if name == "dd" {
        return arguments
            .iter()
            .filter_map(|argument| argument.strip_prefix("of="))
            .any(is_device);
    }
    (WRITERS.contains(&name) || name.starts_with("mkfs"))
        && arguments.iter().any(|argument| is_device(argument))
}

fn is_device(path: &str) -> bool {
    let path = slashed(path).to_lowercase();
    path.starts_with("//./physicaldrive")
        || path
            .strip_prefix("/dev/")
            .is_some_and(|name| DEVICES.iter().any(|device| name.starts_with(device)))
}

/// Whether a word names the app's own data: `~/.local/share/nexus-agent/nexus.db`, `--file=/home/…`.
fn is_own(word: &str) -> bool {
    let word = format!("/{}/", slashed(word).replace('\\', "/").to_lowercase());
    DATA_FOLDERS
        .iter()
        .any(|folder| word.contains(&format!("{folder}/")))
}
