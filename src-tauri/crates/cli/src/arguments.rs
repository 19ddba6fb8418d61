//! The command line, declared once: parsing, help and checks come from these types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use nexus_core::{Rule, RuleError, Verdict};

/// A fast, private AI agent for your own machine.
#[derive(Debug, Parser)]
#[command(
    name = "nexus",
    version,
    about,
    long_about = "A fast, private AI agent for your own machine: the same core, chats, models and settings as the app.\n\n\
        Data is in the system's data folder, or in NEXUS_DATA_DIR. Every setting has a NEXUS_… variable; keys may come from the vendors' \
        usual variables, such as OPENROUTER_API_KEY.",
    after_help = "Examples:\n  nexus ask --model local/smollm2-135m \"Why is the sky blue?\"\n  git diff | nexus ask - > review.md\n  \
        nexus models list\n  nexus --offline ask \"What is in this folder?\"\n  nexus doctor"
)]
pub struct Arguments {
    /// Let nothing leave this machine, whatever the settings say.
    #[arg(long, global = true)]
    pub offline: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask something; the answer comes word by word.
    Ask(Ask),
    /// Find, fetch, list and remove models.
    #[command(subcommand)]
    Models(Models),
    /// List, read and search chats.
    #[command(subcommand)]
    Sessions(Sessions),
    /// Look at everything the app needs, and name what is missing.
    Doctor(Doctor),
}

/// `nexus ask`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 answered, 1 failed (the reason is on standard error), 130 interrupted. \
    Ctrl-C stops the answer and keeps what was said; a second one ends at once.\n\n\
    What needs your word is asked on the terminal; where there is none, or with --json, it is refused."
)]
pub struct Ask {
    /// The model: `provider/model`, or `local/NAME`. Without it the chat's, else the default one.
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Print each event as a line of JSON instead of the text.
    #[arg(long)]
    pub json: bool,
    /// Answer with JSON of the schema in this file (JSON Schema) and nothing else. It is asked outside of any chat, without tools.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "session", "mode", "cwd", "allow"])]
    pub schema: Option<PathBuf>,
    /// Go on with a chat: its id, or the beginning of it.
    #[arg(short, long, value_name = "ID")]
    pub session: Option<String>,
    /// What tools may do without asking; without it what the chat has, and `ask` for a new one.
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// The folder that tools work in. Without it the present one, unless that is your home or the whole machine.
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// Where this chat is answered, now and from here on.
    #[arg(long, value_enum)]
    pub routing: Option<Routing>,
    /// Let calls run without asking, this time: `shell(git status *)`, `write_file(src/**)`. May be given more than once.
    #[arg(long, value_name = "RULE", value_parser = rule)]
    pub allow: Vec<String>,
    /// What to ask. `-`, or nothing where something is piped in, reads standard input.
    #[arg(value_name = "PROMPT")]
    pub prompt: Option<String>,
}

fn rule(text: &str) -> Result<String, RuleError> {
    Rule::for_verdict(Verdict::Allow, text).map(|_| text.to_owned())
}

/// What tools may do without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Reading in the folder is free; all else is asked for.
    Ask,
    /// Files in the folder may be edited too.
    Edits,
    /// Nothing is changed and nothing runs: the answer is a plan.
    Plan,
    /// What the sandbox keeps to the folder, without network, is free.
    Auto,
}

impl From<Mode> for nexus_protocol::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Ask => Self::Ask,
            Mode::Edits => Self::Edits,
            Mode::Plan => Self::Plan,
            Mode::Auto => Self::Auto,
        }
    }
}

/// Where a chat is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Routing {
    /// On this machine, and nowhere else.
    LocalOnly,
    /// On this machine; where that fails, you are asked whether the cloud may be.
    LocalFirst,
    /// In the cloud; on this machine where the network fails.
    CloudFirst,
    /// In the cloud, and nowhere else.
    Cloud,
}

impl From<Routing> for nexus_protocol::Routing {
    fn from(routing: Routing) -> Self {
        match routing {
            Routing::LocalOnly => Self::LocalOnly,
            Routing::LocalFirst => Self::LocalFirst,
            Routing::CloudFirst => Self::CloudFirst,
            Routing::Cloud => Self::Cloud,
        }
    }
}

/// `nexus models`.
#[derive(Debug, Subcommand)]
pub enum Models {
    /// List the models that can be used now.
    List {
        /// Ask providers again, whatever is remembered.
        #[arg(long)]
        refresh: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Find models on the hub. Without words the built-in catalogue is shown, which works offline.
    Search {
        /// Words, `author/name`, or an address.
        words: Vec<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what is known of a model: one that can be used now, or one of the hub with all its files.
    Show {
        /// `local/NAME`, `provider/NAME`, `author/name` on the hub, an address, or a name of the catalogue.
        model: String,
        /// The context that memory is reckoned for, tokens; of models on the hub.
        #[arg(long, value_name = "TOKENS")]
        context: Option<u32>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Fetch a model. The same command goes on with what was broken off.
    #[command(
        after_help = "Ctrl-C pauses: what came is kept. Examples:\n  nexus models pull qwen2.5-0.5b\n  \
        nexus models pull Qwen/Qwen2.5-1.5B-Instruct-GGUF:Q4_K_M\n  \
        nexus models pull https://huggingface.co/Qwen/Qwen3-4B-GGUF/blob/main/Qwen3-4B-Q4_K_M.gguf"
    )]
    Pull {
        /// A name of the catalogue, `author/name` or `author/name:PACKING` on the hub, or an address. Without a packing the
        /// recommended one is taken.
        model: String,
    },
    /// List downloads that wait to be gone on with, and those of other programs.
    Downloads {
        /// Remove what came of those that wait.
        #[arg(long)]
        discard: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List models that other apps keep on this disk: LM Studio, Ollama, Jan, llama.cpp, the Hugging Face cache.
    Found {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a model into the models folder: a GGUF file, a folder with config.json and weights in safetensors or UQFF, or a UQFF
    /// file in one. It is linked where possible, else copied; the original stays.
    Import {
        /// The file or folder; one of another app (see `found`) is linked and named as that app does.
        path: PathBuf,
        /// Link it, whatever the disk: what it is linked to must stay where it is.
        #[arg(long, conflicts_with = "copy")]
        link: bool,
        /// Copy it: the original may go afterwards.
        #[arg(long)]
        copy: bool,
    },
    /// Try a local model again that was given up because its process died of it.
    Retry {
        /// Its name: `local/NAME`.
        model: String,
    },
    /// Delete a local model, and say what the disk gained. A folder goes with all that is in it.
    #[command(visible_alias = "remove")]
    Rm {
        /// Its name: `local/NAME`.
        model: String,
    },
    /// Move the models folder, with all that is in it.
    Move {
        /// Where to.
        folder: PathBuf,
    },
}

/// `nexus sessions`.
#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// List chats, the newest first.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print a chat.
    Show {
        /// Its id, or the beginning of it.
        id: String,
        /// As JSON: the session, its items, what it is doing.
        #[arg(long)]
        json: bool,
    },
    /// Find words in all chats.
    Search {
        /// All of them must be there; the last one may be a beginning.
        #[arg(required = true)]
        words: Vec<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// How many places to show at most.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Print a chat as a Markdown document.
    Export {
        /// Its id, or the beginning of it.
        id: String,
    },
}

/// `nexus doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Exit code 1 where something that is needed is missing.")]
pub struct Doctor {
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_makes_sense() {
        super::Arguments::command().debug_assert();
    }
}
