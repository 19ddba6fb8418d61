//! What came of a tool call, each part in its own form. Every part is text in nodes: nothing is parsed as HTML.

mod chart;
mod diff;
mod file;
mod image;
mod link;
mod table;
mod terminal;
mod text;
mod tree;

use leptos::prelude::*;
use nexus_protocol::ResultPart;

pub use diff::{Counts, DiffView};
pub use text::TextView;

/// One part.
#[component]
pub fn PartView(part: ResultPart) -> impl IntoView {
    match part {
        ResultPart::Text { text } => view! { <TextView text /> }.into_any(),
        ResultPart::Terminal { spans, ending } => {
            view! { <terminal::TerminalView spans ending /> }.into_any()
        }
        ResultPart::Table { table } => view! { <table::TableView table /> }.into_any(),
        ResultPart::Image { name, image } => view! { <image::ImageView name image /> }.into_any(),
        ResultPart::Diff { diff } => view! { <DiffView diff /> }.into_any(),
        ResultPart::Chart { chart } => view! { <chart::ChartView chart /> }.into_any(),
        ResultPart::File { path, bytes } => view! { <file::FileView path bytes /> }.into_any(),
        ResultPart::Link { url, title } => view! { <link::LinkView url title /> }.into_any(),
        ResultPart::Tree { root, entries } => view! { <tree::TreeView root entries /> }.into_any(),
    }
}

/// Whether a part is there to be looked at: it is shown without opening the card.
pub fn is_picture(part: &ResultPart) -> bool {
    matches!(part, ResultPart::Chart { .. } | ResultPart::Image { .. })
}
