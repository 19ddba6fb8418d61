//! The question whether a turn may go on in the cloud: whom, exactly what would be sent, and for how much. Staying here has the
//! focus. All words but the names come from the core's count of the very request.

use leptos::{html, prelude::*};
use nexus_protocol::{ApprovalAnswer, CloudOffer, ItemId, ItemStatus, NoticeLevel, SessionId};

use super::{
    AnswerButton, AnswerFailed, Answering, Icon, Shape,
    approval::{Guard, take_focus},
    message::NoticeRow,
};
use crate::{actions, state::use_app, visible};

/// The card while it waits, a line once it is answered.
#[component]
pub fn OfferRow(
    session: SessionId,
    item: ItemId,
    offer: RwSignal<Box<CloudOffer>>,
    status: RwSignal<ItemStatus>,
) -> impl IntoView {
    let waits = Memo::new(move |_| {
        status.get() == ItemStatus::InProgress && offer.with(|offer| offer.answer.is_none())
    });
    move || {
        let offer = *offer.get();
        if waits.get() {
            view! { <OfferCard session item offer /> }.into_any()
        } else {
            let text = said(&offer).into();
            view! { <NoticeRow level=NoticeLevel::Info text error=None /> }.into_any()
        }
    }
}

fn said(offer: &CloudOffer) -> String {
    let name = visible::plain(&offer.display_name);
    if offer.answer.as_ref().is_some_and(ApprovalAnswer::allows) {
        format!("You sent {} to {name}.", offer.contents())
    } else {
        format!("Nothing was sent to {name}.")
    }
}

#[component]
fn OfferCard(session: SessionId, item: ItemId, offer: CloudOffer) -> impl IntoView {
    let app = use_app();
    let card = NodeRef::<html::Section>::new();
    let deny = NodeRef::<html::Button>::new();
    let guard = Guard::watch(card);
    take_focus(deny);
    let answering = Answering::new();
    let heading = format!("offer-{item}");
    let labelled_by = heading.clone();
    let provider = app.facts.provider_name(offer.model.provider());
    let name = visible::plain(&offer.display_name);
    let (why, contents, price) = (visible::plain(&offer.why), offer.contents(), offer.price());
    let question = StoredValue::new(offer);
    let answer = Callback::new(move |answer: ApprovalAnswer| {
        answering.send(async move {
            actions::answer_offer(session, item, question.get_value(), answer).await?;
            app.view.focus();
            Ok(())
        });
    });
    view! {
        <section
            class="approval"
            node_ref=card
            data-testid="cloud-offer"
            aria-labelledby=labelled_by
        >
            <header class="approval-head">
                <Icon shape=Shape::Cloud />
                <h3 class="approval-title" id=heading>
                    <span class="visually-hidden">"Asks: "</span>
                    {format!("Go on in the cloud with {name}?")}
                </h3>
            </header>
            <div class="approval-body">
                <p class="approval-why" dir="auto">{why}</p>
                <dl class="approval-details words">
                    <dt>"Goes to"</dt>
                    <dd>{provider}</dd>
                    <dt>"Is sent"</dt>
                    <dd data-testid="offer-contents">{contents}</dd>
                    <dt>"Costs"</dt>
                    <dd data-testid="offer-price">{price}</dd>
                </dl>
                <p class="approval-why">"The rest of this turn is answered there too."</p>
            </div>
            <AnswerFailed answering class="approval-failed" />
            <div
                class="approval-answers"
                role="group"
                aria-label="Your answer"
                aria-busy=move || answering.busy().to_string()
            >
                <span class="approval-deny">
                    <AnswerButton
                        answering
                        testid="deny"
                        node=deny
                        press=Callback::new(move |()| answer.run(ApprovalAnswer::Deny { word: String::new() }))
                    >
                        "Send nothing"
                    </AnswerButton>
                </span>
                <span class="approval-allow">
                    <AnswerButton
                        answering
                        testid="approve-once"
                        kind="primary"
                        guard
                        press=Callback::new(move |()| answer.run(ApprovalAnswer::Once))
                    >
                        "Send this once"
                    </AnswerButton>
                </span>
            </div>
        </section>
    }
}
