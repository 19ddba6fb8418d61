//! `run_code` on a machine that has neither Python nor Node: the interpreters that come with the app, in the real sandbox.

use std::{path::PathBuf, time::Duration};

use nexus_protocol::ResultPart;
use nexus_tools::{Interpreters, ToolOutput};
use serde_json::json;

use crate::desk::Desk;

/// The programs that `cargo xtask test` built; a missing one is a failure, never a skipped test.
fn interpreters() -> Interpreters {
    let named = |variable: &str| {
        let path = std::env::var_os(variable).map(PathBuf::from);
        let path = path.unwrap_or_else(|| {
            panic!("{variable} is not set: run this by `cargo xtask test --only unit`")
        });
        assert!(path.is_file(), "{variable} names no file");
        Some(path)
    };
    Interpreters {
        python: named("NEXUS_PYTHON"),
        javascript: named("NEXUS_JAVASCRIPT"),
    }
}

fn bare_machine() -> Desk {
    let mut desk = Desk::new();
    desk.only(interpreters());
    desk
}

async fn run(desk: &Desk, language: &str, code: &str) -> ToolOutput {
    let arguments = json!({ "language": language, "code": code, "timeout_seconds": 60 });
    desk.call("run_code", arguments).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_told_once_and_variables_last() {
    let desk = bare_machine();
    for (language, calls) in [
        (
            "python",
            [
                ("import math\nx = math.comb(8, 3)\nprint('hi')", "hi"),
                ("x + 1", "=> 57"),
                ("import asyncio\nawait asyncio.sleep(0)\nx", "=> 56"),
            ],
        ),
        (
            "javascript",
            [
                ("const x = 56; console.log('hi')", "hi"),
                ("x + 1", "=> 57"),
                ("await Promise.resolve(x)", "=> 56"),
            ],
        ),
    ] {
        for (index, (code, text)) in calls.into_iter().enumerate() {
            let output = run(&desk, language, code).await;
            assert!(!output.failed, "{language}: {}", output.text);
            let (told, rest) = match output.text.split_once('\n') {
                Some((told, rest)) if told.contains("not installed here") => (true, rest),
                _ => (false, output.text.as_str()),
            };
            assert_eq!((told, rest), (index == 0, text), "{language}: {code}");
        }
    }
    desk.ctx.session.close().await;
    desk.gone(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_tables_and_charts_work_as_with_the_real_ones() {
    let desk = bare_machine();
    desk.write("in.csv", "name,kg\npears,3\nplums,4\n");
    let python = "import csv\nrows = list(csv.DictReader(open('in.csv')))\n\
                  show_chart([r['name'] for r in rows], [float(r['kg']) for r in rows], 'Fruit', 'bar')\n\
                  open('python.txt', 'w').write(str(len(rows)))\nrows";
    let javascript = "const fs = require('fs');\n\
                      const rows = fs.readFileSync('in.csv', 'utf8').trim().split('\\n').slice(1)\n\
                        .map((line) => line.split(',')).map(([name, kg]) => ({ name, kg: Number(kg) }));\n\
                      showChart(rows.map((row) => row.name), rows.map((row) => row.kg), 'Fruit', 'bar');\n\
                      fs.writeFileSync('javascript.txt', String(rows.length));\nrows";
    for (language, code) in [("python", python), ("javascript", javascript)] {
        let output = run(&desk, language, code).await;
        assert!(!output.failed, "{language}: {}", output.text);
        let has = |wanted: fn(&ResultPart) -> bool| output.parts.iter().any(wanted);
        assert!(
            has(|part| matches!(part, ResultPart::Table { .. })),
            "{language}"
        );
        assert!(
            has(|part| matches!(part, ResultPart::Chart { .. })),
            "{language}"
        );
        let written = std::fs::read_to_string(desk.path().join(format!("{language}.txt")));
        assert_eq!(written.unwrap(), "2", "{language}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_holds_them_too() {
    let desk = bare_machine();
    let outside = tempfile::tempdir_in(std::env::var_os("HOME").unwrap()).unwrap();
    let path = outside.path().join("stolen.txt");
    for (language, code) in [
        ("python", format!("open({path:?}, 'w').write('x')")),
        (
            "javascript",
            format!("require('fs').writeFileSync({path:?}, 'x')"),
        ),
        (
            "python",
            "import socket\nsocket.create_connection(('127.0.0.1', 9), 2)".to_owned(),
        ),
    ] {
        let output = run(&desk, language, &code).await;
        assert!(output.failed, "{language}: {}", output.text);
        assert!(!path.exists(), "{language} wrote outside the folder");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_code_and_hungry_code_are_ended_and_told() {
    let desk = bare_machine();
    for (language, code) in [
        ("python", "while True: pass"),
        ("javascript", "for (;;) {}"),
    ] {
        let arguments = json!({ "language": language, "code": code, "timeout_seconds": 1 });
        let output = desk.call("run_code", arguments).await.unwrap();
        assert!(
            output.failed && output.text.contains("its variables are gone"),
            "{}",
            output.text
        );
    }
    for (language, code) in [
        ("python", "x = [bytearray(1 << 20) for _ in range(4096)]"),
        (
            "javascript",
            "const x = []; for (;;) x.push('a'.repeat(1 << 20) + x.length)",
        ),
    ] {
        let output = run(&desk, language, code).await;
        assert!(output.failed, "{language}: {}", output.text);
        assert!(
            output.text.to_lowercase().contains("memory"),
            "{language}: {}",
            output.text
        );
    }
}
