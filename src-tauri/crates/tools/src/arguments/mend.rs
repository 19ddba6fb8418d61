//! JSON text as models write it, to JSON.
//!
//! Owns what is wrong in one way only: a code fence around it, commas before a closing bracket, and line breaks and tabs inside of
//! strings. Nothing that could be read in two ways, such as missing quotes.

/// The text without those. What is right stays as it is.
pub(super) fn text(text: &str) -> String {
    let text = unfenced(text.trim());
    let mut mended = String::with_capacity(text.len());
    let mut inside = false;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if inside {
            match character {
                '\n' => mended.push_str("\\n"),
                '\r' => mended.push_str("\\r"),
                '\t' => mended.push_str("\\t"),
                other => mended.push(other),
            }
            inside = character != '"' || escaped;
            escaped = character == '\\' && !escaped;
            continue;
        }
        let rest = text.get(at + character.len_utf8()..).unwrap_or_default();
        if character == ',' && rest.trim_start().starts_with(['}', ']']) {
            continue;
        }
        inside = character == '"';
        mended.push(character);
    }
    mended
}

/// What is between the fences, where the whole text is one fenced block.
fn unfenced(text: &str) -> &str {
    let Some(inner) = text
        .strip_prefix("```")
        .and_then(|text| text.strip_suffix("```"))
    else {
        return text;
    };
    let language_ends = inner
        .find(|character: char| !character.is_ascii_alphanumeric())
        .unwrap_or(0);
    inner.get(language_ends..).unwrap_or(inner).trim()
}
