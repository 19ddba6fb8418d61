//! The question whether a turn may go on in the cloud: whom, exactly what would be sent, and for how much. Staying here has the
//! focus. All words but the names come from the core's count of the very request.

use leptos::{html, prelude::*, task::spawn_local};
use nexus_protocol::{
    ApprovalAnswer, CloudOffer, ErrorCard, ItemId, ItemStatus, NoticeLevel, SessionId,
};

use super::{
    ErrorNote, Icon, Shape,
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
    let sent = RwSignal::new(false);
    let failed = RwSignal::new(None::<ErrorCard>);
    let heading = format!("offer-{item}");
    let labelled_by = heading.clone();
    let provider = app.facts.provider_name(offer.model.provider());
    let name = visible::plain(&offer.display_name);
    let (why, contents, price) = (visible::plain(&offer.why), offer.contents(), offer.price());
    let question = StoredValue::new(offer);
    let answer = Callback::new(move |answer: ApprovalAnswer| {
        // A second click comes before the first one's answer is drawn.
        if sent.get_untracked() {
            return;
        }
        sent.set(true);
        failed.set(None);
        spawn_local(async move {
            match actions::answer_offer(session, item, question.get_value(), answer).await {
                Ok(()) => app.view.focus(),
                Err(card) => {
                    sent.try_set(false);
                    failed.try_set(Some(card));
                }
            }
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
            {move || failed.get().map(|card| view! {
                <div class="approval-failed">
                    <ErrorNote card on_action=Callback::new(move |_| failed.set(None)) />
                </div>
            })}
            <div
                class="approval-answers"
                role="group"
                aria-label="Your answer"
                aria-busy=move || sent.get().to_string()
            >
                <span class="approval-deny">
                    <button
                        type="button"
                        class="button"
                        node_ref=deny
                        data-testid="deny"
                        disabled=move || sent.get()
                        on:click=move |_| answer.run(ApprovalAnswer::Deny { word: String::new() })
                    >
                        "Send nothing"
                    </button>
                </span>
                <span class="approval-allow">
                    <button
                        type="button"
                        class="button primary"
                        data-testid="approve-once"
                        disabled=move || sent.get()
                        on:keydown=move |event| guard.on_key(&event)
                        on:click=move |_| answer.run(ApprovalAnswer::Once)
                    >
                        "Send this once"
                    </button>
                </span>
            </div>
        </section>
    }
}
