//! HTTP/1.1 by hand: a library would refuse to send what tests of downloads must send.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Path and query.
    pub target: String,
    headers: Vec<(String, String)>,
}

impl Asked {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Of `Range: bytes=a-b`, with the end after the last byte.
    pub fn range(&self) -> Option<(u64, u64)> {
        let (a, b) = self
            .header("range")?
            .strip_prefix("bytes=")?
            .split_once('-')?;
        Some((a.parse().ok()?, b.parse::<u64>().ok()? + 1))
    }
}

/// What follows the head of an answer.
#[derive(Clone, Debug)]
pub enum Body {
    /// With its length.
    Bytes(Vec<u8>),
    /// Says another length, sends this, closes.
    Says(u64, Vec<u8>),
    /// No length said.
    Chunked(Vec<u8>),
    /// Says this length, sends a byte now and then, for ever.
    Drip(u64),
    /// Says this length and sends nothing.
    Silence(u64),
    /// Says this length, sends this, then nothing more.
    Trickle(u64, Vec<u8>),
    /// Says this length, sends so many bytes, pauses, and so on.
    Paced(Vec<u8>, usize, Duration),
    /// Not even a status.
    Nothing,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// `200` and the like.
    pub status: u16,
    /// Besides the length.
    pub headers: Vec<(String, String)>,
    /// What follows.
    pub body: Body,
}

impl Reply {
    /// With a plain body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Bytes(body.into()),
        }
    }

    /// With a header more, or another value of it.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With another body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// The bytes of a plain body.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Body::Bytes(bytes) => bytes.clone(),
            other => panic!("no plain body: {other:?}"),
        }
    }
}

/// What a server says to a request.
pub type Answer = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// Serves until the runtime ends.
pub async fn serve(answer: Answer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    let address = listener.local_addr().expect("a listener has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            // A client that goes away in the middle is what these tests are about.
            tokio::spawn(async move {
                let _ = talk(stream, answer).await;
            });
        }
    });
    address
}

async fn talk(mut stream: TcpStream, answer: Answer) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::new();
    loop {
        let head = loop {
            if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = read.split_off(at + 4);
                break std::mem::replace(&mut read, rest);
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8(head).expect("a request is text");
        let mut lines = head.lines();
        let target = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .expect("a request names a target")
            .to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let reply = answer(&Asked { target, headers });
        let mut out = format!("HTTP/1.1 {} Whatever\r\n", reply.status);
        for (name, value) in &reply.headers {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = |length: u64| format!("Content-Length: {length}\r\n\r\n");
        match reply.body {
            Body::Bytes(bytes) => {
                out.push_str(&length(bytes.len() as u64));
                stream.write_all(out.as_bytes()).await?;
                stream.write_all(&bytes).await?;
            }
            Body::Says(said, bytes) => {
                out.push_str(&length(said));
                stream.write_all(out.as_bytes()).await?;
                stream.write_all(&bytes).await?;
                return stream.shutdown().await;
            }
            Body::Chunked(bytes) => {
                out.push_str("Transfer-Encoding: chunked\r\n\r\n");
                stream.write_all(out.as_bytes()).await?;
                for chunk in bytes.chunks(10_000) {
                    stream
                        .write_all(format!("{:x}\r\n", chunk.len()).as_bytes())
                        .await?;
                    stream.write_all(chunk).await?;
                    stream.write_all(b"\r\n").await?;
                }
                stream.write_all(b"0\r\n\r\n").await?;
            }
            Body::Drip(said) => {
                out.push_str(&length(said));
                stream.write_all(out.as_bytes()).await?;
                loop {
                    stream.write_all(b"x").await?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Body::Silence(said) => {
                out.push_str(&length(said));
                stream.write_all(out.as_bytes()).await?;
                std::future::pending::<()>().await;
            }
            Body::Trickle(said, bytes) => {
                out.push_str(&length(said));
                stream.write_all(out.as_bytes()).await?;
                stream.write_all(&bytes).await?;
                std::future::pending::<()>().await;
            }
            Body::Paced(bytes, at_once, pause) => {
                out.push_str(&length(bytes.len() as u64));
                stream.write_all(out.as_bytes()).await?;
                for chunk in bytes.chunks(at_once.max(1)) {
                    stream.write_all(chunk).await?;
                    tokio::time::sleep(pause).await;
                }
            }
            Body::Nothing => std::future::pending::<()>().await,
        }
    }
}
