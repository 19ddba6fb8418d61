//! Room on the disk, looked at before it is needed.

use std::path::Path;

use super::Limits;
use crate::error::HubError;

/// An answer before hours of fetching is worth more than one after; what happens meanwhile, the writes will tell.
pub(crate) fn check(folder: &Path, missing: u64, limits: &Limits) -> Result<(), HubError> {
    if missing == 0 {
        return Ok(());
    }
    let free = (limits.free_space)(folder)
        .map_err(|error| HubError::disk("Looking for free space at", folder, &error))?;
    let needed = missing.saturating_add(limits.space_margin);
    if free < needed {
        return Err(HubError::DiskFull { needed, free });
    }
    Ok(())
}
