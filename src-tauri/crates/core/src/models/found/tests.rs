use super::*;
use crate::models::gguf_builder::tiny;

const SUM: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn put(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn env(&self, more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let home = self.dir.path().display().to_string();
        let mut env = BTreeMap::from([("HOME".to_owned(), home)]);
        for (name, below) in more {
            let path = self.dir.path().join(below).display().to_string();
            env.insert((*name).to_owned(), path);
        }
        env
    }

    fn names(&self, more: &[(&str, &str)]) -> Vec<(FoundApp, String)> {
        look(&self.env(more), &self.dir.path().join("ours"))
            .into_iter()
            .map(|found| (found.app, found.name))
            .collect()
    }
}

fn manifest(digest: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"config":{{"digest":"sha256:00"}},"layers":[
            {{"mediaType":"application/vnd.ollama.image.template","digest":"sha256:11"}},
            {{"mediaType":"application/vnd.ollama.image.model","digest":"{digest}","size":9}}]}}"#
    )
}

#[test]
fn the_five_apps_are_read_as_they_keep_their_files() {
    let home = Home::new();
    let mut number = 0_u8;
    let mut model = |path: &str| {
        // Different bytes, so that none is taken for another's.
        number += 1;
        home.put(path, &[tiny().bytes(), vec![number]].concat());
    };
    model(".lmstudio/models/maker/repo-GGUF/m-Q4_K_M.gguf");
    model(".cache/lm-studio/models/old.gguf");
    model(&format!(".ollama/models/blobs/sha256-{SUM}"));
    model("jan/models/old-jan/model.gguf");
    model(".local/share/Jan/data/llamacpp/models/maker/new-jan/model.gguf");
    model(".cache/llama.cpp/maker_repo_m-Q8_0.gguf");
    model(".cache/huggingface/hub/models--maker--hf-GGUF/snapshots/0123/m-Q4_0.gguf");
    home.put(
        ".ollama/models/manifests/registry.ollama.ai/library/llama3.2/latest",
        manifest(&format!("sha256:{SUM}")).as_bytes(),
    );
    home.put(
        ".ollama/models/manifests/registry.ollama.ai/library/gone/latest",
        manifest(&format!("sha256:{}", "0".repeat(64))).as_bytes(),
    );
    home.put(
        ".ollama/models/manifests/registry.ollama.ai/library/evil/latest",
        manifest("sha256:../../../secret").as_bytes(),
    );
    home.put(".lmstudio/models/maker/repo-GGUF/mmproj-f16.gguf", b"x");
    home.put(".lmstudio/models/maker/repo-GGUF/README.md", b"x");
    assert_eq!(
        home.names(&[]),
        [
            (FoundApp::LmStudio, "maker/m-Q4_K_M".to_owned()),
            (FoundApp::LmStudio, "old".into()),
            (FoundApp::Ollama, "llama3.2:latest".into()),
            (FoundApp::Jan, "maker/new-jan".into()),
            (FoundApp::Jan, "old-jan".into()),
            (FoundApp::LlamaCpp, "maker_repo_m-Q8_0".into()),
            (FoundApp::HuggingFace, "maker/hf-GGUF/m-Q4_0".into()),
        ]
    );
}

#[test]
fn their_variables_count() {
    let home = Home::new();
    home.put("here/a.gguf", &tiny().bytes());
    home.put("there/hub/models--m--n/snapshots/1/b.gguf", b"no model");
    assert_eq!(
        home.names(&[("LLAMA_CACHE", "here"), ("HF_HOME", "there")]),
        [
            (FoundApp::LlamaCpp, "a".to_owned()),
            (FoundApp::HuggingFace, "m/n/b".into())
        ]
    );
    let found = look(
        &home.env(&[("LLAMA_CACHE", "here"), ("HF_HOME", "there")]),
        Path::new("/nowhere"),
    );
    assert!(found[0].problem.is_none() && found[0].quantization.is_some());
    assert!(found[1].problem.is_some());
    assert_eq!(look(&BTreeMap::new(), Path::new("/nowhere")).len(), 0);
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_ours_are_named() {
    let home = Home::new();
    let blob = home.put(
        ".cache/huggingface/hub/models--m--n/blobs/abc",
        &tiny().bytes(),
    );
    for commit in ["1", "2"] {
        let link = home.dir.path().join(format!(
            ".cache/huggingface/hub/models--m--n/snapshots/{commit}/m.gguf"
        ));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("../../blobs/abc", &link).unwrap();
    }
    // A folder that is a link is not entered: it could lead to the whole disk.
    fs::create_dir_all(home.dir.path().join(".cache/llama.cpp")).unwrap();
    std::os::unix::fs::symlink(
        home.dir.path(),
        home.dir.path().join(".cache/llama.cpp/all"),
    )
    .unwrap();
    let ours = home.dir.path().join("ours");
    fs::create_dir_all(ours.join("mine")).unwrap();
    fs::hard_link(&blob, ours.join("mine/mine.gguf")).unwrap();
    let found: Vec<_> = look(&home.env(&[]), &ours)
        .into_iter()
        .filter(|found| found.app == FoundApp::HuggingFace)
        .collect();
    let [only] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(only.here, Some(ModelRef("local/mine".into())));
    assert_eq!(
        only.path,
        blob.canonicalize().unwrap().display().to_string()
    );
}
