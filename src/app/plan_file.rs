//! Plan files: a stored plan taken out to be read and carried back. What is carried out is always the plan in the
//! database; the file names it by number and digest, shows it with phones masked, and is refused when it was edited.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use rust_i18n::t;
use serde::{Deserialize, Serialize};

use super::names::NameError;
use super::{App, private_file};
use crate::model::TargetName;
use crate::plan::Plan;
use crate::report::{PlanRef, SyncReport, TargetReport, guarded, spoken};
use crate::store::journal::RunId;
use crate::store::plans::PlanId;
use crate::store::{Store, StoreError};
use crate::sync::{Expected, outcome};

/// What a plan file says it is.
const KIND: &str = "rosterd plan";
/// No plan file is longer: a plan of a million people is not.
const LONGEST: u64 = 2 << 30;

/// A plan file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    /// Always `rosterd plan`.
    pub kind: String,
    /// Version of this format: 1.
    pub version: u32,
    /// BLAKE3 over everything else in the file.
    pub digest: String,
    /// The day planned for.
    pub as_of: NaiveDate,
    /// The roster that was given by hand, if one was.
    pub roster: Option<GivenRoster>,
    /// The plans, by target.
    pub targets: Vec<TargetReport>,
}

/// A roster that was given by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenRoster {
    /// File, folder or pattern, absolute.
    pub path: PathBuf,
    /// Whether it is complete.
    pub authoritative: bool,
}

/// Why a plan file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It cannot be read or written.
    #[error("{}", t!("app.plan_file.io", path = path.display(), cause = source))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no plan file.
    #[error("{}", t!("app.plan_file.not_one", path = path.display(), cause = cause))]
    NotOne {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// Its content is not what was written.
    #[error("{}", t!("app.plan_file.edited", path = path.display()))]
    Edited {
        /// The file.
        path: PathBuf,
    },
    /// This database has no such plan, or another one under its number.
    #[error("{}", t!("app.plan_file.foreign", path = path.display(), target = target))]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The target.
        target: TargetName,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PlanFile {
    /// The file for a report of `plan`: every target that has a stored plan.
    pub fn of(report: &SyncReport, roster: Option<GivenRoster>) -> Self {
        let targets = report.targets.iter().filter(|t| t.plan.is_some()).cloned().collect();
        let mut file = Self {
            kind: KIND.into(),
            version: 1,
            digest: String::new(),
            as_of: report.as_of,
            roster,
            targets,
        };
        file.digest = file.own_digest();
        file
    }

    fn own_digest(&self) -> String {
        let bare = Self { digest: String::new(), ..self.clone() };
        // A value made of texts and numbers always has a JSON form.
        blake3::hash(&serde_json::to_vec(&bare).unwrap_or_default()).to_hex().to_string()
    }

    /// Writes the file, readable by its owner only: it says who joins and who leaves.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PlanFileError> {
        let io = |source| PlanFileError::Io { path: path.to_owned(), source };
        private_file::write(path, self).map_err(io)
    }

    /// Reads a file that [`Self::write`] wrote.
    ///
    /// # Errors
    /// If it is no such file, or was edited.
    pub fn read(path: &Path) -> Result<Self, PlanFileError> {
        let io = |source| PlanFileError::Io { path: path.to_owned(), source };
        let not_one = |cause| PlanFileError::NotOne { path: path.to_owned(), cause };
        let length = fs::metadata(path).map_err(io)?.len();
        if length > LONGEST {
            return Err(not_one(t!("app.plan_file.too_long", bytes = length).into_owned()));
        }
        Self::parse(&fs::read(path).map_err(io)?, path)
    }

    /// The same from its bytes; `path` is only named in errors.
    ///
    /// # Errors
    /// If it is no such file, or was edited.
    pub fn parse(text: &[u8], path: &Path) -> Result<Self, PlanFileError> {
        let not_one = |cause| PlanFileError::NotOne { path: path.to_owned(), cause };
        let file: Self = serde_json::from_slice(text).map_err(|e| not_one(e.to_string()))?;
        if file.kind != KIND || file.version != 1 {
            return Err(not_one(t!("app.plan_file.version", version = file.version).into_owned()));
        }
        if file.digest != file.own_digest() {
            return Err(PlanFileError::Edited { path: path.to_owned() });
        }
        Ok(file)
    }

    /// The stored plans that the file names.
    ///
    /// # Errors
    /// If this database did not issue one of them.
    pub async fn stored(
        &self,
        path: &Path,
        store: &Store,
    ) -> Result<Vec<(TargetName, Expected)>, PlanFileError> {
        let mut all = Vec::new();
        for target in &self.targets {
            let foreign = || PlanFileError::Foreign { path: path.to_owned(), target: target.target.clone() };
            let reference = target.plan.as_ref().ok_or_else(foreign)?;
            let id = PlanId(reference.id.parse().map_err(|_| foreign())?);
            let (plan, digest) = match store.plan(id).await {
                Err(StoreError::Absent { .. }) => return Err(foreign()),
                other => other?,
            };
            if digest != reference.digest || plan.target != target.target {
                return Err(foreign());
            }
            all.push((target.target.clone(), Expected { id, digest, plan }));
        }
        Ok(all)
    }
}

/// Stored plans, shown: one of a run, or those of a plan file.
#[derive(Debug, Clone, Serialize)]
pub struct ShownPlan {
    /// Version of this format: 1.
    pub version: u32,
    /// The day planned for.
    pub as_of: NaiveDate,
    /// The plans, by target, with everybody in them; phones masked.
    #[serde(serialize_with = "spoken::each")]
    pub targets: Vec<TargetReport>,
}

/// A stored plan as a report: nothing of it was carried out here.
fn shown(plan: &Plan, run: RunId, reference: PlanRef) -> TargetReport {
    let mut report = outcome::report(&plan.target, run, plan);
    outcome::dry(&mut report, plan);
    report.behind = guarded::behind(plan, usize::MAX);
    report.plan = Some(reference);
    report
}

impl App {
    /// The plan that a run made.
    ///
    /// # Errors
    /// If there is no such run, it made no plan, or the database fails.
    pub async fn plan_of_run(&self, store: &Store, run: RunId) -> Result<ShownPlan, NameError> {
        let line = self.run_of(store, run).await?;
        let Some(id) = line.plan else {
            return Err(
                StoreError::Absent { what: t!("app.plan_file.no_plan", run = run).into_owned() }.into()
            );
        };
        let (_, plan) = store.plan_of_run(run).await?;
        let (_, digest) = store.plan(PlanId(id)).await?;
        let targets = vec![shown(&plan, run, outcome::plan_ref(PlanId(id), &digest))];
        Ok(ShownPlan { version: 1, as_of: plan.as_of, targets })
    }

    /// The stored plans that a file names.
    ///
    /// # Errors
    /// If it is no plan file, was edited, or this database did not issue it.
    pub async fn plan_of_file(&self, store: &Store, path: &Path) -> Result<ShownPlan, PlanFileError> {
        let file = PlanFile::read(path)?;
        let stored = file.stored(path, store).await?;
        let targets = stored.iter().zip(&file.targets).map(|((_, expected), report)| {
            let run = RunId(report.run_id.parse().unwrap_or_default());
            shown(&expected.plan, run, outcome::plan_ref(expected.id, &expected.digest))
        });
        Ok(ShownPlan { version: 1, as_of: file.as_of, targets: targets.collect() })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::report::RosterSummary;

    fn file() -> PlanFile {
        let report = SyncReport {
            version: 1,
            dry_run: true,
            as_of: "2026-11-21".parse().unwrap(),
            roster: RosterSummary::default(),
            targets: Vec::new(),
        };
        PlanFile::of(&report, Some(GivenRoster { path: "/srv/hr".into(), authoritative: true }))
    }

    #[test]
    fn a_plan_file_is_private_and_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        file().write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(PlanFile::read(&path).unwrap(), file());
    }

    #[test]
    fn any_edit_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        file().write(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for (from, to) in [("2026-11-21", "2026-11-22"), ("/srv/hr", "/srv/xx"), ("true", "false")] {
            fs::write(&path, text.replace(from, to)).unwrap();
            assert!(matches!(PlanFile::read(&path), Err(PlanFileError::Edited { .. })), "{from}");
        }
        fs::write(&path, "{}").unwrap();
        assert!(matches!(PlanFile::read(&path), Err(PlanFileError::NotOne { .. })));
        assert!(matches!(PlanFile::read(folder.path().join("no").as_path()), Err(PlanFileError::Io { .. })));
    }
}
