//! The chip in the composer that says how free the agent is, and the menu that changes it.

use leptos::{html, prelude::*};
use nexus_protocol::Mode;

use super::{
    Shape,
    menu::{Menu, MenuItem},
};
use crate::{actions, state::use_app};

/// All modes, most careful last but for Ask, which is where everyone begins.
const MODES: [Mode; 4] = [Mode::Ask, Mode::Edits, Mode::Plan, Mode::Auto];

/// Chip and menu.
#[component]
pub fn ModePicker() -> impl IntoView {
    let app = use_app();
    let open = RwSignal::new(false);
    let opener = NodeRef::<html::Button>::new();
    let mode = Memo::new(move |_| app.mode());
    let close = Callback::new(move |()| {
        open.set(false);
        if let Some(opener) = opener.get_untracked() {
            let _focused = opener.focus();
        }
    });
    let items = move || {
        MODES
            .into_iter()
            .map(|choice| MenuItem {
                label: name(choice),
                hint: meaning(choice),
                shape: shape(choice),
                chosen: Some(choice == mode.get_untracked()),
                bad: false,
                testid: testid(choice),
                run: Callback::new(move |()| actions::set_mode(app, choice)),
            })
            .collect::<Vec<_>>()
    };
    view! {
        <span class="chip-place">
            <button
                type="button"
                class="chip mode-chip"
                class:plain=move || mode.get() == Mode::Ask
                node_ref=opener
                data-testid="mode-picker"
                data-mode=move || testid(mode.get())
                aria-haspopup="menu"
                aria-expanded=move || open.get().to_string()
                title=move || meaning(mode.get())
                on:click=move |_| open.update(|open| *open = !*open)
            >
                <span class="visually-hidden">"How free the agent is: "</span>
                <span class="chip-text">{move || name(mode.get()).split(' ').next()}</span>
                <span class="chip-rest">{move || rest(name(mode.get()))}</span>
            </button>
            <Show when=move || open.get()>
                <Menu label="How free the agent is".to_owned() items=items() close />
            </Show>
        </span>
    }
}

fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Ask => "Ask",
        Mode::Edits => "Accept edits",
        Mode::Plan => "Plan",
        Mode::Auto => "Auto in sandbox",
    }
}

/// What follows the first word, which is all that a narrow window shows.
fn rest(name: &str) -> &str {
    name.find(' ')
        .and_then(|at| name.get(at..))
        .unwrap_or_default()
}

fn meaning(mode: Mode) -> &'static str {
    match mode {
        Mode::Ask => "Reads in the working folder. Asks before it changes or runs anything.",
        Mode::Edits => "Changes files in the working folder too. Asks before it runs anything.",
        Mode::Plan => "Only reads, changes nothing, and ends with a plan.",
        Mode::Auto => "Also runs what the sandbox keeps in the folder, without network.",
    }
}

fn shape(mode: Mode) -> Shape {
    match mode {
        Mode::Ask => Shape::Question,
        Mode::Edits => Shape::Pencil,
        Mode::Plan => Shape::List,
        Mode::Auto => Shape::Play,
    }
}

fn testid(mode: Mode) -> &'static str {
    match mode {
        Mode::Ask => "mode-ask",
        Mode::Edits => "mode-edits",
        Mode::Plan => "mode-plan",
        Mode::Auto => "mode-auto",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_keeps_its_first_word() {
        assert_eq!(rest(name(Mode::Edits)), " edits");
        assert_eq!(rest(name(Mode::Ask)), "");
    }
}
