//! What a file's bytes must add up to, as the hub lists it.
//!
//! Owns: the two kinds of sums, as values and as text. Refuses to own: computing them (`download::verify`).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A SHA-256: 32 bytes, 64 hexadecimal digits in text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Sum([u8; 32]);

/// How Git names a content: the SHA-1 of its length and itself. 20 bytes, 40 hexadecimal digits in text. The hub gives nothing
/// else for its small files; it finds what was cut or mixed up, and is no proof against who can make two files of one sum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GitSum([u8; 20]);

/// One or the other. In text their lengths tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Checksum {
    /// Of a large file.
    Sha256(Sha256Sum),
    /// Of a small one.
    Git(GitSum),
}

impl Checksum {
    /// For people.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::Git(_) => "Git SHA-1",
        }
    }
}

impl From<[u8; 32]> for Sha256Sum {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<[u8; 20]> for GitSum {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

impl From<Sha256Sum> for Checksum {
    fn from(sum: Sha256Sum) -> Self {
        Self::Sha256(sum)
    }
}

impl From<GitSum> for Checksum {
    fn from(sum: GitSum) -> Self {
        Self::Git(sum)
    }
}

impl fmt::Display for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, f)
    }
}

impl fmt::Display for GitSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, f)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(sum) => sum.fmt(f),
            Self::Git(sum) => sum.fmt(f),
        }
    }
}

impl FromStr for Sha256Sum {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        bytes(text)
            .map(Self)
            .ok_or("a SHA-256 has 64 hexadecimal digits")
    }
}

impl FromStr for GitSum {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        bytes(text)
            .map(Self)
            .ok_or("a name of Git has 40 hexadecimal digits")
    }
}

impl FromStr for Checksum {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.len() {
            40 => text.parse().map(Self::Git),
            _ => text.parse().map(Self::Sha256),
        }
    }
}

/// Text in files of ours, where a sum is written as text.
macro_rules! as_text {
    ($($sum:ty),*) => {$(
        impl fmt::Debug for $sum {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl TryFrom<String> for $sum {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$sum> for String {
            fn from(sum: $sum) -> Self {
                sum.to_string()
            }
        }
    )*};
}

as_text!(Sha256Sum, GitSum, Checksum);

fn hexadecimal(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    // Checked before the slices below, so that none of them cuts a character in two.
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..2 * N).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_tells_one_sum_from_the_other() {
        let (long, short) = ("ab".repeat(32), "cd".repeat(20));
        for (text, kind) in [(&long, "SHA-256"), (&short, "Git SHA-1")] {
            let sum: Checksum = text.parse().unwrap();
            assert_eq!((sum.kind(), &sum.to_string()), (kind, text));
        }
        for wrong in ["", "ab", &long[1..], "zz", &"é".repeat(20)] {
            assert!(wrong.parse::<Checksum>().is_err(), "{wrong}");
        }
    }
}
