//! What the user can do: each verb calls the core and hands what it says to the state. Components call verbs, never commands.

mod agent;
mod changes;
mod chat;
mod models;
mod settings;
mod start;

pub use agent::{
    answer, answer_offer, compact, pick_folder, remove_folder, set_mode, set_routing, start_plan,
    undo_compaction,
};
pub use changes::{change_diff, keep, load_changes, redo, toggle_changes, undo};
pub use chat::{
    ask_cloud, delete_session, go_on, new_chat, open_session, perform, rename_session, retry, send,
    stop,
};
pub use models::{
    choose_model, import_model, install_starter, load_models, pick_model_file, remove_model,
};
pub use settings::{
    check_health, copy_text, delete_key, go_online, go_to_settings, open_data_dir, open_link,
    remove_provider, save_key, save_provider, set_setting, test_key,
};
pub use start::start;
