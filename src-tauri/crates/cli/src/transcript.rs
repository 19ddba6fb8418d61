//! A chat as a Markdown document. Pure.

use nexus_protocol::{ApprovalAnswer, ItemBody, ItemStatus, ModelRef, Snapshot};

/// How much of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What was said.
    Words,
    /// Also thinking, tool calls and notices.
    All,
}

/// The document. `made_at` says where a model answers.
pub fn markdown(
    snapshot: &Snapshot,
    detail: Detail,
    made_at: impl Fn(&ModelRef) -> String,
) -> String {
    let title = match snapshot.session.title.as_str() {
        "" => "Untitled chat",
        title => title,
    };
    let mut parts = vec![format!("# {title}")];
    for item in &snapshot.items {
        let mut part = match (&item.body, detail) {
            (ItemBody::User { text, attachments }, _) => {
                let mut part = format!("## You\n\n{text}");
                for attachment in attachments {
                    part.push_str(&format!("\n\n(image: {})", attachment.name));
                }
                part
            }
            (ItemBody::Assistant { text, model, .. }, _) => {
                format!("## {model}, {}\n\n{text}", made_at(model))
            }
            (_, Detail::Words) => continue,
            (ItemBody::Thinking { text, .. }, Detail::All) => {
                format!("### Thinking\n\n{}", quoted(text))
            }
            (
                ItemBody::ToolCall {
                    name,
                    arguments,
                    result,
                    ..
                },
                Detail::All,
            ) => {
                let outcome = match result {
                    Some(result) if result.ok => format!("→ {}", result.output),
                    Some(result) => format!("failed: {}", result.output),
                    None => "has not ended".into(),
                };
                format!("### Tool: {name}\n\n{}\n\n{outcome}", code(arguments))
            }
            (ItemBody::Compaction { text, .. }, Detail::All) => {
                format!("### Put into few words\n\n{}", quoted(text))
            }
            (
                ItemBody::Undo {
                    redone,
                    files,
                    more,
                },
                Detail::All,
            ) => quoted(&undo(*redone, files, *more)),
            (ItemBody::Offer { offer }, Detail::All) => {
                let said = match offer.answer.as_ref().is_some_and(ApprovalAnswer::allows) {
                    true => "You sent it",
                    false => "Nothing was sent",
                };
                quoted(&format!(
                    "{} {said}: {} for {}.",
                    offer.why,
                    offer.contents(),
                    offer.display_name
                ))
            }
            (ItemBody::Notice { text, error, .. }, Detail::All) => match error {
                Some(card) => format!("> **{}** {}", card.title, card.detail),
                None => quoted(text),
            },
        };
        match item.status {
            ItemStatus::Interrupted => part.push_str("\n\n(interrupted)"),
            ItemStatus::Failed => part.push_str("\n\n(failed)"),
            ItemStatus::InProgress => part.push_str("\n\n(still being written)"),
            ItemStatus::Queued => part.push_str("\n\n(waits its turn)"),
            ItemStatus::Complete => {}
        }
        parts.push(part);
    }
    parts.join("\n\n") + "\n"
}

fn undo(redone: bool, files: &[String], more: u32) -> String {
    let what = if redone {
        "You did these changes again"
    } else {
        "You took these changes back"
    };
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{what}: {}{more}", files.join(", "))
}

fn quoted(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
    lines.join("\n")
}

/// Inline code that holds whatever the text holds.
fn code(text: &str) -> String {
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    if longest > 0 {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

#[cfg(test)]
mod tests;
