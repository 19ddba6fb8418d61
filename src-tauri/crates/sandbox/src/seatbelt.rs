//! The profile for macOS's `sandbox-exec`.
//!
//! Owns: the text. Denied is all that is not named, as in Codex's and Anthropic's profiles. Refuses to own: who runs it
//! (the launcher).

use std::path::Path;

use crate::{
    Kind, Spec, Unavailable, protected,
    view::{Access, View},
};

#[cfg(test)]
mod tests;

/// What every program needs: to read what the system says about itself, to write to what it was given.
/// Mach services are named one by one: the ones behind the keychain, the pasteboard and other apps are not among them.
const BASE: &str = r#"(version 1)
(deny default)
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow sysctl-read)
(allow file-read-metadata)
(allow file-read* (literal "/"))
(allow file-read* file-write-data file-ioctl (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty"))
(allow file-read* (literal "/dev/random") (literal "/dev/urandom"))
(allow file-read* file-write-data (subpath "/dev/fd"))
(allow pseudo-tty)
(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo") (global-name "com.apple.logd"))
(allow ipc-posix-sem)
"#;

/// Added for tools, which start other programs.
const CHILDREN: &str = "(allow process-exec process-fork)\n";

/// Added where the program may use the graphics processor: Metal's devices and its compiler.
const GRAPHICS: &str = r#"(allow iokit-open)
(allow iokit-get-properties)
(allow mach-lookup (global-name "com.apple.MTLCompilerService") (xpc-service-name "com.apple.MTLCompilerService"))
"#;

/// Added where the program may reach the network. Unix sockets stay closed but for the resolver's.
const NETWORK: &str = r#"(allow network-outbound (remote ip))
(allow network-inbound (local ip))
(allow network-bind (local ip))
(allow network-outbound (literal "/private/var/run/mDNSResponder"))
(allow mach-lookup (global-name "com.apple.SystemConfiguration.configd") (global-name "com.apple.trustd.agent"))
"#;

/// The profile for a program. In such a profile the last rule that matches decides.
///
/// # Errors
/// [`Unavailable`] where a path is missing, hidden, or cannot be written down.
pub fn profile(spec: &Spec) -> Result<String, Unavailable> {
    let view = View::of(spec)?;
    let mut text = BASE.to_owned();
    match (spec.kind, spec.argv.first()) {
        (Kind::Tool, _) => text.push_str(CHILDREN),
        (Kind::Worker { gpu }, program) => {
            if let Some(program) = program {
                let program = quoted(Path::new(program))?;
                text.push_str(&format!("(allow process-exec (literal {program}))\n"));
            }
            if gpu {
                text.push_str(GRAPHICS);
            }
        }
    }
    if spec.network {
        text.push_str(NETWORK);
    }
    for (path, access) in &view.trees {
        let path = quoted(path)?;
        text.push_str(&match access {
            Access::Read => format!("(allow file-read* (subpath {path}))\n"),
            Access::Write => format!("(allow file-read* file-write* (subpath {path}))\n"),
            Access::Hide => {
                format!("(deny file-read* file-write* process-exec (subpath {path}))\n")
            }
        });
    }
    if let Some(folder) = &spec.folder {
        let folder = folder.canonicalize().map_err(|error| {
            Unavailable(format!("{} cannot be opened: {error}.", folder.display()))
        })?;
        for relative in protected() {
            let path = folder.join(relative);
            text.push_str(&format!(
                "(deny file-write* (subpath {}))\n",
                quoted(&path)?
            ));
            // Whoever may rename a parent may put another in its place.
            for parent in path
                .ancestors()
                .skip(1)
                .take_while(|parent| *parent != folder)
            {
                let parent = quoted(parent)?;
                text.push_str(&format!("(deny file-write-unlink (literal {parent}))\n"));
            }
        }
    }
    Ok(text)
}

/// A path as the profile's language writes strings.
fn quoted(path: &Path) -> Result<String, Unavailable> {
    let text = path
        .to_str()
        .filter(|text| !text.chars().any(char::is_control))
        .ok_or_else(|| {
            Unavailable(format!(
                "{} has characters that the sandbox cannot name.",
                path.display()
            ))
        })?;
    Ok(format!(
        "\"{}\"",
        text.replace('\\', "\\\\").replace('"', "\\\"")
    ))
}
