//! Questions to the user, on the terminal.
//!
//! Owns how a question reads there and how it is answered. Where there is nobody to ask it says no, and says so to the model.

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Write},
};

use nexus_protocol::{
    Action, Approval, ApprovalAnswer, CloudOffer, Confinement, FileAccess, Item, ItemBody, ItemId,
    Op,
};
use tokio::sync::oneshot;

use crate::output;

/// Lines of a diff or a command that are shown; the rest is counted.
const MAX_LINES: usize = 60;
/// What a terminal is called where standard input is something else.
const TERMINAL: &str = if cfg!(windows) { "CON" } else { "/dev/tty" };

/// Questions in the order in which they came; one is asked at a time.
pub struct Approvals {
    on_terminal: bool,
    waiting: VecDeque<(ItemId, Question)>,
    asked: Option<(ItemId, Question, oneshot::Receiver<ApprovalAnswer>)>,
}

/// What is asked.
#[derive(Clone)]
enum Question {
    /// Whether a tool may run.
    Tool(Box<Approval>),
    /// Whether the turn may go on in the cloud.
    Cloud(Box<CloudOffer>),
}

impl Question {
    fn of(item: &Item) -> Option<Self> {
        match &item.body {
            ItemBody::ToolCall { approval, .. } => approval.clone().map(Self::Tool),
            ItemBody::Offer { offer } => Some(Self::Cloud(offer.clone())),
            _ => None,
        }
    }

    fn answered(self, item: ItemId, answer: ApprovalAnswer) -> Op {
        let (nonce, fingerprint) = match self {
            Self::Tool(approval) => (approval.nonce, approval.fingerprint),
            Self::Cloud(offer) => (offer.nonce, offer.fingerprint),
        };
        Op::Approve {
            item,
            nonce,
            fingerprint,
            answer,
        }
    }

    /// Said where there is nobody to ask.
    fn refused(&self) -> String {
        match self {
            Self::Tool(approval) => format!(
                "Refused, since there is no terminal to ask on: {} {}. `--mode` and `--allow` say beforehand what may run.",
                approval.action.label.verb,
                escaped(&approval.action.label.object)
            ),
            Self::Cloud(offer) => format!(
                "{} Nothing was sent to {}, since there is no terminal to ask on.",
                escaped(&offer.why),
                escaped(&offer.display_name)
            ),
        }
    }
}

impl Approvals {
    /// With `json` nobody is asked: a program reads the output.
    pub fn new(json: bool) -> Self {
        Self {
            on_terminal: !json && std::io::stderr().is_terminal() && File::open(TERMINAL).is_ok(),
            waiting: VecDeque::new(),
            asked: None,
        }
    }

    /// Something waits for the user.
    pub fn ask(&mut self, item: &Item) {
        if let Some(question) = Question::of(item) {
            self.waiting.push_back((item.id, question));
        }
    }

    /// The next answer; waits for ever where nothing is asked. Dropping this future loses nothing.
    pub async fn next(&mut self) -> Op {
        if self.asked.is_none() {
            let Some((item, question)) = self.waiting.pop_front() else {
                return std::future::pending().await;
            };
            let (answer, answered) = oneshot::channel();
            if self.on_terminal {
                let asked = question.clone();
                // A thread of its own: a read from a terminal cannot be broken off.
                std::thread::spawn(move || {
                    drop(answer.send(match &asked {
                        Question::Tool(approval) => on_terminal(approval),
                        Question::Cloud(offer) => cloud_on_terminal(offer),
                    }));
                });
            } else {
                output::warn(&question.refused());
                let word = "There is no terminal on which the user could be asked.".to_owned();
                drop(answer.send(ApprovalAnswer::Deny { word }));
            }
            self.asked = Some((item, question, answered));
        }
        let answer = match &mut self.asked {
            Some((_, _, answered)) => answered.await,
            None => return std::future::pending().await,
        };
        match self.asked.take() {
            Some((item, question, _)) => {
                question.answered(item, answer.unwrap_or(ApprovalAnswer::Withdrawn))
            }
            None => std::future::pending().await,
        }
    }
}

/// Asks until there is an answer; the end of the input is a no.
fn on_terminal(approval: &Approval) -> ApprovalAnswer {
    let denied = || ApprovalAnswer::Deny {
        word: String::new(),
    };
    let Ok(input) = File::open(TERMINAL) else {
        return denied();
    };
    let mut lines = BufReader::new(input).lines();
    let mut out = std::io::stderr();
    let always = match &approval.rule {
        Some(rule) => format!(", [a]lways by {rule}"),
        None => String::new(),
    };
    let ask =
        format!("Allow? [y]es once, for this [s]ession{always}, [N]o, or a word to the model: ");
    // A terminal that cannot be written to cannot be read from either.
    let _shown = write!(out, "\n{}{ask}", question(approval));
    loop {
        let _flushed = out.flush();
        let Some(Ok(line)) = lines.next() else {
            return denied();
        };
        match line.trim() {
            "y" | "yes" => return ApprovalAnswer::Once,
            "s" | "session" => return ApprovalAnswer::Session,
            "a" | "always" if approval.rule.is_some() => return ApprovalAnswer::Always,
            "" | "n" | "no" => return denied(),
            short if short.chars().count() == 1 => {
                let _shown = write!(out, "{ask}");
            }
            word => {
                return ApprovalAnswer::Deny {
                    word: word.to_owned(),
                };
            }
        }
    }
}

/// Asks whether the turn may go on in the cloud; everything but a yes is a no.
fn cloud_on_terminal(offer: &CloudOffer) -> ApprovalAnswer {
    let mut out = std::io::stderr();
    let _shown = write!(out, "\n{}Send it? [y]es, [N]o: ", cloud_question(offer));
    let _flushed = out.flush();
    let line = File::open(TERMINAL)
        .ok()
        .and_then(|input| BufReader::new(input).lines().next());
    match line {
        Some(Ok(line)) if matches!(line.trim(), "y" | "yes") => ApprovalAnswer::Once,
        _ => ApprovalAnswer::Deny {
            word: String::new(),
        },
    }
}

/// The whole question about the cloud, as it is shown.
fn cloud_question(offer: &CloudOffer) -> String {
    format!(
        "Go on in the cloud?\n  {}\n  {} ({}) would get {}.\n  {}\n  The rest of this turn is answered there too.\n",
        escaped(&offer.why),
        escaped(&offer.display_name),
        escaped(&offer.model.0),
        offer.contents(),
        offer.price()
    )
}

/// The whole question, as it is shown.
fn question(approval: &Approval) -> String {
    let Action {
        label,
        process,
        files,
        network,
        ..
    } = &approval.action;
    let mut text = format!(
        "{} {}\n  {}\n",
        label.verb,
        escaped(&label.object),
        approval.why
    );
    if let Some(process) = process {
        if let Confinement::Not { why } = &process.sandbox {
            text.push_str(&format!("  NOT SANDBOXED: {}\n", escaped(why)));
        }
        text.push_str(&format!("  in {}\n", escaped(&process.cwd)));
        push_lines(&mut text, process.code.lines().map(escaped));
    }
    for file in files {
        let access = match file.access {
            FileAccess::Read => "reads",
            FileAccess::Create => "makes",
            FileAccess::Modify => "changes",
            FileAccess::Delete => "deletes",
            FileAccess::MoveFrom => "moves",
            FileAccess::MoveTo => "to",
        };
        let undo = if file.access.is_read() || file.undoable {
            ""
        } else {
            " (cannot be undone)"
        };
        text.push_str(&format!("  {access} {}{undo}\n", escaped(&file.path)));
        if let Some(diff) = &file.diff {
            let lines = diff.hunks.iter().flat_map(|hunk| &hunk.lines).map(|line| {
                let sign = match (line.old, line.new) {
                    (None, _) => '+',
                    (_, None) => '-',
                    _ => ' ',
                };
                format!("{sign} {}", escaped(&line.text))
            });
            push_lines(&mut text, lines);
        }
    }
    match network {
        Some(network) if network.hosts.is_empty() => {
            text.push_str("  may reach any host on the network\n");
        }
        Some(network) => text.push_str(&format!(
            "  talks to {}\n",
            escaped(&network.hosts.join(", "))
        )),
        None => {}
    }
    if let Some(reason) = &approval.reason {
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(&format!("  The model says: “{}”\n", escaped(&reason)));
    }
    text
}

fn push_lines(text: &mut String, lines: impl Iterator<Item = String>) {
    let mut hidden = 0;
    for (index, line) in lines.enumerate() {
        if index < MAX_LINES {
            text.push_str(&format!("  | {line}\n"));
        } else {
            hidden += 1;
        }
    }
    if hidden > 0 {
        text.push_str(&format!(
            "  | … and {hidden} more lines that are not shown\n"
        ));
    }
}

/// Nothing that a terminal acts on, turns around or hides.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\t' => "    ".to_owned(),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}' => character.escape_unicode().to_string(),
            other if other.is_control() => other.escape_unicode().to_string(),
            other => other.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
