//! The hub, as the Models page asks it: searches, and one model with all that can be fetched of it.
//!
//! Owns the way to the hub (address, token, client) and putting its answers into words for people. Refuses to fetch (`downloads`).

use nexus_egress::Switch;
use nexus_hub::{
    Address, Choice, Form, Gated, Group, Hub, HubError, HubSettings, ModelId, ModelInfo,
    ModelSummary, Needs, Remedy, Skills, choices, recommended,
};
use nexus_protocol::{
    ChoiceState, ErrorCard, Fit, FitLabel, Gate, HubDetails, HubModel, HubPage, KnownModel,
    ModelChoice, ModelSkills, SizeGroup,
};
use nexus_worker_client::gguf::DEFAULT_CONTEXT_TOKENS;

use super::{
    catalogue::{self, Entry},
    engines,
    fit::{self, Machine},
    original,
    shape::{self, Beginning, Shape},
    shelf::Shelf,
};
use crate::{cards, egress::Egress, providers::Providers, settings::SettingsStore};

/// Results a page.
const PAGE: u32 = 30;
const SEARCH_FAILED: &str = "The hub could not be searched";
const DETAILS_FAILED: &str = "The model's page could not be read";

/// The way to the hub.
#[derive(Clone)]
pub struct HubAccess {
    settings: SettingsStore,
    providers: Providers,
    egress: Egress,
}

impl HubAccess {
    /// Asks nothing yet.
    pub fn new(settings: SettingsStore, providers: Providers, egress: Egress) -> Self {
        Self {
            settings,
            providers,
            egress,
        }
    }

    /// Whether anything may leave.
    pub fn switch(&self) -> Switch {
        self.egress.switch().clone()
    }

    /// The hub's address.
    pub fn base(&self) -> String {
        self.settings.current().settings.hub_url
    }

    /// The hub as it is set now, with the token that was saved for its address.
    ///
    /// # Errors
    /// Where there is no way out, the keychain fails, or the address cannot be used with a token.
    pub async fn connect(&self) -> Result<Hub, ErrorCard> {
        let client = self.egress.hub()?;
        let key = self.providers.key(&self.providers.hub()).await?;
        let settings = HubSettings {
            base: self.base(),
            token: key.map(|key| key.secret),
            ..HubSettings::default()
        };
        Hub::new(client, &settings).map_err(|error| cards::hub("The hub cannot be used", &error))
    }

    /// Whether the hub answers, and takes the token; how many models it named. A hub refuses every question with a wrong token.
    ///
    /// # Errors
    /// What it says.
    pub async fn test(&self) -> Result<u32, ErrorCard> {
        let hub = self.connect().await?;
        let found = hub.search("gguf", 1).await;
        let found = found.map_err(|error| cards::hub("The hub refused", &error))?;
        Ok(u32::try_from(found.len()).unwrap_or(u32::MAX))
    }

    /// Models by words, by name or by address. Without words it is the catalogue, and nothing is asked.
    ///
    /// # Errors
    /// Where what was typed makes no sense, or the hub refuses. One that cannot be reached is the page's `trouble`.
    pub async fn search(
        &self,
        query: &str,
        cursor: Option<&str>,
        machine: &Machine,
        shelf: &Shelf,
    ) -> Result<HubPage, ErrorCard> {
        let query = query.trim();
        if query.is_empty() {
            return Ok(offline(query, None, machine, shelf));
        }
        let hub = match self.connect().await {
            Ok(hub) => hub,
            Err(card) => return Ok(offline(query, Some(card), machine, shelf)),
        };
        match ask(&hub, query, cursor).await {
            Ok(mut page) => {
                for model in &mut page.models {
                    model.known =
                        catalogue::by_model(&model.id).map(|entry| known(entry, machine, shelf));
                }
                Ok(page)
            }
            Err(error) => {
                let card = cards::hub(SEARCH_FAILED, &error);
                match error.remedy() {
                    Remedy::TryLater | Remedy::CheckHub | Remedy::GoOnline => {
                        Ok(offline(query, Some(card), machine, shelf))
                    }
                    _ => Err(card),
                }
            }
        }
    }

    /// One model with its files. One of the catalogue is known also where the hub cannot be reached.
    ///
    /// # Errors
    /// Where the hub cannot be reached, does not know it, or refuses.
    pub async fn details(
        &self,
        id: &str,
        context: Option<u32>,
        machine: &Machine,
        shelf: &Shelf,
    ) -> Result<HubDetails, ErrorCard> {
        let fallback = |card: ErrorCard| match catalogue::by_model(id.trim()) {
            Some(entry) => Ok(details_offline(entry, &self.base(), card, machine, shelf)),
            None => Err(card),
        };
        let hub = match self.connect().await {
            Ok(hub) => hub,
            Err(card) => return fallback(card),
        };
        match read_details(&hub, id, context, machine, shelf).await {
            Ok(details) => Ok(details),
            Err(error) => {
                let card = cards::hub(DETAILS_FAILED, &error);
                if matches!(error.remedy(), Remedy::TryLater | Remedy::GoOnline) {
                    fallback(card)
                } else {
                    Err(card)
                }
            }
        }
    }
}

/// The model that a name or an address means.
pub fn address(hub: &Hub, text: &str) -> Result<Address, HubError> {
    match Address::parse(text, hub.base())? {
        Some(address) => Ok(address),
        // Words are no name; this says so.
        None => Ok(Address {
            model: text.trim().parse()?,
            revision: None,
            path: None,
        }),
    }
}

async fn ask(hub: &Hub, query: &str, cursor: Option<&str>) -> Result<HubPage, HubError> {
    if cursor.is_none()
        && let Some(address) = Address::parse(query, hub.base())?
    {
        match hub.model(&address.model, address.revision.as_deref()).await {
            Ok(info) => {
                return Ok(HubPage {
                    models: vec![of_info(&info)],
                    file: address.path.map(|path| path.as_str().to_owned()),
                    ..HubPage::default()
                });
            }
            // People type half of a name.
            Err(HubError::NotFound(_)) if !query.contains("://") => {}
            Err(error) => return Err(error),
        }
    }
    let page = hub.search_page(query, PAGE, cursor).await?;
    Ok(HubPage {
        models: page.models.iter().map(of_summary).collect(),
        next: page.next,
        ..HubPage::default()
    })
}

async fn read_details(
    hub: &Hub,
    id: &str,
    context: Option<u32>,
    machine: &Machine,
    shelf: &Shelf,
) -> Result<HubDetails, HubError> {
    let address = address(hub, id)?;
    let info = hub
        .model(&address.model, address.revision.as_deref())
        .await?;
    let revision = info
        .commit
        .clone()
        .or(address.revision)
        .unwrap_or_else(|| "main".to_owned());
    let listing = hub.files(&info.id, &revision).await?;
    let offered = choices(&listing.files);
    let preview = original::look(hub, &info.id, &revision, &offered).await;
    let beginning = match &preview {
        Some(preview) => original::beginning(preview.as_ref().ok()),
        None => beginning(hub, &info.id, &revision, &offered).await,
    };
    let facts = info.gguf.clone().unwrap_or_default();
    let architecture = beginning.architecture.or(facts.architecture);
    let longest = beginning
        .context_length
        .or(facts.context_length)
        .and_then(|tokens| u32::try_from(tokens).ok());
    let estimated_context = context
        .unwrap_or(DEFAULT_CONTEXT_TOKENS)
        .clamp(1, longest.unwrap_or(u32::MAX).max(1));
    let llama = machine.maps;
    let mut shown: Vec<ModelChoice> = offered
        .iter()
        .map(|choice| {
            let shape = beginning.shape.unwrap_or_else(|| {
                Shape::guess(facts.parameters.unwrap_or_else(|| weights_of(choice)))
            });
            // Folders are read by the engine that maps nothing.
            let machine = &Machine {
                maps: machine.maps && choice.form == Form::Gguf,
                ..*machine
            };
            let estimate = fit::estimate(&shape, choice.size, estimated_context, machine);
            describe(
                choice,
                original::label(choice, preview.as_ref()),
                fit::judge(estimate, None, machine),
                engines::objection(choice, architecture.as_deref(), llama)
                    .or_else(|| original::objection(preview.as_ref())),
                choice
                    .files
                    .first()
                    .map_or(ChoiceState::Absent, |file| shelf.of_file(file)),
            )
        })
        .collect();
    if let Some(best) = best(&offered, &shown) {
        shown[best].recommended = true;
    }
    let mut left_out: Vec<String> = listing.refused.iter().map(ToString::to_string).collect();
    if offered.is_empty() {
        left_out.push(
            "It has no GGUF files, and no whole set of files in safetensors. Search for its name with the word GGUF: others may have packed it."
                .to_owned(),
        );
    }
    Ok(HubDetails {
        model: HubModel {
            known: catalogue::by_model(&info.id.to_string())
                .map(|entry| known(entry, machine, shelf)),
            ..of_info(&info)
        },
        page: hub.page(&info.id),
        revision,
        architecture,
        parameters: facts.parameters,
        context_tokens: longest,
        estimated_context,
        choices: shown,
        left_out,
    })
}

/// The first bytes of the smallest file: all files of a model have the same shape. Without them the shape is guessed.
async fn beginning(hub: &Hub, id: &ModelId, revision: &str, offered: &[Choice]) -> Beginning {
    let Some(file) = offered.first().and_then(|choice| choice.files.first()) else {
        return Beginning::default();
    };
    match hub
        .beginning(id, revision, &file.path, shape::BEGINNING_BYTES)
        .await
    {
        Ok(bytes) => shape::read(&bytes),
        Err(error) => {
            tracing::debug!(model = %id, %error, "the shape of a model is guessed");
            Beginning::default()
        }
    }
}

/// From the size of a file and its bits.
fn weights_of(choice: &Choice) -> u64 {
    let bits = choice
        .quantization
        .as_ref()
        .map_or(5, |quantization| u64::from(quantization.bits()) + 1);
    choice.size.saturating_mul(8) / bits
}

/// Among those that fit well, else among those that run at all.
fn best(offered: &[Choice], shown: &[ModelChoice]) -> Option<usize> {
    let needs = Needs {
        // The label has decided already, by a better estimate.
        free_memory: u64::MAX,
        runs: engines::reads,
    };
    [FitLabel::Fits, FitLabel::Slow]
        .into_iter()
        .find_map(|label| {
            let usable: Vec<usize> = shown
                .iter()
                .enumerate()
                .filter(|(_, choice)| choice.fit.label == label && choice.unsupported.is_none())
                .map(|(index, _)| index)
                .collect();
            let subset: Vec<Choice> = usable.iter().map(|index| offered[*index].clone()).collect();
            recommended(&subset, &needs).map(|index| usable[index])
        })
}

fn describe(
    choice: &Choice,
    label: String,
    fit: Fit,
    unsupported: Option<String>,
    state: ChoiceState,
) -> ModelChoice {
    ModelChoice {
        file: choice
            .files
            .first()
            .map(|file| file.path.as_str().to_owned())
            .unwrap_or_default(),
        label,
        quantization: choice.quantization.as_ref().map(ToString::to_string),
        group: match choice.group {
            Group::Small => SizeGroup::Small,
            Group::Balanced => SizeGroup::Balanced,
            Group::Large => SizeGroup::Large,
        },
        recommended: false,
        bytes: choice.size,
        files: u32::try_from(choice.files.len()).unwrap_or(u32::MAX),
        fit,
        unsupported,
        state,
    }
}

fn of_summary(summary: &ModelSummary) -> HubModel {
    HubModel {
        id: summary.id.to_string(),
        author: summary.id.author().to_owned(),
        downloads: Some(summary.downloads),
        likes: Some(summary.likes),
        license: summary.license.clone(),
        gate: gate(summary.gated.unwrap_or_default()),
        skills: skills(summary.skills),
        known: None,
    }
}

fn of_info(info: &ModelInfo) -> HubModel {
    HubModel {
        id: info.id.to_string(),
        author: info.id.author().to_owned(),
        downloads: Some(info.downloads),
        likes: Some(info.likes),
        license: info.license.clone(),
        gate: gate(info.gated),
        skills: skills(info.skills),
        known: None,
    }
}

fn gate(gated: Gated) -> Gate {
    match gated {
        Gated::No => Gate::Open,
        Gated::Automatic => Gate::Terms,
        Gated::Manual => Gate::Approval,
    }
}

fn skills(skills: Skills) -> ModelSkills {
    ModelSkills {
        tools: skills.tools,
        vision: skills.vision,
        reasoning: skills.reasoning,
        embedding: false,
    }
}

/// The catalogue's entries that match, and why the hub has no say.
fn offline(query: &str, trouble: Option<ErrorCard>, machine: &Machine, shelf: &Shelf) -> HubPage {
    HubPage {
        models: catalogue::entries()
            .iter()
            .filter(|entry| entry.matches(query))
            .map(|entry| of_entry(entry, machine, shelf))
            .collect(),
        trouble,
        ..HubPage::default()
    }
}

fn of_entry(entry: &Entry, machine: &Machine, shelf: &Shelf) -> HubModel {
    HubModel {
        id: entry.model.clone(),
        author: entry.model.split('/').next().unwrap_or_default().to_owned(),
        license: Some(entry.license.clone()),
        skills: ModelSkills {
            tools: entry.tools,
            vision: false,
            reasoning: entry.reasoning,
            embedding: false,
        },
        known: Some(known(entry, machine, shelf)),
        ..HubModel::default()
    }
}

fn known(entry: &Entry, machine: &Machine, shelf: &Shelf) -> KnownModel {
    KnownModel {
        name: entry.name.clone(),
        title: entry.title.clone(),
        about: entry.about.clone(),
        file: entry.file.clone(),
        about_bytes: entry.bytes,
        parameters: entry.parameters,
        context_tokens: entry.context_tokens,
        fit: fit_of(entry, machine),
        here: match shelf.of_name(&entry.model, &entry.file) {
            ChoiceState::Here { model } => Some(model),
            _ => None,
        },
    }
}

fn fit_of(entry: &Entry, machine: &Machine) -> Fit {
    let context = entry.context_tokens.min(DEFAULT_CONTEXT_TOKENS);
    let estimate = fit::estimate(&entry.shape(), entry.bytes, context, machine);
    fit::judge(estimate, None, machine)
}

/// What the catalogue says of a model whose page cannot be read now.
fn details_offline(
    entry: &Entry,
    base: &str,
    card: ErrorCard,
    machine: &Machine,
    shelf: &Shelf,
) -> HubDetails {
    let quantization = nexus_hub::Quantization::find(entry.file.trim_end_matches(".gguf"));
    let label = quantization
        .as_ref()
        .map_or_else(|| entry.file.clone(), ToString::to_string);
    HubDetails {
        model: of_entry(entry, machine, shelf),
        page: format!("{}/{}", base.trim_end_matches('/'), entry.model),
        revision: "main".into(),
        architecture: None,
        parameters: Some(entry.parameters),
        context_tokens: Some(entry.context_tokens),
        estimated_context: entry.context_tokens.min(DEFAULT_CONTEXT_TOKENS),
        choices: vec![ModelChoice {
            file: entry.file.clone(),
            label,
            quantization: quantization.map(|quantization| quantization.to_string()),
            group: SizeGroup::Balanced,
            recommended: true,
            bytes: entry.bytes,
            files: 1,
            fit: fit_of(entry, machine),
            unsupported: None,
            state: shelf.of_name(&entry.model, &entry.file),
        }],
        left_out: vec![format!(
            "Only what the built-in catalogue knows is shown, with a rounded size. {}: {}",
            card.title, card.detail
        )],
    }
}
