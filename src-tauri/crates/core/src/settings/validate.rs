//! What a setting may be, beyond its type. Pure.

use nexus_protocol::{ModelRef, ModelSettings, ModelsPlace, ProviderEntry, Settings};
use nexus_tools::policy::{Rule, Verdict};
use url::Url;

/// A value that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which provider of the list, and which of its keys; or a top-level key.
    pub at: FaultPlace,
    /// Why, one line.
    pub reason: String,
}

/// Where a [`Fault`] is.
#[derive(Debug, PartialEq, Eq)]
pub enum FaultPlace {
    /// A setting by name.
    Setting(&'static str),
    /// A key of the n-th provider.
    Provider(usize, &'static str),
}

/// Checks all values.
pub fn check(settings: &Settings) -> Result<(), Fault> {
    let setting = |name, reason: String| {
        Err(Fault {
            at: FaultPlace::Setting(name),
            reason,
        })
    };
    if let Some(model) = &settings.default_model
        && let Err(reason) = check_model(model)
    {
        return setting("default_model", reason);
    }
    if !(1..=1000).contains(&settings.max_tool_calls) {
        return setting(
            "max_tool_calls",
            format!(
                "max_tool_calls is {}, it must be 1 to 1000",
                settings.max_tool_calls
            ),
        );
    }
    if !(1..=1440).contains(&settings.max_unattended_minutes) {
        return setting(
            "max_unattended_minutes",
            format!(
                "max_unattended_minutes is {}, it must be 1 to 1440",
                settings.max_unattended_minutes
            ),
        );
    }
    if !(0.0..=10_000.0).contains(&settings.max_turn_cost_usd) {
        return setting(
            "max_turn_cost_usd",
            format!(
                "max_turn_cost_usd is {}, it must be 0 to 10000",
                settings.max_turn_cost_usd
            ),
        );
    }
    for (name, verdict, rules) in rule_lists(settings) {
        for rule in rules {
            if let Err(error) = Rule::for_verdict(verdict, rule) {
                return setting(name, format!("{name}: {error}"));
            }
        }
    }
    if settings.system_prompt.len() > 64 * 1024 {
        return setting(
            "system_prompt",
            "system_prompt is longer than 64 KiB".to_owned(),
        );
    }
    if let Some(folder) = &settings.models_dir
        && !std::path::Path::new(folder).is_absolute()
    {
        return setting(
            "models_dir",
            format!("models_dir is “{folder}”, it must be the whole path of a folder"),
        );
    }
    if let Err(reason) = check_base_url(&settings.hub_url) {
        return setting("hub_url", reason.replace("base_url", "hub_url"));
    }
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&settings.log) {
        return setting(
            "log",
            format!("log = “{}” is no log filter: {error}", settings.log),
        );
    }
    for (model, own) in &settings.models {
        if let Err(reason) = check_model(model).and_then(|()| check_drawing(own)) {
            return setting("models", format!("models.\"{model}\": {reason}"));
        }
    }
    for (index, entry) in settings.providers.iter().enumerate() {
        let fault = |key, reason| Fault {
            at: FaultPlace::Provider(index, key),
            reason,
        };
        check_id(&entry.id).map_err(|reason| fault("id", reason))?;
        check_base_url(&entry.base_url).map_err(|reason| fault("base_url", reason))?;
        check_key(&entry.key).map_err(|reason| fault("key", reason))?;
        if settings.providers[..index].iter().any(|e| e.id == entry.id) {
            return Err(fault(
                "id",
                format!("there are two providers with the id “{}”", entry.id),
            ));
        }
    }
    Ok(())
}

/// The lists of rules, with what each says.
pub fn rule_lists(settings: &Settings) -> [(&'static str, Verdict, &[String]); 3] {
    [
        ("allow_rules", Verdict::Allow, &settings.allow_rules),
        ("ask_rules", Verdict::Ask, &settings.ask_rules),
        ("deny_rules", Verdict::Deny, &settings.deny_rules),
    ]
}

/// Checks one provider.
pub fn check_provider(entry: &ProviderEntry) -> Result<(), String> {
    check_id(&entry.id)?;
    check_base_url(&entry.base_url)?;
    check_key(&entry.key)?;
    if entry.name.chars().count() > 64 || entry.name.chars().any(char::is_control) {
        return Err("the provider's name must be one line of at most 64 characters".into());
    }
    Ok(())
}

fn check_drawing(own: &ModelSettings) -> Result<(), String> {
    let sampling = own.sampling;
    for (name, value, least, most) in [
        ("temperature", own.temperature, 0.0, 2.0),
        ("top_p", sampling.top_p, 0.01, 1.0),
        ("min_p", sampling.min_p, 0.0, 1.0),
        ("repetition_penalty", sampling.repetition_penalty, 0.5, 2.0),
    ] {
        if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
            return Err(format!("{name} is {value}, it must be {least} to {most}"));
        }
    }
    match sampling.top_k {
        Some(top_k) if top_k > 1000 => Err(format!("top_k is {top_k}, it must be 0 to 1000")),
        _ => Ok(()),
    }
}

/// `provider/model`, both with something in them.
pub fn check_model(model: &ModelRef) -> Result<(), String> {
    if model.provider().is_empty() || model.model().is_empty() || model.0.len() > 256 {
        return Err(format!(
            "“{model}” is no model's name: it must be provider/model or local/model"
        ));
    }
    Ok(())
}

fn check_id(id: &str) -> Result<(), String> {
    let fine = (1..=32).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fine {
        return Err(format!(
            "“{id}” is no provider's id: it must be 1 to 32 of a-z, 0-9 and -"
        ));
    }
    if id == ModelRef::LOCAL {
        return Err("“local” is the name of models on this machine: choose another id".into());
    }
    if id == ModelsPlace::TOKEN {
        return Err(format!(
            "“{id}” is the name of the hub's token: choose another id"
        ));
    }
    Ok(())
}

/// Keys travel in headers, so the way must be https; only this machine may be reached by http.
fn check_base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("“{text}” is no web address: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "base_url must hold no user name or password: keys go into the keychain".into(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("base_url must end with its path, without ? or #".into());
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if nexus_egress::is_this_host(&host) => Ok(url),
        ("http", Some(_)) => Err(format!(
            "“{text}” must begin with https: over http the key and the chat could be read on the way (http is for this machine only)"
        )),
        _ => Err(format!(
            "“{text}” must begin with https:// (or http:// for this machine)"
        )),
    }
}

fn check_key(key: &str) -> Result<(), String> {
    match key.strip_prefix("env:") {
        None if key == "keychain" || key == "none" => Ok(()),
        Some(name)
            if name.len() <= 128
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && name.bytes().next().is_some_and(|b| !b.is_ascii_digit()) =>
        {
            Ok(())
        }
        // The value is not repeated: somebody may have put the key itself there.
        _ => Err("key must be \"keychain\", \"none\" or \"env:NAME_OF_A_VARIABLE\"; the key itself never belongs into this file".into()),
    }
}

/// Scheme, host and port: what a key is bound to. `None` where the address is none.
pub fn origin(base_url: &str) -> Option<String> {
    let url = check_base_url(base_url).ok()?;
    Some(url.origin().ascii_serialization())
}

/// Whether an address is on this machine.
pub fn on_this_machine(base_url: &str) -> bool {
    Url::parse(base_url).is_ok_and(|url| nexus_egress::is_this_machine(&url))
}
