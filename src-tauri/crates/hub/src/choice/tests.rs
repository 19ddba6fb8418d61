use proptest::prelude::*;

use super::*;
use crate::FilePath;

const GIB: u64 = 1024 * 1024 * 1024;

fn file(path: &str, size: u64) -> HubFile {
    HubFile {
        path: FilePath::new(path).unwrap(),
        size,
        checksum: None,
    }
}

fn machine(free_memory: u64) -> Needs {
    Needs {
        free_memory,
        runs: |quantization| !quantization.is_importance(),
    }
}

fn seven_billion() -> Vec<HubFile> {
    vec![
        file("README.md", 4_000),
        file("m-Q2_K.gguf", 3 * GIB),
        file("m-Q3_K_M.gguf", 7 * GIB / 2),
        file("m-IQ4_XS.gguf", 4 * GIB),
        file("m-Q4_K_M.gguf", 9 * GIB / 2),
        file("m-Q5_K_M.gguf", 11 * GIB / 2),
        file("m-Q8_0.gguf", 8 * GIB),
        file("F16/m-F16-00001-of-00002.gguf", 8 * GIB),
        file("F16/m-F16-00002-of-00002.gguf", 7 * GIB),
        file("m-Q6_K-00001-of-00002.gguf", 3 * GIB),
        file("mmproj-F16.gguf", GIB),
        file("imatrix.gguf", GIB),
    ]
}

#[test]
fn what_belongs_to_a_file_is_looked_for_beside_it_and_then_at_the_top() {
    let summed = |path: &str, size| HubFile {
        checksum: Some(crate::GitSum::from([7; 20]).into()),
        ..file(path, size)
    };
    let companions = |all: &[HubFile]| -> Vec<String> {
        let choices = choices(all);
        let companions = choices[0].companions.iter();
        companions.map(|file| file.path.to_string()).collect()
    };
    let all = [
        file("Q8/m-Q8_0.gguf", GIB),
        summed("tokenizer.json", 100),
        summed("Q8/tokenizer.json", 100),
        summed("chat_template.jinja", 9),
        summed("config.json", 9),
        summed("Q4/tokenizer_config.json", 9),
    ];
    assert_eq!(
        companions(&all),
        ["Q8/tokenizer.json", "chat_template.jinja"]
    );
    let odd = [
        file("m-Q8_0.gguf", GIB),
        file("tokenizer.json", 100),
        summed("tokenizer_config.json", 64 * 1024 * 1024 + 1),
        summed("chat_template.jinja", 0),
    ];
    assert_eq!(companions(&odd), [""; 0], "no sum, too large, empty");
}

#[test]
fn without_gguf_the_authors_own_files_are_one_choice() {
    let summed = |path: &str, size| HubFile {
        checksum: Some(crate::GitSum::from([7; 20]).into()),
        ..file(path, size)
    };
    let mut all = vec![
        file("README.md", 9),
        summed("config.json", 1),
        summed("generation_config.json", 1),
        summed("tokenizer_config.json", 1),
        summed("model-00002-of-00002.safetensors", GIB),
        summed("model-00001-of-00002.safetensors", 2 * GIB),
        summed("model.safetensors.index.json", 1),
        summed("consolidated.safetensors", 3 * GIB),
        summed("original/model.safetensors", 3 * GIB),
    ];
    assert_eq!(choices(&all), [], "there is no tokenizer");
    all.push(summed("tokenizer.json", 1));
    let [choice] = choices(&all).try_into().unwrap();
    let names: Vec<&str> = choice.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        names,
        [
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "generation_config.json",
            "model.safetensors.index.json",
        ]
    );
    assert_eq!(
        (choice.label(), choice.form, choice.size),
        ("Original", Form::Folder, 3 * GIB + 5)
    );
    let with = |extra: HubFile| choices(&[all.clone(), vec![extra]].concat());
    assert_eq!(with(summed("modules.json", 1)), []);
    assert_eq!(with(file("chat_template.jinja", 1)), [], "no checksum");
    assert_eq!(with(summed("m-Q8_0.gguf", 1))[0].form, Form::Gguf);
    assert_eq!(
        with(summed("model.safetensors", GIB))[0].files[0]
            .path
            .as_str(),
        "model.safetensors"
    );
    all.retain(|file| !file.path.as_str().starts_with("model-00002"));
    assert_eq!(choices(&all), [], "a part is missing");
}

#[test]
fn parts_are_one_choice_and_companions_are_none() {
    let shown: Vec<String> = choices(&seven_billion())
        .iter()
        .map(|choice| {
            format!(
                "{} {:?} {} files, {} GiB",
                choice.label(),
                choice.group,
                choice.files.len(),
                choice.size as f64 / GIB as f64
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Q2_K Small 1 files, 3 GiB",
            "Q3_K_M Small 1 files, 3.5 GiB",
            "IQ4_XS Balanced 1 files, 4 GiB",
            "Q4_K_M Balanced 1 files, 4.5 GiB",
            "Q5_K_M Balanced 1 files, 5.5 GiB",
            "Q8_0 Large 1 files, 8 GiB",
            "F16 Large 2 files, 15 GiB",
        ]
    );
}

#[test]
fn one_is_recommended_for_each_machine() {
    let all = choices(&seven_billion());
    let advice = |free| recommended(&all, &machine(free)).map(|index| all[index].label());
    assert_eq!(advice(2 * GIB), None);
    assert_eq!(advice(5 * GIB), Some("Q2_K"), "the better ones fit barely");
    assert_eq!(advice(11 * GIB / 2), Some("Q3_K_M"));
    assert_eq!(advice(8 * GIB), Some("Q4_K_M"));
    assert_eq!(advice(64 * GIB), Some("Q4_K_M"), "more bits cost speed");
    let large = choices(&[file("m-F16.gguf", GIB), file("m-Q8_0.gguf", GIB / 2)]);
    assert_eq!(recommended(&large, &machine(64 * GIB)), Some(0));
    assert_eq!(large[0].label(), "Q8_0");
}

#[test]
fn a_packing_that_the_engine_cannot_read_is_not_recommended() {
    let only = choices(&[file("m-IQ4_XS.gguf", GIB)]);
    assert_eq!(recommended(&only, &machine(64 * GIB)), None);
    let needs = Needs {
        free_memory: 64 * GIB,
        runs: |_| true,
    };
    assert_eq!(recommended(&only, &needs), Some(0));
}

#[test]
fn sizes_from_outside_do_not_overflow() {
    let all = choices(&[
        file("m-00001-of-00002.gguf", u64::MAX),
        file("m-00002-of-00002.gguf", u64::MAX),
    ]);
    assert_eq!(all[0].size, u64::MAX);
    assert_eq!(all[0].fit(u64::MAX - 1), Fit::TooLarge);
}

proptest! {
    #[test]
    fn any_listing_gives_choices_of_whole_sets(names in prop::collection::vec("[a-zQ0-9_]{1,6}(-0000[0-3]-of-0000[1-3])?\\.gguf", 0..12)) {
        let files: Vec<HubFile> = names.iter().map(|name| file(name, 1)).collect();
        for choice in choices(&files) {
            prop_assert_eq!(choice.size, choice.files.len() as u64);
            prop_assert!(!choice.files.is_empty());
        }
    }
}
