//! Frames as bytes: putting a message into one, and finding messages in bytes as they come.
//!
//! Refuses to read or write anything: both sides bring their own pipes.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use super::MAX_FRAME_BYTES;

/// Bytes of the length in front of each frame.
const LENGTH_BYTES: usize = 4;

/// What was wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Longer than [`MAX_FRAME_BYTES`].
    TooLong {
        /// Bytes claimed, or needed.
        bytes: u64,
    },
    /// Not the JSON of a message. After it nothing more can be trusted.
    BadJson {
        /// What was wrong.
        reason: String,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => write!(
                f,
                "a frame of {bytes} bytes, at most {MAX_FRAME_BYTES} are allowed"
            ),
            Self::BadJson { reason } => write!(f, "a frame that is no message: {reason}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// The bytes of one frame.
///
/// # Errors
/// [`FrameError::TooLong`]; [`FrameError::BadJson`] where the message cannot be written as JSON.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut bytes, message).map_err(|error| FrameError::BadJson {
        reason: error.to_string(),
    })?;
    let length = bytes.len() - LENGTH_BYTES;
    match u32::try_from(length) {
        Ok(length) if length <= MAX_FRAME_BYTES => {
            bytes[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
            Ok(bytes)
        }
        _ => Err(FrameError::TooLong {
            bytes: length as u64,
        }),
    }
}

/// Finds messages in bytes, however they were cut. Holds at most one frame and what was pushed behind it.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    start: usize,
}

impl FrameDecoder {
    /// Takes bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; `None` until more bytes come. After an error the decoder is of no more use.
    ///
    /// # Errors
    /// As [`FrameError`] says. A length past the limit is refused before its bytes are waited for.
    pub fn next_message<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let rest = &self.buffer[self.start..];
        let Some((length, body)) = rest.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length);
        if length > MAX_FRAME_BYTES {
            return Err(FrameError::TooLong {
                bytes: u64::from(length),
            });
        }
        let Some(json) = body.get(..length as usize) else {
            return Ok(None);
        };
        let message = serde_json::from_slice(json).map_err(|error| FrameError::BadJson {
            reason: error.to_string(),
        })?;
        self.start += LENGTH_BYTES + length as usize;
        Ok(Some(message))
    }

    /// Whether bytes of an unfinished frame are held.
    pub fn is_mid_frame(&self) -> bool {
        self.start < self.buffer.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{WorkerReply, WorkerRequest};
    use super::*;

    fn replies() -> Vec<WorkerReply> {
        vec![
            WorkerReply::Started {
                id: 1,
                prompt_tokens: 38,
            },
            WorkerReply::Text {
                id: 1,
                text: "Grüße 🦀\n\0".to_owned(),
            },
            WorkerReply::Pong {
                id: u64::MAX,
                resident_bytes: 0,
            },
        ]
    }

    #[test]
    fn messages_survive_every_cut() {
        let mut bytes = Vec::new();
        for reply in replies() {
            bytes.extend(encode(&reply).unwrap());
        }
        for cut in 0..=bytes.len() {
            let mut decoder = FrameDecoder::default();
            let mut got = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                decoder.push(part);
                while let Some(reply) = decoder.next_message::<WorkerReply>().unwrap() {
                    got.push(reply);
                }
            }
            assert_eq!(got, replies(), "cut at {cut}");
            assert!(!decoder.is_mid_frame());
        }
    }

    #[test]
    fn one_byte_at_a_time() {
        let bytes = encode(&WorkerRequest::Ping { id: 7 }).unwrap();
        let mut decoder = FrameDecoder::default();
        for (index, byte) in bytes.iter().enumerate() {
            decoder.push(&[*byte]);
            let got = decoder.next_message::<WorkerRequest>().unwrap();
            let want = (index + 1 == bytes.len()).then_some(WorkerRequest::Ping { id: 7 });
            assert_eq!(got, want);
        }
    }

    #[test]
    fn a_huge_length_is_refused_at_once() {
        let mut decoder = FrameDecoder::default();
        decoder.push(&(MAX_FRAME_BYTES + 1).to_le_bytes());
        assert_eq!(
            decoder.next_message::<WorkerReply>(),
            Err(FrameError::TooLong {
                bytes: u64::from(MAX_FRAME_BYTES) + 1
            })
        );
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for json in ["", "{}", "[1]", "{\"type\":\"nope\"}", "\u{7f}"] {
            let mut decoder = FrameDecoder::default();
            decoder.push(&(json.len() as u32).to_le_bytes());
            decoder.push(json.as_bytes());
            assert!(
                matches!(
                    decoder.next_message::<WorkerReply>(),
                    Err(FrameError::BadJson { .. })
                ),
                "{json:?}"
            );
        }
    }

    #[test]
    fn a_message_past_the_limit_is_not_encoded() {
        let text = "x".repeat(MAX_FRAME_BYTES as usize);
        assert!(matches!(
            encode(&WorkerReply::Text { id: 1, text }),
            Err(FrameError::TooLong { .. })
        ));
    }
}
