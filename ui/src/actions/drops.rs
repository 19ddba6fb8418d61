//! Files that are dragged over the window: models where models are shown, images where messages are written.

use leptos::{
    prelude::{GetUntracked, Set, untrack},
    task::spawn_local,
};
use nexus_protocol::FileDrag;

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
    /// Images for the next message.
    Images,
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
        (Page::Chat, _) => Wish::Images,
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
        Wish::Images => spawn_local(attach(app)),
        Wish::TooMany => drop(app.view.say("Drop one model at a time".into(), true, None)),
        Wish::Nothing => {}
    }
}

async fn attach(app: App) {
    if !untrack(|| app.takes_images()) {
        app.view.say_no_images();
        return;
    }
    match client::dropped_images().await {
        Ok(read) => {
            for image in read {
                let room = match image {
                    Ok(image) => app.view.attach(image),
                    Err(card) => {
                        app.view.say(one_line(&card), true, None);
                        true
                    }
                };
                if !room {
                    break;
                }
            }
            app.view.focus();
        }
        Err(card) => drop(app.view.say(one_line(&card), true, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::SettingsSection;

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
            (Page::Chat, paths(&["/a.png"]), Wish::Images),
            (Page::Chat, paths(&["/a.png", "/b.gguf"]), Wish::Images),
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
