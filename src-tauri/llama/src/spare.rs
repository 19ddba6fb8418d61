//! Whether there is memory left for the next token. llama.cpp throws where it gets none, and nothing can catch that here: so it is
//! asked for before, and a lack of it is an answer and not a crash.

use nexus_protocol::worker::WorkerError;

/// More than a token takes: candidates for the whole of the largest vocabularies, and their copies.
const BYTES: usize = 8 << 20;

/// # Errors
/// That there is none, in words.
pub(crate) fn check() -> Result<(), String> {
    let mut spare = Vec::<u8>::new();
    let got = spare.try_reserve_exact(BYTES);
    // Else the compiler would find that nobody needs it.
    std::hint::black_box(&spare);
    got.map_err(|_| "no memory is left for the next token".to_owned())
}

/// What the parent is told of a fault of the engine.
pub(crate) fn fault(reason: String) -> WorkerError {
    match check() {
        Ok(()) => WorkerError::Engine { reason },
        Err(_) => WorkerError::OutOfMemory { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_memory_is_left_a_fault_is_the_engines() {
        assert_eq!(check(), Ok(()));
        let reason = "it fell".to_owned();
        assert_eq!(fault(reason.clone()), WorkerError::Engine { reason });
    }
}
