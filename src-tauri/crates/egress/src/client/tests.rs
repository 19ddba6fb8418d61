//! The switch against servers that listen: each test first shows that the very same request arrives while the switch is off.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::*;

/// Wide: a machine under load must not fail a test that is right.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that counts connections, and answers each request with a head and the first bytes of a body of ten.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    /// One message for each connection that its client closed.
    closed: mpsc::UnboundedReceiver<()>,
}

impl Server {
    async fn start(body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (tell, closed) = mpsc::unbounded_channel();
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, body, tell.clone()));
            }
        });
        Self {
            port,
            connections,
            closed,
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn a_connection_closed(&mut self) {
        tokio::time::timeout(PATIENCE, self.closed.recv())
            .await
            .expect("the connection is closed")
            .unwrap();
    }
}

async fn serve(mut stream: TcpStream, body: &'static str, closed: mpsc::UnboundedSender<()>) {
    let mut seen = Vec::new();
    let mut bytes = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
        seen.extend_from_slice(&bytes[..count]);
        if seen.ends_with(b"\r\n\r\n") {
            seen.clear();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }
    let _ = closed.send(());
}

/// A client for which `provider.test` is the server on this machine: a name, so it counts as elsewhere.
fn client(server: &Server, switch: &Switch) -> (Client, Url) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port));
    let rules = Rules {
        pinned: Some(("provider.test".into(), vec![address])),
        ..Rules::default()
    };
    let url = Url::parse(&format!("http://provider.test:{}/v1", server.port)).unwrap();
    (Client::new(rules, switch).unwrap(), url)
}

#[tokio::test]
async fn offline_nothing_arrives_elsewhere() {
    let server = Server::start("0123456789").await;
    let switch = Switch::new();
    let (client, url) = client(&server, &switch);
    let status = client.get(url.clone()).send().await.unwrap().status();
    assert_eq!((status.as_u16(), server.connections()), (200, 1));

    switch.set(true);
    for request in [client.get(url.clone()), client.post(url.clone())] {
        assert!(request.send().await.unwrap_err().is_offline());
    }
    // One that was made before, and sent after.
    switch.set(false);
    let made = client.get(url.clone());
    switch.set(true);
    assert!(made.send().await.unwrap_err().is_offline());
    assert_eq!(server.connections(), 1);

    switch.set(false);
    assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    assert_eq!(server.connections(), 2, "the old connection was not kept");
}

#[tokio::test]
async fn offline_no_name_is_looked_up() {
    let switch = Switch::new();
    let found = lookup(&switch, "localhost", 80).await.unwrap();
    assert!(found.iter().all(|it| it.ip().is_loopback()), "{found:?}");
    switch.set(true);
    let refused = lookup(&switch, "localhost", 80).await.unwrap_err();
    assert!(refused.is_offline());
    let client = Client::new(Rules::default(), &switch).unwrap();
    let url = Url::parse("http://no-such-name.invalid/").unwrap();
    assert!(
        client
            .get(url.clone())
            .send()
            .await
            .unwrap_err()
            .is_offline()
    );
    switch.set(false);
    assert!(!client.get(url).send().await.unwrap_err().is_offline());
}

#[tokio::test]
async fn offline_this_machine_answers_as_before() {
    let server = Server::start("0123456789").await;
    let switch = Switch::new();
    let (client, _) = client(&server, &switch);
    switch.set(true);
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let url = Url::parse(&format!("http://{host}:{}/", server.port)).unwrap();
        let mut answer = client.get(url).send().await.unwrap();
        let body = answer.chunk().await.unwrap().unwrap();
        assert_eq!(&body[..], b"0123456789", "{host}");
    }
}

#[tokio::test]
async fn going_offline_ends_an_answer_from_elsewhere_but_not_one_from_here() {
    let mut server = Server::start("01234").await;
    let switch = Switch::new();
    let (client, url) = client(&server, &switch);
    let here = Url::parse(&format!("http://127.0.0.1:{}/", server.port)).unwrap();
    let mut far = client.get(url).send().await.unwrap();
    let mut near = client.get(here).send().await.unwrap();
    assert_eq!(&far.chunk().await.unwrap().unwrap()[..], b"01234");
    assert_eq!(&near.chunk().await.unwrap().unwrap()[..], b"01234");

    let waiting = tokio::spawn(async move { far.chunk().await.map(drop) });
    tokio::task::yield_now().await;
    switch.set(true);
    let ended = tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    assert!(ended.unwrap().unwrap_err().is_offline());
    server.a_connection_closed().await;
    // The one from here still waits for the rest.
    let more = tokio::time::timeout(Duration::from_millis(100), near.chunk()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn going_offline_ends_a_request_that_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let rules = Rules {
        pinned: Some((
            "slow.test".into(),
            vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))],
        )),
        ..Rules::default()
    };
    let switch = Switch::new();
    let client = Client::new(rules, &switch).unwrap();
    let url = Url::parse(&format!("http://slow.test:{port}/")).unwrap();
    let waiting = tokio::spawn(client.get(url).send());
    let (mut stream, _) = listener.accept().await.unwrap();
    switch.set(true);
    let ended = tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    assert!(ended.unwrap().unwrap_err().is_offline());
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .expect("the connection is closed")
        .ok();
}

#[tokio::test]
async fn going_offline_closes_connections_that_were_kept() {
    let mut server = Server::start("0123456789").await;
    let switch = Switch::new();
    let (client, url) = client(&server, &switch);
    let mut answer = client.get(url.clone()).send().await.unwrap();
    while answer.chunk().await.unwrap().is_some() {}
    drop(answer);
    // Kept: a second request needs no second connection.
    client.get(url).send().await.unwrap().chunk().await.unwrap();
    assert_eq!(server.connections(), 1);
    switch.set(true);
    server.a_connection_closed().await;
}

#[test]
fn clients_that_are_gone_are_forgotten() {
    let switch = Switch::new();
    let kept = Client::new(Rules::default(), &switch).unwrap();
    for _ in 0..3 {
        drop(Client::new(Rules::default(), &switch).unwrap());
    }
    switch.set(true);
    assert!(kept.switch().is_offline());
    assert_eq!(switch.remembered(), 1);
}
