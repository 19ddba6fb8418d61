//! One connection of the scripted server.
//!
//! Owns: HTTP/1.1 by hand, down to resets and half-sent bodies. Refuses to own: which answer is played.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{RecordedRequest, Shared, lock};
use crate::Answer;
use crate::answer::{End, Framing, Head, Step};

const MOST_HEAD_BYTES: usize = 64 * 1024;
const MOST_BODY_BYTES: usize = 256 * 1024 * 1024;

/// Serves requests until either side ends the connection.
pub(super) async fn serve(mut stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    drop(stream.set_nodelay(true));
    let mut buffer = Vec::new();
    loop {
        let Some((request, body)) = read_request(&mut stream, &mut buffer, &shared).await else {
            return;
        };
        let answer = lock(&shared).take(request, &body);
        let _playing = Playing::new(&shared);
        match play(&mut stream, &answer).await {
            Some(After::NextRequest) => {}
            Some(After::Reset) => {
                // What was sent must arrive before the reset wipes it out.
                tokio::time::sleep(Duration::from_millis(60)).await;
                let socket = socket2::SockRef::from(&stream);
                drop(socket.set_linger(Some(Duration::ZERO)));
                return;
            }
            Some(After::Close) => {
                drop(stream.shutdown().await);
                // Reads what the client still sends, or the kernel would answer it with a reset.
                drop(
                    tokio::time::timeout(Duration::from_secs(1), until_client_leaves(&mut stream))
                        .await,
                );
                return;
            }
            None => return,
        }
    }
}

/// Counts an answer as long as it is played.
struct Playing<'a>(&'a Mutex<Shared>);

impl<'a> Playing<'a> {
    fn new(shared: &'a Mutex<Shared>) -> Self {
        lock(shared).playing += 1;
        Self(shared)
    }
}

impl Drop for Playing<'_> {
    fn drop(&mut self) {
        lock(self.0).playing -= 1;
    }
}

enum After {
    NextRequest,
    Close,
    Reset,
}

/// Plays an answer; `None` where the client left before its end.
async fn play(stream: &mut TcpStream, answer: &Answer) -> Option<After> {
    if let Some(head) = &answer.head {
        stream
            .write_all(head_bytes(head, answer.framing).as_bytes())
            .await
            .ok()?;
    }
    let chunked = answer.head.is_some() && answer.framing == Framing::Chunked;
    for step in &answer.steps {
        match step {
            Step::Send(bytes) => send(stream, bytes, chunked).await?,
            Step::Repeat(bytes, times) => {
                for _ in 0..*times {
                    send(stream, bytes, chunked).await?;
                }
            }
            Step::Wait(time) => {
                tokio::select! {
                    () = tokio::time::sleep(*time) => {}
                    () = until_client_leaves(stream) => return None,
                }
            }
        }
    }
    match answer.end {
        End::Finish if chunked => {
            stream.write_all(b"0\r\n\r\n").await.ok()?;
            Some(After::NextRequest)
        }
        End::Finish if matches!(answer.framing, Framing::Length(_)) => Some(After::NextRequest),
        End::Finish | End::Fin => Some(After::Close),
        End::Reset => Some(After::Reset),
        End::Stall => {
            until_client_leaves(stream).await;
            None
        }
    }
}

async fn send(stream: &mut TcpStream, bytes: &[u8], chunked: bool) -> Option<()> {
    if bytes.is_empty() {
        // An empty chunk would end the body.
        return Some(());
    }
    if !chunked {
        return stream.write_all(bytes).await.ok();
    }
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    stream.write_all(&chunk).await.ok()
}

async fn until_client_leaves(stream: &mut TcpStream) {
    let mut ignored = [0; 4096];
    while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}

fn head_bytes(head: &Head, framing: Framing) -> String {
    let mut text = format!("HTTP/1.1 {} Scripted\r\n", head.status);
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    match framing {
        Framing::Chunked => text.push_str("transfer-encoding: chunked\r\n"),
        Framing::UntilClose => text.push_str("connection: close\r\n"),
        Framing::Length(bytes) => text.push_str(&format!("content-length: {bytes}\r\n")),
    }
    text.push_str("\r\n");
    text
}

/// Reads one request; `None` where the client left, or spoke something else than HTTP/1.1.
async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    shared: &Mutex<Shared>,
) -> Option<(RecordedRequest, Vec<u8>)> {
    let fault = |what: &str| lock(shared).violations.push(what.to_owned());
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if buffer.len() > MOST_HEAD_BYTES {
            fault("a request's head is too long");
            return None;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8_lossy(buffer.get(..head_end)?).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = match length.map(|(_, value)| value.parse::<usize>()) {
        None => 0,
        Some(Ok(length)) if length <= MOST_BODY_BYTES => length,
        Some(_) => {
            fault("a request's length is no sensible number");
            return None;
        }
    };
    while buffer.len() < head_end + length {
        more(stream, buffer).await?;
    }
    let rest = buffer.split_off(head_end + length);
    let body = buffer.split_off(head_end);
    *buffer = rest;
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    let request = RecordedRequest {
        at: Instant::now(),
        method,
        target,
        headers,
        model: value["model"].as_str().unwrap_or_default().to_owned(),
        body: value,
    };
    Some((request, body))
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0).then_some(())
}
