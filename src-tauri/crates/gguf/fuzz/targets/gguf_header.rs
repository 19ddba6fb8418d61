//! Any bytes as a model's file: the check must end, in little time and memory, and what it accepts must be reckonable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nexus_gguf::Weights;

fuzz_target!(|bytes: &[u8]| {
    let Ok(summary) = nexus_gguf::inspect_bytes(bytes) else {
        return;
    };
    // An accepted file is at least as long as what its tensors take, so no estimate is below that.
    for context in [0, 1, 8192, u32::MAX] {
        for weights in [Weights::Packed, Weights::Unpacked] {
            assert!(summary.estimate_with(context, weights) > 0);
        }
    }
    assert!(summary.context_length > 0);
    assert!(summary.file_bytes == bytes.len() as u64);
});
