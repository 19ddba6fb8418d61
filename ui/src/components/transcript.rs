//! The open session as a column to read. Keeps to the end only while the reader is there.

use leptos::{html, prelude::*};
use nexus_protocol::{
    ErrorAction, ItemStatus, Mode, ModelActivity, ModelPlace, NoticeLevel, Routing, SessionActivity,
};
use wasm_bindgen::{JsCast as _, closure::Closure};

use super::{
    ErrorNote, Icon, Shape,
    changes::{TurnChanges, TurnEnd},
    cloud_offer::OfferRow,
    compaction::CompactionRow,
    message::{AnswerRow, NoticeRow, UserRow},
    thinking::ThinkingRow,
    tool_card::{ToolCall, ToolRow},
};
use crate::{
    actions, browser, format,
    state::{Load, OpenSession, Row, RowBody, use_app},
};

/// As near as this to the end counts as being there, CSS pixels.
const NEAR: i32 = 48;

/// The transcript of a session.
#[component]
pub fn Transcript(open: OpenSession) -> impl IntoView {
    let app = use_app();
    let scroller = NodeRef::<html::Div>::new();
    let column = NodeRef::<html::Div>::new();
    let at_end = RwSignal::new(true);
    let last_top = StoredValue::new(0_i32);

    let to_end = move || {
        if let Some(element) = scroller.get_untracked() {
            element.set_scroll_top(element.scroll_height());
        }
    };
    let on_scroll = move |_| {
        let Some(element) = scroller.get_untracked() else {
            return;
        };
        let top = element.scroll_top();
        let near = element.scroll_height() - top - element.client_height() <= NEAR;
        // Growing text also fires this, late: only a way up that the reader made lets go of the end.
        let went_up = top < last_top.get_value();
        last_top.set_value(top);
        let now = near || (at_end.get_untracked() && !went_up);
        if at_end.get_untracked() != now {
            at_end.set(now);
        }
    };
    follow_growth(column, scroller, at_end);
    let changes = TurnChanges::of(&open);

    let OpenSession {
        rows,
        activity,
        phase,
        broken_off,
        load,
        id,
        ..
    } = open;
    let rows = RwSignal::from(rows);
    let activity = RwSignal::from(activity);
    let load = RwSignal::from(load);
    let running = Memo::new(move |_| matches!(activity.get(), SessionActivity::Running { .. }));

    // What the reader sends is at the end, wherever they were.
    Effect::new(move |was: Option<bool>| {
        let is = running.get();
        if is && was == Some(false) {
            at_end.set(true);
            to_end();
        }
        is
    });
    Effect::new(move |_| {
        if load.get() != Load::Ready {
            return;
        }
        // The chat that is about to go sees the wish too: it is not for it.
        if let Some((session, item)) = app.view.reveal.get()
            && session == id
        {
            app.view.reveal.set(None);
            at_end.set(false);
            request_animation_frame(move || reveal(&item.to_string()));
        }
    });

    let list = move || rows.get();
    view! {
        <div
            class="transcript"
            node_ref=scroller
            role="log"
            aria-live="polite"
            aria-relevant="additions"
            aria-label="Conversation"
            aria-busy=move || running.get().to_string()
            tabindex="0"
            data-testid="transcript"
            data-session=id.to_string()
            on:scroll=on_scroll
        >
            <div class="column" node_ref=column>
                {move || match load.get() {
                    Load::Loading => view! {
                        <div class="skeleton-list late" aria-label="Reading the chat">
                            <span class="skeleton bubble"></span>
                            <span class="skeleton wide"></span>
                            <span class="skeleton"></span>
                            <span class="skeleton short"></span>
                        </div>
                    }
                    .into_any(),
                    Load::Failed(card) => view! {
                        <ErrorNote card on_action=Callback::new(move |action: ErrorAction| match action {
                            ErrorAction::Retry => {
                                app.store.open.set(None);
                                actions::open_session(app, id);
                            }
                            other => actions::perform(app, &other),
                        }) />
                    }
                    .into_any(),
                    Load::Ready => ().into_any(),
                }}
                <For
                    each=list
                    key=|row| (row.id, row.version)
                    children=move |row| view! { <RowView row changes /> }
                />
                <Phase phase=phase.into() running />
                <Ending rows running broken_off=broken_off.into() />
                <StartPlan rows running />
                <AskCloud rows running />
            </div>
        </div>
        <Show when=move || !at_end.get()>
            <button
                type="button"
                class="to-end"
                data-testid="to-end"
                on:click=move |_| {
                    at_end.set(true);
                    to_end();
                }
            >
                <Icon shape=Shape::ArrowDown />
                "To the end"
            </button>
        </Show>
    }
}

#[component]
fn RowView(row: Row, changes: TurnChanges) -> impl IntoView {
    let Row {
        id: item,
        session,
        turn,
        position,
        ..
    } = row;
    let created = row.created_at;
    let status = RwSignal::from(row.status);
    let inner = match row.body {
        RowBody::User { text, attachments } => {
            view! { <UserRow text attachments created session turn position changes /> }.into_any()
        }
        RowBody::Assistant { text, model, meta } => view! {
            <AnswerRow text=text.into() model meta=meta.into() status />
        }
        .into_any(),
        RowBody::Thinking { text, duration_ms } => view! {
            <ThinkingRow text=text.into() duration_ms=duration_ms.into() status />
        }
        .into_any(),
        RowBody::Tool {
            name,
            arguments,
            label,
            approval,
            output,
            result,
            ..
        } => {
            let call = ToolCall {
                session,
                item,
                name,
                arguments: arguments.into(),
                label: label.into(),
                approval: approval.into(),
                output: output.into(),
                result: result.into(),
                status,
            };
            view! { <ToolRow call /> }.into_any()
        }
        RowBody::Compaction {
            text,
            tokens_before,
            tokens_after,
            undone,
            ..
        } => view! { <CompactionRow item text tokens_before tokens_after undone status /> }
            .into_any(),
        RowBody::Undo {
            redone,
            files,
            more,
        } => {
            let text = format::undone(redone, &files, more).into();
            view! { <NoticeRow level=NoticeLevel::Info text error=None /> }.into_any()
        }
        RowBody::Offer { offer } => {
            view! { <OfferRow session item offer=offer.into() status /> }.into_any()
        }
        RowBody::Notice { level, text, error } => {
            view! { <NoticeRow level text error /> }.into_any()
        }
    };
    view! {
        <div class="row" data-item=item.to_string()>
            {inner}
            <TurnEnd session item changes />
        </div>
    }
}

/// What the model is at before its first word.
#[component]
fn Phase(phase: RwSignal<Option<ModelActivity>>, running: Memo<bool>) -> impl IntoView {
    let words = Memo::new(move |_| {
        if !running.get() {
            return None;
        }
        phase.get().map(|phase| match phase {
            ModelActivity::Loading => "Loading the model into memory".to_owned(),
            ModelActivity::Waiting => "Reading the conversation".to_owned(),
            ModelActivity::Retrying {
                attempt,
                wait_ms,
                reason,
            } => format!(
                "Trying again in {} (try {}): {reason}",
                format::whole_duration(wait_ms),
                attempt + 1
            ),
        })
    });
    view! {
        {move || words.get().map(|words| view! {
            <p class="phase" data-testid="phase"><span class="dot living"></span>{words}</p>
        })}
    }
}

/// What can be done where the last turn did not end well and no card says so.
#[component]
fn Ending(
    rows: RwSignal<Vec<Row>>,
    running: Memo<bool>,
    broken_off: RwSignal<Option<nexus_protocol::ErrorCard>>,
) -> impl IntoView {
    #[derive(Clone, PartialEq)]
    enum End {
        Well,
        Card(nexus_protocol::ErrorCard),
        Stopped { can_go_on: bool },
        Unanswered,
    }
    let app = use_app();
    let end = Memo::new(move |_| {
        if running.get() {
            return End::Well;
        }
        // A word between changes nothing of how the turn ended.
        let (last, last_said) = rows.with(|rows| {
            let said = rows.iter().rfind(|row| !row.is_aside());
            (rows.last().cloned(), said.cloned())
        });
        let (Some(last), Some(said)) = (last, last_said) else {
            return End::Well;
        };
        if let RowBody::Notice { error: Some(_), .. } = said.body {
            return End::Well;
        }
        if let Some(card) = broken_off.get() {
            return End::Card(card);
        }
        let is_noted = matches!(last.body, RowBody::Notice { .. });
        match (said.status.get(), &said.body) {
            (ItemStatus::Interrupted, RowBody::Assistant { text, .. }) => End::Stopped {
                can_go_on: text.with(|text| !text.is_empty()),
            },
            (ItemStatus::Interrupted, _) => End::Stopped { can_go_on: false },
            // The notice says why.
            (_, RowBody::User { .. }) if is_noted => End::Well,
            (_, RowBody::User { .. }) => End::Unanswered,
            _ => End::Well,
        }
    });
    view! {
        {move || match end.get() {
            End::Well => ().into_any(),
            End::Card(card) => view! { <ErrorNote card /> }.into_any(),
            End::Stopped { can_go_on: true } => view! {
                <p class="ending">
                    <span>"Stopped here."</span>
                    <button
                        type="button"
                        class="button"
                        data-testid="continue"
                        on:click=move |_| actions::go_on(app)
                    >
                        "Continue"
                    </button>
                </p>
            }
            .into_any(),
            End::Stopped { can_go_on: false } => view! {
                <p class="ending">
                    <span>"Stopped before an answer."</span>
                    <button
                        type="button"
                        class="button"
                        data-testid="retry"
                        on:click=move |_| actions::retry(app)
                    >
                        "Try again"
                    </button>
                </p>
            }
            .into_any(),
            End::Unanswered => view! {
                <p class="ending late">
                    <span>"No answer yet."</span>
                    <button
                        type="button"
                        class="button"
                        data-testid="retry"
                        on:click=move |_| actions::retry(app)
                    >
                        "Answer it"
                    </button>
                </p>
            }
            .into_any(),
        }}
    }
}

/// Below a plan: the way to have it carried out.
#[component]
fn StartPlan(rows: RwSignal<Vec<Row>>, running: Memo<bool>) -> impl IntoView {
    let app = use_app();
    let due = Memo::new(move |_| {
        if running.get() || app.mode() != Mode::Plan {
            return false;
        }
        let last = rows.with(|rows| rows.iter().rfind(|row| !row.is_aside()).cloned());
        last.is_some_and(|row| match &row.body {
            RowBody::Assistant { text, .. } => {
                row.status.get() == ItemStatus::Complete && text.with(|text| !text.is_empty())
            }
            _ => false,
        })
    });
    view! {
        <Show when=move || due.get()>
            <p class="ending">
                <button
                    type="button"
                    class="button primary"
                    data-testid="start-plan"
                    on:click=move |_| actions::start_plan(app)
                >
                    "Start this plan"
                </button>
                <span>"Switches to Accept edits."</span>
            </p>
        </Show>
    }
}

/// The way to the cloud from a chat that asks this machine first, once it has answered.
#[component]
fn AskCloud(rows: RwSignal<Vec<Row>>, running: Memo<bool>) -> impl IntoView {
    let app = use_app();
    let due = Memo::new(move |_| {
        if running.get() || app.routing() != Some(Routing::LocalFirst) || app.facts.offline() {
            return false;
        }
        let last = rows.with(|rows| rows.iter().rfind(|row| !row.is_aside()).cloned());
        last.is_some_and(|row| match &row.body {
            RowBody::Assistant { model, .. } => {
                app.facts.model_place(model) == ModelPlace::ThisMachine
            }
            _ => false,
        })
    });
    view! {
        <Show when=move || due.get()>
            <p class="ending">
                <button
                    type="button"
                    class="link-button"
                    data-testid="ask-cloud"
                    on:click=move |_| actions::ask_cloud(app)
                >
                    "Ask the cloud instead…"
                </button>
            </p>
        </Show>
    }
}

/// Whatever makes the column grow (text, a table, an image), the end stays in sight while the reader is there.
fn follow_growth(column: NodeRef<html::Div>, scroller: NodeRef<html::Div>, at_end: RwSignal<bool>) {
    let watch = Closure::<dyn FnMut()>::new(move || {
        if at_end.try_get_untracked() == Some(true)
            && let Some(element) = scroller.try_get_untracked().flatten()
        {
            element.set_scroll_top(element.scroll_height());
        }
    });
    let observer = web_sys::ResizeObserver::new(watch.as_ref().unchecked_ref()).ok();
    let held = StoredValue::new_local(observer.map(|observer| (observer, watch)));
    Effect::new(move |_| {
        let (Some(column), Some(scroller)) = (column.get(), scroller.get()) else {
            return;
        };
        held.with_value(|held| {
            if let Some((observer, _)) = held {
                observer.observe(&column);
                // The composer grows too, and takes its height from here.
                observer.observe(&scroller);
            }
        });
    });
    on_cleanup(move || {
        held.try_with_value(|held| {
            if let Some((observer, _)) = held {
                observer.disconnect();
            }
        });
    });
}

/// Brings an item into sight and marks it for a moment.
fn reveal(item: &str) {
    if let Some(row) = browser::find(&format!("[data-item=\"{item}\"]")) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Center);
        row.scroll_into_view_with_scroll_into_view_options(&options);
        // A class that is there already cannot fail to be added.
        let _added = row.class_list().add_1("revealed");
    }
}
