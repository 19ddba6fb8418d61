//! The words that stand above each setting in the file.

use super::environment;

const HEADER: &str = "\
# Settings of Nexus Agent. The app changes single values here and keeps everything else, your comments too.
# Each value can be overridden by the environment variable named beside it. API keys never belong into this file:
# they are in the system's keychain.
";

/// What stands above a setting; one or more comment lines. `None` for a setting without words, which a test forbids.
pub fn words(name: &str) -> Option<&'static str> {
    Some(match name {
        "theme" => "How the window looks: \"system\", \"light\" or \"dark\".",
        "default_model" => {
            "The model of new chats: \"local/smollm2-135m\", \"openrouter/some/model\" or the like."
        }
        "offline" => {
            "Whether nothing may leave this machine: no provider elsewhere is asked, nothing is fetched, no tool gets the network."
        }
        "auto_title" => "Whether the model names a chat after its first answer.",
        "idle_unload_minutes" => {
            "A local model leaves the memory after so many minutes without a question; 0 is never."
        }
        "system_prompt" => "Added to the agent's own instructions.",
        "max_tool_calls" => "How many tools one turn may call, 1 to 1000.",
        "max_unattended_minutes" => {
            "How many minutes a turn works without a word of yours before it pauses, 1 to 1440."
        }
        "max_turn_cost_usd" => {
            "What one turn may cost in US dollars before it pauses; 0 is no limit."
        }
        "allow_rules" => {
            "Calls that run without asking, such as [\"shell(git status *)\", \"write_file(src/**)\"]. They stay in the sandbox."
        }
        "ask_rules" => "Calls that are asked for, whatever the mode of the chat allows.",
        "deny_rules" => "Calls that never run, such as [\"shell(rm *)\"].",
        "models_dir" => {
            "The folder of local models, such as \"/data/models\"; without it `models` in the data folder. `nexus models move` changes it and moves what is there."
        }
        "hub_url" => {
            "Where models are searched and fetched: the Hugging Face hub, or the address of a mirror."
        }
        "log" => {
            "What goes into the log: \"error\", \"warn\", \"info\", \"debug\", or a filter such as \"nexus=debug\"."
        }
        "unsandboxed_models" => {
            "Whether models of this machine may run not sandboxed where the sandbox does not work."
        }
        "models" => {
            "What is set for single models, such as:\n\
             [models.\"local/smollm2-135m\"]\n\
             backend = \"llama\"          # or \"mistral\": the engine that runs it; the app chooses where none is named\n\
             temperature = 0.2          # 0 to 2; 0 takes the likeliest always\n\
             top_p = 0.9                # above 0, up to 1\n\
             top_k = 40                 # 0 for all; local models only\n\
             min_p = 0.05               # 0 to 1; local models only\n\
             repetition_penalty = 1.1   # 0.5 to 2; local models only\n\
             seed = 7                   # the same words each time"
        }
        "providers" => {
            "Providers besides the built-in ones, or built-in ones with another address, such as:\n\
             [[providers]]\n\
             id = \"my-server\"\n\
             name = \"My server\"\n\
             kind = \"openai-compat\"            # or \"openrouter\"\n\
             base_url = \"https://example.org/v1\" # http:// only for this machine\n\
             key = \"keychain\"                 # or \"env:NAME_OF_A_VARIABLE\", or \"none\""
        }
        _ => return None,
    })
}

/// The comment above a setting, with a blank line before it.
pub fn comment(name: &str) -> String {
    let variable = environment::variable(name);
    let mut out = String::from("\n");
    for line in words(name).unwrap_or_default().lines() {
        out.push_str("# ");
        out.push_str(line);
        out.push('\n');
    }
    out.push_str(&format!("# Environment: {variable}\n"));
    out
}

/// A first settings file: every setting that has a value, with its default.
pub fn template() -> String {
    let mut document = toml_edit::DocumentMut::new();
    for (name, default) in environment::defaults() {
        if [environment::PROVIDERS, environment::MODELS].contains(&name.as_str()) {
            continue;
        }
        // A default that TOML cannot hold (nothing at all) stays out until it is set.
        if let Some(value) = super::edit::toml_value(&default) {
            super::edit::put(&mut document, &name, value);
        }
    }
    let models = comment(environment::MODELS);
    let providers = comment(environment::PROVIDERS);
    format!("{HEADER}{document}{models}{providers}")
}
