//! Vectors of texts, from a model that makes them.

use std::path::PathBuf;

use nexus_llm::ModelError;
use nexus_protocol::worker::{MAX_EMBED_TEXT_BYTES, MAX_EMBED_TEXTS};
use nexus_protocol::{ModelInfo, ModelRef};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::actor::{Job, Work};
use super::{LocalEngine, shut_down};

/// What texts became.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// One for each text, in order, all of one length. Where the model says so, each is of length 1.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all texts together.
    pub tokens: u64,
}

impl LocalEngine {
    /// Makes vectors of `texts` with the model at `path`, which is loaded where needed; waits in the queue.
    /// `info.context_tokens` is how long a text may be.
    ///
    /// # Errors
    /// As a generation. [`ModelError::RequestRefused`] where the model makes no vectors, where there are more than
    /// [`MAX_EMBED_TEXTS`] texts, and where one is empty or has more than [`MAX_EMBED_TEXT_BYTES`] bytes.
    pub async fn embed(
        &self,
        path: PathBuf,
        info: &ModelInfo,
        texts: Vec<String>,
        cancel: CancellationToken,
    ) -> Result<Embeddings, ModelError> {
        check(&texts)?;
        if texts.is_empty() {
            return Ok(Embeddings::default());
        }
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.send(Job {
            path,
            model: info.model.0.clone(),
            context_tokens: info.context_tokens,
            cancel: cancel.clone(),
            work: Work::Embed { texts, reply },
        });
        if sent.is_err() {
            return Err(shut_down());
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(ModelError::Cancelled),
            answer = answer => answer.unwrap_or_else(|_| Err(shut_down())),
        }
    }
}

fn check(texts: &[String]) -> Result<(), ModelError> {
    let refused = |message: String| {
        Err(ModelError::RequestRefused {
            provider: ModelRef::LOCAL.into(),
            status: 0,
            message,
        })
    };
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
            "text {} is empty, or longer than {MAX_EMBED_TEXT_BYTES} bytes",
            index + 1
        )),
        None => Ok(()),
    }
}
