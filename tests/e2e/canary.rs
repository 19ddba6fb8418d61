//! A server that nothing should ever ask: each request to it is an escape.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A listening canary.
pub struct Canary {
    address: SocketAddr,
    hits: Arc<Mutex<Vec<String>>>,
}

impl Canary {
    /// Starts one, and proves that it hears: a test that counts nothing must not count for nothing.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let canary = Self {
            address: listener.local_addr().unwrap(),
            hits: Arc::default(),
        };
        let hits = canary.hits.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                hits.lock().unwrap().push(answer(stream));
            }
        });
        let mut control = TcpStream::connect(canary.address).unwrap();
        control.write_all(b"GET /control HTTP/1.1\r\n\r\n").unwrap();
        let mut heard = Vec::new();
        control.read_to_end(&mut heard).unwrap();
        assert_eq!(canary.take(), ["GET /control HTTP/1.1"]);
        canary
    }

    /// `127.0.0.1:port`.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// First lines of the requests since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.hits.lock().unwrap())
    }
}

fn answer(mut stream: TcpStream) -> String {
    stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut buffer = [0; 2048];
    let read = stream.read(&mut buffer).unwrap_or(0);
    let request = String::from_utf8_lossy(&buffer[..read])
        .lines()
        .next()
        .unwrap_or("")
        .to_owned();
    let script = "window.__pwned = 1;";
    // A generous answer: were it asked for, the script would run and the image would load.
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nAccess-Control-Allow-Origin: *";
    let _ = write!(
        stream,
        "{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{script}",
        script.len()
    );
    request
}
