//! Providers' lists of models, asked all at once, each with a time limit, and kept for a while.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use nexus_llm::ModelError;
use nexus_protocol::{ErrorCard, ErrorCode, KeyStatus, ModelInfo, ModelPlace, ModelRef};
use tokio::time::Instant;

use crate::providers::{Provider, Providers};

/// How long a provider may take with its list.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a list is good.
const KEPT: Duration = Duration::from_secs(600);

struct List {
    read: Instant,
    provider: Provider,
    models: Vec<ModelInfo>,
}

/// Lists by provider.
#[derive(Clone)]
pub struct RemoteLists {
    providers: Providers,
    lists: Arc<Mutex<HashMap<String, List>>>,
}

impl RemoteLists {
    /// None yet.
    pub fn new(providers: Providers) -> Self {
        Self {
            providers,
            lists: Arc::default(),
        }
    }

    /// Of every provider that can be asked: with a key, or needing none. A server on this machine that is built in and does
    /// not run is no failure: most people do not have it.
    pub async fn all(&self, refresh: bool) -> Vec<(String, Result<Vec<ModelInfo>, ErrorCard>)> {
        let asked = self.providers.all().into_iter().map(|provider| async move {
            if self.providers.status(&provider).await == KeyStatus::Missing {
                return None;
            }
            let list = self.one(&provider, refresh).await;
            let absent = matches!(&list, Err(error) if error.code == ErrorCode::Unreachable);
            // Nobody elsewhere was asked, as the user wants it: no failure either.
            if matches!(&list, Err(error) if error.code == ErrorCode::Offline) {
                return None;
            }
            if absent && !provider.custom && provider.place() == ModelPlace::ThisMachine {
                return None;
            }
            Some((provider.id, list))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn one(&self, provider: &Provider, refresh: bool) -> Result<Vec<ModelInfo>, ErrorCard> {
        if !refresh && let Some(models) = self.kept(provider) {
            return Ok(models);
        }
        self.ask(provider).await
    }

    /// Asks now, and keeps the list.
    pub async fn ask(&self, provider: &Provider) -> Result<Vec<ModelInfo>, ErrorCard> {
        let connection = self.providers.connect(provider).await?;
        let models = tokio::time::timeout(LIMIT, connection.list_models())
            .await
            .unwrap_or_else(|_| {
                Err(ModelError::TimedOut {
                    provider: provider.label(),
                    phase: nexus_llm::Phase::Headers,
                })
            })
            .map_err(|error| error.card(&crate::SystemClock))?;
        self.lock().insert(
            provider.id.clone(),
            List {
                read: Instant::now(),
                provider: provider.clone(),
                models: models.clone(),
            },
        );
        Ok(models)
    }

    fn kept(&self, provider: &Provider) -> Option<Vec<ModelInfo>> {
        let lists = self.lock();
        let list = lists.get(&provider.id)?;
        (list.read.elapsed() < KEPT && list.provider == *provider).then(|| list.models.clone())
    }

    /// What the last list said of a model, however old it is: prices and context change seldom, and no turn waits for a list.
    pub fn known(&self, model: &ModelRef) -> Option<ModelInfo> {
        let lists = self.lock();
        let list = lists.get(model.provider())?;
        list.models
            .iter()
            .find(|info| info.model == *model)
            .cloned()
    }

    /// Forgets one list.
    pub fn forget(&self, provider: &str) {
        self.lock().remove(provider);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, List>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
