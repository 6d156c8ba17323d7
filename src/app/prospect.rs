//! What planning stands on, gathered without a run: for whoever shows what a plan would say and records nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};

use super::App;
use crate::config::{AccountConfig, TargetConfig};
use crate::mapping::{self, Wanted};
use crate::model::{PersonKey, TargetName};
use crate::plan::{self, Looks, Past, PlanInput, Snapshot};
use crate::roster::Roster;
use crate::store::{Store, StoreError};

static NO_GUARDS: BTreeSet<crate::reason::Guard> = BTreeSet::new();

/// Everything that decides but configuration, roster and looks.
#[derive(Debug, Clone)]
pub struct Prospect {
    as_of: NaiveDate,
    now: DateTime<Utc>,
    account: AccountConfig,
    wanted: BTreeMap<PersonKey, Wanted>,
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Memory.
    pub past: Past,
}

impl App {
    /// Gathers what a plan for this target would stand on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn prospect(
        &self,
        store: &Store,
        target: &TargetName,
        roster: &Roster,
    ) -> Result<Prospect, StoreError> {
        let (as_of, now) = (self.today(), self.now());
        let account = self.config().account.clone();
        let wanted = mapping::map_roster(roster, &account, as_of);
        let snapshot = store.snapshot(target).await?;
        let missing = |sources: &_| plan::missing(&snapshot, roster, sources);
        let past = store.past(target, &roster.digest, missing, as_of, now).await?;
        Ok(Prospect { as_of, now, account, wanted, snapshot, past })
    }
}

impl Prospect {
    /// The planner's input.
    pub fn input<'a>(
        &'a self,
        target: &'a TargetConfig,
        roster: &'a Roster,
        looks: &'a Looks,
    ) -> PlanInput<'a> {
        PlanInput {
            as_of: self.as_of,
            now: self.now,
            target,
            account: &self.account,
            roster,
            wanted: &self.wanted,
            snapshot: &self.snapshot,
            looks,
            past: &self.past,
            only: None,
            allow_guards: &NO_GUARDS,
        }
    }
}
