use std::sync::Mutex;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nthe rest";

#[test]
fn addresses_are_public_or_not() {
    let public = [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.216.34",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450::1",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "2400::1",
        "2001:200::1",
        "3ffe::1",
        "2001:db7::1",
    ];
    for text in public {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
    let others = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.170",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "192.175.48.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::8.8.8.8",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "64:ff9b:0:0:0:1:808:808",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "2002:c0a8:1::1",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ];
    for text in others {
        assert!(!is_public(text.parse().unwrap()), "{text}");
    }
}

/// Answers from a table; counts what it was asked.
struct Table {
    answers: Vec<(&'static str, Vec<SocketAddr>)>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Resolve for Table {
    async fn lookup(&self, host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        self.asked.lock().unwrap().push(host.into());
        self.answers
            .iter()
            .find(|(name, _)| *name == host)
            .map(|(_, addresses)| addresses.clone())
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name"))
    }
}

fn table(answers: Vec<(&'static str, Vec<SocketAddr>)>) -> Arc<Table> {
    Arc::new(Table {
        answers,
        asked: Mutex::default(),
    })
}

#[tokio::test]
async fn hosts_that_are_not_public_are_refused_before_a_connection() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), port);
    let resolver = table(vec![
        ("private.example", vec![at("127.0.0.1")]),
        ("mixed.example", vec![at("93.184.216.34"), at("127.0.0.1")]),
        ("six.example", vec![at("::1")]),
        ("mapped.example", vec![at("::ffff:127.0.0.1")]),
        ("metadata.example", vec![at("169.254.169.254")]),
        ("nothing.example", vec![]),
        ("foo.localhost", vec![at("127.0.0.1")]),
    ]);
    let fetcher = ImageFetcher::new(resolver.clone(), egress());
    let hosts = [
        // Numbers in every spelling that a URL allows.
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "[fec0::1]",
        "１２７.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        // Names.
        "localhost",
        "LOCALHOST",
        "foo.localhost",
        "private.example",
        "mixed.example",
        "six.example",
        "mapped.example",
        "metadata.example",
        "nothing.example",
        "intranet",
    ];
    for host in hosts {
        let result = fetcher.fetch(&format!("https://{host}/a.png")).await;
        assert!(
            matches!(result, Err(FetchError::NotPublic(_))),
            "{host}: {result:?}"
        );
    }
    let addresses = [
        "http://example.com/a.png",
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AA",
        "javascript:alert(1)",
        "gopher://example.com/",
        "//example.com/a.png",
        "example.com/a.png",
        "",
        "https://",
        "https://?a.png",
        "https://user@example.com/a.png",
        "https://user:pass@example.com/",
        "https://good.example@127.0.0.1/",
        "https://example.com:22/",
        "https://example.com:6379/",
        "https://example.com:8443/",
        "https://localhost./",
        "https://example.com./a.png",
        "https://exa\0mple.com/",
        "https://example.com/\r\nHost: x",
        "https://[fe80::1%25eth0]/",
        "https://256.256.256.256/",
        "https://[::g]/",
    ];
    for address in addresses {
        let result = fetcher.fetch(address).await;
        assert!(
            matches!(result, Err(FetchError::Address(_))),
            "{address}: {result:?}"
        );
    }
    assert!(hosts.len() + addresses.len() >= 60);
    let waited = tokio::time::timeout(Duration::from_millis(50), canary.accept()).await;
    assert!(waited.is_err(), "the canary was reached");
}

/// Serves one answer for each connection and keeps the requests.
async fn serve(answers: Vec<Vec<u8>>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let requests = seen.clone();
    tokio::spawn(async move {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if socket.read(&mut byte).await.unwrap() == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            requests
                .lock()
                .unwrap()
                .push(String::from_utf8_lossy(&head).into_owned());
            // The client may hang up in the middle of what is too long.
            let _ = socket.write_all(&answer).await;
        }
    });
    (address, seen)
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n").into_bytes();
    out.extend_from_slice(body);
    out
}

fn egress() -> Egress {
    Egress::new(&nexus_llm::Timeouts::default()).unwrap()
}

/// A fetcher for which 127.0.0.1 stands for the internet, over http on any port.
fn open(resolver: Arc<Table>) -> ImageFetcher {
    ImageFetcher {
        resolver,
        egress: egress(),
        allowed: |ip| ip == IpAddr::from([127, 0, 0, 1]),
        scheme: "http",
        limit: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn an_image_comes_back_by_what_it_is() {
    let body = answer("200 OK", "content-type: text/html\r\n", PNG);
    let (address, seen) = serve(vec![body]).await;
    let resolver = table(vec![("images.example", vec![address])]);
    let image = open(resolver.clone())
        .fetch(&format!(
            "http://images.example:{}/a.png?x=1",
            address.port()
        ))
        .await;
    assert_eq!(
        image,
        Ok(ImageData {
            media_type: "image/png".into(),
            base64: STANDARD.encode(PNG)
        })
    );
    assert_eq!(*resolver.asked.lock().unwrap(), ["images.example"]);
    let request = seen.lock().unwrap().join("\n").to_lowercase();
    assert!(request.starts_with("get /a.png?x=1 http/1.1"), "{request}");
    for header in ["authorization", "cookie", "referer"] {
        assert!(!request.contains(header), "{request}");
    }
}

#[tokio::test]
async fn each_redirect_is_checked_again() {
    for target in [
        "http://inside.example/a.png",
        "http://10.0.0.1/a.png",
        "http://[::1]/",
        "https://images.example/",
        "file:///etc/passwd",
        "http://user@images.example/",
        "gopher://x/",
        "data:image/png;base64,AA",
    ] {
        for status in ["301 x", "302 x", "303 x", "307 x", "308 x"] {
            let body = answer(status, &format!("location: {target}\r\n"), b"");
            let (address, seen) = serve(vec![body]).await;
            let inside = SocketAddr::from(([10, 0, 0, 9], 80));
            let resolver = table(vec![
                ("images.example", vec![address]),
                ("inside.example", vec![inside]),
            ]);
            let result = open(resolver)
                .fetch(&format!("http://images.example:{}/", address.port()))
                .await;
            assert!(
                matches!(
                    result,
                    Err(FetchError::NotPublic(_) | FetchError::Address(_))
                ),
                "{status} {target}: {result:?}"
            );
            assert_eq!(seen.lock().unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn redirects_are_followed_five_times() {
    for (hops, expected) in [(5, true), (6, false)] {
        let mut answers = vec![answer("302 x", "location: /next\r\n", b""); hops];
        answers.push(answer("200 OK", "", PNG));
        let (address, _) = serve(answers).await;
        let resolver = table(vec![("images.example", vec![address])]);
        let result = open(resolver)
            .fetch(&format!("http://images.example:{}/", address.port()))
            .await;
        assert_eq!(result.is_ok(), expected, "{hops}: {result:?}");
    }
}

/// The name means a public address first and a private one next: the second look-up of the second fetch is what is dialled.
#[tokio::test]
async fn a_name_is_looked_up_once_a_hop_and_dialled_as_found() {
    struct Rebind(SocketAddr, Mutex<u32>);
    #[async_trait]
    impl Resolve for Rebind {
        async fn lookup(&self, _host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            let mut count = self.1.lock().unwrap();
            *count += 1;
            Ok(vec![if *count % 2 == 1 {
                self.0
            } else {
                SocketAddr::from(([10, 0, 0, 1], port))
            }])
        }
    }
    let rounds = 20;
    let (address, seen) = serve(vec![answer("200 OK", "", PNG); rounds]).await;
    let resolver = Arc::new(Rebind(address, Mutex::new(0)));
    let fetcher = ImageFetcher {
        resolver: resolver.clone(),
        ..open(table(vec![]))
    };
    let url = format!("http://rebind.example:{}/", address.port());
    for _ in 0..rounds {
        assert!(fetcher.fetch(&url).await.is_ok());
        assert_eq!(
            fetcher.fetch(&url).await,
            Err(FetchError::NotPublic("rebind.example".into()))
        );
    }
    assert_eq!(seen.lock().unwrap().len(), rounds);
    assert_eq!(*resolver.1.lock().unwrap(), rounds as u32 * 2);
}

#[tokio::test]
async fn what_is_no_good_is_refused() {
    let huge = vec![b'x'; MAX_BYTES + 1];
    let exact = [PNG, &vec![b'x'; MAX_BYTES - PNG.len()]].concat();
    for (name, body, expected) in [
        (
            "svg",
            answer("200 OK", "content-type: image/svg+xml\r\n", b"<svg/>"),
            Err(FetchError::NoImage),
        ),
        (
            "html",
            answer("200 OK", "content-type: image/png\r\n", b"<html>"),
            Err(FetchError::NoImage),
        ),
        ("empty", answer("200 OK", "", b""), Err(FetchError::NoImage)),
        (
            "404",
            answer("404 Not Found", "", PNG),
            Err(FetchError::Failed(
                "the server answered 404 Not Found".into(),
            )),
        ),
        (
            "huge",
            answer("200 OK", "", &huge),
            Err(FetchError::TooLarge),
        ),
        (
            "a huge claim",
            answer("200 OK", "content-length: 99999999999\r\n", PNG),
            Err(FetchError::TooLarge),
        ),
        ("as large as may be", answer("200 OK", "", &exact), Ok(())),
        (
            "nowhere",
            answer("302 x", "", b""),
            Err(FetchError::Failed("it redirects to nowhere".into())),
        ),
    ] {
        let (address, _) = serve(vec![body]).await;
        let resolver = table(vec![("images.example", vec![address])]);
        let result = open(resolver)
            .fetch(&format!("http://images.example:{}/", address.port()))
            .await;
        assert_eq!(result.map(|_| ()), expected, "{name}");
    }
}

#[tokio::test]
async fn a_gzip_bomb_stops_at_the_limit() {
    // 64 MiB of zeros in 64 KiB, made by gzip itself.
    let mut gzip = tokio::process::Command::new("sh")
        .args(["-c", "head -c 67108864 /dev/zero | gzip -c"])
        .output()
        .await
        .unwrap()
        .stdout;
    assert!(gzip.len() > 1000 && gzip.len() < 1_000_000);
    let length = gzip.len();
    let mut body = answer(
        "200 OK",
        &format!("content-encoding: gzip\r\ncontent-length: {length}\r\n"),
        b"",
    );
    body.append(&mut gzip);
    let (address, _) = serve(vec![body]).await;
    let resolver = table(vec![("images.example", vec![address])]);
    let result = open(resolver)
        .fetch(&format!("http://images.example:{}/", address.port()))
        .await;
    assert_eq!(result, Err(FetchError::TooLarge));
}

#[tokio::test]
async fn silence_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let resolver = table(vec![("images.example", vec![address])]);
    let fetcher = ImageFetcher {
        limit: Duration::from_millis(200),
        ..open(resolver)
    };
    let result = fetcher
        .fetch(&format!("http://images.example:{}/", address.port()))
        .await;
    assert_eq!(result, Err(FetchError::TimedOut));
}

#[tokio::test]
async fn offline_no_name_is_looked_up_and_nothing_asked_for() {
    let (address, seen) = serve(vec![answer("200 OK", "", PNG)]).await;
    let resolver = table(vec![("images.example", vec![address])]);
    let fetcher = open(resolver.clone());
    fetcher.egress.switch().set(true);
    let url = format!("http://images.example:{}/", address.port());
    let refused = fetcher.fetch(&url).await.unwrap_err();
    assert_eq!(refused, FetchError::Offline);
    assert_eq!(refused.card().action, ErrorAction::GoOnline);
    assert!(resolver.asked.lock().unwrap().is_empty());
    // The same fetcher, once it may.
    fetcher.egress.switch().set(false);
    assert!(fetcher.fetch(&url).await.is_ok());
    assert_eq!(seen.lock().unwrap().len(), 1);
}
