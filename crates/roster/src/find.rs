//! Which files are the roster: a file, a folder or a pattern becomes a list of regular files with size and time. No
//! file is opened here, and no link followed; waiting until they stand still is `read`'s business.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
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
        return Err(RosterError::NoFiles { path: shown });
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

/// The newest file; of those with a marker, where one is asked for.
fn newest(files: Vec<Found>, rules: &Rules) -> Result<Vec<Found>, RosterError> {
    let newest = |files: &[Found]| {
        files.iter().max_by_key(|file| (file.stamp.seconds, file.stamp.nanos, file.name.clone())).cloned()
    };
    let ready: Vec<Found> =
        files.iter().filter(|file| missing_marker(file, &rules.done_marker).is_none()).cloned().collect();
    Ok(newest(&ready).or_else(|| newest(&files)).into_iter().collect())
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
    Ok(Found { name, path: path.to_owned(), stamp: Stamp::of(meta) })
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
