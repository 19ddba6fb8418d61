//! Paths as the journal names them: absolute, no symlink in any folder of them, any bytes. Refuses to look at the disk.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path in the journal. JSON holds it as text where it is Unicode, else as the system's own numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) PathBuf);

impl Deref for Key {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Key {
    /// How many folders deep.
    pub(crate) fn depth(&self) -> usize {
        self.0.components().count()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Units(Vec<u16>),
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => serializer.serialize_str(text),
            None => Written::Units(units(&self.0)).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Text(text) => PathBuf::from(text),
            Written::Units(units) => from_units(units).map_err(serde::de::Error::custom)?,
        }))
    }
}

#[cfg(unix)]
fn units(path: &Path) -> Vec<u16> {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str()
        .as_bytes()
        .iter()
        .copied()
        .map(u16::from)
        .collect()
}

#[cfg(unix)]
fn from_units(units: Vec<u16>) -> Result<PathBuf, &'static str> {
    use std::os::unix::ffi::OsStringExt;
    let bytes: Result<Vec<u8>, _> = units.into_iter().map(u8::try_from).collect();
    let bytes = bytes.map_err(|_| "a path of another system")?;
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(windows)]
fn units(path: &Path) -> Vec<u16> {
    use std::os::windows::ffi::OsStrExt;
    path.as_os_str().encode_wide().collect()
}

#[cfg(windows)]
fn from_units(units: Vec<u16>) -> Result<PathBuf, &'static str> {
    use std::os::windows::ffi::OsStringExt;
    Ok(std::ffi::OsString::from_wide(&units).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back_as_it_was() {
        let mut paths = vec![PathBuf::from("/a/ü \"quoted\"\n")];
        #[cfg(unix)]
        paths.push(from_units(vec![47, 0xff, 0xfe, 97]).unwrap());
        for path in paths {
            let text = serde_json::to_string(&Key(path.clone())).unwrap();
            assert!(!text.contains('\n'));
            assert_eq!(serde_json::from_str::<Key>(&text).unwrap().0, path);
        }
    }
}
