//! A hub and the server behind it, as the real ones behave: the hub answers questions and sends those who want a file to a
//! signed address on another port, which expires.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use nexus_hub::Sha256Sum;
use serde_json::json;

use super::serve::{Answer, Asked, Reply, serve};
use super::sum;

pub const TOKEN: &str = "hf_secret_of_the_tests";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Takes a request's place, or lets it pass. The number counts the requests to that server, from 0.
pub type Hook = Arc<dyn Fn(&Asked, usize, &TestHub) -> Option<Reply> + Send + Sync>;

/// Bytes, and what they add up to: computed once, not at each request.
#[derive(Clone)]
struct Content {
    bytes: Arc<Vec<u8>>,
    sum: Sha256Sum,
}

#[derive(Default)]
pub struct Shared {
    files: Mutex<Vec<(String, Content)>>,
    links: Mutex<HashMap<usize, usize>>,
    next_link: AtomicUsize,
    pub hub_asked: Mutex<Vec<Asked>>,
    pub cdn_asked: Mutex<Vec<Asked>>,
    pub hub_hook: Mutex<Option<Hook>>,
    pub cdn_hook: Mutex<Option<Hook>>,
    cdn: Mutex<Option<SocketAddr>>,
    /// Requests that a signed address is good for.
    pub link_uses: AtomicUsize,
}

#[derive(Clone)]
pub struct TestHub {
    pub shared: Arc<Shared>,
    pub address: SocketAddr,
}

impl TestHub {
    pub async fn start(files: &[(&str, &[u8])]) -> Self {
        let shared = Arc::new(Shared {
            files: Mutex::new(
                files
                    .iter()
                    .map(|(name, bytes)| {
                        (
                            (*name).to_owned(),
                            Content {
                                bytes: Arc::new(bytes.to_vec()),
                                sum: sum(bytes),
                            },
                        )
                    })
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
                let hook = hub.shared.cdn_hook.lock().unwrap().clone();
                hook.and_then(|hook| hook(asked, number, &hub))
                    .unwrap_or_else(|| hub.signed(asked))
            })
        };
        *shared.cdn.lock().unwrap() = Some(serve(cdn).await);
        let front: Answer = {
            let hub = behind;
            Arc::new(move |asked: &Asked| {
                let number = push(&hub.shared.hub_asked, asked);
                let hook = hub.shared.hub_hook.lock().unwrap().clone();
                hook.and_then(|hook| hook(asked, number, &hub))
                    .unwrap_or_else(|| hub.hub_answer(asked))
            })
        };
        let address = serve(front).await;
        Self { shared, address }
    }

    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn cdn(&self) -> SocketAddr {
        self.shared.cdn.lock().unwrap().unwrap()
    }

    /// Files are then fetched through there.
    pub fn send_through(&self, address: SocketAddr) {
        *self.shared.cdn.lock().unwrap() = Some(address);
    }

    pub fn on_hub(
        &self,
        hook: impl Fn(&Asked, usize, &Self) -> Option<Reply> + Send + Sync + 'static,
    ) {
        *self.shared.hub_hook.lock().unwrap() = Some(Arc::new(hook));
    }

    pub fn on_cdn(
        &self,
        hook: impl Fn(&Asked, usize, &Self) -> Option<Reply> + Send + Sync + 'static,
    ) {
        *self.shared.cdn_hook.lock().unwrap() = Some(Arc::new(hook));
    }

    fn file(&self, name: &str) -> Option<Content> {
        let files = self.shared.files.lock().unwrap();
        let found = files.iter().find(|(known, _)| known == name)?;
        Some(found.1.clone())
    }

    pub fn hub_answer(&self, asked: &Asked) -> Reply {
        let path = asked.path().to_owned();
        let model = super::model();
        if let Some(name) = path.strip_prefix(&format!("/{model}/resolve/main/")) {
            let Some(content) = self.file(name) else {
                return Reply::new(404, "Entry not found").with("X-Error-Code", "EntryNotFound");
            };
            let id = self.shared.next_link.fetch_add(1, Ordering::SeqCst);
            let uses = self.shared.link_uses.load(Ordering::SeqCst);
            self.shared.links.lock().unwrap().insert(id, uses);
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
        if path == api || path == format!("{api}/revision/main") {
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
        let files = self.shared.files.lock().unwrap();
        let start = asked
            .target
            .split_once("cursor=")
            .map_or(0, |(_, number)| number.parse().unwrap());
        let rows: Vec<_> = files
            .iter()
            .skip(start)
            .take(2)
            .map(|(name, content)| {
                json!({ "type": "file", "oid": "8eee90da3fe2d9d1b4a0ac6f2fc2ebd6ba5bd3b5", "size": content.bytes.len(), "path": name,
                    "lfs": { "oid": content.sum.to_string(), "size": content.bytes.len(), "pointerSize": 134 }, "xetHash": "00" })
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
        let Content { bytes, sum } = self.file(name).unwrap();
        let etag = format!("\"{}\"", &sum.to_string()[..32]);
        let size = bytes.len() as u64;
        let reply = |status, body: &[u8]| {
            Reply::new(status, body)
                .with("ETag", etag.clone())
                .with("Content-Type", "binary/octet-stream")
                .with("Accept-Ranges", "bytes")
        };
        let same = asked.header("if-range").is_none_or(|known| known == etag);
        match asked.range().filter(|_| same) {
            None => reply(200, &bytes),
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

    fn signed(&self, asked: &Asked) -> Reply {
        let id: Option<usize> = asked
            .target
            .split_once("?Signature=")
            .and_then(|(_, id)| id.parse().ok());
        let mut links = self.shared.links.lock().unwrap();
        match id.and_then(|id| links.get_mut(&id)) {
            Some(uses) if *uses > 0 => *uses -= 1,
            _ => return Reply::new(403, "<Error><Code>AccessDenied</Code></Error>"),
        }
        drop(links);
        self.plain(asked)
    }
}

fn push(list: &Mutex<Vec<Asked>>, asked: &Asked) -> usize {
    let mut list = list.lock().unwrap();
    list.push(asked.clone());
    list.len() - 1
}
