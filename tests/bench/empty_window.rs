//! An empty Tauri window: what ours is measured against.

fn main() -> tauri::Result<()> {
    tauri::Builder::default().run(tauri::generate_context!("tests/bench/tauri.conf.json"))
}
