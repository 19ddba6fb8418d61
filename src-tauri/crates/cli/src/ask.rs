//! `nexus ask`: one turn, from the prompt to the exit code.

mod json_answer;

use std::{
    collections::HashMap,
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use nexus_core::Nexus;
use nexus_protocol::{
    Delta, Event, EventMsg, Item, ItemBody, ItemId, ModelRef, NewSession, NoticeLevel, Op,
    SessionId, Submission, SubmissionId,
};
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

use crate::{
    approval::Approvals,
    arguments::Ask,
    failure::{Failure, INTERRUPTED, words},
    output::{self, Output},
    sessions,
    signals::Interrupts,
};

/// How long an interrupted turn may take to end before the program goes; what is on disk is valid in any case.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Runs one turn.
pub async fn run(command: Ask, nexus: &Nexus, output: &mut Output) -> Result<ExitCode, Failure> {
    let text = prompt(command.prompt.as_deref())?;
    if let Some(schema) = &command.schema {
        let model = command.model.map(ModelRef);
        return json_answer::run(nexus, schema, model, &text, output).await;
    }
    let mode = command.mode.map(Into::into);
    let folder = folder(command.cwd.as_deref())?;
    let model = command.model.map(ModelRef);
    let routing = command.routing.map(Into::into);
    let mut interrupts = Interrupts::listen()?;
    let events = nexus.subscribe();
    let known = match &command.session {
        Some(id) => Some(sessions::find(nexus, id).await?),
        None => None,
    };
    let session = match known {
        Some(id) => {
            if let Some(mode) = mode {
                nexus.session_mode(id, mode).await?;
            }
            if command.cwd.is_some() {
                nexus.session_folder(id, folder).await?;
            }
            if routing.is_some() {
                nexus.session_routing(id, routing, model.clone()).await?;
            }
            id
        }
        None => {
            let new = NewSession {
                model: model.clone(),
                mode,
                folder: folder.map(|folder| folder.to_string_lossy().into_owned()),
                routing,
                partner: None,
            };
            nexus.session_create(new).await?.id
        }
    };
    let approvals = Approvals::new(command.json);
    let accepted = submit(
        nexus,
        session,
        Op::UserTurn {
            text,
            attachments: Vec::new(),
            // With a routing it has its place in the session already.
            model: model.filter(|_| routing.is_none()),
        },
    );
    // Accepting may take a while: the starter model is put in place by then.
    let accepted = tokio::select! {
        result = accepted => result,
        () = interrupts.next() => return Ok(ExitCode::from(INTERRUPTED)),
    };
    if let Err(failure) = accepted {
        if known.is_none() {
            // An empty chat that nobody asked for.
            nexus.session_delete(session).await?;
        }
        return Err(failure);
    }
    let printer = Printer {
        output,
        json: command.json,
        shown: HashMap::new(),
        anything: false,
        at_line_start: true,
    };
    follow(nexus, session, events, interrupts, printer, approvals).await
}

/// The folder to work in: the one that is named, else the present one where somebody is likely to mean it.
fn folder(named: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let Some(named) = named else {
        let here = std::env::current_dir().ok();
        let home = std::env::home_dir();
        return Ok(here.filter(|here| here.parent().is_some() && Some(here) != home.as_ref()));
    };
    match named.canonicalize() {
        Ok(folder) if folder.is_dir() => Ok(Some(folder)),
        _ => Err(Failure::refused(format!(
            "--cwd: {} is no folder",
            named.display()
        ))),
    }
}

async fn submit(nexus: &Nexus, session: SessionId, op: Op) -> Result<(), Failure> {
    let id = SubmissionId(Uuid::now_v7());
    Ok(nexus.submit(Submission { id, session, op }).await?)
}

/// The words to ask: the argument, or what is piped in.
fn prompt(argument: Option<&str>) -> Result<String, Failure> {
    let text = match argument {
        Some(text) if text != "-" => text.to_owned(),
        None if std::io::stdin().is_terminal() => {
            return Err(Failure::refused(
                "What do you want to ask? Give it as an argument, or pipe it in; `nexus ask --help` says more.",
            ));
        }
        _ => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| {
                    Failure::refused(format!("Standard input cannot be read as text: {error}"))
                })?;
            text
        }
    };
    if text.trim().is_empty() {
        return Err(Failure::refused("The question is empty."));
    }
    Ok(text)
}

/// Prints until the turn ends. The first interrupt stops the turn and waits for its end, the second ends the program.
async fn follow(
    nexus: &Nexus,
    session: SessionId,
    mut events: UnboundedReceiver<Event>,
    mut interrupts: Interrupts,
    mut printer: Printer<'_>,
    mut approvals: Approvals,
) -> Result<ExitCode, Failure> {
    let mut stopping = false;
    // Nobody reads any more: the turn is stopped, nothing is printed, and nothing went wrong.
    let mut quiet = false;
    let deadline = tokio::time::sleep(END_LIMIT);
    tokio::pin!(deadline);
    loop {
        let stop = tokio::select! {
            event = events.recv() => {
                let Some(event) = event else {
                    return Err(Failure::refused("The core ended before the turn did."));
                };
                if event.session != session {
                    continue;
                }
                let mut closed = false;
                if !quiet {
                    match printer.event(&event) {
                        Ok(()) => {}
                        Err(Failure::PipeClosed) => closed = true,
                        Err(failure) => return Err(failure),
                    }
                }
                if let Some(code) = end(&event.msg, &mut printer, quiet || closed)? {
                    return Ok(code);
                }
                quiet |= closed;
                if let EventMsg::ItemAdded { item } | EventMsg::ItemChanged { item } = &event.msg
                    && item.body.awaits_answer()
                {
                    approvals.ask(item);
                }
                closed
            }
            answer = approvals.next() => {
                // Refused where the turn was stopped meanwhile: then its end comes next.
                let _late = submit(nexus, session, answer).await;
                false
            }
            () = interrupts.next() => {
                if stopping {
                    std::process::exit(i32::from(INTERRUPTED));
                }
                true
            }
            () = &mut deadline, if stopping => return Ok(ExitCode::from(INTERRUPTED)),
        };
        if stop && !stopping {
            stopping = true;
            deadline
                .as_mut()
                .reset(tokio::time::Instant::now() + END_LIMIT);
            submit(nexus, session, Op::Interrupt).await?;
        }
    }
}

/// The exit code, where this event is the turn's last.
fn end(
    msg: &EventMsg,
    printer: &mut Printer<'_>,
    quiet: bool,
) -> Result<Option<ExitCode>, Failure> {
    if quiet {
        let ended = matches!(
            msg,
            EventMsg::TurnCompleted { .. }
                | EventMsg::TurnFailed { .. }
                | EventMsg::TurnInterrupted { .. }
        );
        return Ok(ended.then_some(ExitCode::SUCCESS));
    }
    let (code, card) = match msg {
        EventMsg::TurnCompleted { .. } => (ExitCode::SUCCESS, None),
        EventMsg::TurnFailed { error, .. } => (ExitCode::FAILURE, Some(error)),
        EventMsg::TurnInterrupted { error: None, .. } => (ExitCode::from(INTERRUPTED), None),
        // Not the user's wish: a connection that broke.
        EventMsg::TurnInterrupted { error, .. } => (ExitCode::FAILURE, error.as_ref()),
        _ => return Ok(None),
    };
    match printer.finish() {
        Ok(()) | Err(Failure::PipeClosed) => {}
        Err(failure) => return Err(failure),
    }
    if let Some(card) = card {
        output::warn(&words(card));
    }
    Ok(Some(code))
}

/// What of the events is printed.
struct Printer<'a> {
    output: &'a mut Output,
    json: bool,
    /// Bytes printed of each answer.
    shown: HashMap<ItemId, usize>,
    anything: bool,
    at_line_start: bool,
}

impl Printer<'_> {
    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        if self.json {
            return self.output.json_line(event);
        }
        match &event.msg {
            EventMsg::ItemAdded { item } | EventMsg::ItemCompleted { item } => self.item(item),
            EventMsg::ItemDelta {
                item,
                delta: Delta::Text { text },
                ..
            } => match self.shown.get_mut(item) {
                Some(shown) => {
                    *shown += text.len();
                    self.text(text)
                }
                // Thinking, or a tool's output.
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Prints what of an answer was not printed yet.
    fn item(&mut self, item: &Item) -> Result<(), Failure> {
        let text = match &item.body {
            ItemBody::Assistant { text, .. } => text,
            // What ended the turn is said at its end, by its card.
            ItemBody::Notice {
                level: NoticeLevel::Warning,
                text,
                error: None,
            } => {
                output::warn(&output::clean(text));
                return Ok(());
            }
            _ => return Ok(()),
        };
        if !self.shown.contains_key(&item.id) && self.anything {
            // A later answer of the same turn, after a tool call.
            let gap = if self.at_line_start { "\n" } else { "\n\n" };
            self.output.text(gap)?;
            self.anything = false;
        }
        let shown = self.shown.insert(item.id, text.len()).unwrap_or(0);
        match text.get(shown..) {
            Some(rest) => self.text(rest),
            None => Ok(()),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        self.anything = true;
        self.at_line_start = text.ends_with('\n');
        self.output.text(text)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if self.json || self.at_line_start {
            return Ok(());
        }
        self.output.text("\n")
    }
}
