//! Sessions with a scripted model and a real store: every way a turn can go.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "clippy exempts test functions, not the harness beside them; long runs print what they counted"
)]

#[path = "main/harness.rs"]
mod harness;
#[path = "main/model.rs"]
mod model;

#[path = "main/answers.rs"]
mod answers;
#[path = "main/approvals.rs"]
mod approvals;
#[path = "main/bounds.rs"]
mod bounds;
#[path = "main/compaction.rs"]
mod compaction;
#[path = "main/failures.rs"]
mod failures;
#[path = "main/folding.rs"]
mod folding;
#[path = "main/interrupts.rs"]
mod interrupts;
#[path = "main/offline.rs"]
mod offline;
#[path = "main/refusals.rs"]
mod refusals;
#[path = "main/routes.rs"]
mod routes;
#[path = "main/storage.rs"]
mod storage;
#[path = "main/titles.rs"]
mod titles;
#[path = "main/tools.rs"]
mod tools;

#[path = "main/turns_of_calls.rs"]
mod turns_of_calls;
#[path = "main/undoes.rs"]
mod undoes;

// What is promised of the whole: real tools, policy, sandbox and store. Only here can a sandbox be run.
#[cfg(target_os = "linux")]
#[path = "main/attack_carriers.rs"]
mod attack_carriers;
#[cfg(target_os = "linux")]
#[path = "main/attack_goals.rs"]
mod attack_goals;
#[cfg(target_os = "linux")]
#[path = "main/attacks.rs"]
mod attacks;
#[cfg(target_os = "linux")]
#[path = "main/bindings.rs"]
mod bindings;
#[cfg(target_os = "linux")]
#[path = "main/cancels.rs"]
mod cancels;
#[cfg(target_os = "linux")]
#[path = "main/machine.rs"]
mod machine;
