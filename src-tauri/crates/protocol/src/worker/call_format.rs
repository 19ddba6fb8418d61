//! The forms in which the families of models write tool calls.

use serde::{Deserialize, Serialize};

/// One family's form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallFormat {
    /// Hermes, Qwen and their kin: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, once for each call.
    #[default]
    Tags,
    /// Llama 3: `{"name": …, "parameters": {…}}`, with or without `<|python_tag|>` before it.
    Llama,
    /// Mistral: `[TOOL_CALLS][{"name": …, "arguments": {…}}, …]`.
    List,
    /// Later Mistral models: `[TOOL_CALLS]name[ARGS]{…}`, once for each call.
    Named,
    /// Phi: `<|tool_call|>[{"name": …, "arguments": {…}}, …]<|/tool_call|>`.
    Phi,
    /// No marks at all: `{"name": …, "arguments": {…}}`.
    Bare,
}

impl CallFormat {
    /// The form that a chat template teaches; `None` where it does not offer tools to the model.
    pub fn of_template(template: &str) -> Option<Self> {
        let writes = |mark: &str| template.contains(mark);
        if !writes("tools") {
            return None;
        }
        // A template may quote the forms of others in its instructions: its own mark comes first here.
        let marked = [
            ("[ARGS]", Self::Named),
            ("[TOOL_CALLS]", Self::List),
            ("<|tool_call|>", Self::Phi),
            ("<|/tool|>", Self::Phi),
            ("<tool_call>", Self::Tags),
            ("<|python_tag|>", Self::Llama),
            ("\"parameters\":", Self::Llama),
        ];
        marked
            .into_iter()
            .find(|(mark, _)| writes(mark))
            .map(|(_, format)| format)
            .or_else(|| writes("\"arguments\":").then_some(Self::Bare))
    }
}

#[cfg(test)]
mod tests {
    use super::CallFormat;

    #[test]
    fn each_familys_template_is_known() {
        let of = |template: &str| CallFormat::of_template(template);
        for (template, format) in [
            (
                "{% if tools %}<tools></tools> <tool_call>\\n{\"name\": <function-name>, \"arguments\": <args-json-object>}",
                CallFormat::Tags,
            ),
            (
                "{%- if tools %}Respond in the format {\"name\": function name, \"parameters\": dictionary of argument name and its value}",
                CallFormat::Llama,
            ),
            (
                "{%- if builtin_tools %}<|python_tag|>{% endif %}{{ tools }}",
                CallFormat::Llama,
            ),
            (
                "{{ \"[AVAILABLE_TOOLS] [\" }}{{ tools }}{{ \"[TOOL_CALLS] [\" }}",
                CallFormat::List,
            ),
            (
                "{{ tools }}[TOOL_CALLS]{{ name }}[ARGS]{{ arguments }}",
                CallFormat::Named,
            ),
            (
                "{% if message['tools'] %}<|tool|>{{ message['tools'] }}<|/tool|>",
                CallFormat::Phi,
            ),
            (
                "{{ tools }} reply {\"name\": …, \"arguments\": …}",
                CallFormat::Bare,
            ),
        ] {
            assert_eq!(of(template), Some(format), "{template}");
        }
        assert_eq!(
            of("{% for message in messages %}{{ message.content }}"),
            None
        );
        assert_eq!(of("{{ tools }}"), None);
        assert_eq!(of("<tool_call>"), None);
    }
}
