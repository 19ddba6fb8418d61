//! Tools that read and change files.
//!
//! Owns nothing but its list.

mod delete_path;
mod disk;
mod edit_file;
mod encoding;
mod find_files;
mod list_directory;
mod move_path;
mod read_file;
mod search_files;
mod tree;
mod walk;
mod write_file;

use std::sync::Arc;

use crate::Tool;

/// The tools of this group.
pub(crate) fn tools() -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(read_file::ReadFile),
        Arc::new(list_directory::ListDirectory),
        Arc::new(find_files::FindFiles),
        Arc::new(search_files::SearchFiles),
        Arc::new(edit_file::EditFile),
        Arc::new(write_file::WriteFile),
        Arc::new(move_path::MovePath),
        Arc::new(delete_path::DeletePath),
    ]
}
