//! System packages on Linux: what the build and the tests need, how to see that it is there, and how to get it.
//!
//! Installs by itself only through apt and only as root or with a sudo that asks nothing; everywhere else it prints
//! the command to type.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{
    bench::RIPGREP,
    command,
    place::{on_path, rustc},
    progress::Outcome,
    starter,
    work::Work,
};

const APT_BUILD: [&str; 9] = [
    "libwebkit2gtk-4.1-dev",
    "libayatana-appindicator3-dev",
    "librsvg2-dev",
    "libxdo-dev",
    "build-essential",
    "cmake",
    "pkg-config",
    "clang",
    "libclang-dev",
];
const APT_TEST: [&str; 6] = [
    "webkit2gtk-driver",
    "xvfb",
    "dbus-x11",
    "gnome-keyring",
    "strace",
    "iproute2",
];
/// Only measured beside ours: where apt cannot bring it, the measurement says that it is missing.
const APT_BENCH: [&str; 1] = ["ripgrep"];
const APT_PYTHON: [&str; 2] = ["python3", "python3-pip"];

/// What must be there on any Linux, whoever brought it: pkg-config modules, and programs.
const BUILD_MODULES: [&str; 2] = ["webkit2gtk-4.1", "librsvg-2.0"];
const BUILD_PROGRAMS: [&str; 4] = ["cc", "c++", "cmake", "pkg-config"];
const TEST_PROGRAMS: [&str; 6] = [
    "WebKitWebDriver",
    "Xvfb",
    "dbus-run-session",
    "gnome-keyring-daemon",
    "strace",
    "ip",
];

/// Step: all that the distribution has to bring.
pub fn install(work: &mut Work) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::NotOnThisSystem(
            "nothing is needed but Rust and its C compiler".to_owned(),
        ));
    }
    let python = starter::is_wanted(&work.place) && !starter::has_pip();
    if is_apt() {
        let mut wanted = APT_BUILD.to_vec();
        if work.tests {
            wanted.extend(APT_TEST);
        }
        if work.bench && on_path(RIPGREP).is_none() {
            wanted.extend(APT_BENCH);
        }
        if python {
            wanted.extend(APT_PYTHON);
        }
        let missing = missing_from_dpkg(&wanted)?;
        if missing.is_empty() {
            return Ok(Outcome::UpToDate);
        }
        if prefix().is_some() {
            apt_install(&missing)?;
            return Ok(Outcome::Done);
        }
    }
    let missing = missing_parts(work.tests, python);
    if missing.is_empty() {
        return Ok(Outcome::UpToDate);
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    bail!(
        "missing: {}. Install them with\n    {}\nand start again",
        missing.join(", "),
        install_line(&release, work.tests)
    )
}

/// Whether apt can be used without asking anyone.
pub fn apt_here() -> bool {
    is_apt() && prefix().is_some()
}

fn is_apt() -> bool {
    cfg!(target_os = "linux")
        && Path::new("/etc/debian_version").exists()
        && on_path("dpkg-query").is_some()
}

/// What comes before `apt-get`: nothing for root, sudo where it asks nothing, `None` where neither is.
fn prefix() -> Option<&'static [&'static str]> {
    let root = command::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if root {
        Some(&[])
    } else if command::succeeds(Command::new("sudo").args(["-n", "true"])) {
        Some(&["sudo", "-n", "--preserve-env=DEBIAN_FRONTEND"])
    } else {
        None
    }
}

/// Installs with apt.
///
/// # Errors
/// When apt does, or may not be used.
pub fn apt_install(wanted: &[&str]) -> Result<()> {
    let Some(prefix) = prefix() else {
        bail!(
            "apt needs root. Run\n    sudo apt-get install {}\nand start again",
            wanted.join(" ")
        );
    };
    let apt = |args: &[&str]| {
        let mut words = prefix.iter().chain(["apt-get"].iter()).chain(args.iter());
        let mut command = command::clean(words.next().unwrap_or(&"apt-get"));
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        command::run(&mut command)
    };
    // One dead source of several fails the update, and the install may work all the same.
    if let Err(error) = apt(&["update", "-qq"]) {
        println!("{error:#}; going on with the lists that are here");
    }
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(wanted);
    apt(&install)
}

fn missing_from_dpkg<'a>(wanted: &[&'a str]) -> Result<Vec<&'a str>> {
    // Its exit code is 1 where one is unknown, and the known ones are printed all the same.
    let output = Command::new("dpkg-query")
        .args(["-W", "-f=${Package} ${db:Status-Status}\\n"])
        .args(wanted)
        .output()?;
    Ok(not_installed(
        wanted,
        &String::from_utf8_lossy(&output.stdout),
    ))
}

fn not_installed<'a>(wanted: &[&'a str], dpkg: &str) -> Vec<&'a str> {
    let installed: BTreeSet<&str> = dpkg
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .collect();
    wanted
        .iter()
        .copied()
        .filter(|name| !installed.contains(name))
        .collect()
}

fn missing_parts(tests: bool, python: bool) -> Vec<String> {
    let mut missing: Vec<String> = BUILD_PROGRAMS
        .iter()
        .filter(|name| on_path(name).is_none())
        .map(|name| format!("the program {name}"))
        .collect();
    let has =
        |module: &str| command::succeeds(Command::new("pkg-config").args(["--exists", module]));
    missing.extend(
        BUILD_MODULES
            .iter()
            .filter(|m| !has(m))
            .map(|m| format!("the library {m}")),
    );
    if !has("ayatana-appindicator3-0.1") && !has("appindicator3-0.1") {
        missing.push("the library ayatana-appindicator3-0.1".to_owned());
    }
    if tests {
        missing.extend(
            TEST_PROGRAMS
                .iter()
                .filter(|name| find_program(name).is_none())
                .map(|name| format!("the program {name}")),
        );
    }
    if python {
        missing.push("Python 3 with pip".to_owned());
    }
    missing
}

/// A program of the system, also where distributions put those that are not for people.
pub fn find_program(name: &str) -> Option<std::path::PathBuf> {
    on_path(name).or_else(|| {
        let host = rustc(&["-vV"]).unwrap_or_default();
        let triple = if host.contains("aarch64") {
            "aarch64-linux-gnu"
        } else {
            "x86_64-linux-gnu"
        };
        [
            "/usr/sbin",
            "/sbin",
            "/usr/libexec",
            "/usr/lib",
            "/usr/lib64",
            "/usr/lib/webkit2gtk-4.1",
            "/usr/libexec/webkit2gtk-4.1",
        ]
        .into_iter()
        .map(|folder| Path::new(folder).join(name))
        .chain([Path::new("/usr/lib")
            .join(triple)
            .join("webkit2gtk-4.1")
            .join(name)])
        .find(|file| file.is_file())
    })
}

/// The command to type, for the distribution that /etc/os-release names.
fn install_line(os_release: &str, tests: bool) -> String {
    let ids: Vec<&str> = os_release
        .lines()
        .filter_map(|line| {
            line.strip_prefix("ID=")
                .or_else(|| line.strip_prefix("ID_LIKE="))
        })
        .flat_map(|value| value.trim_matches('"').split(' '))
        .collect();
    let is = |names: &[&str]| ids.iter().any(|id| names.contains(id));
    let (command, build, test) = if is(&["debian", "ubuntu"]) {
        let (build, test) = (APT_BUILD.join(" "), APT_TEST.join(" "));
        return with_tests(
            "sudo apt-get install",
            &format!("{build} {}", APT_PYTHON.join(" ")),
            &test,
            tests,
        );
    } else if is(&["fedora", "rhel", "centos"]) {
        (
            "sudo dnf install",
            "webkit2gtk4.1-devel libappindicator-gtk3-devel librsvg2-devel libxdo-devel gcc gcc-c++ make cmake pkgconf-pkg-config clang clang-devel python3-pip",
            "webkit2gtk-driver xorg-x11-server-Xvfb dbus-daemon gnome-keyring strace iproute",
        )
    } else if is(&["arch"]) {
        (
            "sudo pacman -S --needed",
            "webkit2gtk-4.1 libappindicator-gtk3 librsvg xdotool base-devel cmake clang python-pip",
            "xorg-server-xvfb dbus gnome-keyring strace iproute2",
        )
    } else if is(&["suse", "opensuse"]) {
        (
            "sudo zypper install",
            "webkit2gtk3-devel libayatana-appindicator3-devel librsvg-devel xdotool-devel gcc gcc-c++ make cmake pkg-config clang clang-devel python3-pip",
            "webkit2gtk4-driver xorg-x11-server-Xvfb dbus-1-daemon gnome-keyring strace iproute2",
        )
    } else {
        (
            "your package manager, the development packages of",
            "WebKitGTK 4.1, libayatana-appindicator3, librsvg 2, libxdo, a C and C++ compiler, cmake, pkg-config, clang, Python 3 with pip",
            "and WebKitWebDriver, Xvfb, dbus-run-session, gnome-keyring, strace, iproute2",
        )
    };
    with_tests(command, build, test, tests)
}

fn with_tests(command: &str, build: &str, test: &str, tests: bool) -> String {
    if tests {
        format!("{command} {build} {test}")
    } else {
        format!("{command} {build}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dpkg_does_not_call_installed_is_missing() {
        let dpkg = "cmake installed\nclang config-files\nxvfb unpacked\n";
        assert_eq!(
            not_installed(&["cmake", "clang", "xvfb", "libxdo-dev"], dpkg),
            ["clang", "xvfb", "libxdo-dev"]
        );
    }

    #[test]
    fn each_distribution_gets_its_own_command() {
        let first_words = |os_release: &str| {
            install_line(os_release, false)
                .split(' ')
                .take(3)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            [
                first_words("ID=debian\n"),
                first_words("NAME=Mint\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"),
                first_words("ID=fedora\n"),
                first_words("ID=manjaro\nID_LIKE=arch\n"),
                first_words("ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n"),
                first_words("ID=other\n"),
            ],
            [
                "sudo apt-get install",
                "sudo apt-get install",
                "sudo dnf install",
                "sudo pacman -S",
                "sudo zypper install",
                "your package manager,",
            ]
        );
    }

    #[test]
    fn tests_ask_for_more() {
        let line = |tests| install_line("ID=debian", tests);
        assert_eq!(
            line(true),
            format!("{} {}", line(false), APT_TEST.join(" "))
        );
    }
}
