//! What a request becomes on its way to the worker, and what comes back: environment, tools, calls, tokens, slow readers.

use nexus_worker_client::Embeddings;

use super::*;

#[tokio::test]
async fn the_worker_inherits_nothing() {
    let bench = Bench::new();
    let environment = bench.answer("good", "env").await;
    let names: Vec<&str> = environment
        .lines()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name))
        .collect();
    assert_eq!(
        names,
        [
            "ALL_PROXY",
            "CANDLE_DEQUANTIZE_ALL_F16",
            "GGML_NO_BACKTRACE",
            "GOMP_SPINCOUNT",
            "HF_HOME",
            "HOME",
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "NEXUS_WORKER_LOG",
            "NEXUS_WORKER_MEMORY_LIMIT",
            "NEXUS_WORKER_PARENT",
            "NEXUS_WORKER_THREADS",
            "RAYON_NUM_THREADS",
            "TEMP",
            "TMP",
            "TMPDIR",
        ]
    );
    assert!(environment.contains("RAYON_NUM_THREADS=3"));
    assert!(environment.contains("NEXUS_WORKER_THREADS=3"));
    assert!(environment.contains("ALL_PROXY=http://127.0.0.1:9"));
    let parent = format!("NEXUS_WORKER_PARENT={}", std::process::id());
    assert!(environment.contains(&parent));
}

#[tokio::test]
async fn tools_are_shown_to_models_that_know_them_only() {
    let bench = Bench::new();
    let request = ChatRequest {
        tools: vec![ToolSpec {
            name: "now".to_owned(),
            description: "The time".to_owned(),
            parameters: serde_json::json!({"type": "object"}),
        }],
        ..said("tools?")
    };
    for (tools, answer) in [(true, "1 tools"), (false, "0 tools")] {
        let model = bench.engine.model(bench.file("good"), info(tools));
        let events: Vec<_> = model
            .stream(request.clone(), CancellationToken::new())
            .collect()
            .await;
        assert_eq!(text(&events), answer);
    }
}

#[tokio::test]
async fn calls_in_the_text_become_calls() {
    let bench = Bench::new();
    let model = bench.engine.model(bench.file("good"), info(true));
    let request = ChatRequest {
        tools: vec![ToolSpec {
            name: "now".to_owned(),
            description: String::new(),
            parameters: serde_json::json!({}),
        }],
        ..said("call")
    };
    let events: Vec<_> = model
        .stream(request, CancellationToken::new())
        .collect()
        .await;
    let id = events
        .iter()
        .find_map(|event| match event {
            Ok(ModelEvent::ToolCallStarted { id, .. }) => Some(id.clone()),
            _ => None,
        })
        .unwrap();
    assert_eq!(
        events,
        vec![
            loading(),
            waiting(),
            says("See: "),
            Ok(ModelEvent::ToolCallStarted {
                index: 0,
                id,
                name: "now".to_owned()
            }),
            Ok(ModelEvent::ToolCallArguments {
                index: 0,
                text: "{}".to_owned()
            }),
            finished(FinishReason::ToolCalls),
        ]
    );
}

#[tokio::test]
async fn tokens_are_counted() {
    let bench = Bench::new();
    let count = bench
        .engine
        .count_tokens(
            bench.file("good"),
            &info(false),
            said("hello"),
            CancellationToken::new(),
        )
        .await;
    assert_eq!(count, Ok(5));
}

#[tokio::test]
async fn a_prompt_that_cannot_fit_never_reaches_the_worker() {
    let bench = Bench::new();
    assert_eq!(
        bench.ask("good", &"x".repeat(1 << 20)).await,
        vec![Err(ModelError::ContextOverflow {
            needed: (1 << 20) / 4,
            limit: 512
        })]
    );
    assert_eq!(bench.engine.loaded(), None);
}

#[tokio::test]
async fn a_slow_reader_holds_nothing_up() {
    let bench = Bench::new();
    let cancel = CancellationToken::new();
    let mut stream = bench.model("good").stream(said("slow"), cancel.clone());
    while !matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))) {}
    // Nobody polls; meanwhile the engine must go on answering pings and reading.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))));
    cancel.cancel();
    let start = Instant::now();
    assert_eq!(stream.next().await, Some(Err(ModelError::Cancelled)));
    assert!(start.elapsed() < Duration::from_millis(250));
}

async fn embed(bench: &Bench, texts: &[&str]) -> Result<Embeddings, ModelError> {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    let (path, token) = (bench.file("good"), CancellationToken::new());
    bench.engine.embed(path, &info(false), texts, token).await
}

#[tokio::test]
async fn vectors_that_do_not_fit_the_texts_cost_the_worker_its_life() {
    for odd in ["too few", "uneven"] {
        let bench = Bench::new();
        let error = embed(&bench, &[odd, "b"]).await.unwrap_err();
        assert!(
            matches!(&error, ModelError::Local(LocalError::WorkerDied { reason, .. }) if reason.contains("do not fit")),
            "{error:?}"
        );
        assert_eq!(bench.engine.loaded(), None);
    }
}

#[tokio::test]
async fn vectors_come_one_for_each_text() {
    let bench = Bench::new();
    let embeddings = embed(&bench, &["a", "bb"]).await.unwrap();
    assert_eq!(embeddings.vectors, [vec![1.0; 3], vec![2.0; 3]]);
    assert_eq!(embeddings.tokens, 7);
    let none = embed(&bench, &[]).await.unwrap();
    assert!(none.vectors.is_empty());
    for wrong in [vec!["a"; 257], vec!["a", ""]] {
        let error = embed(&bench, &wrong).await.unwrap_err();
        assert!(
            matches!(error, ModelError::RequestRefused { .. }),
            "{error:?}"
        );
    }
}
