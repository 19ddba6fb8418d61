//! llama.cpp with one model in it: tokens in, tokens out, and the memory of the last conversation between them.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Instant;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::{BatchAddError, LlamaBatch};
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use nexus_calls::grammar::Thinking;
use nexus_calls::{THOUGHT, TURN_ENDS};
use nexus_protocol::worker::{CallFormat, Drawing, ENV_THREADS, WorkerError};
use nexus_protocol::{ChatMessage, ChatRequest, UserPart};

use crate::constraint::{Constraint, Constraints};
use crate::faults;
use crate::loading::{Order, refused};
use crate::pace::{self, Pace};
use crate::prefix;
use crate::shelf::{self, Shelf};
use crate::sieve::Sieve;
use crate::template::Template;

/// The only conversation that llama.cpp holds.
pub(crate) const SEQUENCE: i32 = 0;

/// A loaded model.
pub(crate) struct Engine<'model> {
    model: &'model LlamaModel,
    template: Template,
    context: LlamaContext<'model>,
    batch: LlamaBatch<'static>,
    /// The tokens whose keys and values the context holds.
    seen: Vec<LlamaToken>,
    shown: Vec<LlamaToken>,
    stops: Vec<String>,
    constraints: Constraints,
    call_format: CallFormat,
    pace: Pace,
    context_tokens: u32,
    keep_prefixes: bool,
    shelf: Shelf,
}

/// A conversation as the model reads it.
pub(crate) struct Prompt {
    pub(crate) tokens: Vec<LlamaToken>,
    /// Whether it ends in an open thought.
    is_thinking: bool,
}

impl Prompt {
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.tokens.len()).unwrap_or(u32::MAX)
    }
}

impl<'model> Engine<'model> {
    /// Reserves the memory for a whole context.
    pub(crate) fn new(
        backend: &LlamaBackend,
        model: &'model LlamaModel,
        order: &Order,
    ) -> Result<Self, WorkerError> {
        let source = model
            .chat_template(None)
            .ok()
            .and_then(|template| template.to_string().ok())
            .ok_or_else(|| refused("it has no chat template".to_owned()))?;
        let vocabulary = model.vocab();
        let spelled = |token: LlamaToken| {
            let there = token.0 >= 0;
            let text = there.then(|| vocabulary.text(token)).flatten();
            text.map_or_else(String::new, |text| text.to_string_lossy().into_owned())
        };
        let template = Template::new(
            &source,
            spelled(vocabulary.bos()),
            spelled(vocabulary.eos()),
        )
        .map_err(|reason| refused(format!("its chat template has a mistake: {reason}")))?;
        let as_one = |mark: &str| match vocabulary.tokenize(mark.as_bytes(), false, true)[..] {
            [token] => Some(token),
            _ => None,
        };
        let stops = TURN_ENDS
            .into_iter()
            .filter(|end| template.writes(end) && as_one(end).is_none())
            .map(str::to_owned)
            .collect();
        let shown = nexus_calls::shown().filter_map(as_one).collect();
        let context_tokens = order.context_tokens.min(model.n_ctx_train()).max(1);
        Ok(Self {
            context: context(backend, model, context_tokens)?,
            model,
            template,
            batch: LlamaBatch::new(pace::MOST, 1),
            seen: Vec::new(),
            shown,
            stops,
            constraints: Constraints::default(),
            call_format: order.call_format,
            pace: Pace::new(),
            context_tokens,
            keep_prefixes: order.keep_prefixes,
            // Its working folder is its own.
            shelf: Shelf::new(Path::new(".")),
        })
    }

    pub(crate) fn context_tokens(&self) -> u32 {
        self.context_tokens
    }

    /// Lets the model say one token: what cannot be computed shows here and not in the first answer. It also reads the
    /// weights from the disk.
    pub(crate) fn probe(&mut self) -> Result<(), WorkerError> {
        let request = ChatRequest {
            messages: vec![ChatMessage::User {
                parts: vec![UserPart::Text {
                    text: "Hi".to_owned(),
                }],
            }],
            ..ChatRequest::default()
        };
        let as_load = |error| match error {
            WorkerError::Refused { reason } => refused(reason),
            other => other,
        };
        let prompt = self.prompt(&request).map_err(as_load)?;
        let room = self.context_tokens as usize;
        let tokens = &prompt.tokens[..prompt.tokens.len().min(room)];
        self.read(tokens, tokens.len(), &|| false)
            .map_err(|reason| refused(format!("it cannot be computed: {reason}")))?;
        // It waited for the disk, which no other batch does.
        self.pace = Pace::new();
        if self.keep_prefixes {
            let left = self.shelf.open(&mut self.context, room);
            if !left.is_empty() {
                self.seen = left;
            }
        }
        Ok(())
    }

    /// A conversation as the template renders it, the beginning of the answer with it.
    pub(crate) fn prompt(&self, request: &ChatRequest) -> Result<Prompt, WorkerError> {
        let text = self
            .template
            .render(request)
            .map_err(|reason| WorkerError::Refused { reason })?;
        let vocabulary = self.model.vocab();
        // Many templates write the mark of the beginning themselves; twice would be another text.
        let add_begin = !self.template.begins(&text);
        let tokens = vocabulary.tokenize(text.as_bytes(), add_begin, true);
        if tokens.is_empty() {
            return Err(WorkerError::Refused {
                reason: "the model's template makes nothing of this conversation".to_owned(),
            });
        }
        Ok(Prompt {
            tokens,
            is_thinking: self.template.thinks() && text.trim_end().ends_with(THOUGHT.0),
        })
    }

    /// A prompt in the tokens of the conversation in the context, as far as it goes on with it.
    pub(crate) fn as_seen(&self, mut prompt: Prompt) -> Prompt {
        let vocabulary = self.model.vocab();
        let text = |token: LlamaToken| {
            let is_mark = vocabulary.is_control(token) || self.shown.contains(&token);
            (!is_mark).then(|| vocabulary.token_to_piece(token, false, None))
        };
        if let Some(tokens) = prefix::as_seen(&self.seen, &prompt.tokens, text) {
            prompt.tokens = tokens;
        }
        prompt
    }

    /// What sorts the answer to `prompt`.
    pub(crate) fn sieve(&self, prompt: &Prompt) -> Sieve {
        Sieve::new(
            self.stops.clone(),
            self.template.thinks(),
            prompt.is_thinking,
        )
    }

    /// What the answer to `prompt` is held to, if to anything.
    pub(crate) fn constraint(
        &mut self,
        request: &ChatRequest,
        prompt: &Prompt,
    ) -> Result<Option<Constraint>, WorkerError> {
        let thinking = match (self.template.thinks(), prompt.is_thinking) {
            (_, true) => Thinking::Began,
            (true, false) => Thinking::May,
            (false, false) => Thinking::Never,
        };
        self.constraints
            .of(self.model, request, self.call_format, thinking)
    }

    /// How the next tokens are chosen.
    pub(crate) fn sampler(&self, request: &ChatRequest) -> LlamaSampler {
        /// llama.cpp takes this for "draw one".
        const RANDOM_SEED: u32 = u32::MAX;
        /// How far back something counts as said already.
        const REPEATED_WITHIN: i32 = 256;
        let drawing = Drawing::of(request);
        let penalty = ((drawing.repetition_penalty - 1.0).abs() > f32::EPSILON).then(|| {
            let vocabulary = self.model.n_vocab();
            LlamaSampler::penalties(
                vocabulary,
                REPEATED_WITHIN,
                drawing.repetition_penalty,
                0.0,
                0.0,
            )
        });
        if drawing.temperature == 0.0 {
            let greedy = LlamaSampler::greedy();
            return LlamaSampler::chain(penalty.into_iter().chain([greedy]), true);
        }
        let least = (drawing.min_p > 0.0).then(|| LlamaSampler::min_p(drawing.min_p, 1));
        // The greatest number means any seed to llama.cpp, so that one is given its neighbour's.
        let seed = drawing
            .seed
            .map_or(RANDOM_SEED, |seed| seed.min(RANDOM_SEED - 1));
        let steps = penalty
            .into_iter()
            .chain([
                LlamaSampler::top_k(i32::try_from(drawing.top_k).unwrap_or(i32::MAX)),
                LlamaSampler::top_p(drawing.top_p, 1),
            ])
            .chain(least)
            .chain([
                LlamaSampler::temp(drawing.temperature),
                LlamaSampler::dist(seed),
            ]);
        LlamaSampler::chain(steps, true)
    }

    /// Forgets what is not of this prompt, with what was put aside brought back and what would be lost put aside. Gives how many
    /// of its tokens need not be computed.
    pub(crate) fn recall(&mut self, prompt: &[LlamaToken]) -> usize {
        if !self.keep_prefixes {
            return self.forget_after(0);
        }
        let mut here = prefix::reusable(&self.seen, prompt);
        if self.seen.len() >= here + shelf::WORTH {
            self.shelf.put(&self.context, &self.seen);
        }
        if let Some(tokens) = self.shelf.take(&mut self.context, prompt, here) {
            self.seen = tokens;
            here = prefix::reusable(&self.seen, prompt);
        }
        self.forget_after(here)
    }

    /// Computes a prompt up to its token `end`, behind those that [`Self::recall`] found; `false` where it was stopped before.
    ///
    /// # Errors
    /// In llama.cpp's words.
    pub(crate) fn read(
        &mut self,
        prompt: &[LlamaToken],
        end: usize,
        stopped: &dyn Fn() -> bool,
    ) -> Result<bool, String> {
        while self.seen.len() < end {
            if stopped() {
                return Ok(false);
            }
            let from = self.seen.len();
            let to = end.min(from + self.pace.tokens());
            let started = Instant::now();
            self.compute(&prompt[from..to], to == prompt.len())?;
            self.pace.took(to - from, started.elapsed());
        }
        Ok(true)
    }

    /// Reads what a prompt shares with every other of the same instructions and tools, and keeps it for the next worker. Does
    /// nothing where that was done.
    ///
    /// # Errors
    /// In llama.cpp's words.
    pub(crate) fn read_beginning(
        &mut self,
        request: &ChatRequest,
        prompt: &Prompt,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), String> {
        let may_want = self.keep_prefixes && self.shelf.may_want(&prompt.tokens, self.seen.len());
        let shared = may_want.then(|| self.shared(request, prompt)).flatten();
        let Some(beginning) = shared.and_then(|shared| prompt.tokens.get(..shared)) else {
            return Ok(());
        };
        // What was computed behind it would have to be forgotten.
        let is_past = self.seen.len() > beginning.len();
        if !is_past
            && self.shelf.wants(beginning)
            && self.read(&prompt.tokens, beginning.len(), stopped)?
        {
            self.shelf.keep(&self.context, beginning);
        }
        Ok(())
    }

    /// How many tokens of a prompt do not depend on what the user says.
    fn shared(&self, request: &ChatRequest, prompt: &Prompt) -> Option<usize> {
        let is_instruction = |message: &&ChatMessage| matches!(message, ChatMessage::System { .. });
        let mut messages: Vec<_> = request
            .messages
            .iter()
            .take_while(is_instruction)
            .cloned()
            .collect();
        messages.push(ChatMessage::User {
            parts: vec![UserPart::Text {
                text: "\u{1}".to_owned(),
            }],
        });
        let other = ChatRequest {
            messages,
            tools: request.tools.clone(),
            ..ChatRequest::default()
        };
        let other = self.prompt(&other).ok()?;
        Some(prefix::reusable(&other.tokens, &prompt.tokens))
    }

    /// The next token, as the last one computed suggests.
    pub(crate) fn next(&mut self, sampler: &mut LlamaSampler) -> LlamaToken {
        /// llama.cpp counts outputs from behind where they are negative.
        const LAST: i32 = -1;
        sampler.sample(&self.context, LAST)
    }

    /// The same, held to `constraint`. The model's own choice is tried first: where it fits, as it does in free text, nothing
    /// else is computed, and the answer is what it would be without.
    ///
    /// # Errors
    /// In words for people, where nothing at all may come.
    pub(crate) fn next_within(
        &self,
        sampler: &mut LlamaSampler,
        constraint: &mut Constraint,
    ) -> Result<LlamaToken, String> {
        let mut chosen = self.context.token_data_array();
        sampler.apply(&mut chosen);
        let token = match chosen.selected_token() {
            Some(token) if constraint.admits(token, self.is_end(token))? => token,
            _ => {
                let mut allowed = self.context.token_data_array();
                constraint.mask(&mut allowed)?;
                sampler.apply(&mut allowed);
                let token = allowed.selected_token();
                token.ok_or("nothing may follow in the form that was asked for")?
            }
        };
        sampler.accept(token);
        constraint.take(token, self.is_end(token))?;
        Ok(token)
    }

    /// Whether a token ends the answer.
    pub(crate) fn is_end(&self, token: LlamaToken) -> bool {
        self.model.vocab().is_eog(token)
    }

    /// A token's bytes of text; none where it is a mark of the template.
    pub(crate) fn bytes(&self, token: LlamaToken) -> Vec<u8> {
        let special = self.shown.contains(&token);
        self.model.vocab().token_to_piece(token, special, None)
    }

    /// Takes a token into the conversation.
    ///
    /// # Errors
    /// In llama.cpp's words.
    pub(crate) fn take(&mut self, token: LlamaToken) -> Result<(), String> {
        self.compute(&[token], true)
    }

    /// Computes tokens behind those that were seen. After an error nothing is remembered, for what the context holds then
    /// is not known.
    fn compute(&mut self, tokens: &[LlamaToken], with_output: bool) -> Result<(), String> {
        let computed = self
            .fill(tokens, with_output)
            .map_err(|error| error.to_string())
            .and_then(|()| {
                let decoded = self.context.decode(&mut self.batch);
                decoded.map_err(|error| error.to_string())
            });
        match computed {
            Ok(()) => self.seen.extend_from_slice(tokens),
            Err(_) => {
                self.forget_after(0);
            }
        }
        computed
    }

    fn fill(&mut self, tokens: &[LlamaToken], with_output: bool) -> Result<(), BatchAddError> {
        self.batch.clear();
        for (index, &token) in tokens.iter().enumerate() {
            // A context is far smaller than an i32.
            let position = i32::try_from(self.seen.len() + index).unwrap_or(i32::MAX);
            let is_last = index + 1 == tokens.len();
            self.batch
                .add(token, position, &[SEQUENCE], with_output && is_last)?;
        }
        Ok(())
    }

    /// Forgets all but the first `kept` tokens; gives how many are left. Some models keep a state that can only be
    /// forgotten as a whole.
    fn forget_after(&mut self, kept: usize) -> usize {
        if kept == self.seen.len() {
            return kept;
        }
        let from = u32::try_from(kept).unwrap_or(u32::MAX);
        let mut forget = |from| {
            let sequence = Some(SEQUENCE.unsigned_abs());
            matches!(
                self.context.clear_kv_cache_seq(sequence, from, None),
                Ok(true)
            )
        };
        let kept = if kept > 0 && forget(Some(from)) {
            kept
        } else {
            // A whole sequence can be forgotten in every kind of memory.
            let _all = forget(None);
            0
        };
        self.seen.truncate(kept);
        kept
    }
}

fn context<'model>(
    backend: &LlamaBackend,
    model: &'model LlamaModel,
    tokens: u32,
) -> Result<LlamaContext<'model>, WorkerError> {
    let threads = threads();
    let batch = u32::try_from(pace::MOST).unwrap_or(u32::MAX);
    let parameters = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(tokens))
        .with_n_batch(batch)
        .with_n_ubatch(batch)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        // Models that look at a window only: with the rest kept too, a conversation can be cut back to any place.
        .with_swa_full(true)
        .with_no_perf(true);
    let (context, errors) = faults::heard(|| model.new_context(backend, parameters));
    context.map_err(|_| faults::refusal(&errors))
}

/// As many as the parent says, which knows the machine.
fn threads() -> i32 {
    std::env::var(ENV_THREADS)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|&threads| threads > 0)
        .unwrap_or(1)
}
