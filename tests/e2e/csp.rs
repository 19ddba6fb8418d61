//! The content security policy, tried in the build that ships: sixteen ways to run or reach what must not be.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    app::{PATIENCE, Start},
    canary::Canary,
};

/// Each probe is the body of an async function that is given `canary` (`host:port`) and says whether it got through.
/// A throw counts as blocked; so does the browser's own `securitypolicyviolation`, which is recorded beside it.
const PROBES: &[(&str, &str)] = &[
    (
        "inline script",
        "const s = document.createElement('script'); s.textContent = 'window.__inline = 1'; document.body.append(s); return window.__inline === 1;",
    ),
    (
        "inline handler",
        "const b = document.createElement('button'); b.setAttribute('onclick', 'window.__handler = 1'); document.body.append(b); b.click(); b.remove(); return window.__handler === 1;",
    ),
    ("eval", "return window.eval('41 + 1') === 42;"),
    (
        "new Function",
        "return new window.Function('return 42')() === 42;",
    ),
    (
        "string timer",
        "window.setTimeout('window.__timer = 1', 0); await pause(200); return window.__timer === 1;",
    ),
    (
        "remote script",
        "return loads('script', 'src', `http://${canary}/remote.js`);",
    ),
    (
        "data: script",
        "return loads('script', 'src', 'data:text/javascript,window.__data=1');",
    ),
    (
        "blob worker",
        "const w = new Worker(URL.createObjectURL(new Blob(['postMessage(1)']))); return await new Promise(r => { w.onmessage = () => r(true); w.onerror = () => r(false); setTimeout(() => r(false), 400); });",
    ),
    (
        "iframe",
        "const f = document.createElement('iframe'); f.src = `http://${canary}/frame`; document.body.append(f); await pause(300); f.remove(); return false;",
    ),
    (
        "object",
        "return loads('object', 'data', `http://${canary}/object`);",
    ),
    (
        "base",
        "const b = document.createElement('base'); b.href = `http://${canary}/`; document.head.append(b); const moved = document.baseURI.includes(canary); b.remove(); return moved;",
    ),
    (
        "form post",
        "const f = document.createElement('form'); f.method = 'post'; f.action = `http://${canary}/form`; document.body.append(f); f.submit(); await pause(300); f.remove(); return false;",
    ),
    (
        "remote image",
        "return loads('img', 'src', `http://${canary}/image.png`);",
    ),
    (
        "remote fetch",
        "await fetch(`http://${canary}/fetch`); return true;",
    ),
    (
        "web socket",
        "const w = new WebSocket(`ws://${canary}/socket`); return await new Promise(r => { w.onopen = () => r(true); w.onerror = () => r(false); w.onclose = () => r(false); setTimeout(() => r(false), 400); });",
    ),
    (
        "style import",
        "const s = document.createElement('style'); s.textContent = `@import url('http://${canary}/style.css'); body { --pwned: 1; }`; document.head.append(s); await pause(200); const on = getComputedStyle(document.body).getPropertyValue('--pwned').trim() === '1'; s.remove(); return on;",
    ),
];

const FRAME: &str = r"
const [name, canary] = arguments;
const pause = ms => new Promise(r => setTimeout(r, ms));
const loads = (tag, attribute, value) => new Promise(r => {
  const e = document.createElement(tag);
  e.onload = () => r(true);
  e.onerror = () => r(false);
  e[attribute] = value;
  document.body.append(e);
  setTimeout(() => { e.remove(); r(false); }, 500);
});
const violations = [];
const hear = e => violations.push(e.effectiveDirective || e.violatedDirective);
document.addEventListener('securitypolicyviolation', hear);
const probe = async () => { BODY };
probe().then(through => ({ through }), error => ({ through: false, threw: String(error) })).then(async result => {
  await pause(50);
  document.removeEventListener('securitypolicyviolation', hear);
  done({ ...result, violations });
});
";

#[tokio::test]
async fn sixteen_probes_are_blocked() {
    let data = tempfile::tempdir().unwrap();
    let canary = Canary::start();
    let app = Start::new(data.path()).open().await;
    app.see("onboarding").await;
    let mut blocked = 0;
    for (name, body) in PROBES {
        let script = FRAME.replace("BODY", body);
        let result = app
            .js_async(&script, vec![json!(name), json!(canary.authority())])
            .await;
        let noticed = result["violations"]
            .as_array()
            .is_some_and(|list| !list.is_empty());
        let threw = result["threw"].is_string();
        println!("csp probe {name}: {result}");
        assert_eq!(
            result["through"],
            Value::Bool(false),
            "{name} got through: {result}"
        );
        assert!(
            noticed || threw,
            "{name} left no trace of being blocked: {result}"
        );
        assert_eq!(
            canary.take(),
            Vec::<String>::new(),
            "{name} reached the network"
        );
        blocked += 1;
    }
    assert_eq!(
        app.js("return window.__pwned === undefined;").await,
        Value::Bool(true)
    );
    assert_eq!(blocked, 16);
    println!(
        "csp: {blocked} of {} probes blocked, 0 requests",
        PROBES.len()
    );
    app.close().await;
}

/// The policy binds the page, not the app: WASM runs and commands answer, or there would be no first-run screen. And the
/// window stays where it is, whatever a script asks.
#[tokio::test]
async fn the_window_never_leaves_its_page() {
    let data = tempfile::tempdir().unwrap();
    let canary = Canary::start();
    let app = Start::new(data.path()).open().await;
    app.see("onboarding").await;
    let home = app.js("return location.href;").await;
    let targets = [
        format!("http://{}/away", canary.authority()),
        "about:blank".into(),
        "data:text/html,away".into(),
        "file:///etc/passwd".into(),
        "javascript:document.body.remove()".into(),
    ];
    for target in &targets {
        for way in ["location.href = t", "window.open(t)", "location.replace(t)"] {
            let script = format!(
                "const t = {}; try {{ {way}; }} catch (e) {{}} return null;",
                json!(target)
            );
            let _ = app.client.execute(&script, vec![]).await;
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }
    assert_eq!(app.js("return location.href;").await, home);
    assert_eq!(app.client.windows().await.unwrap().len(), 1);
    app.until_within(
        PATIENCE,
        "the page still stands",
        "return !!document.querySelector('[data-testid=onboarding]');",
    )
    .await;
    assert_eq!(canary.take(), Vec::<String>::new());
    app.close().await;
}
