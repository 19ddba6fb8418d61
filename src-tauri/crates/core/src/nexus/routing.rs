//! Where a session's answers are made.
//!
//! Owns which two models a session has, one at each place. Refuses to own when the other is asked: the agent does.

use nexus_protocol::{
    ErrorAction, ErrorCard, ErrorCode, ModelPlace, ModelRef, Routing, SessionId, SessionSummary,
};

use super::Nexus;
use crate::cards;

/// Chats that are looked through for a model, the newest first.
const RECENT: usize = 50;

/// The models of a session.
pub(super) struct Pair {
    /// Who is asked.
    pub(super) model: Option<ModelRef>,
    /// Who may be asked too.
    pub(super) partner: Option<ModelRef>,
}

impl Nexus {
    /// Sets where a session's answers are made; `None` for where its model is. A `partner` that is named takes its place in the
    /// pair; else the core finds one: the session's own, the default, one that was used last.
    ///
    /// # Errors
    /// Where there is no model at a place that is needed.
    pub async fn session_routing(
        &self,
        id: SessionId,
        routing: Option<Routing>,
        partner: Option<ModelRef>,
    ) -> Result<SessionSummary, ErrorCard> {
        let session = self.session(id).await?;
        let before = self.summary(id).await?;
        let known = [partner, before.model.clone(), before.partner.clone()];
        let pair = match routing {
            Some(routing) => self.pair(routing, known).await?,
            None => Pair {
                model: before.model,
                partner: None,
            },
        };
        let changed = self
            .inner
            .store
            .set_routing(id, routing, pair.model.as_ref(), pair.partner.as_ref())
            .await;
        let summary = changed
            .map_err(|error| error.card())?
            .ok_or_else(cards::no_session)?;
        session.changed(summary.clone()).await;
        Ok(summary)
    }

    /// The models for a routing, from those that are `known`, first ones first.
    pub(super) async fn pair(
        &self,
        routing: Routing,
        known: [Option<ModelRef>; 3],
    ) -> Result<Pair, ErrorCard> {
        let default = self.inner.settings.current().settings.default_model;
        let recent = self.sessions().await?;
        let recent = recent
            .into_iter()
            .take(RECENT)
            .flat_map(|session| [session.model, session.partner]);
        let named = known.into_iter().chain([default]).chain(recent).flatten();
        let mut here = None;
        let mut there = None;
        for model in named {
            let slot = match self.place(&model) {
                Some(ModelPlace::ThisMachine) => &mut here,
                Some(ModelPlace::Cloud) => &mut there,
                None => continue,
            };
            if slot.is_none() && self.inner.models.check(&model).await.is_ok() {
                *slot = Some(model);
            }
        }
        if here.is_none() {
            here = self.inner.models.any_local().await;
        }
        let (model, partner) = match routing.first() {
            ModelPlace::ThisMachine => (here, there),
            ModelPlace::Cloud => (there, here),
        };
        if model.is_none() {
            return Err(none_at(routing.first()));
        }
        if partner.is_none() && routing.has_partner() {
            return Err(none_at(match routing.first() {
                ModelPlace::ThisMachine => ModelPlace::Cloud,
                ModelPlace::Cloud => ModelPlace::ThisMachine,
            }));
        }
        Ok(Pair { model, partner })
    }

    /// Where a model is; `None` where nobody serves it.
    pub(super) fn place(&self, model: &ModelRef) -> Option<ModelPlace> {
        if model.is_local() {
            return Some(ModelPlace::ThisMachine);
        }
        let provider = self.inner.providers.find(model.provider()).ok()?;
        Some(provider.place())
    }

    /// Where an answer of a model is made, for people: this machine, or whose.
    pub fn made_at(&self, model: &ModelRef) -> String {
        match self.place(model) {
            Some(ModelPlace::ThisMachine) => "on this machine".to_owned(),
            Some(ModelPlace::Cloud) | None => match self.inner.providers.find(model.provider()) {
                Ok(provider) => format!("by {}", provider.name),
                Err(_) => format!("by {}", model.provider()),
            },
        }
    }
}

fn none_at(place: ModelPlace) -> ErrorCard {
    let (title, detail) = match place {
        ModelPlace::ThisMachine => (
            "There is no model on this machine yet",
            "Install the starter model or choose a GGUF file in Models, then choose again.",
        ),
        ModelPlace::Cloud => (
            "No model in the cloud was chosen yet",
            "Choose one in the list of models first, then choose again.",
        ),
    };
    ErrorCard::new(
        ErrorCode::ModelMissing,
        title,
        detail,
        ErrorAction::ChooseModel,
    )
}
