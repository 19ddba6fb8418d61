//! Files and folders below one folder, indented.

use leptos::prelude::*;
use nexus_protocol::TreeEntry;

use crate::{format, visible};

/// Entries that are drawn before the reader asks for all.
const SHOWN: usize = 300;
/// Deeper than this looks as deep as this.
const DEEPEST: usize = 12;

/// The tree.
#[component]
pub fn TreeView(root: String, entries: Vec<TreeEntry>) -> impl IntoView {
    let all = RwSignal::new(entries.len() <= SHOWN);
    let count = entries.len();
    let label = format!("Files in {root}");
    view! {
        <div class="tree" role="group" aria-label=label>
            <p class="tree-root"><code dir="ltr">{root}</code></p>
            {move || {
                let shown = if all.get() { count } else { SHOWN };
                entries.iter().take(shown).map(line).collect_view()
            }}
            <Show when=move || !all.get()>
                <button type="button" class="link-button start" on:click=move |_| all.set(true)>
                    {format!("Show all {}", format::count(count, "entry", "entries"))}
                </button>
            </Show>
        </div>
    }
}

fn line(entry: &TreeEntry) -> impl IntoView + use<> {
    let mut name = visible::file_name(&entry.path).to_owned();
    if entry.folder {
        name.push('/');
    }
    let indent = format!("{}px", depth(&entry.path) * 16);
    let size = entry.bytes.map(format::bytes);
    view! {
        <p class="tree-line" class:folder=entry.folder style:padding-inline-start=indent title=entry.path.clone()>
            <code dir="ltr">{name}</code>
            {size.map(|size| view! { <span class="file-size">{size}</span> })}
        </p>
    }
}

fn depth(path: &str) -> usize {
    let inside = path.trim_end_matches('/').matches('/').count();
    (inside + 1).min(DEEPEST)
}

#[cfg(test)]
mod tests {
    use super::depth;

    #[test]
    fn depth_is_that_of_the_path_and_bounded() {
        assert_eq!(depth("a"), 1);
        assert_eq!(depth("a/b/"), 2);
        assert_eq!(depth(&"a/".repeat(40)), 12);
    }
}
