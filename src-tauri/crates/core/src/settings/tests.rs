use std::{collections::BTreeMap, fs};

use nexus_protocol::{ModelRef, ProviderEntry, ProviderKind, Settings, Theme};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod providers;

fn open(text: Option<&str>, env: &[(&str, &str)]) -> (tempfile::TempDir, SettingsStore) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.toml");
    if let Some(text) = text {
        fs::write(&file, text).unwrap();
    }
    let env = env
        .iter()
        .map(|(k, v)| ((*k).into(), (*v).into()))
        .collect();
    (dir, SettingsStore::open(file, env, Switch::new()))
}

fn text(store: &SettingsStore) -> String {
    fs::read_to_string(store.file()).unwrap()
}

fn entry(id: &str, base_url: &str) -> ProviderEntry {
    ProviderEntry {
        id: id.into(),
        name: String::new(),
        kind: ProviderKind::OpenaiCompat,
        base_url: base_url.into(),
        key: "keychain".into(),
    }
}

#[test]
fn without_a_file_the_defaults_apply_and_none_is_made() {
    let (_dir, store) = open(None, &[]);
    assert_eq!(
        store.current(),
        Loaded {
            settings: Settings::default(),
            from_environment: vec![],
            problems: vec![]
        }
    );
    assert!(!store.file().exists());
}

#[test]
fn the_first_change_writes_every_setting_with_its_words() {
    let (_dir, store) = open(None, &[]);
    store.set("theme", &json!("dark")).unwrap();
    let text = text(&store);
    for name in names() {
        let words = describe::words(&name).unwrap_or_else(|| panic!("no words for {name}"));
        // Those without a value of their own are not written until they are set.
        if !matches!(name.as_str(), "default_model" | "models_dir") {
            assert!(
                text.contains(words.lines().next().unwrap()),
                "{name}:\n{text}"
            );
            assert!(
                text.contains(&environment::variable(&name)),
                "{name}:\n{text}"
            );
        }
    }
    assert!(text.contains("theme = \"dark\""), "{text}");
    let expected = Settings {
        theme: Theme::Dark,
        ..Settings::default()
    };
    assert_eq!(store.reload().settings, expected);
}

#[test]
fn the_template_reads_as_the_defaults() {
    let path = Path::new("x");
    assert_eq!(
        file::parse(path, &describe::template()),
        Ok(Settings::default())
    );
}

#[test]
fn a_new_key_comes_with_its_words_and_goes_again() {
    let (_dir, store) = open(Some("# mine\ntheme = \"light\" # bright\n"), &[]);
    store.set("default_model", &json!("local/x")).unwrap();
    let with = text(&store);
    assert!(
        with.starts_with("# mine\ntheme = \"light\" # bright\n"),
        "{with}"
    );
    assert!(with.contains("# The model of new chats"), "{with}");
    let loaded = store.set("default_model", &Value::Null).unwrap();
    assert_eq!(loaded.settings.default_model, None);
    assert_eq!(text(&store), "# mine\ntheme = \"light\" # bright\n");
}

#[test]
fn an_edit_made_beside_the_app_is_kept() {
    let (_dir, store) = open(Some("auto_title = true\n"), &[]);
    fs::write(store.file(), "auto_title = false # by hand\n").unwrap();
    let loaded = store.set("theme", &json!("dark")).unwrap();
    assert!(!loaded.settings.auto_title);
    assert!(text(&store).starts_with("auto_title = false # by hand\n"));
}

#[test]
fn a_broken_file_gives_defaults_a_place_and_is_never_written() {
    let cases = [
        ("theme = \n", (1, 9)),
        ("# fine\ntheme = \"dark\"\nauto_title = ture\n", (3, 14)),
        ("theme = \"dark\"\nauto_title = \"yes\"\n", (2, 14)),
        ("theme = \"purple\"\n", (1, 9)),
        ("max_tool_calls = -1\n", (1, 18)),
        ("max_tool_calls = 0\n", (1, 18)),
        ("log = \"nexus=nonsense\"\n", (1, 7)),
        ("default_model = \"gpt\"\n", (1, 17)),
        ("providers = 3\n", (1, 13)),
        (
            "[[providers]]\nid = \"a b\"\nbase_url = \"https://x.org\"\n",
            (2, 6),
        ),
        (
            "[[providers]]\nid = \"a\"\nbase_url = \"http://x.org\"\n",
            (3, 12),
        ),
        (
            "[[providers]]\nid = \"a\"\nbase_url = \"https://x.org\"\nkey = \"sk-canary\"\n",
            (4, 7),
        ),
        ("theme = \"dark\"\ntheme = \"light\"\n", (2, 1)),
        ("x = \"\"\"never closed\n\n", (3, 1)),
    ];
    for (broken, place) in cases {
        let (_dir, store) = open(Some(broken), &[]);
        let loaded = store.current();
        assert_eq!(loaded.settings, Settings::default(), "{broken}");
        let [problem] = loaded.problems.as_slice() else {
            panic!("{broken}: {:?}", loaded.problems)
        };
        assert_eq!(problem.place, Some(place), "{broken}: {problem}");
        assert_eq!(problem.source, store.file().display().to_string());
        assert!(!problem.reason.contains('\n') && !problem.reason.is_empty());
        assert!(!problem.reason.contains("canary"));
        let results = [
            store.set("theme", &json!("dark")),
            store.save_provider(&entry("x", "https://x.org/v1")),
            store.remove_provider("a"),
        ];
        for result in results {
            assert_eq!(result, Err(SettingsError::Broken(problem.clone())));
        }
        assert_eq!(text(&store), broken);
        // Mended by hand, it works without a restart.
        fs::write(store.file(), "theme = \"dark\"\n").unwrap();
        assert_eq!(store.reload().problems, vec![]);
        store.set("theme", &json!("light")).unwrap();
        assert_eq!(text(&store), "theme = \"light\"\n");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_too() {
    let dir = tempfile::tempdir().unwrap();
    let latin = dir.path().join("latin.toml");
    fs::write(&latin, b"system_prompt = \"\xe9\"").unwrap();
    let huge = dir.path().join("huge.toml");
    fs::write(&huge, "#".repeat(2 << 20)).unwrap();
    for path in [dir.path().to_path_buf(), latin, huge] {
        let store = SettingsStore::open(path.clone(), BTreeMap::new(), Switch::new());
        let loaded = store.current();
        assert_eq!(loaded.settings, Settings::default());
        assert_eq!(loaded.problems.len(), 1, "{path:?}");
        assert!(matches!(
            store.set("theme", &json!("dark")),
            Err(SettingsError::Io { verb: "read", .. })
        ));
    }
}

#[test]
fn wrong_values_are_refused_and_change_nothing() {
    let before = "theme = \"light\"\n";
    let cases = [
        ("theme", json!("purple")),
        ("theme", json!(7)),
        ("auto_title", json!("true")),
        ("idle_unload_minutes", json!(-5)),
        ("idle_unload_minutes", json!(1.5)),
        ("max_tool_calls", json!(0)),
        ("max_tool_calls", json!(1001)),
        ("default_model", json!("nothing")),
        ("log", json!("nexus=nonsense")),
        ("models_dir", json!("below/here")),
        ("hub_url", json!("http://mirror.example")),
        ("hub_url", json!("https://me:secret@mirror.example")),
        ("system_prompt", json!("x".repeat(70_000))),
        ("theme", json!(["dark"])),
        ("providers", json!([])),
        ("no_such_thing", json!(1)),
        ("", json!(1)),
    ];
    for (name, value) in cases {
        let (_dir, store) = open(Some(before), &[]);
        let result = store.set(name, &value);
        assert!(
            matches!(result, Err(SettingsError::Bad(_))),
            "{name} {value}: {result:?}"
        );
        assert_eq!(text(&store), before);
    }
}

/// Another value than the default, as a variable holds it. Derived from the struct: a setting of a new kind fails here.
fn other(name: &str, default: &Value) -> String {
    match (name, default) {
        ("theme", _) => "dark".into(),
        ("default_model", _) => "local/from-env".into(),
        ("log", _) => "nexus=trace".into(),
        ("hub_url", _) => "https://mirror.example/hub".into(),
        ("models_dir", _) => std::env::temp_dir().join("m").display().to_string(),
        (_, Value::Bool(value)) => (!value).to_string(),
        (_, Value::Number(number)) => (number.as_f64().unwrap() + 1.0).to_string(),
        (_, Value::String(text)) => format!("{text} and more"),
        ("providers", _) => r#"[{"id":"x","base_url":"https://x.org/v1"}]"#.into(),
        ("models", _) => r#"{"local/x":{"backend":"mistral","temperature":0.5}}"#.into(),
        ("allow_rules" | "ask_rules" | "deny_rules", _) => r#"["shell(git status)"]"#.into(),
        other => panic!("how is {other:?} set?"),
    }
}

#[test]
fn every_setting_comes_from_the_environment_and_is_fixed_by_it() {
    for (name, default) in environment::defaults() {
        let variable = format!("NEXUS_{}", name.to_uppercase());
        let value = other(&name, &default);
        let (_dir, store) = open(Some("# nothing\n"), &[(variable.as_str(), value.as_str())]);
        let loaded = store.current();
        assert_eq!(loaded.problems, vec![], "{name}");
        assert_eq!(loaded.from_environment, std::slice::from_ref(&name));
        let now = serde_json::to_value(&loaded.settings).unwrap();
        let was = serde_json::to_value(Settings::default()).unwrap();
        for (key, old) in was.as_object().unwrap() {
            assert_eq!(now[key] == *old, *key != name, "{variable} and {key}");
        }
        let refused = match name.as_str() {
            "providers" => store.remove_provider("x"),
            _ => store.set(&name, &default),
        };
        assert!(
            matches!(refused, Err(SettingsError::Bad(_))),
            "{name}: {refused:?}"
        );
        assert_eq!(text(&store), "# nothing\n");
    }
}

#[test]
fn the_environment_wins_over_the_file_and_a_bad_variable_is_named() {
    let (_dir, store) = open(
        Some("theme = \"light\"\nmax_tool_calls = 7\n"),
        &[
            ("NEXUS_THEME", "dark"),
            ("NEXUS_MAX_TOOL_CALLS", "many"),
            ("NEXUS_AUTO_TITLE", "off"),
        ],
    );
    let loaded = store.current();
    assert_eq!(
        loaded.settings,
        Settings {
            theme: Theme::Dark,
            max_tool_calls: 7,
            auto_title: false,
            ..Settings::default()
        }
    );
    let mut named = loaded.from_environment.clone();
    named.sort_unstable();
    assert_eq!(named, ["auto_title", "theme"]);
    let [problem] = loaded.problems.as_slice() else {
        panic!("{loaded:?}")
    };
    assert_eq!(
        problem.to_string(),
        "NEXUS_MAX_TOOL_CALLS: “many” is no number"
    );
}

#[cfg(unix)]
#[test]
fn a_linked_file_stays_a_link_and_keeps_its_mode() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().join("dotfiles.toml");
    fs::write(&real, "theme = \"light\"\n").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    let link = dir.path().join("settings.toml");
    symlink(&real, &link).unwrap();
    let store = SettingsStore::open(link.clone(), BTreeMap::new(), Switch::new());
    store.set("theme", &json!("dark")).unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "theme = \"dark\"\n");
    assert_eq!(
        fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        2,
        "a temporary file was left"
    );
}

fn any_change() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        prop_oneof![Just("system"), Just("light"), Just("dark")].prop_map(|v| ("theme", json!(v))),
        any::<bool>().prop_map(|v| ("auto_title", json!(v))),
        any::<u32>().prop_map(|v| ("idle_unload_minutes", json!(v))),
        (1u32..=1000).prop_map(|v| ("max_tool_calls", json!(v))),
        "\\PC{0,40}".prop_map(|v| ("system_prompt", json!(v))),
        any::<String>().prop_map(|v| ("system_prompt", json!(v))),
        "[a-z0-9]{1,8}/[a-zA-Z0-9/:.-]{1,30}".prop_map(|v| ("default_model", json!(v))),
        Just(("default_model", Value::Null)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever is set in whatever order: every comment and unknown key is still there, and the values read back.
    #[test]
    fn changes_keep_comments_and_unknown_keys(changes in prop::collection::vec(any_change(), 1..12)) {
        let before = "\
# first comment
theme = \"light\" # behind the theme
future_setting = [1, 2] # unknown

  # indented comment
auto_title = true

[future_table] # unknown too
x = 1
# last comment
";
        let (_dir, store) = open(Some(before), &[]);
        let mut expected = serde_json::to_value(store.current().settings).unwrap();
        for (name, value) in &changes {
            store.set(name, value).unwrap();
            expected[*name] = value.clone();
        }
        prop_assert_eq!(serde_json::to_value(store.reload().settings).unwrap(), expected);
        let after = text(&store);
        for kept in ["# first comment\n", "# behind the theme\n", "future_setting = [1, 2] # unknown\n",
            "  # indented comment\n", "[future_table] # unknown too\nx = 1\n# last comment\n"] {
            prop_assert!(after.contains(kept), "{} went:\n{}", kept, after);
        }
    }

    /// No text makes the reader panic, and what it refuses has a place or a reason.
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Err(problem) = file::parse(Path::new("settings.toml"), &text) {
            prop_assert!(!problem.reason.is_empty());
        }
    }
}

#[test]
fn a_model_needs_two_parts() {
    for (name, fine) in [
        ("a/b", true),
        ("a/b/c", true),
        ("a", false),
        ("/b", false),
        ("a/", false),
        ("", false),
    ] {
        assert_eq!(check_model(&ModelRef(name.into())).is_ok(), fine, "{name}");
    }
}

#[test]
fn the_switch_follows_the_setting_however_it_changes() {
    let switch = Switch::new();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.toml");
    fs::write(&file, "offline = true\n").unwrap();
    let store = SettingsStore::open(file.clone(), BTreeMap::new(), switch.clone());
    assert!(switch.is_offline());
    store.set("offline", &json!(false)).unwrap();
    assert!(!switch.is_offline());
    store.set("offline", &json!(true)).unwrap();
    assert!(switch.is_offline());
    // By hand, and with a slip elsewhere in the file: who wants to be offline stays offline.
    fs::write(&file, "offline = false\n").unwrap();
    store.reload();
    assert!(!switch.is_offline());
    fs::write(&file, "  offline=true # for the train\ntheme = nonsense\n").unwrap();
    let loaded = store.reload();
    assert_eq!(loaded.problems.len(), 1);
    assert!(switch.is_offline());
    fs::write(&file, "# offline = true\ntheme = nonsense\n").unwrap();
    store.reload();
    assert!(!switch.is_offline());
}

#[test]
fn the_environment_stands_above_the_switch_in_the_file() {
    let (_dir, store) = open(Some("offline = false"), &[("NEXUS_OFFLINE", "1")]);
    assert!(store.current().settings.offline);
    assert!(store.set("offline", &json!(false)).is_err());
    assert!(store.current().settings.offline);
}

#[test]
fn a_models_own_drawing_is_read_and_kept_within_its_ranges() {
    let text = "[models.\"local/smollm2-135m\"]\ntemperature = 0.5\ntop_k = 7\nseed = 3\n";
    let (_dir, store) = open(Some(text), &[]);
    let expected = nexus_protocol::ModelSettings {
        backend: None,
        temperature: Some(0.5),
        sampling: nexus_protocol::Sampling {
            top_k: Some(7),
            seed: Some(3),
            ..nexus_protocol::Sampling::default()
        },
    };
    let model = ModelRef("local/smollm2-135m".into());
    let loaded = store.current();
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.settings.models, BTreeMap::from([(model, expected)]));
    for (line, reason) in [
        ("temperature = 3", "temperature is 3, it must be 0 to 2"),
        ("top_p = 0.0", "top_p is 0, it must be 0.01 to 1"),
        ("min_p = -1.0", "min_p is -1, it must be 0 to 1"),
        (
            "repetition_penalty = 9",
            "repetition_penalty is 9, it must be 0.5 to 2",
        ),
        ("top_k = 5000", "top_k is 5000, it must be 0 to 1000"),
    ] {
        let (_dir, store) = open(Some(&format!("[models.\"local/a\"]\n{line}\n")), &[]);
        let problems = store.current().problems;
        let expected = format!("models.\"local/a\": {reason}");
        assert_eq!(
            problems.first().map(|problem| problem.reason.as_str()),
            Some(expected.as_str())
        );
        assert_eq!(problems[0].place.map(|(line, _)| line), Some(1));
    }
}
