//! The chip in the composer that says in which folder the agent works.

use leptos::{html, prelude::*};

use super::{
    Icon, Shape,
    menu::{Menu, MenuItem},
};
use crate::{actions, state::use_app, visible};

/// Chip and menu.
#[component]
pub fn FolderPicker() -> impl IntoView {
    let app = use_app();
    let open = RwSignal::new(false);
    let opener = NodeRef::<html::Button>::new();
    let folder = Memo::new(move |_| app.folder());
    let close = Callback::new(move |()| {
        open.set(false);
        if let Some(opener) = opener.get_untracked() {
            let _focused = opener.focus();
        }
    });
    let items = move || {
        let has = folder.with_untracked(Option::is_some);
        let choose = MenuItem {
            label: if has {
                "Choose another folder…"
            } else {
                "Choose folder…"
            },
            hint: "",
            shape: Shape::Folder,
            chosen: None,
            bad: false,
            testid: "folder-choose",
            run: Callback::new(move |()| actions::pick_folder(app)),
        };
        let remove = MenuItem {
            label: "Remove",
            hint: "The agent works without files and programs.",
            shape: Shape::Cross,
            chosen: None,
            bad: false,
            testid: "folder-remove",
            run: Callback::new(move |()| actions::remove_folder(app)),
        };
        std::iter::once(choose)
            .chain(has.then_some(remove))
            .collect::<Vec<_>>()
    };
    view! {
        <span class="chip-place shrinks">
            <button
                type="button"
                class="chip"
                class:none=move || folder.with(Option::is_none)
                node_ref=opener
                data-testid="folder-picker"
                aria-haspopup="menu"
                aria-expanded=move || open.get().to_string()
                title=move || folder.get().unwrap_or_else(|| {
                    "Without a folder the agent has no tools for files and programs".into()
                })
                on:click=move |_| open.update(|open| *open = !*open)
            >
                <Icon shape=Shape::Folder />
                <span class="visually-hidden">"Working folder: "</span>
                <span class="chip-text" class:chip-optional=move || folder.with(Option::is_none) dir="auto">
                    {move || folder.with(|folder| match folder {
                        Some(folder) => visible::file_name(folder).to_owned(),
                        None => "No folder".to_owned(),
                    })}
                </span>
            </button>
            <Show when=move || open.get()>
                <Menu label="Working folder".to_owned() items=items() close />
            </Show>
        </span>
    }
}
