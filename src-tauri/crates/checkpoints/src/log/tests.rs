//! Torn and damaged lines. More damage in tests/damage.rs.

use std::fs;

use tempfile::TempDir;

use super::*;

fn kept() -> Record {
    Record::Kept { path: None }
}

fn log() -> (TempDir, Log) {
    let folder = TempDir::new().unwrap();
    let log = Log::new(folder.path().join("session.jsonl"));
    (folder, log)
}

#[test]
fn records_come_back_in_order_and_to_others_too() {
    let (_folder, mut log) = log();
    assert_eq!(log.news().unwrap(), []);
    let mut other = Log::new(log.path.clone());
    log.append(&[Record::Opened { version: 1 }]).unwrap();
    other.news().unwrap();
    other.append(&[kept(), kept()]).unwrap();
    assert_eq!(log.news().unwrap(), [kept(), kept()]);
    assert_eq!(log.news().unwrap(), []);
}

#[test]
fn a_torn_last_line_is_cut_off_and_the_next_one_is_whole() {
    for torn in ["{\"sum\":\"12", "\0\0\0\0", "{\"sum\":\"\",\"record\":{}}"] {
        let (_folder, mut log) = log();
        log.append(&[kept()]).unwrap();
        let path = log.path.clone();
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{torn}")).unwrap();
        let mut log = Log::new(path.clone());
        assert_eq!(log.news().unwrap(), [kept()]);
        log.append(&[kept()]).unwrap();
        assert_eq!(Log::new(path).news().unwrap(), [kept(), kept()]);
    }
}

#[test]
fn a_journal_that_is_cut_or_erased_while_it_is_in_use_is_an_error() {
    let (_folder, mut log) = log();
    log.append(&[kept()]).unwrap();
    fs::write(&log.path, "").unwrap();
    assert!(log.news().unwrap_err().to_string().contains("cut short"));
    fs::remove_file(&log.path).unwrap();
    assert!(log.news().unwrap_err().to_string().contains("erased"));
}
