//! What a user may choose from: the packings of a model, grouped by size, one of them recommended.
//!
//! Owns: which files belong together, and what suits a machine. Refuses to own: how much memory is free (given), and the exact
//! need, which only the file's header tells (`worker-client`).

mod original;

use std::collections::BTreeMap;

use crate::{
    quantization::{Quantization, part_of},
    tree::HubFile,
};

/// More parts than any model is split into; a listing that says more is not one.
const MAX_PARTS: u32 = 200;

/// What an author may put beside a model: its vocabulary and what makes a prompt of a conversation.
const COMPANIONS: [&str; 3] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
];
/// Of one of them, in bytes. The largest known vocabularies have about 35 MiB.
const MAX_COMPANION: u64 = 64 * 1024 * 1024;

/// How much of the model's quality a packing keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Three bits a weight and less: for small machines, noticeably worse.
    Small,
    /// Four and five bits: what most people should take.
    Balanced,
    /// Six bits and more: hardly better, much larger.
    Large,
}

/// What lies on the disk when it is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A GGUF file, or all parts of one.
    Gguf,
    /// A folder with weights in safetensors, as the author published them.
    Folder,
}

/// One packing of a model: a file, all parts of one, or the files of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Which engine it is for.
    pub form: Form,
    /// As the file's name says; `None` where it says nothing.
    pub quantization: Option<Quantization>,
    /// By bits.
    pub group: Group,
    /// In order; several where the model is split. Of a folder the weights come first.
    pub files: Vec<HubFile>,
    /// Small files that belong to it: fetched beside it where they can be had, and never missed.
    pub companions: Vec<HubFile>,
    /// Of all `files`, in bytes.
    pub size: u64,
}

/// Whether a choice fits in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// With room for a long conversation.
    Fits,
    /// Barely: other programs may have to make room.
    Tight,
    /// It does not.
    TooLarge,
}

/// What a machine can do.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// In bytes.
    pub free_memory: u64,
    /// Whether the engine reads this packing.
    pub runs: fn(&Quantization) -> bool,
}

impl Choice {
    /// Whether it fits. The weights take the file's size; a tenth and half a gigabyte more is for the conversation and the
    /// engine, which is enough for some thousand tokens of the usual models.
    pub fn fit(&self, free_memory: u64) -> Fit {
        let need = self
            .size
            .saturating_add(self.size / 10)
            .saturating_add(512 * 1024 * 1024);
        // 85 % of what is free is taken without harm to others.
        if need <= free_memory / 100 * 85 {
            Fit::Fits
        } else if need <= free_memory {
            Fit::Tight
        } else {
            Fit::TooLarge
        }
    }

    /// What a person reads: `Q4_K_M`, `Original`, or the file's name.
    pub fn label(&self) -> &str {
        match &self.quantization {
            Some(quantization) => quantization.name(),
            None if self.form == Form::Folder => "Original",
            None => self.files.first().map_or("", |file| file.path.file_name()),
        }
    }
}

/// All choices of a model, the smallest first; where there are none in GGUF, the one that its author published. Companions of models (projectors, importance tables), sets with missing parts and
/// other kinds of files are no choices.
pub fn choices(all: &[HubFile]) -> Vec<Choice> {
    // By folder and name, because parts of several packings may have the same name in different folders.
    let mut sets: BTreeMap<(String, u32), BTreeMap<u32, HubFile>> = BTreeMap::new();
    for file in all {
        let path = file.path.as_str();
        let Some(stem) = strip_gguf(path) else {
            continue;
        };
        let name = file.path.file_name().to_ascii_lowercase();
        if name.contains("mmproj") || name.contains("imatrix") {
            continue;
        }
        let (base, number, total) = part_of(stem).unwrap_or((stem, 1, 1));
        sets.entry((base.to_owned(), total))
            .or_default()
            .insert(number, file.clone());
    }
    let mut choices: Vec<Choice> = sets
        .into_iter()
        .filter(|((_, total), parts)| *total <= MAX_PARTS && parts.len() == *total as usize)
        .map(|((base, _), parts)| {
            // The folder may say it where the file does not: `Q4_K_M/model-00001-of-00002.gguf`.
            let quantization = base.rsplit('/').find_map(Quantization::find);
            let group = match quantization.as_ref().map(Quantization::bits) {
                Some(..=3) => Group::Small,
                Some(4..=5) | None => Group::Balanced,
                Some(_) => Group::Large,
            };
            let files: Vec<HubFile> = parts.into_values().collect();
            let size = files
                .iter()
                .fold(0_u64, |sum, file| sum.saturating_add(file.size));
            Choice {
                form: Form::Gguf,
                quantization,
                group,
                companions: companions_of(&base, all),
                files,
                size,
            }
        })
        .collect();
    if choices.is_empty() {
        choices.extend(original::choice(all));
    }
    choices.sort_by(|a, b| a.size.cmp(&b.size).then_with(|| a.label().cmp(b.label())));
    choices
}

/// The one to take, as an index into `choices`; `None` where nothing fits.
///
/// The middle first, in the order in which people who measure recommend it: more bits cost speed on every token and gain little.
/// Then the best of the small ones, then the smallest of the large.
pub fn recommended(choices: &[Choice], needs: &Needs) -> Option<usize> {
    const ORDER: [&str; 10] = [
        "Q4_K_M", "Q4_K_XL", "Q4_K_L", "Q4_K_S", "Q5_K_M", "Q5_K_S", "IQ4_XS", "IQ4_NL", "Q4_0",
        "MXFP4",
    ];
    let usable = |fit: Fit| {
        choices.iter().enumerate().filter(move |(_, choice)| {
            choice.fit(needs.free_memory) == fit
                && choice.quantization.as_ref().is_none_or(needs.runs)
        })
    };
    [Fit::Fits, Fit::Tight].into_iter().find_map(|fit| {
        let rank = |choice: &Choice| {
            let name = choice.quantization.as_ref().map_or("", Quantization::base);
            ORDER
                .iter()
                .position(|known| *known == name)
                .unwrap_or(ORDER.len())
        };
        let balanced = usable(fit)
            .filter(|(_, choice)| choice.group == Group::Balanced)
            .min_by_key(|(_, choice)| rank(choice));
        let small = usable(fit)
            .filter(|(_, choice)| choice.group == Group::Small)
            .max_by_key(|(_, choice)| choice.size);
        let large = usable(fit).find(|(_, choice)| choice.group == Group::Large);
        balanced.or(small).or(large).map(|(index, _)| index)
    })
}

/// What lies beside it in its folder, else at the top.
fn companions_of(base: &str, all: &[HubFile]) -> Vec<HubFile> {
    let folder = base.rsplit_once('/').map(|(folder, _)| folder);
    let at = |path: String| {
        all.iter().find(|file| {
            file.path.as_str() == path
                && file.checksum.is_some()
                && (1..=MAX_COMPANION).contains(&file.size)
        })
    };
    COMPANIONS
        .iter()
        .filter_map(|name| {
            folder
                .and_then(|folder| at(format!("{folder}/{name}")))
                .or_else(|| at((*name).to_owned()))
        })
        .cloned()
        .collect()
}

fn strip_gguf(path: &str) -> Option<&str> {
    let at = path.len().checked_sub(5)?;
    let (stem, extension) = path.split_at_checked(at)?;
    extension.eq_ignore_ascii_case(".gguf").then_some(stem)
}

#[cfg(test)]
mod tests;
