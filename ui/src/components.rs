//! The parts that pages are made of.

mod attachments;
mod banners;
mod composer;
mod error_note;
mod icon;
mod menu;
mod message;
mod model_chip;
mod model_list;
mod model_picker;
mod search;
mod session_list;
mod sidebar;
mod text_field;
mod thinking;
mod toasts;
mod tool_card;
mod top_bar;
mod transcript;

pub use banners::Banners;
pub use composer::Composer;
pub use error_note::ErrorNote;
pub use icon::{Icon, Shape};
pub use model_chip::PlaceBadge;
pub use model_list::ModelList;
pub use search::SearchDialog;
pub use sidebar::Sidebar;
pub use text_field::TextField;
pub use toasts::Toasts;
pub use top_bar::TopBar;
pub use transcript::Transcript;
