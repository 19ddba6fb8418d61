//! What drawing costs: counters that `window.__nexus_perf()` gives to the end-to-end performance test.
//!
//! Always on: a few additions a batch. Refuses to be exact about the browser: layout is forced once after each batch, when
//! it is due anyway, so that its cost is in `render_ms`.

use std::cell::Cell;

use wasm_bindgen::{JsValue, closure::Closure};

thread_local! {
    static COUNTERS: Cell<Counters> = const { Cell::new(Counters::ZERO) };
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Counters {
    deltas: u32,
    batches: u32,
    apply_ms: f64,
    render_ms: f64,
}

impl Counters {
    const ZERO: Self = Self {
        deltas: 0,
        batches: 0,
        apply_ms: 0.0,
        render_ms: 0.0,
    };
}

/// Adds a batch that was applied: how many deltas, and the milliseconds that took.
pub fn applied(deltas: u32, ms: f64) {
    change(|counters| {
        counters.deltas = counters.deltas.saturating_add(deltas);
        counters.batches = counters.batches.saturating_add(1);
        counters.apply_ms += ms;
    });
}

/// Adds the milliseconds of drawing what was applied.
pub fn drawn(ms: f64) {
    change(|counters| counters.render_ms += ms);
}

fn change(change: impl FnOnce(&mut Counters)) {
    COUNTERS.with(|cell| {
        let mut counters = cell.get();
        change(&mut counters);
        cell.set(counters);
    });
}

/// Milliseconds since the page was opened.
pub fn now() -> f64 {
    web_sys::window()
        .and_then(|window| window.performance())
        .map_or(0.0, |performance| performance.now())
}

/// Puts `__nexus_perf` on the window: a function that returns `{deltas, batches, apply_ms, render_ms}` since the start.
pub fn expose() {
    let read = Closure::<dyn Fn() -> JsValue>::new(|| {
        let counters = COUNTERS.with(Cell::get);
        let object = js_sys::Object::new();
        for (name, value) in [
            ("deltas", f64::from(counters.deltas)),
            ("batches", f64::from(counters.batches)),
            ("apply_ms", counters.apply_ms),
            ("render_ms", counters.render_ms),
        ] {
            // Setting a property of a fresh object cannot fail.
            let _set = js_sys::Reflect::set(&object, &name.into(), &value.into());
        }
        object.into()
    });
    if let Some(window) = web_sys::window() {
        let _set = js_sys::Reflect::set(&window, &"__nexus_perf".into(), read.as_ref());
    }
    read.forget();
}
