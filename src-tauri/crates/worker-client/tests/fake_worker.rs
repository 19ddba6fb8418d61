//! A worker without a model, that behaves as the name of its model file says when it loads, and as the last user
//! message says when it generates. The engine's tests run it in the place of the real one.
#![expect(
    clippy::unwrap_used,
    reason = "a test program: whatever goes wrong must end it loudly"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nexus_protocol::worker::{
    EXIT_TEMPLATE, FrameDecoder, PROBE, WorkerError, WorkerProbe, WorkerReply, WorkerRequest,
    encode,
};
use nexus_protocol::{ChatMessage, ChatRequest, FinishReason, Usage, UserPart};

/// The generation that waits to be cancelled.
type Waiting = Arc<Mutex<Option<u64>>>;

fn main() {
    if std::env::args().nth(1).as_deref() == Some(PROBE) {
        let probe = WorkerProbe {
            version: "fake".to_owned(),
            backend: if is_llama() { "llama" } else { "mistral" }.to_owned(),
            ..WorkerProbe::default()
        };
        raw(serde_json::to_string(&probe).unwrap().as_bytes());
        return;
    }
    let mut stdin = std::io::stdin().lock();
    let mut decoder = FrameDecoder::default();
    let mut buffer = [0; 4096];
    let waiting = Waiting::default();
    loop {
        match decoder.next_message::<WorkerRequest>().unwrap() {
            Some(request) => serve(request, &waiting),
            None => match stdin.read(&mut buffer).unwrap() {
                0 => return,
                count => decoder.push(&buffer[..count]),
            },
        }
    }
}

fn send(reply: &WorkerReply) {
    raw(&encode(reply).unwrap());
}

fn raw(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    // The parent may have left.
    let _left = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

fn hang() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

fn die(words: &str) -> ! {
    eprintln!("{words}");
    std::process::exit(3);
}

fn serve(request: WorkerRequest, waiting: &Waiting) {
    match request {
        WorkerRequest::Load {
            path,
            context_tokens,
            ..
        } => load(&path, context_tokens),
        WorkerRequest::Ping { id } => send(&WorkerReply::Pong {
            id,
            resident_bytes: 1,
        }),
        WorkerRequest::Shutdown => std::process::exit(0),
        WorkerRequest::Cancel { id } => {
            if waiting.lock().unwrap().take() == Some(id) {
                send(&WorkerReply::Finished {
                    id,
                    reason: None,
                    usage: Usage::default(),
                });
            }
        }
        WorkerRequest::CountTokens { id, request } => send(&WorkerReply::Counted {
            id,
            tokens: u32::try_from(last_words(&request).len()).unwrap(),
        }),
        WorkerRequest::Generate { id, request } => generate(id, &request, waiting),
        WorkerRequest::Embed { id, texts } => send(&embedded(id, &texts)),
    }
}

/// A vector for each text, unless the first asks for something else.
fn embedded(id: u64, texts: &[String]) -> WorkerReply {
    let vectors = match texts[0].as_str() {
        "too few" => Vec::new(),
        "uneven" => vec![vec![1.0], vec![1.0, 0.0]],
        _ => texts
            .iter()
            .map(|text| vec![text.len() as f32; 3])
            .collect(),
    };
    WorkerReply::Embedded {
        id,
        vectors,
        tokens: 7,
    }
}

/// Whether it plays the worker on llama.cpp: by its name.
fn is_llama() -> bool {
    let name = std::env::args_os().next().unwrap();
    Path::new(&name)
        .file_name()
        .is_some_and(|name| name.to_string_lossy().contains("llama"))
}

fn load(path: &str, context_tokens: u32) {
    match Path::new(path).file_stem().unwrap().to_str().unwrap() {
        "llama-dies" if is_llama() => die("a panic: llama cannot (llama.rs:1)"),
        "llama-refuses" if is_llama() => send(&WorkerReply::LoadFailed {
            error: WorkerError::Load {
                reason: "unknown pre-tokenizer".to_owned(),
            },
        }),
        "too-much" => send(&WorkerReply::LoadFailed {
            error: WorkerError::OutOfMemory {
                reason: "no room for 9 bytes".to_owned(),
            },
        }),
        "die-once"
            if std::fs::write(format!("{path}.died"), "").is_ok_and(|()| first_death(path)) =>
        {
            die("a panic: only once (gguf.rs:2)")
        }
        // Each start leaves a mark beside the file.
        "endless-template" => {
            let mark = format!("{path}.{}", std::process::id());
            std::fs::write(mark, "").unwrap();
            std::process::exit(EXIT_TEMPLATE)
        }
        "die-on-load" => die("a panic: no such tensor (gguf.rs:1)"),
        "hang-on-load" => std::thread::sleep(Duration::from_secs(3600)),
        "deaf-on-load" => hang(),
        "refuse" => send(&WorkerReply::LoadFailed {
            error: WorkerError::Load {
                reason: "it is odd".to_owned(),
            },
        }),
        "garbage-on-load" => raw(b"\x05\0\0\0hello"),
        "print-on-load" => raw(b"Loading model...\n"),
        _ => send(&WorkerReply::Loaded {
            context_tokens,
            load_ms: 1,
        }),
    }
}

/// Whether it has not died for this file before; now it has.
fn first_death(path: &str) -> bool {
    std::fs::hard_link(format!("{path}.died"), format!("{path}.died-once")).is_ok()
}

/// What a program in the sandbox would try, and whether it could: `KIND WHERE`.
fn attempt(words: &str) -> String {
    let (kind, place) = words.split_once(' ').unwrap();
    let result = match kind {
        "connect" => TcpStream::connect(place).map(drop),
        "resolve" => std::net::ToSocketAddrs::to_socket_addrs(place).map(drop),
        #[cfg(unix)]
        "unix" => std::os::unix::net::UnixStream::connect(place).map(drop),
        "read" => std::fs::read(place).map(drop),
        "list" => std::fs::read_dir(place).map(drop),
        "write" => std::fs::write(place, "hostile"),
        "append" => std::fs::OpenOptions::new()
            .append(true)
            .open(place)
            .map(drop),
        "remove" => std::fs::remove_file(place),
        "run" => Command::new(place).spawn().map(drop),
        // A program of its own making, in the only folder that it may write.
        "copy" => std::fs::copy("/proc/self/exe", place)
            .and_then(|_| Command::new(place).arg(PROBE).stdout(Stdio::null()).spawn())
            .map(drop),
        other => panic!("{other} is not known"),
    };
    match result {
        Ok(()) => "done".to_owned(),
        Err(error) => format!("refused: {error}"),
    }
}

/// Takes memory until there is none. Pages are written, for memory that is only promised costs nothing.
fn take_all_memory() -> ! {
    let mut all = Vec::new();
    loop {
        all.push(vec![1_u8; 8 << 20]);
        std::hint::black_box(&all);
    }
}

#[cfg(unix)]
fn raise(signal: rustix::process::Signal) -> ! {
    // Rust's own handler of SIGSEGV lets the first one pass.
    loop {
        rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
    }
}

fn last_words(request: &ChatRequest) -> String {
    match request.messages.last() {
        Some(ChatMessage::User { parts }) => match parts.as_slice() {
            [UserPart::Text { text }] => text.clone(),
            _ => String::new(),
        },
        _ => String::new(),
    }
}

fn generate(id: u64, request: &ChatRequest, waiting: &Waiting) {
    let words = last_words(request);
    let text = |text: &str| {
        send(&WorkerReply::Text {
            id,
            text: text.to_owned(),
        });
    };
    if words == "hang before anything" {
        hang();
    }
    if words == "too long" {
        send(&WorkerReply::Failed {
            id,
            error: WorkerError::ContextOverflow {
                prompt_tokens: 9000,
                context_tokens: 512,
            },
        });
        return;
    }
    if words == "refused" {
        send(&WorkerReply::Failed {
            id,
            error: WorkerError::Refused {
                reason: "roles must alternate".to_owned(),
            },
        });
        return;
    }
    send(&WorkerReply::Started {
        id,
        prompt_tokens: 4,
    });
    match words.as_str() {
        "die" => {
            text("half an ans");
            die("memory allocation of 99 bytes failed");
        }
        "kill" => {
            text("half");
            std::process::abort();
        }
        #[cfg(unix)]
        "sigkill" => {
            text("half");
            raise(rustix::process::Signal::KILL);
        }
        #[cfg(unix)]
        "sigsegv" => {
            text("half");
            raise(rustix::process::Signal::SEGV);
        }
        "memory" => {
            text("half");
            take_all_memory();
        }
        "die silently" => die("a panic: before a word (model.rs:3)"),
        "who" => text(if is_llama() { "llama" } else { "mistral" }),
        "engine" => {
            send(&WorkerReply::Failed {
                id,
                error: WorkerError::Engine {
                    reason: "a kernel failed".to_owned(),
                },
            });
            return;
        }
        "hang" => {
            text("half");
            hang();
        }
        "wait" | "slow" => {
            *waiting.lock().unwrap() = Some(id);
            let (waiting, slow) = (waiting.clone(), words == "slow");
            std::thread::spawn(move || {
                for number in 0.. {
                    if *waiting.lock().unwrap() != Some(id) {
                        return;
                    }
                    if slow || number == 0 {
                        send(&WorkerReply::Text {
                            id,
                            text: format!("{number} "),
                        });
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
            return;
        }
        "garbage" => {
            raw(b"\x05\0\0\0hello");
            hang();
        }
        "huge" => {
            raw(&u32::MAX.to_le_bytes());
            hang();
        }
        "half a frame" => {
            raw(b"\xff\0\0\0{\"type\":");
            die("");
        }
        "wrong id" => send(&WorkerReply::Text {
            id: id + 1,
            text: "psst".to_owned(),
        }),
        "flood" => loop {
            text(&"x".repeat(1 << 20));
        },
        "think" => send(&WorkerReply::Thinking {
            id,
            text: "hm".to_owned(),
        }),
        "call" => {
            for part in [
                "See: <tool",
                "_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>",
            ] {
                text(part);
            }
        }
        "tools?" => text(&format!("{} tools", request.tools.len())),
        "env" => text(&environment()),
        "pid" => text(&std::process::id().to_string()),
        other if other.starts_with("try ") => text(&attempt(&other[4..])),
        other => {
            text("You said: ");
            text(other);
        }
    }
    send(&WorkerReply::Finished {
        id,
        reason: Some(FinishReason::Stop),
        usage: Usage {
            input_tokens: 4,
            output_tokens: 2,
            ..Usage::default()
        },
    });
}

fn environment() -> String {
    let mut names: Vec<String> = std::env::vars()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    names.sort();
    names.join("\n")
}
