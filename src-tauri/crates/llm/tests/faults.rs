//! What providers do wrong, and exactly what becomes of it.

mod bodies;
mod endings;
mod statuses;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use nexus_egress::{Client, Switch};
use nexus_llm::{ModelError, RemoteProvider, SeededJitter, http_client};
use nexus_test_support::{Answer, ScriptedServer, Sse};

use crate::harness::{Heard, ask, hear, info, ms, quick, spec};

/// One fault and what must become of it.
struct Fault {
    name: &'static str,
    /// Answers in order; the last one for all further requests.
    answers: Vec<Answer>,
    outcome: &'static str,
    text: &'static str,
    requests: usize,
    limit: Duration,
}

/// A fault that shows no text.
fn fault(name: &'static str, answer: Answer, outcome: &'static str, requests: usize) -> Fault {
    Fault {
        name,
        answers: vec![answer],
        outcome,
        text: "",
        requests,
        limit: ms(12_000),
    }
}

impl Fault {
    /// The text that is shown, once.
    fn shows(self, text: &'static str) -> Self {
        Self { text, ..self }
    }

    /// What comes after the first answer.
    fn then(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// It must be over so soon.
    fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }
}

/// A good answer that says “Hello there”.
fn good() -> Answer {
    hello().answer()
}

fn hello() -> Sse {
    Sse::reply("m", "Hello there")
}

/// The same in few bytes, for slow lines.
fn short() -> Vec<u8> {
    let words = [
        r#"{"choices":[{"delta":{"content":"Hello "}}]}"#,
        r#"{"choices":[{"delta":{"content":"there"}}]}"#,
        "[DONE]",
    ];
    words
        .map(|word| format!("data: {word}\n\n"))
        .concat()
        .into_bytes()
}

/// A stream that has said “Hel” and goes on.
fn hel() -> Sse {
    Sse::openai("m").text("Hel")
}

/// How a call ended, in one line.
fn outcome(heard: &Heard) -> String {
    let error = match (&heard.finished, &heard.error) {
        (Some((reason, _)), None) => return format!("done {reason:?}"),
        (None, Some(error)) => error,
        both => return format!("{both:?}"),
    };
    match error {
        ModelError::KeyRefused { .. } => "key refused".into(),
        ModelError::PaymentRequired { .. } => "payment required".into(),
        ModelError::Forbidden { .. } => "forbidden".into(),
        ModelError::NotFound { .. } => "not found".into(),
        ModelError::RequestRefused { status, .. } => format!("refused {status}"),
        ModelError::RateLimited { retry_after, .. } => match retry_after {
            Some(wait) => format!("rate limited {} s", wait.as_secs()),
            None => "rate limited".into(),
        },
        ModelError::ProviderDown { status, .. } => format!("down {status}"),
        ModelError::TimedOut { phase, .. } => format!("timed out {phase:?}"),
        ModelError::ConnectionLost { .. } => "lost".into(),
        ModelError::BadAnswer { .. } => "bad answer".into(),
        ModelError::ContextOverflow { needed, limit } => format!("overflow {needed} {limit}"),
        other => format!("{other:?}"),
    }
}

/// Runs one; `Err` with all that was not as expected.
async fn run(fault: Fault, http: Client) -> Result<(), String> {
    let server = ScriptedServer::start();
    let mut answers = fault.answers;
    let last = answers.pop().expect("each fault has an answer");
    for answer in answers {
        server.push(answer);
    }
    server.always(last);
    let provider = RemoteProvider::new(spec(&server.base_url()), http, quick());
    let model = provider
        .with_jitter(Arc::new(SeededJitter::new(1)))
        .model(info("m"));
    let allowed = fault.limit + ms(1_000);
    let Ok(heard) = tokio::time::timeout(allowed * 3, hear(&model, ask("Hi"))).await else {
        return Err(format!("{}: hangs", fault.name));
    };
    let seen = (outcome(&heard), heard.text.as_str(), server.chats().len());
    let expected = (fault.outcome.to_owned(), fault.text, fault.requests);
    let mut wrong = Vec::new();
    if seen != expected {
        wrong.push(format!(
            "{seen:?} instead of {expected:?} ({:?})",
            heard.error
        ));
    }
    if heard.took > allowed {
        wrong.push(format!("took {:?}, allowed {allowed:?}", heard.took));
    }
    wrong.extend(heard.broke_the_contract);
    wrong.extend(server.violations());
    let requests = u32::try_from(fault.requests).unwrap();
    if heard.retries + 1 != requests {
        wrong.push(format!("repetitions announced: {:?}", heard.reasons));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{}: {}", fault.name, wrong.join("; ")))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_ends_as_it_must() {
    let mut faults = statuses::faults();
    faults.extend(endings::faults());
    faults.extend(bodies::faults());
    let all = faults.len();
    let names: std::collections::BTreeSet<_> = faults.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), all, "each has its own name");
    // One for all: reading the system's certificates for each would take longer than the faults.
    let http = http_client(&quick(), &Switch::new()).unwrap();
    let outcomes: Vec<_> = futures::stream::iter(faults)
        .map(|fault| run(fault, http.clone()))
        .buffer_unordered(6)
        .collect()
        .await;
    let wrong: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().err())
        .collect();
    println!(
        "fault scenarios: {} of {all} as expected",
        all - wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(all >= 60, "{all}");
}
