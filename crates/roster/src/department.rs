//! Department cells: several paths in a cell, each cut into trimmed segments, without the company in front.

use super::cell::{is_machine_blank, is_mark, split_list};

/// Cuts a path into segments: trimmed; empty ones, and what programs write for those, dropped.
pub(super) fn segments(path: &str, marks: &[char]) -> Vec<String> {
    let filled = |part: &&str| !part.is_empty() && !is_machine_blank(part);
    let parts = path.split(|c| is_mark(c, marks)).map(str::trim).filter(filled);
    parts.map(str::to_owned).collect()
}

/// The paths of a cell in its order, without repetitions; `prefix` is taken off where a path begins with it.
pub(super) fn paths(cell: &str, list_marks: &[char], marks: &[char], prefix: &[String]) -> Vec<Vec<String>> {
    let mut paths: Vec<Vec<String>> = Vec::new();
    for path in split_list(cell, list_marks) {
        let path = segments(&path, marks);
        if path.is_empty() {
            continue;
        }
        let path = strip(path, prefix);
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// Takes `prefix` off the front of a path that begins with it. Whoever belongs to the company itself is at the root.
pub(super) fn strip(mut path: Vec<String>, prefix: &[String]) -> Vec<String> {
    if path.starts_with(prefix) {
        path.drain(..prefix.len());
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: &str, prefix: &str) -> Vec<String> {
        let marks: Vec<char> = "/\\>|".chars().collect();
        let prefix = segments(prefix, &marks);
        paths(cell, &[';', '；'], &marks, &prefix).iter().map(|path| path.join("/")).collect()
    }

    #[test]
    fn paths_are_cut_and_trimmed() {
        assert_eq!(read("/总公司/研发部", ""), ["总公司/研发部"]);
        assert_eq!(read("总公司 ＞ 研发部", ""), ["总公司/研发部"]);
        assert_eq!(read("总公司\\研发部//平台组", ""), ["总公司/研发部/平台组"]);
        assert_eq!(read("研发-后端", ""), ["研发-后端"]);
        assert_eq!(read("总公司/nan/undefined", ""), ["总公司"]);
        assert_eq!(read("A/x；A/y;A/x", ""), ["A/x", "A/y"]);
    }

    #[test]
    fn the_company_is_taken_off() {
        assert_eq!(read("/星河科技/研发部", "星河科技"), ["研发部"]);
        assert_eq!(read("/星河科技", "星河科技"), [""]);
        assert_eq!(read("/星河科技园/研发部", "星河科技"), ["星河科技园/研发部"]);
    }
}
