//! Where a session's answers are made, and the question before one is made elsewhere.

use serde::{Deserialize, Serialize};

use crate::{
    ApprovalAnswer, ErrorAction, ErrorCard, ErrorCode, ModelPlace, ModelRef, Nonce, Pricing,
};

/// Where a session's answers are made. A session without one answers where its model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// On this machine, and nowhere else.
    LocalOnly,
    /// On this machine; where that fails or the user wants it, the cloud is offered, and asked only with the user's word.
    LocalFirst,
    /// In the cloud; on this machine where the network fails before anything was shown.
    CloudFirst,
    /// In the cloud, and nowhere else.
    Cloud,
}

impl Routing {
    /// All of them, from what keeps everything here to what sends everything away.
    pub const ALL: [Self; 4] = [
        Self::LocalOnly,
        Self::LocalFirst,
        Self::CloudFirst,
        Self::Cloud,
    ];

    /// What a model's place means where nothing was chosen.
    pub fn of(place: ModelPlace) -> Self {
        match place {
            ModelPlace::ThisMachine => Self::LocalOnly,
            ModelPlace::Cloud => Self::Cloud,
        }
    }

    /// Where the first model asked is.
    pub fn first(self) -> ModelPlace {
        match self {
            Self::LocalOnly | Self::LocalFirst => ModelPlace::ThisMachine,
            Self::CloudFirst | Self::Cloud => ModelPlace::Cloud,
        }
    }

    /// Whether a model at the other place may be asked too.
    pub fn has_partner(self) -> bool {
        matches!(self, Self::LocalFirst | Self::CloudFirst)
    }

    /// Said where a model at the wrong place is named: what a person set does not give way to a name.
    pub fn refusal(self) -> ErrorCard {
        let (there, named) = match self.first() {
            ModelPlace::ThisMachine => ("on this machine", "in the cloud"),
            ModelPlace::Cloud => ("in the cloud", "on this machine"),
        };
        ErrorCard::new(
            ErrorCode::BadInput,
            format!("This chat is set to “{}”", self.name()),
            format!(
                "The model that was named is {named}. Choose one {there}, or change where this chat is answered."
            ),
            ErrorAction::ChooseModel,
        )
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::LocalOnly => "Local only",
            Self::LocalFirst => "Local first",
            Self::CloudFirst => "Cloud first",
            Self::Cloud => "Cloud",
        }
    }
}

/// The question whether a turn may go on in the cloud: whom, for how much, and exactly what would be sent. Built by the core from
/// the request itself; the answer sends that very request or nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudOffer {
    /// Answered once.
    pub nonce: Nonce,
    /// SHA-256 of the request in JSON, hexadecimal.
    pub fingerprint: String,
    /// Who would answer.
    pub model: ModelRef,
    /// The model's name for people.
    pub display_name: String,
    /// Why it is asked: one sentence.
    pub why: String,
    /// Messages that would be sent, the instructions among them.
    pub messages: u32,
    /// Bytes of the request, images and descriptions of tools included.
    pub bytes: u64,
    /// Results of tools among the messages: what they read or printed.
    pub files: u32,
    /// Images among them.
    pub images: u32,
    /// Tokens of it, estimated.
    pub tokens: u64,
    /// What the provider takes; `None` where that is not known.
    #[serde(default)]
    pub pricing: Option<Pricing>,
    /// `None` while it waits.
    #[serde(default)]
    pub answer: Option<ApprovalAnswer>,
}

impl CloudOffer {
    /// What would be sent, for people.
    pub fn contents(&self) -> String {
        let some = |count: u32, one: &str, more: &str| match count {
            0 => String::new(),
            1 => format!(", 1 {one}"),
            count => format!(", {count} {more}"),
        };
        let messages = match self.messages {
            1 => "1 message".to_owned(),
            count => format!("{count} messages"),
        };
        format!(
            "{messages} ({}){}{}; about {} tokens",
            size(self.bytes),
            some(self.files, "result of a tool", "results of tools"),
            some(self.images, "image", "images"),
            self.tokens
        )
    }

    /// What it would cost, for people.
    pub fn price(&self) -> String {
        let (Some(pricing), Some(cost)) = (self.pricing, self.cost_usd()) else {
            return "The price is not known.".to_owned();
        };
        if pricing.input_per_million <= 0.0 && pricing.output_per_million <= 0.0 {
            return "The provider takes nothing for it.".to_owned();
        }
        format!(
            "About ${cost:.4} for what is sent, and ${} for a million tokens of the answer.",
            pricing.output_per_million
        )
    }

    /// US dollars for what would be sent, without the answer; `None` where the price is not known.
    pub fn cost_usd(&self) -> Option<f64> {
        let pricing = self.pricing?;
        Some(self.tokens as f64 / 1e6 * pricing.input_per_million)
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} bytes"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn offer() -> CloudOffer {
        CloudOffer {
            nonce: Nonce(Uuid::nil()),
            fingerprint: String::new(),
            model: ModelRef::new("far", "large"),
            display_name: "Large".into(),
            why: "You asked for it.".into(),
            messages: 5,
            bytes: 12_345,
            files: 2,
            images: 1,
            tokens: 3_000,
            pricing: Some(Pricing {
                input_per_million: 3.0,
                output_per_million: 15.0,
            }),
            answer: None,
        }
    }

    #[test]
    fn an_offer_says_what_is_sent_and_what_it_costs() {
        let offer = offer();
        assert_eq!(
            offer.contents(),
            "5 messages (12.3 kB), 2 results of tools, 1 image; about 3000 tokens"
        );
        assert_eq!(
            offer.price(),
            "About $0.0090 for what is sent, and $15 for a million tokens of the answer."
        );
        let bare = CloudOffer {
            messages: 1,
            bytes: 7,
            files: 0,
            images: 0,
            tokens: 2,
            pricing: None,
            ..offer
        };
        assert_eq!(bare.contents(), "1 message (7 bytes); about 2 tokens");
        assert_eq!(bare.price(), "The price is not known.");
    }

    #[test]
    fn a_place_has_its_routing() {
        for routing in Routing::ALL {
            assert_eq!(Routing::of(routing.first()).first(), routing.first());
        }
    }
}
