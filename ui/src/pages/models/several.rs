//! A list that begins short: the first few, and a button for the rest.

use std::hash::Hash;

use leptos::prelude::*;

/// The list. An item is drawn anew only where its key is new.
#[component]
pub fn Several<T, K, V>(
    #[prop(into)] items: Signal<Vec<T>>,
    most: usize,
    key: fn(&T) -> K,
    children: fn(T) -> V,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    K: Eq + Hash + Send + 'static,
    V: IntoView + 'static,
{
    let all = RwSignal::new(false);
    let count = Memo::new(move |_| items.with(Vec::len));
    // A button for one or two more would take as much room as they do.
    let cut = Memo::new(move |_| !all.get() && count.get() > most + 2);
    let shown = Memo::new(move |_| {
        let mut shown = items.get();
        if cut.get() {
            shown.truncate(most);
        }
        shown
    });
    view! {
        <For each=move || shown.get() key children />
        <Show when=move || cut.get()>
            <div class="actions center">
                <button type="button" class="button quiet" data-testid="show-all" on:click=move |_| all.set(true)>
                    {move || format!("Show all {}", count.get())}
                </button>
            </div>
        </Show>
    }
}
