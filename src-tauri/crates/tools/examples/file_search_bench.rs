//! How long `search_files` takes for a tree and a pattern. Prints one line of JSON: name, with its unit, to number.
//!
//! `cargo run --release -p nexus-tools --example file_search_bench FOLDER PATTERN [REPEATS]`; to hold against
//! `rg --no-config -c PATTERN FOLDER`, best of as many.
#![expect(clippy::print_stdout, reason = "the result goes to standard output")]

use std::{env, error::Error, path::Path, sync::Arc, time::Instant};

use nexus_protocol::UnixMillis;
use nexus_tools::{Host, OutputSink, Registry, SessionTools, ToolContext, Workspace};
use serde_json::json;
use tokio_util::sync::CancellationToken;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(folder), Some(pattern)) = (arguments.next(), arguments.next()) else {
        return Err("usage: file_search_bench FOLDER PATTERN [REPEATS]".into());
    };
    let repeats: u32 = arguments.next().map_or(Ok(5), |it| it.parse())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let ctx = ToolContext {
        cancel: CancellationToken::new(),
        now: UnixMillis(0),
        workspace: Some(Arc::new(Workspace::open(Path::new(&folder))?)),
        host: Arc::new(Host::bare(env::temp_dir())),
        session: Arc::new(SessionTools::default()),
        recorder: None,
        output: OutputSink::nowhere(),
        sees_images: false,
    };
    let tool = Registry::builtin()
        .get("search_files")
        .ok_or("there is no search_files")?;
    let mut best = f64::INFINITY;
    let mut summary = String::new();
    for _ in 0..repeats {
        let arguments = json!({ "pattern": pattern });
        let start = Instant::now();
        let output = runtime.block_on(async {
            let call = tool.prepare(arguments, &ctx).await?;
            call.run(ctx.clone()).await
        })?;
        best = best.min(start.elapsed().as_secs_f64() * 1000.0);
        summary = output.summary;
    }
    println!("{}", json!({ "search_files_ms": best, "found": summary }));
    Ok(())
}
