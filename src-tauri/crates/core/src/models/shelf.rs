//! Which of the hub's files are on this disk, or on their way.
//!
//! Owns the comparison only. Refuses to look at the disk: it is given what lies there.

use nexus_hub::{HubFile, Sha256Sum};
use nexus_protocol::ChoiceState;

/// A file that is here or on its way.
#[derive(Clone, Debug)]
pub struct Shelved {
    /// `author/name`, where that is known.
    pub model: Option<String>,
    /// Its path on the hub, or its name here.
    pub file: String,
    /// In bytes.
    pub size: u64,
    /// Where it is known: of what was fetched, and of the starter.
    pub sha256: Option<Sha256Sum>,
    /// Here, or on its way.
    pub state: ChoiceState,
}

/// All of them, those that are here first.
#[derive(Clone, Debug, Default)]
pub struct Shelf(pub Vec<Shelved>);

impl Shelf {
    /// By checksum; a file of unknown origin counts where name and size are the same.
    pub fn of_file(&self, file: &HubFile) -> ChoiceState {
        self.find(|shelved| match (shelved.sha256, file.sha256()) {
            (Some(here), Some(there)) => here == there,
            _ => {
                let name = shelved.file.rsplit('/').next().unwrap_or_default();
                shelved.size == file.size && name.eq_ignore_ascii_case(file.path.file_name())
            }
        })
    }

    /// By name, where no checksum is known.
    pub fn of_name(&self, model: &str, file: &str) -> ChoiceState {
        self.find(|shelved| {
            shelved.file == file
                && shelved
                    .model
                    .as_deref()
                    .is_some_and(|known| known.eq_ignore_ascii_case(model))
        })
    }

    fn find(&self, same: impl Fn(&Shelved) -> bool) -> ChoiceState {
        self.0
            .iter()
            .find(|shelved| same(shelved))
            .map_or(ChoiceState::Absent, |shelved| shelved.state.clone())
    }
}

#[cfg(test)]
mod tests {
    use nexus_hub::FilePath;
    use nexus_protocol::ModelRef;

    use super::*;

    #[test]
    fn checksums_decide_where_there_are_any() {
        let here = |name: &str| ChoiceState::Here {
            model: ModelRef(format!("local/{name}")),
        };
        let shelved = |file: &str, sha256: Option<[u8; 32]>, name: &str| Shelved {
            model: Some("Maker/Model".into()),
            file: file.into(),
            size: 10,
            sha256: sha256.map(Sha256Sum::from),
            state: here(name),
        };
        let shelf = Shelf(vec![
            shelved("sub/a.gguf", Some([1; 32]), "a"),
            shelved("b.gguf", None, "b"),
        ]);
        let file = |path: &str, size, sha256: [u8; 32]| HubFile {
            path: FilePath::new(path).unwrap(),
            size,
            checksum: Some(Sha256Sum::from(sha256).into()),
        };
        assert_eq!(shelf.of_file(&file("other.gguf", 10, [1; 32])), here("a"));
        assert_eq!(
            shelf.of_file(&file("sub/a.gguf", 10, [2; 32])),
            ChoiceState::Absent
        );
        assert_eq!(shelf.of_file(&file("x/B.gguf", 10, [3; 32])), here("b"));
        assert_eq!(
            shelf.of_file(&file("b.gguf", 11, [3; 32])),
            ChoiceState::Absent
        );
        assert_eq!(shelf.of_name("maker/model", "sub/a.gguf"), here("a"));
        assert_eq!(shelf.of_name("maker/other", "b.gguf"), ChoiceState::Absent);
    }
}
