//! Models that are a good choice for most people, known without a network.
//!
//! Owns the checked-in table. Its sizes are rounded: what is fetched is checked against what the hub lists. Refuses to know what the
//! hub has besides.

use std::sync::OnceLock;

use serde::Deserialize;

use super::shape::Shape;

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Short, for `nexus models pull`.
    pub name: String,
    /// For people.
    pub title: String,
    /// What it is good for.
    pub about: String,
    /// On the hub.
    pub model: String,
    /// The file to take.
    pub file: String,
    /// Its size, rounded.
    pub bytes: u64,
    /// Weights, rounded.
    pub parameters: u64,
    /// Longest context that the engines run it with, tokens.
    pub context_tokens: u32,
    /// As on its page.
    pub license: String,
    layers: u64,
    key_heads: u64,
    head_width: u64,
    words: u64,
    width: u64,
    /// Whether its calls are understood here.
    #[serde(default)]
    pub tools: bool,
    /// Whether it thinks before it answers.
    #[serde(default)]
    pub reasoning: bool,
}

impl Entry {
    /// What memory is reckoned from.
    pub fn shape(&self) -> Shape {
        Shape {
            // A key and a value, two bytes each.
            cache_bytes_per_token: self.layers * self.key_heads * self.head_width * 4,
            embedding_elements: self.words * self.width,
            guessed: false,
        }
    }

    /// Whether all words are in what is said of it. No words fit everything.
    pub fn matches(&self, words: &str) -> bool {
        let said =
            format!("{} {} {} {}", self.name, self.title, self.model, self.about).to_lowercase();
        words
            .to_lowercase()
            .split_whitespace()
            .all(|word| said.contains(word))
    }
}

/// All of them, the smallest first.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        // A test reads the same bytes: what could be wrong in them never leaves this repository.
        serde_json::from_str(include_str!("catalogue.json")).unwrap_or_default()
    })
}

/// By its short name.
pub fn by_name(name: &str) -> Option<&'static Entry> {
    entries().iter().find(|entry| entry.name == name)
}

/// By the model's name on the hub.
pub fn by_model(model: &str) -> Option<&'static Entry> {
    entries()
        .iter()
        .find(|entry| entry.model.eq_ignore_ascii_case(model))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nexus_worker_client::starter::STARTER;

    use super::*;

    #[test]
    fn the_table_can_be_read_and_makes_sense() {
        let table: Vec<Entry> = serde_json::from_str(include_str!("catalogue.json")).unwrap();
        assert_eq!(entries(), table);
        assert!(table.len() >= 8);
        assert!(table.is_sorted_by_key(|entry| entry.bytes));
        let names: BTreeSet<&str> = table.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names.len(), table.len());
        for entry in &table {
            entry.model.parse::<nexus_hub::ModelId>().unwrap();
            nexus_hub::FilePath::new(&entry.file).unwrap();
            // Four to six bits a weight, the larger ones where the vocabulary is.
            let bits = entry.bytes as f64 * 8.0 / entry.parameters as f64;
            assert!((4.0..9.0).contains(&bits), "{}: {bits}", entry.name);
            assert!(entry.about.ends_with('.'), "{}", entry.about);
        }
    }

    #[test]
    fn the_starter_is_the_starter() {
        let starter = by_name(STARTER.id).unwrap();
        assert_eq!(
            (starter.bytes, starter.file.as_str(), starter.title.as_str()),
            (STARTER.bytes, STARTER.file_name, STARTER.display_name)
        );
    }

    #[test]
    fn words_find_entries() {
        assert!(by_model("qwen/qwen2.5-0.5b-instruct-gguf").is_some());
        let found = |words: &str| {
            entries()
                .iter()
                .filter(|entry| entry.matches(words))
                .map(|entry| entry.name.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(found("coder qwen"), ["qwen2.5-coder-7b"]);
        assert_eq!(found("").len(), entries().len());
        assert_eq!(found("falcon"), [""; 0]);
    }
}
