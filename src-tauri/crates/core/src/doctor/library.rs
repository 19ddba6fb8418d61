//! What is in the models folder, and what of it cannot be used. Pure.

use nexus_protocol::{DoctorCheck, DoctorStatus, LocalModels};

/// More are only counted.
const NAMED: usize = 5;

/// The check of it. An empty folder is no fault.
pub fn check(library: &LocalModels) -> DoctorCheck {
    let usable = match library.models.len() {
        1 => "1 can be used".to_owned(),
        count => format!("{count} can be used"),
    };
    let broken = &library.broken;
    if broken.is_empty() {
        return super::check("Models", DoctorStatus::Ok, usable);
    }
    let mut sentences: Vec<String> = broken
        .iter()
        .take(NAMED)
        .map(|broken| {
            format!(
                "{}: {}. {}",
                broken.model, broken.error.title, broken.error.detail
            )
        })
        .collect();
    if broken.len() > NAMED {
        sentences.push(format!("And {} more.", broken.len() - NAMED));
    }
    super::check(
        "Models",
        DoctorStatus::Warning,
        format!("{usable}, {} cannot. {}", broken.len(), sentences.join(" ")),
    )
}

#[cfg(test)]
mod tests {
    use nexus_protocol::{BrokenModel, ErrorAction, ErrorCard, ErrorCode, ModelRef};

    use super::*;

    #[test]
    fn what_cannot_be_used_is_named_with_the_reason() {
        let mut library = LocalModels::default();
        let said = check(&library);
        assert_eq!(
            (said.status, said.detail.as_str()),
            (DoctorStatus::Ok, "0 can be used")
        );
        library.broken.push(BrokenModel {
            model: ModelRef("local/half".into()),
            path: "/models/half".into(),
            bytes: 9,
            error: ErrorCard::new(
                ErrorCode::NotGguf,
                "This is no valid model folder",
                "Part 2 of the 2 parts of its weights is missing.",
                ErrorAction::None,
            ),
        });
        let said = check(&library);
        assert_eq!(
            (said.status, said.detail.as_str()),
            (
                DoctorStatus::Warning,
                "0 can be used, 1 cannot. local/half: This is no valid model folder. Part 2 of the 2 parts of its weights is missing."
            )
        );
        library.broken = vec![library.broken[0].clone(); 7];
        assert!(check(&library).detail.ends_with("And 2 more."));
    }
}
