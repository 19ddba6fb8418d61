//! A provider on loopback that does what a test wrote, and checks whatever it is asked.
//!
//! Owns: listening, choosing the answer, recording and judging requests. Refuses to own: how an answer is played
//! (`connection`) and what it holds (`answer`).

mod catalogue;
mod connection;
mod everyday;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Answer, check_body};

/// The server. Runs on a thread of its own until it is dropped, so it serves blocking tests, several runtimes and whole apps.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// What the server does with a chat request for which there is no script.
#[derive(Clone, Debug, Default)]
pub enum OnEmpty {
    /// Answers like a small friendly model: Markdown, tools, or an echo, word by word.
    #[default]
    Everyday,
    /// The same answer each time.
    Always(Box<Answer>),
    /// Status 500, and a violation.
    Refuse,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// When its last byte came.
    pub at: Instant,
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; `Null` where there is none or it is no JSON.
    pub body: Value,
    /// The model asked for; empty where there is none.
    pub model: String,
}

impl RecordedRequest {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
struct Shared {
    queue: VecDeque<Answer>,
    by_model: BTreeMap<String, VecDeque<Answer>>,
    on_empty: OnEmpty,
    models: Answer,
    key: Option<String>,
    pause: Duration,
    requests: Vec<RecordedRequest>,
    violations: Vec<String>,
    playing: usize,
    connections: usize,
}

impl ScriptedServer {
    /// Listens on a free port of 127.0.0.1.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        listener
            .set_nonblocking(true)
            .expect("a fresh socket can be set up");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Mutex::new(Shared {
            queue: VecDeque::new(),
            by_model: BTreeMap::new(),
            on_empty: OnEmpty::default(),
            models: Answer::json(200, &catalogue::openrouter()),
            key: None,
            pause: Duration::from_millis(15),
            requests: Vec::new(),
            violations: Vec::new(),
            playing: 0,
            connections: 0,
        }));
        let stop = CancellationToken::new();
        let thread = std::thread::spawn({
            let (shared, stop) = (Arc::clone(&shared), stop.clone());
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime can be made");
                runtime.block_on(stop.run_until_cancelled_owned(serve(listener, shared)));
            }
        });
        Self {
            address,
            shared,
            stop,
            thread: Some(thread),
        }
    }

    /// The address to give to a provider: `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Adds an answer for the next chat request that has none of its own.
    pub fn push(&self, answer: Answer) -> &Self {
        self.lock().queue.push_back(answer);
        self
    }

    /// Adds an answer for the next chat request for a model.
    pub fn push_for(&self, model: &str, answer: Answer) -> &Self {
        let mut shared = self.lock();
        let queue = shared.by_model.entry(model.to_owned()).or_default();
        queue.push_back(answer);
        drop(shared);
        self
    }

    /// What happens when no answer is left.
    pub fn on_empty(&self, what: OnEmpty) -> &Self {
        self.lock().on_empty = what;
        self
    }

    /// Answers every chat request in the same way, as long as none was pushed.
    pub fn always(&self, answer: Answer) -> &Self {
        self.on_empty(OnEmpty::Always(Box::new(answer)))
    }

    /// Answers requests with another key, or without one, with 401. Before, any key will do.
    pub fn expect_key(&self, key: &str) -> &Self {
        self.lock().key = Some(key.to_owned());
        self
    }

    /// What `GET /models` answers; at first a small list as OpenRouter has it.
    pub fn set_models(&self, answer: Answer) -> &Self {
        self.lock().models = answer;
        self
    }

    /// The pause between words of everyday answers; 15 ms at first.
    pub fn set_pause(&self, pause: Duration) -> &Self {
        self.lock().pause = pause;
        self
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.lock().requests.clone()
    }

    /// The chat requests so far.
    pub fn chats(&self) -> Vec<RecordedRequest> {
        let mut requests = self.requests();
        requests.retain(|request| request.method == "POST");
        requests
    }

    /// Connections so far, those without a request too.
    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    /// Answers that are being played: 0 soon after a client left.
    pub fn playing(&self) -> usize {
        self.lock().playing
    }

    /// What was wrong with the requests.
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// Panics where any request broke a rule.
    pub fn assert_clean(&self) {
        let violations = self.violations();
        assert!(
            violations.is_empty(),
            "requests broke rules: {violations:#?}"
        );
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // Its fault was reported by its own panic; a second one would hide the test's.
            drop(thread.join());
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(|broken| broken.into_inner())
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Mutex<Shared>>) {
    let listener = TcpListener::from_std(listener).expect("the runtime takes the socket");
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        lock(&shared).connections += 1;
        tokio::spawn(connection::serve(stream, Arc::clone(&shared)));
    }
}

impl Shared {
    /// Records a request, judges it, and chooses the answer.
    fn take(&mut self, request: RecordedRequest, raw_body: &[u8]) -> Answer {
        let number = self.requests.len();
        let path = request
            .target
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned();
        let answer = match (request.method.as_str(), path.as_str()) {
            ("POST", path) if path.ends_with("/chat/completions") => {
                self.judge(number, &request, raw_body);
                if self.knows_key(&request) {
                    self.chat(&request)
                } else {
                    refused()
                }
            }
            ("GET", path) if path.ends_with("/models") => self.models.clone(),
            ("GET", path) if path.ends_with("/key") => {
                if self.knows_key(&request) && request.header("authorization").is_some() {
                    Answer::json(200, &catalogue::key())
                } else {
                    refused()
                }
            }
            _ => {
                self.violations.push(format!(
                    "request {number}: nobody should ask {} {}",
                    request.method, request.target
                ));
                Answer::error(404, "no such address")
            }
        };
        self.requests.push(request);
        answer
    }

    fn knows_key(&self, request: &RecordedRequest) -> bool {
        let Some(key) = &self.key else { return true };
        request.header("authorization") == Some(format!("Bearer {key}").as_str())
    }

    fn chat(&mut self, request: &RecordedRequest) -> Answer {
        let own = self
            .by_model
            .get_mut(&request.model)
            .and_then(VecDeque::pop_front);
        if let Some(answer) = own.or_else(|| self.queue.pop_front()) {
            return answer;
        }
        match &self.on_empty {
            OnEmpty::Everyday => everyday::answer(&request.body, self.pause),
            OnEmpty::Always(answer) => (**answer).clone(),
            OnEmpty::Refuse => {
                let number = self.requests.len();
                self.violations
                    .push(format!("request {number}: no answer is left for it"));
                Answer::error(500, "no answer is left")
            }
        }
    }

    /// The rules that every chat request keeps.
    fn judge(&mut self, number: usize, request: &RecordedRequest, raw_body: &[u8]) {
        let mut wrong = check_body(&request.body);
        if request.header("content-type") != Some("application/json") {
            wrong.push(format!(
                "content-type is {:?}",
                request.header("content-type")
            ));
        }
        if request.header("host").is_none() {
            wrong.push("no host is named".to_owned());
        }
        let authorization = request.header("authorization");
        if authorization
            .is_some_and(|value| value.strip_prefix("Bearer ").is_none_or(str::is_empty))
        {
            wrong.push("the authorization is no bearer token".to_owned());
        }
        let sent = authorization.and_then(|value| value.strip_prefix("Bearer "));
        // Short ones would be found by chance.
        for key in [self.key.as_deref(), sent]
            .into_iter()
            .flatten()
            .filter(|key| key.len() >= 8)
        {
            if request.target.contains(key) {
                wrong.push("the key is in the address".to_owned());
            }
            if String::from_utf8_lossy(raw_body).contains(key) {
                wrong.push("the key is in the body".to_owned());
            }
            for (name, value) in &request.headers {
                if name != "authorization" && value.contains(key) {
                    wrong.push(format!("the key is in the header {name}"));
                }
            }
        }
        let wrong = wrong
            .into_iter()
            .map(|fault| format!("request {number}: {fault}"));
        self.violations.extend(wrong);
    }
}

fn refused() -> Answer {
    Answer::json(
        401,
        &serde_json::json!({"error": {"message": "No auth credentials found", "code": 401}}),
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// Sends bytes and reads until the server closes or the answer's body has ended.
    fn send(server: &ScriptedServer, head: &str, body: &str) -> String {
        let mut stream = std::net::TcpStream::connect(server.address).expect("it listens");
        let request = format!(
            "{head}\r\ncontent-length: {}\r\nhost: x\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        while !answer.ends_with(b"0\r\n\r\n") && !answer.ends_with(b"}") {
            match stream.read(&mut piece).expect("it answers") {
                0 => break,
                read => answer.extend_from_slice(&piece[..read]),
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    const GOOD: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
    const HEAD: &str = "POST /v1/chat/completions HTTP/1.1\r\ncontent-type: application/json";

    #[test]
    fn good_requests_are_clean_and_answered_by_script_then_by_default() {
        let server = ScriptedServer::start();
        server.set_pause(Duration::ZERO);
        server.push(Answer::error(503, "first"));
        server.push_for("m", Answer::error(500, "for m"));
        assert!(send(&server, HEAD, GOOD).contains("for m"));
        assert!(send(&server, HEAD, GOOD).contains("first"));
        assert!(send(&server, HEAD, GOOD).contains("said: "));
        assert!(send(&server, "GET /v1/models HTTP/1.1", "").contains("scripted/large"));
        assert_eq!(server.chats().len(), 3);
        server.assert_clean();
    }

    /// The positive control of every `assert_clean`.
    #[test]
    fn each_bad_request_is_seen() {
        let key = "sk-secret-0123";
        let with_key = format!("{HEAD}\r\nauthorization: Bearer {key}");
        let cases = [
            (
                HEAD.to_owned(),
                "{".to_owned(),
                "the body is no JSON object",
            ),
            (
                HEAD.to_owned(),
                GOOD.replace("user", "assistant"),
                "the conversation does not begin with the user",
            ),
            (
                HEAD.replace("application/json", "text/plain"),
                GOOD.to_owned(),
                "content-type is Some(\"text/plain\")",
            ),
            (
                HEAD.replace("/v1/", &format!("/v1/{key}/"))
                    + "\r\nauthorization: Bearer sk-secret-0123",
                GOOD.to_owned(),
                "the key is in the address",
            ),
            (
                with_key.clone(),
                GOOD.replace("Hi", key),
                "the key is in the body",
            ),
            (
                format!("{with_key}\r\nx-copy: {key}"),
                GOOD.to_owned(),
                "the key is in the header x-copy",
            ),
            (
                format!("{HEAD}\r\nauthorization: Basic abc"),
                GOOD.to_owned(),
                "the authorization is no bearer token",
            ),
            (
                "DELETE /v1/models HTTP/1.1".to_owned(),
                String::new(),
                "nobody should ask DELETE /v1/models",
            ),
        ];
        for (head, body, expected) in cases {
            let server = ScriptedServer::start();
            server.set_pause(Duration::ZERO);
            send(&server, &head, &body);
            let violations = server.violations();
            assert!(
                violations.iter().any(|fault| fault.ends_with(expected)),
                "{expected}: {violations:?}"
            );
        }
    }

    #[test]
    fn wrong_keys_are_refused_and_use_up_no_script() {
        let server = ScriptedServer::start();
        server
            .expect_key("sk-right-0123456")
            .on_empty(OnEmpty::Refuse);
        server.push(Answer::error(418, "tea"));
        let head = |key: &str| format!("{HEAD}\r\nauthorization: Bearer {key}");
        assert!(send(&server, &head("sk-wrong-0123456"), GOOD).starts_with("HTTP/1.1 401"));
        assert!(send(&server, &head("sk-right-0123456"), GOOD).starts_with("HTTP/1.1 418"));
        server.assert_clean();
        assert!(send(&server, &head("sk-right-0123456"), GOOD).starts_with("HTTP/1.1 500"));
        assert_eq!(server.violations(), ["request 2: no answer is left for it"]);
    }
}
