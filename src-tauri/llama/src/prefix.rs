//! How much of a prompt the engine has in its memory already.

/// Leading tokens of `prompt` that need not be computed, where `seen` are the tokens in memory. The last one of the prompt
/// is computed in any case: what comes after it is what is asked for, and memory does not hold that.
pub(crate) fn reusable<T: PartialEq>(seen: &[T], prompt: &[T]) -> usize {
    let same = seen.iter().zip(prompt).take_while(|(a, b)| a == b).count();
    same.min(prompt.len().saturating_sub(1))
}

/// `prompt` in the tokens of `seen`, as far as both are the same text: a model may have written its answer in other tokens than
/// a tokenizer makes of it, and all behind the first of these would be computed again. `None` where nothing is gained. `text` gives
/// what a token stands for; `None` for a mark, which is no text, whatever it looks like.
pub(crate) fn as_seen<T: Copy + PartialEq>(
    seen: &[T],
    prompt: &[T],
    text: impl Fn(T) -> Option<Vec<u8>>,
) -> Option<Vec<T>> {
    let same = seen.iter().zip(prompt).take_while(|(a, b)| a == b).count();
    let (mut from_seen, mut from_prompt) = (same, same);
    // What one of them has written and the other has not yet.
    let (mut ahead, mut seen_is_ahead) = (Vec::new(), false);
    let mut met = (same, same);
    loop {
        if ahead.is_empty() {
            met = (from_seen, from_prompt);
            let (Some(&one), Some(&other)) = (seen.get(from_seen), prompt.get(from_prompt)) else {
                break;
            };
            if one == other {
                (from_seen, from_prompt) = (from_seen + 1, from_prompt + 1);
                continue;
            }
        }
        // The one that is behind writes on.
        let next = if seen_is_ahead {
            from_prompt += 1;
            prompt.get(from_prompt - 1)
        } else {
            from_seen += 1;
            seen.get(from_seen - 1)
        };
        let Some(written) = next
            .and_then(|&token| text(token))
            .filter(|it| !it.is_empty())
        else {
            break;
        };
        let both = ahead.len().min(written.len());
        if ahead[..both] != written[..both] {
            break;
        }
        if written.len() > both {
            ahead = written[both..].to_vec();
            seen_is_ahead = !seen_is_ahead;
        } else {
            ahead.drain(..both);
        }
    }
    let gained = reusable(seen, &seen[..met.0]) > same;
    gained.then(|| [&seen[..met.0], &prompt[met.1..]].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{as_seen, reusable};

    /// Letters are words, digits are marks.
    fn text(token: &str) -> Option<Vec<u8>> {
        (!token.starts_with(|c: char| c.is_ascii_digit())).then(|| token.as_bytes().to_vec())
    }

    fn put_back<'a>(seen: &[&'a str], prompt: &[&'a str]) -> Option<Vec<&'a str>> {
        as_seen(seen, prompt, text)
    }

    #[test]
    fn an_answer_stays_as_the_model_wrote_it() {
        // Split otherwise, at the end and in the middle.
        assert_eq!(
            put_back(&["1", "wo", "rd", "s"], &["1", "word", "s", "2", "more"]),
            Some(vec!["1", "wo", "rd", "s", "2", "more"])
        );
        assert_eq!(
            put_back(&["1", "words", "s"], &["1", "wo", "rd", "s", "s", "2"]),
            Some(vec!["1", "words", "s", "2"])
        );
        // Where the texts part, up to where both had ended a word.
        assert_eq!(
            put_back(&["a", "b", "cd", "e"], &["ab", "c", "d", "x"]),
            Some(vec!["a", "b", "cd", "x"])
        );
        assert_eq!(
            put_back(&["a", "b", "cd"], &["ab", "ce", "x"]),
            Some(vec!["a", "b", "ce", "x"])
        );
    }

    #[test]
    fn other_texts_and_marks_are_left_alone() {
        assert_eq!(put_back(&["1", "a"], &["1", "a", "b"]), None);
        assert_eq!(put_back(&["1", "a"], &["1", "b"]), None);
        assert_eq!(put_back(&["ab"], &["a", "c"]), None);
        assert_eq!(put_back(&["ab", "c"], &["a"]), None);
        assert_eq!(put_back(&["1"], &["2", "a"]), None);
        assert_eq!(put_back(&[], &["a"]), None);
        // A mark is no text, also in the middle of one.
        assert_eq!(put_back(&["ab", "c"], &["a", "1", "b", "c"]), None);
    }

    #[test]
    fn a_follow_up_turn_keeps_all_that_went_before() {
        assert_eq!(reusable(&[1, 2, 3], &[1, 2, 3, 4, 5]), 3);
    }

    #[test]
    fn the_same_prompt_again_computes_its_last_token() {
        assert_eq!(reusable(&[1, 2, 3], &[1, 2, 3]), 2);
        assert_eq!(reusable(&[1, 2, 3, 4], &[1, 2, 3]), 2);
    }

    #[test]
    fn an_edit_keeps_what_stands_before_it() {
        assert_eq!(reusable(&[1, 2, 3, 4], &[1, 2, 9, 4]), 2);
        assert_eq!(reusable(&[1, 2], &[7, 2]), 0);
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(reusable(&[], &[1]), 0);
        assert_eq!(reusable::<u8>(&[1], &[]), 0);
    }

    proptest! {
        #[test]
        fn what_is_put_back_says_the_same(
            seen in proptest::collection::vec("[ab]{1,3}|1", 0..12),
            prompt in proptest::collection::vec("[ab]{1,3}|1", 0..12),
        ) {
            let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
            let prompt: Vec<&str> = prompt.iter().map(String::as_str).collect();
            if let Some(back) = put_back(&seen, &prompt) {
                prop_assert_eq!(back.concat(), prompt.concat());
                prop_assert!(reusable(&seen, &back) >= reusable(&seen, &prompt));
            }
        }

        #[test]
        fn what_is_kept_is_the_same_and_something_is_left(seen: Vec<bool>, prompt: Vec<bool>) {
            let kept = reusable(&seen, &prompt);
            prop_assert_eq!(&seen[..kept], &prompt[..kept]);
            prop_assert!(prompt.is_empty() || kept < prompt.len());
            // And no more could be kept.
            prop_assert!(kept + 1 >= prompt.len() || seen.get(kept) != prompt.get(kept));
        }
    }
}
