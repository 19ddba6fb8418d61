//! The window around the core: the only code that names Tauri.
//!
//! Owns the composition of the app: it starts the core beside the window, registers the commands and forwards the core's
//! events. Refuses to own any decision: commands parse, call the core and return what it says.

mod bridge;
mod command_names;
mod commands;
mod drops;
mod links;
mod shell;
mod window;

use nexus_core::CoreOptions;
use tauri::{Manager as _, RunEvent, Runtime};

pub use bridge::{forward, merge};
pub use command_names::COMMANDS;
pub use links::{LinkRefused, check_link};
pub use shell::Shell;

use self::drops::Drops;

/// Runs the app until its window closes.
///
/// # Errors
/// Where Tauri cannot start: no display, no web view.
pub fn run() -> anyhow::Result<()> {
    // The app is its own helper for proving the keychain: see `nexus_core::secrets`.
    if nexus_core::secrets::probe_child() {
        return Ok(());
    }
    let options = CoreOptions::from_environment();
    let own_data = std::env::var_os("NEXUS_DATA_DIR").is_some();
    let mut builder = tauri::Builder::default();
    if !own_data {
        // Two windows on one data folder confuse people; another folder is another app.
        builder = builder.plugin(tauri_plugin_single_instance::init(|app, _, _| {
            window::focus(app)
        }));
    }
    let app = configure(builder, Shell::new())
        .setup(move |app| {
            window::open(app)?;
            app.state::<Shell>().start(options);
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|app, event| {
        if let RunEvent::Exit = event {
            app.state::<Shell>().stop();
        }
    });
    Ok(())
}

/// Adds what every build of the app has, tests with a mock runtime among them.
pub fn configure<R: Runtime>(builder: tauri::Builder<R>, shell: Shell) -> tauri::Builder<R> {
    builder
        .plugin(tauri_plugin_dialog::init())
        .manage(shell)
        .manage(Drops::default())
        .invoke_handler(tauri::generate_handler![
            commands::chat::subscribe,
            commands::chat::submit,
            commands::chat::snapshot,
            commands::chat::search,
            commands::chat::highlight,
            commands::chat::fetch_image,
            commands::sessions::sessions,
            commands::sessions::session_create,
            commands::sessions::session_rename,
            commands::sessions::session_delete,
            commands::sessions::session_restore,
            commands::sessions::session_mode,
            commands::sessions::session_folder,
            commands::sessions::session_routing,
            commands::sessions::folder_pick,
            commands::changes::changes,
            commands::changes::change_diff,
            commands::changes::undo,
            commands::changes::redo,
            commands::changes::keep,
            commands::models::models,
            commands::models::model_select,
            commands::models::model_pick_file,
            commands::models::model_import,
            commands::models::model_remove,
            commands::models::starter_install,
            commands::chat::subscribe_app,
            commands::drops::subscribe_drags,
            commands::drops::dropped_files,
            commands::library::models_search,
            commands::library::models_details,
            commands::library::models_local,
            commands::library::models_found,
            commands::library::models_place,
            commands::library::models_move,
            commands::library::models_pick_folder,
            commands::library::model_take,
            commands::downloads::downloads,
            commands::downloads::download_start,
            commands::downloads::download_pause,
            commands::downloads::download_resume,
            commands::downloads::download_cancel,
            commands::providers::provider_save,
            commands::providers::provider_remove,
            commands::providers::key_set,
            commands::providers::key_delete,
            commands::providers::key_test,
            commands::app::bootstrap,
            commands::app::settings,
            commands::app::setting_set,
            commands::app::open_link,
            commands::app::open_data_dir,
            commands::app::doctor,
            commands::app::report_ui_error,
        ])
}
