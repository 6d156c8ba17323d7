//! Names that people give: of somebody, of a guard, a run, a file, the database. One that does not exist is never taken
//! for one of which there is nothing to say; the nearest that does exist is named.

use std::path::Path;

use rust_i18n::t;

use super::App;
use crate::config;
use crate::model::PersonKey;
use crate::reason::{ErrorKind, Guard};
use crate::report::ErrorReport;
use crate::store::journal::RunId;
use crate::store::query::RunLine;
use crate::store::{Store, StoreError};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A person: a key, a name or a user name.
    Person,
    /// A guard.
    Guard,
    /// A run.
    Run,
    /// The database.
    Database,
}

/// A name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub struct Unknown {
    /// What it should stand for.
    pub what: What,
    /// As it was given.
    pub given: String,
    /// The nearest that does exist.
    pub nearest: Option<String>,
}

/// Why a name cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// It does not exist.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Unknown {
    /// Looks for the nearest of `known`.
    pub fn among<'a>(what: What, given: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let nearest = config::nearest(given, known).map(str::to_owned);
        Self { what, given: given.to_owned(), nearest }
    }

    fn words(&self) -> String {
        let given = crate::report::visible(&self.given);
        match self.what {
            What::Person => t!("app.unknown.person", given = given),
            What::Guard => t!("app.unknown.guard", given = given),
            What::Run => t!("app.unknown.run", given = given),
            What::Database => t!("app.unknown.database", given = given),
        }
        .into_owned()
    }

    /// The same for scripts and people.
    pub fn report(&self) -> ErrorReport {
        let kind = match self.what {
            What::Person => "unknown_person",
            What::Guard => "unknown_guard",
            What::Run => "unknown_run",
            What::Database => "unknown_database",
        };
        let next = match &self.nearest {
            Some(nearest) => t!("app.unknown.nearest", nearest = nearest).into_owned(),
            None => t!("app.unknown.none").into_owned(),
        };
        ErrorReport { kind: ErrorKind::of(kind), message: self.words(), next }
    }
}

/// The guard of this name.
///
/// # Errors
/// If there is none.
pub fn guard(given: &str) -> Result<(), Unknown> {
    match given.parse::<Guard>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Unknown::among(What::Guard, given, Guard::ALL.iter().map(|guard| guard.as_str()))),
    }
}

/// The name in the same folder that is nearest to a file that is not there.
pub fn nearest_file(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.collect();
    names.sort();
    let given = path.file_name()?.to_str()?;
    let nearest = config::nearest(given, names.iter().map(String::as_str))?;
    Some(path.with_file_name(nearest).display().to_string())
}

/// What to do about a file that is not there.
pub fn file_next(path: &Path) -> String {
    match nearest_file(path).filter(|_| !path.exists()) {
        Some(nearest) => t!("app.unknown.nearest", nearest = nearest).into_owned(),
        None => t!("cli.next.file").into_owned(),
    }
}

impl App {
    /// A run by its number, with its report.
    ///
    /// # Errors
    /// If there is none, or the database fails.
    pub async fn run_of(&self, store: &Store, run: RunId) -> Result<RunLine, NameError> {
        match store.run(run).await {
            Err(StoreError::Absent { .. }) => {
                let nearest = store.nearest_run(run).await?.map(|run| run.to_string());
                Err(Unknown { what: What::Run, given: run.to_string(), nearest }.into())
            }
            other => Ok(other?),
        }
    }

    /// Somebody of whom the database or the roster knows.
    ///
    /// # Errors
    /// If neither does, or the database fails. A roster that cannot be used knows nobody.
    pub async fn must_know(&self, store: &Store, person: &PersonKey) -> Result<(), NameError> {
        if store.knows_person(person).await? {
            return Ok(());
        }
        let reading = self.read(None, None).await.ok();
        let in_roster = reading
            .iter()
            .flat_map(|reading| reading.roster.people.keys().chain(reading.roster.blocked.keys()));
        let in_roster: Vec<&PersonKey> = in_roster.collect();
        if in_roster.contains(&person) {
            return Ok(());
        }
        let stored = store.known_people().await?;
        let known = in_roster.into_iter().map(PersonKey::as_str).chain(stored.keys().map(String::as_str));
        Err(Unknown::among(What::Person, person.as_str(), known).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_known_by_its_name_and_another_gets_the_nearest() {
        assert_eq!(guard("max_missing"), Ok(()));
        assert_eq!(guard("fields.group"), Ok(()));
        let unknown = guard("max_misssing").unwrap_err();
        assert_eq!(unknown.nearest.as_deref(), Some("max_missing"));
        assert!(guard("hold").is_err());
    }

    #[test]
    fn the_nearest_file_is_one_of_the_same_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["plan.json", "staff.csv"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let nearest = nearest_file(&folder.path().join("plam.json")).unwrap();
        assert!(nearest.ends_with("/plan.json"), "{nearest}");
        assert_eq!(nearest_file(Path::new("/nowhere/at/all")), None);
    }
}
