//! Files that are dragged over the window: models where models are shown, images and texts where messages are written.

use leptos::{
    prelude::{GetUntracked, Set, untrack},
    task::spawn_local,
};
use nexus_protocol::{FileDrag, GivenFile};

use super::chat::one_line;
use crate::{
    ipc::client,
    state::{App, Page},
};

/// What a drop asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    /// A model file, or a folder with one.
    Model(String),
    /// Images and texts for the next message.
    Message,
    /// More than can be added at a time.
    TooMany,
    /// Nothing that this page does.
    Nothing,
}

/// Decides by the page; a model file is one everywhere.
fn wish(page: &Page, paths: &[String]) -> Wish {
    let is_model = |path: &String| path.to_lowercase().ends_with(".gguf");
    match (page, paths) {
        (Page::Models, [one]) => Wish::Model(one.clone()),
        (Page::Models, _) => Wish::TooMany,
        (Page::Chat, [one]) if is_model(one) => Wish::Model(one.clone()),
        (Page::Chat, _) => Wish::Message,
        (Page::Settings(_) | Page::Onboarding, _) => Wish::Nothing,
    }
}

/// Takes in what becomes of dragged files.
pub(super) fn dragged(app: App, drag: FileDrag) {
    app.view.files_over.set(drag == FileDrag::Over);
    let FileDrag::Dropped { paths } = drag else {
        return;
    };
    match wish(&app.view.page.get_untracked(), &paths) {
        Wish::Model(path) => {
            app.library.wanted.set(None);
            // The field says what would be added, and asks how.
            app.library.query.set(path);
            app.view.page.set(Page::Models);
        }
        Wish::Message => spawn_local(attach(app)),
        Wish::TooMany => drop(app.view.say("Drop one model at a time".into(), true, None)),
        Wish::Nothing => {}
    }
}

async fn attach(app: App) {
    match client::dropped_files().await {
        Ok(read) => {
            let words = |read: Result<_, _>| read.map_err(|card| one_line(&card));
            give(app, read.into_iter().map(words).collect());
        }
        Err(card) => drop(app.view.say(one_line(&card), true, None)),
    }
}

/// Puts files into the next message, in their order; says why one does not go in.
pub fn give(app: App, files: Vec<Result<GivenFile, String>>) {
    let mut room = true;
    let mut told = false;
    for file in files {
        match file {
            Ok(GivenFile::Image(_)) if !untrack(|| app.takes_images()) => {
                // Once for all of them.
                if !told {
                    app.view.say_no_images();
                }
                told = true;
            }
            Ok(GivenFile::Image(image)) => room = room && app.view.attach(image),
            Ok(GivenFile::Text { name, text }) => app.view.write_in(&name, &text),
            Err(words) => drop(app.view.say(words, true, None)),
        }
    }
    app.view.focus();
}

#[cfg(test)]
mod tests {
    use leptos::prelude::{Owner, WithUntracked};
    use nexus_protocol::{Attachment, ImageData};

    use super::*;
    use crate::state::SettingsSection;

    #[test]
    fn texts_go_in_where_images_do_not_and_that_is_said_once() {
        let owner = Owner::new();
        owner.with(|| {
            let app = App::new();
            let image = || {
                Ok(GivenFile::Image(Attachment {
                    name: "a.png".into(),
                    image: ImageData {
                        media_type: "image/png".into(),
                        base64: String::new(),
                    },
                }))
            };
            let text = Ok(GivenFile::Text {
                name: "b.txt".into(),
                text: "Milk".into(),
            });
            give(app, vec![image(), text, Err("“c” is none".into()), image()]);
            assert_eq!(
                app.view.written_in.get_untracked(),
                [("b.txt".to_owned(), "Milk".to_owned())]
            );
            assert!(app.view.attached.with_untracked(Vec::is_empty));
            let said: Vec<_> = app
                .view
                .toasts
                .with_untracked(|toasts| toasts.iter().map(|toast| toast.text.clone()).collect());
            assert_eq!(
                said,
                [
                    "This model reads no images. Choose another one to attach them.",
                    "“c” is none"
                ]
            );
        });
    }

    #[test]
    fn a_drop_means_what_the_page_is_about() {
        let paths = |all: &[&str]| {
            all.iter()
                .map(|path| (*path).to_owned())
                .collect::<Vec<_>>()
        };
        let model = Wish::Model("/m/a.GGUF".into());
        let cases = [
            (Page::Models, paths(&["/m/a.GGUF"]), model.clone()),
            (Page::Models, paths(&["/m"]), Wish::Model("/m".into())),
            (Page::Models, paths(&["/a.gguf", "/b.gguf"]), Wish::TooMany),
            (Page::Chat, paths(&["/m/a.GGUF"]), model),
            (Page::Chat, paths(&["/a.png"]), Wish::Message),
            (Page::Chat, paths(&["/a.png", "/b.gguf"]), Wish::Message),
            (
                Page::Settings(SettingsSection::Top),
                paths(&["/a.gguf"]),
                Wish::Nothing,
            ),
            (Page::Onboarding, paths(&["/a.gguf"]), Wish::Nothing),
        ];
        for (page, paths, expected) in cases {
            assert_eq!(wish(&page, &paths), expected, "{page:?} {paths:?}");
        }
    }
}
