//! Waivers: findings about dependencies that are known and borne for a while. Each says why and until when.
//!
//! They stand in deny.toml, in the words of cargo-deny; the advisories among them are passed on to cargo-audit.

use anyhow::{Context as _, Result, bail};
use toml_edit::{DocumentMut, Item, Value};

use crate::date::Date;

/// One thing borne.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The advisory's id, or the crate.
    pub id: String,
    /// Why it may be borne; ends in `until YYYY-MM-DD`.
    pub reason: String,
    /// The last day.
    pub until: Date,
}

/// What is borne, by what it is borne of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waivers {
    /// Advisories.
    pub advisories: Vec<Waiver>,
    /// Crates that a ban would catch, and licences of single crates.
    pub crates: Vec<Waiver>,
}

impl Waivers {
    /// Reads them from the text of a deny.toml.
    ///
    /// # Errors
    /// When it is not TOML, or a waiver has no reason that ends in `until YYYY-MM-DD`.
    pub fn read(text: &str) -> Result<Self> {
        let document: DocumentMut = text.parse().context("deny.toml is not TOML")?;
        let list = |section: &str, key: &str, name: &str| -> Result<Vec<Waiver>> {
            let Some(item) = document.get(section).and_then(|section| section.get(key)) else {
                return Ok(Vec::new());
            };
            let entries = item
                .as_array()
                .with_context(|| format!("{section}.{key} in deny.toml is no list"))?;
            entries.iter().map(|entry| waiver(entry, name)).collect()
        };
        for section in ["licenses"] {
            if document
                .get(section)
                .and_then(|s| s.get("exceptions"))
                .is_some_and(has_entries)
            {
                bail!(
                    "licenses.exceptions in deny.toml cannot carry a reason: allow the licence, or drop the crate"
                );
            }
        }
        let mut crates = list("bans", "skip", "crate")?;
        crates.extend(list("bans", "skip-tree", "crate")?);
        Ok(Self {
            advisories: list("advisories", "ignore", "id")?,
            crates,
        })
    }

    /// Those whose time has passed.
    pub fn passed(&self, today: Date) -> Vec<&Waiver> {
        self.advisories
            .iter()
            .chain(&self.crates)
            .filter(|waiver| waiver.until < today)
            .collect()
    }
}

fn has_entries(item: &Item) -> bool {
    item.as_array().is_some_and(|list| !list.is_empty()) || item.is_array_of_tables()
}

fn waiver(entry: &Value, name: &str) -> Result<Waiver> {
    let field = |field: &str| {
        entry
            .as_inline_table()
            .and_then(|table| table.get(field)?.as_str())
            .with_context(|| {
                format!(
                    "a waiver in deny.toml has no {field}: {}",
                    entry.to_string().trim()
                )
            })
    };
    let (id, reason) = (field(name)?, field("reason")?);
    let until = reason
        .rsplit_once("until ")
        .with_context(|| format!("the waiver of {id} does not end in `until YYYY-MM-DD`"))?
        .1
        .parse()
        .with_context(|| format!("the waiver of {id} does not end in `until YYYY-MM-DD`"))?;
    Ok(Waiver {
        id: id.to_owned(),
        reason: reason.to_owned(),
        until,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_waiver_of_this_repository_has_an_end_and_none_has_passed() {
        let waivers = Waivers::read(include_str!("../../../deny.toml")).unwrap();
        assert_eq!(waivers.passed(Date::today()), Vec::<&Waiver>::new());
    }

    #[test]
    fn a_waiver_needs_its_reason_and_its_end() {
        let read = |entry: &str| {
            Waivers::read(&format!("[advisories]\nignore = [{entry}]"))
                .map_err(|error| error.to_string())
        };
        let good =
            read(r#"{ id = "RUSTSEC-2024-0001", reason = "not reached, until 2027-01-31" }"#)
                .unwrap();
        assert_eq!(
            good.advisories,
            [Waiver {
                id: "RUSTSEC-2024-0001".into(),
                reason: "not reached, until 2027-01-31".into(),
                until: "2027-01-31".parse().unwrap(),
            }]
        );
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(
            (
                good.passed(day("2027-01-31")).len(),
                good.passed(day("2027-02-01")).len()
            ),
            (0, 1)
        );
        assert_eq!(
            [
                read(r#""RUSTSEC-2024-0001""#),
                read(r#"{ id = "X", reason = "for now" }"#),
                read(r#"{ id = "X", reason = "until 2027-01" }"#),
                read(r#"{ id = "X" }"#),
            ],
            [
                Err(r#"a waiver in deny.toml has no id: "RUSTSEC-2024-0001""#.to_owned()),
                Err("the waiver of X does not end in `until YYYY-MM-DD`".to_owned()),
                Err("the waiver of X does not end in `until YYYY-MM-DD`".to_owned()),
                Err(r#"a waiver in deny.toml has no reason: { id = "X" }"#.to_owned()),
            ]
        );
    }

    #[test]
    fn licences_of_single_crates_are_refused_since_they_carry_no_reason() {
        let text = "[licenses]\nexceptions = [{ crate = \"x\", allow = [\"GPL-3.0\"] }]";
        assert!(
            Waivers::read(text)
                .unwrap_err()
                .to_string()
                .contains("cannot carry a reason")
        );
    }
}
