//! Colours and bold: the part of “select graphic rendition” that is kept.

use nexus_protocol::TerminalSpan;
use vte::Params;

/// How text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    foreground: Option<u8>,
    bold: bool,
}

/// What terminals show for the sixteen colours, as xterm does.
const PALETTE: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];

impl Style {
    pub(super) fn is_of(self, span: &TerminalSpan) -> bool {
        span.foreground == self.foreground && span.bold == self.bold
    }

    pub(super) fn span(self, character: char) -> TerminalSpan {
        TerminalSpan {
            text: character.to_string(),
            foreground: self.foreground,
            bold: self.bold,
        }
    }

    /// Takes the parameters of `CSI … m`.
    pub(super) fn select(&mut self, params: &Params) {
        let mut params = params.iter();
        while let Some(param) = params.next() {
            match param {
                [0] => *self = Self::default(),
                [1] => self.bold = true,
                [22] => self.bold = false,
                [39] => self.foreground = None,
                [code @ 30..=37] => self.foreground = narrow(code - 30),
                [code @ 90..=97] => self.foreground = narrow(code - 90 + 8),
                // Foreground, background and underline: the latter two are read for where they end.
                [target @ (38 | 48 | 58)] => {
                    let mut next = || params.next().and_then(|it| it.first()).copied();
                    let colour = match next() {
                        Some(5) => next().and_then(indexed),
                        Some(2) => match (next(), next(), next()) {
                            (Some(red), Some(green), Some(blue)) => nearest([red, green, blue]),
                            _ => None,
                        },
                        _ => None,
                    };
                    if *target == 38 && colour.is_some() {
                        self.foreground = colour;
                    }
                }
                // The same with colons, where the colour space may be named before red.
                [38, 5, index] => self.foreground = indexed(*index).or(self.foreground),
                [38, 2, red, green, blue] | [38, 2, _, red, green, blue, ..] => {
                    self.foreground = nearest([*red, *green, *blue]).or(self.foreground);
                }
                _ => {}
            }
        }
    }
}

fn narrow(value: u16) -> Option<u8> {
    u8::try_from(value).ok()
}

/// One of the 256: sixteen of their own, a cube of six by six by six, and 24 greys.
fn indexed(index: u16) -> Option<u8> {
    let level = |step: u16| if step == 0 { 0 } else { 55 + 40 * step };
    match index {
        0..=15 => narrow(index),
        16..=231 => {
            let index = index - 16;
            nearest([level(index / 36), level(index / 6 % 6), level(index % 6)])
        }
        232..=255 => nearest([8 + 10 * (index - 232); 3]),
        _ => None,
    }
}

/// The nearest of the sixteen; `None` where a part is past 255.
fn nearest(colour: [u16; 3]) -> Option<u8> {
    if colour.iter().any(|part| *part > 255) {
        return None;
    }
    let distance = |known: &[u8; 3]| -> u32 {
        known
            .iter()
            .zip(colour)
            .map(|(known, part)| u32::from(u16::from(*known).abs_diff(part)).pow(2))
            .sum()
    };
    (0u8..)
        .zip(&PALETTE)
        .min_by_key(|(_, known)| distance(known))
        .map(|(index, _)| index)
}
