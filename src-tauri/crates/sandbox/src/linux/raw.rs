//! The two system calls that no crate wraps safely.

#![expect(unsafe_code, reason = "libc declares these calls, no crate wraps them")]

use std::{ffi::CString, io, os::unix::ffi::OsStrExt as _, path::Path};

/// Sets attributes (`libc::MOUNT_ATTR_…`) on the mount at a path, and on all mounts below it. No other call reaches those below.
pub fn restrict_mounts(path: &Path, attributes: u64) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let change = libc::mount_attr {
        attr_set: attributes,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path is a C string and the structure is as long as said; both outlive the call, which keeps neither.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const change,
            size_of::<libc::mount_attr>(),
        )
    };
    done(result)
}

/// Marks all descriptors but the standard three to be closed when the program starts.
pub fn close_the_rest() -> io::Result<()> {
    const FIRST: libc::c_uint = 3;
    // SAFETY: nothing is closed yet, only marked: no descriptor that this process still uses becomes invalid.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    done(result)
}

fn done(result: libc::c_long) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
