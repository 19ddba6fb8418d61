//! A small menu that hangs from a button: arrow keys move, Escape and a click elsewhere close.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast as _;

use super::{Icon, Shape};

/// One line of a menu.
#[derive(Clone)]
pub struct MenuItem {
    /// What it does, as a verb.
    pub label: &'static str,
    /// What that means, below it; may be empty.
    pub hint: &'static str,
    /// Drawn before it.
    pub shape: Shape,
    /// One of several of which one holds: whether it is this one.
    pub chosen: Option<bool>,
    /// Whether something goes.
    pub bad: bool,
    /// For tests.
    pub testid: &'static str,
    /// Does it.
    pub run: Callback<()>,
}

/// The menu. Rendered while it is open.
#[component]
pub fn Menu(
    /// What the menu is about, for screen readers.
    label: String,
    items: Vec<MenuItem>,
    close: Callback<()>,
) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        if let Some(list) = list.get() {
            focus_item(&list, 0);
            // All of it: at the lower edge of a page that scrolls only its first item would be.
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            list.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
    let on_key = move |event: ev::KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            "Escape" | "Tab" => {
                event.stop_propagation();
                if event.key() == "Escape" {
                    event.prevent_default();
                }
                close.run(());
                return;
            }
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        if let Some(list) = list.get_untracked() {
            focus_item(&list, step);
        }
    };
    view! {
        <div class="menu-scrim" on:click=move |event| {
            event.stop_propagation();
            close.run(());
        }></div>
        <div class="menu" role="menu" aria-label=label node_ref=list on:keydown=on_key>
            {items
                .into_iter()
                .map(|item| view! {
                    <button
                        type="button"
                        role=if item.chosen.is_some() { "menuitemradio" } else { "menuitem" }
                        aria-checked=item.chosen.map(|chosen| chosen.to_string())
                        class="menu-item"
                        class:bad=item.bad
                        data-testid=item.testid
                        on:click=move |event| {
                            event.stop_propagation();
                            close.run(());
                            item.run.run(());
                        }
                    >
                        <Icon shape=item.shape />
                        <span class="menu-words">
                            <span>{item.label}</span>
                            {(!item.hint.is_empty()).then(|| view! { <span class="menu-hint">{item.hint}</span> })}
                        </span>
                        {(item.chosen == Some(true)).then(|| view! { <Icon shape=Shape::Check /> })}
                    </button>
                })
                .collect_view()}
        </div>
    }
}

/// Moves the focus among the items by `step`, from the first where none has it.
fn focus_item(list: &web_sys::Element, step: i32) {
    let Ok(items) = list.query_selector_all("[role^=menuitem]") else {
        return;
    };
    let count = i32::try_from(items.length()).unwrap_or(0);
    if count == 0 {
        return;
    }
    let focused = crate::browser::document().and_then(|document| document.active_element());
    let at = (0..count).find(|&at| {
        let node = u32::try_from(at).ok().and_then(|at| items.get(at));
        matches!((&node, &focused), (Some(node), Some(focused)) if node.is_same_node(Some(focused)))
    });
    let next = at.map_or(0, |at| (at + step).rem_euclid(count));
    let node = u32::try_from(next).ok().and_then(|next| items.get(next));
    if let Some(Ok(item)) = node.map(|node| node.dyn_into::<web_sys::HtmlElement>()) {
        let _focused = item.focus();
    }
}
