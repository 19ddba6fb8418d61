//! What the core does, in small: it holds the items and says each change as an event.

use nexus_protocol::{
    Action, AnswerMeta, Approval, ApprovalAnswer, Capability, ContextUse, Delta, ErrorAction,
    ErrorCard, ErrorCode, Event, EventMsg, Item, ItemBody, ItemId, ItemStatus, Mode, ModelActivity,
    ModelRef, Nonce, NoticeLevel, SessionActivity, SessionId, SessionSummary, Snapshot,
    TitleSource, ToolLabel, ToolResult, TurnId, UnixMillis, Usage,
};
use uuid::Uuid;

pub fn session_id() -> SessionId {
    SessionId(Uuid::from_u128(7))
}

pub fn summary(id: u128, updated_at: i64) -> SessionSummary {
    SessionSummary {
        id: SessionId(Uuid::from_u128(id)),
        title: format!("chat {id}"),
        title_source: TitleSource::FirstWords,
        model: None,
        mode: Mode::Ask,
        folder: None,
        routing: None,
        partner: None,
        created_at: UnixMillis(0),
        updated_at: UnixMillis(updated_at),
    }
}

/// What the core does, in small: it holds the items and says each change as an event.
#[derive(Clone, Debug)]
pub struct Core {
    pub items: Vec<Item>,
    pub seq: u64,
    pub activity: SessionActivity,
    pub context: Option<ContextUse>,
    next_id: u128,
    next_position: u32,
}

/// One step of the core, as a test chooses it.
#[derive(Clone, Debug)]
pub enum Step {
    Begin,
    User(String),
    Answer,
    Think,
    Call,
    Grow(usize, String),
    GrowArguments(usize, String),
    Finish(usize, bool),
    Ask(usize),
    Reply(usize, bool),
    Compact,
    TakeBack(usize),
    Undo(bool),
    Fill(u64),
    Fail,
    Remove(usize),
    Wait,
    End,
}

impl Core {
    pub fn new() -> Self {
        Self {
            items: Vec::new(),
            seq: 0,
            activity: SessionActivity::Idle,
            context: None,
            next_id: 1,
            next_position: 0,
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            session: summary(7, 1),
            items: self.items.clone(),
            last_seq: self.seq,
            activity: self.activity,
            context: self.context,
        }
    }

    pub fn event(&mut self, msg: EventMsg) -> Vec<Event> {
        self.seq += 1;
        vec![Event {
            session: session_id(),
            seq: self.seq,
            msg,
        }]
    }

    fn add(&mut self, status: ItemStatus, body: ItemBody) -> Vec<Event> {
        let item = Item {
            id: ItemId(Uuid::from_u128(self.next_id)),
            session: session_id(),
            turn: TurnId(Uuid::from_u128(1)),
            step: 0,
            position: self.next_position,
            created_at: UnixMillis(5),
            status,
            body,
        };
        self.next_id += 1;
        self.next_position += 1;
        self.items.push(item.clone());
        self.event(EventMsg::ItemAdded { item })
    }

    fn growing(&self, pick: usize) -> Option<usize> {
        let open: Vec<usize> = self
            .items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.status == ItemStatus::InProgress)
            .map(|(at, _)| at)
            .collect();
        (!open.is_empty()).then(|| open[pick % open.len()])
    }

    /// Changes one of the calls that still grow.
    fn change_call(
        &mut self,
        pick: usize,
        change: impl FnOnce(&mut Option<ToolLabel>, &mut Option<Box<Approval>>),
    ) -> Vec<Event> {
        let Some(at) = self.growing(pick) else {
            return Vec::new();
        };
        let ItemBody::ToolCall {
            label, approval, ..
        } = &mut self.items[at].body
        else {
            return Vec::new();
        };
        change(label, approval);
        let item = self.items[at].clone();
        self.event(EventMsg::ItemChanged { item })
    }

    pub fn step(&mut self, step: Step) -> Vec<Event> {
        let model = ModelRef("local/a".into());
        match step {
            Step::Begin => {
                let turn = TurnId(Uuid::from_u128(1));
                self.activity = SessionActivity::Running { turn };
                self.event(EventMsg::TurnStarted { turn, model })
            }
            Step::User(text) => self.add(
                ItemStatus::Complete,
                ItemBody::User {
                    text,
                    attachments: Vec::new(),
                },
            ),
            Step::Answer => self.add(
                ItemStatus::InProgress,
                ItemBody::Assistant {
                    text: String::new(),
                    model,
                    meta: None,
                },
            ),
            Step::Think => self.add(
                ItemStatus::InProgress,
                ItemBody::Thinking {
                    text: String::new(),
                    duration_ms: None,
                },
            ),
            Step::Call => self.add(
                ItemStatus::InProgress,
                ItemBody::ToolCall {
                    call_id: "c".into(),
                    name: "calculate".into(),
                    arguments: String::new(),
                    label: None,
                    approval: None,
                    output: String::new(),
                    result: None,
                },
            ),
            Step::Grow(pick, more) => {
                let Some(at) = self.growing(pick) else {
                    return Vec::new();
                };
                let id = self.items[at].id;
                let offset = match &mut self.items[at].body {
                    ItemBody::Assistant { text, .. }
                    | ItemBody::Thinking { text, .. }
                    | ItemBody::ToolCall { output: text, .. } => {
                        let offset = text.len() as u64;
                        text.push_str(&more);
                        offset
                    }
                    _ => return Vec::new(),
                };
                self.event(EventMsg::ItemDelta {
                    item: id,
                    offset,
                    delta: Delta::Text { text: more },
                })
            }
            Step::GrowArguments(pick, more) => {
                let Some(at) = self.growing(pick) else {
                    return Vec::new();
                };
                let id = self.items[at].id;
                let ItemBody::ToolCall { arguments, .. } = &mut self.items[at].body else {
                    return Vec::new();
                };
                let offset = arguments.len() as u64;
                arguments.push_str(&more);
                self.event(EventMsg::ItemDelta {
                    item: id,
                    offset,
                    delta: Delta::Arguments { text: more },
                })
            }
            Step::Finish(pick, well) => {
                let Some(at) = self.growing(pick) else {
                    return Vec::new();
                };
                let item = &mut self.items[at];
                item.status = if well {
                    ItemStatus::Complete
                } else {
                    ItemStatus::Interrupted
                };
                match &mut item.body {
                    ItemBody::Assistant { meta, .. } => {
                        *meta = Some(AnswerMeta {
                            usage: Some(Usage::default()),
                            time_to_first_token_ms: Some(3),
                            duration_ms: 4,
                            tokens_per_second: None,
                            finish: None,
                        });
                    }
                    ItemBody::Thinking { duration_ms, .. } => *duration_ms = Some(9),
                    ItemBody::ToolCall { output, result, .. } => {
                        output.clear();
                        *result = Some(ToolResult {
                            ok: well,
                            output: "4".into(),
                            summary: "4".into(),
                            duration_ms: 1,
                            parts: Vec::new(),
                        });
                    }
                    _ => {}
                }
                let item = item.clone();
                self.event(EventMsg::ItemCompleted { item })
            }
            Step::Ask(pick) => self.change_call(pick, |label, approval| {
                *label = Some(ToolLabel {
                    verb: "Calculate".into(),
                    object: "1 + 1".into(),
                });
                approval.get_or_insert_with(question);
            }),
            Step::Reply(pick, well) => self.change_call(pick, |_, approval| {
                if let Some(approval) = approval {
                    approval.answer = Some(if well {
                        ApprovalAnswer::Once
                    } else {
                        ApprovalAnswer::Deny { word: "no".into() }
                    });
                }
            }),
            Step::Compact => self.add(
                ItemStatus::Complete,
                ItemBody::Compaction {
                    text: "They talked.".into(),
                    through: self.next_position,
                    tokens_before: 900,
                    tokens_after: 9,
                    undone: false,
                },
            ),
            Step::Undo(redone) => self.add(
                ItemStatus::Complete,
                ItemBody::Undo {
                    redone,
                    files: vec!["a.txt".into()],
                    more: 2,
                },
            ),
            Step::TakeBack(pick) => {
                let mut all = self
                    .items
                    .iter_mut()
                    .filter(|item| matches!(item.body, ItemBody::Compaction { undone: false, .. }));
                let Some(item) = all.nth(pick % 3) else {
                    return Vec::new();
                };
                if let ItemBody::Compaction { undone, .. } = &mut item.body {
                    *undone = true;
                }
                let item = item.clone();
                self.event(EventMsg::ItemChanged { item })
            }
            Step::Fill(history) => {
                let context = ContextUse {
                    limit: 4096,
                    history,
                    ..ContextUse::default()
                };
                self.context = Some(context);
                self.event(EventMsg::ContextUsed { context })
            }
            Step::Fail => {
                let card = card();
                let mut events = self.add(
                    ItemStatus::Complete,
                    ItemBody::Notice {
                        level: NoticeLevel::Error,
                        text: "It broke".into(),
                        error: Some(card.clone()),
                    },
                );
                self.activity = SessionActivity::Idle;
                events.extend(self.event(EventMsg::TurnFailed {
                    turn: TurnId(Uuid::from_u128(1)),
                    error: card,
                }));
                events
            }
            Step::Remove(pick) => {
                if self.items.is_empty() {
                    return Vec::new();
                }
                let at = pick % self.items.len();
                let item = self.items.remove(at).id;
                self.event(EventMsg::ItemRemoved { item })
            }
            Step::Wait => self.event(EventMsg::ModelActivity {
                activity: ModelActivity::Waiting,
            }),
            Step::End => {
                self.activity = SessionActivity::Idle;
                self.event(EventMsg::TurnCompleted {
                    turn: TurnId(Uuid::from_u128(1)),
                    usage: Usage::default(),
                })
            }
        }
    }
}

fn question() -> Box<Approval> {
    Box::new(Approval {
        nonce: Nonce(Uuid::from_u128(3)),
        action: Action {
            tool: "calculate".into(),
            capability: Capability::Compute,
            label: ToolLabel::default(),
            process: None,
            files: Vec::new(),
            network: None,
            arguments_hash: "a".into(),
        },
        fingerprint: "f".into(),
        why: "It asks.".into(),
        reason: None,
        rule: None,
        answer: None,
    })
}

pub fn card() -> ErrorCard {
    ErrorCard::new(
        ErrorCode::ProviderDown,
        "It broke",
        "Try again.",
        ErrorAction::Retry,
    )
}
