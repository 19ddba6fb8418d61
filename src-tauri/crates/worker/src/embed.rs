//! Texts into vectors, one text after the other: their number in the engine at once is what memory is needed for.

use mistralrs::{NormalRequest, Request, RequestMessage, Response, SamplingParams};
use nexus_protocol::Usage;
use nexus_protocol::worker::{MAX_EMBED_TEXT_BYTES, MAX_EMBED_TEXTS, WorkerError, WorkerReply};
use tokio::sync::{mpsc, oneshot};

use crate::engine::{Engine, fault, stopped};

/// Makes the vectors. Gives the `Embedded`, `Failed` or `Finished` that is to be sent; the last where it was cancelled.
pub(crate) async fn embed(
    engine: &Engine,
    id: u64,
    texts: Vec<String>,
    mut cancelled: oneshot::Receiver<()>,
) -> WorkerReply {
    if let Err(error) = check(&texts) {
        return WorkerReply::Failed { id, error };
    }
    let mut vectors = Vec::with_capacity(texts.len());
    let mut tokens = 0;
    for text in texts {
        // The engine fails where nobody waits for its answer: so it is left only between two texts.
        if cancelled.try_recv().is_ok() {
            return WorkerReply::Finished {
                id,
                reason: None,
                usage: Usage::default(),
            };
        }
        match vector(engine, text).await {
            Ok((vector, read)) => {
                vectors.push(vector);
                tokens += u64::from(read);
            }
            Err(error) => return WorkerReply::Failed { id, error },
        }
    }
    WorkerReply::Embedded {
        id,
        vectors,
        tokens,
    }
}

fn check(texts: &[String]) -> Result<(), WorkerError> {
    let refused = |reason| Err(WorkerError::Refused { reason });
    if texts.len() > MAX_EMBED_TEXTS {
        return refused(format!(
            "{} texts are too many; at most {MAX_EMBED_TEXTS} at once",
            texts.len()
        ));
    }
    match texts
        .iter()
        .position(|text| text.is_empty() || text.len() > MAX_EMBED_TEXT_BYTES)
    {
        Some(index) => refused(format!(
            "text {} has {} bytes; from 1 to {MAX_EMBED_TEXT_BYTES} can be read",
            index + 1,
            texts[index].len()
        )),
        None => Ok(()),
    }
}

/// The vector of one text, and how many tokens it has.
pub(crate) async fn vector(engine: &Engine, text: String) -> Result<(Vec<f32>, u32), WorkerError> {
    let tokens = engine.count_text(text.clone()).await?;
    if tokens > engine.context_tokens() {
        return Err(WorkerError::ContextOverflow {
            prompt_tokens: tokens,
            context_tokens: engine.context_tokens(),
        });
    }
    let (response, mut answer) = mpsc::channel(1);
    let request = NormalRequest::new_simple(
        RequestMessage::Embedding { prompt: text },
        SamplingParams::neutral(),
        response,
        engine.next_request(),
        None,
        None,
    );
    engine.send(Request::Normal(Box::new(request))).await?;
    match answer.recv().await {
        Some(Response::Embeddings { embeddings, .. }) => {
            if embeddings.is_empty() || embeddings.iter().any(|number| !number.is_finite()) {
                return Err(WorkerError::Engine {
                    reason: "it made a vector that is none".to_owned(),
                });
            }
            Ok((embeddings, tokens))
        }
        Some(other) => Err(fault(other)),
        None => Err(stopped()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_length_of_texts_are_bounded() {
        let said = |texts: &[String]| match check(texts) {
            Err(WorkerError::Refused { reason }) => reason,
            other => panic!("{other:?}"),
        };
        let text = || "a".to_owned();
        assert_eq!(check(&vec![text(); MAX_EMBED_TEXTS]), Ok(()));
        assert!(said(&vec![text(); MAX_EMBED_TEXTS + 1]).starts_with("257 texts"));
        assert!(said(&[text(), String::new()]).starts_with("text 2 has 0 bytes"));
        assert!(said(&["a".repeat(MAX_EMBED_TEXT_BYTES + 1)]).starts_with("text 1 has"));
    }
}
