//! One pass over a line, character by character.
//!
//! Where it meets something that it does not read it notes why, takes it for the end of a command, and goes on: what is
//! left is no longer trusted, only searched.

use std::{iter::Peekable, str::Chars};

use super::{PlainCommand, ShellLine};

const VARIABLES: &str = "it holds variables or the output of commands";
const SCRIPT: &str = "it is a script, not a list of commands";
const BROKEN: &str = "it is not complete";

/// Words that are no commands where a command begins.
pub(super) const RESERVED: &[&str] = &[
    "!", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for",
    "function", "if", "in", "select", "then", "time", "until", "while",
];

/// Where the word that comes next belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Argument,
    Read,
    Write,
    /// After `>&`: a number is a descriptor.
    Joined,
}

#[derive(Default)]
struct Word {
    text: String,
    /// A quote or a backslash was in it: it is a word even if it is empty, and never a reserved one.
    quoted: bool,
    /// It has an equals sign outside of quotes.
    assigns: bool,
}

pub(super) struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    line: ShellLine,
    command: PlainCommand,
    word: Option<Word>,
    place: Place,
    /// After `&&`, `||` or `|`: a command must follow.
    expecting: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.chars().peekable(),
            line: ShellLine {
                commands: Vec::new(),
                opaque: None,
            },
            command: PlainCommand::default(),
            word: None,
            place: Place::Argument,
            expecting: false,
        }
    }

    pub(super) fn read(mut self) -> ShellLine {
        while let Some(character) = self.rest.next() {
            self.take(character);
        }
        self.end_command();
        if self.expecting || self.line.commands.is_empty() {
            self.refuse(BROKEN);
        }
        self.line
    }

    fn take(&mut self, character: char) {
        match character {
            ' ' | '\t' => self.end_word(),
            '\n' => self.separate(false),
            ';' => {
                if self.eats(';') {
                    self.refuse(SCRIPT);
                }
                self.separate(true);
            }
            '|' => {
                if self.eats('&') {
                    self.refuse("it joins streams");
                } else {
                    let _or = self.eats('|');
                }
                self.join();
            }
            '&' if self.eats('&') => self.join(),
            '&' if self.eats('>') => {
                self.end_word();
                self.redirection('>');
            }
            '&' => {
                self.refuse("it starts something in the background");
                self.separate(false);
            }
            '<' | '>' => {
                self.take_descriptor();
                self.redirection(character);
            }
            '\'' => self.single_quoted(),
            '"' => self.double_quoted(),
            '\\' => match self.rest.next() {
                Some('\n') | None => self.refuse("a line of it goes on in the next"),
                Some(escaped) => {
                    let word = self.word();
                    word.text.push(escaped);
                    word.quoted = true;
                }
            },
            '$' | '`' => {
                self.refuse(VARIABLES);
                // What was before it is no whole word, but better than none for a search.
                let _word = self.word();
                if character == '`' || self.rest.peek() == Some(&'(') {
                    self.separate(false);
                }
            }
            '(' | ')' | '{' | '}' => {
                self.refuse(SCRIPT);
                self.separate(false);
            }
            other => self.plain(other),
        }
    }

    fn plain(&mut self, character: char) {
        let first = self.command.argv.is_empty();
        let word = self.word();
        let why = match character {
            // The subscript of a variable may hold anything up to its bracket, even what parts commands elsewhere.
            '[' if first => Some("it sets variables, which change what commands do"),
            '#' if word.text.is_empty() && !word.quoted => Some("it holds a comment"),
            '~' if word.text.is_empty() || word.text.ends_with([':', '=']) => {
                Some("it names a home folder")
            }
            // It may become a file name that begins with a dash: an option.
            '*' | '?' | '[' if word.text.is_empty() || word.text.starts_with('-') => {
                Some("it begins with a pattern, which may become an option")
            }
            _ => None,
        };
        word.assigns |= character == '=';
        word.text.push(character);
        if let Some(why) = why {
            self.refuse(why);
        }
    }

    fn single_quoted(&mut self) {
        self.word().quoted = true;
        loop {
            match self.rest.next() {
                Some('\'') => return,
                Some(character) => self.word().text.push(character),
                None => return self.refuse(BROKEN),
            }
        }
    }

    fn double_quoted(&mut self) {
        self.word().quoted = true;
        loop {
            match self.rest.next() {
                Some('"') => return,
                Some('\\') => match self.rest.next() {
                    Some(escaped @ ('$' | '`' | '"' | '\\')) => self.word().text.push(escaped),
                    Some('\n') | None => return self.refuse("a line of it goes on in the next"),
                    Some(other) => self.word().text.extend(['\\', other]),
                },
                // Not read further as a quote: a command may stand in there.
                Some(variable @ ('$' | '`')) => return self.take(variable),
                Some(character) => self.word().text.push(character),
                None => return self.refuse(BROKEN),
            }
        }
    }

    /// The digits right before a redirection are its descriptor, no argument.
    fn take_descriptor(&mut self) {
        let digits = self.place == Place::Argument
            && self.word.as_ref().is_some_and(|word| {
                !word.quoted && word.text.bytes().all(|byte| byte.is_ascii_digit())
            });
        if digits {
            self.word = None;
        }
        self.end_word();
    }

    fn redirection(&mut self, operator: char) {
        if self.place != Place::Argument {
            self.refuse(BROKEN);
        }
        self.place = match operator {
            '<' if matches!(self.rest.peek(), Some('<' | '>' | '&')) => {
                self.refuse("it holds input for a command");
                let _second = self.rest.next();
                Place::Read
            }
            '<' => Place::Read,
            _ if self.eats('&') => Place::Joined,
            _ => {
                let _append_or_force = self.eats('>') || self.eats('|');
                Place::Write
            }
        };
    }

    /// The word that is being read.
    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_default()
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else {
            return;
        };
        let place = std::mem::replace(&mut self.place, Place::Argument);
        let first = self.command.argv.is_empty();
        match place {
            Place::Argument if first && word.assigns => {
                self.refuse("it sets variables, which change what commands do");
            }
            Place::Argument if first && !word.quoted && RESERVED.contains(&word.text.as_str()) => {
                self.refuse(SCRIPT);
            }
            Place::Argument => self.command.argv.push(word.text),
            Place::Read => self.command.reads.push(word.text),
            Place::Joined if word.text == "-" => self.refuse("it closes a stream"),
            Place::Joined
                if !word.text.is_empty() && word.text.bytes().all(|byte| byte.is_ascii_digit()) => {
            }
            Place::Write | Place::Joined => self.command.writes.push(word.text),
        }
    }

    fn end_command(&mut self) -> bool {
        self.end_word();
        if self.place != Place::Argument {
            self.refuse(BROKEN);
            self.place = Place::Argument;
        }
        let command = std::mem::take(&mut self.command);
        if command.argv.is_empty() {
            if command != PlainCommand::default() {
                self.refuse("it redirects without a command");
            }
            return false;
        }
        self.line.commands.push(command);
        self.expecting = false;
        true
    }

    /// The end of a command; one must have been there.
    fn separate(&mut self, required: bool) {
        if !self.end_command() && required {
            self.refuse(BROKEN);
        }
    }

    fn join(&mut self) {
        self.separate(true);
        self.expecting = true;
    }

    fn eats(&mut self, wanted: char) -> bool {
        self.rest.next_if_eq(&wanted).is_some()
    }

    /// The first reason stays.
    fn refuse(&mut self, why: &'static str) {
        self.line.opaque.get_or_insert(why);
    }
}
