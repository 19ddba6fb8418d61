//! One session with its store in a folder of its own, a clock that stands still, and every event it sends.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use nexus_agent_loop::{
    AgentDeps, EventSink, ModelResolver, RuleBook, SessionHandle, TurnSettings,
};
use nexus_checkpoints::Checkpoints;
use nexus_egress::Switch;
use nexus_llm::Model;
use nexus_protocol::{
    Action, Capability, Clock, Confinement, Delta, ErrorCard, ErrorCode, Event, EventMsg, Item,
    ItemBody, Mode, ModelActivity, ModelPlace, ModelRef, Op, Pricing, ProcessAction, Routing,
    SessionId, SessionSummary, Snapshot, Submission, SubmissionId, TitleSource, ToolLabel,
    UnixMillis,
};
use nexus_store::Store;
use nexus_test_support::FixedClock;
use nexus_tools::{
    Host, Registry,
    policy::{Rules, Verdict},
};
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use crate::model::ScriptedModel;

pub const START: i64 = 1_795_374_875_000;
/// How long a test waits for what should happen at once, or within a long turn.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Events {
    all: Mutex<Vec<Event>>,
    count: watch::Sender<usize>,
}

impl EventSink for Events {
    fn send(&self, event: Event) {
        let mut all = self.all.lock().unwrap();
        all.push(event);
        self.count.send_replace(all.len());
    }
}

struct Both(Vec<Arc<ScriptedModel>>);

impl ModelResolver for Both {
    fn resolve(&self, model: &ModelRef) -> BoxFuture<'_, Result<Arc<dyn Model>, ErrorCard>> {
        let known = self.0.iter().find(|known| known.info().model == *model);
        async move {
            if let Some(known) = known {
                Ok(Arc::clone(known) as Arc<dyn Model>)
            } else {
                Err(ErrorCard::new(
                    ErrorCode::KeyMissing,
                    "No key for other",
                    "Add a key in Settings.",
                    nexus_protocol::ErrorAction::ChooseModel,
                ))
            }
        }
        .boxed()
    }
}

/// The user's rules, in memory.
#[derive(Default)]
pub struct Book {
    pub kept: Mutex<Vec<(Verdict, String)>>,
    /// Why none can be added.
    pub broken: Mutex<Option<ErrorCard>>,
}

impl RuleBook for Book {
    fn rules(&self) -> Rules {
        let rules = self.kept.lock().unwrap();
        rules.iter().fold(Rules::default(), |all, (verdict, rule)| {
            all.with(*verdict, rule.parse().unwrap())
        })
    }

    fn allow(&self, rule: &str) -> BoxFuture<'_, Result<(), ErrorCard>> {
        let broken = self.broken.lock().unwrap().clone();
        if broken.is_none() {
            let kept = (Verdict::Allow, rule.to_owned());
            self.kept.lock().unwrap().push(kept);
        }
        async { broken.map_or(Ok(()), Err) }.boxed()
    }
}

/// The action of a call that needs no more than its label.
pub fn action(tool: &str, capability: Capability, object: &str, arguments: &Value) -> Action {
    Action {
        tool: tool.into(),
        capability,
        label: ToolLabel {
            verb: "Test".into(),
            object: object.into(),
        },
        process: None,
        files: Vec::new(),
        network: None,
        arguments_hash: arguments.to_string(),
    }
}

/// A program that the sandbox holds.
pub fn confined(code: &str) -> ProcessAction {
    ProcessAction {
        language: "python".into(),
        code: code.into(),
        argv: vec!["python3".into(), "-c".into(), code.into()],
        cwd: "/home/me".into(),
        env: [("LANG".to_owned(), "C".to_owned())].into(),
        sandbox: Confinement::Full,
        runs: Vec::new(),
        time_limit_s: 120,
    }
}

pub struct Harness {
    pub folder: tempfile::TempDir,
    /// In the cloud.
    pub model: Arc<ScriptedModel>,
    /// On this machine.
    pub here: Arc<ScriptedModel>,
    pub offline: Switch,
    pub store: Store,
    pub events: Arc<Events>,
    pub session: SessionHandle,
    pub summary: SessionSummary,
    pub settings: Arc<Mutex<TurnSettings>>,
    pub rules: Arc<Book>,
    pub clock: Arc<FixedClock>,
    deps: AgentDeps,
}

impl Harness {
    pub async fn new() -> Self {
        Self::with(Registry::builtin(), None).await
    }

    pub async fn with(tools: Registry, context_tokens: Option<u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::bare(folder.path().join("scratch"));
        Self::on(folder, host, tools, context_tokens).await
    }

    /// On a machine of the test's own; the app's data is in `folder`.
    pub async fn on(
        folder: tempfile::TempDir,
        host: Host,
        tools: Registry,
        context_tokens: Option<u32>,
    ) -> Self {
        let clock = Arc::new(FixedClock::at(UnixMillis(START)));
        let model = ScriptedModel::new(Arc::clone(&clock), context_tokens);
        let model = Arc::new(model.priced(Pricing {
            input_per_million: 3.0,
            output_per_million: 15.0,
        }));
        let here = Arc::new(ScriptedModel::here(Arc::clone(&clock)));
        let store = Store::open(&folder.path().join("nexus.db")).unwrap();
        let summary = SessionSummary {
            id: SessionId(Uuid::from_u128(0xabc)),
            title: String::new(),
            title_source: TitleSource::None,
            model: None,
            mode: Mode::Ask,
            folder: None,
            routing: None,
            partner: None,
            created_at: UnixMillis(START),
            updated_at: UnixMillis(START),
        };
        store.create_session(&summary).await.unwrap();
        let events = Arc::new(Events {
            all: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let settings = Arc::new(Mutex::new(TurnSettings {
            default_model: Some(ModelRef("test/scripted".into())),
            system_prompt: String::new(),
            max_tool_calls: 10,
            max_unattended_ms: 15 * 60_000,
            max_turn_cost_usd: 0.0,
            auto_title: false,
        }));
        let rules = Arc::new(Book::default());
        let read = Arc::clone(&settings);
        let offline = Switch::new();
        let deps = AgentDeps {
            store: store.clone(),
            tools,
            host: Arc::new(host),
            checkpoints: Checkpoints::open(&folder.path().join("checkpoints")).unwrap(),
            rules: Arc::clone(&rules) as Arc<dyn RuleBook>,
            models: Arc::new(Both(vec![Arc::clone(&model), Arc::clone(&here)])),
            events: Arc::clone(&events) as Arc<dyn EventSink>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            offline: offline.clone(),
            settings: Arc::new(move || read.lock().unwrap().clone()),
        };
        Self {
            folder,
            model,
            here,
            offline,
            store,
            session: SessionHandle::spawn(summary.clone(), deps.clone()),
            events,
            summary,
            settings,
            rules,
            clock,
            deps,
        }
    }

    /// In a folder of its own, with this mode: files can be read and changed. The folder.
    pub async fn works(&self, mode: Mode) -> std::path::PathBuf {
        let folder = self.folder.path().join("work");
        std::fs::create_dir_all(&folder).unwrap();
        let id = self.summary.id;
        self.store.set_mode(id, mode).await.unwrap();
        let changed = self.store.set_folder(id, folder.to_str()).await.unwrap();
        self.session.changed(changed.unwrap()).await;
        folder
    }

    /// Where answers are made: the model that is asked, and the other one.
    pub async fn routed(&self, routing: Routing) {
        let (here, there) = (
            ModelRef("local/tiny".into()),
            ModelRef("test/scripted".into()),
        );
        let (model, partner) = match routing.first() {
            ModelPlace::ThisMachine => (here, there),
            ModelPlace::Cloud => (there, here),
        };
        let changed = self
            .store
            .set_routing(self.summary.id, Some(routing), Some(&model), Some(&partner))
            .await;
        self.session.changed(changed.unwrap().unwrap()).await;
    }

    /// A new actor on what the store has, as after a restart.
    pub async fn restart(&mut self) {
        let summary = self.store.session(self.summary.id).await.unwrap().unwrap();
        self.session = SessionHandle::spawn(summary, self.deps.clone());
    }

    pub async fn submit(&self, op: Op) -> Result<(), ErrorCard> {
        let submission = Submission {
            id: SubmissionId(Uuid::nil()),
            session: self.summary.id,
            op,
        };
        tokio::time::timeout(PATIENCE, self.session.submit(submission))
            .await
            .expect("submit hangs")
    }

    pub async fn user(&self, text: &str) -> Result<(), ErrorCard> {
        self.submit(Op::UserTurn {
            text: text.into(),
            attachments: Vec::new(),
            model: None,
        })
        .await
    }

    /// Submits and waits for the turn's end.
    pub async fn turn(&self, op: Op) -> EventMsg {
        let from = self.events().len();
        self.submit(op).await.unwrap();
        self.ends(from).await
    }

    pub async fn user_turn(&self, text: &str) -> EventMsg {
        let from = self.events().len();
        self.user(text).await.unwrap();
        self.ends(from).await
    }

    /// The end of the turn that began after event `from`.
    pub async fn ends(&self, from: usize) -> EventMsg {
        self.wait(from, |msg| {
            matches!(
                msg,
                EventMsg::TurnCompleted { .. }
                    | EventMsg::TurnFailed { .. }
                    | EventMsg::TurnInterrupted { .. }
            )
        })
        .await
    }

    /// The first event after `from` that `wanted` accepts.
    pub async fn wait(&self, from: usize, wanted: impl Fn(&EventMsg) -> bool) -> EventMsg {
        let mut count = self.events.count.subscribe();
        let found = async {
            loop {
                let event = {
                    let all = self.events.all.lock().unwrap();
                    all.iter().skip(from).find(|it| wanted(&it.msg)).cloned()
                };
                if let Some(event) = event {
                    return event.msg;
                }
                count.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(msg) => msg,
            Err(_) => panic!("nothing of the kind in:\n{}", self.story()),
        }
    }

    pub fn events(&self) -> Vec<Event> {
        self.events.all.lock().unwrap().clone()
    }

    pub async fn snapshot(&self) -> Snapshot {
        self.session.snapshot().await.unwrap()
    }

    /// Of all items, in order.
    pub async fn texts(&self) -> Vec<String> {
        let items = self.snapshot().await.items;
        items.iter().map(|it| it.body.text().to_owned()).collect()
    }

    /// What was said, one line an event.
    pub fn story(&self) -> String {
        self.events().iter().map(line).collect()
    }

    /// What holds at the end of every test: events are numbered without gaps, the session is their fold, the store has the
    /// same items, and the model got valid requests only.
    pub async fn check(&self) {
        let events = self.events();
        let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
        let expected: Vec<u64> = (1..=events.len() as u64).collect();
        assert_eq!(numbers, expected);
        let snapshot = self.snapshot().await;
        let mut folded = crate::folding::empty(&self.summary);
        for event in &events {
            crate::folding::fold(&mut folded, event);
        }
        assert_eq!(folded, snapshot);
        assert_eq!(
            self.store.items(self.summary.id).await.unwrap(),
            snapshot.items
        );
        let stored = self.store.session(self.summary.id).await.unwrap();
        assert_eq!(stored, Some(snapshot.session));
        assert_eq!(self.model.faults(), Vec::<String>::new());
        assert_eq!(self.here.faults(), Vec::<String>::new());
        for item in &snapshot.items {
            assert_ne!(
                item.status,
                nexus_protocol::ItemStatus::InProgress,
                "{item:?}"
            );
            if let ItemBody::ToolCall { result, .. } = &item.body {
                assert!(result.is_some(), "{item:?}");
            }
        }
    }
}

fn line(event: &Event) -> String {
    let what = match &event.msg {
        EventMsg::TurnStarted { turn, model } => {
            format!("turn {} started by {model}", short(turn.0))
        }
        EventMsg::ItemAdded { item } => format!("+ {}", tell(item)),
        EventMsg::ItemDelta {
            item,
            offset,
            delta,
        } => match delta {
            Delta::Text { text } => format!("~ {} @{offset} text {text:?}", short(item.0)),
            Delta::Arguments { text } => {
                format!("~ {} @{offset} arguments {text:?}", short(item.0))
            }
        },
        EventMsg::ItemChanged { item } => format!("* {}", tell(item)),
        EventMsg::FilesChanged { open } => format!("{open} files differ"),
        EventMsg::ContextUsed { context } => format!("context {}", context.used()),
        EventMsg::ItemCompleted { item } => format!("= {}", tell(item)),
        EventMsg::ItemRemoved { item } => format!("- {}", short(item.0)),
        EventMsg::ModelActivity { activity } => match activity {
            ModelActivity::Loading => "loading".into(),
            ModelActivity::Waiting => "waiting".into(),
            ModelActivity::Retrying { attempt, .. } => format!("retrying {attempt}"),
        },
        EventMsg::TurnCompleted { turn, usage } => format!(
            "turn {} completed, {} in, {} out",
            short(turn.0),
            usage.input_tokens,
            usage.output_tokens
        ),
        EventMsg::TurnFailed { turn, error } => {
            format!("turn {} failed: {}", short(turn.0), card(error))
        }
        EventMsg::TurnInterrupted { turn, error } => match error {
            Some(error) => format!("turn {} interrupted: {}", short(turn.0), card(error)),
            None => format!("turn {} interrupted by the user", short(turn.0)),
        },
        EventMsg::SessionChanged { summary } => {
            format!("session {:?} ({:?})", summary.title, summary.title_source)
        }
        EventMsg::SessionDeleted => "session deleted".into(),
    };
    format!("{:>3} {what}\n", event.seq)
}

pub fn card(card: &ErrorCard) -> String {
    format!(
        "{:?} “{}” “{}” {:?}",
        card.code, card.title, card.detail, card.action
    )
}

fn short(id: Uuid) -> String {
    format!("#{}", id.as_u128() as u16)
}

fn tell(item: &Item) -> String {
    let body = match &item.body {
        ItemBody::User { text, .. } => format!("user {text:?}"),
        ItemBody::Assistant { text, meta, .. } => match meta {
            None => format!("assistant {text:?}"),
            Some(meta) => format!(
                "assistant {text:?} finish {:?} first {:?} took {} speed {:?}",
                meta.finish, meta.time_to_first_token_ms, meta.duration_ms, meta.tokens_per_second
            ),
        },
        ItemBody::Thinking { text, duration_ms } => format!("thinking {text:?} {duration_ms:?}"),
        ItemBody::ToolCall {
            name,
            arguments,
            result,
            ..
        } => match result {
            None => format!("call {name} {arguments}"),
            Some(result) => format!(
                "call {name} {arguments} -> {} {:?} [{}]",
                if result.ok { "ok" } else { "not ok" },
                result.output,
                result.summary
            ),
        },
        ItemBody::Compaction { text, through, .. } => {
            format!("compaction through {through} {text:?}")
        }
        ItemBody::Undo {
            redone,
            files,
            more,
        } => format!("undo, redone {redone}: {files:?} and {more}"),
        ItemBody::Offer { offer } => format!(
            "offer of {} ({}): {} messages, {} files, {} images, price known {}; {:?}",
            offer.model,
            offer.why,
            offer.messages,
            offer.files,
            offer.images,
            offer.cost_usd().is_some(),
            offer.answer
        ),
        ItemBody::Notice { level, text, .. } => format!("notice {level:?} {text:?}"),
    };
    format!(
        "{} at {} step {} {:?} {body}",
        short(item.id.0),
        item.position,
        item.step,
        item.status
    )
}
