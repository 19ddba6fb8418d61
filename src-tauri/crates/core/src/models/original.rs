//! A model as its author published it, before it is here: what its `config.json` on the hub says.
//!
//! Owns fetching and naming that. Refuses to judge: `worker-client` knows what can be run.

use nexus_hub::{Choice, Form, Hub, HubError, ModelId};
use nexus_llm::LocalError;
use nexus_worker_client::folder::{self, Preview};

use super::shape::{Beginning, Shape};

/// Larger than any `config.json` of a model.
const MAX_BYTES: usize = 1024 * 1024;

/// What the settings of a choice that is a folder say; `None` for other choices.
///
/// # Errors
/// Where the hub does not give them.
pub async fn preview(
    hub: &Hub,
    id: &ModelId,
    revision: &str,
    choice: &Choice,
) -> Result<Option<Result<Preview, LocalError>>, HubError> {
    let settings = choice
        .files
        .iter()
        .find(|file| file.path.file_name() == "config.json")
        .filter(|_| choice.form == Form::Folder);
    let Some(file) = settings else {
        return Ok(None);
    };
    let bytes = hub.beginning(id, revision, &file.path, MAX_BYTES).await?;
    Ok(Some(folder::preview(&bytes)))
}

/// The same for the first of those that are offered, for a page that is shown without it, too.
pub async fn look(
    hub: &Hub,
    id: &ModelId,
    revision: &str,
    offered: &[Choice],
) -> Option<Result<Preview, LocalError>> {
    match preview(hub, id, revision, offered.first()?).await {
        Ok(preview) => preview,
        Err(error) => {
            tracing::debug!(model = %id, %error, "the settings of a model are not known");
            None
        }
    }
}

/// What else is known from the beginning of a file.
pub fn beginning(preview: Option<&Preview>) -> Beginning {
    preview.map_or_else(Beginning::default, |preview| Beginning {
        architecture: Some(preview.architecture.clone()),
        context_length: Some(preview.context_length.into()),
        shape: Some(Shape {
            cache_bytes_per_token: preview.cache_bytes_per_token,
            embedding_elements: 0,
            guessed: false,
        }),
    })
}

/// What a person reads: `Q4_K_M`; `Original, 16 bits`.
pub fn label(choice: &Choice, preview: Option<&Result<Preview, LocalError>>) -> String {
    let bits = preview.and_then(|preview| preview.as_ref().ok()?.bits);
    match bits {
        Some(bits) if choice.form == Form::Folder => format!("{}, {bits} bits", choice.label()),
        _ => choice.label().to_owned(),
    }
}

/// Why it cannot be run, by its settings.
pub fn objection(preview: Option<&Result<Preview, LocalError>>) -> Option<String> {
    match preview? {
        Ok(_) => None,
        Err(LocalError::BadFolder { reason, .. }) => Some(format!(
            "Its settings (config.json) cannot be used: {reason}."
        )),
        Err(error) => Some(error.card().detail),
    }
}
