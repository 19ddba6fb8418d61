//! Who answers where the chosen model cannot, or where the user wants another: the session's model at the other place.
//!
//! Owns that nothing goes to the cloud from a session that asks this machine first but with the user's word on that very request,
//! that a turn which falls back says so, and that either happens at most once a turn. Refuses to own model calls.

use std::{collections::BTreeSet, sync::Arc};

use nexus_llm::{Model, ModelError};
use nexus_protocol::{
    ApprovalAnswer, ChatMessage, CloudOffer, ErrorCard, ErrorCode, EventMsg, Item, ItemBody,
    ItemId, ItemStatus, ModelInfo, ModelPlace, ModelRef, Nonce, NoticeLevel, Routing,
    SessionSummary, TurnId, UserPart,
};
use nexus_tools::policy;
use tracing::{info, warn};

use super::{Accepted, Course, Ending, Turn, prepare::LastTurn};
use crate::{
    TurnSettings, cards,
    context::{self, Built, ContextInput},
};

/// Who else may answer a turn.
pub(super) struct Route {
    routing: Routing,
    /// Taken by the one who is asked instead.
    partner: Option<ModelRef>,
    /// Whether the user let the turn out to the cloud.
    let_out: bool,
}

/// A session's model, ready to be asked.
pub(super) struct Chosen {
    pub(super) name: ModelRef,
    pub(super) model: Arc<dyn Model>,
    pub(super) route: Route,
}

/// Why the chosen model did not answer, and how the turn ends where nobody else does.
pub(super) struct Failed {
    ending: Ending,
    /// The way to it is at fault.
    network: bool,
    /// Something of its answer was shown.
    shown: bool,
}

/// What the user said to an offer.
enum Said {
    Yes(Arc<dyn Model>, Box<Built>),
    No,
    Stopped,
}

impl Route {
    /// As the session has it, for a model at `place`.
    ///
    /// # Errors
    /// Where the session does not ask models there first: what a person set must not give way to a name in a request.
    pub(super) fn of(session: &SessionSummary, place: ModelPlace) -> Result<Self, ErrorCard> {
        let routing = session.routing.unwrap_or(Routing::of(place));
        // A model here is always within what “Cloud” allows.
        if routing.first() != place && routing != Routing::Cloud {
            return Err(routing.refusal());
        }
        Ok(Self {
            routing,
            partner: session.partner.clone().filter(|_| routing.has_partner()),
            let_out: false,
        })
    }

    /// Whether the cloud is offered where this machine fails.
    pub(super) fn offers_cloud(&self) -> bool {
        self.routing == Routing::LocalFirst && self.partner.is_some()
    }

    /// Whether all of the turn stayed where the session is set to.
    pub(super) fn keeps_home(&self) -> bool {
        !self.let_out
    }
}

impl Chosen {
    pub(super) fn accept(self, turn: TurnId, settings: TurnSettings, step: u32) -> Accepted {
        Accepted {
            turn,
            model: self.model,
            name: self.name,
            settings,
            step,
            calls: Vec::new(),
            route: self.route,
            wish: None,
        }
    }
}

impl Failed {
    /// Before the model was asked.
    pub(super) fn to_begin(ending: Ending) -> Self {
        Self {
            ending,
            network: false,
            shown: false,
        }
    }

    pub(super) fn of_model(ending: Ending, error: &ModelError, shown: bool) -> Self {
        Self {
            ending,
            network: error.is_network(),
            shown,
        }
    }

    /// The card of a failure that another model may mend; a full disk is not one.
    fn card(&self) -> Option<&ErrorCard> {
        match &self.ending {
            Ending::Failed(card) | Ending::Interrupted(Some(card)) => Some(card)
                .filter(|card| !matches!(card.code, ErrorCode::Storage | ErrorCode::Cancelled)),
            Ending::Completed | Ending::Interrupted(None) => None,
        }
    }
}

impl Turn {
    /// Accepts [`nexus_protocol::Op::AskCloud`].
    pub(super) async fn ask_cloud(
        &self,
        settings: TurnSettings,
        last: LastTurn,
    ) -> Result<Accepted, ErrorCard> {
        let chosen = self.resolve(&settings, None).await?;
        if !chosen.route.offers_cloud() {
            return Err(cards::no_offer());
        }
        if self.deps.offline.is_offline() {
            return Err(ErrorCard::offline(
                "The cloud is not on this machine. Go online to be offered it.",
            ));
        }
        self.journal.emit(EventMsg::TurnStarted {
            turn: last.turn,
            model: chosen.name.clone(),
        });
        let step = last
            .rest
            .iter()
            .map(|item| item.step.saturating_add(1))
            .max();
        Ok(Accepted {
            wish: Some(last.answer()),
            ..chosen.accept(last.turn, settings, step.unwrap_or(0))
        })
    }

    /// The user wants the cloud: asks for the word, then puts it in the place of what was answered here.
    pub(super) async fn by_wish(
        &self,
        accepted: &mut Accepted,
        course: &mut Course,
        replaced: &BTreeSet<ItemId>,
    ) -> Result<(), Ending> {
        let why = match replaced.is_empty() {
            true => "You asked for it.",
            false => "You asked for it. What was answered here is replaced.",
        };
        if !self
            .offer_cloud(accepted, course, why.to_owned(), replaced)
            .await?
        {
            return Err(Ending::Completed);
        }
        let ids: Vec<ItemId> = replaced.iter().copied().collect();
        let removed = self.deps.store.remove_items(&ids).await;
        removed.map_err(|error| Ending::Failed(cards::storage(&error)))?;
        for item in ids {
            self.journal.emit(EventMsg::ItemRemoved { item });
        }
        Ok(())
    }

    /// Another model takes over where there is one and it may: `accepted` and `course` are its own then.
    ///
    /// # Errors
    /// How the turn ends where nobody takes over.
    pub(super) async fn another_way(
        &self,
        accepted: &mut Accepted,
        course: &mut Course,
        failed: Failed,
    ) -> Result<(), Ending> {
        let Some(card) = failed.card() else {
            return Err(failed.ending);
        };
        let taken = match accepted.route.routing {
            Routing::CloudFirst if failed.network && !failed.shown => {
                self.fall_back(accepted, course, card).await
            }
            Routing::LocalFirst if !self.deps.offline.is_offline() => {
                if failed.shown {
                    // What was shown stays; the next model goes on from it.
                    course.step = course.step.saturating_add(1);
                }
                let name = &accepted.model.info().display_name;
                let why = format!("{name} on this machine did not answer. {}.", card.title);
                self.offer_cloud(accepted, course, why, &BTreeSet::new())
                    .await?
            }
            _ => false,
        };
        if taken { Ok(()) } else { Err(failed.ending) }
    }

    /// The model here takes over from the one in the cloud, and the transcript says so.
    async fn fall_back(
        &self,
        accepted: &mut Accepted,
        course: &mut Course,
        card: &ErrorCard,
    ) -> bool {
        let Some(partner) = accepted.route.partner.take() else {
            return false;
        };
        let Some(model) = self.partner(&partner, ModelPlace::ThisMachine).await else {
            return false;
        };
        let text = format!(
            "{}, so {} on this machine answers.",
            card.title,
            model.info().display_name
        );
        self.notice(
            accepted.turn,
            course.step,
            NoticeLevel::Warning,
            &text,
            None,
        )
        .await;
        self.take_over(accepted, course, partner, model);
        true
    }

    /// Asks whether the cloud may take over. Whether it does.
    ///
    /// # Errors
    /// How the turn ends where it was stopped meanwhile, or the question could not be saved.
    async fn offer_cloud(
        &self,
        accepted: &mut Accepted,
        course: &mut Course,
        why: String,
        without: &BTreeSet<ItemId>,
    ) -> Result<bool, Ending> {
        let Some(partner) = accepted.route.partner.take() else {
            return Ok(false);
        };
        let said = self
            .ask_for_cloud(accepted, course.step, &partner, why, without)
            .await?;
        match said {
            Said::No => Ok(false),
            Said::Stopped => Err(Ending::Interrupted(None)),
            Said::Yes(model, built) => {
                accepted.route.let_out = true;
                self.take_over(accepted, course, partner, model);
                self.journal.emit(EventMsg::ContextUsed {
                    context: built.context,
                });
                course.allowed = Some(built.request);
                Ok(true)
            }
        }
    }

    async fn ask_for_cloud(
        &self,
        accepted: &Accepted,
        step: u32,
        partner: &ModelRef,
        why: String,
        without: &BTreeSet<ItemId>,
    ) -> Result<Said, Ending> {
        let Some(model) = self.partner(partner, ModelPlace::Cloud).await else {
            return Ok(Said::No);
        };
        let (system, tools) = self.offer(&accepted.settings, model.info());
        let built = self.journal.with_items(|items| {
            let kept: Vec<Item> = items
                .iter()
                .filter(|item| !without.contains(&item.id))
                .cloned()
                .collect();
            context::build(&ContextInput {
                items: &kept,
                system: &system,
                tools: &tools,
                model: model.info(),
            })
        });
        let Ok(built) = built else {
            info!("the chat does not fit the model in the cloud either");
            return Ok(Said::No);
        };
        let nonce = Nonce(self.deps.clock.new_uuid());
        let mut offer = offer(nonce, &built, model.info(), why);
        let body = |offer: &CloudOffer| ItemBody::Offer {
            offer: Box::new(offer.clone()),
        };
        let mut item = self.new_item(accepted.turn, step, body(&offer));
        let answered = self.bench.approvals.ask(item.id, nonce, &offer.fingerprint);
        let saved = self.deps.store.put_item(&item).await;
        saved.map_err(|error| Ending::Failed(cards::storage(&error)))?;
        self.journal
            .emit(EventMsg::ItemAdded { item: item.clone() });
        let answer = tokio::select! {
            biased;
            () = self.cancel.cancelled() => ApprovalAnswer::Withdrawn,
            () = self.deps.offline.wait_offline() => ApprovalAnswer::Withdrawn,
            answer = answered => answer.unwrap_or(ApprovalAnswer::Withdrawn),
        };
        self.bench.approvals.forget(nonce);
        self.user_was_here();
        let allows = answer.allows();
        offer.answer = Some(answer);
        item.body = body(&offer);
        item.status = ItemStatus::Complete;
        let saved = self.deps.store.put_item(&item).await;
        saved.map_err(|error| Ending::Failed(cards::storage(&error)))?;
        self.journal.emit(EventMsg::ItemCompleted { item });
        Ok(if self.cancel.is_cancelled() {
            Said::Stopped
        } else if allows {
            Said::Yes(model, Box::new(built))
        } else {
            Said::No
        })
    }

    /// The other model, where it is there and where it should be.
    async fn partner(&self, name: &ModelRef, place: ModelPlace) -> Option<Arc<dyn Model>> {
        let model = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return None,
            model = self.deps.models.resolve(name) => model,
        };
        match model {
            Ok(model) if model.info().place == place => Some(model),
            Ok(_) => {
                warn!(model = %name, "the other model is not where it should be");
                None
            }
            Err(card) => {
                warn!(model = %name, code = ?card.code, "the other model cannot be asked");
                None
            }
        }
    }

    fn take_over(
        &self,
        accepted: &mut Accepted,
        course: &mut Course,
        name: ModelRef,
        model: Arc<dyn Model>,
    ) {
        info!(model = %name, "another model takes over");
        accepted.name = name;
        accepted.model = model;
        *course = Course {
            step: course.step,
            ..self.course(accepted)
        };
    }
}

/// The question about a request: all of it is counted from the request itself.
fn offer(nonce: Nonce, built: &Built, info: &ModelInfo, why: String) -> CloudOffer {
    let request = &built.request;
    let count = |wanted: fn(&ChatMessage) -> usize| {
        let all: usize = request.messages.iter().map(wanted).sum();
        u32::try_from(all).unwrap_or(u32::MAX)
    };
    let bytes = serde_json::to_vec(request).map_or(0, |json| json.len());
    CloudOffer {
        nonce,
        fingerprint: policy::digest(request),
        model: info.model.clone(),
        display_name: info.display_name.clone(),
        why,
        messages: u32::try_from(request.messages.len()).unwrap_or(u32::MAX),
        bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        files: count(|message| usize::from(matches!(message, ChatMessage::Tool { .. }))),
        images: count(|message| match message {
            ChatMessage::User { parts } => parts
                .iter()
                .filter(|part| matches!(part, UserPart::Image { .. }))
                .count(),
            _ => 0,
        }),
        tokens: built.context.used(),
        pricing: info.pricing,
        answer: None,
    }
}
