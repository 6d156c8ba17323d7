//! Which files are the roster: a file, a folder or a pattern becomes a list of regular files with size and time. No
//! file is opened here, and no link followed; waiting until they stand still is `read`'s business.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use globset::GlobBuilder;

use super::error::RosterError;
use super::rules::Rules;
use crate::config::Pick;

/// A file as it was seen: two equal sightings mean that nobody writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// As shown to people: relative to the folder of the source.
    pub name: Arc<str>,
    pub path: PathBuf,
    pub stamp: Stamp,
    /// The newest by its time is not the newest by the date in its name: this one is.
    pub rival: Option<Arc<str>>,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    pub seconds: i64,
    pub nanos: i64,
}

impl Stamp {
    fn of(meta: &fs::Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            seconds: meta.mtime(),
            nanos: meta.mtime_nsec(),
        }
    }

    /// When the file was last written.
    pub(super) fn modified(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.seconds, u32::try_from(self.nanos).unwrap_or(0)).unwrap_or_default()
    }
}

/// The files of a source, by name. An error when there is none.
pub(super) fn find(rules: &Rules, base: &Path) -> Result<Vec<Found>, RosterError> {
    let path = base.join(&rules.path);
    let shown = path.display().to_string();
    let mut files = match fs::symlink_metadata(&path) {
        Ok(meta)
            if meta.is_dir() || meta.is_symlink() && fs::metadata(&path).is_ok_and(|meta| meta.is_dir()) =>
        {
            in_folder(&path, rules)?
        }
        Ok(meta) => vec![seen(&path, file_name(&path), &meta)?],
        Err(_) if has_pattern(&path) => in_pattern(&path, rules)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(RosterError::NotThere { path: shown }),
        Err(cause) => return Err(RosterError::Unreadable { file: shown.into(), cause }),
    };
    if files.is_empty() {
        return Err(RosterError::NoFiles { path: shown, seen: others(&path) });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    if rules.pick == Pick::Newest {
        files = newest(files, rules)?;
    }
    for file in &files {
        if let Some(marker) = missing_marker(file, &rules.done_marker) {
            return Err(RosterError::NoMarker { file: file.name.clone(), marker });
        }
    }
    Ok(files)
}

/// The most files that an error names.
const NAMED: usize = 5;

/// What lies in a folder in which no file is a roster.
fn others(folder: &Path) -> String {
    let entries = entries(folder).unwrap_or_default();
    let mut names: Vec<String> =
        entries.into_iter().map(|(name, _)| name).filter(|name| !is_leftover(name)).collect();
    names.sort();
    if names.len() > NAMED {
        names.truncate(NAMED);
        names.push("…".into());
    }
    names.join(", ")
}

/// The newest file; of those with a marker, where one is asked for.
fn newest(files: Vec<Found>, rules: &Rules) -> Result<Vec<Found>, RosterError> {
    let newest = |files: &[Found]| {
        files.iter().max_by_key(|file| (file.stamp.seconds, file.stamp.nanos, file.name.clone())).cloned()
    };
    let ready: Vec<Found> =
        files.iter().filter(|file| missing_marker(file, &rules.done_marker).is_none()).cloned().collect();
    let files = if ready.is_empty() { files } else { ready };
    let picked = newest(&files).map(|file| Found { rival: rival(&file, &files), ..file });
    Ok(picked.into_iter().collect())
}

/// The file that is newer than `picked` by the dates in their names.
fn rival(picked: &Found, files: &[Found]) -> Option<Arc<str>> {
    let own = named_date(&picked.name)?;
    let dated = files.iter().filter_map(|file| Some((named_date(&file.name)?, &file.name)));
    dated.max().filter(|(date, _)| *date > own).map(|(_, name)| name.clone())
}

/// The date in a file's name (`20261127`, `2026-11-27`, `2026年11月27日`, `202611`), and the numbers behind it: a time, or the
/// count of a second export that day.
fn named_date(name: &str) -> Option<(NaiveDate, Vec<u64>)> {
    let numbers: Vec<&str> =
        name.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let day = |year: &str, month: &str, day: &str| {
        let date = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
        (2000..2100).contains(&date.year()).then_some(date)
    };
    let found = (0..numbers.len()).find_map(|at| match (numbers[at].len(), &numbers[at..]) {
        (8 | 12 | 14, [whole, ..]) => {
            let rest = whole[8..].parse().ok();
            Some((day(&whole[..4], &whole[4..6], &whole[6..8])?, rest, at + 1))
        }
        (4, [year, month, third, ..]) if month.len() <= 2 && third.len() <= 2 => {
            Some((day(year, month, third)?, None, at + 3))
        }
        (6, [whole, ..]) => Some((day(&whole[..4], &whole[4..6], "1")?, None, at + 1)),
        _ => None,
    });
    let (date, time, next) = found?;
    let behind = numbers[next..].iter().filter_map(|number| number.parse().ok());
    Some((date, time.into_iter().chain(behind).collect()))
}

/// The path of a file that stands beside `file`: `{file}.done`.
pub(super) fn sidecar(file: &Found, template: &str) -> PathBuf {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    file.path.with_file_name(template.replace("{file}", &name))
}

fn missing_marker(file: &Found, template: &str) -> Option<String> {
    if template.is_empty() {
        return None;
    }
    let marker = sidecar(file, template);
    let there = fs::symlink_metadata(&marker).is_ok_and(|meta| meta.is_file());
    (!there).then(|| file_name(&marker).to_string())
}

fn file_name(path: &Path) -> Arc<str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into()
}

fn seen(path: &Path, name: Arc<str>, meta: &fs::Metadata) -> Result<Found, RosterError> {
    if !meta.is_file() {
        return Err(RosterError::NotRegular { file: name });
    }
    Ok(Found { name, path: path.to_owned(), stamp: Stamp::of(meta), rival: None })
}

fn in_folder(folder: &Path, rules: &Rules) -> Result<Vec<Found>, RosterError> {
    let mut files = Vec::new();
    for (name, path) in entries(folder)? {
        if is_roster_name(&name) && !is_leftover(&name) && !is_sidecar(&name, rules) {
            files.push(look(&path, name.into())?);
        }
    }
    Ok(files)
}

fn look(path: &Path, name: Arc<str>) -> Result<Found, RosterError> {
    let meta =
        fs::symlink_metadata(path).map_err(|cause| RosterError::Unreadable { file: name.clone(), cause })?;
    seen(path, name, &meta)
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, RosterError> {
    let unreadable = |cause| RosterError::Unreadable { file: folder.display().to_string().into(), cause };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        entries.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    Ok(entries)
}

/// The endings that a folder's files are taken by.
fn is_roster_name(name: &str) -> bool {
    let name = name.to_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    let text = [".csv", ".tsv", ".txt"].iter().any(|ending| plain.ends_with(ending));
    text || name.ends_with(".xlsx")
}

/// Locks, half-written copies and hidden files.
fn is_leftover(name: &str) -> bool {
    let lower = name.to_lowercase();
    name.starts_with(['.', '~'])
        || [".part", ".filepart", ".crdownload", ".tmp", ".swp", "~"]
            .iter()
            .any(|ending| lower.ends_with(ending))
}

fn is_sidecar(name: &str, rules: &Rules) -> bool {
    [&rules.done_marker, &rules.checksum]
        .into_iter()
        .filter_map(|template| template.split_once("{file}"))
        .any(|(front, back)| {
            !(front.is_empty() && back.is_empty()) && name.starts_with(front) && name.ends_with(back)
        })
}

fn has_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '[', '{'])
}

/// Walks a pattern component by component: `*` never crosses a folder.
fn in_pattern(path: &Path, rules: &Rules) -> Result<Vec<Found>, RosterError> {
    let components: Vec<Component<'_>> = path.components().collect();
    let fixed = components.iter().take_while(|part| !has_pattern(Path::new(part.as_os_str()))).count();
    let root: PathBuf = components.iter().take(fixed).collect();
    let mut level: Vec<(String, PathBuf)> = vec![(String::new(), root.clone())];
    if !root.is_dir() {
        return Err(RosterError::NotThere { path: root.display().to_string() });
    }
    let count = components.len();
    for (at, part) in components.iter().enumerate().skip(fixed) {
        let last = at + 1 == count;
        level = next_level(&level, part.as_os_str(), last)?;
    }
    let mut files = Vec::new();
    for (name, path) in level {
        let leaf = file_name(&path);
        if !is_leftover(&leaf) && !is_sidecar(&leaf, rules) {
            files.push(look(&path, name.into())?);
        }
    }
    Ok(files)
}

fn next_level(
    level: &[(String, PathBuf)],
    part: &OsStr,
    last: bool,
) -> Result<Vec<(String, PathBuf)>, RosterError> {
    let pattern = part.to_string_lossy();
    let matcher = GlobBuilder::new(&pattern)
        .literal_separator(true)
        .build()
        .map_err(|cause| RosterError::BadPattern { path: pattern.clone().into_owned(), cause })?
        .compile_matcher();
    let mut next = Vec::new();
    for (shown, folder) in level {
        for (name, path) in entries(folder)? {
            if matcher.is_match(&name) && (last || path.is_dir()) {
                next.push((if shown.is_empty() { name } else { format!("{shown}/{name}") }, path));
            }
        }
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dated_in_every_customary_form() {
        let dated = |name: &str| named_date(name).map(|(date, behind)| (date.to_string(), behind));
        for name in [
            "hr_20261127.csv",
            "hr-2026-11-27.xlsx",
            "名单2026年11月27日.csv",
            "2026.11.27.csv.gz",
            "2_2026-11-27.csv",
        ] {
            assert_eq!(dated(name), Some(("2026-11-27".into(), vec![])), "{name}");
        }
        assert_eq!(dated("hr_202611.csv"), Some(("2026-11-01".into(), vec![])));
        assert_eq!(dated("hr_202611270830.csv"), Some(("2026-11-27".into(), vec![830])));
        assert_eq!(dated("hr_20261127 (2).csv"), Some(("2026-11-27".into(), vec![2])));
        for name in ["hr.csv", "hr2.csv", "hr_20261327.csv", "12345678.csv", "a1.csv"] {
            assert_eq!(dated(name), None, "{name}");
        }
    }
}
