//! How much of a prompt the engine has in its memory already.

/// Leading tokens of `prompt` that need not be computed, where `seen` are the tokens in memory. The last one of the prompt
/// is computed in any case: what comes after it is what is asked for, and memory does not hold that.
pub(crate) fn reusable<T: PartialEq>(seen: &[T], prompt: &[T]) -> usize {
    let same = seen.iter().zip(prompt).take_while(|(a, b)| a == b).count();
    same.min(prompt.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::reusable;

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
        fn what_is_kept_is_the_same_and_something_is_left(seen: Vec<bool>, prompt: Vec<bool>) {
            let kept = reusable(&seen, &prompt);
            prop_assert_eq!(&seen[..kept], &prompt[..kept]);
            prop_assert!(prompt.is_empty() || kept < prompt.len());
            // And no more could be kept.
            prop_assert!(kept + 1 >= prompt.len() || seen.get(kept) != prompt.get(kept));
        }
    }
}
