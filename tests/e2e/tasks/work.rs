//! The tasks themselves.

use nexus_protocol::Mode;
use serde_json::json;

use super::{
    Task,
    desk::{Entry, prepare_with, put},
    photos::{pdf, taken_at},
    run,
};

#[tokio::test]
async fn photos_are_renamed_by_the_date_they_were_taken() {
    run(Task {
        name: "photos",
        ask: "Rename these photos by the date they were taken",
        mode: Mode::Edits,
        prepare: |folder| {
            put(folder, "IMG_1.jpg", taken_at("2024:05:01 09:30:00"));
            put(folder, "IMG_2.jpg", taken_at("2023:12:24 18:00:05"));
            put(folder, "notes.txt", "keep me\n");
        },
        steps: vec![
            vec![("list_directory", json!({}))],
            vec![
                ("read_file", json!({ "path": "IMG_1.jpg" })),
                ("read_file", json!({ "path": "IMG_2.jpg" })),
            ],
            vec![
                (
                    "move_path",
                    json!({ "from": "IMG_1.jpg", "to": "2024-05-01 09.30.00.jpg" }),
                ),
                (
                    "move_path",
                    json!({ "from": "IMG_2.jpg", "to": "2023-12-24 18.00.05.jpg" }),
                ),
            ],
        ],
        answer: "Both photos carry their date now.",
        expect: |files, _| {
            for (from, to) in [
                ("IMG_1.jpg", "2024-05-01 09.30.00.jpg"),
                ("IMG_2.jpg", "2023-12-24 18.00.05.jpg"),
            ] {
                let photo = files.remove(from).unwrap();
                files.insert(to.to_owned(), photo);
            }
        },
    })
    .await;
}

#[tokio::test]
async fn a_failing_test_is_found_and_mended() {
    run(Task {
        name: "failing-test",
        ask: "Find out why this test fails and fix it",
        mode: Mode::Auto,
        prepare: |folder| {
            put(folder, "mean.py", "def mean(values):\n    return sum(values) / (len(values) - 1)\n");
            put(
                folder,
                "test_mean.py",
                "import unittest\nfrom mean import mean\n\nclass MeanTest(unittest.TestCase):\n    def test_mean(self):\n        self.assertEqual(mean([1, 2, 3]), 2)\n",
            );
        },
        steps: vec![
            vec![("shell", json!({ "command": "python3 -B -m unittest" }))],
            vec![("read_file", json!({ "path": "mean.py" }))],
            vec![(
                "edit_file",
                json!({ "path": "mean.py", "edits": [{ "old_text": "(len(values) - 1)", "new_text": "len(values)" }] }),
            )],
            vec![("shell", json!({ "command": "python3 -B -m unittest" }))],
        ],
        answer: "It divided by one too few. The test passes now.",
        expect: |files, _| {
            files.insert(
                "mean.py".into(),
                Entry::file("def mean(values):\n    return sum(values) / len(values)\n"),
            );
        },
    })
    .await;
}

#[tokio::test]
async fn a_name_is_changed_over_thirty_files() {
    let edit = |number: usize| {
        let path = format!("src/module_{number}.js");
        let edits = json!([{ "old_text": "oldName", "new_text": "newName", "replace_all": true }]);
        ("edit_file", json!({ "path": path, "edits": edits }))
    };
    run(Task {
        name: "refactor",
        ask: "Rename oldName to newName everywhere",
        mode: Mode::Edits,
        prepare: |folder| {
            for number in 0..30 {
                let text = format!(
                    "export function oldName() {{\r\n  return {number};\r\n}}\r\nconsole.log(oldName());\r\n"
                );
                put(folder, &format!("src/module_{number}.js"), text);
            }
            put(folder, "src/other.js", "// oldNamed stays\n");
        },
        steps: vec![
            vec![("search_files", json!({ "pattern": "\\boldName\\b" }))],
            (0..30).map(edit).collect(),
            vec![("search_files", json!({ "pattern": "\\boldName\\b" }))],
        ],
        answer: "Thirty files use newName now.",
        expect: |files, _| {
            for number in 0..30 {
                let text = format!(
                    "export function newName() {{\r\n  return {number};\r\n}}\r\nconsole.log(newName());\r\n"
                );
                files.insert(format!("src/module_{number}.js"), Entry::file(text));
            }
        },
    })
    .await;
}

#[tokio::test]
async fn a_table_is_cleaned_and_drawn() {
    const CODE: &str = "import csv\nrows = list(csv.DictReader(open('sales.csv')))\nseen, clean = set(), []\nfor row in rows:\n    key = tuple(row.values())\n    if key not in seen:\n        seen.add(key)\n        clean.append(row)\nwith open('sales.clean.csv', 'w', newline='') as file:\n    writer = csv.DictWriter(file, ['month', 'revenue'], lineterminator='\\n')\n    writer.writeheader()\n    writer.writerows(clean)\nshow_chart([row['month'] for row in clean], [float(row['revenue']) for row in clean], title='Revenue by month', kind='bar')\nclean";
    run(Task {
        name: "csv",
        ask: "Clean sales.csv, drop the duplicates, and show me revenue by month",
        mode: Mode::Ask,
        prepare: |folder| {
            put(
                folder,
                "sales.csv",
                "month,revenue\nJan,52\nFeb,49\nFeb,49\nMar,61\nApr,70\nMay,74\nJan,52\n",
            );
        },
        steps: vec![
            vec![("read_file", json!({ "path": "sales.csv" }))],
            vec![("run_code", json!({ "language": "python", "code": CODE }))],
        ],
        answer: "Two rows were there twice. Revenue rose from **52** to **74**.",
        expect: |files, _| {
            files.insert(
                "sales.clean.csv".into(),
                Entry::file("month,revenue\nJan,52\nFeb,49\nMar,61\nApr,70\nMay,74\n"),
            );
        },
    })
    .await;
}

#[tokio::test]
async fn a_fault_is_found_by_bisecting() {
    run(Task {
        name: "bisect",
        ask: "Which commit broke the sum?",
        mode: Mode::Auto,
        prepare: |folder| {
            let git = |arguments: &[&str]| prepare_with(folder, "git", arguments);
            git(&["init", "-q", "-b", "main"]);
            git(&["config", "user.name", "Test"]);
            git(&["config", "user.email", "test@example.org"]);
            for number in 0..8 {
                let sign = if number < 5 { '+' } else { '-' };
                put(folder, "sum.py", format!("# {number}\ndef add(a, b):\n    return a {sign} b\n"));
                git(&["add", "."]);
                git(&["commit", "-q", "-m", &format!("Change {number}")]);
            }
        },
        steps: vec![
            vec![("git", json!({ "command": "log" }))],
            vec![(
                "shell",
                json!({ "command": "git bisect start HEAD HEAD~7 && git bisect run python3 -B -c 'import sum, sys; sys.exit(sum.add(2, 2) != 4)' && git bisect log && git bisect reset" }),
            )],
        ],
        answer: "“Change 5” broke it.",
        // The repository's own files change; what the user sees does not.
        expect: |files, folder| {
            let now = super::tree(folder);
            files.retain(|path, _| !path.starts_with(".git/"));
            files.extend(now.into_iter().filter(|(path, _)| path.starts_with(".git/")));
        },
    })
    .await;
}

#[tokio::test]
async fn a_script_is_written_and_run() {
    run(Task {
        name: "script",
        ask: "Write a script that counts the words in each text, and run it",
        mode: Mode::Edits,
        prepare: |folder| {
            put(folder, "texts/a.txt", "one two three\n");
            put(folder, "texts/b.txt", "four five\n");
        },
        steps: vec![
            vec![(
                "write_file",
                json!({ "path": "tools/count.sh", "content": "#!/bin/sh\nfor file in texts/*.txt; do\n  echo \"$file $(wc -w < \"$file\")\"\ndone\n" }),
            )],
            vec![("shell", json!({ "command": "sh tools/count.sh > counts.txt && cat counts.txt" }))],
        ],
        answer: "Three words in a, two in b.",
        expect: |files, _| {
            files.insert("tools".into(), Entry::Folder(0o755));
            files.insert(
                "tools/count.sh".into(),
                Entry::file("#!/bin/sh\nfor file in texts/*.txt; do\n  echo \"$file $(wc -w < \"$file\")\"\ndone\n"),
            );
            files.insert("counts.txt".into(), Entry::file("texts/a.txt 3\ntexts/b.txt 2\n"));
        },
    })
    .await;
}

#[tokio::test]
async fn a_folder_of_pdfs_is_summarised() {
    run(Task {
        name: "pdfs",
        ask: "Summarise the PDFs in this folder",
        mode: Mode::Ask,
        prepare: |folder| {
            put(folder, "offer.pdf", pdf("The offer is 1200 euros."));
            put(folder, "contract.pdf", pdf("The contract ends in May."));
        },
        steps: vec![
            vec![("find_files", json!({ "glob": "*.pdf" }))],
            vec![
                ("read_file", json!({ "path": "contract.pdf" })),
                ("read_file", json!({ "path": "offer.pdf" })),
            ],
            vec![(
                "write_file",
                json!({ "path": "summary.md", "content": "# Summary\n\n- The contract ends in May.\n- The offer is 1200 euros.\n" }),
            )],
        ],
        answer: "The summary is in `summary.md`.",
        expect: |files, _| {
            files.insert(
                "summary.md".into(),
                Entry::file("# Summary\n\n- The contract ends in May.\n- The offer is 1200 euros.\n"),
            );
        },
    })
    .await;
}

#[tokio::test]
async fn a_folder_is_put_in_order() {
    let moves = [
        ("a.txt", "texts/a.txt"),
        ("b.csv", "tables/b.csv"),
        ("old", "archive/old"),
    ];
    run(Task {
        name: "order",
        ask: "Put this folder in order",
        mode: Mode::Edits,
        prepare: |folder| {
            put(folder, "a.txt", "text\n");
            put(folder, "b.csv", "x,y\n1,2\n");
            put(folder, "old/deep/c.txt", "c\n");
        },
        steps: vec![
            vec![("list_directory", json!({ "depth": 3 }))],
            moves
                .iter()
                .map(|(from, to)| ("move_path", json!({ "from": from, "to": to })))
                .collect(),
        ],
        answer: "Texts, tables and the old things have their places.",
        expect: |files, _| {
            for folder in ["texts", "tables", "archive"] {
                files.insert(folder.into(), Entry::Folder(0o755));
            }
            for (from, to) in [
                ("a.txt", "texts/a.txt"),
                ("b.csv", "tables/b.csv"),
                ("old", "archive/old"),
                ("old/deep", "archive/old/deep"),
                ("old/deep/c.txt", "archive/old/deep/c.txt"),
            ] {
                let entry = files.remove(from).unwrap();
                files.insert(to.to_owned(), entry);
            }
        },
    })
    .await;
}

#[tokio::test]
async fn data_is_asked_and_written_in_another_form() {
    run(Task {
        name: "json",
        ask: "Make a CSV of the people over 30",
        mode: Mode::Edits,
        prepare: |folder| {
            put(folder, "people.json", "[{\"name\":\"Ada\",\"age\":36},{\"name\":\"Bo\",\"age\":20}]\n");
        },
        steps: vec![
            vec![("read_file", json!({ "path": "people.json" }))],
            vec![(
                "query_json",
                json!({ "json": "[{\"name\":\"Ada\",\"age\":36},{\"name\":\"Bo\",\"age\":20}]", "query": ".[] | select(.age > 30) | .name" }),
            )],
            vec![("write_file", json!({ "path": "over30.csv", "content": "name\nAda\n" }))],
        ],
        answer: "Only Ada.",
        expect: |files, _| {
            files.insert("over30.csv".into(), Entry::file("name\nAda\n"));
        },
    })
    .await;
}

#[tokio::test]
async fn duplicates_go() {
    run(Task {
        name: "duplicates",
        ask: "Delete the duplicates",
        mode: Mode::Ask,
        prepare: |folder| {
            put(folder, "a.bin", [1_u8, 2, 3, 0, 255]);
            put(folder, "copy of a.bin", [1_u8, 2, 3, 0, 255]);
            put(folder, "b.bin", [9_u8; 1000]);
        },
        steps: vec![
            vec![("shell", json!({ "command": "sha256sum *.bin" }))],
            vec![("delete_path", json!({ "path": "copy of a.bin" }))],
        ],
        answer: "One file was there twice.",
        expect: |files, _| {
            files.remove("copy of a.bin").unwrap();
        },
    })
    .await;
}

#[tokio::test]
async fn a_job_runs_in_the_background_while_files_are_written() {
    run(Task {
        name: "job",
        ask: "Start the watcher, then list what is to do",
        mode: Mode::Auto,
        prepare: |folder| {
            put(folder, "main.rs", "// TODO: name it\nfn main() {}\n");
            put(
                folder,
                "watch.sh",
                "echo ready\nread line\necho \"got $line\" > seen.txt\nsleep 60\n",
            );
        },
        steps: vec![
            vec![(
                "shell",
                json!({ "command": "sh watch.sh", "background": true }),
            )],
            vec![("search_files", json!({ "pattern": "TODO" }))],
            vec![(
                "write_file",
                json!({ "path": "TODO.md", "content": "- main.rs: name it\n" }),
            )],
            vec![(
                "job",
                json!({ "action": "write", "id": 1, "text": "hello\n", "wait_seconds": 1 }),
            )],
            vec![("job", json!({ "action": "stop", "id": 1 }))],
        ],
        answer: "The watcher saw the line and was stopped.",
        expect: |files, _| {
            files.insert("TODO.md".into(), Entry::file("- main.rs: name it\n"));
            files.insert("seen.txt".into(), Entry::file("got hello\n"));
        },
    })
    .await;
}

#[tokio::test]
async fn documents_get_their_new_year() {
    let edit = |path: &str| {
        let edits = json!([{ "old_text": "Copyright 2025", "new_text": "Copyright 2026" }]);
        ("edit_file", json!({ "path": path, "edits": edits }))
    };
    run(Task {
        name: "year",
        ask: "Bring the copyright lines up to date",
        mode: Mode::Ask,
        prepare: |folder| {
            put(folder, "README.md", "# Café\r\nCopyright 2025 Zoë\r\n");
            put(folder, "docs/guide.md", "\u{feff}Guide\nCopyright 2025 Zoë");
            put(folder, "vendor/their.md", "Copyright 2025 them\n");
        },
        steps: vec![
            vec![
                ("find_files", json!({ "glob": "**/*.md" })),
                (
                    "search_files",
                    json!({ "pattern": "Copyright 2025", "literal": true }),
                ),
            ],
            vec![edit("README.md"), edit("docs/guide.md")],
            vec![("read_file", json!({ "path": "README.md" }))],
        ],
        answer: "Two documents say 2026; theirs was left alone.",
        expect: |files, _| {
            files.insert(
                "README.md".into(),
                Entry::file("# Café\r\nCopyright 2026 Zoë\r\n"),
            );
            files.insert(
                "docs/guide.md".into(),
                Entry::file("\u{feff}Guide\nCopyright 2026 Zoë"),
            );
        },
    })
    .await;
}
