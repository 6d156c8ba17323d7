//! What somebody says of a person: the same human as before, another one, or to be forgotten. Each is checked against
//! roster and accounts first, and recorded.

use rust_i18n::t;

use super::{App, actor};
use crate::model::PersonKey;
use crate::report::ErrorReport;
use crate::roster::identity::Identity;
use crate::roster::{Person, Reading};
use crate::store::people::{Erased, Standing};
use crate::store::{Store, StoreError};
use crate::sync::lock::{LockError, TargetLock};

/// Why it could not be done. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The roster cannot be read.
    #[error("{}", .0.message)]
    Roster(ErrorReport),
    /// The roster has no usable row of them.
    #[error("{}", t!("app.people.no_row", person = .0))]
    NoRow(PersonKey),
    /// A call about them has no known outcome yet.
    #[error("{}", t!("app.people.unsettled", person = .0))]
    Unsettled(PersonKey),
    /// They have an account of ours.
    #[error("{}", t!("app.people.has_account", person = person, targets = targets))]
    HasAccount {
        /// Who.
        person: PersonKey,
        /// On which targets.
        targets: String,
    },
    /// A run is at it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PeopleError {
    /// What to do about it.
    pub fn next(&self) -> String {
        match self {
            Self::Roster(report) => report.next.clone(),
            Self::NoRow(_) => t!("app.people.no_row_next").into_owned(),
            Self::Unsettled(_) => t!("app.people.unsettled_next").into_owned(),
            Self::HasAccount { .. } => t!("app.people.has_account_next").into_owned(),
            Self::Lock(_) => t!("sync.locked_next").into_owned(),
            Self::Store(_) => t!("sync.store_next").into_owned(),
        }
    }
}

impl App {
    /// The roster as the words on people are about it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn read_for_people(&self) -> Result<Reading, PeopleError> {
        self.read(None, None).await.map_err(PeopleError::Roster)
    }

    async fn identity(
        &self,
        store: &Store,
        reading: &Reading,
        key: &PersonKey,
    ) -> Result<Identity, PeopleError> {
        let person: &Person =
            reading.roster.people.get(key).ok_or_else(|| PeopleError::NoRow(key.clone()))?;
        Ok(Identity::of(person, &self.config().roster.identity, &store.identity_salt().await?))
    }

    /// The key still stands for the same human, as the roster describes them now.
    ///
    /// # Errors
    /// If the roster has no row of them, or the database fails.
    pub async fn same_person(
        &self,
        store: &Store,
        reading: &Reading,
        key: &PersonKey,
        reason: &str,
    ) -> Result<(), PeopleError> {
        let identity = self.identity(store, reading, key).await?;
        store.same_person(key, identity, reason.to_owned(), actor::current(), self.now()).await?;
        Ok(())
    }

    /// The key stands for another human now. Returns the key under which the former one's account goes on until it is
    /// removed.
    ///
    /// # Errors
    /// If the roster has no row of the newcomer, a run is under way or something is unsettled, or the database fails.
    pub async fn different_person(
        &self,
        store: &Store,
        reading: &Reading,
        key: &PersonKey,
        reason: &str,
    ) -> Result<PersonKey, PeopleError> {
        let newcomer = self.identity(store, reading, key).await?;
        let _locks = self.lock_all(store)?;
        if store.standing(key).await? == Standing::Unsettled {
            return Err(PeopleError::Unsettled(key.clone()));
        }
        Ok(store.retire(key, newcomer, reason.to_owned(), actor::current(), self.now()).await?)
    }

    /// Forgets somebody who has no account of ours any more.
    ///
    /// # Errors
    /// If they have one, a run is under way or something is unsettled, or the database fails.
    pub async fn erase_person(
        &self,
        store: &Store,
        key: &PersonKey,
        reason: &str,
    ) -> Result<Erased, PeopleError> {
        let _locks = self.lock_all(store)?;
        match store.standing(key).await? {
            Standing::Free => {}
            Standing::Unsettled => return Err(PeopleError::Unsettled(key.clone())),
            Standing::HasAccount => {
                let targets = store.targets_of(key).await?;
                let targets = targets.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(PeopleError::HasAccount { person: key.clone(), targets });
            }
        }
        Ok(store.erase(key, reason.to_owned(), actor::current(), self.now()).await?)
    }

    /// The locks of all targets: while somebody's key changes, no run may stand on the old one.
    fn lock_all(&self, store: &Store) -> Result<Vec<TargetLock>, LockError> {
        self.config().target.iter().map(|target| TargetLock::take(store.path(), &target.name)).collect()
    }
}
