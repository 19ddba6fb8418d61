//! A model that says what a test wrote.
//!
//! Owns: playing scripts in order and recording requests. Refuses to own: networks (`server` has one).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use nexus_llm::{Model, ModelError, ModelEvent, ModelStream};
use nexus_protocol::{
    ChatRequest, FinishReason, ModelActivity, ModelInfo, ModelPlace, ModelRef, Usage,
};
use tokio_util::sync::CancellationToken;

use crate::check_chat;

/// What a model does with one request.
#[derive(Clone, Debug, Default)]
pub struct Script {
    acts: Vec<Act>,
}

#[derive(Clone, Debug)]
enum Act {
    Event(ModelEvent),
    Wait(Duration),
    Error(ModelError),
    Hang,
}

impl Script {
    /// Nothing yet; a script must end in [`Script::finish`], [`Script::fail`] or [`Script::hang`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A whole answer, one event a word.
    pub fn reply(text: &str) -> Self {
        Self::new().words(text).stop()
    }

    /// A whole answer that is one tool call.
    pub fn calls(id: &str, name: &str, arguments: &str) -> Self {
        Self::new()
            .tool_call(0, id, name, arguments)
            .finish(FinishReason::ToolCalls)
    }

    /// Fails at once.
    pub fn fails(error: ModelError) -> Self {
        Self::new().fail(error)
    }

    /// Text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.event(ModelEvent::Text(text.to_owned()))
    }

    /// Text, one event a word.
    #[must_use]
    pub fn words(self, text: &str) -> Self {
        text.split_inclusive(' ').fold(self, Self::text)
    }

    /// Reasoning.
    #[must_use]
    pub fn thinking(self, text: &str) -> Self {
        self.event(ModelEvent::Thinking(text.to_owned()))
    }

    /// An activity.
    #[must_use]
    pub fn activity(self, activity: ModelActivity) -> Self {
        self.event(ModelEvent::Activity(activity))
    }

    /// A tool call with its arguments in one piece.
    #[must_use]
    pub fn tool_call(self, index: u32, id: &str, name: &str, arguments: &str) -> Self {
        let script = self.event(ModelEvent::ToolCallStarted {
            index,
            id: id.to_owned(),
            name: name.to_owned(),
        });
        if arguments.is_empty() {
            return script;
        }
        script.event(ModelEvent::ToolCallArguments {
            index,
            text: arguments.to_owned(),
        })
    }

    /// Any event.
    #[must_use]
    pub fn event(mut self, event: ModelEvent) -> Self {
        self.acts.push(Act::Event(event));
        self
    }

    /// Waits; cancelling ends it.
    #[must_use]
    pub fn wait(mut self, time: Duration) -> Self {
        self.acts.push(Act::Wait(time));
        self
    }

    /// Ends because it was done, with plausible token counts.
    #[must_use]
    pub fn stop(self) -> Self {
        self.finish(FinishReason::Stop)
    }

    /// Ends, with token counts: ten read, one written for each event.
    #[must_use]
    pub fn finish(self, reason: FinishReason) -> Self {
        let output_tokens = self.acts.len() as u64;
        self.event(ModelEvent::Finished {
            reason,
            usage: Some(Usage {
                input_tokens: 10,
                output_tokens,
                ..Usage::default()
            }),
        })
    }

    /// Ends in an error.
    #[must_use]
    pub fn fail(mut self, error: ModelError) -> Self {
        self.acts.push(Act::Error(error));
        self
    }

    /// Says nothing more until it is cancelled.
    #[must_use]
    pub fn hang(mut self) -> Self {
        self.acts.push(Act::Hang);
        self
    }
}

/// A model that plays scripts in order. Clones share the queue.
#[derive(Clone, Debug)]
pub struct ScriptedModel {
    info: ModelInfo,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    scripts: VecDeque<Script>,
    fallback: Option<Script>,
    requests: Vec<ChatRequest>,
    violations: Vec<String>,
}

/// `scripted/model`: takes tools and images, 32,768 tokens.
pub fn scripted_info() -> ModelInfo {
    ModelInfo {
        model: ModelRef::new("scripted", "model"),
        display_name: "Scripted".to_owned(),
        place: ModelPlace::Cloud,
        context_tokens: Some(32_768),
        max_output_tokens: None,
        tools: true,
        images: true,
        pricing: None,
        file_bytes: None,
        quantization: None,
    }
}

impl ScriptedModel {
    /// With an empty queue.
    pub fn new() -> Self {
        Self::with_info(scripted_info())
    }

    /// With another description.
    pub fn with_info(info: ModelInfo) -> Self {
        Self {
            info,
            shared: Arc::default(),
        }
    }

    /// Adds to the queue.
    pub fn push(&self, script: Script) -> &Self {
        self.lock().scripts.push_back(script);
        self
    }

    /// What it does when the queue is empty; without it such a request fails and counts as a violation.
    pub fn otherwise(&self, script: Script) -> &Self {
        self.lock().fallback = Some(script);
        self
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.lock().requests.clone()
    }

    /// How many scripts were not played yet.
    pub fn scripts_left(&self) -> usize {
        self.lock().scripts.len()
    }

    /// What was wrong with the requests.
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// Panics where any request broke a rule.
    pub fn assert_clean(&self) {
        let violations = self.violations();
        assert!(
            violations.is_empty(),
            "requests broke rules: {violations:#?}"
        );
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared
            .lock()
            .expect("no test panics while it holds this")
    }

    fn next(&self, request: ChatRequest) -> Script {
        let mut shared = self.lock();
        let number = shared.requests.len();
        let faults = check_chat(&request);
        let faults = faults
            .into_iter()
            .map(|fault| format!("request {number}: {fault}"));
        shared.violations.extend(faults);
        shared.requests.push(request);
        let script = shared
            .scripts
            .pop_front()
            .or_else(|| shared.fallback.clone());
        script.unwrap_or_else(|| {
            shared
                .violations
                .push(format!("request {number}: no script is left for it"));
            Script::fails(ModelError::BadAnswer {
                provider: "scripted".into(),
                message: "no script is left".to_owned(),
            })
        })
    }
}

impl Default for ScriptedModel {
    fn default() -> Self {
        Self::new()
    }
}

impl Model for ScriptedModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn stream(&self, request: ChatRequest, cancel: CancellationToken) -> ModelStream {
        let model = self.clone();
        Box::pin(async_stream::stream! {
            for act in model.next(request).acts {
                if cancel.is_cancelled() {
                    yield Err(ModelError::Cancelled);
                    return;
                }
                match act {
                    Act::Event(event) => {
                        let end = matches!(event, ModelEvent::Finished { .. });
                        yield Ok(event);
                        if end {
                            return;
                        }
                        // A real model never says all in one breath: others get their turn.
                        tokio::task::yield_now().await;
                    }
                    Act::Wait(time) => {
                        tokio::select! {
                            biased;
                            () = cancel.cancelled() => {
                                yield Err(ModelError::Cancelled);
                                return;
                            }
                            () = tokio::time::sleep(time) => {}
                        }
                    }
                    Act::Error(error) => {
                        yield Err(error);
                        return;
                    }
                    Act::Hang => {
                        cancel.cancelled().await;
                        yield Err(ModelError::Cancelled);
                        return;
                    }
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use nexus_protocol::{ChatMessage, UserPart};

    use super::*;

    fn ask() -> ChatRequest {
        ChatRequest {
            messages: vec![ChatMessage::User {
                parts: vec![UserPart::Text {
                    text: "Hi".to_owned(),
                }],
            }],
            ..ChatRequest::default()
        }
    }

    async fn hear(
        model: &ScriptedModel,
        cancel: CancellationToken,
    ) -> Vec<Result<ModelEvent, ModelError>> {
        model.stream(ask(), cancel).collect().await
    }

    #[tokio::test]
    async fn scripts_play_in_order_then_the_fallback() {
        let model = ScriptedModel::new();
        model
            .push(Script::reply("Hello there"))
            .push(Script::calls("a", "calculate", "{}"));
        model.otherwise(Script::fails(ModelError::Cancelled));
        let first = hear(&model, CancellationToken::new()).await;
        assert_eq!(first.len(), 3);
        assert_eq!(first[0], Ok(ModelEvent::Text("Hello ".to_owned())));
        let second = hear(&model, CancellationToken::new()).await;
        assert!(
            matches!(second[0], Ok(ModelEvent::ToolCallStarted { .. })),
            "{second:?}"
        );
        assert_eq!(
            hear(&model, CancellationToken::new()).await,
            [Err(ModelError::Cancelled)]
        );
        assert_eq!(
            (model.requests(), model.scripts_left()),
            (vec![ask(); 3], 0)
        );
        model.assert_clean();
    }

    #[tokio::test]
    async fn hanging_and_waiting_end_when_cancelled() {
        for script in [
            Script::new().text("x").hang(),
            Script::new().text("x").wait(Duration::from_secs(60)),
        ] {
            let model = ScriptedModel::new();
            model.push(script);
            let cancel = CancellationToken::new();
            let stop = cancel.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(30)).await;
                stop.cancel();
            });
            let expected = [
                Ok(ModelEvent::Text("x".to_owned())),
                Err(ModelError::Cancelled),
            ];
            assert_eq!(hear(&model, cancel).await, expected);
        }
    }

    #[tokio::test]
    async fn requests_without_a_script_or_sense_are_seen() {
        let model = ScriptedModel::new();
        drop(hear(&model, CancellationToken::new()).await);
        assert_eq!(model.violations(), ["request 0: no script is left for it"]);
        model.push(Script::reply("x"));
        let events: Vec<_> = model
            .stream(ChatRequest::default(), CancellationToken::new())
            .collect()
            .await;
        assert_eq!(events.len(), 2);
        assert_eq!(model.violations().len(), 2);
    }
}
