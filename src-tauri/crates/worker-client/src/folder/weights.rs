//! The files of weights in a folder: which the engine will take, whether they are whole, and what they hold.

use std::io::Read as _;
use std::path::Path;

use safetensors::tensor::Metadata;

use super::{Fault, bad, limits, name_of, open};

/// What UQFF leaves as it is.
pub(super) const RESIDUAL: &str = "residual.safetensors";

/// What the files hold together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Weights {
    /// The UQFF file to begin with; `None` where all is in safetensors.
    pub(super) uqff: Option<String>,
    /// Bytes of all files.
    pub(super) file_bytes: u64,
    /// Numbers in all tensors.
    pub(super) elements: u64,
    /// Of these, in matrices that can be quantized.
    pub(super) quantizable: u64,
    /// Of these, in the table of words.
    pub(super) embedding: u64,
    /// Of these, in the last layer; 0 where it uses the table of words.
    pub(super) head: u64,
    /// Numbers in the largest of the other matrices that can be quantized.
    pub(super) largest: u64,
    /// The form that most weights have.
    pub(super) form: String,
}

/// Reads the headers of all files that the engine will read; `chosen` names a UQFF file.
pub(super) fn read(
    folder: &Path,
    names: &[String],
    chosen: Option<&str>,
) -> Result<Weights, Fault> {
    let (uqff, files) = taken(names, chosen);
    if files.is_empty() {
        return bad("it has no weights in safetensors or UQFF");
    }
    if files.len() > limits::WEIGHT_FILES {
        return bad("its weights are in too many files");
    }
    if uqff.is_none() {
        check_parts(&files)?;
    }
    let mut weights = Weights::default();
    let mut forms = std::collections::BTreeMap::<String, u64>::new();
    for name in files {
        let (metadata, bytes) = header(&folder.join(name))?;
        weights.file_bytes = weights.file_bytes.saturating_add(bytes);
        let numbered = name.ends_with(".uqff");
        for (tensor, info) in metadata.tensors() {
            if numbered && tensor.parse::<u32>().is_err() {
                return bad(format!("{name} is no UQFF file"));
            }
            let elements = info
                .shape
                .iter()
                .fold(1_u64, |product, side| product.saturating_mul(*side as u64));
            weights.elements = weights.elements.saturating_add(elements);
            if is_embedding(&tensor) {
                weights.embedding = weights.embedding.saturating_add(elements);
            } else if info.shape.len() == 2 && !is_of_images(&tensor) {
                weights.quantizable = weights.quantizable.saturating_add(elements);
                if is_head(&tensor) {
                    weights.head = elements;
                } else {
                    weights.largest = weights.largest.max(elements);
                }
            }
            let of_form = forms.entry(info.dtype.to_string()).or_default();
            *of_form = of_form.saturating_add(elements);
        }
    }
    weights.form = match &uqff {
        Some(name) => uqff_form(name),
        None => forms
            .into_iter()
            .max_by_key(|(_, elements)| *elements)
            .map_or_else(String::new, |(form, _)| form),
    };
    weights.uqff = uqff;
    Ok(weights)
}

/// Which files the engine takes, among those of these names: the UQFF file to begin with, where it is one, and all of them.
pub(super) fn taken<'a>(
    names: &'a [String],
    chosen: Option<&str>,
) -> (Option<String>, Vec<&'a str>) {
    let uqff = chosen.map(str::to_owned).or_else(|| {
        // Weights that are whole are preferred, as the engine prefers them.
        (!names.iter().any(|name| is_weights(name)))
            .then(|| first_uqff(names))
            .flatten()
    });
    let files = match &uqff {
        Some(first) => parts_of(names, first)
            .into_iter()
            .chain([RESIDUAL])
            .collect(),
        None => names
            .iter()
            .map(String::as_str)
            .filter(|name| is_weights(name))
            .collect(),
    };
    (uqff, files)
}

/// The header of one file, which must be as long as it says.
pub(super) fn header(path: &Path) -> Result<(Metadata, u64), Fault> {
    let fault = |reason: String| Fault::Bad(format!("{} {reason}", name_of(path)));
    let (mut file, length) = open(path)?;
    let mut start = [0; 8];
    file.read_exact(&mut start)
        .map_err(|_| fault("is too short to hold weights".to_owned()))?;
    let header = u64::from_le_bytes(start);
    if header > limits::HEADER_BYTES || header > length.saturating_sub(8) {
        return Err(fault(format!("says that its header has {header} bytes")));
    }
    let mut bytes = start.to_vec();
    file.take(header)
        .read_to_end(&mut bytes)
        .map_err(|error| fault(format!("cannot be read: {error}")))?;
    let text = bytes.get(8..).unwrap_or_default();
    let metadata: Metadata = serde_json::from_slice(text)
        .map_err(|error| fault(format!("has a broken header: {error}")))?;
    let end = metadata.data_len() as u64;
    let told = end.saturating_add(header).saturating_add(8);
    if told != length {
        return Err(fault(format!(
            "has {length} bytes and should have {told}; it was cut or damaged"
        )));
    }
    Ok((metadata, length))
}

/// The files that the engine takes for weights in safetensors.
fn is_weights(name: &str) -> bool {
    name.ends_with("model.safetensors")
        || name.ends_with("consolidated.safetensors")
        || numbered(name).is_some()
}

/// `model-00002-of-00003.safetensors`: the two numbers.
fn numbered(name: &str) -> Option<(u32, u32)> {
    let numbers = name.strip_suffix(".safetensors")?.strip_prefix("model-")?;
    let (part, all) = numbers.split_once("-of-")?;
    Some((part.parse().ok()?, all.parse().ok()?))
}

/// The engine takes what is there, and fails in the middle where a part is missing.
fn check_parts(files: &[&str]) -> Result<(), Fault> {
    let parts: Vec<(u32, u32)> = files.iter().filter_map(|name| numbered(name)).collect();
    let Some((_, all)) = parts.first().copied() else {
        return Ok(());
    };
    for part in 1..=all.min(u32::try_from(limits::WEIGHT_FILES).unwrap_or(u32::MAX)) {
        if !parts.contains(&(part, all)) {
            return bad(format!(
                "part {part} of the {all} parts of its weights is missing"
            ));
        }
    }
    Ok(())
}

fn first_uqff(names: &[String]) -> Option<String> {
    let mut files = names.iter().filter(|name| name.ends_with(".uqff"));
    let first = files.clone().next();
    files
        .find(|name| name.ends_with("-0.uqff"))
        .or(first)
        .cloned()
}

/// The files that belong to one: `q4k-0.uqff`, `q4k-1.uqff`, ….
fn parts_of<'a>(names: &'a [String], first: &str) -> Vec<&'a str> {
    let names = names.iter().map(String::as_str);
    match first.strip_suffix("-0.uqff") {
        None => names.filter(|name| *name == first).collect(),
        Some(stem) => names
            .filter(|name| {
                name.strip_prefix(stem)
                    .and_then(|rest| rest.strip_prefix('-'))
                    .and_then(|rest| rest.strip_suffix(".uqff"))
                    .is_some_and(|number| number.parse::<u32>().is_ok())
            })
            .collect(),
    }
}

/// `q4k-0.uqff` is `UQFF Q4K`.
fn uqff_form(name: &str) -> String {
    let stem = name.strip_suffix(".uqff").unwrap_or(name);
    let stem = stem.strip_suffix("-0").unwrap_or(stem);
    let shown: String = stem.chars().filter(|c| !c.is_control()).take(20).collect();
    format!("UQFF {}", shown.to_uppercase())
}

fn is_embedding(tensor: &str) -> bool {
    [
        "embed_tokens.weight",
        "wte.weight",
        "word_embeddings.weight",
    ]
    .iter()
    .any(|end| tensor.ends_with(end))
}

fn is_head(tensor: &str) -> bool {
    tensor.ends_with("lm_head.weight")
}

/// The engine quantizes the language part only.
fn is_of_images(tensor: &str) -> bool {
    ["visual.", "vision", "img_", "image_", "vpm.", "audio"]
        .iter()
        .any(|part| tensor.contains(part))
}
