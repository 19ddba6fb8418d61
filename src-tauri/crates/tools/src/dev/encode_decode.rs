//! `encode_decode`: the encodings that texts are carried in.
//!
//! Owns strict decoding: what is not valid is refused, and named; nothing is skipped. Bytes that are no text are shown as hexadecimal.

use std::fmt::Write;

use async_trait::async_trait;
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use nexus_protocol::{Capability, ToolSpec, UnixMillis};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput, terminal,
    tool::{action, arguments, spec_of},
};

/// Encodes or decodes a text. Use it instead of doing it in your head.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The text.
    text: String,
    /// What to do. `url` is percent-encoding of one component; `json` the escapes of a JSON string, without quotes; `unicode`
    /// writes what is not ASCII as \uXXXX; `jwt_decode` shows header and claims of a token and checks no signature.
    operation: Operation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Base64Encode,
    Base64Decode,
    Base64urlEncode,
    Base64urlDecode,
    HexEncode,
    HexDecode,
    UrlEncode,
    UrlDecode,
    HtmlEncode,
    HtmlDecode,
    JsonEscape,
    JsonUnescape,
    UnicodeEscape,
    UnicodeUnescape,
    Rot13,
    JwtDecode,
}

/// What RFC 3986 calls unreserved stays.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The tool.
pub(super) struct EncodeDecode;

#[async_trait]
impl Tool for EncodeDecode {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("encode_decode")
    }

    fn capability(&self) -> Capability {
        Capability::Compute
    }

    fn needs_folder(&self) -> bool {
        super::ONLY_WITH_A_FOLDER
    }

    async fn prepare(&self, value: Value, _: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let Input { text, operation } = arguments(value)?;
        let name = seen["operation"].as_str().unwrap_or_default().to_owned();
        let action = action(
            "encode_decode",
            Capability::Compute,
            "Convert",
            &name,
            &seen,
        );
        Ok(Prepared::new(action, move |ctx| async move {
            let converted = convert(&text, operation, ctx.now).map_err(ToolError::BadArguments)?;
            let shown = if converted.is_empty() {
                "(empty)".to_owned()
            } else {
                // What a decoded text hides is shown: decoding is how one looks for it.
                terminal::visible(&converted).into_owned()
            };
            Ok(ToolOutput::text(shown, name))
        }))
    }
}

fn convert(text: &str, operation: Operation, now: UnixMillis) -> Result<String, String> {
    match operation {
        Operation::Base64Encode => Ok(BASE64.encode(text.as_bytes())),
        Operation::Base64urlEncode => Ok(BASE64URL_NOPAD.encode(text.as_bytes())),
        Operation::Base64Decode | Operation::Base64urlDecode => base64(text).map(as_text),
        Operation::HexEncode => Ok(HEXLOWER.encode(text.as_bytes())),
        Operation::HexDecode => {
            let digits: String = text.split([' ', '\n', '\t', ':']).collect();
            let digits = digits.strip_prefix("0x").unwrap_or(&digits);
            HEXLOWER_PERMISSIVE
                .decode(digits.as_bytes())
                .map(as_text)
                .map_err(|error| format!("This is not hexadecimal: {error}."))
        }
        Operation::UrlEncode => Ok(utf8_percent_encode(text, COMPONENT).to_string()),
        Operation::UrlDecode => Ok(as_text(percent_decode_str(text).collect())),
        Operation::HtmlEncode => Ok(html_escape::encode_quoted_attribute(text).into_owned()),
        Operation::HtmlDecode => Ok(html_escape::decode_html_entities(text).into_owned()),
        Operation::JsonEscape => Ok(Value::from(text)
            .to_string()
            .trim_start_matches('"')
            .strip_suffix('"')
            .unwrap_or_default()
            .to_owned()),
        Operation::JsonUnescape => {
            let quoted = text.trim();
            let quoted = if quoted.len() >= 2 && quoted.starts_with('"') && quoted.ends_with('"') {
                quoted.to_owned()
            } else {
                format!("\"{text}\"")
            };
            serde_json::from_str(&quoted)
                .map_err(|error| format!("This is not the inside of a JSON string: {error}."))
        }
        Operation::UnicodeEscape => Ok(unicode_escaped(text)),
        Operation::UnicodeUnescape => unicode_unescaped(text),
        Operation::Rot13 => Ok(text.chars().map(rot13).collect()),
        Operation::JwtDecode => jwt(text.trim(), now),
    }
}

/// Either alphabet, with or without padding and line breaks.
fn base64(text: &str) -> Result<Vec<u8>, String> {
    let standard: String = text
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .map(|character| match character {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    BASE64_NOPAD
        .decode(standard.trim_end_matches('=').as_bytes())
        .map_err(|error| format!("This is not Base64: {error}."))
}

fn as_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let bytes = error.into_bytes();
        format!(
            "These {} bytes are no UTF-8 text. In hexadecimal: {}",
            bytes.len(),
            HEXLOWER.encode(&bytes)
        )
    })
}

/// As JavaScript, Java and JSON write it: two escapes for what is past U+FFFF.
fn unicode_escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if character.is_ascii() && !character.is_ascii_control() {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// `\uXXXX` and `\u{…}`; other backslashes stay.
fn unicode_unescaped(text: &str) -> Result<String, String> {
    let mut units: Vec<u16> = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\u") {
        units.extend(before.encode_utf16());
        let (digits, tail) = match after.strip_prefix('{') {
            Some(braced) => braced
                .split_once('}')
                .ok_or("A `\\u{` has no closing brace.")?,
            None => after
                .split_at_checked(4)
                .ok_or("A `\\u` has fewer than four digits.")?,
        };
        let character = Some(digits)
            .filter(|it| it.chars().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|it| u32::from_str_radix(it, 16).ok())
            .ok_or_else(|| format!("`\\u{digits}` is no escape of a character."))?;
        match (u16::try_from(character), char::from_u32(character)) {
            // May be one half of a pair.
            (Ok(unit), _) => units.push(unit),
            (Err(_), Some(character)) => units.extend(character.encode_utf16(&mut [0; 2]).iter()),
            (Err(_), None) => return Err(format!("There is no character {character:x}.")),
        }
        rest = tail;
    }
    units.extend(rest.encode_utf16());
    String::from_utf16(&units).map_err(|_| "An escape is one half of a surrogate pair.".to_owned())
}

fn rot13(character: char) -> char {
    let turn = |base: u8| char::from((character as u8 - base + 13) % 26 + base);
    match character {
        'a'..='z' => turn(b'a'),
        'A'..='Z' => turn(b'A'),
        other => other,
    }
}

fn jwt(token: &str, now: UnixMillis) -> Result<String, String> {
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _signature] = parts.as_slice() else {
        return Err(format!(
            "A signed token has three parts between dots, this has {}.",
            parts.len()
        ));
    };
    let read = |name: &str, part: &str| -> Result<Value, String> {
        serde_json::from_slice(&base64(part)?)
            .map_err(|error| format!("The {name} is no JSON: {error}."))
    };
    let header = read("header", header)?;
    let claims = read("payload", claims)?;
    let mut text = format!("Header: {header:#}\nClaims: {claims:#}\n");
    for (claim, meaning) in [("iat", "Issued"), ("nbf", "Not before"), ("exp", "Expires")] {
        if let Some(time) = claims[claim]
            .as_i64()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        {
            let over = if claim == "exp" && time.as_millisecond() <= now.0 {
                " (expired)"
            } else {
                ""
            };
            let _ = writeln!(text, "{meaning}: {time}{over}");
        }
    }
    text.push_str("The signature was not checked: anyone can have written this.");
    Ok(text)
}

#[cfg(test)]
mod tests;
