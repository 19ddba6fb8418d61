use super::*;

fn endpoint(base: &str) -> Endpoint {
    let settings = HubSettings {
        base: base.into(),
        ..HubSettings::default()
    };
    Endpoint::new(
        http_client(Duration::from_secs(1), &Switch::new()).unwrap(),
        &settings,
    )
    .unwrap()
}

fn headers(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}

#[test]
fn where_redirects_may_lead() {
    let secure = endpoint("https://hub.example");
    let plain = endpoint("http://127.0.0.1:8080");
    let from = Url::parse("https://hub.example/a/b/resolve/main/x.gguf").unwrap();
    for (target, over_https, over_http) in [
        ("https://cdn.example/x?Signature=1", true, true),
        ("/api/resolve-cache/x", true, true),
        ("http://cdn.example/x", false, true),
        ("http://hub.example/x", false, true),
        ("file:///etc/passwd", false, false),
        ("data:text/plain,x", false, false),
        ("https://user:secret@cdn.example/x", false, false),
        ("https://", false, false),
    ] {
        let location = headers("location", target);
        assert_eq!(
            secure.next(&from, &location).is_ok(),
            over_https,
            "{target}"
        );
        assert_eq!(plain.next(&from, &location).is_ok(), over_http, "{target}");
    }
    assert!(secure.next(&from, &HeaderMap::new()).is_err());
}

#[test]
fn another_port_or_scheme_is_another_host() {
    let hub = endpoint("https://hub.example/mirror");
    for (url, own) in [
        ("https://hub.example/x", true),
        ("https://hub.example:443/x", true),
        ("https://hub.example:444/x", false),
        ("http://hub.example/x", false),
        ("https://hub.example.evil.example/x", false),
        ("https://cdn.hub.example/x", false),
    ] {
        assert_eq!(hub.owns(&Url::parse(url).unwrap()), own, "{url}");
    }
}

#[test]
fn segments_cannot_change_an_address() {
    let hub = endpoint("https://hub.example/mirror/");
    assert_eq!(
        hub.url(&["api", "tree", "refs/pr/1", "a b?#%.gguf"])
            .as_str(),
        "https://hub.example/mirror/api/tree/refs%2Fpr%2F1/a%20b%3F%23%25.gguf"
    );
}

#[test]
fn how_long_a_server_asks_to_wait() {
    let wait = |name, value: &str| asked_to_wait(&headers(name, value)).map(|wait| wait.as_secs());
    assert_eq!(wait("retry-after", "7"), Some(7));
    assert_eq!(
        wait("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"),
        Some(0)
    );
    assert_eq!(wait("retry-after", "soon"), None);
    assert_eq!(wait("retry-after", "-5"), None);
    assert_eq!(wait("ratelimit", "\"api\";r=0;t=55"), Some(55));
    assert_eq!(wait("ratelimit", "\"api\";r=0"), None);
}
