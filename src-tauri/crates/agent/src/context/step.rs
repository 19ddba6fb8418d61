//! One model call of the past: an assistant message, the results of its calls, and what they showed.
//!
//! Owns how a step reads in roles or in words, whole, let go or cut. Refuses to know when it must give way.

use nexus_protocol::{
    ChatMessage, Item, ItemBody, ItemStatus, ModelInfo, ToolCallRequest, UserPart,
};

use super::{
    call::{Call, UniqueIds, shorten},
    estimate::{MESSAGE, excerpt, message_tokens, text_tokens},
    user_text,
};
use crate::prompt;

/// A step as it goes into a request.
pub(super) struct Step {
    /// The position of its first item.
    pub(super) first: u32,
    now: Form,
    /// With its results let go; `None` where they are, or there are none.
    short: Option<Form>,
    /// A word on what the user did between two model calls; the model said nothing here.
    pub(super) is_note: bool,
}

/// One way to write a step.
struct Form {
    messages: Vec<ChatMessage>,
    tokens: u64,
    /// Those of results among them.
    files: u64,
}

impl Form {
    fn new(messages: Vec<ChatMessage>, files: u64) -> Self {
        Self {
            tokens: messages.iter().map(message_tokens).sum(),
            messages,
            files,
        }
    }
}

/// How steps are to be read.
pub(super) struct Reading<'a> {
    pub(super) model: &'a ModelInfo,
    /// Tokens of one result, at most.
    pub(super) result_cap: u64,
}

impl Step {
    /// `None` where nothing of it is to be read.
    pub(super) fn of(
        items: &[&Item],
        reading: &Reading<'_>,
        shows_images: bool,
        ids: &mut UniqueIds,
    ) -> Option<Self> {
        let calls: Vec<Call> = items
            .iter()
            .filter_map(|item| Call::of(item, reading.result_cap, ids))
            .collect();
        let text = said(items);
        if text.trim().is_empty() && calls.is_empty() {
            return None;
        }
        let write = if reading.model.tools {
            in_roles
        } else {
            in_words
        };
        let mut now = write(&text, &calls, |call| &call.result);
        if shows_images && reading.model.images {
            now = with_images(now, &calls);
        }
        let lets_go = |call: &Call| call.line != call.result || !call.images.is_empty();
        let short = calls
            .iter()
            .any(lets_go)
            .then(|| write(&text, &calls, |call| &call.line));
        Some(Self {
            first: items.iter().map(|item| item.position).min()?,
            now,
            short,
            is_note: false,
        })
    }

    /// What the user undid or did again, as their word; `None` where that is not what `items` are. `after` is the message before it.
    pub(super) fn note(items: &[&Item], after: Option<&ChatMessage>) -> Option<Self> {
        let notes = items.iter().filter_map(|item| match &item.body {
            ItemBody::Undo {
                redone,
                files,
                more,
            } => Some((item.position, prompt::undo(*redone, files, *more))),
            _ => None,
        });
        let (at, texts): (Vec<u32>, Vec<String>) = notes.unzip();
        let stopped =
            matches!(after, Some(ChatMessage::Tool { .. })).then(|| ChatMessage::Assistant {
                text: prompt::STOPPED.to_owned(),
                tool_calls: Vec::new(),
            });
        let first = at.into_iter().min()?;
        let messages = stopped.into_iter().chain([user_text(&texts.join("\n"))]);
        Some(Self {
            first,
            now: Form::new(messages.collect(), 0),
            short: None,
            is_note: true,
        })
    }

    pub(super) fn tokens(&self) -> u64 {
        self.now.tokens
    }

    /// Tokens of tools' results, and of what they showed.
    pub(super) fn files(&self) -> u64 {
        self.now.files
    }

    /// Tokens that letting the results go would free.
    pub(super) fn spare(&self) -> u64 {
        let short = self.short.as_ref().map_or(self.now.tokens, |it| it.tokens);
        self.now.tokens.saturating_sub(short)
    }

    /// Puts a line in the place of each result.
    pub(super) fn let_go(&mut self) {
        if let Some(short) = self.short.take() {
            self.now = short;
        }
    }

    pub(super) fn last_message(&self) -> Option<&ChatMessage> {
        self.now.messages.last()
    }

    pub(super) fn into_messages(self) -> Vec<ChatMessage> {
        self.now.messages
    }

    /// Cuts what it can so that the step has at most `room` tokens: images go, then each result gets an equal share, then
    /// the model's own words and arguments give way too. Whether it could.
    pub(super) fn cut(&mut self, room: u64) -> bool {
        if self.is_note {
            // Bounded when it was made.
            return self.now.tokens <= room;
        }
        let mut messages = std::mem::take(&mut self.now.messages);
        drop_images(&mut messages);
        let mut fits = cut_results(&mut messages, room);
        if !fits {
            cut_words(&mut messages, room);
            fits = cut_results(&mut messages, room);
        }
        let files = messages.iter().map(result_tokens).sum();
        let says_nothing = matches!(
            messages.first(),
            Some(ChatMessage::Assistant { text, tool_calls }) if text.is_empty() && tool_calls.is_empty()
        );
        self.now = Form::new(messages, files);
        fits && !says_nothing && self.now.tokens <= room
    }
}

/// The words of a step: all its assistant text that did not fail.
fn said(items: &[&Item]) -> String {
    items
        .iter()
        .filter(|item| item.status != ItemStatus::Failed)
        .filter_map(|item| match &item.body {
            ItemBody::Assistant { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// For a model with tools.
fn in_roles(text: &str, calls: &[Call], result: fn(&Call) -> &String) -> Form {
    // Some providers refuse a message of white space.
    let text = if text.trim().is_empty() { "" } else { text };
    let mut messages = vec![ChatMessage::Assistant {
        text: text.to_owned(),
        tool_calls: calls
            .iter()
            .map(|call| ToolCallRequest {
                id: call.id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
            })
            .collect(),
    }];
    messages.extend(calls.iter().map(|call| ChatMessage::Tool {
        call_id: call.id.clone(),
        name: call.name.clone(),
        content: result(call).clone(),
    }));
    let files = messages.iter().map(result_tokens).sum();
    Form::new(messages, files)
}

/// For a model without tools, whose template may know neither calls nor results: both in words.
fn in_words(text: &str, calls: &[Call], result: fn(&Call) -> &String) -> Form {
    let mut text = text.to_owned();
    for call in calls {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&format!(
            "[The tool {} was called with {}. Its result: {}]\n\n",
            call.name,
            call.arguments,
            result(call)
        ));
    }
    let files = calls.iter().map(|call| text_tokens(result(call))).sum();
    let tool_calls = Vec::new();
    Form::new(vec![ChatMessage::Assistant { text, tool_calls }], files)
}

/// What the calls showed, as the user's next message: no provider takes images in a tool's result, and some refuse a user's
/// message right after one, so a word stands between.
fn with_images(form: Form, calls: &[Call]) -> Form {
    let shown = calls.iter().flat_map(|call| &call.images);
    let parts: Vec<UserPart> = shown
        .flat_map(|(word, image)| {
            let text = word.clone();
            let image = image.clone();
            [UserPart::Text { text }, UserPart::Image { image }]
        })
        .collect();
    if parts.is_empty() {
        return form;
    }
    let Form {
        mut messages,
        files,
        ..
    } = form;
    let images = ChatMessage::User { parts };
    let files = files + message_tokens(&images);
    if matches!(messages.last(), Some(ChatMessage::Tool { .. })) {
        messages.push(ChatMessage::Assistant {
            text: prompt::IMAGES_FOLLOW.to_owned(),
            tool_calls: Vec::new(),
        });
    }
    messages.push(images);
    Form::new(messages, files)
}

fn result_tokens(message: &ChatMessage) -> u64 {
    match message {
        ChatMessage::Tool { .. } => message_tokens(message),
        _ => 0,
    }
}

fn drop_images(messages: &mut Vec<ChatMessage>) {
    if !matches!(messages.last(), Some(ChatMessage::User { .. })) {
        return;
    }
    messages.pop();
    let in_roles = messages.len() > 1;
    if in_roles {
        messages.pop();
    }
    match messages.last_mut() {
        Some(ChatMessage::Tool { content, .. }) => content.push_str(prompt::IMAGES_LEFT_OUT),
        // In words: the last word stays with the user.
        _ => messages.push(user_text(prompt::IMAGES_LEFT_OUT)),
    }
}

/// Cuts the results, each to an equal share of what the rest leaves. Whether there was a share.
fn cut_results(messages: &mut [ChatMessage], room: u64) -> bool {
    let tokens: u64 = messages.iter().map(message_tokens).sum();
    let contents = messages.iter_mut().filter_map(|message| match message {
        ChatMessage::Tool { content, .. } => Some(content),
        _ => None,
    });
    let contents: Vec<&mut String> = contents.collect();
    let results: u64 = contents.iter().map(|content| text_tokens(content)).sum();
    let Some(for_results) = room.checked_sub(tokens - results) else {
        return false;
    };
    let Some(share) = for_results.checked_div(contents.len() as u64) else {
        return tokens <= room;
    };
    for content in contents {
        *content = excerpt(content, share);
    }
    true
}

/// Cuts what the model wrote itself: its words to half of `room`, long texts in arguments to their beginning.
fn cut_words(messages: &mut [ChatMessage], room: u64) {
    if let Some(ChatMessage::Assistant { text, tool_calls }) = messages.first_mut() {
        let share = if tool_calls.is_empty() {
            room.saturating_sub(MESSAGE)
        } else {
            room / 2
        };
        *text = excerpt(text, share);
        for call in tool_calls {
            call.arguments = shorten(&call.arguments);
        }
    }
}
