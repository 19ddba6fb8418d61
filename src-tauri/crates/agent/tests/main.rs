//! Sessions with a scripted model and a real store: every way a turn can go.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy exempts test functions, not the harness beside them"
)]

#[path = "main/harness.rs"]
mod harness;
#[path = "main/model.rs"]
mod model;

#[path = "main/answers.rs"]
mod answers;
#[path = "main/approvals.rs"]
mod approvals;
#[path = "main/compaction.rs"]
mod compaction;
#[path = "main/failures.rs"]
mod failures;
#[path = "main/folding.rs"]
mod folding;
#[path = "main/interrupts.rs"]
mod interrupts;
#[path = "main/refusals.rs"]
mod refusals;
#[path = "main/storage.rs"]
mod storage;
#[path = "main/titles.rs"]
mod titles;
#[path = "main/tools.rs"]
mod tools;
