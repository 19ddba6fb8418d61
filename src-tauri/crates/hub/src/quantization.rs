//! What the name of a GGUF file says: how its weights are packed, and which part of several it is.
//!
//! Owns: reading names, which are a custom and no standard. Refuses to own: what the file really holds (`worker-client`).

use std::fmt;

/// How weights are packed, as file names write it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quantization {
    name: String,
    bits: u8,
}

impl Quantization {
    /// Finds it in a file's name without `.gguf` and part number: the last word that is one, so that a model called `F16-Q4_K_M`
    /// is a `Q4_K_M`.
    pub fn find(stem: &str) -> Option<Self> {
        let words: Vec<&str> = stem.split(['-', '.', ' ', '@']).collect();
        let at = words.iter().rposition(|word| bits(word).is_some())?;
        let word = words[at].to_ascii_uppercase();
        // Unsloth's dynamic ones keep important layers larger: another file of the same bits.
        let dynamic = at > 0 && words[at - 1].eq_ignore_ascii_case("UD");
        Some(Self {
            bits: bits(&word)?,
            name: if dynamic { format!("UD-{word}") } else { word },
        })
    }

    /// `Q4_K_M`, `IQ4_XS`, `F16`, `UD-Q2_K_XL`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Of a weight, roughly.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Those with tables of importance (`IQ…`), which not every engine reads.
    pub fn is_importance(&self) -> bool {
        self.base().starts_with('I')
    }

    /// Without `UD-`.
    pub fn base(&self) -> &str {
        self.name.strip_prefix("UD-").unwrap_or(&self.name)
    }
}

impl fmt::Display for Quantization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The bits a weight takes, if the word is the name of a packing.
fn bits(word: &str) -> Option<u8> {
    let word = word.to_ascii_uppercase();
    match word.as_str() {
        "F32" | "FP32" => return Some(32),
        "F16" | "FP16" | "BF16" => return Some(16),
        "MXFP4" | "NVFP4" | "MXFP4_MOE" => return Some(4),
        _ => {}
    }
    let rest = ["IQ", "TQ", "Q"]
        .iter()
        .find_map(|prefix| word.strip_prefix(prefix))?;
    let digit = rest.bytes().next().filter(u8::is_ascii_digit)? - b'0';
    let tail = &rest[1..];
    let known = matches!(
        tail,
        "_0" | "_1"
            | "_K"
            | "_K_S"
            | "_K_M"
            | "_K_L"
            | "_K_XL"
            | "_K_P"
            | "_XXS"
            | "_XS"
            | "_S"
            | "_M"
            | "_NL"
            | "_NL_XL"
            | "_0_4_4"
            | "_0_4_8"
            | "_0_8_8"
    );
    ((1..=8).contains(&digit) && known).then_some(digit)
}

/// `name-00002-of-00003` is part 2 of 3 of `name`; parts count from 1.
pub(crate) fn part_of(stem: &str) -> Option<(&str, u32, u32)> {
    let (rest, total) = stem.rsplit_once("-of-")?;
    let (base, number) = rest.rsplit_once('-')?;
    let digits = |text: &str| {
        (text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse().ok())
            .flatten()
    };
    let (number, total): (u32, u32) = (digits(number)?, digits(total)?);
    (1 <= number && number <= total).then_some((base, number, total))
}

#[cfg(test)]
mod tests;
