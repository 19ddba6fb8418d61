//! mistral.rs with one model in it: loading, counting, starting a generation.
//!
//! Uses the engine's channel and not its convenient methods: those block it when a listener is slow, and some bring it
//! down when one leaves.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use either::Either;
use image::DynamicImage;
use mistralrs::core::TokenizationRequest;
use mistralrs::{
    Constraint, GgufModelBuilder, Model, ModelCategory, NormalRequest, Request, RequestMessage,
    Response, SamplingParams, StopTokens, TokenSource, Tool, ToolChoice,
};
use nexus_calls::TURN_ENDS;
use nexus_calls::grammar::{self, Thinking, Vocabulary};
use nexus_protocol::worker::{CallFormat, Drawing, ModelSource, WorkerError, WorkerReply};
use nexus_protocol::{ChatMessage, ChatRequest, UserPart};
use tokio::sync::{OnceCell, mpsc};

use crate::drawing::Seeded;
use crate::embed;
use crate::folder::{Folder, ON_THE_PROCESSOR, Weights};
use crate::images;
use crate::lodging::{Lodging, ShorterContext};
use crate::messages::{self, TemplateMessage};
use crate::template_watch::TemplateWatch;

/// Conversations that the engine remembers, when it remembers any. On a processor it never forgets one: the parent
/// reckons what they take and starts a new worker in time.
const PREFIXES: usize = 16;

/// The cache of keys and values grows by this many tokens, and fails where it would grow past the context.
const CACHE_STEP_TOKENS: u32 = 512;

/// Replies of the engine that wait to be drained. It blocks past this, so the drain does nothing slow.
const CHUNKS: usize = 64;

/// A loaded model.
pub(crate) struct Engine {
    requests: mpsc::Sender<Request>,
    /// Tokens that prompt and answer together may have.
    context_tokens: u32,
    next_request: AtomicUsize,
    /// What it does, and how it wants images told of.
    category: ModelCategory,
    keep_prefixes: bool,
    call_format: CallFormat,
    /// Looked up when first needed.
    marks: OnceCell<Marks>,
    /// Keeps the engine's threads alive.
    _model: Model,
}

/// What grammars must know of the vocabulary.
#[derive(Debug, Default)]
struct Marks {
    /// The marks of calls and thoughts that are single tokens.
    tokens: HashMap<&'static str, u32>,
    /// Ends of a turn. The grammars' engine knows one of them, and not always the model's own.
    ends: Vec<u32>,
}

/// A generation that was handed to the engine. Dropping `chunks` cancels it.
pub(crate) struct Started {
    pub(crate) chunks: mpsc::Receiver<Response>,
    pub(crate) prompt_tokens: u32,
}

/// Whether an answer is held to the form of tool calls and to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    Held,
    Free,
}

impl Engine {
    /// Reads the model and lets it say one token: the engine reports success even where its own trial failed.
    pub(crate) async fn load(
        path: String,
        source: ModelSource,
        context_tokens: u32,
        keep_prefixes: bool,
        call_format: CallFormat,
    ) -> Result<(Self, WorkerReply), WorkerError> {
        let started = Instant::now();
        // A task of its own, so that a panic of the loader is an error here.
        let model = tokio::spawn(build(
            PathBuf::from(path),
            source,
            context_tokens,
            keep_prefixes,
        ))
        .await
        .map_err(|error| load_error(panic_message(error)))??;
        let requests = model
            .inner()
            .get_sender(None)
            .map_err(|error| load_error(error.to_string()))?;
        let category = model
            .inner()
            .get_model_category(None)
            .map_err(|error| load_error(error.to_string()))?;
        // Past this the engine's cache cannot grow. A context shorter than one step is one allocation.
        let context_tokens = match context_tokens - context_tokens % CACHE_STEP_TOKENS {
            0 => context_tokens,
            whole => whole,
        };
        let engine = Self {
            requests,
            context_tokens,
            next_request: AtomicUsize::new(0),
            category,
            keep_prefixes,
            call_format,
            marks: OnceCell::new(),
            _model: model,
        };
        engine.probe().await?;
        let reply = WorkerReply::Loaded {
            context_tokens,
            load_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        Ok((engine, reply))
    }

    async fn probe(&self) -> Result<(), WorkerError> {
        let request = ChatRequest {
            messages: vec![ChatMessage::User {
                parts: vec![UserPart::Text {
                    text: "Hi".to_owned(),
                }],
            }],
            ..ChatRequest::default()
        };
        let as_load = |error| match error {
            WorkerError::Refused { reason } | WorkerError::Engine { reason } => load_error(reason),
            WorkerError::ContextOverflow {
                prompt_tokens,
                context_tokens,
            } => load_error(format!(
                "a greeting has {prompt_tokens} tokens, its context {context_tokens}"
            )),
            other => other,
        };
        if let ModelCategory::Embedding = self.category {
            let probed = embed::vector(self, "Hi".to_owned()).await;
            return probed.map(drop).map_err(as_load);
        }
        self.say_one_token(request).await.map_err(as_load)
    }

    async fn say_one_token(&self, mut request: ChatRequest) -> Result<(), WorkerError> {
        request.max_output_tokens = Some(1);
        request.temperature = Some(0.0);
        // In a box, for a generation with a seed begins with this one.
        let mut started = Box::pin(self.start(&request, Hold::Free)).await?;
        loop {
            match started.chunks.recv().await {
                Some(Response::Chunk(chunk)) => {
                    let mut choices = chunk.choices.iter();
                    if choices.any(|choice| choice.finish_reason.is_some()) {
                        return Ok(());
                    }
                }
                Some(other) => return Err(fault(other)),
                None => return Err(stopped()),
            }
        }
    }

    /// Tokens of a conversation as the template renders it, the beginning of the answer among them, and room for images.
    pub(crate) async fn count(&self, request: &ChatRequest) -> Result<u32, WorkerError> {
        let (messages, shown) = self.rendered(request).await?;
        let tools = messages::tools(&request.tools);
        let tokens = self.tokenize(Either::Left(messages), tools, true).await?;
        Ok(count_of(&tokens).saturating_add(images::tokens(&shown)))
    }

    /// Tokens of a text as it is.
    pub(crate) async fn count_text(&self, text: String) -> Result<u32, WorkerError> {
        let tokens = self.tokenize(Either::Right(text), None, true).await?;
        Ok(count_of(&tokens))
    }

    /// A conversation as the template takes it, and the images that the model is shown.
    async fn rendered(
        &self,
        request: &ChatRequest,
    ) -> Result<(Vec<TemplateMessage>, Vec<DynamicImage>), WorkerError> {
        let ModelCategory::Multimodal { prefixer } = &self.category else {
            return Ok((messages::messages(&request.messages), Vec::new()));
        };
        let rendered = images::messages(&request.messages, &**prefixer);
        // Decoding takes a while, and other requests wait to be answered.
        let given = request.messages.clone();
        let decoded = tokio::task::spawn_blocking(move || images::decode(&given))
            .await
            .map_err(|error| WorkerError::Refused {
                reason: format!("an image could not be decoded: {}", panic_message(error)),
            })??;
        Ok((rendered, decoded))
    }

    async fn tokenize(
        &self,
        text: Either<Vec<TemplateMessage>, String>,
        tools: Option<Vec<Tool>>,
        add_special_tokens: bool,
    ) -> Result<Vec<u32>, WorkerError> {
        let (response, mut counted) = mpsc::channel(1);
        let tokenize = Request::Tokenize(TokenizationRequest {
            text,
            tools,
            add_generation_prompt: true,
            add_special_tokens,
            enable_thinking: Some(true),
            reasoning_effort: None,
            response,
        });
        self.send(tokenize).await?;
        // The engine panics where nobody waits for a count: so this task waits, whatever becomes of its caller.
        let waiting = tokio::spawn(async move { counted.recv().await });
        match waiting.await {
            Ok(Some(Ok(tokens))) => Ok(tokens),
            Ok(Some(Err(error))) => Err(WorkerError::Refused {
                reason: first_line(&error.to_string()),
            }),
            Ok(None) | Err(_) => Err(stopped()),
        }
    }

    /// What the answer to `request` is held to, and the tokens that end it then.
    async fn constraint(
        &self,
        request: &ChatRequest,
    ) -> Result<(Constraint, Option<StopTokens>), WorkerError> {
        if request.tools.is_empty() && request.answer_schema.is_none() {
            return Ok((Constraint::None, None));
        }
        let marks = self.marks.get_or_try_init(|| self.look_up_marks()).await?;
        let vocabulary = Vocabulary {
            token: &|mark| marks.tokens.get(mark).copied(),
            ends: &marks.ends,
        };
        // The engine tells reasoning apart itself, and its templates are not seen here.
        let grammar = grammar::of(request, self.call_format, Thinking::Never, vocabulary);
        let constraint = grammar.map_or(Constraint::None, Constraint::Lark);
        Ok((constraint, Some(StopTokens::Ids(marks.ends.clone()))))
    }

    async fn look_up_marks(&self) -> Result<Marks, WorkerError> {
        let mut marks = Marks::default();
        for mark in nexus_calls::shown().chain(TURN_ENDS) {
            let text = Either::Right(mark.to_owned());
            if let [token] = self.tokenize(text, None, false).await?[..] {
                if TURN_ENDS.contains(&mark) {
                    marks.ends.push(token);
                } else {
                    marks.tokens.insert(mark, token);
                }
            }
        }
        Ok(marks)
    }

    /// Hands a conversation to the engine, if it fits.
    pub(crate) async fn start(
        &self,
        request: &ChatRequest,
        hold: Hold,
    ) -> Result<Started, WorkerError> {
        let (prompt_tokens, shown, rendered) = {
            // Nothing else runs now, so what takes long is the template.
            let _watch = TemplateWatch::begin();
            let (rendered, shown) = self.rendered(request).await?;
            let text = Either::Left(rendered.clone());
            let tools = messages::tools(&request.tools);
            let tokens = self.tokenize(text, tools, true).await?;
            let count = count_of(&tokens).saturating_add(images::tokens(&shown));
            (count, shown, rendered)
        };
        if prompt_tokens >= self.context_tokens {
            return Err(WorkerError::ContextOverflow {
                prompt_tokens,
                context_tokens: self.context_tokens,
            });
        }
        let room = self.context_tokens - prompt_tokens;
        let max_len = request
            .max_output_tokens
            .map_or(room, |wish| wish.clamp(1, room));
        let (constraint, stop_toks) = match hold {
            Hold::Held => self.constraint(request).await?,
            Hold::Free => (Constraint::None, None),
        };
        let drawing = Drawing::of(request);
        let seeded = Seeded::of(drawing);
        if seeded.is_some() && self.keep_prefixes {
            // What the engine remembers of a prompt differs a little from what it computes, enough for another word now and
            // then. It computes a prompt anew where it remembers the whole of it: so it is told it first.
            self.say_one_token(request.clone()).await?;
        }
        let (response, chunks) = mpsc::channel(CHUNKS);
        let tools = messages::tools(&request.tools);
        let normal = NormalRequest {
            messages: conversation(rendered, shown),
            sampling_params: SamplingParams {
                // With a seed the choice is made already, and the likeliest token is the only one.
                temperature: seeded.is_none().then(|| f64::from(drawing.temperature)),
                top_k: Some(drawing.top_k as usize),
                top_p: Some(f64::from(drawing.top_p)),
                min_p: Some(f64::from(drawing.min_p)),
                repetition_penalty: (drawing.repetition_penalty != 1.0)
                    .then_some(drawing.repetition_penalty),
                stop_toks,
                max_len: Some(max_len as usize),
                ..SamplingParams::neutral()
            },
            response,
            return_logprobs: false,
            is_streaming: true,
            id: self.next_request(),
            constraint,
            suffix: None,
            // The template shows the tools to the model, and the parent finds the calls: the engine's own parser holds the
            // stream back, which cannot be cancelled then, and takes the first call only.
            tool_choice: tools.as_ref().map(|_| ToolChoice::None),
            tools,
            logits_processors: seeded.map(|seeded| vec![Arc::new(seeded) as _]),
            return_raw_logits: false,
            web_search_options: None,
            model_id: None,
            truncate_sequence: false,
        };
        self.send(Request::Normal(Box::new(normal))).await?;
        Ok(Started {
            chunks,
            prompt_tokens,
        })
    }

    /// Tokens that a prompt and its answer may have together.
    pub(crate) fn context_tokens(&self) -> u32 {
        self.context_tokens
    }

    /// A number that no other request has.
    pub(crate) fn next_request(&self) -> usize {
        self.next_request.fetch_add(1, Ordering::Relaxed)
    }

    /// Hands the engine whatever is asked.
    pub(crate) async fn send(&self, request: Request) -> Result<(), WorkerError> {
        self.requests.send(request).await.map_err(|_| stopped())
    }

    /// Returns once the engine has ended its present step: it answers this between two.
    pub(crate) async fn settle(&self) {
        let nothing = ChatRequest {
            messages: vec![ChatMessage::User { parts: Vec::new() }],
            ..ChatRequest::default()
        };
        if let Err(error) = self.count(&nothing).await {
            tracing::debug!(?error, "the engine did not settle");
        }
    }
}

fn count_of(tokens: &[u32]) -> u32 {
    u32::try_from(tokens.len()).unwrap_or(u32::MAX)
}

/// What the engine is asked to continue.
fn conversation(messages: Vec<TemplateMessage>, images: Vec<DynamicImage>) -> RequestMessage {
    if images.is_empty() {
        return RequestMessage::Chat {
            messages,
            enable_thinking: Some(true),
            reasoning_effort: None,
        };
    }
    RequestMessage::MultimodalChat {
        images,
        audios: Vec::new(),
        videos: Vec::new(),
        messages,
        enable_thinking: Some(true),
        reasoning_effort: None,
    }
}

async fn build(
    path: PathBuf,
    source: ModelSource,
    context_tokens: u32,
    keep_prefixes: bool,
) -> Result<Model, WorkerError> {
    let prefixes = keep_prefixes.then_some(PREFIXES);
    let (kind, weights) = match source {
        ModelSource::Gguf { context_key } => {
            let context = context_key.map(|key| ShorterContext {
                key,
                // The cache grows in whole steps.
                tokens: context_tokens
                    .div_ceil(CACHE_STEP_TOKENS)
                    .saturating_mul(CACHE_STEP_TOKENS),
            });
            return build_gguf(path, context, prefixes).await;
        }
        ModelSource::Safetensors { kind, quantize } => (kind, Weights::Safetensors(quantize)),
        ModelSource::Uqff { kind, file } => (kind, Weights::Uqff(file)),
    };
    let folder = Folder {
        path,
        kind,
        weights,
    };
    folder.build(prefixes).await
}

async fn build_gguf(
    path: PathBuf,
    context: Option<ShorterContext>,
    prefixes: Option<usize>,
) -> Result<Model, WorkerError> {
    if !path.is_file() {
        // A missing file would make the engine ask a hub on the network for it.
        return Err(load_error(format!(
            "there is no file at {}",
            path.display()
        )));
    }
    let lodging = Lodging::of(&path, context).map_err(load_error)?;
    let mut builder = GgufModelBuilder::new(lodging.folder.display(), lodging.files.clone())
        .with_token_source(TokenSource::None)
        .with_prefix_cache_n(prefixes)
        .with_max_num_seqs(1);
    if ON_THE_PROCESSOR {
        builder = builder.with_force_cpu();
    }
    builder
        .build()
        .await
        .map_err(|error| load_error(first_line(&error.to_string())))
}

/// What the engine says instead of a chunk, as an error.
pub(crate) fn fault(response: Response) -> WorkerError {
    match response {
        Response::ValidationError(error) => WorkerError::Refused {
            reason: first_line(&error.to_string()),
        },
        Response::InternalError(error) => WorkerError::Engine {
            reason: first_line(&error.to_string()),
        },
        Response::ModelError(reason, _) => WorkerError::Engine {
            reason: first_line(&reason),
        },
        _ => WorkerError::Engine {
            reason: "it sent something that was not asked for".to_owned(),
        },
    }
}

pub(crate) fn stopped() -> WorkerError {
    WorkerError::Engine {
        reason: "it stopped".to_owned(),
    }
}

fn load_error(reason: String) -> WorkerError {
    WorkerError::Load { reason }
}

fn panic_message(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(payload) => {
            let text = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("a panic");
            first_line(text)
        }
        Err(error) => error.to_string(),
    }
}

/// Errors of the engine carry backtraces; the first line says it all.
pub(crate) fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect()
}
