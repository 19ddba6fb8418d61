//! Tests of [`super`].

use leptos::prelude::{GetUntracked, Owner};
use nexus_protocol::{
    ErrorAction, ErrorCard, ErrorCode, Fit, FitLabel, LocalModelView, MemoryEstimate, ModelInfo,
    ModelOrigin, ModelPlace, ModelSkills,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const MODEL: &str = "maker/model-GGUF";
const FILE: &str = "model-Q4_K_M.gguf";

fn id(number: u128) -> DownloadId {
    DownloadId(Uuid::from_u128(number))
}

fn download(number: u128, status: DownloadStatus, received: u64) -> Download {
    Download {
        id: id(number),
        model: MODEL.into(),
        file: FILE.into(),
        label: "Q4_K_M".into(),
        status,
        received,
        total: 1000,
        rate: None,
        seconds_left: Some(100 - received / 10),
        trouble: None,
    }
}

fn done() -> DownloadStatus {
    DownloadStatus::Done { model: local_ref() }
}

fn failed() -> DownloadStatus {
    DownloadStatus::Failed {
        error: ErrorCard::new(ErrorCode::Unreachable, "No hub", "", ErrorAction::Retry),
    }
}

fn local_ref() -> ModelRef {
    ModelRef("local/model".into())
}

fn local(origin: Option<ModelOrigin>) -> LocalModels {
    LocalModels {
        models: vec![LocalModelView {
            info: ModelInfo {
                model: local_ref(),
                display_name: "Model".into(),
                place: ModelPlace::ThisMachine,
                context_tokens: None,
                max_output_tokens: None,
                tools: false,
                images: false,
                pricing: None,
                file_bytes: None,
                quantization: None,
            },
            path: "/models/model.gguf".into(),
            linked: false,
            origin,
            skills: ModelSkills::default(),
            fit: Fit {
                label: FitLabel::Fits,
                reason: String::new(),
                estimate: MemoryEstimate::default(),
            },
            measured: None,
            loaded: false,
        }],
        broken: Vec::new(),
    }
}

#[test]
fn what_a_command_answers_is_older_than_what_was_told_meanwhile() {
    let owner = Owner::new();
    owner.set();
    let library = Library::new();
    let bad = download(1, failed(), 0);
    library.apply(AppEvent::DownloadChanged {
        download: bad.clone(),
    });
    library.add(download(1, DownloadStatus::Queued, 0));
    let new = download(2, DownloadStatus::Queued, 0);
    library.add(new.clone());
    assert_eq!(library.downloads.get_untracked(), [bad, new]);
}

#[test]
fn an_end_is_told_once() {
    let owner = Owner::new();
    owner.set();
    let library = Library::new();
    let changed = |download: &Download| {
        library.apply(AppEvent::DownloadChanged {
            download: download.clone(),
        })
    };
    assert_eq!(
        changed(&download(1, DownloadStatus::Fetching, 10)),
        Aftermath::None
    );
    let end = download(1, done(), 1000);
    assert_eq!(changed(&end), Aftermath::Ended(Box::new(end.clone())));
    assert_eq!(changed(&end), Aftermath::None);
    let bad = download(2, failed(), 10);
    assert_eq!(changed(&bad), Aftermath::Ended(Box::new(bad.clone())));
    assert_eq!(library.downloads.get_untracked(), [end, bad]);
    assert_eq!(
        library.apply(AppEvent::DownloadRemoved { id: id(1) }),
        Aftermath::None
    );
    assert_eq!(library.download(id(1)), None);
    assert_eq!(
        library.apply(AppEvent::LocalModelsChanged),
        Aftermath::ListsAreOld
    );
}

#[test]
fn only_what_goes_on_counts_for_the_whole() {
    assert_eq!(
        overall(&[
            download(1, DownloadStatus::Paused, 10),
            download(2, done(), 1000)
        ]),
        None
    );
    let all = [
        download(1, DownloadStatus::Fetching, 500),
        download(2, DownloadStatus::Queued, 0),
        download(3, failed(), 900),
    ];
    let whole = overall(&all).unwrap();
    assert_eq!(
        whole,
        Overall {
            count: 2,
            received: 500,
            total: 2000,
            seconds_left: Some(100),
        }
    );
    assert_eq!(whole.percent(), 25);
    let mut unknown = all;
    unknown[0].seconds_left = None;
    assert_eq!(overall(&unknown).unwrap().seconds_left, None);
}

#[test]
fn a_choice_is_where_things_are_now_not_where_they_were() {
    let origin = ModelOrigin {
        model: MODEL.into(),
        file: FILE.into(),
    };
    let here = ChoiceState::Here { model: local_ref() };
    let coming = |number| ChoiceState::Downloading {
        download: id(number),
    };
    let state = |told: &ChoiceState, downloads: &[Download], local: Option<&LocalModels>| {
        state_of(MODEL, FILE, told, downloads, local)
    };
    let fetching = [download(1, DownloadStatus::Fetching, 1)];
    let ended = [download(1, done(), 1000)];
    let none = LocalModels::default();
    assert_eq!(state(&ChoiceState::Absent, &fetching, None), coming(1));
    // It was told as coming, and was cancelled since.
    assert_eq!(state(&coming(1), &[], None), ChoiceState::Absent);
    // It came, and the list knows it already or not yet, or it went again.
    assert_eq!(state(&coming(1), &ended, None), here);
    assert_eq!(state(&coming(1), &ended, Some(&local(None))), here);
    assert_eq!(state(&coming(1), &ended, Some(&none)), ChoiceState::Absent);
    // It was here when it was told, and is, or was removed since.
    assert_eq!(state(&here, &[], Some(&local(None))), here);
    assert_eq!(state(&here, &[], Some(&none)), ChoiceState::Absent);
    // It came some other way: its origin says so.
    assert_eq!(
        state(&ChoiceState::Absent, &[], Some(&local(Some(origin)))),
        here
    );
    assert_eq!(
        state(&ChoiceState::Absent, &[], Some(&local(None))),
        ChoiceState::Absent
    );
}

proptest! {
    #[test]
    fn only_all_is_a_hundred_percent(done in any::<u64>(), total in any::<u64>()) {
        let shown = percent(done, total);
        prop_assert!(shown <= 100);
        if total > 0 {
            prop_assert_eq!(shown == 100, done >= total);
        }
    }
}
