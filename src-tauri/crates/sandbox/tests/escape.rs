//! Every way out is open without the sandbox and closed with it.

use nexus_sandbox::Sandbox;

use crate::{
    probes::{Language, PROBES, Probe},
    world::{LAUNCHER, PRELUDE, Profile, World},
};

/// Whether a probe reached anything outside.
fn reaches(probe: &Probe, profile: Profile, sandbox: Option<&Sandbox>) -> (bool, String) {
    let mut world = World::build();
    let before = world.state();
    let script = match probe.language {
        Language::Bash => probe.script.to_owned(),
        Language::Python => format!("{PRELUDE}{}", probe.script),
    };
    let program = match probe.language {
        Language::Bash => ["/bin/bash", "-c", &script],
        Language::Python => ["/usr/bin/python3", "-c", &script],
    };
    let output = match sandbox {
        Some(sandbox) => world.confined(sandbox, profile, &program),
        None => world.control(profile, &program),
    };
    let after = world.state();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let reached = said.contains("GOT") || world.leaked(&output) || before != after;
    // A program that was never started proves nothing.
    assert_ne!(
        output.status.code(),
        Some(nexus_sandbox::FAILED),
        "{}: {said}",
        probe.name
    );
    (reached, said)
}

#[test]
fn no_probe_escapes_and_each_would_without_the_sandbox() {
    let sandbox = Sandbox::probe(LAUNCHER.as_ref());
    sandbox.machine().confines().unwrap();
    assert!(PROBES.len() >= 64);
    let profiles = [Profile::Folder, Profile::TempOnly, Profile::Network];
    let (mut escapes, mut dead, mut cut_off, mut runs) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for probe in PROBES {
        for profile in profiles {
            let (reached, said) = reaches(probe, profile, None);
            if !reached {
                dead.push(format!("{} ({profile:?}): {said}", probe.name));
            }
            let (reached, said) = reaches(probe, profile, Some(&sandbox));
            runs += 1;
            match (reached, probe.network && profile == Profile::Network) {
                (true, false) => escapes.push(format!("{} ({profile:?}): {said}", probe.name)),
                // What is allowed has to work, or the other answers would prove little.
                (false, true) => cut_off.push(format!("{}: {said}", probe.name)),
                _ => {}
            }
        }
    }
    println!(
        "{} probes × {} profiles = {runs} runs, {} escapes",
        PROBES.len(),
        profiles.len(),
        escapes.len()
    );
    for escape in &escapes {
        println!("escaped: {escape}");
    }
    assert_eq!(dead, Vec::<String>::new(), "cannot succeed even outside");
    assert_eq!(cut_off, Vec::<String>::new(), "the network was allowed");
    assert_eq!(escapes, Vec::<String>::new());
}

#[test]
fn a_file_as_standard_input_is_refused() {
    let sandbox = Sandbox::probe(LAUNCHER.as_ref());
    let world = World::build();
    let mut command = sandbox
        .command(&world.spec(Profile::Folder, &["/bin/chmod", "777", "/proc/self/fd/0"]))
        .unwrap();
    let output = command
        .stdin(std::fs::File::open(world.path("outside/victim")).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(nexus_sandbox::FAILED));
}
