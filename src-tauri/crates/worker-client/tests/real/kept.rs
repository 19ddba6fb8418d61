//! What llama.cpp has computed stays: within a conversation, beside others, and of what all begin with from one worker to the next.

use nexus_protocol::Sampling;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn llama_computes_of_a_conversation_only_what_is_new() {
    let bench = Bench::new(Worker::Llama).await;
    let first = ChatRequest {
        max_output_tokens: Some(24),
        ..said(&format!(
            "{}What is a whale?",
            "The keeper wrote down the weather. ".repeat(60)
        ))
    };
    let (text, usage) = answer(&bench, &first).await;
    assert!(usage.input_tokens > 400, "{usage:?}");
    assert!(usage.cached_tokens < 60, "{usage:?}");

    // Asked again, it computes one token and says the same.
    let (again, repeated) = answer(&bench, &first).await;
    assert_eq!(beginning(&again), beginning(&text));
    assert_eq!(repeated.cached_tokens, repeated.input_tokens - 1);

    // The next turn computes the question and the marks around it.
    let mut second = first.clone();
    second.messages.push(ChatMessage::Assistant {
        text,
        tool_calls: Vec::new(),
    });
    second.messages.extend(said("And then?").messages);
    let (kept, turn) = answer(&bench, &second).await;
    let computed = turn.input_tokens - turn.cached_tokens;
    assert!(computed < 40, "{turn:?}");

    // What was kept says what a worker says that has never seen the conversation.
    bench.engine.unload().await;
    let (fresh, anew) = answer(&bench, &second).await;
    assert!(anew.cached_tokens < 60, "{anew:?}");
    assert_eq!(beginning(&kept), beginning(&fresh));
}

/// Drawn wildly, an answer has words in other tokens than a tokenizer makes of them.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_odd_tokens_is_not_computed_again() {
    let bench = Bench::new(Worker::Llama).await;
    for seed in 1..=4 {
        let first = ChatRequest {
            max_output_tokens: Some(64),
            temperature: Some(2.0),
            sampling: Sampling {
                top_p: Some(1.0),
                top_k: Some(0),
                min_p: Some(0.0),
                seed: Some(seed),
                ..Sampling::default()
            },
            ..said("Write down strange words.")
        };
        let (text, _) = answer(&bench, &first).await;
        let second = followed_by(first, text, "And then?");
        let (_, turn) = answer(&bench, &second).await;
        let computed = turn.input_tokens - turn.cached_tokens;
        assert!(computed < 40, "seed {seed}: {turn:?}");
    }
}

/// What is the same however a prompt was cut into batches: their size changes the last digits of what is computed, and after some
/// words one of two that are nearly as likely.
fn beginning(text: &str) -> Vec<&str> {
    text.split_whitespace().take(4).collect()
}

/// Words that are some hundred tokens long.
fn long(words: &str, question: &str) -> ChatRequest {
    ChatRequest {
        max_output_tokens: Some(16),
        ..said(&format!("{}{question}", words.repeat(60)))
    }
}

fn followed_by(mut request: ChatRequest, answer: String, question: &str) -> ChatRequest {
    request.messages.push(ChatMessage::Assistant {
        text: answer,
        tool_calls: Vec::new(),
    });
    request.messages.extend(said(question).messages);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_comes_back_after_others() {
    let bench = Bench::new(Worker::Llama).await;
    let chat = long("The keeper wrote down the weather. ", "What did he write?");
    let (text, _) = answer(&bench, &chat).await;
    // As a chat's title does, and another chat.
    for other in [
        "The whale went round the house. ",
        "Snow fell on the roof. ",
    ] {
        let (_, usage) = answer(&bench, &long(other, "Who?")).await;
        assert!(usage.cached_tokens < 60, "{usage:?}");
    }
    let (_, turn) = answer(&bench, &followed_by(chat, text, "And then?")).await;
    let computed = turn.input_tokens - turn.cached_tokens;
    assert!(computed < 40, "{turn:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_instructions_are_computed_once_and_not_by_each_worker() {
    let bench = Bench::new(Worker::Llama).await;
    let instructed = |question: &str| {
        let mut request = said(question);
        request.max_output_tokens = Some(16);
        let text = "You answer in one short sentence and never say the word weather. ".repeat(20);
        request.messages.insert(0, ChatMessage::System { text });
        request
    };
    let (_, first) = answer(&bench, &instructed("What is the sea?")).await;
    assert!(
        first.cached_tokens < 60 && first.input_tokens > 250,
        "{first:?}"
    );
    bench.engine.unload().await;
    let (kept, second) = answer(&bench, &instructed("What is a whale?")).await;
    assert!(
        second.input_tokens - second.cached_tokens < 20,
        "{second:?}"
    );
    bench.engine.unload().await;
    // It says what a worker says that was given nothing.
    let beginnings = bench.folder.path().join("scratch/beginnings");
    assert_eq!(std::fs::read_dir(&beginnings).unwrap().count(), 1);
    std::fs::remove_dir_all(&beginnings).unwrap();
    let (fresh, third) = answer(&bench, &instructed("What is a whale?")).await;
    assert!(third.cached_tokens < 60, "{third:?}");
    assert_eq!(beginning(&kept), beginning(&fresh));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_of_instructions_is_computed_anew() {
    let bench = Bench::new(Worker::Llama).await;
    let mut request = said("What is the sea?");
    request.max_output_tokens = Some(4);
    let text = "You answer in one short sentence. ".repeat(40);
    request.messages.insert(0, ChatMessage::System { text });
    let (text, _) = answer(&bench, &request).await;
    let beginnings = bench.folder.path().join("scratch/beginnings");
    for damage in ["", "no state at all", "half"] {
        bench.engine.unload().await;
        let file = std::fs::read_dir(&beginnings)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let bytes = std::fs::read(&file).unwrap();
        let damaged = match damage {
            "half" => &bytes[..bytes.len() / 2],
            words => words.as_bytes(),
        };
        std::fs::write(&file, damaged).unwrap();
        let (again, usage) = answer(&bench, &request).await;
        assert!(usage.cached_tokens < 60, "{damage}: {usage:?}");
        assert_eq!(beginning(&again), beginning(&text), "{damage}");
    }
}
