//! A model in several files, as llama.cpp splits one: `name-00001-of-00003.gguf` has all the metadata, the others beside it only
//! weights and their place in the row.
//!
//! Owns finding the parts of a model by the name of the first, and making one header of theirs. Refuses to judge the whole
//! (`check`).

use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use super::read::{self, Header, Value, bad};
use super::{Fault, limits, source};

/// `name-00002-of-00003` is part 2 of 3 of `name`; parts count from 1. Takes a file's name without its ending.
pub fn part_of(stem: &str) -> Option<(&str, u32, u32)> {
    let (rest, count) = stem.rsplit_once("-of-")?;
    let (base, number) = rest.rsplit_once('-')?;
    let digits = |text: &str| {
        (text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse().ok())
            .flatten()
    };
    let (number, count): (u32, u32) = (digits(number)?, digits(count)?);
    (1 <= number && number <= count && count <= limits::PARTS).then_some((base, number, count))
}

/// All files of the model that begins with this one, by their names and whether they are there or not; just this one where it is
/// no first part.
pub fn parts(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str());
    let split = name
        .and_then(|name| name.strip_suffix(".gguf"))
        .and_then(part_of);
    match split {
        Some((base, 1, count)) if count > 1 => (1..=count)
            .map(|number| path.with_file_name(format!("{base}-{number:05}-of-{count:05}.gguf")))
            .collect(),
        _ => vec![path.to_owned()],
    }
}

/// The header of the whole model, where the one at `path` says that it is its first part; else as it is.
pub(super) fn join(path: &Path, mut first: Header) -> Result<Header, Fault> {
    let Some((number, count)) = place(&first)? else {
        return Ok(first);
    };
    if number != 1 {
        return bad(format!(
            "it is part {number} of a model that was split into {count} files; choose the first, which brings the others along"
        ));
    }
    let files = parts(path);
    if files.len() as u64 != count {
        return bad(format!(
            "it is the first of {count} files of a model that was split, and its name does not say so; name them name-00001-of-{count:05}.gguf and so on"
        ));
    }
    let wanted = whole(&first);
    for (number, file) in (1..).zip(&files).skip(1) {
        let part = read(file).map_err(|fault| match fault {
            Fault::Bad(reason) => {
                Fault::Bad(format!("its part {number} of {count} is no good: {reason}"))
            }
            other => other,
        })?;
        if place(&part)? != Some((number, count)) {
            return bad(format!("its part {number} of {count} is another file"));
        }
        first.file_bytes = first.file_bytes.saturating_add(part.file_bytes);
        for (name, tensor) in part.tensors {
            match first.tensors.entry(name) {
                Entry::Vacant(free) => drop(free.insert(tensor)),
                Entry::Occupied(taken) => {
                    return bad(format!("the tensor {} is in two parts", taken.key()));
                }
            }
        }
    }
    if wanted.is_some_and(|wanted| wanted != first.tensors.len() as u64) {
        return bad("its parts do not hold all the tensors that the first one counts");
    }
    first.parts = files.len();
    Ok(first)
}

fn read(path: &Path) -> Result<Header, Fault> {
    let (reader, bytes) = source(path).map_err(|error| {
        Fault::Bad(match error.kind() {
            std::io::ErrorKind::NotFound => "it is not beside the first".to_owned(),
            _ => format!("it could not be opened: {error}"),
        })
    })?;
    read::header(reader, bytes)
}

/// Which part of how many, counted from 1; `None` for a model in one file.
fn place(header: &Header) -> Result<Option<(u64, u64)>, Fault> {
    let number = |key: &str| match header.entries.get(key) {
        None => Ok(None),
        Some(Value::Unsigned(number, _)) => Ok(Some(*number)),
        Some(_) => bad(format!("{key} is no number")),
    };
    let count = match number("split.count")? {
        None | Some(0 | 1) => return Ok(None),
        Some(count) => count,
    };
    if count > u64::from(limits::PARTS) {
        return bad(format!(
            "it claims {count} parts, at most {} are allowed",
            limits::PARTS
        ));
    }
    match number("split.no")? {
        Some(index) if index < count => Ok(Some((index + 1, count))),
        _ => bad("it is one part of a model that was split, and does not say which"),
    }
}

/// Tensors of all parts.
fn whole(header: &Header) -> Option<u64> {
    match header.entries.get("split.tensors.count") {
        Some(Value::Unsigned(count, _)) => Some(*count),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::builder::{Entry, Gguf, tensor, tiny};
    use super::super::inspect;
    use super::*;

    fn placed(file: Gguf, number: u16, count: u16) -> Gguf {
        file.set("split.no", Entry::Raw(2, number.to_le_bytes().to_vec()))
            .set("split.count", Entry::Raw(2, count.to_le_bytes().to_vec()))
            .set("split.tensors.count", Entry::I32(3))
    }

    /// Three parts: the metadata alone, as some tools leave it; two tensors; one.
    fn parts_of_tiny() -> [Gguf; 3] {
        let whole = tiny();
        let part = |tensors: &[&str]| {
            let mut part = if tensors.is_empty() {
                whole.clone()
            } else {
                whole.clone().with(|part| part.entries.clear())
            };
            part.tensors
                .retain(|tensor| tensors.iter().any(|name| tensor.name == name.as_bytes()));
            part
        };
        [
            placed(part(&[]), 0, 3),
            placed(part(&["token_embd.weight", "output_norm.weight"]), 1, 3),
            placed(part(&["blk.0.attn_q.weight"]), 2, 3),
        ]
    }

    fn lay(folder: &Path, parts: &[Gguf]) -> Vec<PathBuf> {
        let first = folder.join("m-Q4-00001-of-00003.gguf");
        let paths = super::parts(&first);
        for (part, path) in parts.iter().zip(&paths) {
            std::fs::write(path, part.bytes()).unwrap();
        }
        paths
    }

    #[test]
    fn the_first_part_stands_for_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let paths = lay(folder.path(), &parts_of_tiny());
        let one = folder.path().join("one.gguf");
        std::fs::write(&one, tiny().bytes()).unwrap();
        let (whole, mut split) = (inspect(&one).unwrap(), inspect(&paths[0]).unwrap());
        assert_eq!((whole.parts, split.parts), (1, 3));
        let sizes = paths.iter().map(|path| path.metadata().unwrap().len());
        assert_eq!(split.file_bytes, sizes.sum::<u64>());
        assert_eq!(split.estimate_bytes(512), whole.estimate_bytes(512));
        assert!(split.says_split && !whole.says_split);
        (split.parts, split.file_bytes) = (whole.parts, whole.file_bytes);
        split.says_split = whole.says_split;
        assert_eq!(split, whole);
    }

    fn reason(path: &Path) -> String {
        match inspect(path) {
            Err(Fault::Bad(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parts_that_are_not_all_there_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let paths = lay(folder.path(), &parts_of_tiny());
        assert_eq!(
            reason(&paths[1]),
            "it is part 2 of a model that was split into 3 files; choose the first, which brings the others along"
        );
        let other = folder.path().join("renamed.gguf");
        std::fs::copy(&paths[0], &other).unwrap();
        assert_eq!(
            reason(&other),
            "it is the first of 3 files of a model that was split, and its name does not say so; name them name-00001-of-00003.gguf and so on"
        );
        std::fs::rename(&paths[2], folder.path().join("away")).unwrap();
        assert_eq!(
            reason(&paths[0]),
            "its part 3 of 3 is no good: it is not beside the first"
        );
        std::fs::copy(&paths[1], &paths[2]).unwrap();
        assert_eq!(reason(&paths[0]), "its part 3 of 3 is another file");
        std::fs::write(&paths[2], b"GGUF").unwrap();
        assert_eq!(
            reason(&paths[0]),
            "its part 3 of 3 is no good: it ends within its header"
        );
    }

    #[test]
    fn tensors_that_do_not_add_up_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second, third] = parts_of_tiny();
        let twice = third.clone().with(|part| {
            let again = tensor("output_norm.weight", &[32], 0, 32 * 4);
            part.tensors.push(again);
        });
        let paths = lay(folder.path(), &[first.clone(), second.clone(), twice]);
        assert_eq!(
            reason(&paths[0]),
            "the tensor output_norm.weight is in two parts"
        );
        let more = first.set("split.tensors.count", Entry::I32(4));
        lay(folder.path(), &[more, second, third]);
        assert_eq!(
            reason(&paths[0]),
            "its parts do not hold all the tensors that the first one counts"
        );
        let many = placed(tiny(), 0, 9999);
        std::fs::write(&paths[0], many.bytes()).unwrap();
        assert_eq!(
            reason(&paths[0]),
            "it claims 9999 parts, at most 256 are allowed"
        );
    }

    #[test]
    fn names_are_read_as_llama_writes_them() {
        assert_eq!(part_of("m-00002-of-00003"), Some(("m", 2, 3)));
        for odd in [
            "m-00004-of-00003",
            "m-00000-of-00003",
            "m-2-of-3",
            "m-00001-of-00999",
            "m",
        ] {
            assert_eq!(part_of(odd), None, "{odd}");
        }
        assert_eq!(parts(Path::new("/x/m-00002-of-00003.gguf")).len(), 1);
        assert_eq!(
            parts(Path::new("/x/m-00001-of-00002.gguf"))[1],
            Path::new("/x/m-00002-of-00002.gguf")
        );
    }
}
