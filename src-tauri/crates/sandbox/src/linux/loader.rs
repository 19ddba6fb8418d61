//! Which files a program needs to be started: itself, and the loader that its header names.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

/// The loader of an ELF program of 64 bits; none where it is linked statically.
pub fn of(program: &Path) -> io::Result<Option<PathBuf>> {
    /// The entry of the program header that names the loader.
    const INTERPRETER: u64 = 3;
    /// As long as the kernel allows.
    const LONGEST: u64 = 4096;
    let odd = || io::Error::new(io::ErrorKind::InvalidData, "it is no program of 64 bits");
    let mut file = File::open(program)?;
    let mut head = [0; 64];
    file.read_exact(&mut head)?;
    if head[..6] != *b"\x7fELF\x02\x01" {
        return Err(odd());
    }
    let (table, size, entries) = (
        number(&head[32..40]),
        number(&head[54..56]),
        number(&head[56..58]),
    );
    for index in 0..entries {
        let mut entry = [0; 56];
        let at = index.checked_mul(size).and_then(|at| at.checked_add(table));
        file.seek(SeekFrom::Start(at.ok_or_else(odd)?))?;
        file.read_exact(&mut entry)?;
        if number(&entry[..4]) != INTERPRETER {
            continue;
        }
        let (from, bytes) = (number(&entry[8..16]), number(&entry[32..40]));
        file.seek(SeekFrom::Start(from))?;
        let mut name = Vec::new();
        file.take(bytes.min(LONGEST)).read_to_end(&mut name)?;
        let end = name.iter().position(|byte| *byte == 0).ok_or_else(odd)?;
        return Ok(Some(PathBuf::from(OsStr::from_bytes(&name[..end]))));
    }
    Ok(None)
}

/// Little endian, as all processors here are.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_names_a_loader_that_is_there() {
        let loader = of(&std::env::current_exe().unwrap()).unwrap();
        assert!(loader.is_none_or(|loader| loader.is_file()));
        assert!(of(Path::new("/etc/passwd")).is_err());
    }
}
