//! Where the user is looking: page, dialogs, toasts, drafts. Nothing here outlives the window.

use std::collections::HashMap;

use leptos::prelude::{
    Callback, GetUntracked, RwSignal, Set, StoredValue, Update, UpdateValue, WithUntracked,
    WithValue,
};
use nexus_protocol::{
    Attachment, ErrorCard, ItemId, Mode, Routing, SessionId, UndoReport, UndoScope,
};

/// Images that one message takes.
const MOST_IMAGES: usize = 8;

/// What fills the window beside the sidebar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// The open session, or a new chat where none is.
    #[default]
    Chat,
    /// Models.
    Models,
    /// Settings.
    Settings(SettingsSection),
    /// The first-run screen: the whole window.
    Onboarding,
}

/// Where in the settings to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SettingsSection {
    /// From the top.
    #[default]
    Top,
    /// At one provider.
    Provider(String),
}

/// A word at the lower edge that goes by itself.
#[derive(Clone)]
pub struct Toast {
    /// Grows.
    pub id: u64,
    /// One line.
    pub text: String,
    /// Whether something failed.
    pub bad: bool,
    /// A button: its label and what it does.
    pub action: Option<(String, Callback<()>)>,
}

/// What was typed and not sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The words.
    pub text: String,
    /// Images.
    pub attachments: Vec<Attachment>,
}

/// An undo that met files that somebody changed since: the user decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Undo {
    /// Where.
    pub session: SessionId,
    /// How much was to be taken back.
    pub scope: UndoScope,
    /// What stands in the way.
    pub report: UndoReport,
}

/// Where the user is looking. Copying it copies handles.
#[derive(Clone, Copy)]
pub struct View {
    /// The page.
    pub page: RwSignal<Page>,
    /// Whether the sidebar is out of sight in a wide window.
    pub sidebar_hidden: RwSignal<bool>,
    /// Whether the sidebar lies over a narrow window.
    pub drawer: RwSignal<bool>,
    /// Whether the model picker is open.
    pub picker: RwSignal<bool>,
    /// Whether the search dialog is open.
    pub search: RwSignal<bool>,
    /// At the lower edge, oldest first.
    pub toasts: RwSignal<Vec<Toast>>,
    /// An item to bring into sight once its session is shown.
    pub reveal: RwSignal<Option<(SessionId, ItemId)>>,
    /// A counter: each step asks the composer to take the focus.
    pub focus_composer: RwSignal<u64>,
    /// Why the last message was not accepted; shown above the composer.
    pub send_error: RwSignal<Option<ErrorCard>>,
    /// How free the agent will be in the chat that the next message begins.
    pub new_mode: RwSignal<Mode>,
    /// Where the chat that the next message begins is answered; `None` for where its model is.
    pub new_routing: RwSignal<Option<Routing>>,
    /// The working folder of the chat that the next message begins.
    pub new_folder: RwSignal<Option<String>>,
    /// Whether the Changes panel is open.
    pub changes: RwSignal<bool>,
    /// An undo that waits for the user's word.
    pub undo: RwSignal<Option<Undo>>,
    /// The session whose last undo can be taken back.
    pub redo: RwSignal<Option<SessionId>>,
    /// Whether a model file is being added.
    pub adding_model: RwSignal<bool>,
    /// Why the last model file could not be added.
    pub model_error: RwSignal<Option<ErrorCard>>,
    /// Whether files of another program are dragged over the window.
    pub files_over: RwSignal<bool>,
    /// Images that go with the next message.
    pub attached: RwSignal<Vec<Attachment>>,
    /// Texts of files that the composer has yet to take in: name and words.
    pub written_in: RwSignal<Vec<(String, String)>>,
    drafts: StoredValue<HashMap<Option<SessionId>, Draft>>,
    toast_count: StoredValue<u64>,
}

impl View {
    /// A new chat, nothing open.
    pub fn new() -> Self {
        Self {
            page: RwSignal::new(Page::Chat),
            sidebar_hidden: RwSignal::new(false),
            drawer: RwSignal::new(false),
            picker: RwSignal::new(false),
            search: RwSignal::new(false),
            toasts: RwSignal::new(Vec::new()),
            reveal: RwSignal::new(None),
            focus_composer: RwSignal::new(0),
            send_error: RwSignal::new(None),
            new_mode: RwSignal::new(Mode::default()),
            new_routing: RwSignal::new(None),
            new_folder: RwSignal::new(None),
            changes: RwSignal::new(false),
            undo: RwSignal::new(None),
            redo: RwSignal::new(None),
            adding_model: RwSignal::new(false),
            model_error: RwSignal::new(None),
            files_over: RwSignal::new(false),
            attached: RwSignal::new(Vec::new()),
            written_in: RwSignal::new(Vec::new()),
            drafts: StoredValue::new(HashMap::new()),
            toast_count: StoredValue::new(0),
        }
    }

    /// Asks the composer to take the focus.
    pub fn focus(&self) {
        self.focus_composer.update(|count| *count += 1);
    }

    /// What was typed for a session; `None` is the new chat.
    pub fn draft(&self, session: Option<SessionId>) -> Draft {
        self.drafts
            .with_value(|drafts| drafts.get(&session).cloned().unwrap_or_default())
    }

    /// Keeps what was typed.
    pub fn keep_draft(&self, session: Option<SessionId>, draft: Draft) {
        self.drafts.update_value(|drafts| {
            if draft == Draft::default() {
                drafts.remove(&session);
            } else {
                drafts.insert(session, draft);
            }
        });
    }

    /// Adds an image to the next message. Says where no more would be taken, and is `false` then.
    pub fn attach(&self, image: Attachment) -> bool {
        let room = self.attached.with_untracked(Vec::len) < MOST_IMAGES;
        if room {
            self.attached.update(|images| images.push(image));
        } else {
            self.say(
                format!("A message takes {MOST_IMAGES} images at most"),
                true,
                None,
            );
        }
        room
    }

    /// Adds the text of a file to the words of the next message.
    pub fn write_in(&self, name: &str, text: &str) {
        self.written_in
            .update(|all| all.push((name.to_owned(), text.to_owned())));
    }

    /// Says that the model in use takes none.
    pub fn say_no_images(&self) {
        self.say(
            "This model reads no images. Choose another one to attach them.".into(),
            true,
            None,
        );
    }

    /// Says something at the lower edge and returns its id, so that it can be taken away.
    pub fn say(&self, text: String, bad: bool, action: Option<(String, Callback<()>)>) -> u64 {
        let id = self
            .toast_count
            .try_update_value(|count| {
                *count += 1;
                *count
            })
            .unwrap_or_default();
        self.toasts.update(|toasts| {
            // More than four would cover the composer.
            if toasts.len() >= 4 {
                toasts.remove(0);
            }
            toasts.push(Toast {
                id,
                text,
                bad,
                action,
            });
        });
        id
    }

    /// Takes a word away.
    pub fn unsay(&self, id: u64) {
        self.toasts
            .update(|toasts| toasts.retain(|toast| toast.id != id));
    }

    /// Closes what lies over the page. Says whether anything did.
    pub fn close_floating(&self) -> bool {
        for open in [self.search, self.picker, self.drawer] {
            if open.get_untracked() {
                open.set(false);
                return true;
            }
        }
        false
    }
}

impl Default for View {
    fn default() -> Self {
        Self::new()
    }
}
