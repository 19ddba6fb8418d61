//! How a worker ended: from its exit status, its last words and what the system counted. Pure.

use nexus_llm::WorkerDeath;
use nexus_protocol::worker::EXIT_TEMPLATE;

/// What is known when a worker is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// The signal that ended it, also where a launcher reports it as a code.
    pub(super) signal: Option<i32>,
    /// Its exit code, where no signal ended it.
    pub(super) code: Option<i32>,
    /// Why it was ended by the engine, if so.
    pub(super) suspicion: Option<String>,
    /// The lines that it wrote last.
    pub(super) words: Vec<String>,
    /// Memory that it was given, bytes.
    pub(super) limit: Option<u64>,
    /// Whether the kernel ended any process for lack of memory meanwhile.
    pub(super) kernel_ran_out: bool,
}

/// A cause, and what is known in sentences for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obituary {
    pub(super) cause: WorkerDeath,
    pub(super) reason: String,
}

/// What allocators write when they get nothing: Rust's, C++'s, llama.cpp's, and the sandbox's watch.
const OUT_OF_MEMORY: [&str; 6] = [
    "memory allocation of",
    "bad_alloc",
    "out of memory",
    "failed to allocate",
    "cannot allocate memory",
    "[sandbox: more than",
];

/// How llama.cpp names a check of its own that failed, before it aborts.
const FAILED_CHECK: &str = "GGML_ASSERT";

/// Why a worker ended itself with [`EXIT_TEMPLATE`].
const TEMPLATE: &str = "The model's chat template took more time or memory than any real one does.";

/// Programs report a child's signal so, and the exit code of the sandbox's launcher is one such.
const SIGNAL_BASE: i32 = 128;
const SIGNALS: std::ops::RangeInclusive<i32> = 1..=64;

const SIGILL: i32 = 4;
const SIGABRT: i32 = 6;
const SIGBUS: i32 = if cfg!(target_os = "macos") { 10 } else { 7 };
const SIGFPE: i32 = 8;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;
const SIGSYS: i32 = if cfg!(target_os = "macos") { 12 } else { 31 };

impl Evidence {
    /// Takes in an exit status, as its signal and its code.
    pub(super) fn status(&mut self, signal: Option<i32>, code: Option<i32>, launched: bool) {
        let told = code
            .filter(|_| launched)
            .map(|code| code - SIGNAL_BASE)
            .filter(|signal| SIGNALS.contains(signal));
        self.signal = signal.or(told);
        self.code = code.filter(|_| told.is_none());
    }

    /// The judgement.
    pub(super) fn judge(self) -> Obituary {
        let cause = self.cause();
        let how = match (&self.suspicion, cause) {
            (_, WorkerDeath::OutOfMemory { .. }) => "It ran out of memory.".to_owned(),
            // Its own words add nothing that a person can act on.
            (_, WorkerDeath::Template) => {
                return Obituary {
                    cause,
                    reason: TEMPLATE.to_owned(),
                };
            }
            (Some(suspicion), _) => suspicion.clone(),
            (None, WorkerDeath::NotStarted) => "It could not be confined.".to_owned(),
            (None, WorkerDeath::Killed { signal: SIGKILL }) => {
                "It was killed (signal 9).".to_owned()
            }
            (None, WorkerDeath::Killed { signal }) => format!("It was ended by signal {signal}."),
            (None, WorkerDeath::Crashed { signal }) => match signal {
                SIGABRT => format!("It aborted (signal {signal})."),
                SIGILL => format!("It was built for another processor (signal {signal})."),
                SIGSYS => format!("It did what its sandbox forbids (signal {signal})."),
                signal => format!("It crashed (signal {signal})."),
            },
            (None, WorkerDeath::Exited { code }) => format!("It exited with code {code}."),
            (None, WorkerDeath::Misbehaved) => "It closed its output and went on.".to_owned(),
        };
        let reason = match self.telling() {
            Some(line) => format!("{how} Its last words: {line}."),
            None => how,
        };
        Obituary { cause, reason }
    }

    fn cause(&self) -> WorkerDeath {
        if self.code == Some(EXIT_TEMPLATE) {
            return WorkerDeath::Template;
        }
        let said_so = self.words.iter().any(|line| {
            let line = line.to_lowercase();
            OUT_OF_MEMORY.iter().any(|words| line.contains(words))
        });
        let killed_by_kernel = self.kernel_ran_out && self.signal == Some(SIGKILL);
        // An engine that only says so and goes on answers with an error; here it is gone.
        if said_so || killed_by_kernel {
            return WorkerDeath::OutOfMemory { limit: self.limit };
        }
        if self.suspicion.is_some() {
            return WorkerDeath::Misbehaved;
        }
        match (self.signal, self.code) {
            (Some(signal), _) => match signal {
                SIGILL | SIGABRT | SIGBUS | SIGFPE | SIGSEGV | SIGSYS => {
                    WorkerDeath::Crashed { signal }
                }
                signal => WorkerDeath::Killed { signal },
            },
            (None, Some(nexus_sandbox::FAILED)) if self.unconfined() => WorkerDeath::NotStarted,
            (None, Some(code)) => WorkerDeath::Exited { code },
            (None, None) => WorkerDeath::Misbehaved,
        }
    }

    fn unconfined(&self) -> bool {
        self.words
            .iter()
            .any(|line| line.starts_with(nexus_sandbox::FAILED_PREFIX))
    }

    /// The line that tells most: the last panic, failed check or failed allocation, else the last of all.
    fn telling(&self) -> Option<&str> {
        let telling = |line: &&String| {
            line.contains("panic")
                || line.contains(FAILED_CHECK)
                || OUT_OF_MEMORY.iter().any(|words| line.contains(words))
        };
        let line = self.words.iter().rev().find(telling);
        let line = line.or_else(|| self.words.last())?.as_str();
        Some(without_place(line))
    }
}

/// A line of llama.cpp's without the place in its source: a path of the machine that it was built on.
fn without_place(line: &str) -> &str {
    let after = |ending: &str| {
        let number = &line[line.find(ending)? + ending.len()..];
        let text = number.trim_start_matches(|c: char| c.is_ascii_digit());
        text.strip_prefix(": ")
            .filter(|_| text.len() < number.len())
    };
    [".cpp:", ".c:", ".h:", ".cu:", ".m:"]
        .iter()
        .find_map(|ending| after(ending))
        .unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(signal: Option<i32>, code: Option<i32>, launched: bool, words: &[&str]) -> Obituary {
        let mut evidence = Evidence {
            words: words.iter().map(|&line| line.to_owned()).collect(),
            limit: Some(512 << 20),
            ..Evidence::default()
        };
        evidence.status(signal, code, launched);
        evidence.judge()
    }

    #[test]
    fn signals_are_told_apart_and_a_launcher_tells_them_as_codes() {
        for (signal, cause, reason) in [
            (
                9,
                WorkerDeath::Killed { signal: 9 },
                "It was killed (signal 9).",
            ),
            (
                15,
                WorkerDeath::Killed { signal: 15 },
                "It was ended by signal 15.",
            ),
            (
                11,
                WorkerDeath::Crashed { signal: 11 },
                "It crashed (signal 11).",
            ),
            (
                6,
                WorkerDeath::Crashed { signal: 6 },
                "It aborted (signal 6).",
            ),
            (
                4,
                WorkerDeath::Crashed { signal: 4 },
                "It was built for another processor (signal 4).",
            ),
        ] {
            let reason = reason.to_owned();
            let expected = Obituary { cause, reason };
            assert_eq!(ended(Some(signal), None, false, &[]), expected);
            assert_eq!(ended(None, Some(128 + signal), true, &[]), expected);
        }
        assert_eq!(
            ended(None, Some(137), false, &["bye"]),
            Obituary {
                cause: WorkerDeath::Exited { code: 137 },
                reason: "It exited with code 137. Its last words: bye.".to_owned()
            }
        );
    }

    #[test]
    fn lack_of_memory_is_told_apart_from_a_crash() {
        let limit = Some(512 << 20);
        for words in [
            "memory allocation of 99 bytes failed",
            "  what():  std::bad_alloc",
            "[sandbox: more than 512 MiB of memory; all its processes were ended]",
            "ggml: Failed to allocate buffer",
        ] {
            assert_eq!(
                ended(Some(6), None, false, &["before", words, "after"]).cause,
                WorkerDeath::OutOfMemory { limit },
                "{words}"
            );
        }
        let mut kernel = Evidence {
            kernel_ran_out: true,
            ..Evidence::default()
        };
        kernel.status(None, Some(137), true);
        assert_eq!(
            kernel.judge(),
            Obituary {
                cause: WorkerDeath::OutOfMemory { limit: None },
                reason: "It ran out of memory.".to_owned()
            }
        );
    }

    #[test]
    fn a_template_is_told_apart_from_a_fault_of_the_program() {
        let words = ["memory allocation of 99 bytes failed"];
        for launched in [true, false] {
            let obituary = ended(None, Some(EXIT_TEMPLATE), launched, &words);
            assert_eq!(obituary.cause, WorkerDeath::Template);
            assert!(!obituary.cause.is_worth_a_restart());
            assert_eq!(obituary.reason, TEMPLATE);
        }
    }

    #[test]
    fn a_failed_check_is_told_without_the_path_before_it() {
        let words = [
            "/build/ggml.c:3: GGML_ASSERT(eps >= 0.0f) failed",
            "Aborted",
        ];
        assert_eq!(
            ended(Some(6), None, false, &words).reason,
            "It aborted (signal 6). Its last words: GGML_ASSERT(eps >= 0.0f) failed."
        );
        let words = ["/build/ggml-cpu/binary-ops.cpp:135: binary_op: unsupported types"];
        assert_eq!(
            ended(Some(6), None, false, &words).reason,
            "It aborted (signal 6). Its last words: binary_op: unsupported types."
        );
    }

    #[test]
    fn a_sandbox_that_fails_is_no_crash_of_the_worker() {
        let obituary = ended(
            None,
            Some(125),
            true,
            &["nexus-sandbox: no namespaces can be made"],
        );
        assert_eq!(obituary.cause, WorkerDeath::NotStarted);
        assert_eq!(
            obituary.reason,
            "It could not be confined. Its last words: nexus-sandbox: no namespaces can be made."
        );
    }

    #[test]
    fn a_panic_tells_more_than_what_follows_it() {
        assert_eq!(
            ended(
                None,
                Some(101),
                false,
                &["a panic: no such key", "note: more"]
            )
            .reason,
            "It exited with code 101. Its last words: a panic: no such key."
        );
    }
}
