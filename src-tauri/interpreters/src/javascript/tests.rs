use serde_json::Value;

use super::Session;

/// The answers to code that is given in turn.
fn answers<const N: usize>(codes: [&str; N]) -> [Value; N] {
    let mut session = Session::start().unwrap();
    codes.map(|code| serde_json::from_str(&session.run(code)).unwrap())
}

#[test]
fn what_is_declared_lasts() {
    let [.., last] = answers([
        "let a = 20",
        "const b = 1; function add(x) { return x + a + b }",
        "add(21)",
    ]);
    assert_eq!(last["value"], "42");
}

#[test]
fn values_are_shown_as_javascript_writes_them() {
    let shown = answers([
        "'a \"word\"'",
        "({ a: [1, 'b', null], 'c-d': new Map([[1, new Set([2])]]) })",
        "const ring = {}; ring.self = ring; ring",
        "undefined",
        "10n ** 20n",
        "[{ a: 1, b: 'x' }, { a: 2 }]",
    ]);
    let values = shown.each_ref().map(|it| it["value"].as_str());
    assert_eq!(values[0], Some("'a \"word\"'"));
    assert_eq!(
        values[1],
        Some("{ a: [ 1, \"b\", null ], \"c-d\": Map { 1 => Set { 2 } } }")
    );
    assert_eq!(values[2], Some("{ self: [Circular] }"));
    assert_eq!(values[3], None);
    assert_eq!(values[4], Some("100000000000000000000n"));
    assert_eq!(
        shown[5]["tables"][0]["rows"][1],
        serde_json::json!(["2", ""])
    );
}

#[test]
fn awaiting_at_the_top_works() {
    let [value, several, rejected, never] = answers([
        "await new Promise((done) => setTimeout(() => done(7), 5))",
        "const one = await Promise.resolve(1);\nconst two = await Promise.resolve(2);\none + two",
        "await Promise.reject(new RangeError('too far'))",
        "await new Promise(() => {})",
    ]);
    assert_eq!(value["value"], "7");
    assert_eq!(several["value"], "3");
    assert_eq!(rejected["error"], "RangeError: too far");
    assert_eq!(
        never["error"],
        "Error: it waits for something that will never happen"
    );
}

#[test]
fn errors_are_told() {
    let [thrown, syntax, odd, module, deep, after] = answers([
        "null.x",
        "let = =",
        "throw { code: 3 }",
        "require('express')",
        "function down() { return down() + 1 } down()",
        "1 + 1",
    ]);
    assert!(thrown["error"].as_str().unwrap().starts_with("TypeError: "));
    assert!(
        syntax["error"]
            .as_str()
            .unwrap()
            .starts_with("SyntaxError: ")
    );
    assert!(odd["error"].as_str().unwrap().starts_with("Uncaught {"));
    assert!(
        module["error"]
            .as_str()
            .unwrap()
            .contains("Node.js is not installed")
    );
    assert!(deep["error"].is_string());
    assert_eq!(after["value"], "2");
}

#[test]
fn files_are_read_and_written() {
    let folder = std::env::temp_dir().join(format!("nexus-javascript-{}", std::process::id()));
    let code = format!(
        "const fs = require('node:fs'), path = require('path');
         const folder = {folder:?};
         fs.mkdirSync(path.join(folder, 'a/b'), {{ recursive: true }});
         fs.writeFileSync(folder + '/a/b/c.txt', 'grün\\n');
         fs.appendFileSync(folder + '/a/b/c.txt', new Uint8Array([65]));
         fs.renameSync(folder + '/a/b/c.txt', folder + '/d.tar.gz');
         const seen = [fs.readFileSync(folder + '/d.tar.gz', 'utf8'), fs.readdirSync(folder), fs.statSync(folder + '/d.tar.gz').size,
           path.extname('x/d.tar.gz'), path.basename('/x/d.gz', '.gz'), path.dirname('/x/d'), fs.existsSync('/nowhere/at/all'),
           fs.readFileSync(folder + '/d.tar.gz').length];
         fs.rmSync(folder, {{ recursive: true }});
         JSON.stringify([...seen, fs.existsSync(folder)])"
    );
    let [seen] = answers([&code]);
    assert_eq!(
        seen["value"],
        r#"'["grün\nA",["a","d.tar.gz"],7,".gz","d","/x",false,7,false]'"#
    );
}

#[test]
fn charts_are_kept_for_the_answer_that_made_them() {
    let [chart, wrong, next] = answers([
        "showChart(['a', 'b'], { up: [1, 'x'] }, 'T', 'bar')",
        "showChart(['a'], [1, 2])",
        "1",
    ]);
    assert_eq!(
        chart["charts"][0]["series"][0]["values"],
        serde_json::json!([1, null])
    );
    assert!(
        wrong["error"]
            .as_str()
            .unwrap()
            .contains("a value for each of the 1 labels")
    );
    assert_eq!(next["charts"], serde_json::json!([]));
}
