//! What the disk does to a model: too large for the machine, out of reach, gone. Each is a typed error at once, and the next
//! request works.

use super::gguf_builder::{Entry, tensor, tiny};
use super::*;

/// What a person waits for an error, on a machine that builds something else meanwhile.
const SOON: Duration = Duration::from_secs(4);

#[tokio::test]
async fn a_model_larger_than_memory_is_named_in_bytes_and_never_started() {
    let bench = Bench::new();
    let path = bench.file("huge");
    // A layer of a tebibyte, in a file that takes no space.
    let wide = 1_u64 << 40;
    let file = tiny().with(|file| {
        file.tensors
            .push(tensor("output.weight", &[32, wide / 128], 0, wide));
    });
    let (header, data) = file.header();
    std::fs::write(&path, &header).unwrap();
    let sparse = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    sparse.set_len(header.len() as u64 + data).unwrap();
    let start = Instant::now();
    let error = bench.fails("huge", "hello").await;
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(
        matches!(error, ModelError::Local(LocalError::TooBig { need, have }) if need > wide && have < need),
        "{error:?}"
    );
    assert_eq!(bench.engine.loaded(), None);
    bench.still_works().await;
}

#[tokio::test]
async fn a_context_larger_than_memory_is_named_in_bytes() {
    let bench = Bench::new();
    let path = bench.file("endless");
    let file = tiny()
        .set("llama.context_length", Entry::U32(16 << 20))
        .set("llama.attention.value_length", Entry::U32(65_536));
    std::fs::write(&path, file.bytes()).unwrap();
    let mut wish = info(false);
    wish.context_tokens = Some(u32::MAX);
    let model = bench.engine.model(path, wish);
    let events: Vec<_> = model
        .stream(said("hello"), CancellationToken::new())
        .collect()
        .await;
    assert!(
        matches!(
            events.last(),
            Some(Err(ModelError::Local(LocalError::TooBig { .. })))
        ),
        "{events:?}"
    );
    bench.still_works().await;
}

#[tokio::test]
async fn a_model_deleted_while_it_is_loaded_is_missing_and_comes_back() {
    let bench = Bench::new();
    bench.still_works().await;
    let path = bench.file("good");
    let beside = path.with_extension("away");
    std::fs::rename(&path, &beside).unwrap();
    // Not `fails`: that would write the file again.
    let model = bench.engine.model(path.clone(), info(false));
    for _ in 0..2 {
        let events: Vec<_> = model
            .stream(said("hello"), CancellationToken::new())
            .collect()
            .await;
        let missing = LocalError::FileMissing {
            path: path.display().to_string(),
        };
        assert_eq!(events.last(), Some(&Err(ModelError::Local(missing))));
    }
    assert_eq!(bench.answer("other", "hello").await, "You said: hello");
    std::fs::rename(&beside, &path).unwrap();
    bench.still_works().await;
}

#[tokio::test]
async fn a_model_replaced_while_it_is_loaded_is_read_anew() {
    let bench = Bench::new();
    bench.still_works().await;
    let path = bench.file("good");
    std::fs::write(&path, b"<!DOCTYPE html>").unwrap();
    let error = bench.fails("good", "hello").await;
    assert_eq!(
        error,
        ModelError::Local(LocalError::NotGguf {
            path: path.display().to_string(),
            reason: "it does not begin with the letters GGUF".to_owned(),
        })
    );
    std::fs::write(&path, tiny().bytes()).unwrap();
    bench.still_works().await;
}

/// Permissions mean nothing to root, which many build machines run as: so this runs itself as nobody, who has none.
#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_an_error_that_says_so() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;

    const CLOSED: &str = "NEXUS_TEST_CLOSED_FOLDER";
    const NOBODY: u32 = 65_534;
    if let Ok(path) = std::env::var(CLOSED) {
        let error = nexus_worker_client::gguf::inspect(path.as_ref()).unwrap_err();
        let words = error.to_string();
        assert!(
            matches!(error, LocalError::NotGguf { .. }) && words.contains("Permission denied"),
            "{words}"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    let path = closed.join("model.gguf");
    std::fs::write(&path, tiny().bytes()).unwrap();
    let permit = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    permit(folder.path(), 0o755);
    permit(&closed, 0o000);
    // A copy that anybody may run, wherever the build folder is.
    let program = folder.path().join("again");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    permit(&program, 0o755);
    let mut again = std::process::Command::new(&program);
    again
        .args([
            "--exact",
            "bad_input::a_folder_without_permission_is_an_error_that_says_so",
        ])
        .env(CLOSED, &path)
        .current_dir(folder.path());
    if folder.path().metadata().unwrap().uid() == 0 {
        again.uid(NOBODY).gid(NOBODY);
    }
    let output = again.output().unwrap();
    permit(&closed, 0o755);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}"
    );
}
