//! Providers in the file.

use nexus_protocol::{ProviderEntry, ProviderKind};

use super::{super::*, entry, open, text};

#[test]
fn providers_are_added_changed_and_removed_with_what_is_around_them() {
    let before = "\
# top
theme = \"dark\" # mine

# my server
[[providers]]
id = \"mine\" # the id
base_url = \"https://old.example/v1\" # old
organization = \"kept\"
";
    let (_dir, store) = open(Some(before), &[]);
    store
        .save_provider(&entry("mine", "https://new.example/v1"))
        .unwrap();
    let changed = text(&store);
    assert!(
        changed.contains("base_url = \"https://new.example/v1\" # old"),
        "{changed}"
    );
    assert!(changed.contains("id = \"mine\" # the id"), "{changed}");
    assert!(changed.contains("organization = \"kept\""), "{changed}");
    assert!(changed.contains("# my server"), "{changed}");
    let second = ProviderEntry {
        name: "Second".into(),
        key: "env:MY_KEY".into(),
        kind: ProviderKind::Openrouter,
        ..entry("second", "http://127.0.0.1:8080/v1")
    };
    let loaded = store.save_provider(&second).unwrap();
    assert_eq!(
        loaded.settings.providers,
        [entry("mine", "https://new.example/v1"), second.clone()]
    );
    let loaded = store.remove_provider("mine").unwrap();
    assert_eq!(loaded.settings.providers, [second]);
    let loaded = store.remove_provider("second").unwrap();
    assert_eq!(loaded.settings.providers, []);
    assert!(text(&store).starts_with("# top\ntheme = \"dark\" # mine\n"));
}

#[test]
fn providers_written_as_one_line_work_as_well() {
    let (_dir, store) = open(
        Some("providers = [{ id = \"a\", base_url = \"https://a.example/v1\" }] # short\n"),
        &[],
    );
    let loaded = store
        .save_provider(&entry("b", "https://b.example/v1"))
        .unwrap();
    assert_eq!(
        loaded.settings.providers,
        [
            entry("a", "https://a.example/v1"),
            entry("b", "https://b.example/v1")
        ]
    );
    assert!(text(&store).contains("# short"));
    let loaded = store.remove_provider("a").unwrap();
    assert_eq!(
        loaded.settings.providers,
        [entry("b", "https://b.example/v1")]
    );
}

#[test]
fn provider_entries_are_checked() {
    let good = [
        "https://openrouter.ai/api/v1",
        "https://10.0.0.5:8443/v1",
        "http://127.0.0.1:11434/v1",
        "http://localhost:1234/v1",
        "http://[::1]:8080/v1",
        "http://127.9.9.9/v1",
    ];
    for url in good {
        assert_eq!(check_provider(&entry("a", url)), Ok(()), "{url}");
    }
    let bad = [
        "",
        "openrouter.ai",
        "http://openrouter.ai/v1",
        "http://10.0.0.5/v1",
        "http://localhost.evil.com/v1",
        "http://127.0.0.1.evil.com/v1",
        "http://evil.com#@127.0.0.1/",
        "https://user:pass@x.org/v1",
        "https://user@x.org/v1",
        "https://x.org/v1?key=1",
        "https://x.org/v1#x",
        "ftp://x.org",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "http://0.0.0.0:8080/v1",
        "http://[::]/v1",
        "data:text/plain,x",
    ];
    for url in bad {
        assert!(check_provider(&entry("a", url)).is_err(), "{url}");
    }
    for id in [
        "",
        "local",
        "A",
        "a b",
        "a/b",
        "ä",
        "a_b",
        &"a".repeat(33),
        "a\n",
    ] {
        assert!(
            check_provider(&entry(id, "https://x.org")).is_err(),
            "{id:?}"
        );
    }
    for key in ["keychain", "none", "env:A", "env:_A9"] {
        let entry = ProviderEntry {
            key: key.into(),
            ..entry("a", "https://x.org")
        };
        assert_eq!(check_provider(&entry), Ok(()), "{key}");
    }
    for key in [
        "",
        "env:",
        "env:9A",
        "env:A B",
        "env:A=B",
        "sk-or-v1-canary",
        "Keychain",
        "env:A-B",
    ] {
        let entry = ProviderEntry {
            key: key.into(),
            ..entry("a", "https://x.org")
        };
        let reason = check_provider(&entry).unwrap_err();
        assert!(!reason.contains("canary"), "{reason}");
    }
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    for (a, b, same) in [
        ("https://x.org/v1", "https://x.org/v2", true),
        ("https://x.org/v1", "https://X.ORG:443/v1", true),
        ("https://x.org/v1", "https://x.org:444/v1", false),
        ("https://x.org/v1", "https://y.org/v1", false),
        ("http://localhost/v1", "https://localhost/v1", false),
    ] {
        assert_eq!(origin(a) == origin(b), same, "{a} {b}");
        assert!(origin(a).is_some());
    }
    assert_eq!(origin("http://x.org"), None);
}
