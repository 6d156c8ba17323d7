//! How the rooms of the house hang together: crates know only crates that stand above them on the map, modules of a crate
//! import each other one way, and the core reaches nothing that has a runtime, a network or a database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Module → modules of the same crate that it imports, with a file that does.
type Arrows = BTreeMap<String, BTreeMap<String, String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The crates as the map lists them, the lowest first, and their folders.
fn map() -> Vec<(String, PathBuf)> {
    let text = read(&root().join("ARCHITECTURE.md"));
    let place = |line: &str| {
        let place = line.strip_prefix("| `")?.split('`').next()?;
        match place.strip_prefix("crates/") {
            Some(name) => Some((format!("rosterd-{name}"), root().join(place))),
            None => line.contains("(`rosterd`)").then(|| ("rosterd".to_owned(), root().to_owned())),
        }
    };
    text.lines().filter_map(place).collect()
}

/// The crates of ours that a manifest's `[dependencies]` name.
fn ours(manifest: &str) -> Vec<String> {
    let (_, rest) = manifest.split_once("\n[dependencies]\n").unwrap();
    let section = rest.split("\n[").next().unwrap();
    let name = |line: &str| line.split(['.', ' ']).next().map(str::to_owned);
    section.lines().filter_map(name).filter(|name| name.starts_with("rosterd")).collect()
}

#[test]
fn every_crate_is_on_the_map_and_knows_only_those_above_it() {
    let map = map();
    let names: Vec<&str> = map.iter().map(|(name, _)| name.as_str()).collect();
    let mut there: Vec<String> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| format!("rosterd-{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    there.push("rosterd".to_owned());
    assert_eq!(BTreeSet::from_iter(names.clone()), BTreeSet::from_iter(there.iter().map(String::as_str)));
    for (place, (name, folder)) in map.iter().enumerate() {
        for known in ours(&read(&folder.join("Cargo.toml"))) {
            assert!(names[..place].contains(&known.as_str()), "{name} knows {known}, which stands below it");
        }
    }
}

#[test]
fn the_core_reaches_no_runtime_network_or_database() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", "rosterd-core", "-e", "normal", "--prefix", "none"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("rosterd-core") && crates.contains("serde"), "not a tree: {tree}");
    for shell in [
        "tokio",
        "sqlx",
        "sqlx-core",
        "reqwest",
        "hyper",
        "openssl",
        "rustls",
        "notify",
        "rustix",
        "tempfile",
    ] {
        assert!(!crates.contains(shell), "the core reaches {shell}");
    }
}

#[test]
fn modules_import_each_other_one_way() {
    for (name, folder) in map() {
        let found = circles(&arrows(&folder.join("src")));
        assert_eq!(found, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_turned_arrow_is_found() {
    let house = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = house.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod a; mod b; mod c;");
    write("a.rs", "use crate::b::{self, X};\n// crate::c is only talked of\n");
    write("b/mod.rs", "use super::c;\nmod inner;");
    write("b/inner.rs", "use super::super::c::Y;\nuse super::deeper;");
    write("c.rs", "#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n");
    assert_eq!(circles(&arrows(house.path())), Vec::<String>::new());
    write("c.rs", "use crate::{\n    a::{Z, W},\n};\n");
    assert_eq!(circles(&arrows(house.path())), ["a -> b (a.rs), b -> c (b/mod.rs), c -> a (c.rs)"]);
}

/// Who imports whom among the top modules of a source folder. Tests do not count.
fn arrows(src: &Path) -> Arrows {
    let mut files = Vec::new();
    walk(src, &mut files);
    let inside = |path: &Path| -> Vec<String> {
        let relative = path.strip_prefix(src).unwrap().with_extension("");
        let parts = relative.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
        parts.filter(|part| part != "mod").collect()
    };
    let tops: BTreeSet<String> = files.iter().map(|path| inside(path)[0].clone()).collect();
    let mut arrows = Arrows::new();
    for path in &files {
        let module = inside(path);
        if matches!(module[0].as_str(), "lib" | "main") || module.iter().any(|part| part.starts_with("tests"))
        {
            continue;
        }
        let file = path.strip_prefix(src).unwrap().display().to_string();
        for name in imports(&without_tests(&read(path)), module.len()) {
            if tops.contains(&name) && name != module[0] {
                arrows.entry(module[0].clone()).or_default().insert(name, file.clone());
            }
        }
    }
    arrows
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// A source without comments and without the tests at its end.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The modules of the crate's root that a module `depth` levels below it names.
fn imports(code: &str, depth: usize) -> BTreeSet<String> {
    let up = "super::".repeat(depth);
    let mut found = BTreeSet::new();
    for prefix in ["crate::", &up] {
        for (at, _) in code.match_indices(prefix) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            found.extend(heads(&code[at + prefix.len()..]));
        }
    }
    found
}

/// The first words of a path, or of each path in a group `{a::{b}, c}`.
fn heads(rest: &str) -> Vec<String> {
    let word =
        |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let (mut depth, mut heads, mut start) = (0, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                heads.push(word(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    heads
}

/// Every way round that comes back to where it began, told once, from its first module on.
fn circles(arrows: &Arrows) -> Vec<String> {
    let mut found = Vec::new();
    for start in arrows.keys() {
        let mut seen = BTreeSet::new();
        let mut ways = vec![vec![start.clone()]];
        while let Some(way) = ways.pop() {
            let Some(next) = arrows.get(way.last().unwrap()) else { continue };
            for name in next.keys() {
                if name == start && way.iter().all(|module| module >= start) {
                    let whole = way.iter().zip(way.iter().skip(1).chain([start]));
                    let told = whole.map(|(from, to)| format!("{from} -> {to} ({})", arrows[from][to]));
                    found.push(told.collect::<Vec<_>>().join(", "));
                } else if seen.insert(name.clone()) {
                    ways.push(way.iter().chain([name]).cloned().collect());
                }
            }
        }
    }
    found
}
