//! The user's rules: the lists of the settings and those of this run.
//!
//! Owns that they fail closed: where the settings cannot be read, every tool that changes or runs something is asked for.

use futures::{FutureExt, future::BoxFuture};
use nexus_agent_loop::RuleBook;
use nexus_protocol::{Capability, ErrorCard};
use nexus_tools::{
    Registry,
    policy::{Rule, Rules, Verdict},
};

use crate::{
    cards,
    settings::{SettingsStore, rule_lists},
};

/// The user's rules.
pub(crate) struct SettingsRules {
    settings: SettingsStore,
    /// Allowed for this run alone.
    run: Vec<Rule>,
    /// Names of the tools that do more than read.
    acting: Vec<String>,
}

impl SettingsRules {
    pub(crate) fn new(settings: SettingsStore, run: Vec<Rule>, tools: &Registry) -> Self {
        let acting = tools
            .specs(true)
            .into_iter()
            .map(|spec| spec.name)
            .filter(|name| {
                let tool = tools.get(name);
                tool.is_some_and(|tool| tool.capability() > Capability::Read)
            })
            .collect();
        Self {
            settings,
            run,
            acting,
        }
    }

    /// Stands for rules that are there and cannot be read: what they forbid is asked for at least.
    fn unreadable(&self) -> Rules {
        self.acting
            .iter()
            .filter_map(|name| Rule::for_verdict(Verdict::Ask, name).ok())
            .fold(Rules::default(), |all, rule| all.with(Verdict::Ask, rule))
    }
}

impl RuleBook for SettingsRules {
    fn rules(&self) -> Rules {
        let loaded = self.settings.current();
        if !loaded.problems.is_empty() {
            return self.unreadable();
        }
        let mut rules = Rules::default();
        for (_, verdict, texts) in rule_lists(&loaded.settings) {
            for text in texts {
                match Rule::for_verdict(verdict, text) {
                    Ok(rule) => rules = rules.with(verdict, rule),
                    // Checked when the settings were read; a rule that is lost must not pass for none.
                    Err(_) => return self.unreadable(),
                }
            }
        }
        self.run
            .iter()
            .fold(rules, |all, rule| all.with(Verdict::Allow, rule.clone()))
    }

    fn allow(&self, rule: &str) -> BoxFuture<'_, Result<(), ErrorCard>> {
        let (settings, rule) = (self.settings.clone(), rule.to_owned());
        async move {
            tokio::task::spawn_blocking(move || settings.add_to_list("allow_rules", &rule))
                .await
                .map_err(cards::internal)?
                .map(drop)
                .map_err(|error| cards::settings(&error))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use nexus_egress::Switch;

    use super::*;

    fn book(settings: &str) -> SettingsRules {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        std::fs::write(&file, settings).unwrap();
        let settings = SettingsStore::open(file, BTreeMap::new(), Switch::new());
        SettingsRules::new(settings, Vec::new(), &Registry::builtin())
    }

    #[test]
    fn a_broken_file_asks_for_everything_that_acts() {
        let expected = book("").unreadable();
        for broken in [
            "allow_rules = [\"shell(git status)\"]\ndeny_rules = [\"shell(rm\"]",
            "allow_rules = [\"shell(git status)\"]\n[[",
            "allow_rules = 5",
        ] {
            assert_eq!(book(broken).rules(), expected, "{broken}");
        }
    }

    #[test]
    fn rules_come_from_their_lists() {
        let rules = book(
            "allow_rules = [\"shell(git status)\"]\nask_rules = [\"write_file\"]\ndeny_rules = [\"shell(rm *)\"]",
        )
        .rules();
        let rule = |verdict, text| Rule::for_verdict(verdict, text).unwrap();
        let expected = Rules::default()
            .with(Verdict::Allow, rule(Verdict::Allow, "shell(git status)"))
            .with(Verdict::Ask, rule(Verdict::Ask, "write_file"))
            .with(Verdict::Deny, rule(Verdict::Deny, "shell(rm *)"));
        assert_eq!(rules, expected);
    }
}
