//! A session's title: the first words at once, a model's words later.
//!
//! Owns both, and what a model's words must be like to be taken. Refuses to wait for anybody: naming gives way to any
//! operation of the user, and a failure costs nothing but the better title.

use std::sync::Arc;

use futures::StreamExt;
use nexus_llm::{ModelError, ModelEvent};
use nexus_protocol::{
    ChatMessage, ChatRequest, FinishReason, Item, ItemBody, SessionSummary, TitleSource, Usage,
    UserPart,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, info_span};

use crate::{AgentDeps, journal::Journal, turn::Answered};

/// Characters of a title made of first words, at most.
const MAX_FIRST_WORDS: usize = 48;
/// Characters of a model's title, at most; a longer one is no title.
const MAX_TITLE: usize = 60;
/// Words of a model's title, at most.
const MAX_WORDS: usize = 10;
/// Tokens that the model may write.
const MAX_TOKENS: u32 = 24;
/// Characters of message and answer that the model reads, each.
const MAX_READ: usize = 1000;

const NAME_IT: &str = "You name chats. Reply with a title of three to six words in the language of the \
chat, without quotation marks and without a full stop. Reply with the title only.";

/// Whether a model may name the session.
pub(crate) fn is_due(summary: &SessionSummary) -> bool {
    summary.title_source <= TitleSource::FirstWords
}

/// The first words of a user's message as plain text, cut at a word.
pub(crate) fn first_words(item: &Item) -> String {
    let (text, attachments) = match &item.body {
        ItemBody::User { text, attachments } => (text.as_str(), attachments.as_slice()),
        _ => ("", [].as_slice()),
    };
    // Not more than can be shown: a message may be a megabyte.
    let beginning: String = text.chars().take(4 * MAX_READ).collect();
    let words = plain(&beginning);
    if words.is_empty() {
        return attachments
            .first()
            .map_or_else(|| "New chat".to_owned(), |it| cut(&plain(&it.name)));
    }
    cut(&words)
}

fn cut(words: &str) -> String {
    let Some((end, _)) = words.char_indices().nth(MAX_FIRST_WORDS) else {
        return words.to_owned();
    };
    // One character is for the ellipsis.
    let last = words
        .char_indices()
        .nth(MAX_FIRST_WORDS - 1)
        .map_or(end, |(at, _)| at);
    let head = words.get(..last).unwrap_or_default();
    let at_word = if words.get(last..).is_some_and(|rest| rest.starts_with(' ')) {
        Some(head)
    } else {
        head.rsplit_once(' ').map(|(head, _)| head)
    };
    format!("{}…", at_word.unwrap_or(head).trim_end())
}

/// Words on one line without Markdown's marks, control characters and invisible ones that reorder text.
fn plain(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .filter(|c| !matches!(c, '*' | '`' | '#' | '>' | '_' | '~'))
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Asks the model for a title and sets it, where it is one.
pub(crate) async fn name(
    deps: AgentDeps,
    journal: Arc<Journal>,
    answered: Answered,
    cancel: CancellationToken,
) {
    let session = journal.summary().id;
    let span = info_span!("title", %session, model = %answered.name);
    async {
        let asked = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            asked = ask(&journal, &answered, &cancel) => Some(asked),
        };
        let (title, usage) = match asked {
            Some(Ok(asked)) => asked,
            Some(Err(error)) => {
                // The provider's words stay out of the log: they may quote the chat.
                let code = error.card(deps.clock.as_ref()).code;
                return info!(?code, "no title");
            }
            None => return info!("no title: the user went on"),
        };
        if let Some(usage) = usage {
            let now = deps.clock.now();
            let (turn, name) = (answered.turn, &answered.name);
            if let Err(error) = deps.store.add_usage(session, turn, name, &usage, now).await {
                info!(%error, "usage could not be recorded");
            }
        }
        let Some(title) = title else {
            return info!("no title: the model's words are none");
        };
        // The store keeps the user's own title, should there be one by now.
        match deps
            .store
            .set_title(session, &title, TitleSource::Model)
            .await
        {
            Ok(Some(summary)) => journal.change(summary),
            Ok(None) => {}
            Err(error) => info!(%error, "the title could not be saved"),
        }
    }
    .instrument(span)
    .await;
}

async fn ask(
    journal: &Journal,
    answered: &Answered,
    cancel: &CancellationToken,
) -> Result<(Option<String>, Option<Usage>), ModelError> {
    let request = journal.with_items(|items| request(items, answered));
    let mut stream = answered.model.stream(request, cancel.clone());
    let mut words = String::new();
    while let Some(event) = stream.next().await {
        match event? {
            ModelEvent::Text(text) => words.push_str(&text),
            ModelEvent::Finished { reason, usage } => {
                let title = match reason {
                    FinishReason::Stop => clean(&words),
                    _ => None,
                };
                return Ok((title, usage));
            }
            _ => {}
        }
    }
    Ok((None, None))
}

fn request(items: &[Item], answered: &Answered) -> ChatRequest {
    let of_turn = || items.iter().filter(|item| item.turn == answered.turn);
    let read = |text: &str| text.chars().take(MAX_READ).collect::<String>();
    let message = of_turn()
        .find_map(|item| match &item.body {
            ItemBody::User { text, .. } => Some(read(text)),
            _ => None,
        })
        .unwrap_or_default();
    let answer = of_turn()
        .filter_map(|item| match &item.body {
            ItemBody::Assistant { text, .. } => Some(read(text)),
            _ => None,
        })
        .next_back()
        .unwrap_or_default();
    ChatRequest {
        messages: vec![
            ChatMessage::System {
                text: NAME_IT.to_owned(),
            },
            ChatMessage::User {
                parts: vec![UserPart::Text {
                    text: format!(
                        "The chat begins:\n\nUser: {message}\n\nAssistant: {answer}\n\nIts title:"
                    ),
                }],
            },
        ],
        tools: Vec::new(),
        max_output_tokens: Some(MAX_TOKENS),
        temperature: None,
        ..ChatRequest::default()
    }
}

/// The title in a model's words; `None` where there is none in them.
fn clean(words: &str) -> Option<String> {
    let line = words.lines().map(plain).find(|line| !line.is_empty())?;
    let line = ["Title:", "title:", "TITLE:", "Titel:"]
        .iter()
        .find_map(|label| line.strip_prefix(label))
        .unwrap_or(&line);
    let title = line
        .trim_matches(|c: char| c.is_whitespace() || "\"'“”„‘’«»[]().:;,-–—".contains(c))
        .to_owned();
    let lower = title.to_lowercase();
    let refuses = [
        "i can't",
        "i can’t",
        "i cannot",
        "i'm ",
        "i’m ",
        "i am ",
        "sorry",
        "as an ai",
        "unable to",
        "here is",
        "here's",
        "here’s",
        "sure",
        "certainly",
        "of course",
        "the title",
        "user:",
        "assistant:",
        "<think",
        "|",
    ]
    .iter()
    .any(|words| lower.starts_with(words) || (words.len() > 5 && lower.contains(words)));
    let fits = title.chars().count() <= MAX_TITLE
        && title.split(' ').count() <= MAX_WORDS
        && title.chars().any(char::is_alphanumeric);
    (fits && !refuses).then_some(title)
}

#[cfg(test)]
mod tests;
