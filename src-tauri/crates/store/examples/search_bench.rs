//! How fast the search is in a database of 100,000 messages. Prints one line of JSON: name, with its unit, to number.
//!
//! The messages are made of invented words whose frequencies fall as those of a language do, the same in every run.
//! `cargo run --release -p nexus-store --example search_bench [MESSAGES]`
#![expect(clippy::print_stdout, reason = "the result goes to standard output")]

use std::{collections::BTreeMap, error::Error, time::Instant};

use nexus_protocol::{
    Item, ItemBody, ItemId, ItemStatus, Mode, ModelRef, SessionId, SessionSummary, TitleSource,
    TurnId, UnixMillis,
};
use nexus_store::Store;
use uuid::Uuid;

const MESSAGES: u32 = 100_000;
const MESSAGES_A_SESSION: u32 = 100;
const WORDS_A_MESSAGE: usize = 60;
const VOCABULARY: u32 = 30_000;
/// What the window asks for while someone types.
const LIMIT: u32 = 50;
const REPEATS: usize = 40;

/// Xorshift: the same words in every run, without a dependency.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 >> 33).unwrap_or(0) % limit
    }

    /// Small numbers often, large ones seldom: the ranks of words in a text.
    fn rank(&mut self) -> u32 {
        let exponent = self.below(1000);
        let spread = f64::from(VOCABULARY).powf(f64::from(exponent) / 1000.0);
        // `spread` lies between 1 and the size of the vocabulary.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within u32 by the line above"
        )]
        let rank = spread as u32;
        (rank + self.below(rank.max(1))).min(VOCABULARY - 1)
    }

    fn sentence(&mut self, words: usize) -> String {
        let words: Vec<String> = (0..words).map(|_| word(self.rank())).collect();
        words.join(" ")
    }
}

/// An invented word for a rank: syllables, so that words share beginnings.
fn word(rank: u32) -> String {
    const SYLLABLES: [&str; 16] = [
        "ka", "lo", "mi", "ren", "tu", "sa", "vor", "ne", "pi", "dal", "go", "fe", "bru", "xi",
        "hon", "ze",
    ];
    let mut text = String::new();
    let mut rest = rank + 16;
    while rest > 0 {
        text.push_str(SYLLABLES[(rest % 16) as usize]);
        rest /= 16;
    }
    text
}

fn id(dice: &mut Dice) -> Uuid {
    Uuid::from_u64_pair(
        u64::from(dice.below(u32::MAX)) << 32 | u64::from(dice.below(u32::MAX)),
        u64::from(dice.below(u32::MAX)) << 32 | u64::from(dice.below(u32::MAX)),
    )
}

async fn fill(store: &Store, messages: u32) -> Result<(), Box<dyn Error>> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let begin = 1_700_000_000_000;
    let mut written = 0;
    while written < messages {
        let at = UnixMillis(begin + i64::from(written) * 60_000);
        let session = SessionId(id(&mut dice));
        store
            .create_session(&SessionSummary {
                id: session,
                title: dice.sentence(5),
                title_source: TitleSource::Model,
                model: None,
                mode: Mode::Ask,
                folder: None,
                routing: None,
                partner: None,
                created_at: at,
                updated_at: at,
            })
            .await?;
        let count = MESSAGES_A_SESSION.min(messages - written);
        let items: Vec<Item> = (0..count)
            .map(|position| {
                let text = dice.sentence(WORDS_A_MESSAGE);
                Item {
                    id: ItemId(id(&mut dice)),
                    session,
                    turn: TurnId(id(&mut dice)),
                    step: 0,
                    position,
                    created_at: UnixMillis(at.0 + i64::from(position) * 60_000),
                    status: ItemStatus::Complete,
                    body: if position % 2 == 0 {
                        ItemBody::User {
                            text,
                            attachments: Vec::new(),
                        }
                    } else {
                        ItemBody::Assistant {
                            text,
                            model: ModelRef("bench/none".to_owned()),
                            meta: None,
                        }
                    },
                }
            })
            .collect();
        store.put_items(&items).await?;
        written += count;
    }
    Ok(())
}

/// What the n-th search asks for.
type Query = fn(u32) -> String;

/// Milliseconds of each of many searches, each for other words.
async fn searches(store: &Store, query: Query) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut times = Vec::new();
    let mut hits = 0;
    for turn in 0..REPEATS {
        let query = query(u32::try_from(turn)?);
        let started = Instant::now();
        hits += store.search(&query, LIMIT).await?.len();
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    if hits == 0 {
        return Err("the searches found nothing: they measure nothing".into());
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let messages = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => MESSAGES,
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bench.db");
    let store = Store::open(&path)?;
    let mut found: BTreeMap<&str, f64> = BTreeMap::new();

    let started = Instant::now();
    fill(&store, messages).await?;
    found.insert("search_fill_s", started.elapsed().as_secs_f64());
    found.insert("search_messages", f64::from(messages));

    let kinds: [(&str, &str, Query); 4] = [
        ("search_rare_word_ms", "search_rare_word_worst_ms", |turn| {
            word(20_000 + turn * 97)
        }),
        (
            "search_common_word_ms",
            "search_common_word_worst_ms",
            |turn| word(1 + turn % 20),
        ),
        ("search_two_words_ms", "search_two_words_worst_ms", |turn| {
            format!("{} {}", word(5 + turn), word(300 + turn))
        }),
        ("search_prefix_ms", "search_prefix_worst_ms", |turn| {
            word(turn + 40).chars().take(3).collect()
        }),
    ];
    for (middle, worst, query) in kinds {
        let times = searches(&store, query).await?;
        found.insert(middle, times[times.len() / 2]);
        found.insert(worst, times[times.len() - 1]);
    }
    store.close().await;
    let bytes = path.metadata()?.len();
    #[expect(clippy::cast_precision_loss, reason = "a file is far below 2^52 bytes")]
    found.insert("search_database_mib", bytes as f64 / (1024.0 * 1024.0));
    println!("{}", serde_json::to_string(&found)?);
    Ok(())
}
