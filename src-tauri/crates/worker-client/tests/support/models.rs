//! Models that tests, benches and fuzzers write themselves.

#[path = "../../../gguf/tests/support/gguf_builder.rs"]
pub mod gguf_builder;
#[path = "hostile_models.rs"]
pub mod hostile_models;
#[path = "hostile_templates.rs"]
pub mod hostile_templates;
#[path = "model_writer.rs"]
pub mod model_writer;
#[path = "mutations.rs"]
pub mod mutations;
#[path = "random.rs"]
pub mod random;
#[path = "vocabulary.rs"]
pub mod vocabulary;
