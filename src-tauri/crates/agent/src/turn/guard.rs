//! When a turn calls too many tools.
//!
//! Owns the count and the memory of calls and what came of them; decides nothing else.

use std::collections::HashMap;

use nexus_protocol::ToolResult;

/// The same call failing in the same way this many times in one run is a loop.
const MAX_FAILURES: u32 = 3;
/// The same call with the same result this many times in a row is one too. Between other calls it may be repeated: tests are
/// run again after an edit.
const MAX_REPEATS: u32 = 3;

/// Counts the tool calls of one run of a turn.
pub(super) struct LoopGuard {
    left: u32,
    limit: u32,
    failures: HashMap<Seen, u32>,
    last: Option<(Seen, u32)>,
}

/// A call and what came of it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Seen {
    name: String,
    arguments: String,
    output: String,
}

impl LoopGuard {
    /// At most `limit` calls.
    pub(super) fn new(limit: u32) -> Self {
        Self {
            left: limit,
            limit,
            failures: HashMap::new(),
            last: None,
        }
    }

    /// Counts one call that is about to run.
    ///
    /// # Errors
    /// Why it must not run and the turn ends, in words for the user.
    pub(super) fn count(&mut self) -> Result<(), String> {
        if self.left == 0 {
            return Err(format!(
                "The model called {} tools in one turn, as many as the settings allow. Continue if it is on the right way.",
                self.limit
            ));
        }
        self.left -= 1;
        Ok(())
    }

    /// Takes note of what came of a call.
    ///
    /// # Errors
    /// Why the turn ends, in words for the user.
    pub(super) fn note(
        &mut self,
        name: &str,
        arguments: &str,
        result: &ToolResult,
    ) -> Result<(), String> {
        // White space and the order of keys make no other call.
        let arguments = serde_json::from_str::<serde_json::Value>(arguments)
            .map_or_else(|_| arguments.trim().to_owned(), |value| value.to_string());
        let seen = Seen {
            name: name.to_owned(),
            arguments,
            output: result.output.clone(),
        };
        let in_a_row = match self.last.take() {
            Some((last, times)) if last == seen => times + 1,
            _ => 1,
        };
        self.last = Some((seen.clone(), in_a_row));
        let name: String = name.chars().take(64).collect();
        if !result.ok {
            let times = self.failures.entry(seen).or_insert(0);
            *times += 1;
            if *times >= MAX_FAILURES {
                return Err(format!(
                    "The model called “{name}” {MAX_FAILURES} times with the same arguments, and it failed each time: {}",
                    result.summary
                ));
            }
        }
        if in_a_row >= MAX_REPEATS {
            return Err(format!(
                "The model called “{name}” {MAX_REPEATS} times with the same arguments and the same result: it went in circles."
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(ok: bool, output: &str) -> ToolResult {
        ToolResult {
            ok,
            ..ToolResult::failed(output, "no such file")
        }
    }

    #[test]
    fn the_third_identical_failure_ends_the_turn_whatever_is_between() {
        let mut guard = LoopGuard::new(50);
        let failed = result(false, "no such file");
        let results = [
            guard.note("read_file", r#"{"path": "a", "depth": 1}"#, &failed),
            guard.note("read_file", r#"{"path": "b"}"#, &failed),
            guard.note("read_file", r#" {"path":"a","depth":1} "#, &failed),
            guard.note("list_directory", "{}", &result(true, "b")),
            guard.note("read_file", r#"{"path":"a", "depth":1}"#, &failed),
        ]
        .map(Result::err);
        let why = "The model called “read_file” 3 times with the same arguments, and it failed each time: no such file";
        assert_eq!(results, [None, None, None, None, Some(why.to_owned())]);
    }

    #[test]
    fn the_same_test_may_be_run_again_after_an_edit_but_not_in_a_row() {
        let mut guard = LoopGuard::new(50);
        let passed = result(true, "ok");
        for edit in ["1", "2", "3", "4"] {
            assert_eq!(guard.note("shell", "cargo test", &passed), Ok(()));
            assert_eq!(guard.note("edit_file", edit, &passed), Ok(()));
        }
        let results = [(); 3].map(|()| guard.note("shell", "cargo test", &passed).is_ok());
        assert_eq!(results, [true, true, false]);
    }

    #[test]
    fn another_result_is_progress() {
        let mut guard = LoopGuard::new(50);
        for number in 0..20 {
            let output = number.to_string();
            assert_eq!(guard.note("job", "{}", &result(true, &output)), Ok(()));
        }
    }

    #[test]
    fn the_limit_counts_all_calls() {
        let mut guard = LoopGuard::new(2);
        let results = [(); 3].map(|()| guard.count().is_ok());
        assert_eq!(results, [true, true, false]);
    }
}
