//! What a model can do, as far as its page says.
//!
//! Owns: reading tags, the kind of task and the chat template. Refuses to own: what a file really holds (`worker-client`).

/// Abilities besides chatting. A `false` may mean that nobody said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skills {
    /// Calls tools.
    pub tools: bool,
    /// Looks at images.
    pub vision: bool,
    /// Thinks before it answers.
    pub reasoning: bool,
}

impl Skills {
    /// Authors tag freely, so that only words with one meaning count; the template is what the model is really given.
    pub fn read<'a>(
        tags: impl IntoIterator<Item = &'a str>,
        task: Option<&'a str>,
        template: Option<&str>,
    ) -> Self {
        let mut skills = Self::default();
        for tag in tags.into_iter().chain(task) {
            match tag.to_ascii_lowercase().replace(['_', ' '], "-").as_str() {
                "tool-use" | "tool-calling" | "tools" | "function-calling" | "tool-call" => {
                    skills.tools = true;
                }
                "image-text-to-text"
                | "any-to-any"
                | "visual-question-answering"
                | "vision"
                | "vision-language-model" => skills.vision = true,
                "reasoning" | "thinking" | "chain-of-thought" => skills.reasoning = true,
                _ => {}
            }
        }
        if let Some(template) = template {
            skills.tools |= template.contains("tools");
            skills.reasoning |=
                template.contains("<think>") || template.contains("enable_thinking");
        }
        skills
    }
}

#[cfg(test)]
mod tests {
    use super::Skills;

    #[test]
    fn tags_the_task_and_the_template_count() {
        let none = Skills::default();
        assert_eq!(
            Skills::read(["gguf", "chat"], Some("text-generation"), Some("{{ x }}")),
            none
        );
        assert_eq!(
            Skills::read(["Function Calling"], Some("image-text-to-text"), None),
            Skills {
                tools: true,
                vision: true,
                reasoning: false
            }
        );
        assert_eq!(
            Skills::read([], None, Some("{% if tools %}{% if enable_thinking %}")),
            Skills {
                tools: true,
                vision: false,
                reasoning: true
            }
        );
    }
}
