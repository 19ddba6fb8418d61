//! The tools that a session has.
//!
//! Owns the map from names to tools. Whether a call may run is [`crate::policy`]'s to say.

use std::{collections::BTreeMap, sync::Arc};

use nexus_protocol::ToolSpec;

use crate::{Tool, dev, io, utility};

/// A set of tools by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry {
    // Ordered, so that the tools stand in the same order in every request: providers cache equal beginnings.
    tools: Arc<BTreeMap<String, Arc<dyn Tool>>>,
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
        tools.insert(tool.spec().name, tool);
        Self {
            tools: Arc::new(tools),
        }
    }

    /// What a model is told, by name; without a working folder only of what needs none.
    pub fn specs(&self, folder: bool) -> Vec<ToolSpec> {
        self.tools
            .values()
            .filter(|tool| folder || !tool.needs_folder())
            .map(|tool| tool.spec())
            .collect()
    }

    /// The tool of this exact name.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Tool>> {
        self.tools.get(name).cloned()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.tools.keys()).finish()
    }
}
