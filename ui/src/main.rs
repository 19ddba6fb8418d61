//! The binary that Trunk builds: it installs the crash page and mounts the tree. Everything else is in the library.

fn main() {
    nexus_ui::run();
}
