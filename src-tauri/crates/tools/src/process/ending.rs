//! How a program ended, in words.

use nexus_sandbox::Limits;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself, with this code.
    Exit(i32),
    /// By a signal that it did not handle.
    Signal(i32),
    /// Its time, in seconds, was over.
    TimeLimit(u64),
    /// The user, the model or the end of the session stopped it.
    Stopped,
}

impl Ending {
    pub(crate) fn is_success(self) -> bool {
        self == Self::Exit(0)
    }

    /// For people and models.
    pub(crate) fn words(self) -> String {
        match self {
            // Shells and the sandbox's launcher report a signal of a child so.
            Self::Exit(code @ 129..=192) => match signal_name(code - 128) {
                Some(name) => format!("exit {code}, ended by {name}"),
                None => format!("exit {code}"),
            },
            Self::Exit(code) => format!("exit {code}"),
            Self::Signal(signal) => match signal_name(signal) {
                Some(name) => format!("ended by {name}"),
                None => format!("ended by signal {signal}"),
            },
            Self::TimeLimit(seconds) => format!("ended by the time limit of {seconds} s"),
            Self::Stopped => "stopped".to_owned(),
        }
    }

    fn signal(self) -> Option<i32> {
        match self {
            Self::Signal(signal) => Some(signal),
            Self::Exit(code @ 129..=192) => Some(code - 128),
            _ => None,
        }
    }

    /// The limit that a program which failed seems to have met. The system tells nobody but the program (the sandbox's own watch says
    /// so in a last line), so it is read from how it ended and from the last things that were printed: a hint to the reader, on which
    /// nothing depends.
    pub(crate) fn limit_met(self, tail: &str, limits: &Limits) -> Option<String> {
        if self.is_success() {
            return None;
        }
        let said = |words: &[&str]| words.iter().any(|word| tail.contains(word));
        let mib = |bytes: u64| bytes >> 20;
        let hint = if self.signal() == Some(SIGXFSZ)
            || said(&["File too large", "File size limit exceeded", "EFBIG"])
        {
            format!(
                "it met the limit of {} MiB for one file",
                mib(limits.file_size)
            )
        } else if said(&["Too many open files", "EMFILE"]) {
            format!("it met the limit of {} open files", limits.open_files)
        } else if said(&[
            "processes; all its processes were ended",
            "Resource temporarily unavailable",
            "can't start new thread",
            "Cannot fork",
            "EAGAIN",
        ]) {
            format!(
                "it met the limit of {} processes and threads",
                limits.processes
            )
        } else if said(&["No space left on device", "ENOSPC"]) {
            "the disk or its temp folder is full".to_owned()
        } else if self.signal() == Some(SIGKILL)
            || said(&[
                "of memory; all its processes were ended",
                "MemoryError",
                "Cannot allocate memory",
                "cannot allocate",
                "out of memory",
                "Out of memory",
                "OutOfMemory",
                "memory exhausted",
                "ENOMEM",
            ])
        {
            format!("it met the memory limit of {} MiB", mib(limits.memory))
        } else {
            return None;
        };
        Some(hint)
    }
}

const SIGKILL: i32 = 9;
const SIGXFSZ: i32 = 25;

/// The names of signals that end programs; their numbers are the same on Linux and macOS, but for a few that are left out.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        8 => "SIGFPE",
        SIGKILL => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        SIGXFSZ => "SIGXFSZ",
        _ => return None,
    })
}
