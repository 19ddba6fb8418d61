//! What keeps a filter within bounds.
//!
//! Every filter, the library's too, is rewritten before it is compiled: each definition, step and generated value first pays for
//! itself, a step one unit, a value as many as it would have parts were it written out. Shared parts count each time, so what doubles
//! itself is found out before anyone walks it. Where the units, the time or the stack run out, the thread unwinds: an error could be
//! caught by the filter's own `try`, and go on.

use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering},
};

use jaq_core::{
    DataT, Error, Lut,
    data::HasLut,
    load::{
        lex::StrPart,
        parse::{BinaryOp, Def, Pattern, Term},
    },
    native::{Fun, bome, run, v},
    ops::Math,
    path::{Part, Path},
};
use jaq_json::{Num, Val, read};

/// Units that a call may use. A step takes some hundred nanoseconds; the part of a value at most some tens of bytes.
const UNITS: u64 = 10_000_000;
/// Bytes of a string for one unit.
const BYTES_A_UNIT: usize = 32;
/// Levels of a value. Reading, writing and dropping one recurses.
const MAX_DEPTH: usize = 256;

const TICK: &str = "!tick";
const WEIGH: &str = "!weigh";
const TIMES: &str = "!times";
const VARIABLE: &str = "$!";

/// What a call has left.
pub(super) struct Meter<'a> {
    left: Cell<u64>,
    stop: &'a AtomicBool,
    /// An address near the beginning of the stack.
    bottom: usize,
}

impl<'a> Meter<'a> {
    pub(super) fn new(stop: &'a AtomicBool) -> Self {
        Self {
            left: Cell::new(UNITS),
            stop,
            bottom: here(),
        }
    }

    fn pay(&self, units: u64) {
        let left = self.left.get().checked_sub(units);
        let deep = self.bottom.abs_diff(here()) > super::STACK_LIMIT;
        match left {
            Some(left) if !deep && !self.stop.load(Ordering::Relaxed) => self.left.set(left),
            // Without the panic hook: this is no fault.
            _ => std::panic::resume_unwind(Box::new("out of units")),
        }
    }

    fn weigh(&self, value: &Val, depth: usize) {
        if depth > MAX_DEPTH {
            self.pay(u64::MAX);
        }
        match value {
            Val::Arr(items) => {
                self.pay(1);
                items.iter().for_each(|item| self.weigh(item, depth + 1));
            }
            Val::Obj(fields) => {
                self.pay(1);
                for (key, item) in fields.iter() {
                    self.weigh(key, depth + 1);
                    self.weigh(item, depth + 1);
                }
            }
            Val::BStr(bytes) | Val::TStr(bytes) => self.pay(units(bytes.len())),
            Val::Num(Num::BigInt(number)) => {
                self.pay(units(
                    usize::try_from(number.bits()).unwrap_or(usize::MAX) / 8,
                ));
            }
            Val::Num(Num::Dec(digits)) => self.pay(units(digits.len())),
            Val::Null | Val::Bool(_) | Val::Num(_) => self.pay(1),
        }
    }
}

fn units(bytes: usize) -> u64 {
    u64::try_from(bytes / BYTES_A_UNIT)
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}

/// Where the stack is.
#[inline(never)]
fn here() -> usize {
    let marker = 0u8;
    std::ptr::from_ref(std::hint::black_box(&marker)).addr()
}

/// What native filters are given besides their input.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) lut: &'a Lut<Metered>,
    pub(super) meter: &'a Meter<'a>,
}

impl<'a> HasLut<'a, Metered> for Given<'a> {
    fn lut(&self) -> &'a Lut<Metered> {
        self.lut
    }
}

/// Filters over JSON that pay.
pub(super) struct Metered;

impl DataT for Metered {
    type V<'a> = Val;
    type Data<'a> = Given<'a>;
}

/// What reaches outside: the environment, the clock, the process, the log. And `range`, which would not pay: it is defined below.
const LEFT_OUT: &[&str] = &[
    "debug",
    "debug_empty",
    "env",
    "fromjson",
    "halt",
    "halt_error",
    "localtime",
    "now",
    "range",
    "stderr",
    "stderr_empty",
    "strflocaltime",
];

/// Native filters that give paths: they cannot be followed by a payment, and give no more than their argument does.
const GIVE_PATHS: &[&str] = &["first", "last", "limit", "skip"];

const OWN: &str = "
def range($from; $to; $by): $from
  | if $by > 0 then while(. < $to; . + $by)
  elif $by < 0 then while(. > $to; . + $by)
  else while(. != $to; . + $by) end;
def range($from; $to): range($from; $to; 1);
def range($to): range(0; $to; 1);
";

/// The native filters, and those that pay.
pub(super) fn natives() -> Vec<Fun<Metered>> {
    let theirs = jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, ..)| !LEFT_OUT.contains(name));
    let own = [
        run::<Metered>((TICK, v(0), |cv| {
            cv.0.data().meter.pay(1);
            bome(Ok(Val::Null))
        })),
        run((WEIGH, v(0), |cv| {
            cv.0.data().meter.weigh(&cv.1, 0);
            bome(Ok(Val::Null))
        })),
        run((TIMES, v(2), |mut cv| {
            let right = cv.0.pop_var();
            let left = cv.0.pop_var();
            bome(times(cv.0.data().meter, left, right))
        })),
        run(("fromjson", v(0), |cv| bome(from_json(&cv.1)))),
    ];
    theirs.chain(own).collect()
}

/// A text times a number is paid for before it is made.
fn times(meter: &Meter<'_>, left: Val, right: Val) -> Result<Val, Error<Val>> {
    if let (Val::TStr(text) | Val::BStr(text), Val::Num(number))
    | (Val::Num(number), Val::TStr(text) | Val::BStr(text)) = (&left, &right)
    {
        let count = match number {
            Num::Int(count) => usize::try_from(*count).unwrap_or(0),
            // jaq takes a large one for the largest there is, and no others.
            _ => usize::MAX,
        };
        meter.pay(units(text.len().saturating_mul(count)));
    }
    left * right
}

fn from_json(value: &Val) -> Result<Val, Error<Val>> {
    let bytes = value.try_as_utf8_bytes_owned()?;
    if !is_shallow(&bytes) {
        return Err(Error::str("this JSON is nested too deep"));
    }
    read::parse_single(&bytes).map_err(|error| Error::str(format_args!("not JSON: {error}")))
}

/// Whether JSON text has few enough levels to be read by recursion.
pub(super) fn is_shallow(json: &[u8]) -> bool {
    let mut depth = 0usize;
    // Brackets in strings are counted too where they open: what is refused wrongly is no text that anybody writes.
    for byte in json {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return false;
        }
    }
    true
}

/// The library, and `query` as the definition of `name`.
pub(super) fn definitions<'s>(
    name: &'s str,
    query: Term<&'s str>,
    natives: &[Fun<Metered>],
) -> Vec<Def<&'s str>> {
    let own = jaq_core::load::parse(OWN, |parser| parser.defs()).unwrap_or_default();
    let theirs = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .filter(|def| !LEFT_OUT.contains(&def.name));
    // `range` is made of `while`, and others are made of `range`; each sees only what stands before it.
    let mut all: Vec<Def<&'s str>> = Vec::new();
    for def in theirs {
        let is_while = def.name == "while";
        all.push(def);
        if is_while {
            all.extend(own.clone());
        }
    }
    all.push(Def {
        name,
        args: Vec::new(),
        body: query,
    });
    let rewrite = Rewrite { natives };
    all.into_iter().map(|def| rewrite.definition(def)).collect()
}

/// Puts payments into filters.
struct Rewrite<'n> {
    natives: &'n [Fun<Metered>],
}

impl Rewrite<'_> {
    fn definition<'s>(&self, def: Def<&'s str>) -> Def<&'s str> {
        Def {
            name: def.name,
            args: def.args,
            body: step(self.term(def.body)),
        }
    }

    fn boxed<'s>(&self, term: Term<&'s str>) -> Box<Term<&'s str>> {
        Box::new(self.term(term))
    }

    fn term<'s>(&self, term: Term<&'s str>) -> Term<&'s str> {
        match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => term,
            Term::Str(format, parts) => {
                let parts = parts.into_iter().map(|part| match part {
                    StrPart::Term(inner) => StrPart::Term(weighed(self.term(inner))),
                    other => other,
                });
                Term::Str(format, parts.collect())
            }
            Term::Arr(inner) => Term::Arr(inner.map(|inner| Box::new(weighed(self.term(*inner))))),
            Term::Obj(fields) => weighed(Term::Obj(
                fields
                    .into_iter()
                    .map(|(key, value)| (self.term(key), value.map(|it| self.term(it))))
                    .collect(),
            )),
            Term::Neg(inner) => Term::Neg(self.boxed(*inner)),
            Term::BinOp(left, operator, right) => self.operation(*left, operator, *right),
            Term::Label(name, inner) => Term::Label(name, self.boxed(*inner)),
            Term::Fold(name, source, pattern, bodies) => Term::Fold(
                name,
                self.boxed(*source),
                self.pattern(pattern),
                bodies.into_iter().map(|it| step(self.term(it))).collect(),
            ),
            Term::TryCatch(inner, otherwise) => Term::TryCatch(
                self.boxed(*inner),
                otherwise.map(|it| Box::new(step(self.term(*it)))),
            ),
            Term::IfThenElse(branches, otherwise) => Term::IfThenElse(
                branches
                    .into_iter()
                    .map(|(condition, then)| (self.term(condition), step(self.term(then))))
                    .collect(),
                otherwise.map(|it| Box::new(step(self.term(*it)))),
            ),
            Term::Def(defs, inner) => Term::Def(
                defs.into_iter().map(|def| self.definition(def)).collect(),
                self.boxed(*inner),
            ),
            Term::Call(name, arguments) => {
                let is_native = !GIVE_PATHS.contains(&name)
                    && self
                        .natives
                        .iter()
                        .any(|(known, args, _)| *known == name && args.len() == arguments.len());
                let call = Term::Call(
                    name,
                    arguments.into_iter().map(|it| self.term(it)).collect(),
                );
                if is_native { weighed(call) } else { step(call) }
            }
            Term::Path(inner, Path(parts)) => {
                let index = |it| stepped(self.term(it));
                let parts = parts.into_iter().map(|(part, optional)| {
                    let part = match part {
                        Part::Index(it) => Part::Index(index(it)),
                        Part::Range(from, to) => Part::Range(from.map(index), to.map(index)),
                    };
                    (part, optional)
                });
                Term::Path(self.boxed(*inner), Path(parts.collect()))
            }
        }
    }

    fn operation<'s>(
        &self,
        left: Term<&'s str>,
        operator: BinaryOp<&'s str>,
        right: Term<&'s str>,
    ) -> Term<&'s str> {
        let left = self.term(left);
        let right = self.term(right);
        match operator {
            BinaryOp::Pipe(pattern) => {
                let pattern = pattern.map(|it| self.pattern(it));
                binary(left, BinaryOp::Pipe(pattern), step(right))
            }
            BinaryOp::Comma | BinaryOp::Alt => binary(left, operator, step(right)),
            BinaryOp::Or | BinaryOp::And | BinaryOp::Cmp(_) => {
                stepped(binary(left, operator, right))
            }
            BinaryOp::Math(operator) => math(left, operator, right),
            BinaryOp::Update => binary(left, BinaryOp::Update, weighed(right)),
            // The others in terms of `|=`, so that each place that is written to is paid for.
            BinaryOp::Assign => assign(left, right, Term::Var(VARIABLE)),
            BinaryOp::UpdateMath(operator) => {
                assign(left, right, math(Term::Id, operator, Term::Var(VARIABLE)))
            }
            BinaryOp::UpdateAlt => {
                let value = binary(Term::Id, BinaryOp::Alt, Term::Var(VARIABLE));
                assign(left, right, value)
            }
        }
    }

    fn pattern<'s>(&self, pattern: Pattern<&'s str>) -> Pattern<&'s str> {
        match pattern {
            Pattern::Var(name) => Pattern::Var(name),
            Pattern::Arr(parts) => {
                Pattern::Arr(parts.into_iter().map(|it| self.pattern(it)).collect())
            }
            Pattern::Obj(parts) => Pattern::Obj(
                parts
                    .into_iter()
                    .map(|(key, part)| (stepped(self.term(key)), self.pattern(part)))
                    .collect(),
            ),
        }
    }
}

fn binary<'s>(
    left: Term<&'s str>,
    operator: BinaryOp<&'s str>,
    right: Term<&'s str>,
) -> Term<&'s str> {
    Term::BinOp(Box::new(left), operator, Box::new(right))
}

/// `left as $! | right`.
fn bind<'s>(left: Term<&'s str>, right: Term<&'s str>) -> Term<&'s str> {
    binary(left, BinaryOp::Pipe(Some(Pattern::Var(VARIABLE))), right)
}

/// Pays a unit, then is `term`, paths included.
fn step(term: Term<&str>) -> Term<&str> {
    bind(Term::Call(TICK, Vec::new()), term)
}

/// Pays a unit for each value of `term`.
fn stepped(term: Term<&str>) -> Term<&str> {
    binary(term, BinaryOp::Pipe(None), step(Term::Id))
}

/// Pays for each value of `term` by its size.
fn weighed(term: Term<&str>) -> Term<&str> {
    let pay = bind(Term::Call(WEIGH, Vec::new()), Term::Id);
    binary(term, BinaryOp::Pipe(None), pay)
}

fn math<'s>(left: Term<&'s str>, operator: Math, right: Term<&'s str>) -> Term<&'s str> {
    weighed(match operator {
        Math::Mul => Term::Call(TIMES, vec![left, right]),
        other => binary(left, BinaryOp::Math(other), right),
    })
}

/// `right as $! | left |= value`.
fn assign<'s>(left: Term<&'s str>, right: Term<&'s str>, value: Term<&'s str>) -> Term<&'s str> {
    bind(right, binary(left, BinaryOp::Update, weighed(value)))
}
