//! The tools that a session has.
//!
//! Owns the map from names to tools, and their compiled schemas. Whether a call may run is [`crate::policy`]'s to say.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use nexus_protocol::ToolSpec;
use serde_json::Value;

use crate::{Tool, arguments::Checker, dev, io, utility};

/// A set of tools by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry {
    // Ordered, so that the tools stand in the same order in every request: providers cache equal beginnings.
    tools: Arc<BTreeMap<String, Entry>>,
}

#[derive(Clone)]
struct Entry {
    tool: Arc<dyn Tool>,
    /// Compiled at the first call: most tools of a session are never called.
    checker: Arc<OnceLock<Checker>>,
}

impl Registry {
    /// The tools that come with the app.
    pub fn builtin() -> Self {
        let groups = [io::tools(), dev::tools(), utility::tools()];
        groups.into_iter().flatten().fold(Self::empty(), Self::with)
    }

    /// No tools.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The same and `tool`, which replaces one of the same name.
    #[must_use]
    pub fn with(self, tool: Arc<dyn Tool>) -> Self {
        let mut tools = Arc::unwrap_or_clone(self.tools);
        let name = tool.spec().name;
        let checker = Arc::default();
        tools.insert(name, Entry { tool, checker });
        Self {
            tools: Arc::new(tools),
        }
    }

    /// What a model is told, by name; without a working folder only of what needs none.
    pub fn specs(&self, folder: bool) -> Vec<ToolSpec> {
        self.tools
            .values()
            .filter(|entry| folder || !entry.tool.needs_folder())
            .map(|entry| entry.tool.spec())
            .collect()
    }

    /// Words for a model that called a tool of this name, which there is not.
    pub fn unknown(&self, name: &str) -> String {
        // A model can write anything as a name; it need not read all of it again.
        let name: String = name.chars().take(64).collect();
        if self.tools.is_empty() {
            return format!(
                "There is no tool “{name}”, and no other tool either. Answer without tools."
            );
        }
        let known: Vec<&str> = self.tools.keys().map(String::as_str).collect();
        format!(
            "There is no tool “{name}”. The tools are: {}.",
            known.join(", ")
        )
    }

    /// The tool of this exact name.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Tool>> {
        self.tools.get(name).map(|entry| Arc::clone(&entry.tool))
    }

    /// A model's arguments for a tool, read and checked against its schema, near-misses repaired: what [`Tool::prepare`] is given.
    ///
    /// # Errors
    /// Words for the model: what does not fit and what is expected.
    pub fn read_arguments(&self, name: &str, arguments: &str) -> Result<Value, String> {
        let Some(entry) = self.tools.get(name) else {
            return Err(format!("There is no tool named {name:?}."));
        };
        let checker = entry
            .checker
            .get_or_init(|| Checker::new(entry.tool.spec()));
        checker.check(arguments).map(|(value, _)| value)
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.tools.keys()).finish()
    }
}
