//! A model that plays a script, and refuses requests that no provider would take.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt;
use nexus_llm::{Model, ModelError, ModelEvent, ModelStream};
use nexus_protocol::{
    ChatRequest, FinishReason, ModelActivity, ModelInfo, ModelPlace, ModelRef, Pricing, Usage,
};
use nexus_test_support::{FixedClock, check_chat};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// One thing a scripted call does.
#[derive(Clone)]
pub enum Play {
    Event(ModelEvent),
    Error(ModelError),
    /// Waits for a permit.
    Gate(Arc<Semaphore>),
    /// Time passes on the session's clock.
    Pass(i64),
    /// Real time passes.
    Sleep(Duration),
    /// Never goes on.
    Hang,
    Panic,
}

pub fn text(text: &str) -> Play {
    Play::Event(ModelEvent::Text(text.into()))
}

pub fn thinking(text: &str) -> Play {
    Play::Event(ModelEvent::Thinking(text.into()))
}

pub fn waiting() -> Play {
    Play::Event(ModelEvent::Activity(ModelActivity::Waiting))
}

pub fn call(index: u32, id: &str, name: &str, arguments: &str) -> Vec<Play> {
    vec![
        Play::Event(ModelEvent::ToolCallStarted {
            index,
            id: id.into(),
            name: name.into(),
        }),
        arguments_of(index, arguments),
    ]
}

pub fn arguments_of(index: u32, text: &str) -> Play {
    Play::Event(ModelEvent::ToolCallArguments {
        index,
        text: text.into(),
    })
}

pub fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input_tokens: input,
        output_tokens: output,
        ..Usage::default()
    }
}

pub fn finish(reason: FinishReason, usage: Option<Usage>) -> Play {
    Play::Event(ModelEvent::Finished { reason, usage })
}

pub fn stop() -> Play {
    finish(FinishReason::Stop, Some(usage(10, 5)))
}

pub fn tools() -> Play {
    finish(FinishReason::ToolCalls, Some(usage(20, 7)))
}

pub fn lost() -> Play {
    Play::Error(ModelError::ConnectionLost {
        provider: "test".into(),
        message: "reset by peer".into(),
    })
}

pub fn down() -> Play {
    Play::Error(ModelError::ProviderDown {
        provider: "test".into(),
        status: 503,
        message: "overloaded".into(),
    })
}

/// Writes the script of a call when it is asked for.
type Author = Box<dyn Fn(&ChatRequest) -> Vec<Play> + Send + Sync>;

/// Plays one script a call.
pub struct ScriptedModel {
    info: ModelInfo,
    clock: Arc<FixedClock>,
    scripts: Mutex<VecDeque<Vec<Play>>>,
    author: Mutex<Option<Author>>,
    requests: Mutex<Vec<ChatRequest>>,
    faults: Mutex<Vec<String>>,
}

impl ScriptedModel {
    pub fn new(clock: Arc<FixedClock>, context_tokens: Option<u32>) -> Self {
        Self {
            info: ModelInfo {
                model: ModelRef("test/scripted".into()),
                display_name: "Scripted".into(),
                place: ModelPlace::Cloud,
                context_tokens,
                max_output_tokens: None,
                tools: true,
                images: false,
                pricing: None,
                file_bytes: None,
                quantization: None,
            },
            clock,
            scripts: Mutex::default(),
            author: Mutex::default(),
            requests: Mutex::default(),
            faults: Mutex::default(),
        }
    }

    /// One on this machine, with less room.
    pub fn here(clock: Arc<FixedClock>) -> Self {
        let mut model = Self::new(clock, Some(4096));
        model.info.model = ModelRef("local/tiny".into());
        model.info.display_name = "Tiny".into();
        model.info.place = ModelPlace::ThisMachine;
        model
    }

    pub fn priced(mut self, pricing: Pricing) -> Self {
        self.info.pricing = Some(pricing);
        self
    }

    pub fn plays(&self, script: Vec<Play>) {
        self.scripts.lock().unwrap().push_back(script);
    }

    /// What calls play that have no script of their own.
    pub fn plays_by(&self, author: impl Fn(&ChatRequest) -> Vec<Play> + Send + Sync + 'static) {
        *self.author.lock().unwrap() = Some(Box::new(author));
    }

    pub fn requests(&self) -> Vec<ChatRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// Requests that were not valid, and scripts that nobody asked for.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.faults.lock().unwrap().clone();
        let left = self.scripts.lock().unwrap().len();
        if left > 0 {
            faults.push(format!("{left} scripts were not asked for"));
        }
        faults
    }
}

impl Model for ScriptedModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn stream(&self, request: ChatRequest, cancel: CancellationToken) -> ModelStream {
        self.faults.lock().unwrap().extend(check_chat(&request));
        let script = self.scripts.lock().unwrap().pop_front();
        let author = self.author.lock().unwrap();
        let script = script.or_else(|| author.as_ref().map(|author| author(&request)));
        drop(author);
        self.requests.lock().unwrap().push(request);
        let script = script.unwrap_or_else(|| {
            let mut faults = self.faults.lock().unwrap();
            faults.push("a call without a script".into());
            vec![Play::Hang]
        });
        let clock = Arc::clone(&self.clock);
        futures::stream::unfold(script.into_iter(), move |mut script| {
            let clock = Arc::clone(&clock);
            let cancel = cancel.clone();
            async move {
                loop {
                    match script.next()? {
                        Play::Event(event) => return Some((Ok(event), script)),
                        Play::Error(error) => return Some((Err(error), script)),
                        Play::Pass(ms) => clock.advance(ms),
                        Play::Sleep(time) => tokio::time::sleep(time).await,
                        Play::Panic => panic!("a scripted panic"),
                        Play::Gate(gate) => {
                            tokio::select! {
                                () = cancel.cancelled() => return Some((Err(ModelError::Cancelled), script)),
                                permit = gate.acquire() => permit.unwrap().forget(),
                            }
                        }
                        Play::Hang => {
                            cancel.cancelled().await;
                            return Some((Err(ModelError::Cancelled), script));
                        }
                    }
                }
            }
        })
        .boxed()
    }
}
