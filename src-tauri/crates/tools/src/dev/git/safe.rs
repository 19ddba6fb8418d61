//! What keeps a repository from running programs.
//!
//! A repository is a folder that somebody else may have written, `.git/config` included. What of it could run something while it is
//! read, and what is done about it:
//!
//! - `core.fsmonitor`, `core.hooksPath` and `.git/hooks`: set to nothing, and no index is written, which is what hooks hear of;
//! - `diff.external`, `diff.NAME.command`, `diff.NAME.textconv`: switched off on the line;
//! - `filter.NAME.clean`, `.process`: asked for by name before, and each set to nothing; attributes outside the repository are not read;
//! - `log.showSignature` and formats that check signatures (`gpg.program`, `gpg.ssh.program`): switched off, formats are ours;
//! - `core.pager`, `pager.NAME`, aliases, editors, `core.askPass`, `credential.helper`: there is no pager and no question; aliases do
//!   not stand for git's own commands;
//! - promised objects that are missing, which git fetches by `core.sshCommand`, `ext::` and `remote.NAME.uploadpack`: never fetched,
//!   and no protocol is allowed;
//! - submodules, which have a configuration of their own: not entered.
//!
//! The sandbox would hold what this list forgets; it is held by a test against a repository that tries all of them.

use std::path::Path;

/// Settings that win over the repository's.
const SETTINGS: &[(&str, &str)] = &[
    ("core.fsmonitor", "false"),
    ("core.hooksPath", NOTHING),
    ("core.attributesFile", NOTHING),
    ("core.excludesFile", NOTHING),
    ("core.pager", "cat"),
    ("core.sshCommand", "false"),
    ("core.askPass", ""),
    ("core.alternateRefsCommand", ""),
    ("core.untrackedCache", "false"),
    ("credential.helper", ""),
    ("diff.external", ""),
    ("diff.ignoreSubmodules", "dirty"),
    ("log.showSignature", "false"),
    ("gpg.program", "false"),
    ("gpg.ssh.program", "false"),
    ("gpg.x509.program", "false"),
    ("protocol.allow", "never"),
    ("protocol.ext.allow", "never"),
    ("protocol.file.allow", "never"),
    ("status.submoduleSummary", "false"),
    ("submodule.recurse", "false"),
    ("blame.ignoreRevsFile", ""),
    // Another owner's repository is read too: that is what all of this is for.
    ("safe.directory", "*"),
];

const NOTHING: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// Asks for the names of all settings, each ended by a NUL. Runs nothing.
pub(super) const LIST: [&str; 4] = ["config", "--list", "--name-only", "-z"];

/// What stands before the command.
pub(super) fn options(root: &Path) -> Vec<String> {
    ["--no-pager", "--no-optional-locks", "-C"]
        .map(str::to_owned)
        .into_iter()
        .chain([root.to_string_lossy().into_owned()])
        .collect()
}

/// What git reads from its environment.
pub(super) fn environment(root: &Path) -> Vec<(String, String)> {
    // A repository further up is outside of the working folder.
    let ceiling = root.parent().unwrap_or(root).to_string_lossy().into_owned();
    let mut variables: Vec<(String, String)> = [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", NOTHING),
        ("GIT_CONFIG_SYSTEM", NOTHING),
        ("GIT_ATTR_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_ASKPASS", ""),
        ("GIT_PAGER", "cat"),
        ("GIT_EDITOR", "false"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_ALLOW_PROTOCOL", ""),
        ("GIT_LITERAL_PATHSPECS", "1"),
        ("GIT_CEILING_DIRECTORIES", &ceiling),
        ("LC_ALL", "C.UTF-8"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    variables.extend(settings(
        SETTINGS
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    ));
    variables
}

/// The same settings, and the filters that `listed` names turned off.
pub(super) fn without_filters(listed: &[u8]) -> Vec<(String, String)> {
    let ours = SETTINGS
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let listed = String::from_utf8_lossy(listed);
    let filters = listed
        .split('\0')
        .filter(|name| name.starts_with("filter."))
        .filter_map(|name| {
            let (_, setting) = name.rsplit_once('.')?;
            let off = match setting {
                "clean" | "smudge" | "process" => "",
                "required" => "false",
                _ => return None,
            };
            Some((name.to_owned(), off.to_owned()))
        });
    settings(ours.chain(filters)).collect()
}

/// Through the environment rather than `-c`: a name may hold an equals sign.
fn settings(
    settings: impl Iterator<Item = (String, String)>,
) -> impl Iterator<Item = (String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut count = 0;
    for (name, value) in settings {
        all.push((format!("GIT_CONFIG_KEY_{count}"), name));
        all.push((format!("GIT_CONFIG_VALUE_{count}"), value));
        count += 1;
    }
    all.push(("GIT_CONFIG_COUNT".to_owned(), count.to_string()));
    all.into_iter()
}
