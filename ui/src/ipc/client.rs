//! Every command of the core as a typed function. Owns names and arguments; refuses to keep any state.

use nexus_protocol::{
    AppEvent, Bootstrap, DoctorReport, Download, DownloadId, DownloadRequest, ErrorCard, Event,
    FileChange, FileDiff, FileDrag, FoundModel, GivenFile, HighlightSpan, HubDetails, HubPage,
    ImageData, ImportMode, KeyStatus, KeyTest, LocalModels, Mode, ModelCatalog, ModelInfo,
    ModelRef, ModelRemoved, ModelsPlace, ProviderEntry, ProviderView, Routing, SearchHit,
    SessionId, SessionSummary, SettingsView, Snapshot, Submission, UndoReport, UndoScope,
};
use serde::Serialize;
use serde_json::Value;

use super::bridge::{channel, invoke};

/// What every command gives.
pub type Answer<T> = Result<T, ErrorCard>;

#[derive(Serialize)]
struct Nothing {}

macro_rules! arguments {
    ($($name:ident),+) => {{
        // Tauri wants camelCase; every argument here is one word, and stays so.
        let mut object = serde_json::Map::new();
        $(object.insert(stringify!($name).into(), json(&$name)?);)+
        Value::Object(object)
    }};
}

fn json<T: Serialize>(value: &T) -> Answer<Value> {
    serde_json::to_value(value).map_err(|error| {
        ErrorCard::new(
            nexus_protocol::ErrorCode::Internal,
            "A request could not be written",
            error.to_string(),
            nexus_protocol::ErrorAction::None,
        )
    })
}

/// Opens the stream of events of all sessions; each message is a batch.
pub async fn subscribe(receive: impl FnMut(Vec<Event>) + 'static) -> Answer<()> {
    let channel = channel(receive)?;
    invoke("subscribe", &arguments!(channel)).await
}

/// Opens the stream of what happens outside all sessions.
pub async fn subscribe_app(receive: impl FnMut(Vec<AppEvent>) + 'static) -> Answer<()> {
    let channel = channel(receive)?;
    invoke("subscribe_app", &arguments!(channel)).await
}

/// Opens the stream of files that are dragged over the window.
pub async fn subscribe_drags(receive: impl FnMut(FileDrag) + 'static) -> Answer<()> {
    let channel = channel(receive)?;
    invoke("subscribe_drags", &arguments!(channel)).await
}

/// Reads what was dropped last, for a message; a file that does not go into one says why.
pub async fn dropped_files() -> Answer<Vec<Answer<GivenFile>>> {
    invoke("dropped_files", &Nothing {}).await
}

/// What the window needs to draw itself first.
pub async fn bootstrap() -> Answer<Bootstrap> {
    invoke("bootstrap", &Nothing {}).await
}

/// Hands a request to a session. Returns once it is accepted.
pub async fn submit(submission: Submission) -> Answer<()> {
    invoke("submit", &arguments!(submission)).await
}

/// A session as it stands.
pub async fn snapshot(session: SessionId) -> Answer<Snapshot> {
    invoke("snapshot", &arguments!(session)).await
}

/// A new, empty session.
pub async fn session_create(
    model: Option<ModelRef>,
    mode: Option<Mode>,
    folder: Option<String>,
    routing: Option<Routing>,
) -> Answer<SessionSummary> {
    invoke("session_create", &arguments!(model, mode, folder, routing)).await
}

/// Says where a session's answers are made; `None` for where its model is.
pub async fn session_routing(
    session: SessionId,
    routing: Option<Routing>,
) -> Answer<SessionSummary> {
    invoke("session_routing", &arguments!(session, routing)).await
}

/// Says how free the agent is in a session.
pub async fn session_mode(session: SessionId, mode: Mode) -> Answer<SessionSummary> {
    invoke("session_mode", &arguments!(session, mode)).await
}

/// Gives a session its working folder, or takes it away.
pub async fn session_folder(session: SessionId, folder: Option<String>) -> Answer<SessionSummary> {
    invoke("session_folder", &arguments!(session, folder)).await
}

/// Opens the system's dialog for folders; `None` where none was chosen.
pub async fn folder_pick() -> Answer<Option<String>> {
    invoke("folder_pick", &Nothing {}).await
}

/// Files that the agent changed in a session.
pub async fn changes(session: SessionId) -> Answer<Vec<FileChange>> {
    invoke("changes", &arguments!(session)).await
}

/// What changed in one of them since before the session.
pub async fn change_diff(session: SessionId, path: String) -> Answer<FileDiff> {
    invoke("change_diff", &arguments!(session, path)).await
}

/// Takes changes back; with `force` also where somebody changed the files since.
pub async fn undo(session: SessionId, scope: UndoScope, force: bool) -> Answer<UndoReport> {
    invoke("undo", &arguments!(session, scope, force)).await
}

/// Takes the last undo back.
pub async fn redo(session: SessionId) -> Answer<UndoReport> {
    invoke("redo", &arguments!(session)).await
}

/// The user has looked at a change and keeps it; `None` is all of them.
pub async fn keep(session: SessionId, path: Option<String>) -> Answer<Vec<FileChange>> {
    invoke("keep", &arguments!(session, path)).await
}

/// Gives a session the user's title.
pub async fn session_rename(session: SessionId, title: String) -> Answer<SessionSummary> {
    invoke("session_rename", &arguments!(session, title)).await
}

/// Takes a session off the list; [`session_restore`] brings it back.
pub async fn session_delete(session: SessionId) -> Answer<()> {
    invoke("session_delete", &arguments!(session)).await
}

/// Brings a deleted session back.
pub async fn session_restore(session: SessionId) -> Answer<SessionSummary> {
    invoke("session_restore", &arguments!(session)).await
}

/// All sessions, newest first.
pub async fn sessions() -> Answer<Vec<SessionSummary>> {
    invoke("sessions", &Nothing {}).await
}

/// Looks for words in all sessions.
pub async fn search(query: String, limit: u32) -> Answer<Vec<SearchHit>> {
    invoke("search", &arguments!(query, limit)).await
}

/// Models to choose from; `refresh` asks the providers again.
pub async fn models(refresh: bool) -> Answer<ModelCatalog> {
    invoke("models", &arguments!(refresh)).await
}

/// Chooses a model for a session and for new chats.
pub async fn model_select(session: Option<SessionId>, model: ModelRef) -> Answer<()> {
    invoke("model_select", &arguments!(session, model)).await
}

/// Puts the starter model in place.
pub async fn starter_install() -> Answer<ModelInfo> {
    invoke("starter_install", &Nothing {}).await
}

/// Opens the system's file dialog and imports what was chosen; `None` where nothing was.
pub async fn model_pick_file() -> Answer<Option<ModelInfo>> {
    invoke("model_pick_file", &Nothing {}).await
}

/// Imports a model file by its path.
pub async fn model_import(path: String, mode: ImportMode) -> Answer<ModelInfo> {
    invoke("model_import", &arguments!(path, mode)).await
}

/// Removes a local model and says what that freed.
pub async fn model_remove(model: ModelRef) -> Answer<ModelRemoved> {
    invoke("model_remove", &arguments!(model)).await
}

/// Asks the hub; without words it is the built-in catalogue. `cursor` asks for more of the same.
pub async fn models_search(query: String, cursor: Option<String>) -> Answer<HubPage> {
    invoke("models_search", &arguments!(query, cursor)).await
}

/// A model with all that can be fetched of it; memory is reckoned for `context` tokens.
pub async fn models_details(id: String, context: Option<u32>) -> Answer<HubDetails> {
    invoke("models_details", &arguments!(id, context)).await
}

/// What is in the models folder.
pub async fn models_local() -> Answer<LocalModels> {
    invoke("models_local", &Nothing {}).await
}

/// Models of other apps on this disk.
pub async fn models_found() -> Answer<Vec<FoundModel>> {
    invoke("models_found", &Nothing {}).await
}

/// Where models are kept and where they come from.
pub async fn models_place() -> Answer<ModelsPlace> {
    invoke("models_place", &Nothing {}).await
}

/// Moves the models folder. Returns when all is there.
pub async fn models_move(to: String) -> Answer<ModelsPlace> {
    invoke("models_move", &arguments!(to)).await
}

/// Opens the system's dialog for the folder to move models to; `None` where none was chosen.
pub async fn models_pick_folder() -> Answer<Option<String>> {
    invoke("models_pick_folder", &Nothing {}).await
}

/// Takes a model of another app in, by a link.
pub async fn model_take(path: String) -> Answer<ModelInfo> {
    invoke("model_take", &arguments!(path)).await
}

/// All downloads.
pub async fn downloads() -> Answer<Vec<Download>> {
    invoke("downloads", &Nothing {}).await
}

/// Begins a download, or goes on with one that is there already.
pub async fn download_start(request: DownloadRequest) -> Answer<Download> {
    invoke("download_start", &arguments!(request)).await
}

/// Stops it for now; what came stays.
pub async fn download_pause(id: DownloadId) -> Answer<Download> {
    invoke("download_pause", &arguments!(id)).await
}

/// Goes on with it.
pub async fn download_resume(id: DownloadId) -> Answer<Download> {
    invoke("download_resume", &arguments!(id)).await
}

/// Ends it and removes what came; one that is done goes off the list, and its model stays.
pub async fn download_cancel(id: DownloadId) -> Answer<()> {
    invoke("download_cancel", &arguments!(id)).await
}

/// Adds or changes a provider of the user's own.
pub async fn provider_save(entry: ProviderEntry) -> Answer<Vec<ProviderView>> {
    invoke("provider_save", &arguments!(entry)).await
}

/// Removes a provider of the user's own.
pub async fn provider_remove(provider: String) -> Answer<Vec<ProviderView>> {
    invoke("provider_remove", &arguments!(provider)).await
}

/// Stores a key. Nothing gives it back.
pub async fn key_set(provider: String, key: String) -> Answer<KeyStatus> {
    invoke("key_set", &arguments!(provider, key)).await
}

/// Forgets a key.
pub async fn key_delete(provider: String) -> Answer<KeyStatus> {
    invoke("key_delete", &arguments!(provider)).await
}

/// Tries a key.
pub async fn key_test(provider: String) -> Answer<KeyTest> {
    invoke("key_test", &arguments!(provider)).await
}

/// Settings as they apply now.
pub async fn settings() -> Answer<SettingsView> {
    invoke("settings", &Nothing {}).await
}

/// Changes one setting.
pub async fn setting_set(name: String, value: Value) -> Answer<SettingsView> {
    invoke("setting_set", &arguments!(name, value)).await
}

/// Opens an address in the system's browser; the core refuses all but https, http and mailto.
pub async fn open_link(url: String) -> Answer<()> {
    invoke("open_link", &arguments!(url)).await
}

/// Opens the data folder in the system's file manager.
pub async fn open_data_dir() -> Answer<()> {
    invoke("open_data_dir", &Nothing {}).await
}

/// Looks at what the app needs on this machine.
pub async fn doctor() -> Answer<DoctorReport> {
    invoke("doctor", &Nothing {}).await
}

/// Fetches an image that the user asked to see.
pub async fn fetch_image(url: String) -> Answer<ImageData> {
    invoke("fetch_image", &arguments!(url)).await
}

/// Colours for a closed block of code.
pub async fn highlight(language: String, code: String) -> Answer<Vec<HighlightSpan>> {
    invoke("highlight", &arguments!(language, code)).await
}
