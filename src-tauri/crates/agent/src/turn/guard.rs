//! When a turn calls too many tools.
//!
//! Owns the count and the memory of calls; decides nothing else.

use std::collections::HashMap;

/// The same call this many times in one run is a loop.
const MAX_IDENTICAL: u32 = 3;

/// Counts the tool calls of one run of a turn.
pub(super) struct LoopGuard {
    left: u32,
    limit: u32,
    seen: HashMap<(String, String), u32>,
}

impl LoopGuard {
    /// At most `limit` calls.
    pub(super) fn new(limit: u32) -> Self {
        Self {
            left: limit,
            limit,
            seen: HashMap::new(),
        }
    }

    /// Counts one call.
    ///
    /// # Errors
    /// Why it must not run and the turn ends, in words for the user.
    pub(super) fn count(&mut self, name: &str, arguments: &str) -> Result<(), String> {
        if self.left == 0 {
            return Err(format!(
                "The model called {} tools in one turn, as many as the settings allow. Continue if it is on the right way.",
                self.limit
            ));
        }
        self.left -= 1;
        // White space and the order of keys make no other call.
        let arguments = serde_json::from_str::<serde_json::Value>(arguments)
            .map_or_else(|_| arguments.trim().to_owned(), |value| value.to_string());
        let times = self.seen.entry((name.to_owned(), arguments)).or_insert(0);
        *times += 1;
        if *times >= MAX_IDENTICAL {
            let name: String = name.chars().take(64).collect();
            return Err(format!(
                "The model called “{name}” {MAX_IDENTICAL} times with the same arguments and went in circles."
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_identical_call_is_refused() {
        let mut guard = LoopGuard::new(50);
        let results = [
            guard.count("calculate", r#"{"expression": "1"}"#),
            guard.count("calculate", r#"{"expression": "2"}"#),
            guard.count("calculate", r#"{"expression":"1"}"#),
            guard.count("current_time", r#"{"expression": "1"}"#),
            guard.count("calculate", r#" {"expression" : "1"} "#),
        ]
        .map(|result| result.err());
        let circles =
            "The model called “calculate” 3 times with the same arguments and went in circles.";
        assert_eq!(results, [None, None, None, None, Some(circles.to_owned())]);
    }

    #[test]
    fn the_limit_counts_all_calls() {
        let mut guard = LoopGuard::new(2);
        let results = ["a", "b", "c"].map(|name| guard.count(name, "not json").is_ok());
        assert_eq!(results, [true, true, false]);
    }
}
