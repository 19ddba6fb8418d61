//! Search, models and listings.

use std::time::Duration;

use nexus_egress::Switch;
use nexus_hub::{
    FilePath, Found, Gated, GgufFacts, Hub, HubError, HubSettings, ModelSummary, Skills, choices,
    http_client,
};

use crate::support::{
    connect, content,
    hub::{Body, Reply, TOKEN, TestHub},
    model, sum,
};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[tokio::test]
async fn words_lead_to_results() {
    let hub = TestHub::start(&[]).await;
    let found = connect(&hub.base(), None)
        .find("model & co", 20)
        .await
        .unwrap();
    assert_eq!(
        found,
        Found::Results(vec![ModelSummary {
            id: model(),
            downloads: 1234,
            likes: 7,
            license: Some("apache-2.0".into()),
            gated: None,
            skills: Skills::default(),
        }])
    );
    assert_eq!(
        hub.shared.hub_asked.lock().unwrap()[0].target,
        "/api/models?search=model+%26+co&filter=gguf&sort=downloads&direction=-1&limit=20&full=false"
    );
}

#[tokio::test]
async fn a_name_leads_to_the_model_and_its_files() {
    let small = content(1, 100);
    let files: [(&str, &[u8]); 5] = [
        ("README.md", &small),
        ("m-Q4_K_M.gguf", &small),
        ("Q8_0/m-Q8_0-00001-of-00002.gguf", &small),
        ("Q8_0/m-Q8_0-00002-of-00002.gguf", &small),
        ("../escape.gguf", &small),
    ];
    let hub = TestHub::start(&files).await;
    let client = connect(&hub.base(), None);
    let pasted = "https://huggingface.co/maker/model-GGUF/blob/main/m-Q4_K_M.gguf";
    let Found::Exactly {
        address,
        model: info,
    } = client.find(pasted, 20).await.unwrap()
    else {
        panic!("no exact hit");
    };
    assert_eq!(address.path.unwrap().as_str(), "m-Q4_K_M.gguf");
    assert_eq!(address.revision.as_deref(), Some("main"));
    assert_eq!(address.model, model());
    assert_eq!(info.commit.as_deref(), Some(COMMIT));
    assert_eq!(info.license.as_deref(), Some("apache-2.0"));
    assert_eq!(info.gated, Gated::No);
    assert_eq!(
        info.gguf,
        Some(GgufFacts {
            parameters: Some(7_615_616_512),
            architecture: Some("qwen2".into()),
            context_length: Some(32768),
            chat_template: Some("{{ x }}".into()),
        })
    );
    let listing = client.files(&model(), COMMIT).await.unwrap();
    assert_eq!(listing.files.len(), 4, "over three pages");
    assert_eq!(listing.files[1].sha256(), Some(sum(&small)));
    assert!(matches!(&listing.refused[..], [HubError::Name { .. }]));
    let labels: Vec<(String, usize)> = choices(&listing.files)
        .iter()
        .map(|choice| (choice.label().to_owned(), choice.files.len()))
        .collect();
    assert_eq!(labels, [("Q4_K_M".to_owned(), 1), ("Q8_0".to_owned(), 2)]);
}

#[tokio::test]
async fn half_a_name_is_searched_for() {
    let hub = TestHub::start(&[]).await;
    let found = connect(&hub.base(), None)
        .find("maker/mod", 20)
        .await
        .unwrap();
    assert!(matches!(found, Found::Results(results) if results.len() == 1));
}

#[tokio::test]
async fn results_come_page_by_page() {
    let hub = TestHub::start(&[]).await;
    hub.on_hub(|asked, _, hub| {
        (asked.path() == "/api/models" && !asked.target.contains("cursor=")).then(|| {
            let next = "</api/models?search=x&cursor=a%2Bb%3D>; rel=\"next\"";
            hub.hub_answer(asked).with("Link", next)
        })
    });
    let client = connect(&hub.base(), None);
    let first = client.search_page("x", 20, None).await.unwrap();
    assert_eq!(first.next.as_deref(), Some("a+b="));
    let second = client
        .search_page("x", 20, first.next.as_deref())
        .await
        .unwrap();
    assert_eq!((second.models.len(), second.next), (1, None));
    let asked = hub.shared.hub_asked.lock().unwrap();
    assert!(
        asked[1].target.ends_with("&cursor=a%2Bb%3D"),
        "{}",
        asked[1].target
    );
}

#[tokio::test]
async fn the_beginning_of_a_file_is_looked_at_without_the_rest() {
    let bytes = content(1, 10_000);
    let hub = TestHub::start(&[("m.gguf", &bytes)]).await;
    let client = connect(&hub.base(), Some(TOKEN));
    let path = FilePath::new("m.gguf").unwrap();
    let first = client
        .beginning(&model(), "main", &path, 100)
        .await
        .unwrap();
    assert_eq!(first, bytes[..100]);
    {
        let asked = hub.shared.cdn_asked.lock().unwrap();
        assert_eq!(asked[0].range(), Some((0, 100)));
        assert_eq!(asked[0].header("authorization"), None);
    }
    // A server that knows no ranges sends all of it; that is not read to its end.
    hub.on_cdn(|_, _, _| Some(Reply::new(200, vec![7; 500_000])));
    let first = client
        .beginning(&model(), "main", &path, 100)
        .await
        .unwrap();
    assert_eq!(first, [7; 100]);
    let missing = FilePath::new("n.gguf").unwrap();
    let error = client
        .beginning(&model(), "main", &missing, 100)
        .await
        .unwrap_err();
    assert!(matches!(error, HubError::NotFound(_)), "{error:?}");
}

/// What the hub says, and what is made of it.
#[tokio::test]
async fn answers_that_are_no_answers() {
    type Want = fn(&HubError) -> bool;
    let deep = "[".repeat(100_000);
    let cases: Vec<(&str, Reply, Want)> = vec![
        ("no JSON", Reply::new(200, "<html>"), |e| {
            matches!(e, HubError::BadAnswer(_))
        }),
        ("another shape", Reply::new(200, r#"{"id":[1]}"#), |e| {
            matches!(e, HubError::BadAnswer(_))
        }),
        (
            "a name that climbs",
            Reply::new(200, r#"{"id":"../x"}"#),
            |e| matches!(e, HubError::BadAnswer(_)),
        ),
        (
            "a negative count",
            Reply::new(200, r#"{"id":"a/b","downloads":-1}"#),
            |e| matches!(e, HubError::BadAnswer(_)),
        ),
        ("depth", Reply::new(200, deep), |e| {
            matches!(e, HubError::BadAnswer(_))
        }),
        ("size", Reply::new(200, vec![b' '; 5 * 1024 * 1024]), |e| {
            matches!(e, HubError::TooLarge { .. })
        }),
        (
            "size without a length",
            Reply::new(200, "").body(Body::Chunked(vec![b' '; 5 * 1024 * 1024])),
            |e| matches!(e, HubError::TooLarge { .. }),
        ),
        (
            "a cut",
            Reply::new(200, "").body(Body::Says(100, b"{".to_vec())),
            |e| matches!(e, HubError::Unreachable(_)),
        ),
        (
            "silence",
            Reply::new(200, "").body(Body::Silence(100)),
            |e| matches!(e, HubError::Silent(_)),
        ),
        (
            "a drip",
            Reply::new(200, "").body(Body::Drip(100_000)),
            |e| matches!(e, HubError::Silent(_)),
        ),
        ("no answer", Reply::new(200, "").body(Body::Nothing), |e| {
            matches!(e, HubError::Silent(_))
        }),
        (
            "gated",
            Reply::new(403, "").with("X-Error-Code", "GatedRepo"),
            |e| matches!(e, HubError::Gated { page } if page.ends_with("/maker/model-GGUF")),
        ),
        (
            "gated, 401",
            Reply::new(401, "").with("X-Error-Code", "GatedRepo"),
            |e| matches!(e, HubError::Gated { .. }),
        ),
        ("a bad token", Reply::new(401, ""), |e| {
            matches!(e, HubError::TokenRefused { status: 401 })
        }),
        (
            "missing",
            Reply::new(404, "").with("X-Error-Code", "RepoNotFound"),
            |e| matches!(e, HubError::NotFound(_)),
        ),
        (
            "too often",
            Reply::new(429, "").with("RateLimit", "\"api\";r=0;t=55"),
            |e| {
                *e == HubError::Busy {
                    wait: Duration::from_secs(55),
                }
            },
        ),
        (
            "repairs",
            Reply::new(503, "").with("Retry-After", "7"),
            |e| {
                *e == HubError::Busy {
                    wait: Duration::from_secs(7),
                }
            },
        ),
        ("broken", Reply::new(500, ""), |e| {
            *e == HubError::Status(500)
        }),
        (
            "to another host",
            Reply::new(302, "").with("Location", "http://127.0.0.2/x"),
            |e| matches!(e, HubError::Redirect(_)),
        ),
        (
            "round and round",
            Reply::new(302, "").with("Location", "/api/models/maker/model-GGUF"),
            |e| matches!(e, HubError::Redirect(_)),
        ),
        (
            "to a file",
            Reply::new(302, "").with("Location", "file:///etc/passwd"),
            |e| matches!(e, HubError::Redirect(_)),
        ),
    ];
    for (name, reply, want) in cases {
        let hub = TestHub::start(&[]).await;
        hub.on_hub(move |_, _, _| Some(reply.clone()));
        let settings = HubSettings {
            base: hub.base(),
            token: Some(TOKEN.to_owned().into()),
            headers_timeout: Duration::from_millis(1500),
        };
        let client = Hub::new(
            http_client(Duration::from_secs(10), &Switch::new()).unwrap(),
            &settings,
        )
        .unwrap();
        let error = client.model(&model(), None).await.unwrap_err();
        assert!(want(&error), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_listing_on_another_host_is_not_followed() {
    let hub = TestHub::start(&[]).await;
    hub.on_hub(|_, _, _| {
        Some(Reply::new(200, "[]").with("Link", "<http://127.0.0.2:1/x>; rel=\"next\""))
    });
    let error = connect(&hub.base(), Some(TOKEN))
        .files(&model(), "main")
        .await
        .unwrap_err();
    assert!(matches!(error, HubError::BadAnswer(_)), "{error:?}");
}

#[tokio::test]
async fn a_listing_without_an_end_is_ended() {
    let hub = TestHub::start(&[]).await;
    hub.on_hub(|_, _, _| Some(Reply::new(200, "[]").with("Link", "<?again>; rel=\"next\"")));
    let error = connect(&hub.base(), None)
        .files(&model(), "main")
        .await
        .unwrap_err();
    assert!(matches!(error, HubError::TooLarge { .. }), "{error:?}");
}

#[test]
fn addresses_of_hubs() {
    let make = |base: &str, token: Option<&str>| {
        let settings = HubSettings {
            base: base.into(),
            token: token.map(|token| token.to_owned().into()),
            ..HubSettings::default()
        };
        Hub::new(
            http_client(Duration::from_secs(10), &Switch::new()).unwrap(),
            &settings,
        )
        .map(drop)
    };
    assert_eq!(make("https://huggingface.co", Some("hf_x")), Ok(()));
    assert_eq!(make("https://mirror.example/hf/", None), Ok(()));
    assert_eq!(make("http://mirror.lan", None), Ok(()));
    assert_eq!(make("http://127.0.0.1:8080", Some("hf_x")), Ok(()));
    for (base, token) in [
        ("http://mirror.lan", Some("hf_x")),
        ("file:///tmp", None),
        ("https://user:password@huggingface.co", None),
        ("https://huggingface.co?x=1", None),
        ("huggingface.co", None),
        ("https://huggingface.co", Some("a\nb")),
    ] {
        assert!(
            matches!(make(base, token), Err(HubError::Base(_))),
            "{base}"
        );
    }
}
