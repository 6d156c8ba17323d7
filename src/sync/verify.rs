//! The proof before the commit: what was written is looked at in the device's database and compared with what the
//! snapshot believes. Until the commit nothing has taken effect, so a difference can still be kept from doing so.

use std::collections::BTreeSet;

use super::recovery::state_of;
use super::send::{Sender, Stopped};
use crate::clock::Clock;
use crate::config::Verify;
use crate::gateway::{Gateway, UserRecord};
use crate::model::{TargetName, Username};
use crate::plan::{Entry, Snapshot};
use crate::store::undo::Written;
use crate::store::{Store, StoreError};

/// How many accounts a sample looks at.
const SAMPLE: usize = 50;
/// How many people a message names.
const NAMED: usize = 10;

/// Looks at what was written since the last confirmed commit; with [`Verify::Sample`] at up to 50 accounts of it, spread
/// evenly. Says who is not as written, or could not be looked at; `None`: everybody looked at is.
///
/// # Errors
/// If the database fails.
pub async fn check<G: Gateway, C: Clock + Clone>(
    sender: &Sender<'_, G, C>,
    store: &Store,
    target: &TargetName,
    how: Verify,
) -> Result<Option<String>, StoreError> {
    let written = store.uncommitted(target).await?;
    let Some(step) = step(how, written.len()) else { return Ok(None) };
    let snapshot = store.snapshot(target).await?;
    let holders: BTreeSet<&Username> = snapshot.entries.values().map(|entry| &entry.username).collect();
    let mut wrong = Vec::new();
    for one in written.iter().step_by(step) {
        // However long it takes, but not against a person's will: what is not proved is not committed.
        if sender.must_stop() == Some(Stopped::Asked) {
            return Ok(Some(rust_i18n::t!("sync.verify_stopped").into_owned()));
        }
        let Some((name, entry)) = to_prove(one, &snapshot, &holders) else { continue };
        let as_written = match sender.look(name).await {
            Ok(found) => fits(entry, found.as_ref()),
            Err(_) => false,
        };
        if !as_written {
            wrong.push(name.to_string());
        }
        if wrong.len() > NAMED {
            break;
        }
    }
    if wrong.is_empty() {
        return Ok(None);
    }
    let more = if wrong.len() > NAMED { ", …" } else { "" };
    wrong.truncate(NAMED);
    let names = format!("{}{more}", wrong.join(", "));
    Ok(Some(rust_i18n::t!("sync.verify_failed", names = names).into_owned()))
}

/// The name to look at for somebody who was written to, and what must be found there; `None`: nothing can be proved. Who
/// has a name now is looked at for their own sake, not for that of whoever had it before.
fn to_prove<'a>(
    one: &'a Written,
    snapshot: &'a Snapshot,
    holders: &BTreeSet<&Username>,
) -> Option<(&'a Username, Option<&'a Entry>)> {
    match snapshot.entries.get(&one.person) {
        Some(entry) => Some((&entry.username, Some(entry))).filter(|_| !entry.unknown),
        None => Some((&one.username, None)).filter(|(name, _)| !holders.contains(name)),
    }
}

/// Every which account of so many is looked at; `None`: none.
fn step(how: Verify, accounts: usize) -> Option<usize> {
    match how {
        Verify::None => None,
        Verify::All => Some(1),
        Verify::Sample => Some(accounts.div_ceil(SAMPLE).max(1)),
    }
}

/// How many looks the proof of so many accounts takes.
pub fn looks(how: Verify, accounts: usize) -> usize {
    step(how, accounts).map_or(0, |step| accounts.div_ceil(step))
}

/// Whether a look shows what is believed. What the answer leaves out is taken as written.
fn fits(entry: Option<&Entry>, found: Option<&UserRecord>) -> bool {
    match (entry, found) {
        (None, None) => true,
        (Some(entry), Some(record)) => state_of(record, &entry.state) == entry.state,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GroupPath, PersonKey};
    use crate::plan::{AccountState, ActionKind, Origin};

    #[test]
    fn a_name_that_passed_on_is_not_looked_at_for_the_one_who_gave_it_up() {
        let (gone, new) = (PersonKey::new("1").unwrap(), PersonKey::new("2").unwrap());
        let name = Username::new("zhang").unwrap();
        let one = Written { person: gone, username: name.clone(), kind: ActionKind::Delete };
        let mut snapshot = Snapshot::default();
        assert_eq!(to_prove(&one, &snapshot, &BTreeSet::new()), Some((&name, None)));
        let state = AccountState {
            group: GroupPath::new("/").unwrap(),
            note: String::new(),
            phone: String::new(),
            roles: Default::default(),
            enabled: true,
            expires_on: None,
        };
        let entry = Entry {
            username: name.clone(),
            origin: Origin::Created,
            state,
            gateway_id: None,
            disabled: None,
            unknown: false,
        };
        snapshot.entries.insert(new.clone(), entry.clone());
        let holders = [&name].into();
        assert_eq!(to_prove(&one, &snapshot, &holders), None);
        let two = Written { person: new, ..one };
        assert_eq!(to_prove(&two, &snapshot, &holders), Some((&name, Some(&entry))));
    }

    #[test]
    fn a_sample_is_never_larger_than_it_says_and_never_empty() {
        for accounts in 1..500 {
            let sample = looks(Verify::Sample, accounts);
            assert!(sample >= 1 && sample <= SAMPLE.min(accounts), "{accounts}: {sample}");
        }
        let all = [Verify::None, Verify::Sample, Verify::All].map(|how| looks(how, 7));
        assert_eq!(all, [0, 7, 7]);
    }
}
