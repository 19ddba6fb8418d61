//! LaTeX to MathML, as a tree of elements that are written down here. Owns the list of what a formula may become.
//!
//! The converter gives text. That text is read by a strict XML parser and copied element by element; a name or an
//! attribute that is not on the lists ends in an error or is left out. `\href`, `\url`, `\includegraphics`, `\style` and
//! macros are unknown to the converter, so formulas with them are shown as their source.

use std::cell::OnceCell;

use math_core::{LatexToMathML, MathCoreConfig, MathDisplay};
use roxmltree::{Document, Node, ParsingOptions};

use super::limits::{MAX_MATH_BYTES, MAX_MATH_DEPTH, MAX_MATH_NODES};

/// An element of a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MathNode {
    /// One of [`MATH_ELEMENTS`].
    pub name: &'static str,
    /// Names from [`MATH_ATTRIBUTES`] or `class`, and their values.
    pub attributes: Vec<(&'static str, String)>,
    /// Text, before the children.
    pub text: String,
    /// What is inside.
    pub children: Vec<MathNode>,
}

/// What a formula may be made of.
pub(crate) const MATH_ELEMENTS: &[&str] = &[
    "math",
    "menclose",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "munder",
    "munderover",
];

/// Attributes of those elements. None can name an address or a style.
pub(crate) const MATH_ATTRIBUTES: &[&str] = &[
    "accent",
    "accentunder",
    "class",
    "display",
    "displaystyle",
    "form",
    "linethickness",
    "lspace",
    "mathvariant",
    "maxsize",
    "minsize",
    "movablelimits",
    "notation",
    "rspace",
    "scriptlevel",
    "stretchy",
    "symmetric",
    "width",
];

thread_local! {
    /// Building the converter costs more than a formula. It holds no state of any formula.
    static CONVERTER: OnceCell<Option<LatexToMathML>> = const { OnceCell::new() };
}

/// Converts a formula; none if it is too large, unknown or not LaTeX.
pub(crate) fn to_mathml(source: &str, display: bool) -> Option<MathNode> {
    if source.len() > MAX_MATH_BYTES || source.trim().is_empty() || !is_shallow(source) {
        return None;
    }
    let mode = if display {
        MathDisplay::Block
    } else {
        MathDisplay::Inline
    };
    let xml = CONVERTER.with(|cell| {
        cell.get_or_init(|| LatexToMathML::new(config()).ok())
            .as_ref()
            .and_then(|converter| converter.convert_with_local_state(source, mode).ok())
            .map(|converted| converted.mathml)
    })?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: u32::try_from(MAX_MATH_NODES * 2).unwrap_or(u32::MAX),
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(&xml, options).ok()?;
    let mut budget = MAX_MATH_NODES;
    copy(document.root_element(), 0, &mut budget).filter(|node| node.name == "math")
}

fn config() -> MathCoreConfig {
    MathCoreConfig {
        // Commands that models write often and that only lose a frame or a colour here.
        macros: [
            ("boxed", "{#1}"),
            ("fbox", "\\text{#1}"),
            ("textcolor", "{#2}"),
            ("colorbox", "\\text{#2}"),
        ]
        .map(|(name, body)| (name.to_owned(), body.to_owned()))
        .into(),
        ..MathCoreConfig::default()
    }
}

/// The converter calls itself for every group: the stack must be ours to bound.
fn is_shallow(source: &str) -> bool {
    let mut depth = 0_usize;
    let mut deepest = 0;
    let mut commands = 0;
    for byte in source.bytes() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'\\' => commands += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest <= MAX_MATH_DEPTH
        && commands <= 1_000
        && source.matches("\\left").count() <= MAX_MATH_DEPTH * 2
        && source.matches("\\begin").count() <= MAX_MATH_DEPTH
}

fn copy(node: Node<'_, '_>, depth: usize, budget: &mut usize) -> Option<MathNode> {
    *budget = budget.checked_sub(1)?;
    if depth > MAX_MATH_DEPTH * 2 {
        return None;
    }
    let name = node.tag_name().name();
    let name = *MATH_ELEMENTS.iter().find(|known| **known == name)?;
    let mut copied = MathNode {
        name,
        attributes: Vec::new(),
        text: String::new(),
        children: Vec::new(),
    };
    let mut classes: Vec<&str> = Vec::new();
    for attribute in node.attributes() {
        match attribute.name() {
            "style" => classes.extend(style_classes(attribute.value())),
            "class" => {}
            given => {
                if let Some(known) = MATH_ATTRIBUTES.iter().find(|known| **known == given)
                    && is_plain_value(attribute.value())
                {
                    copied
                        .attributes
                        .push((known, attribute.value().to_owned()));
                }
            }
        }
    }
    if !classes.is_empty() {
        copied.attributes.push(("class", classes.join(" ")));
    }
    for child in node.children() {
        if child.is_element() {
            copied.children.push(copy(child, depth + 1, budget)?);
        } else if let Some(text) = child.text() {
            copied.text.push_str(text);
        }
    }
    Some(copied)
}

/// Lengths, words and numbers: nothing that has a syntax of its own.
fn is_plain_value(value: &str) -> bool {
    value.len() <= 64
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | ' ' | '%'))
}

/// The page may have no inline styles: those that carry meaning become classes.
fn style_classes(style: &str) -> Vec<&'static str> {
    let mut classes = Vec::new();
    for (property, class) in [
        ("text-align:right", "md-math-right"),
        ("text-align:left", "md-math-left"),
        ("border-right:", "md-math-line-right"),
        ("border-left:", "md-math-line-left"),
        ("border-top:", "md-math-line-top"),
        ("border-bottom:", "md-math-line-bottom"),
    ] {
        if style.replace(": ", ":").contains(property) {
            classes.push(class);
        }
    }
    classes
}

/// How many elements a formula is.
pub(crate) fn count(node: &MathNode) -> usize {
    1 + node.children.iter().map(count).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::{count, to_mathml};

    #[test]
    fn reads_what_models_write() {
        for source in [
            "x^2 + \\frac{a}{b}",
            "\\begin{aligned}a &= b \\\\ c &= d\\end{aligned}",
            "\\begin{pmatrix}1 & 2\\\\3 & 4\\end{pmatrix}",
            "\\int_0^\\infty e^{-x}\\,dx",
            "\\sum_{i=1}^{n} i = \\frac{n(n+1)}{2}",
            "\\text{if } x < 1",
            "\\boxed{42}",
            "\\mathbb{R}^n",
            "\\left\\{ x \\right.",
            "f(x) = \\begin{cases}1 & x > 0\\\\0 & \\text{else}\\end{cases}",
            "\\sqrt[3]{x}",
            "\\vec{v} \\cdot \\hat{n}",
            "\\lim_{x \\to 0} \\operatorname{sinc} x",
            "\\textcolor{red}{x}",
        ] {
            assert!(to_mathml(source, true).is_some(), "{source}");
        }
    }

    #[test]
    fn refuses_addresses_macros_and_too_much() {
        for source in [
            "\\href{javascript:alert(1)}{x}",
            "\\url{http://a.example}",
            "\\includegraphics{http://a.example/x.png}",
            "\\htmlData{a=b}{x}",
            "\\style{color:red}{x}",
            "\\def\\a{\\a\\a}\\a",
            "\\newcommand{\\b}{x}\\b",
            "\\class{a}{b}",
            "\\cssId{a}{b}",
            "",
            "\\frac{",
        ] {
            assert_eq!(to_mathml(source, false), None, "{source}");
        }
        assert_eq!(to_mathml(&"{".repeat(400), false), None);
        assert_eq!(
            to_mathml(
                &format!("{}x{}", "\\sqrt{".repeat(60), "}".repeat(60)),
                false
            ),
            None
        );
        assert_eq!(to_mathml(&"x".repeat(5_000), false), None);
        assert!(
            to_mathml("<script>alert(1)</script>", false).is_none_or(|node| count(&node) < 100)
        );
    }
}
