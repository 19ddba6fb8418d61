//! Formulas as MathML elements, each by its own constructor.

use leptos::math as mathml;
use leptos::prelude::*;
use leptos::tachys::html::attribute::custom::custom_attribute;

use super::super::math::MathNode;

/// Draws a formula, or its source if it could not be read.
pub(super) fn math_view(display: bool, source: &str, tree: Option<&MathNode>) -> AnyView {
    let class = if display { "md-math-block" } else { "md-math" };
    match tree {
        Some(tree) => view! {
            <span class=class role="group" aria-label=source.to_owned() tabindex=display.then_some("0")>{node_view(tree)}</span>
        }
        .into_any(),
        None => view! { <code class="md-math-source" dir="ltr">{source.to_owned()}</code> }.into_any(),
    }
}

macro_rules! elements {
    ($node:expr, $inside:expr, $($name:ident)*) => {
        match $node.name {
            $(stringify!($name) => mathml::$name().child($inside).into_any(),)*
            _ => $inside.into_any(),
        }
    };
}

fn node_view(node: &MathNode) -> AnyView {
    let mut inside: Vec<AnyView> = Vec::with_capacity(node.children.len() + 1);
    if !node.text.is_empty() {
        inside.push(node.text.clone().into_any());
    }
    inside.extend(node.children.iter().map(node_view));
    let element = elements!(
        node, inside,
        math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt mstyle
        msub msubsup msup mtable mtd mtext mtr munder munderover
    );
    node.attributes
        .iter()
        .fold(element, |element, (name, value)| {
            element
                .add_any_attr(custom_attribute(*name, value.clone()))
                .into_any()
        })
}
