use std::path::Path;

use super::{Layer, Machine};

fn layer(name: &str, works: bool, required: bool, detail: &str) -> Layer {
    Layer {
        name: name.to_owned(),
        works,
        required,
        detail: detail.to_owned(),
    }
}

#[test]
fn a_missing_required_layer_is_no_sandbox() {
    assert!(Machine::default().confines().is_err());
    let mut machine = Machine {
        layers: vec![
            layer("Landlock", true, true, "version 6"),
            layer("signal scopes", false, false, "Linux 6.12"),
        ],
    };
    assert_eq!(machine.confines(), Ok(()));
    assert_eq!(
        machine.summary(),
        "Programs are sandboxed by Landlock (version 6)."
    );
    machine
        .layers
        .push(layer("namespaces", false, true, "turned off"));
    assert_eq!(
        machine.summary(),
        "Programs cannot be sandboxed here: namespaces does not work (turned off)."
    );
}

#[test]
fn a_launcher_that_is_missing_or_no_launcher_is_no_sandbox() {
    assert!(
        Machine::probe(Path::new("/nonexistent/launcher"))
            .confines()
            .is_err()
    );
    #[cfg(unix)]
    assert!(Machine::probe(Path::new("/bin/true")).confines().is_err());
}
