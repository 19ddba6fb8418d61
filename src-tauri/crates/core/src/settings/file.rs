//! Reading, checking and replacing the file as a whole.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use nexus_protocol::Settings;
use toml_edit::{Document, Item};

use super::{
    SettingsError, SettingsProblem,
    validate::{self, Fault, FaultPlace},
};

/// Far more than anybody types; a mistaken path to a huge file must not fill the memory.
const MAX_BYTES: u64 = 1024 * 1024;

/// The text, or `None` where there is no file.
pub fn read(path: &Path) -> Result<Option<String>, SettingsError> {
    let failed = |reason: String| SettingsError::Io {
        path: path.display().to_string(),
        verb: "read",
        reason,
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
        Ok(data) if !data.is_file() => return Err(failed("it is no file".into())),
        Ok(data) if data.len() > MAX_BYTES => {
            return Err(failed("it is larger than 1 MiB".into()));
        }
        Ok(_) => {}
    }
    fs::read_to_string(path)
        .map(Some)
        .map_err(|error| failed(error.to_string()))
}

/// Settings from text, with the place of the first thing that is wrong.
pub fn parse(path: &Path, text: &str) -> Result<Settings, SettingsProblem> {
    let problem = |span: Option<std::ops::Range<usize>>, reason: &str| SettingsProblem {
        source: path.display().to_string(),
        place: span.map(|span| line_and_column(text, span.start)),
        // Some messages of the parser have two lines.
        reason: reason.trim().replace('\n', "; "),
    };
    let document = Document::parse(text).map_err(|e| problem(e.span(), e.message()))?;
    let settings: Settings =
        toml_edit::de::from_str(text).map_err(|e| problem(e.span(), e.message()))?;
    validate::check(&settings)
        .map_err(|fault| problem(span_of(&document, &fault), &fault.reason))?;
    Ok(settings)
}

fn span_of(document: &Document<&str>, fault: &Fault) -> Option<std::ops::Range<usize>> {
    match fault.at {
        FaultPlace::Setting(name) => document.get(name)?.span(),
        FaultPlace::Provider(index, key) => {
            let providers = document.get("providers")?;
            let entry: &dyn toml_edit::TableLike = match providers {
                Item::ArrayOfTables(tables) => tables.get(index)?,
                other => other.as_array()?.get(index)?.as_inline_table()?,
            };
            entry
                .get(key)
                .and_then(Item::span)
                .or_else(|| providers.span())
        }
    }
}

/// Whether a file that cannot be read as a whole asks to be offline, on a line of its own.
pub fn says_offline(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        line.split_once('=')
            .is_some_and(|(name, value)| name.trim() == "offline" && value.trim() == "true")
    })
}

/// From 1, columns in characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (line, before[start..].chars().count() + 1)
}

/// Replaces the file: a crash or a full disk leaves the old one or the new one, never half of one.
pub fn write(path: &Path, text: &str) -> Result<(), SettingsError> {
    replace(path, text).map_err(|error| SettingsError::Io {
        path: path.display().to_string(),
        verb: "written",
        reason: error.to_string(),
    })
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    // Those who keep their settings elsewhere link to them: the link stays, its target is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    fs::create_dir_all(&folder)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}", uuid::Uuid::now_v7().simple()));
    let written = (|| {
        let mut file = fs::File::create_new(&temporary)?;
        if let Ok(old) = fs::metadata(&target) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &target)
    })();
    if written.is_err() {
        // The error that is reported is the first one; a left-over temporary file harms nobody.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    sync_folder(&folder)
}

/// Makes a rename or a new file last through a power loss. Windows has no such call.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}
