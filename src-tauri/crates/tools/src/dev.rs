//! Tools that run programs, and small ones that developers miss.
//!
//! Owns nothing but its list.

mod encode_decode;
mod git;
mod hash_text;
mod jobs;
mod make_uuid;
mod query_json;
mod run_code;
mod shell;
mod test_regex;

use std::sync::Arc;

use crate::Tool;

/// The small tools need no working folder. They are shown only with one all the same: each tool's description is paid for with
/// every request, and a chat without a folder is rarely about code.
const ONLY_WITH_A_FOLDER: bool = true;

/// The tools of this group.
pub(crate) fn tools() -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(shell::Shell),
        Arc::new(jobs::Jobs),
        Arc::new(run_code::RunCode),
        Arc::new(git::Git),
        Arc::new(encode_decode::EncodeDecode),
        Arc::new(hash_text::HashText),
        Arc::new(make_uuid::MakeUuid),
        Arc::new(query_json::QueryJson),
        Arc::new(test_regex::TestRegex),
    ]
}
