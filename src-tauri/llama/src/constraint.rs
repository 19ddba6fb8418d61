//! What an answer is held to: a grammar, followed token by token.

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;
use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use nexus_calls::grammar::{self, Thinking, Vocabulary};
use nexus_protocol::worker::{CallFormat, WorkerError};
use nexus_protocol::{ChatRequest, ToolChoice};

/// Makes constraints for one model. Its vocabulary is looked through at the first that is needed, which takes a tenth of a
/// second: chats without tools never wait for it.
#[derive(Default)]
pub(crate) struct Constraints {
    factory: Option<ParserFactory>,
}

impl Constraints {
    /// What the answer to `request` is held to, if to anything.
    pub(crate) fn of(
        &mut self,
        model: &LlamaModel,
        request: &ChatRequest,
        format: CallFormat,
        thinking: Thinking,
    ) -> Result<Option<Constraint>, WorkerError> {
        let token = |mark: &str| match model.vocab().tokenize(mark.as_bytes(), false, true)[..] {
            [token] => u32::try_from(token.0).ok(),
            _ => None,
        };
        let vocabulary = Vocabulary {
            token: &token,
            // The engine knows all tokens that end an answer.
            ends: &[],
        };
        let Some(grammar) = grammar::of(request, format, thinking, vocabulary) else {
            return Ok(None);
        };
        let made = self.parse(model, grammar);
        match made {
            Ok(matcher) => Ok(Some(Constraint { matcher })),
            // The schema of one tool must not make a chat impossible: its calls are checked before they run in any case.
            Err(reason)
                if request.answer_schema.is_none() && request.tool_choice == ToolChoice::Auto =>
            {
                tracing::warn!(%reason, "tool calls are not constrained");
                Ok(None)
            }
            Err(reason) => Err(WorkerError::Refused {
                reason: format!("an answer cannot be held to this schema: {reason}"),
            }),
        }
    }

    fn parse(&mut self, model: &LlamaModel, grammar: String) -> Result<Matcher, String> {
        let factory = match self.factory.take() {
            Some(factory) => factory,
            None => ParserFactory::new_simple(&LlamaSampler::llguidance_tok_env(model))
                .map_err(|error| words(&error.to_string()))?,
        };
        let factory = self.factory.insert(factory);
        let grammar = TopLevelGrammar::from_lark(grammar);
        let matcher = Matcher::new(factory.create_parser(grammar));
        match matcher.get_error() {
            Some(error) => Err(words(&error)),
            None => Ok(matcher),
        }
    }
}

/// One answer's.
pub(crate) struct Constraint {
    matcher: Matcher,
}

impl Constraint {
    /// Whether the answer is whole and nothing may follow.
    pub(crate) fn is_over(&self) -> bool {
        self.matcher.is_stopped()
    }

    /// Whether `token` may come next; `is_end` says that it ends the answer.
    pub(crate) fn admits(&mut self, token: LlamaToken, is_end: bool) -> Result<bool, String> {
        if is_end {
            return self.matcher.is_accepting().map_err(failed);
        }
        let fit = self.matcher.validate_tokens(&[token.0.cast_unsigned()]);
        fit.map(|count| count == 1).map_err(failed)
    }

    /// Leaves only what may come next.
    pub(crate) fn mask(&mut self, candidates: &mut LlamaTokenDataArray) -> Result<(), String> {
        let mask = self.matcher.compute_mask_or_eos().map_err(failed)?;
        for candidate in &mut candidates.data {
            if !mask.is_allowed(candidate.id().0.cast_unsigned()) {
                candidate.set_logit(f32::NEG_INFINITY);
            }
        }
        Ok(())
    }

    /// Takes the token that came.
    pub(crate) fn take(&mut self, token: LlamaToken, is_end: bool) -> Result<(), String> {
        if is_end || self.matcher.is_stopped() {
            return Ok(());
        }
        self.matcher
            .consume_token(token.0.cast_unsigned())
            .map_err(failed)
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is used where errors are mapped"
)]
fn failed(error: impl ToString) -> String {
    format!("the constraint failed: {}", words(&error.to_string()))
}

/// The first line says what is wrong; what follows is the state of the parser.
fn words(error: &str) -> String {
    error
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect()
}

#[cfg(test)]
mod grammars;
