//! Models that could be had: the search, more of it, one model's details.

use leptos::{
    prelude::{GetUntracked, Set, Update, WithUntracked, request_animation_frame},
    task::spawn_local,
};
use nexus_protocol::HubPage;

use super::models::reload;
use crate::{
    browser,
    ipc::client,
    state::{App, Loaded, Wanted},
};

/// Asks the built-in catalogue what suits this machine.
pub fn load_suggested(app: App) {
    reload(
        app,
        app.library.suggested,
        client::models_search(String::new(), None),
    );
}

/// Asks the hub for what stands in the search field. What is shown stays until the answer is here.
pub fn search_models(app: App) {
    let library = app.library;
    let query = library.query.get_untracked().trim().to_owned();
    let question = library.ask();
    library.more_comes.set(false);
    if query.is_empty() {
        library.results.set(Loaded::Unasked);
        return;
    }
    library.results.update(|held| match held {
        Loaded::Ready { refreshing, .. } => *refreshing = true,
        _ => *held = Loaded::Loading,
    });
    spawn_local(async move {
        let answer = client::models_search(query.clone(), None).await;
        if !library.is_last(question) {
            return;
        }
        match answer {
            Ok(page) => {
                if let Some(wanted) = named(&page) {
                    show_details(app, wanted);
                }
                library.results.set(Loaded::Ready {
                    value: page,
                    refreshing: false,
                });
            }
            Err(card) => library.results.set(Loaded::Failed(card)),
        }
    });
}

/// Asks for more of the same.
pub fn more_models(app: App) {
    let library = app.library;
    let next = library
        .results
        .with_untracked(|held| held.value().and_then(|page| page.next.clone()));
    let Some(next) = next else { return };
    let query = library.query.get_untracked().trim().to_owned();
    let question = library.ask();
    library.more_comes.set(true);
    spawn_local(async move {
        let answer = client::models_search(query, Some(next)).await;
        if !library.is_last(question) {
            return;
        }
        library.more_comes.set(false);
        library.results.update(|held| {
            let Loaded::Ready { value, .. } = held else {
                return;
            };
            match answer {
                Ok(more) => append(value, more),
                Err(card) => value.trouble = Some(card),
            }
        });
    });
}

/// Shows a model's details; those of the same model stay until the new ones are here.
pub fn show_details(app: App, wanted: Wanted) {
    let library = app.library;
    let same = library
        .wanted
        .with_untracked(|held| held.as_ref().is_some_and(|held| held.id == wanted.id));
    library.details.update(|held| match held {
        Loaded::Ready { refreshing, .. } if same => *refreshing = true,
        _ => *held = Loaded::Loading,
    });
    library.wanted.set(Some(wanted.clone()));
    spawn_local(async move {
        let answer = client::models_details(wanted.id.clone(), wanted.context).await;
        if library
            .wanted
            .with_untracked(|held| held.as_ref() != Some(&wanted))
        {
            return;
        }
        library.details.set(match answer {
            Ok(value) => Loaded::Ready {
                value,
                refreshing: false,
            },
            Err(card) => Loaded::Failed(card),
        });
    });
}

/// Goes from a model's details back to the list. Says whether details were shown.
pub fn leave_details(app: App) -> bool {
    let Some(wanted) = app.library.wanted.get_untracked() else {
        return false;
    };
    app.library.wanted.set(None);
    // Back where the reader came from.
    request_animation_frame(move || browser::focus_data("data-hub", &wanted.id));
    true
}

/// The model whose file an address named: there is nothing to choose from a list.
fn named(page: &HubPage) -> Option<Wanted> {
    let file = page.file.clone()?;
    let model = page.models.first()?;
    Some(Wanted {
        id: model.id.clone(),
        file: Some(file),
        context: None,
    })
}

/// Puts the next page behind what is there. Where the hub could not be asked, the place to go on at stays.
fn append(held: &mut HubPage, more: HubPage) {
    held.trouble = more.trouble;
    if held.trouble.is_some() {
        return;
    }
    held.next = more.next;
    for model in more.models {
        // Pages overlap where models rise and fall between two questions.
        if !held.models.iter().any(|known| known.id == model.id) {
            held.models.push(model);
        }
    }
}

#[cfg(test)]
mod tests {
    use nexus_protocol::{ErrorAction, ErrorCard, ErrorCode, HubModel};

    use super::*;

    fn page(ids: &[&str], next: Option<&str>) -> HubPage {
        HubPage {
            models: ids
                .iter()
                .map(|id| HubModel {
                    id: (*id).into(),
                    ..HubModel::default()
                })
                .collect(),
            next: next.map(str::to_owned),
            ..HubPage::default()
        }
    }

    #[test]
    fn pages_meet_without_repeating() {
        let mut held = page(&["a/1", "a/2"], Some("2"));
        append(&mut held, page(&["a/2", "a/3"], None));
        assert_eq!(held, page(&["a/1", "a/2", "a/3"], None));
    }

    #[test]
    fn a_page_that_did_not_come_can_be_asked_for_again() {
        let mut held = page(&["a/1"], Some("2"));
        let trouble = ErrorCard::new(ErrorCode::Unreachable, "No hub", "", ErrorAction::Retry);
        let mut failed = page(&["known/1"], None);
        failed.trouble = Some(trouble.clone());
        append(&mut held, failed);
        let mut expected = page(&["a/1"], Some("2"));
        expected.trouble = Some(trouble);
        assert_eq!(held, expected);
        append(&mut held, page(&["a/2"], None));
        assert_eq!(held, page(&["a/1", "a/2"], None));
    }

    #[test]
    fn only_a_named_file_opens_by_itself() {
        let mut one = page(&["a/1"], None);
        assert_eq!(named(&one), None);
        one.file = Some("m.gguf".into());
        assert_eq!(
            named(&one),
            Some(Wanted {
                id: "a/1".into(),
                file: Some("m.gguf".into()),
                context: None,
            })
        );
    }
}
