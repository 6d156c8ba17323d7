//! People by department, now against last time: the roster at hand, mapped, beside the accounts that the snapshots
//! hold. For people to look at; what is done about it is decided by the plan and its guards.

use std::collections::BTreeMap;

use super::App;
use crate::mapping::{self, Verdict, Want, Wanted};
use crate::model::{GroupPath, PersonKey};
use crate::plan::{Snapshot, TargetRules};
use crate::report::roster_html::Head;
use crate::roster::Roster;
use crate::store::{Store, StoreError};

impl App {
    /// Counts people by the group of their account. `None` when there is nothing to compare with: no account yet, or
    /// a roster that is a part on purpose.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn heads(
        &self,
        store: &Store,
        roster: &Roster,
    ) -> Result<Option<BTreeMap<String, Head>>, StoreError> {
        let targets = &self.config().target;
        let mut snapshots = Vec::with_capacity(targets.len());
        for target in targets {
            snapshots.push(store.snapshot(&target.name).await?);
        }
        if roster.partial || snapshots.iter().all(|snapshot| snapshot.entries.is_empty()) {
            return Ok(None);
        }
        let sources = store.sources().await?;
        let wanted = mapping::map_roster(roster, &self.config().account, self.today());
        let mut before: BTreeMap<&PersonKey, &GroupPath> = BTreeMap::new();
        for snapshot in &snapshots {
            before.extend(with_access(snapshot));
        }
        // What a source that was not read would say of its people is not known; who is in no other one is gone.
        let frozen = |person: &PersonKey| {
            let had = sources.get(person).filter(|had| !had.is_empty());
            roster.sources.iter().any(|s| s.frozen && had.is_none_or(|had| had.contains(&s.name)))
        };
        let selects: Vec<_> = targets.iter().filter_map(|target| TargetRules::compile(target).ok()).collect();
        let selected = |person: &PersonKey| {
            let person = roster.people.get(person);
            person.is_some_and(|p| selects.iter().any(|rules| rules.selects(p) != Verdict::No))
        };
        let mut heads: BTreeMap<String, Head> = BTreeMap::new();
        for (person, group) in &before {
            heads.entry(group.to_string()).or_default().before += 1;
            // Somebody of whom the roster says nothing that can be used is shown where they are.
            let silent = match wanted.get(*person) {
                None => roster.blocked.contains_key(*person) || frozen(person),
                Some(Wanted::Account(account)) => selected(person) && account.group == Want::Keep,
                Some(Wanted::Gone(..)) => false,
                Some(Wanted::NotYet(_) | Wanted::Blocked(_)) => true,
            };
            heads.entry(group.to_string()).or_default().now += u64::from(silent);
        }
        for (person, wanted) in &wanted {
            if let Wanted::Account(account) = wanted
                && let Some(group) = account.group.for_new()
                && selected(person)
            {
                heads.entry(group.to_string()).or_default().now += 1;
            }
        }
        Ok(Some(heads))
    }
}

fn with_access(snapshot: &Snapshot) -> impl Iterator<Item = (&PersonKey, &GroupPath)> {
    let enabled = snapshot.entries.iter().filter(|(_, entry)| entry.state.enabled);
    enabled.map(|(person, entry)| (person, &entry.state.group))
}
