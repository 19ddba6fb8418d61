//! A hub and the server behind it, as the real ones behave: the hub answers questions and sends those who want a file to a
//! signed address on another port, which expires.
//!
//! Owns: one model, `maker/model-GGUF`, with the files it is started with. Refuses to own what a test wants to go wrong: hooks may
//! take any request's place.

mod serve;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub use serve::{Answer, Asked, Body, Reply, serve};

/// The name of its model.
pub const MODEL: &str = "maker/model-GGUF";
/// A token that looks like one; the hub asks for none.
pub const TOKEN: &str = "hf_secret_of_the_tests";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Ranges up to this length come at once, whatever the pace.
const LOOK: u64 = 128 * 1024;

/// Takes a request's place, or lets it pass. The number counts the requests to that server, from 0.
pub type Hook = Arc<dyn Fn(&Asked, usize, &TestHub) -> Option<Reply> + Send + Sync>;

/// Bytes, and what they add up to: computed once, not at each request.
#[derive(Clone)]
struct Content {
    bytes: Arc<Vec<u8>>,
    sum: String,
    git: String,
}

impl Content {
    fn new(bytes: &[u8]) -> Self {
        let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let git = Sha1::new_with_prefix(format!("blob {}\0", bytes.len())).chain_update(bytes);
        Self {
            bytes: Arc::new(bytes.to_vec()),
            sum: hex(&Sha256::digest(bytes)),
            git: hex(&git.finalize()),
        }
    }
}

/// What the real one keeps in Git itself: it gives such files without a detour, and no SHA-256 of them.
fn is_small(name: &str) -> bool {
    name.ends_with(".json") || name.ends_with(".jinja")
}

/// A panic of one test's hook is that test's affair.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What both servers know.
#[derive(Default)]
pub struct Shared {
    files: Mutex<Vec<(String, Content)>>,
    links: Mutex<HashMap<usize, usize>>,
    next_link: AtomicUsize,
    /// Requests to the hub.
    pub hub_asked: Mutex<Vec<Asked>>,
    /// Requests to the server behind it.
    pub cdn_asked: Mutex<Vec<Asked>>,
    /// Before the hub's own answers.
    pub hub_hook: Mutex<Option<Hook>>,
    /// Before the other's own answers.
    pub cdn_hook: Mutex<Option<Hook>>,
    cdn: Mutex<Option<SocketAddr>>,
    pace: Mutex<Option<(usize, Duration)>>,
    /// Requests that a signed address is good for.
    pub link_uses: AtomicUsize,
}

/// The hub. Cheap to clone; it serves until its runtime ends.
#[derive(Clone)]
pub struct TestHub {
    /// What both servers know.
    pub shared: Arc<Shared>,
    /// Of the hub.
    pub address: SocketAddr,
}

impl TestHub {
    /// Starts both servers in a thread of their own, which lasts as long as the process: for tests without a runtime.
    pub fn start_alone(files: &[(&str, &[u8])]) -> Self {
        let files: Vec<(String, Vec<u8>)> = files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()))
            .collect();
        let (started, wait) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime starts");
            runtime.block_on(async {
                let files: Vec<(&str, &[u8])> = files
                    .iter()
                    .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
                    .collect();
                // The test may have ended already.
                let _ = started.send(Self::start(&files).await);
                std::future::pending::<()>().await;
            });
        });
        wait.recv().expect("the hub starts")
    }

    /// Starts both servers in this runtime.
    pub async fn start(files: &[(&str, &[u8])]) -> Self {
        let shared = Arc::new(Shared {
            files: Mutex::new(
                files
                    .iter()
                    .map(|(name, bytes)| ((*name).to_owned(), Content::new(bytes)))
                    .collect(),
            ),
            link_uses: AtomicUsize::new(5),
            ..Shared::default()
        });
        let unbound: SocketAddr = ([127, 0, 0, 1], 0).into();
        let behind = Self {
            shared: Arc::clone(&shared),
            address: unbound,
        };
        let cdn: Answer = {
            let hub = behind.clone();
            Arc::new(move |asked: &Asked| {
                let number = push(&hub.shared.cdn_asked, asked);
                let hook = held(&hub.shared.cdn_hook).clone();
                hook.and_then(|hook| hook(asked, number, &hub))
                    .unwrap_or_else(|| hub.signed(asked))
            })
        };
        *held(&shared.cdn) = Some(serve(cdn).await);
        let front: Answer = {
            let hub = behind;
            Arc::new(move |asked: &Asked| {
                let number = push(&hub.shared.hub_asked, asked);
                let hook = held(&hub.shared.hub_hook).clone();
                hook.and_then(|hook| hook(asked, number, &hub))
                    .unwrap_or_else(|| hub.hub_answer(asked))
            })
        };
        let address = serve(front).await;
        Self { shared, address }
    }

    /// What `NEXUS_HUB_URL` is set to.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Of the server behind it.
    pub fn cdn(&self) -> SocketAddr {
        held(&self.shared.cdn).expect("it serves")
    }

    /// Puts a file there, or other bytes under its name.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut files = held(&self.shared.files);
        files.retain(|(known, _)| known != name);
        files.push((name.to_owned(), Content::new(bytes)));
    }

    /// Files come so many bytes at a time from now on, with a pause between.
    pub fn slow_down(&self, at_once: usize, pause: Duration) {
        *held(&self.shared.pace) = Some((at_once, pause));
    }

    /// Files come as fast as they can again.
    pub fn hurry(&self) {
        *held(&self.shared.pace) = None;
    }

    /// How often a file's bytes were asked for.
    pub fn fetched(&self) -> usize {
        held(&self.shared.cdn_asked).len()
    }

    /// Files are then fetched through there.
    pub fn send_through(&self, address: SocketAddr) {
        *held(&self.shared.cdn) = Some(address);
    }

    /// Takes the place of the hub's answers.
    pub fn on_hub(
        &self,
        hook: impl Fn(&Asked, usize, &Self) -> Option<Reply> + Send + Sync + 'static,
    ) {
        *held(&self.shared.hub_hook) = Some(Arc::new(hook));
    }

    /// Takes the place of the other server's answers.
    pub fn on_cdn(
        &self,
        hook: impl Fn(&Asked, usize, &Self) -> Option<Reply> + Send + Sync + 'static,
    ) {
        *held(&self.shared.cdn_hook) = Some(Arc::new(hook));
    }

    fn file(&self, name: &str) -> Option<Content> {
        let files = held(&self.shared.files);
        let found = files.iter().find(|(known, _)| known == name)?;
        Some(found.1.clone())
    }

    /// The hub's own answer.
    pub fn hub_answer(&self, asked: &Asked) -> Reply {
        let path = asked.path().to_owned();
        let model = MODEL;
        let resolved = [COMMIT, "main"]
            .iter()
            .find_map(|revision| path.strip_prefix(&format!("/{model}/resolve/{revision}/")));
        if let Some(name) = resolved {
            let Some(content) = self.file(name) else {
                return Reply::new(404, "Entry not found").with("X-Error-Code", "EntryNotFound");
            };
            if is_small(name) {
                return ranged(asked, &content.bytes, &content.git)
                    .with("X-Repo-Commit", COMMIT)
                    .with("Content-Type", "text/plain; charset=utf-8");
            }
            let id = self.shared.next_link.fetch_add(1, Ordering::SeqCst);
            let uses = self.shared.link_uses.load(Ordering::SeqCst);
            held(&self.shared.links).insert(id, uses);
            return Reply::new(302, "Found. Redirecting")
                .with(
                    "Location",
                    format!("http://{}/{name}?Signature={id}", self.cdn()),
                )
                .with("X-Repo-Commit", COMMIT)
                .with("X-Linked-Size", content.bytes.len().to_string())
                .with("X-Linked-Etag", format!("\"{}\"", content.sum))
                .with("Accept-Ranges", "bytes");
        }
        if path == "/api/models" {
            return Reply::new(200, json!([
                { "_id": "1", "id": model.to_string(), "modelId": model.to_string(), "likes": 7, "downloads": 1234,
                  "private": false, "tags": ["gguf", "license:apache-2.0"], "createdAt": "2025-01-01T00:00:00.000Z" },
                { "_id": "2", "id": "gpt2", "likes": 1, "downloads": 9, "tags": [] },
            ]).to_string());
        }
        let api = format!("/api/models/{model}");
        if path == api
            || path == format!("{api}/revision/main")
            || path == format!("{api}/revision/{COMMIT}")
        {
            return Reply::new(200, json!({
                "_id": "1", "id": model.to_string(), "author": "maker", "sha": COMMIT, "gated": false, "private": false,
                "downloads": 1234, "likes": 7, "tags": ["gguf"], "cardData": { "license": "apache-2.0" },
                "gguf": { "total": 7_615_616_512_u64, "architecture": "qwen2", "context_length": 32768, "chat_template": "{{ x }}" },
                "siblings": [], "model-index": null, "config": {}
            }).to_string());
        }
        if path == format!("{api}/tree/{COMMIT}") || path == format!("{api}/tree/main") {
            return self.tree(asked);
        }
        Reply::new(404, r#"{"error":"Repository not found"}"#).with("X-Error-Code", "RepoNotFound")
    }

    /// Two rows a page, as the real one gives a thousand.
    fn tree(&self, asked: &Asked) -> Reply {
        let files = held(&self.shared.files);
        let start = asked
            .target
            .split_once("cursor=")
            .map_or(0, |(_, number)| number.parse().expect("our own cursor"));
        let rows: Vec<_> = files
            .iter()
            .skip(start)
            .take(2)
            .map(|(name, content)| {
                if is_small(name) {
                    return json!({ "type": "file", "oid": content.git, "size": content.bytes.len(), "path": name });
                }
                json!({ "type": "file", "oid": "8eee90da3fe2d9d1b4a0ac6f2fc2ebd6ba5bd3b5", "size": content.bytes.len(), "path": name,
                    "lfs": { "oid": content.sum, "size": content.bytes.len(), "pointerSize": 134 }, "xetHash": "00" })
            })
            .collect();
        let reply = Reply::new(200, json!(rows).to_string());
        if start + 2 < files.len() {
            let next = format!(
                "<{}?recursive=true&cursor={}>; rel=\"next\"",
                asked.path(),
                start + 2
            );
            reply.with("Link", next)
        } else {
            reply
        }
    }

    /// The honest answer of the server behind, but for the signature.
    pub fn plain(&self, asked: &Asked) -> Reply {
        let name = asked.path().trim_start_matches('/');
        let Content { bytes, sum, .. } = self.file(name).expect("the hub named it");
        ranged(asked, &bytes, &sum[..32]).with("Content-Type", "binary/octet-stream")
    }

    fn signed(&self, asked: &Asked) -> Reply {
        let id: Option<usize> = asked
            .target
            .split_once("?Signature=")
            .and_then(|(_, id)| id.parse().ok());
        let mut links = held(&self.shared.links);
        match id.and_then(|id| links.get_mut(&id)) {
            Some(uses) if *uses > 0 => *uses -= 1,
            _ => return Reply::new(403, "<Error><Code>AccessDenied</Code></Error>"),
        }
        drop(links);
        let reply = self.plain(asked);
        // A look at the beginning of a file is no download of it.
        let short = asked
            .range()
            .is_some_and(|(start, end)| end - start <= LOOK);
        match *held(&self.shared.pace) {
            Some((at_once, pause)) if !short => {
                let bytes = reply.bytes();
                reply.body(Body::Paced(bytes, at_once, pause))
            }
            _ => reply,
        }
    }
}

fn push(list: &Mutex<Vec<Asked>>, asked: &Asked) -> usize {
    let mut list = held(list);
    list.push(asked.clone());
    list.len() - 1
}

/// The bytes that were asked for, of a content of this name.
fn ranged(asked: &Asked, bytes: &[u8], name: &str) -> Reply {
    let etag = format!("\"{name}\"");
    let size = bytes.len() as u64;
    let reply = |status, body: &[u8]| {
        Reply::new(status, body)
            .with("ETag", etag.clone())
            .with("Accept-Ranges", "bytes")
    };
    let same = asked.header("if-range").is_none_or(|known| known == etag);
    match asked.range().filter(|_| same) {
        None => reply(200, bytes),
        Some((start, _)) if start >= size => {
            reply(416, b"").with("Content-Range", format!("bytes */{size}"))
        }
        Some((start, end)) => {
            let end = end.min(size);
            reply(206, &bytes[start as usize..end as usize])
                .with("Content-Range", format!("bytes {start}-{}/{size}", end - 1))
        }
    }
}
