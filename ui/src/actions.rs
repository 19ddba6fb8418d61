//! What the user can do: each verb calls the core and hands what it says to the state. Components call verbs, never commands.

mod agent;
mod changes;
mod chat;
mod downloads;
mod drops;
mod hub;
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
pub use downloads::{cancel_download, get_model, pause_download, resume_download};
pub use drops::give;
pub use hub::{leave_details, load_suggested, more_models, search_models, show_details};
pub use models::{
    choose_model, go_to_models, import_model, install_starter, load_found, load_local, load_models,
    load_place, move_models, pick_model_file, remove_model, show_downloads, take_model, use_model,
};
pub use settings::{
    check_health, copy_text, delete_key, go_online, go_to_settings, open_data_dir, open_link,
    remove_provider, save_key, save_provider, set_setting, test_key,
};
pub use start::start;
