//! One tool call: prepared, decided on, asked about, run.
//!
//! Owns that nothing runs without a decision, that what runs is what was decided on, and that an answer counts once. The order
//! on disk: the question before it is shown, the answer before anything runs. Refuses to judge: [`policy::decide`] does.

use std::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::FutureExt;
use nexus_protocol::{
    Action, Approval, ApprovalAnswer, Capability, Delta, EventMsg, Item, ItemBody, ItemStatus,
    Nonce, NoticeLevel, ResultPart, ToolLabel, ToolResult,
};
use nexus_store::StoreError;
use nexus_tools::{
    OutputSink, Prepared, Tool, ToolContext, ToolError, ToolOutput,
    policy::{self, Decision, Permission, Question},
};
use tracing::{error, info};

use super::{
    Turn,
    bounds::{MAX_LIVE_OUTPUT, bounded, one_line},
};
use crate::{cards, prompt, workbench::Desk};

/// How long a cancelled tool may take to end what it started, before it is left to itself.
const CANCEL_GRACE: Duration = Duration::from_millis(900);
/// Characters of the model's own words on an approval card.
const MAX_REASON: usize = 600;
/// Parts of a result, at most.
const MAX_PARTS: usize = 16;

/// A call as the model made it.
pub(super) struct Call {
    pub(super) item: Item,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// How a call ended.
pub(super) enum CallEnd {
    /// It has a result, which is on disk.
    Answered(ToolResult),
    /// The turn was cancelled after the call ran this long, milliseconds; it has no result yet.
    Cancelled {
        /// 0 where it did not begin.
        ran_ms: u64,
    },
    /// The app closes while the user is asked: the question stays.
    Waiting,
    /// Going on makes no sense; the result is on disk.
    Fatal(String),
    /// The disk failed.
    Storage(StoreError),
}

/// What stops a call before its result.
enum Stop {
    Cancelled,
    Waiting,
    Storage(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}

/// What a call came to.
enum Outcome {
    Done(ToolOutput),
    Refused(String),
    Fatal(String),
}

impl Call {
    pub(super) fn of(item: Item) -> Option<Self> {
        match &item.body {
            ItemBody::ToolCall {
                name,
                arguments,
                result: None,
                ..
            } => Some(Self {
                name: name.clone(),
                arguments: arguments.clone(),
                item,
            }),
            _ => None,
        }
    }

    fn approval(&self) -> Option<&Approval> {
        match &self.item.body {
            ItemBody::ToolCall { approval, .. } => approval.as_deref(),
            _ => None,
        }
    }

    fn set_label(&mut self, new: ToolLabel) {
        if let ItemBody::ToolCall { label, .. } = &mut self.item.body {
            *label = Some(new);
        }
    }

    fn set_approval(&mut self, new: Approval) {
        if let ItemBody::ToolCall { approval, .. } = &mut self.item.body {
            *approval = Some(Box::new(new));
        }
    }

    fn set_answer(&mut self, answer: ApprovalAnswer) {
        if let ItemBody::ToolCall {
            approval: Some(approval),
            ..
        } = &mut self.item.body
        {
            approval.answer = Some(answer);
        }
    }
}

impl Turn {
    /// From the call to its result on disk.
    pub(super) async fn run_call(&self, mut call: Call, desk: &Desk) -> CallEnd {
        let mut began = self.deps.clock.now();
        let outcome = match self.outcome(&mut call, desk, &mut began).await {
            Ok(outcome) => outcome,
            Err(Stop::Cancelled) => {
                let mut ran_ms = self.deps.clock.now().since(began);
                if call.approval().is_some_and(|it| it.answer.is_none()) {
                    // Waiting for a word is not running.
                    ran_ms = 0;
                    call.set_answer(ApprovalAnswer::Withdrawn);
                    // Best effort: who cancels gets the result of a cancelled call next, on disk.
                    let _saved = self.save(&call.item).await;
                }
                return CallEnd::Cancelled { ran_ms };
            }
            Err(Stop::Waiting) => return CallEnd::Waiting,
            Err(Stop::Storage(error)) => return CallEnd::Storage(error),
        };
        let duration_ms = self.deps.clock.now().since(began);
        let (result, fatal) = match outcome {
            Outcome::Done(output) => (result_of(output, duration_ms), None),
            Outcome::Refused(reason) => (refused(&reason, duration_ms), None),
            Outcome::Fatal(reason) => (refused(&reason, duration_ms), Some(reason)),
        };
        info!(duration_ms, ok = result.ok, "tool call ended");
        let mut item = call.item;
        item.status = ItemStatus::Complete;
        if let ItemBody::ToolCall {
            result: place,
            output,
            ..
        } = &mut item.body
        {
            *place = Some(result.clone());
            output.clear();
        }
        if let Err(error) = self.deps.store.put_item(&item).await {
            return CallEnd::Storage(error);
        }
        self.journal.emit(EventMsg::ItemCompleted { item });
        match fatal {
            Some(reason) => CallEnd::Fatal(reason),
            None => CallEnd::Answered(result),
        }
    }

    async fn outcome(
        &self,
        call: &mut Call,
        desk: &Desk,
        began: &mut nexus_protocol::UnixMillis,
    ) -> Result<Outcome, Stop> {
        let Some(tool) = self.deps.tools.get(&call.name) else {
            return Ok(Outcome::Refused(self.deps.tools.unknown(&call.name)));
        };
        let arguments = match self.deps.tools.read_arguments(&call.name, &call.arguments) {
            Ok(arguments) => arguments,
            Err(reason) => return Ok(Outcome::Refused(reason)),
        };
        let ctx = self.tool_context(call, desk);
        let prepare = || self.prepare_call(tool.as_ref(), arguments.clone(), &ctx);
        if call.approval().is_none() {
            let prepared = match prepare().await? {
                Ok(prepared) => prepared,
                Err(outcome) => return Ok(outcome),
            };
            call.set_label(prepared.action.label.clone());
            match self.decide(&prepared.action).await? {
                Decision::Deny(reason) => return Ok(Outcome::Refused(reason)),
                Decision::Allow => {
                    if prepared.action.capability > Capability::Read {
                        self.save(&call.item).await?;
                    }
                    return self.run_prepared(prepared, ctx).await;
                }
                Decision::Ask(question) => self.ask(call, &prepared.action, question).await?,
            }
        }
        // Asked, now or before a restart.
        let Some(approval) = call.approval().cloned() else {
            return Ok(Outcome::Refused(prompt::CALL_INTERRUPTED.to_owned()));
        };
        *began = self.deps.clock.now();
        self.user_was_here();
        let answer = match approval.answer.clone() {
            Some(answer) if answer.allows() => answer,
            Some(ApprovalAnswer::Deny { word }) => {
                return Ok(Outcome::Refused(prompt::denied(&word)));
            }
            _ => return Err(Stop::Cancelled),
        };
        // What runs is prepared anew, and is what the user saw or does not run.
        let prepared = match prepare().await? {
            Ok(prepared) => prepared,
            Err(outcome) => return Ok(outcome),
        };
        if policy::fingerprint(&prepared.action) != approval.fingerprint {
            return Ok(Outcome::Refused(prompt::CHANGED_SINCE.to_owned()));
        }
        match self.decide(&prepared.action).await? {
            Decision::Deny(reason) => return Ok(Outcome::Refused(reason)),
            Decision::Allow => {}
            Decision::Ask(question) => {
                self.remember(&call.item, &answer, &approval, &question)
                    .await?;
            }
        }
        self.run_prepared(prepared, ctx).await
    }

    fn tool_context(&self, call: &Call, desk: &Desk) -> ToolContext {
        let (journal, item) = (std::sync::Arc::clone(&self.journal), call.item.id);
        let sent = AtomicUsize::new(0);
        ToolContext {
            cancel: self.cancel.child_token(),
            now: self.deps.clock.now(),
            workspace: desk.workspace.clone(),
            host: std::sync::Arc::clone(&self.deps.host),
            session: std::sync::Arc::clone(&self.bench.tools),
            recorder: desk
                .journal
                .as_ref()
                .map(|it| it.recorder(call.item.turn, item)),
            output: OutputSink::new(move |text| {
                // What is too much to watch is in the result, by its head and tail.
                if sent.fetch_add(text.len(), Ordering::Relaxed) + text.len() <= MAX_LIVE_OUTPUT {
                    let text = text.to_owned();
                    journal.grow(item, Delta::Text { text });
                }
            }),
            sees_images: self.sees_images(),
        }
    }

    /// A prepared call, or what it came to instead.
    async fn prepare_call(
        &self,
        tool: &dyn Tool,
        arguments: serde_json::Value,
        ctx: &ToolContext,
    ) -> Result<Result<Prepared, Outcome>, Stop> {
        // A tool that panics is a tool that failed: the turn goes on.
        let prepare = AssertUnwindSafe(tool.prepare(arguments, ctx)).catch_unwind();
        let prepared = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Stop::Cancelled),
            prepared = prepare => prepared,
        };
        Ok(match prepared {
            Ok(Ok(prepared)) => Ok(prepared),
            Ok(Err(error)) => Err(failure(error)),
            Err(_) => Err(panicked()),
        })
    }

    async fn decide(&self, action: &Action) -> Result<Decision, StoreError> {
        let summary = self.journal.summary();
        let grants = self.deps.store.grants(summary.id).await?;
        let rules = self.deps.rules.rules();
        Ok(policy::decide(
            action,
            &Permission {
                mode: summary.mode,
                rules: &rules,
                grants: &grants,
            },
        ))
    }

    /// Asks the user and waits. The answer is on disk when this returns.
    async fn ask(&self, call: &mut Call, action: &Action, question: Question) -> Result<(), Stop> {
        let nonce = Nonce(self.deps.clock.new_uuid());
        let fingerprint = policy::fingerprint(action);
        call.set_approval(Approval {
            nonce,
            action: action.clone(),
            fingerprint: fingerprint.clone(),
            why: question.why,
            reason: self.reason(&call.item),
            rule: question.rule,
            answer: None,
        });
        let answered = self.bench.approvals.ask(call.item.id, nonce, &fingerprint);
        self.save(&call.item).await?;
        let answer = tokio::select! {
            biased;
            () = self.cancel.cancelled() => {
                self.bench.approvals.forget(nonce);
                return Err(if self.signals.leaving.is_cancelled() { Stop::Waiting } else { Stop::Cancelled });
            }
            answer = answered => answer.unwrap_or(ApprovalAnswer::Withdrawn),
        };
        call.set_answer(answer);
        self.save(&call.item).await?;
        Ok(())
    }

    /// What the answer means for later calls.
    async fn remember(
        &self,
        item: &Item,
        answer: &ApprovalAnswer,
        approval: &Approval,
        question: &Question,
    ) -> Result<(), StoreError> {
        let session = self.journal.summary().id;
        match (answer, &approval.rule, &question.grant) {
            (ApprovalAnswer::Always, Some(rule), _) => {
                if let Err(card) = self.deps.rules.allow(rule).await {
                    error!(code = ?card.code, detail = card.detail, "a rule could not be saved");
                    // The user let this call run, whatever becomes of the rule.
                    let text = cards::rule_not_saved(rule, &card);
                    self.notice(item.turn, item.step, NoticeLevel::Warning, &text, None)
                        .await;
                }
                Ok(())
            }
            (ApprovalAnswer::Session, _, Some(grant)) => {
                self.deps.store.add_grant(session, grant).await
            }
            _ => Ok(()),
        }
    }

    /// Runs what was decided on.
    async fn run_prepared(&self, prepared: Prepared, ctx: ToolContext) -> Result<Outcome, Stop> {
        let acts = prepared.action.capability > Capability::Read;
        let run = AssertUnwindSafe(prepared.run(ctx)).catch_unwind();
        tokio::pin!(run);
        let outcome = tokio::select! {
            biased;
            () = self.cancel.cancelled() => {
                // It sees the cancellation too, and ends what it started. What only reads is dropped.
                if acts && tokio::time::timeout(CANCEL_GRACE, run).await.is_err() {
                    error!("a cancelled tool did not end in time");
                }
                return Err(Stop::Cancelled);
            }
            outcome = &mut run => outcome,
        };
        Ok(match outcome {
            Ok(Ok(output)) => Outcome::Done(output),
            Ok(Err(error)) => failure(error),
            Err(_) => panicked(),
        })
    }

    /// The item as it stands goes to disk, then to who watches.
    async fn save(&self, item: &Item) -> Result<(), StoreError> {
        // What was printed meanwhile is in the journal only.
        self.deps.store.put_item(item).await?;
        self.journal
            .emit(EventMsg::ItemChanged { item: item.clone() });
        Ok(())
    }

    /// What the model said right before the call.
    fn reason(&self, call: &Item) -> Option<String> {
        self.journal.with_items(|items| {
            let said = items
                .iter()
                .filter(|item| item.turn == call.turn && item.step == call.step);
            let text: String = said
                .filter_map(|item| match &item.body {
                    ItemBody::Assistant { text, .. } => Some(text.trim()),
                    _ => None,
                })
                .collect();
            let text: String = text.chars().take(MAX_REASON).collect();
            (!text.is_empty()).then_some(text)
        })
    }
}

fn failure(error: ToolError) -> Outcome {
    match error {
        ToolError::BadArguments(reason) => Outcome::Refused(format!(
            "{reason} Correct the arguments and call again, or go on without the tool."
        )),
        ToolError::Failed(reason) => Outcome::Refused(reason),
        ToolError::Fatal(reason) => Outcome::Fatal(reason),
    }
}

fn panicked() -> Outcome {
    error!("a tool panicked");
    Outcome::Refused("The tool met a fault of its own. Go on without it.".to_owned())
}

fn refused(reason: &str, duration_ms: u64) -> ToolResult {
    ToolResult {
        duration_ms,
        ..ToolResult::failed(bounded(reason.to_owned()), one_line(reason))
    }
}

fn result_of(output: ToolOutput, duration_ms: u64) -> ToolResult {
    let mut parts = output.parts;
    for image in output.images {
        let shown =
            |part: &ResultPart| matches!(part, ResultPart::Image { image: it, .. } if *it == image);
        if !parts.iter().any(shown) {
            parts.push(ResultPart::Image {
                name: String::new(),
                image,
            });
        }
    }
    parts.truncate(MAX_PARTS);
    ToolResult {
        ok: !output.failed,
        output: bounded(output.text),
        summary: one_line(&output.summary),
        duration_ms,
        parts,
    }
}
