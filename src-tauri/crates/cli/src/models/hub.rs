//! Models of the hub and of the built-in catalogue, as a terminal shows them.

use nexus_core::Nexus;
use nexus_protocol::{
    ChoiceState, FitLabel, Gate, HubDetails, HubModel, ModelChoice, ModelSkills, SizeGroup,
};

use super::progress::bytes;
use crate::{
    failure::{Failure, words},
    output::{self, Output},
};

/// Words to a list.
pub async fn search(
    nexus: &Nexus,
    output: &mut Output,
    query: &str,
    json: bool,
) -> Result<(), Failure> {
    let page = nexus.models_search(query.to_owned(), None).await?;
    if json {
        return output.json(&page);
    }
    if let Some(trouble) = &page.trouble {
        output::warn(&words(trouble));
        output::warn("What follows is from the built-in catalogue.");
    }
    if page.models.is_empty() {
        output::warn("Nothing was found.");
    }
    let width = page
        .models
        .iter()
        .map(|model| model.id.chars().count())
        .max()
        .unwrap_or(0);
    for model in &page.models {
        output.line(&format!("{:width$}  {}", model.id, facts(model)))?;
    }
    Ok(())
}

/// One of them with its files. A short name of the catalogue counts too.
pub async fn show(
    nexus: &Nexus,
    output: &mut Output,
    name: &str,
    context: Option<u32>,
    json: bool,
) -> Result<(), Failure> {
    let id = match in_catalogue(nexus, name).await? {
        Some(model) => model.id,
        None => name.to_owned(),
    };
    let details = nexus.models_details(id, context).await?;
    if json {
        return output.json(&details);
    }
    let model = &details.model;
    output.line(&model.id)?;
    output.line(&format!("{}  {}", details.page, facts(model)))?;
    output.line(&shape(&details))?;
    for (group, title) in [
        (SizeGroup::Small, "Small"),
        (SizeGroup::Balanced, "Balanced"),
        (SizeGroup::Large, "Large"),
    ] {
        let mut choices = details
            .choices
            .iter()
            .filter(|choice| choice.group == group)
            .peekable();
        if choices.peek().is_some() {
            output.line(title)?;
        }
        for choice in choices {
            output.line(&line(choice))?;
        }
    }
    for left_out in &details.left_out {
        output::warn(left_out);
    }
    Ok(())
}

/// The model of the catalogue with this short name.
pub async fn in_catalogue(nexus: &Nexus, name: &str) -> Result<Option<HubModel>, Failure> {
    let name = name.strip_prefix("local/").unwrap_or(name);
    // Without words nothing is asked of the network.
    let page = nexus.models_search(String::new(), None).await?;
    Ok(page
        .models
        .into_iter()
        .find(|model| model.known.as_ref().is_some_and(|known| known.name == name)))
}

fn facts(model: &HubModel) -> String {
    let mut facts = Vec::new();
    if let Some(known) = &model.known {
        facts.push(format!(
            "{} ({}), about {}, {}",
            known.title,
            known.name,
            bytes(known.about_bytes),
            label(known.fit.label)
        ));
    }
    if let Some(downloads) = model.downloads {
        facts.push(format!("{downloads} downloads"));
    }
    if let Some(likes) = model.likes {
        facts.push(format!("{likes} likes"));
    }
    facts.extend(model.license.clone());
    facts.extend(skills(model.skills));
    match model.gate {
        Gate::Open => {}
        Gate::Terms => facts.push("terms to accept on its page".to_owned()),
        Gate::Approval => facts.push("its author must approve you".to_owned()),
    }
    facts.join(", ")
}

/// The abilities that are known of.
pub fn skills(skills: ModelSkills) -> Vec<String> {
    [
        (skills.tools, "tools"),
        (skills.vision, "images"),
        (skills.reasoning, "thinks"),
        (skills.embedding, "vectors"),
    ]
    .into_iter()
    .filter(|(has, _)| *has)
    .map(|(_, name)| name.to_owned())
    .collect()
}

fn shape(details: &HubDetails) -> String {
    let mut facts = Vec::new();
    facts.extend(details.architecture.clone());
    if let Some(parameters) = details.parameters {
        facts.push(format!("{:.1} billion weights", parameters as f64 / 1e9));
    }
    if let Some(tokens) = details.context_tokens {
        facts.push(format!("{tokens} tokens"));
    }
    facts.push(format!(
        "memory is reckoned for {} tokens",
        details.estimated_context
    ));
    facts.join(", ")
}

fn line(choice: &ModelChoice) -> String {
    let verdict = match &choice.unsupported {
        Some(reason) => format!("Cannot be used: {reason}"),
        None => format!("{}: {}", label(choice.fit.label), choice.fit.reason),
    };
    let state = match &choice.state {
        ChoiceState::Absent => String::new(),
        ChoiceState::Downloading { .. } => "  [download begun]".to_owned(),
        ChoiceState::Here { model } => format!("  [here: {model}]"),
    };
    format!(
        "  {:12} {:>8}  {}{}{state}",
        choice.label,
        bytes(choice.bytes),
        if choice.recommended {
            "RECOMMENDED. "
        } else {
            ""
        },
        verdict
    )
}

/// The word for it.
pub fn label(label: FitLabel) -> &'static str {
    match label {
        FitLabel::Fits => "Fits",
        FitLabel::Slow => "Slow",
        FitLabel::WontFit => "Won't fit",
    }
}
