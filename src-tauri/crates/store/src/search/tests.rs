use nexus_protocol::{ItemStatus, SearchHit, UnixMillis};

use super::*;
use crate::fixture::{Fixture, answer, item_id, message, plan, session, session_id};

async fn snippets(fixture: &Fixture, query: &str) -> Vec<String> {
    let hits = fixture.store.search(query, 50).await.unwrap();
    hits.into_iter().map(|hit| hit.snippet).collect()
}

#[tokio::test]
async fn a_hit_says_where_and_marks_the_words() {
    let fixture = Fixture::with_session().await;
    fixture
        .store
        .put_item(&message(1, 3, "How do I bake sourdough bread?"))
        .await
        .unwrap();
    assert_eq!(
        fixture.store.search("BREAD sourdo", 10).await.unwrap(),
        vec![SearchHit {
            session: session_id(1),
            title: "First".to_owned(),
            item: Some(item_id((1 << 64) | 3)),
            snippet: "How do I bake \u{2}sourdough\u{3} \u{2}bread\u{3}?".to_owned(),
            at: UnixMillis(10_003),
        }]
    );
}

#[tokio::test]
async fn titles_are_found_as_they_are_now_and_come_first() {
    let fixture = Fixture::with_session().await;
    fixture
        .store
        .put_item(&message(1, 0, "orchids need light"))
        .await
        .unwrap();
    fixture
        .store
        .set_title(
            session_id(1),
            "About orchids",
            nexus_protocol::TitleSource::User,
        )
        .await
        .unwrap();
    assert_eq!(
        fixture.store.search("orchid", 10).await.unwrap(),
        vec![
            SearchHit {
                session: session_id(1),
                title: "About orchids".to_owned(),
                item: None,
                snippet: "About \u{2}orchids\u{3}".to_owned(),
                at: UnixMillis(1_000),
            },
            SearchHit {
                session: session_id(1),
                title: "About orchids".to_owned(),
                item: Some(item_id(1 << 64)),
                snippet: "\u{2}orchids\u{3} need light".to_owned(),
                at: UnixMillis(10_000),
            },
        ]
    );
    assert_eq!(snippets(&fixture, "First").await, Vec::<String>::new());
}

#[tokio::test]
async fn words_are_anded_and_only_the_last_is_a_beginning() {
    let fixture = Fixture::with_session().await;
    let texts = ["alpha beta", "alphabet beta", "alpha gamma"];
    for (n, text) in (0..).zip(texts) {
        fixture.store.put_item(&message(1, n, text)).await.unwrap();
    }
    assert_eq!(
        snippets(&fixture, "alpha bet").await,
        vec!["\u{2}alpha\u{3} \u{2}beta\u{3}"]
    );
    assert_eq!(
        snippets(&fixture, "beta alphab").await,
        vec!["\u{2}alphabet\u{3} \u{2}beta\u{3}"]
    );
    assert_eq!(snippets(&fixture, "alpha").await.len(), 3);
    assert_eq!(
        snippets(&fixture, "alpha delta").await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn case_and_accents_do_not_matter() {
    let fixture = Fixture::with_session().await;
    fixture
        .store
        .put_item(&message(1, 0, "Crème brûlée à Việt Nam"))
        .await
        .unwrap();
    for query in ["creme", "BRULEE", "viet", "crème", "Brûl"] {
        assert_eq!(snippets(&fixture, query).await.len(), 1, "{query}");
    }
}

#[tokio::test]
async fn the_newer_of_two_equal_hits_comes_first() {
    let fixture = Fixture::with_session().await;
    let mut old = message(1, 0, "the same words");
    old.created_at = UnixMillis(0);
    let mut new = message(1, 1, "the same words");
    new.created_at = UnixMillis(90 * 24 * 3_600_000);
    fixture
        .store
        .put_items(&[old.clone(), new.clone()])
        .await
        .unwrap();
    let order: Vec<_> = fixture
        .store
        .search("same", 10)
        .await
        .unwrap()
        .into_iter()
        .filter_map(|hit| hit.item)
        .collect();
    assert_eq!(order, vec![new.id, old.id]);
}

#[tokio::test]
async fn a_growing_answer_is_found_once_it_ended_and_by_its_last_text_only() {
    let fixture = Fixture::with_session().await;
    fixture
        .store
        .put_item(&answer(1, 0, "walrus", ItemStatus::InProgress))
        .await
        .unwrap();
    assert_eq!(snippets(&fixture, "walrus").await, Vec::<String>::new());
    fixture
        .store
        .put_item(&answer(1, 0, "walrus one", ItemStatus::Complete))
        .await
        .unwrap();
    assert_eq!(
        snippets(&fixture, "walrus").await,
        vec!["\u{2}walrus\u{3} one"]
    );
    fixture
        .store
        .put_item(&answer(1, 0, "seal two", ItemStatus::Complete))
        .await
        .unwrap();
    assert_eq!(snippets(&fixture, "walrus").await, Vec::<String>::new());
    assert_eq!(snippets(&fixture, "seal").await, vec!["\u{2}seal\u{3} two"]);
    fixture
        .store
        .remove_items(&[item_id(1 << 64)])
        .await
        .unwrap();
    assert_eq!(snippets(&fixture, "seal").await, Vec::<String>::new());
    assert_eq!(
        fixture.store.integrity_check().await.unwrap(),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn deleted_sessions_are_not_found_and_do_not_use_up_the_limit() {
    let fixture = Fixture::with_session().await;
    fixture
        .store
        .create_session(&session(2, "Kept"))
        .await
        .unwrap();
    let gone: Vec<_> = (0..300).map(|n| message(1, n, "narwhal")).collect();
    fixture.store.put_items(&gone).await.unwrap();
    fixture
        .store
        .put_item(&message(2, 0, "a much longer text with one narwhal in it"))
        .await
        .unwrap();
    fixture
        .store
        .delete_session(session_id(1), UnixMillis(5))
        .await
        .unwrap();
    assert_eq!(
        snippets(&fixture, "narwhal").await,
        vec!["a much longer text with one \u{2}narwhal\u{3} in it"]
    );
    assert_eq!(snippets(&fixture, "First").await, Vec::<String>::new());
    fixture.store.restore_session(session_id(1)).await.unwrap();
    assert_eq!(
        fixture.store.search("narwhal", 1_000).await.unwrap().len(),
        200
    );
}

#[tokio::test]
async fn hostile_queries_find_words_or_nothing_and_never_fail() {
    let fixture = Fixture::with_session().await;
    fixture
        .store
        .put_item(&message(
            1,
            0,
            "C++ AND foo-bar NEAR text: it's \"quoted\" (really)",
        ))
        .await
        .unwrap();
    let cases = [
        ("C++", 1),
        ("foo-bar", 1),
        ("foo-baz", 0),
        ("\"quoted\"", 1),
        ("\"", 0),
        ("\"\"\"", 0),
        ("\"quoted", 1),
        ("text:it", 1),
        ("text:", 1),
        ("title: text", 0),
        ("{text}: foo", 1),
        ("NEAR(foo bar)", 0),
        ("foo NOT bar", 0),
        ("foo OR zebra", 0),
        ("AND", 1),
        ("foo AND", 1),
        ("^foo", 1),
        ("foo*", 1),
        ("*", 0),
        ("fo* ba*", 0),
        ("it's", 1),
        ("(", 0),
        ("really)", 1),
        ("foo + bar", 1),
        ("'; DROP TABLE items; --", 0),
        ("foo\0bar", 0),
        ("\0", 0),
        ("foo \0", 1),
        ("\u{2}foo\u{3}", 1),
        ("%", 0),
        ("_", 0),
        ("", 0),
        ("   \t\n", 0),
        ("🦀", 0),
        ("foo 🦀", 1),
        ("\u{301}", 0),
        ("-foo", 1),
        ("items_fts", 0),
        ("rank MATCH 'x'", 0),
    ];
    for (query, hits) in cases {
        let found = fixture.store.search(query, 10).await;
        assert_eq!(found.map(|found| found.len()), Ok(hits), "{query:?}");
    }
    for long in [
        "foo ".repeat(10_000),
        "f".repeat(1_000_000),
        "\"".repeat(100_000),
        "a-".repeat(50_000),
    ] {
        assert!(fixture.store.search(&long, 10).await.is_ok());
    }
}

#[tokio::test]
async fn no_message_can_forge_a_mark() {
    let fixture = Fixture::with_session().await;
    let text = "real \u{2}forged\u{3} \0 word";
    fixture.store.put_item(&message(1, 0, text)).await.unwrap();
    assert_eq!(
        snippets(&fixture, "real").await,
        vec!["\u{2}real\u{3} forged  word"]
    );
    assert_eq!(
        fixture.store.items(session_id(1)).await.unwrap(),
        vec![message(1, 0, text)]
    );
}

#[tokio::test]
async fn limits_hold_and_titles_leave_room_for_messages() {
    let fixture = Fixture::new();
    for n in 1..=6 {
        fixture
            .store
            .create_session(&session(n, "otter title"))
            .await
            .unwrap();
        fixture
            .store
            .put_item(&message(n, 0, "otter text"))
            .await
            .unwrap();
    }
    let titles = async |limit| {
        let hits = fixture.store.search("otter", limit).await.unwrap();
        let titles = hits.iter().filter(|hit| hit.item.is_none()).count();
        (hits.len(), titles)
    };
    assert_eq!(titles(0).await, (0, 0));
    assert_eq!(titles(1).await, (1, 1));
    assert_eq!(titles(4).await, (4, 2));
    assert_eq!(titles(8).await, (8, 4));
    assert_eq!(titles(50).await, (12, 6));
    assert_eq!(titles(u32::MAX).await, (12, 6));
}

#[test]
fn hot_queries_sort_nothing_themselves() {
    let fixture = Fixture::new();
    let connection = fixture.beside();
    let index = |name: &str| format!("SCAN f VIRTUAL TABLE INDEX {name}");
    assert_eq!(
        plan(&connection, MESSAGES),
        vec![
            index("32:M1"),
            "SEARCH i USING INTEGER PRIMARY KEY (rowid=?)".to_owned(),
            "SEARCH s USING INDEX sqlite_autoindex_sessions_1 (id=?)".to_owned(),
        ]
    );
    assert_eq!(
        plan(&connection, TITLES),
        vec![
            index("32:M1"),
            "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)".to_owned()
        ]
    );
}

#[test]
fn expressions_quote_each_word() {
    assert_eq!(expression("one two"), Some(r#""one" "two"*"#.to_owned()));
    assert_eq!(
        expression(r#"say "hi" *"#),
        Some(r#""say" """hi"""*"#.to_owned())
    );
    assert_eq!(expression("+ - *"), None);
}

/// The size is small so that every run pays for it; the benchmark searches 100,000 messages.
#[tokio::test]
async fn a_word_that_is_everywhere_is_found_quickly_in_5000_messages() {
    let fixture = Fixture::with_session().await;
    let items: Vec<_> = (0..5_000)
        .map(|n| message(1, n, &format!("the word number{n} and some more of it")))
        .collect();
    fixture.store.put_items(&items).await.unwrap();
    let begin = std::time::Instant::now();
    assert_eq!(fixture.store.search("the", 20).await.unwrap().len(), 20);
    assert_eq!(
        fixture.store.search("number4999", 20).await.unwrap().len(),
        1
    );
    // 15 ms here without optimization; the room is for a busy machine. Without an index it would be linear in the text.
    assert!(begin.elapsed().as_millis() < 1_000, "{:?}", begin.elapsed());
}
