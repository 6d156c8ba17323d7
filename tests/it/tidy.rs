//! What no compiler checks: file headers and sizes, forgotten test files, translations, and that the two READMEs say
//! the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Above this a file is hard to read; one that must be longer says why and is named here.
const MAX_LINES: usize = 800;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), ending, &mut found);
    assert!(!found.is_empty(), "{folder} has no {ending}");
    found
}

/// The source files of every crate of the house.
fn sources() -> Vec<PathBuf> {
    let mut found = files("src", ".rs");
    found.extend(
        files("crates", ".rs").into_iter().filter(|path| path.components().any(|c| c.as_os_str() == "src")),
    );
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn every_source_file_says_what_lives_in_it_and_is_no_monster() {
    let mut wrong = Vec::new();
    for path in sources().into_iter().chain(files("tests", ".rs")) {
        let text = read(&path);
        if !text.starts_with("//! ") {
            wrong.push(format!("{} does not open with //!", path.display()));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{} has {lines} lines", path.display()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_test_file_is_forgotten() {
    let main = read(&root().join("tests/it/main.rs"));
    let declared: BTreeSet<_> = main
        .lines()
        .filter_map(|l| l.trim().strip_prefix("mod ")?.strip_suffix(';'))
        .map(ToOwned::to_owned)
        .collect();
    let mut there = BTreeSet::new();
    for entry in fs::read_dir(root().join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_module = path.extension().is_some_and(|e| e == "rs") || path.join("mod.rs").exists();
        if is_module && name != "main" {
            there.insert(name);
        }
    }
    assert_eq!(declared, there);
}

/// Key → language → text. The files are flat on purpose: a key stands on a line of its own, its texts below it.
fn translations() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for path in files("crates/words/locales", ".yml") {
        let text = read(&path);
        let mut key = String::new();
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}:{}", path.display(), number + 1);
            if line.trim().is_empty() || line.starts_with('#') || line.starts_with("_version: 2") {
            } else if let Some(name) = line.strip_suffix(':').filter(|l| !l.starts_with(' ')) {
                assert!(!all.contains_key(name), "{place}: {name} stands twice");
                key = name.trim_matches('"').to_owned();
                all.insert(key.clone(), BTreeMap::new());
            } else if let Some((lang, text)) = line.trim().split_once(": ") {
                let text = text.trim().to_owned();
                assert!(text.len() > 2, "{place}: an empty text");
                all.get_mut(&key)
                    .unwrap_or_else(|| panic!("{place}: no key above"))
                    .insert(lang.into(), text);
            } else {
                panic!("{place}: write `key:`, and below it `en: \"…\"` and `zh: \"…\"`");
            }
        }
    }
    all
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split("%{").skip(1).map(|rest| rest.split('}').next().unwrap()).collect()
}

#[test]
fn every_text_is_there_in_both_languages_with_the_same_values() {
    for (key, texts) in translations() {
        let languages: Vec<_> = texts.keys().map(String::as_str).collect();
        assert_eq!(languages, ["en", "zh"], "{key}");
        assert_eq!(placeholders(&texts["en"]), placeholders(&texts["zh"]), "{key}");
    }
}

/// Every `t!("key", …)` with the names of its values.
fn uses() -> Vec<(String, String, BTreeSet<String>)> {
    let mut found = Vec::new();
    for path in sources() {
        let text = read(&path);
        for (at, _) in text.match_indices("t!(") {
            // `assert!(` and the like end in the same letters.
            if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = text[at + 3..].trim_start();
            if let Some((key, rest)) = rest.strip_prefix('"').and_then(|r| r.split_once('"')) {
                let line = text[..at].lines().count();
                found.push((format!("{}:{line}", path.display()), key.to_owned(), value_names(rest)));
            }
        }
    }
    found
}

/// `, name = …, other = …)` → name, other; stops at the parenthesis that closes the call.
fn value_names(call: &str) -> BTreeSet<String> {
    let (mut depth, mut names, mut word, mut quoted) = (1, BTreeSet::new(), String::new(), false);
    let mut chars = call.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => drop(chars.next()),
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 1 => word.clear(),
            '=' if depth == 1 && !matches!(chars.peek(), Some('=' | '>')) && !word.is_empty() => {
                names.insert(std::mem::take(&mut word));
            }
            c if depth == 1 && !c.is_whitespace() => word.push(c),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

#[test]
fn every_text_that_is_used_exists_and_gets_its_values() {
    let known = translations();
    let mut wrong = Vec::new();
    for (place, key, values) in uses() {
        match known.get(&key) {
            None => wrong.push(format!("{place}: {key} has no text")),
            Some(texts) => {
                for missing in placeholders(&texts["en"]).into_iter().filter(|p| !values.contains(*p)) {
                    wrong.push(format!("{place}: {key} wants a value for {missing}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What stands before `.{…}` in a text: families of keys that are put together from a stable word.
fn families(source: &str) -> BTreeSet<&str> {
    source.split('"').filter_map(|text| text.split_once(".{")).map(|(family, _)| family).collect()
}

#[test]
fn no_text_is_left_over() {
    let source: String = sources().iter().map(|p| read(p)).collect();
    let families = families(&source);
    let used = |key: &String| {
        let family = key.rsplit_once('.').map_or("", |(family, _)| family);
        source.contains(&format!("\"{key}\"")) || families.contains(family)
    };
    let unused: Vec<_> = translations().into_keys().filter(|key| !used(key)).collect();
    assert_eq!(unused, Vec::<String>::new());
}

#[test]
fn the_two_readmes_have_the_same_sections() {
    let levels = |name: &str| -> Vec<usize> {
        let text = read(&root().join(name));
        let mut code = false;
        let mut levels = Vec::new();
        for line in text.lines() {
            code ^= line.starts_with("```");
            if !code && line.starts_with('#') {
                levels.push(line.chars().take_while(|c| *c == '#').count());
            }
        }
        levels
    };
    let (english, chinese) = (levels("README.md"), levels("README.zh-CN.md"));
    assert!(english.len() > 3);
    assert_eq!(english, chinese);
}

/// What a gateway can do stands in one table; who asks which dialect is spoken would have to be found for every new one.
#[test]
fn only_the_gateway_asks_which_dialect_is_spoken() {
    let may = [
        "crates/gateway/",
        "crates/simulation/",
        "crates/core/src/device.rs",
        "crates/core/src/config/values.rs",
    ];
    for folder in ["src", "crates"] {
        for path in files(folder, ".rs") {
            let place = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
            if may.iter().any(|allowed| place.starts_with(allowed)) || place.contains("tests") {
                continue;
            }
            let asks =
                ["Dialect::UpdaterCloud", "Dialect::Openapi"].iter().any(|name| read(&path).contains(name));
            assert!(!asks, "{place}: ask Dialect::capabilities");
        }
    }
}
