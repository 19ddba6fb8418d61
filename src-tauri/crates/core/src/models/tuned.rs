//! Models that draw their words as the settings say.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use nexus_agent_loop::ModelResolver;
use nexus_llm::{Model, ModelStream};
use nexus_protocol::{ChatRequest, ErrorCard, ModelInfo, ModelRef, ModelSettings};
use tokio_util::sync::CancellationToken;

use super::Models;
use crate::settings::SettingsStore;

/// Finds models, and has them keep to their settings.
#[derive(Clone)]
pub struct TunedModels {
    models: Models,
    settings: SettingsStore,
}

impl TunedModels {
    /// Composes.
    pub fn new(models: Models, settings: SettingsStore) -> Self {
        Self { models, settings }
    }
}

impl ModelResolver for TunedModels {
    fn resolve(&self, name: &ModelRef) -> BoxFuture<'_, Result<Arc<dyn Model>, ErrorCard>> {
        let name = name.clone();
        async move {
            let model = self.models.resolve(&name).await?;
            let own = self.settings.current().settings.models.get(&name).copied();
            Ok(match own {
                Some(own) => Arc::new(Tuned { model, own }) as Arc<dyn Model>,
                None => model,
            })
        }
        .boxed()
    }
}

struct Tuned {
    model: Arc<dyn Model>,
    own: ModelSettings,
}

impl Model for Tuned {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    fn stream(&self, request: ChatRequest, cancel: CancellationToken) -> ModelStream {
        self.model.stream(tuned(request, self.own), cancel)
    }
}

/// What a request asks for itself comes first.
fn tuned(mut request: ChatRequest, own: ModelSettings) -> ChatRequest {
    let (asked, own_sampling) = (&mut request.sampling, own.sampling);
    asked.top_p = asked.top_p.or(own_sampling.top_p);
    asked.top_k = asked.top_k.or(own_sampling.top_k);
    asked.min_p = asked.min_p.or(own_sampling.min_p);
    asked.repetition_penalty = asked.repetition_penalty.or(own_sampling.repetition_penalty);
    asked.seed = asked.seed.or(own_sampling.seed);
    request.temperature = request.temperature.or(own.temperature);
    request
}

#[cfg(test)]
mod tests {
    use nexus_protocol::Sampling;

    use super::*;

    #[test]
    fn what_a_request_asks_for_comes_first() {
        let own = ModelSettings {
            backend: None,
            temperature: Some(0.2),
            sampling: Sampling {
                top_k: Some(7),
                seed: Some(1),
                ..Sampling::default()
            },
        };
        let request = ChatRequest {
            sampling: Sampling {
                seed: Some(2),
                ..Sampling::default()
            },
            ..ChatRequest::default()
        };
        let expected = ChatRequest {
            temperature: Some(0.2),
            sampling: Sampling {
                top_k: Some(7),
                seed: Some(2),
                ..Sampling::default()
            },
            ..ChatRequest::default()
        };
        assert_eq!(tuned(request, own), expected);
    }
}
