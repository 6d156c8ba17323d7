//! Reading a roster from beginning to end: wait until the files stand still, read each once, join what they say. Files
//! are read on a thread of its own, so that a hanging network share stops neither the runtime nor the process.

use std::cell::RefCell;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::budget;
use super::error::{FileKind, RosterError};
use super::facts::FileReport;
use super::find::{Found, find};
use super::ldap::Directory;
use super::marks::{self, FileMark};
use super::merge::{self, SourceRows};
use super::open::{Capped, Opened, Tally, Tap, check_sum};
use super::person::Harvest;
use super::progress::{Beat, ProgressSink};
use super::reading::Reading;
use super::rules::{Calendar, Rules};
use super::{Doubt, DoubtKind, text_file, workbook};
use crate::clock::Clock;
use crate::config::{Env, OnStale, RosterConfig, Span};

/// How long no byte may come before a share counts as hanging.
const STALL: Duration = Duration::from_secs(60);
/// How often a file that does not stand still is looked at again.
const SETTLE_TRIES: u32 = 10;

/// What to read, and how.
pub struct ReadOptions<'a> {
    /// The configuration.
    pub config: &'a RosterConfig,
    /// The folder that relative paths of the configuration begin in.
    pub base: &'a Path,
    /// `--roster PATH`, taken as it is.
    pub over: Option<RosterOverride>,
    /// Where passwords of directories may come from.
    pub env: &'a Env,
    /// The day.
    pub as_of: NaiveDate,
    /// The zone whose days count where a roster gives moments (a time with an offset).
    pub zone: Tz,
    /// Told now and then how far the reading is; on another thread.
    pub progress: Option<ProgressSink>,
}

/// A roster given by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterOverride {
    /// File, folder or pattern.
    pub path: PathBuf,
    /// Whether people who are not in it count as missing.
    pub authoritative: bool,
}

/// A roster whose files were seen and stand still. Nothing of them was read yet.
pub struct Sighted {
    sources: Vec<Sighting>,
    beat: Arc<Beat>,
    frame: merge::Frame,
    name: String,
}

/// Reads the roster. Waits through `clock` until its files stand still.
pub async fn read<C: Clock>(options: ReadOptions<'_>, clock: &C) -> Result<Reading, RosterError> {
    see(options, clock).await?.read().await
}

/// Looks for the roster's files. Waits through `clock` until they stand still.
pub async fn see<C: Clock>(options: ReadOptions<'_>, clock: &C) -> Result<Sighted, RosterError> {
    let over = options.over.as_ref();
    let rules = Rules::all(
        options.config,
        over.map(|over| &over.path),
        Calendar { today: options.as_of, zone: options.zone },
    )?;
    let base = if over.is_some() { PathBuf::new() } else { options.base.to_owned() };
    let beat = Arc::new(Beat::new(options.progress.clone()));
    let mut sources = Vec::with_capacity(rules.len());
    for rules in rules {
        if let Some(config) = rules.ldap.clone() {
            let directory = Directory::new(&rules, &config, options.base, options.env)?;
            sources.push(Sighting { rules, directory: Some(directory), files: Vec::new(), frozen: None });
            continue;
        }
        let found = settled(&rules, &base, options.config.settle, clock, &beat).await;
        sources.push(Sighting::new(rules, found, clock.now())?);
    }
    beat.expect(sources.iter().flat_map(|source| &source.files).map(|file| file.stamp.size).sum());
    let partial = over.is_some_and(|over| !over.authoritative);
    let frame =
        merge::Frame { as_of: options.as_of, partial, max_invalid: options.config.max_invalid_percent };
    let name = options.config.path.clone().unwrap_or_default().display().to_string();
    Ok(Sighted { sources, beat, frame, name })
}

impl Sighted {
    /// Whether these are, byte for byte, the files of an earlier reading. Whatever stands in the way means no: reading
    /// them will say what it is.
    pub async fn is(&self, marks: &[FileMark]) -> bool {
        if self.sources.iter().any(|source| source.directory.is_some() || source.frozen.is_some()) {
            return false;
        }
        let seen: Vec<_> = self.sources.iter().map(|s| (s.rules.clone(), s.files.clone())).collect();
        if !marks::may_be(&seen, marks) {
            return false;
        }
        let (marks, beat) = (marks.to_owned(), Arc::new(Beat::new(None)));
        apart(&self.name, beat.clone(), move || marks::are(&seen, &marks, &beat)).await.unwrap_or(false)
    }

    /// Reads them.
    pub async fn read(self) -> Result<Reading, RosterError> {
        let Self { sources, beat, frame, name } = self;
        apart(&name, beat.clone(), move || {
            let sources =
                sources.into_iter().map(|source| source.read(&beat)).collect::<Result<Vec<_>, _>>()?;
            merge::join(sources, frame)
        })
        .await
    }
}

/// Whether the settings can be used for reading. No file is opened.
///
/// # Errors
/// If a source has no path, or its person key is no usable template.
pub fn check(config: &RosterConfig) -> Result<(), RosterError> {
    Rules::all(config, None, HERE).map(drop)
}

/// A source whose files were seen and stand still, or a directory that is to be asked.
struct Sighting {
    rules: Rules,
    directory: Option<Directory>,
    files: Vec<Found>,
    frozen: Option<String>,
}

impl Sighting {
    /// A source that is late or absent is frozen, where the configuration says so; otherwise it stops the run.
    fn new(
        rules: Rules,
        found: Result<Vec<Found>, RosterError>,
        now: DateTime<Utc>,
    ) -> Result<Self, RosterError> {
        let stops = rules.on_stale == OnStale::Stop;
        let files = match found {
            Ok(files) => files,
            Err(error) if error.is_absence() && !rules.required && !stops => {
                let frozen = Some(error.to_string());
                return Ok(Self { rules, directory: None, files: Vec::new(), frozen });
            }
            Err(error) => return Err(error),
        };
        let late = rules.max_age.and_then(|limit| stale(&files, now, limit));
        match late {
            Some(error) if stops => Err(error),
            late => Ok(Self { rules, directory: None, files, frozen: late.map(|error| error.to_string()) }),
        }
    }

    fn read(self, beat: &Arc<Beat>) -> Result<SourceRows, RosterError> {
        let mut harvest = Harvest::default();
        if let Some(directory) = &self.directory {
            let freezes = !self.rules.required && self.rules.on_stale == OnStale::Freeze;
            let (files, frozen) = match directory.read(&self.rules, &mut harvest, beat) {
                Ok(report) => (vec![report], None),
                Err(error) if error.is_absence() && freezes => (Vec::new(), Some(error.to_string())),
                Err(error) => return Err(error),
            };
            return Ok(SourceRows { rules: self.rules, harvest, files, frozen });
        }
        let mut reports = Vec::with_capacity(self.files.len());
        for found in &self.files {
            harvest.doubts.extend(found.rival.as_ref().map(|rival| Doubt {
                kind: DoubtKind::NewestName,
                source: self.rules.name.clone(),
                what: format!("{} ({rival})", found.name),
                file: found.name.clone(),
            }));
            reports.push(read_file(&self.rules, found, &mut harvest, beat)?);
        }
        Ok(SourceRows { rules: self.rules, harvest, files: reports, frozen: self.frozen })
    }
}

/// The oldest file, if it is older than the limit: with it the source as a whole is.
fn stale(files: &[Found], now: DateTime<Utc>, limit: Span) -> Option<RosterError> {
    let oldest = files.iter().min_by_key(|file| file.stamp.modified())?;
    let age = (now - oldest.stamp.modified()).to_std().unwrap_or_default();
    let age = Duration::from_secs(age.as_secs());
    (age > limit.as_duration()).then(|| RosterError::Stale {
        file: oldest.name.clone(),
        age: humantime::format_duration(age).to_string(),
        limit: limit.to_string(),
    })
}

/// Looks until two sightings are equal. Files that nobody touched for as long as `settle` count at once.
async fn settled<C: Clock>(
    rules: &Rules,
    base: &Path,
    settle: Span,
    clock: &C,
    beat: &Arc<Beat>,
) -> Result<Vec<Found>, RosterError> {
    let pause = settle.as_duration();
    let name = rules.path.display().to_string();
    let look = || {
        let (rules, base) = (rules.clone(), base.to_owned());
        apart(&name, beat.clone(), move || find(&rules, &base))
    };
    let mut seen = look().await?;
    if pause.is_zero() || seen.iter().all(|file| age(file, clock.now()) >= pause) {
        return Ok(seen);
    }
    for _ in 0..SETTLE_TRIES {
        clock.sleep(pause).await;
        let again = look().await?;
        if again == seen {
            return Ok(seen);
        }
        seen = again;
    }
    let waited = humantime::format_duration(pause.saturating_mul(SETTLE_TRIES)).to_string();
    Err(RosterError::NotSettled { path: name, waited })
}

/// A time in the future counts as now: a share's clock is not ours.
fn age(file: &Found, now: DateTime<Utc>) -> Duration {
    (now - file.stamp.modified()).to_std().unwrap_or_default()
}

/// Runs `work` on a thread of its own and waits for it as long as bytes keep coming. A thread that hangs in a system
/// call is left behind; it holds nothing that anybody waits for.
async fn apart<T: Send + 'static>(
    path: &str,
    beat: Arc<Beat>,
    work: impl FnOnce() -> Result<T, RosterError> + Send + 'static,
) -> Result<T, RosterError> {
    let (sender, receiver) = sync_channel(1);
    let worker = std::thread::Builder::new().name("roster".into()).spawn(move || {
        // Nobody may be waiting any more: then the answer is not wanted.
        let _ = sender.send(work());
    });
    if worker.is_err() {
        return Err(RosterError::Internal);
    }
    let path = path.to_owned();
    // Real time on purpose: what is bounded here is a system call, and no clock of ours can make it return.
    let waited = tokio::task::spawn_blocking(move || {
        let mut seen = beat.count();
        loop {
            match receiver.recv_timeout(STALL) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => return Err(RosterError::Internal),
                Err(RecvTimeoutError::Timeout) => {
                    let now = beat.count();
                    if now == seen {
                        return Err(RosterError::Stalled { path, seconds: STALL.as_secs() });
                    }
                    seen = now;
                }
            }
        }
    });
    waited.await.unwrap_or(Err(RosterError::Internal))
}

/// Reads one file, whatever it is, and makes sure that it is still the same at its end.
fn read_file(
    rules: &Rules,
    found: &Found,
    harvest: &mut Harvest,
    beat: &Arc<Beat>,
) -> Result<FileReport, RosterError> {
    let opened = Opened::new(found)?;
    let report = FileReport {
        file: found.name.clone(),
        bytes: found.stamp.size,
        modified: Some(found.stamp.modified()),
        ..FileReport::default()
    };
    let input = opened.reader()?;
    let (report, tally) = read_content(rules, report, input, harvest, beat)?;
    opened.check_unchanged()?;
    check_sum(rules, found, &tally)?;
    Ok(report)
}

/// Reads the content of one file, whatever it is.
pub(super) fn read_content(
    rules: &Rules,
    mut report: FileReport,
    input: impl Read + 'static,
    harvest: &mut Harvest,
    beat: &Arc<Beat>,
) -> Result<(FileReport, Rc<RefCell<Tally>>), RosterError> {
    if report.bytes == 0 {
        return Err(RosterError::Empty { file: report.file });
    }
    let (mut tap, tally) = Tap::new(input, !rules.checksum.is_empty(), beat.clone());
    let file = report.file.clone();
    let unreadable = |cause| RosterError::Unreadable { file: file.clone(), cause };
    let mut start = Vec::new();
    (&mut tap).take(512).read_to_end(&mut start).map_err(unreadable)?;
    let kind = kind(&start);
    let mut input: Box<dyn Read> = Box::new(Cursor::new(start).chain(tap));
    let before = harvest.rows;
    let mut report = match expected(&report.file, kind) {
        Expected::Text => {
            report.format = "csv";
            text_file::read(rules, report, input, harvest, beat)?
        }
        Expected::Gzip => {
            report.format = "csv.gz";
            let unpacked = flate2::read::MultiGzDecoder::new(input);
            let input = Box::new(Capped { input: unpacked, left: budget::unpacked(report.bytes) });
            text_file::read(rules, report, input, harvest, beat)?
        }
        Expected::Workbook if report.bytes > budget::WORKBOOK => {
            return Err(RosterError::TooBig { file: report.file, limit: budget::WORKBOOK });
        }
        Expected::Workbook => {
            report.format = "xlsx";
            let mut bytes = Vec::new();
            (&mut input).take(budget::WORKBOOK).read_to_end(&mut bytes).map_err(unreadable)?;
            workbook::read(rules, report, &bytes, harvest, beat)?
        }
        Expected::Not(found) => return Err(RosterError::WrongKind { file: report.file, found }),
    };
    if harvest.rows == before {
        return Err(RosterError::HeaderOnly { file: report.file });
    }
    report.digest = tally.borrow().digest();
    Ok((report, tally))
}

/// Where no settings say which zone's days count: theirs, by default.
const HERE: Calendar = Calendar { today: NaiveDate::MIN, zone: Tz::Asia__Shanghai };

/// Reads a roster that is in memory already: named contents instead of files, otherwise the same in everything. Days are
/// those of Shanghai. For previews, tests and fuzzing.
pub fn read_memory(
    config: &RosterConfig,
    contents: &[(&str, Vec<u8>)],
    as_of: NaiveDate,
) -> Result<Reading, RosterError> {
    let beat = Arc::new(Beat::new(None));
    let rules = Rules::all(config, Some(&PathBuf::new()), Calendar { today: as_of, ..HERE })?
        .into_iter()
        .next()
        .ok_or(RosterError::NoSource)?;
    let mut contents: Vec<&(&str, Vec<u8>)> = contents.iter().collect();
    contents.sort_by_key(|(name, _)| *name);
    let mut harvest = Harvest::default();
    let mut files = Vec::with_capacity(contents.len());
    for (name, bytes) in contents {
        let report = FileReport { file: (*name).into(), bytes: bytes.len() as u64, ..FileReport::default() };
        files.push(read_content(&rules, report, Cursor::new(bytes.clone()), &mut harvest, &beat)?.0);
    }
    let source = SourceRows { rules, harvest, files, frozen: None };
    merge::join(vec![source], merge::Frame { as_of, partial: false, max_invalid: config.max_invalid_percent })
}

enum Expected {
    Text,
    Gzip,
    Workbook,
    Not(FileKind),
}

/// What to do with a file of this name that begins like this.
fn expected(name: &str, kind: FileKind) -> Expected {
    let name = name.to_lowercase();
    match kind {
        FileKind::Text if !name.ends_with(".xlsx") && !name.ends_with(".gz") => Expected::Text,
        FileKind::Gzip => Expected::Gzip,
        FileKind::Workbook if name.ends_with(".xlsx") => Expected::Workbook,
        other => Expected::Not(other),
    }
}

/// What a file is, by its first bytes.
fn kind(start: &[u8]) -> FileKind {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    match start {
        [b'P', b'K', 3 | 5, ..] => FileKind::Workbook,
        [0xd0, 0xcf, 0x11, 0xe0, ..] => FileKind::OldWorkbook,
        [0x1f, 0x8b, ..] => FileKind::Gzip,
        [b'%', b'P', b'D', b'F', ..] => FileKind::Pdf,
        _ if text.starts_with(b"<") => FileKind::Markup,
        _ => FileKind::Text,
    }
}
