//! Settings and the doctor.

use nexus_protocol::{DoctorReport, ErrorCard, SettingsView};
use serde_json::Value;

use super::Nexus;
use crate::{cards, doctor};

impl Nexus {
    /// The settings as they apply, read afresh: the user may have edited the file.
    pub async fn settings(&self) -> Result<SettingsView, ErrorCard> {
        let loaded = self.inner.settings.reload();
        self.apply(&loaded.settings);
        Ok(self.view(loaded))
    }

    /// Sets one value in the file; `null` takes it out. Comments and unknown keys stay.
    ///
    /// # Errors
    /// `Settings` where the file is broken (it is not touched) or cannot be written; `BadInput` where the value cannot be used, or
    /// the environment sets it.
    pub async fn setting_set(&self, name: String, value: Value) -> Result<SettingsView, ErrorCard> {
        let store = self.inner.settings.clone();
        let loaded = tokio::task::spawn_blocking(move || store.set(&name, &value))
            .await
            .map_err(cards::internal)?
            .map_err(|error| cards::settings(&error))?;
        self.apply(&loaded.settings);
        Ok(self.view(loaded))
    }

    /// Looks at everything that the app needs and names what is missing.
    pub async fn doctor(&self) -> Result<DoctorReport, ErrorCard> {
        Ok(doctor::examine(self).await)
    }
}
