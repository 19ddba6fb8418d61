//! The icons: one stroke weight, 16 units wide, drawn here. They repeat what words say, so screen readers skip them.

use leptos::prelude::*;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Runs here.
    Lock,
    /// Runs elsewhere.
    Cloud,
    /// New, attach.
    Plus,
    /// Search.
    Search,
    /// Models.
    Cube,
    /// Settings.
    Gear,
    /// Opens to the side.
    ChevronRight,
    /// Done.
    Check,
    /// Failed, close.
    Cross,
    /// Worth a look.
    Warning,
    /// Good to know.
    Info,
    /// Send.
    ArrowUp,
    /// To the end.
    ArrowDown,
    /// Stop.
    Stop,
    /// Copy.
    Copy,
    /// More.
    Dots,
    /// The sidebar.
    Panel,
    /// Rename, edit.
    Pencil,
    /// Delete.
    Bin,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link.
    Link,
    /// Take back.
    Undo,
    /// More room.
    Wider,
    /// Asks.
    Question,
    /// A plan.
    List,
    /// Goes by itself.
    Play,
    /// A key.
    Key,
    /// A tool is at work.
    Ring,
}

impl Shape {
    fn path(self) -> &'static str {
        match self {
            Self::Lock => {
                "M4.5 7.2h7a1 1 0 0 1 1 1v4.3a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1V8.2a1 1 0 0 1 1-1zM5.6 7.2V5.1a2.4 2.4 0 0 1 4.8 0v2.1"
            }
            Self::Cloud => {
                "M4.6 12.5a2.8 2.8 0 0 1-.3-5.6 3.9 3.9 0 0 1 7.5.7 2.5 2.5 0 0 1-.3 4.9z"
            }
            Self::Plus => "M8 3v10M3 8h10",
            Self::Search => "M7 11.4a4.4 4.4 0 1 0 0-8.8 4.4 4.4 0 0 0 0 8.8zM10.2 10.2 13.4 13.4",
            Self::Cube => "M8 2.2 13 5v6l-5 2.8L3 11V5zM3.2 5.1 8 7.8l4.8-2.7M8 7.8v5.8",
            Self::Gear => {
                "M8 10.1a2.1 2.1 0 1 0 0-4.2 2.1 2.1 0 0 0 0 4.2zM8 1.8v2.1M8 12.1v2.1M1.8 8h2.1M12.1 8h2.1M3.6 3.6l1.5 1.5M10.9 10.9l1.5 1.5M3.6 12.4l1.5-1.5M10.9 5.1l1.5-1.5"
            }
            Self::ChevronRight => "M6.2 3.8 10.4 8l-4.2 4.2",
            Self::Check => "M3.2 8.6 6.4 11.8 12.8 4.6",
            Self::Cross => "M4.2 4.2l7.6 7.6M11.8 4.2l-7.6 7.6",
            Self::Warning => "M8 2.6 14 13H2zM8 6.6v3M8 11.2v.2",
            Self::Info => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.4v3.4M8 5.1v.2",
            Self::ArrowUp => "M8 13V3.4M4 7.2l4-4 4 4",
            Self::ArrowDown => "M8 3v9.6M4 8.8l4 4 4-4",
            Self::Stop => "M4.5 4.5h7v7h-7z",
            Self::Copy => "M6 5.5h6.5v8H6zM9.8 5.5v-3H3.3v8H6",
            Self::Dots => "M3.6 8h.01M8 8h.01M12.4 8h.01",
            Self::Panel => "M2.5 3h11v10h-11zM6.2 3v10",
            Self::Pencil => "M3 13l.7-2.9 7.2-7.2 2.2 2.2-7.2 7.2zM9.6 4.2l2.2 2.2",
            Self::Bin => "M3 4.4h10M6.2 4.2V2.6h3.6v1.6M4.2 4.6l.6 8.8h6.4l.6-8.8M6.8 7v4M9.2 7v4",
            Self::File => "M4 2.2h5l3 3v8.6H4zM9 2.4v3h2.8",
            Self::Folder => {
                "M2.4 4.2a1 1 0 0 1 1-1h2.9l1.5 1.7h4.8a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H3.4a1 1 0 0 1-1-1z"
            }
            Self::Link => "M9 3h4v4M13 3 7.5 8.5M11 9.5V13H3V5h3.5",
            Self::Undo => "M6 3.6 3.2 6.4 6 9.2M3.4 6.4h6.2a3.2 3.2 0 0 1 0 6.4H7.4",
            Self::Wider => "M5.4 4.6 2.2 8l3.2 3.4M10.6 4.6 13.8 8l-3.2 3.4M2.4 8h11.2",
            Self::Question => {
                "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.3 6.4a1.8 1.8 0 1 1 2.5 1.7c-.6.3-.8.6-.8 1.3M8 11.3v.1"
            }
            Self::List => "M6 4.2h7.4M6 8h7.4M6 11.8h7.4M2.8 4.2h.2M2.8 8h.2M2.8 11.8h.2",
            Self::Play => "M5 3.2 12.4 8 5 12.8z",
            Self::Key => "M5.6 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM7.8 7.9 13 2.7M10.6 5.1l2 2",
            Self::Ring => "M8 13.5A5.5 5.5 0 1 0 2.5 8",
        }
    }
}

/// Draws a shape in the colour of the text around it.
#[component]
pub fn Icon(shape: Shape) -> impl IntoView {
    let class = match shape {
        Shape::Stop => "icon solid",
        Shape::Dots => "icon heavy",
        Shape::Ring => "icon turning",
        _ => "icon",
    };
    view! {
        <svg class=class viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
            <path d=shape.path()></path>
        </svg>
    }
}
