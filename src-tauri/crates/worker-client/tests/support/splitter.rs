//! Splits a sound GGUF file as llama.cpp's own tool does, so that tests have a real model in several files.

use std::path::{Path, PathBuf};

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn take(&mut self, count: usize) -> &[u8] {
        self.at += count;
        &self.bytes[self.at - count..self.at]
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    fn text(&mut self) -> Vec<u8> {
        let length = self.u64() as usize;
        self.take(length).to_vec()
    }

    fn skip(&mut self, of: u32) {
        match of {
            0 | 1 | 7 => drop(self.take(1).len()),
            2 | 3 => drop(self.take(2).len()),
            4..=6 => drop(self.take(4).len()),
            8 => drop(self.text()),
            9 => {
                let (of, count) = (self.u32(), self.u64());
                (0..count).for_each(|_| self.skip(of));
            }
            _ => drop(self.take(8).len()),
        }
    }
}

struct Tensor {
    /// Name, dimensions and type, as they are in the file.
    head: Vec<u8>,
    offset: usize,
}

/// Writes `count` parts beside each other, the first with all the metadata and no tensors; gives their paths.
pub fn split(model: &Path, folder: &Path, count: u16) -> Vec<PathBuf> {
    let bytes = std::fs::read(model).unwrap();
    let mut cursor = Cursor {
        bytes: &bytes,
        at: 8,
    };
    let (tensors, entries) = (cursor.u64(), cursor.u64());
    let from = cursor.at;
    for _ in 0..entries {
        cursor.text();
        let of = cursor.u32();
        cursor.skip(of);
    }
    let metadata = bytes[from..cursor.at].to_vec();
    let mut all: Vec<Tensor> = (0..tensors)
        .map(|_| {
            let start = cursor.at;
            cursor.text();
            let dimensions = cursor.u32();
            cursor.take(8 * dimensions as usize + 4);
            let head = bytes[start..cursor.at].to_vec();
            let offset = cursor.u64() as usize;
            Tensor { head, offset }
        })
        .collect();
    all.sort_by_key(|tensor| tensor.offset);
    let data = &bytes[cursor.at.next_multiple_of(32)..];
    let ends: Vec<usize> = all
        .iter()
        .skip(1)
        .map(|tensor| tensor.offset)
        .chain([data.len()])
        .collect();
    let share = all.len().div_ceil(usize::from(count) - 1);
    (0..count)
        .map(|number| {
            let mine = match usize::from(number) {
                0 => 0..0,
                n => (n - 1) * share..(n * share).min(all.len()),
            };
            let mut out = b"GGUF\x03\0\0\0".to_vec();
            out.extend((mine.len() as u64).to_le_bytes());
            let own = if number == 0 { entries } else { 0 };
            out.extend((own + 3).to_le_bytes());
            if number == 0 {
                out.extend(&metadata);
            }
            for (key, of, value) in [
                ("split.no", 2_u32, number.to_le_bytes().to_vec()),
                ("split.count", 2, count.to_le_bytes().to_vec()),
                (
                    "split.tensors.count",
                    5,
                    (all.len() as i32).to_le_bytes().to_vec(),
                ),
            ] {
                out.extend((key.len() as u64).to_le_bytes());
                out.extend(key.as_bytes());
                out.extend(of.to_le_bytes());
                out.extend(value);
            }
            let base = all.get(mine.start).map_or(0, |tensor| tensor.offset);
            for tensor in &all[mine.clone()] {
                out.extend(&tensor.head);
                out.extend(((tensor.offset - base) as u64).to_le_bytes());
            }
            out.resize(out.len().next_multiple_of(32), 0);
            if let Some(last) = mine.clone().last() {
                out.extend(&data[base..ends[last]]);
            }
            let path = folder.join(format!("split-{:05}-of-{count:05}.gguf", number + 1));
            std::fs::write(&path, out).unwrap();
            path
        })
        .collect()
}
