//! One item of the open session as signals, so that a delta wakes only what draws that item's growing text.
//!
//! Owns the mapping from [`Item`] to signals and back. Refuses to know other rows.

use std::sync::Arc;

use leptos::prelude::{ArcRwSignal, GetUntracked, Set, Update, WithUntracked};
use nexus_protocol::{
    AnswerMeta, Approval, Attachment, CloudOffer, Delta, ErrorCard, Item, ItemBody, ItemId,
    ItemStatus, ModelRef, NoticeLevel, SessionId, ToolLabel, ToolResult, TurnId, UnixMillis,
};

/// One item.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id: the key of its place in the page.
    pub id: ItemId,
    /// Where it belongs.
    pub session: SessionId,
    /// The turn that made it.
    pub turn: TurnId,
    /// Which model call of the turn.
    pub step: u32,
    /// Place within the session.
    pub position: u32,
    /// When it was begun.
    pub created_at: UnixMillis,
    /// Whether it is whole.
    pub status: ArcRwSignal<ItemStatus>,
    /// What it is.
    pub body: RowBody,
    /// Grows when the row had to be replaced rather than changed: part of its key in the page.
    pub version: u32,
}

/// What a row is: what never changes as plain data, what grows or comes later as signals.
#[derive(Clone, Debug)]
pub enum RowBody {
    /// What the user wrote.
    User {
        /// The message.
        text: Arc<str>,
        /// What came with it.
        attachments: Arc<Vec<Attachment>>,
    },
    /// What the model answers.
    Assistant {
        /// Markdown so far.
        text: ArcRwSignal<String>,
        /// The model.
        model: ModelRef,
        /// Known when it ends.
        meta: ArcRwSignal<Option<AnswerMeta>>,
    },
    /// What the model thinks aloud.
    Thinking {
        /// So far.
        text: ArcRwSignal<String>,
        /// Known when it ends.
        duration_ms: ArcRwSignal<Option<u64>>,
    },
    /// A tool call.
    Tool {
        /// The model's id of the call.
        call_id: String,
        /// The tool.
        name: String,
        /// JSON text so far.
        arguments: ArcRwSignal<String>,
        /// What it does, once the arguments are whole.
        label: ArcRwSignal<Option<ToolLabel>>,
        /// What the user is asked about it, and the answer.
        approval: ArcRwSignal<Option<Box<Approval>>>,
        /// What it printed so far; empty once there is a result.
        output: ArcRwSignal<String>,
        /// How it ended.
        result: ArcRwSignal<Option<ToolResult>>,
    },
    /// Earlier messages in few words.
    Compaction {
        /// The summary.
        text: Arc<str>,
        /// The position of the last item that it stands for.
        through: u32,
        /// Tokens of what it stands for.
        tokens_before: u64,
        /// Tokens of the summary.
        tokens_after: u64,
        /// Whether the user took it back.
        undone: bool,
    },
    /// The user took changes of files back, or did them again.
    Undo {
        /// They were done again.
        redone: bool,
        /// Files that are named.
        files: Arc<[String]>,
        /// Further ones.
        more: u32,
    },
    /// The question whether the turn may go on in the cloud.
    Offer {
        /// The question, and the answer.
        offer: ArcRwSignal<Box<CloudOffer>>,
    },
    /// A word of the core.
    Notice {
        /// How grave.
        level: NoticeLevel,
        /// One line.
        text: Arc<str>,
        /// What to do.
        error: Option<Arc<ErrorCard>>,
    },
}

/// What became of a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Its new part is in.
    Grew,
    /// All of it was there before.
    Known,
    /// Something before it is missing: only a snapshot helps.
    Gap,
}

impl Row {
    /// A row that shows `item`.
    pub fn new(item: Item) -> Self {
        let body = match item.body {
            ItemBody::User { text, attachments } => RowBody::User {
                text: text.into(),
                attachments: Arc::new(attachments),
            },
            ItemBody::Assistant { text, model, meta } => RowBody::Assistant {
                text: ArcRwSignal::new(text),
                model,
                meta: ArcRwSignal::new(meta),
            },
            ItemBody::Thinking { text, duration_ms } => RowBody::Thinking {
                text: ArcRwSignal::new(text),
                duration_ms: ArcRwSignal::new(duration_ms),
            },
            ItemBody::ToolCall {
                call_id,
                name,
                arguments,
                label,
                approval,
                output,
                result,
            } => RowBody::Tool {
                call_id,
                name,
                arguments: ArcRwSignal::new(arguments),
                label: ArcRwSignal::new(label),
                approval: ArcRwSignal::new(approval),
                output: ArcRwSignal::new(output),
                result: ArcRwSignal::new(result),
            },
            ItemBody::Compaction {
                text,
                through,
                tokens_before,
                tokens_after,
                undone,
            } => RowBody::Compaction {
                text: text.into(),
                through,
                tokens_before,
                tokens_after,
                undone,
            },
            ItemBody::Undo {
                redone,
                files,
                more,
            } => RowBody::Undo {
                redone,
                files: files.into(),
                more,
            },
            ItemBody::Offer { offer } => RowBody::Offer {
                offer: ArcRwSignal::new(offer),
            },
            ItemBody::Notice { level, text, error } => RowBody::Notice {
                level,
                text: text.into(),
                error: error.map(Arc::new),
            },
        };
        Self {
            id: item.id,
            session: item.session,
            turn: item.turn,
            step: item.step,
            position: item.position,
            created_at: item.created_at,
            status: ArcRwSignal::new(item.status),
            body,
            version: 0,
        }
    }

    /// Whether it is a word beside what user and model say: of the core, or of what the user did to files.
    pub fn is_aside(&self) -> bool {
        matches!(
            self.body,
            RowBody::Undo { .. } | RowBody::Offer { .. } | RowBody::Notice { error: None, .. }
        )
    }

    /// Takes over a newer form of the same item, waking only what changed. `false` where parts differ that are no signals:
    /// then the row itself must be replaced.
    pub fn replace(&self, item: &Item) -> bool {
        let same_place = self.turn == item.turn
            && self.step == item.step
            && self.position == item.position
            && self.created_at == item.created_at;
        let taken = same_place
            && match (&self.body, &item.body) {
                (
                    RowBody::Assistant { text, model, meta },
                    ItemBody::Assistant {
                        text: new_text,
                        model: new_model,
                        meta: new_meta,
                    },
                ) if model == new_model => {
                    set_if_new(text, new_text);
                    set_if_new(meta, new_meta);
                    true
                }
                (
                    RowBody::Thinking { text, duration_ms },
                    ItemBody::Thinking {
                        text: new_text,
                        duration_ms: new_duration,
                    },
                ) => {
                    set_if_new(text, new_text);
                    set_if_new(duration_ms, new_duration);
                    true
                }
                (
                    RowBody::Tool {
                        call_id,
                        name,
                        arguments,
                        label,
                        approval,
                        output,
                        result,
                    },
                    ItemBody::ToolCall {
                        call_id: new_call_id,
                        name: new_name,
                        arguments: new_arguments,
                        label: new_label,
                        approval: new_approval,
                        output: new_output,
                        result: new_result,
                    },
                ) if call_id == new_call_id && name == new_name => {
                    set_if_new(arguments, new_arguments);
                    set_if_new(label, new_label);
                    set_if_new(approval, new_approval);
                    set_if_new(output, new_output);
                    set_if_new(result, new_result);
                    true
                }
                (RowBody::Offer { offer }, ItemBody::Offer { offer: new }) => {
                    set_if_new(offer, new);
                    true
                }
                _ => self.body_as_item() == item.body,
            };
        if taken {
            set_if_new(&self.status, &item.status);
        }
        taken
    }

    /// Appends what is new in a delta that continues at byte `offset`.
    pub fn append(&self, offset: u64, delta: &Delta) -> Appended {
        match (&self.body, delta) {
            (
                RowBody::Assistant { text, .. } | RowBody::Thinking { text, .. },
                Delta::Text { text: more },
            ) => append(text, offset, more),
            (RowBody::Tool { arguments, .. }, Delta::Arguments { text: more }) => {
                append(arguments, offset, more)
            }
            (RowBody::Tool { output, .. }, Delta::Text { text: more }) => {
                // Output is cut where it is too long, so a hole in it need not be healed: the result says it again.
                match append(output, offset, more) {
                    Appended::Gap => {
                        output.update(|text| text.push_str(more));
                        Appended::Grew
                    }
                    other => other,
                }
            }
            // A delta for something that does not grow: this row is not what the core holds.
            _ => Appended::Gap,
        }
    }

    /// The item that this row shows.
    pub fn item(&self) -> Item {
        Item {
            id: self.id,
            session: self.session,
            turn: self.turn,
            step: self.step,
            position: self.position,
            created_at: self.created_at,
            status: self.status.get_untracked(),
            body: self.body_as_item(),
        }
    }

    fn body_as_item(&self) -> ItemBody {
        match &self.body {
            RowBody::User { text, attachments } => ItemBody::User {
                text: text.to_string(),
                attachments: attachments.to_vec(),
            },
            RowBody::Assistant { text, model, meta } => ItemBody::Assistant {
                text: text.get_untracked(),
                model: model.clone(),
                meta: meta.get_untracked(),
            },
            RowBody::Thinking { text, duration_ms } => ItemBody::Thinking {
                text: text.get_untracked(),
                duration_ms: duration_ms.get_untracked(),
            },
            RowBody::Tool {
                call_id,
                name,
                arguments,
                label,
                approval,
                output,
                result,
            } => ItemBody::ToolCall {
                call_id: call_id.clone(),
                name: name.clone(),
                arguments: arguments.get_untracked(),
                label: label.get_untracked(),
                approval: approval.get_untracked(),
                output: output.get_untracked(),
                result: result.get_untracked(),
            },
            RowBody::Compaction {
                text,
                through,
                tokens_before,
                tokens_after,
                undone,
            } => ItemBody::Compaction {
                text: text.to_string(),
                through: *through,
                tokens_before: *tokens_before,
                tokens_after: *tokens_after,
                undone: *undone,
            },
            RowBody::Undo {
                redone,
                files,
                more,
            } => ItemBody::Undo {
                redone: *redone,
                files: files.to_vec(),
                more: *more,
            },
            RowBody::Offer { offer } => ItemBody::Offer {
                offer: offer.get_untracked(),
            },
            RowBody::Notice { level, text, error } => ItemBody::Notice {
                level: *level,
                text: text.to_string(),
                error: error.as_deref().cloned(),
            },
        }
    }
}

/// Appends to a growing text; the cost is that of `more`, whatever stands before.
fn append(text: &ArcRwSignal<String>, offset: u64, more: &str) -> Appended {
    let held = text.with_untracked(String::len);
    let Some(known) = usize::try_from(offset)
        .ok()
        .and_then(|offset| held.checked_sub(offset))
    else {
        return Appended::Gap;
    };
    if known >= more.len() {
        return Appended::Known;
    }
    match more.get(known..) {
        Some(rest) => {
            text.update(|text| text.push_str(rest));
            Appended::Grew
        }
        // The overlap ends inside a character: the two sides hold different texts.
        None => Appended::Gap,
    }
}

fn set_if_new<T: PartialEq + Clone + Send + Sync + 'static>(signal: &ArcRwSignal<T>, value: &T) {
    if signal.with_untracked(|held| held != value) {
        signal.set(value.clone());
    }
}
