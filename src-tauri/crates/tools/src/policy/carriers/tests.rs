//! The list is well-formed: a slip in it would be a hole that nothing else shows.

use super::*;

fn argv(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn the_list_is_in_order_and_says_each_program_once() {
    let lines = || {
        LIST.lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
    };
    let always: Vec<&str> = lines()
        .filter_map(|line| line.strip_prefix("* "))
        .flat_map(str::split_whitespace)
        .collect();
    let others: Vec<&str> = lines()
        .filter(|line| !line.starts_with("* "))
        .filter_map(|line| line.split(' ').next())
        .collect();
    for names in [&always, &others] {
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
    }
    assert_eq!(
        always
            .iter()
            .filter(|name| others.contains(name))
            .collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
    // Names are looked up in small letters and without what Windows adds.
    let unfound: Vec<&&str> = always
        .iter()
        .chain(&others)
        .filter(|name| base_name(name) != **name)
        .collect();
    assert_eq!(unfound, Vec::<&&str>::new());
    assert_eq!(CARRIERS.len(), always.len() + others.len());
    assert!(others.iter().all(|name| !CARRIERS[name].always));
}

#[test]
fn options_count_in_all_their_forms() {
    let carried = [
        "sort -o x",
        "sort -uo x",
        "sort -ox",
        "sort --output=x",
        "sort --out x",
        "find . -exec id",
        "python3.11 -c x",
        "python",
        "/usr/bin/python3 -c x",
        "SUDO ls",
        "sudo.exe ls",
        "mkfs.ext4 x",
        "gcc-12 x",
        "go build -o x",
        "uniq a b",
        "cd",
        "tar xf x",
        "git -c x",
    ];
    let plain = [
        "sort -u x",
        "sort --unique x",
        "find . -name -execute",
        "python3 x.py",
        "go build -mod=vendor",
        "go test -count=1",
        "uniq -c a",
        "cd src",
        "tar tf x",
        "git --no-pager log",
        "ls -la",
        "cargo test",
    ];
    assert_eq!(
        carried
            .into_iter()
            .filter(|line| !carries(&argv(line)))
            .collect::<Vec<_>>(),
        Vec::<&str>::new()
    );
    assert_eq!(
        plain
            .into_iter()
            .filter(|line| carries(&argv(line)))
            .collect::<Vec<_>>(),
        Vec::<&str>::new()
    );
}
