//! Carries plans out: lock, recovery, journal, pace, retry, commit. Decides nothing about people.
//!
//! `run` is one run on one target; `execute` walks its plan, `send` sends one call, `caller` paces and repeats,
//! `recovery` judges calls whose answer never came, `outcome` says what it came to, `rest` whether there is nothing to
//! do. Here is what is common to several targets: who may run, one roster for all, and the order of things between them.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use futures_util::future::join_all;

use crate::clock::Clock;
use crate::config::{AccountConfig, TargetConfig};
use crate::gateway::Gateway;
use crate::hooks::Gate;
use crate::mapping::{self, Wanted};
use crate::model::{PersonKey, TargetName};
use crate::reason::ErrorKind;
use crate::report::{ErrorReport, RosterSummary, RunOutcome, SourceSummary, SyncReport, TargetReport};
use crate::roster::{FileMark, Roster};
use crate::store::audit::Head;
use crate::store::quiet::Quiet;
use crate::store::{Store, StoreError};

pub mod accept;
pub mod approve;
pub mod caller;
pub mod estimate;
pub mod execute;
mod first;
pub mod kick;
pub mod lock;
pub mod outcome;
pub mod recovery;
pub mod rest;
pub mod run;
pub mod send;
mod strain;
pub mod verify;
pub mod words;

pub use run::{Expected, Ground, Order, Run, RunError};

use lock::{LockError, TargetLock};

/// One target to work on, with its gateway (none for `--offline`).
#[derive(Debug)]
pub struct Site<'a, G> {
    /// Configuration.
    pub target: &'a TargetConfig,
    /// The gateway, or why there is none.
    pub gateway: Result<Option<G>, ErrorReport>,
    /// The stored plan that must be carried out, if one was given.
    pub expected: Option<Expected>,
}

/// What all targets share.
pub struct Work<'a, C> {
    /// Database.
    pub store: &'a Store,
    /// Mapping's configuration.
    pub account: &'a AccountConfig,
    /// What is asked.
    pub order: &'a Order,
    /// Clock.
    pub clock: C,
    /// Progress: actions done.
    pub progress: &'a (dyn Fn(u64) + Send + Sync),
    /// Who is asked before the first change.
    pub gate: Option<&'a dyn Gate>,
}

/// Everything a sync came to.
#[derive(Debug)]
pub struct Synced {
    /// The report; its roster is empty when the roster could not be read.
    pub report: SyncReport,
    /// The head of the audit chain after the last run.
    pub head: Option<Head>,
    /// Why the roster could not be read.
    pub roster_error: Option<ErrorReport>,
}

/// A target on its way through a sync.
enum Stage<'a, G, C: Clock + Clone> {
    Running(Box<Run<'a, G, C>>, Option<TargetLock>),
    Over(Box<TargetReport>, Option<Head>),
}

/// What is read of the roster.
#[derive(Debug)]
pub enum Input {
    /// The bytes are those that were asked about.
    Same,
    /// A roster, and its files if their bytes say all there is to say.
    Roster(Box<Roster>, Option<Vec<FileMark>>),
}

/// What all targets get to work with.
enum Given {
    /// Nothing: every one of them rests on an earlier run.
    Same,
    /// A roster, what it comes to, and its files.
    Mapped(Box<Roster>, BTreeMap<PersonKey, Wanted>, Option<Vec<FileMark>>),
    /// No roster, and why; without a reason nobody asked for one.
    Nothing(Option<ErrorReport>),
}

/// Runs on every site: takes the locks, looks at what earlier runs left open, then reads the roster once, then plans
/// and carries out side by side. One target that fails does not stop the others.
///
/// `read` gives the roster, or why there is none; it is not called when no target can run. Given files, it may answer
/// that they are the same: then every target rests on the run that read them, and nothing is planned.
///
/// # Errors
/// If the database fails so that a run's record cannot be written.
pub async fn sync<'a, G, C, F, Fut>(
    work: Work<'a, C>,
    sites: &'a [Site<'a, G>],
    read: F,
) -> Result<Synced, StoreError>
where
    G: Gateway,
    C: Clock + Clone,
    F: FnOnce(Option<Vec<FileMark>>) -> Fut,
    Fut: Future<Output = Result<Input, ErrorReport>>,
{
    let stages = join_all(sites.iter().map(|site| open(&work, site))).await;
    let stages = stages.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut synced = Synced { report: nothing_yet(work.order), head: None, roster_error: None };
    let anybody = stages.iter().any(|stage| matches!(stage, Stage::Running(..)));
    let rest = common(&stages);
    let input = if anybody { Some(read(rest.map(|quiet| quiet.files.clone())).await) } else { None };
    let given = match input {
        Some(Ok(Input::Same)) => {
            synced.report.roster = rest.map(|quiet| quiet.roster.clone()).unwrap_or_default();
            Given::Same
        }
        Some(Ok(Input::Roster(roster, files))) => {
            synced.report.roster = summary(&roster);
            let wanted = mapping::map_roster(&roster, work.account, work.order.as_of);
            Given::Mapped(roster, wanted, files)
        }
        Some(Err(error)) => {
            synced.roster_error = Some(error.clone());
            Given::Nothing(Some(error))
        }
        None => Given::Nothing(None),
    };
    let ends =
        stages.into_iter().zip(sites).map(|(stage, site)| close(stage, &given, site.expected.as_ref()));
    for end in join_all(ends).await {
        let (report, head) = end;
        synced.report.targets.push(report);
        synced.head = head.into_iter().chain(synced.head).max_by_key(|h| h.seq);
    }
    Ok(synced)
}

/// What every running target may rest on: only where it is the same for all of them is nothing read.
fn common<'s, G: Gateway, C: Clock + Clone>(stages: &'s [Stage<'_, G, C>]) -> Option<&'s Quiet> {
    let mut quiets = stages.iter().filter_map(|stage| match stage {
        Stage::Running(run, _) => Some(run.rest().map(|rest| &rest.quiet)),
        Stage::Over(..) => None,
    });
    let first = quiets.next()??;
    quiets.all(|other| other.is_some_and(|q| q.files == first.files)).then_some(first)
}

async fn open<'a, G: Gateway, C: Clock + Clone>(
    work: &Work<'a, C>,
    site: &'a Site<'a, G>,
) -> Result<Stage<'a, G, C>, StoreError> {
    let name = &site.target.name;
    let lock = match (!work.order.dry).then(|| TargetLock::take(work.store.path(), name)).transpose() {
        Ok(lock) => lock,
        Err(error) => {
            let (report, head) = refuse(work, site.target, locked(name, &error)).await?;
            return Ok(Stage::Over(Box::new(report), Some(head)));
        }
    };
    let ground = Ground {
        store: work.store,
        target: site.target,
        account: work.account,
        gateway: site.gateway.as_ref().ok().and_then(Option::as_ref),
        clock: work.clock.clone(),
        progress: work.progress,
        gate: work.gate,
    };
    let mut run = Run::begin(ground, work.order).await?;
    let (report, head) = match &site.gateway {
        Err(error) => run.end_failed(error.clone()).await,
        Ok(_) => match run.recover().await {
            Ok(()) => {
                if site.expected.is_none() {
                    run.look_for_rest().await;
                }
                return Ok(Stage::Running(Box::new(run), lock));
            }
            Err(error) => run.fail(&error).await,
        },
    };
    Ok(Stage::Over(Box::new(report), head))
}

async fn close<G: Gateway, C: Clock + Clone>(
    stage: Stage<'_, G, C>,
    given: &Given,
    expected: Option<&Expected>,
) -> (TargetReport, Option<Head>) {
    let (run, _lock) = match stage {
        Stage::Over(report, head) => return (*report, head),
        Stage::Running(run, lock) => (run, lock),
    };
    match given {
        Given::Mapped(roster, wanted, files) => {
            run.read_from(files.clone()).carry_out(roster, wanted, expected).await
        }
        Given::Same => run.end_resting().await,
        Given::Nothing(Some(error)) => run.end_failed(error.clone()).await,
        Given::Nothing(None) => run.end_failed(words::store_failed("no roster")).await,
    }
}

/// Records that a run could not begin, so that the trail has it all the same.
async fn refuse<C: Clock>(
    work: &Work<'_, C>,
    target: &TargetConfig,
    mut report: TargetReport,
) -> Result<(TargetReport, Head), StoreError> {
    let new = run::new_run(target, work.order);
    let (id, head) = work.store.refuse_run(new, report.clone(), work.clock.now()).await?;
    report.run_id = id.to_string();
    Ok((report, head))
}

fn locked(target: &TargetName, error: &LockError) -> TargetReport {
    let mut report = TargetReport::empty(target, crate::store::journal::RunId(0));
    let held = matches!(error, LockError::Held { .. });
    report.outcome = if held { RunOutcome::Locked } else { RunOutcome::Failed };
    let kind = if held { ErrorKind::Locked } else { ErrorKind::Store };
    report.exit_code = kind.exit().code();
    report.error = Some(ErrorReport {
        kind,
        message: error.to_string(),
        next: rust_i18n::t!(if held { "sync.locked_next" } else { "sync.store_next" }).into_owned(),
    });
    report
}

fn nothing_yet(order: &Order) -> SyncReport {
    SyncReport {
        version: 1,
        dry_run: order.dry,
        as_of: order.as_of,
        roster: RosterSummary::default(),
        targets: Vec::new(),
    }
}

/// What was read, as the report shows it.
pub fn summary(roster: &Roster) -> RosterSummary {
    let sources: Vec<_> = roster
        .sources
        .iter()
        .map(|s| SourceSummary {
            name: s.name.clone(),
            files: s.files.clone(),
            rows: s.rows,
            accepted: s.accepted,
            refused: s.refused,
        })
        .collect();
    RosterSummary {
        rows: sources.iter().map(|s| s.rows).sum(),
        accepted: sources.iter().map(|s| s.accepted).sum(),
        refused: sources.iter().map(|s| s.refused).sum(),
        sources,
        digest: roster.digest.clone(),
    }
}

/// The exit code of several targets together: 6 over 1 over 4 over 5 over 3 over 0.
pub fn combined_exit(codes: impl IntoIterator<Item = u8>) -> u8 {
    const ORDER: [u8; 5] = [6, 1, 4, 5, 3];
    let codes: Vec<u8> = codes.into_iter().collect();
    ORDER.into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}

/// The day that `now` is in a zone: what a plan is made for.
pub fn day_in(now: chrono::DateTime<chrono::Utc>, zone: chrono_tz::Tz) -> NaiveDate {
    now.with_timezone(&zone).date_naive()
}

#[cfg(test)]
mod tests;
