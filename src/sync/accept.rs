//! Making another device, or another dialect, the one that a snapshot belongs to: by looking, never by believing.
//! Sends nothing. Why a changed device holds every run until then: its users may be others under the same names.

use chrono::{DateTime, Utc};

use super::caller::Caller;
use super::recovery::{OutOfReach, Patience, as_looked};
use super::run::RunError;
use crate::clock::Clock;
use crate::gateway::Gateway;
use crate::model::PersonKey;
use crate::plan::{Device, Snapshot};
use crate::store::Store;
use crate::store::journal::{Actor, RunId};
use crate::store::snapshot::EntryChange;

/// How many accounts a sample looks at.
const SAMPLE: usize = 50;

/// How thoroughly to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thoroughness {
    /// Up to 50 accounts, spread evenly: all of them must be as the snapshot says.
    Sample,
    /// Every account: the snapshot becomes what the looks show.
    All,
}

/// What the looks showed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rebased {
    /// Accounts looked at.
    pub looked_at: u64,
    /// As the snapshot says.
    pub same: u64,
    /// There, with other values.
    pub different: Vec<PersonKey>,
    /// Not there.
    pub absent: Vec<PersonKey>,
    /// No usable answer for these: they stay as they are.
    pub unanswered: Vec<PersonKey>,
    /// Whether the device was accepted.
    pub accepted: bool,
}

/// Looks at a target's accounts on its present device, and makes that device the snapshot's own: with
/// [`Thoroughness::Sample`] only if every account looked at is as the snapshot says.
///
/// # Errors
/// When the device is out of reach, or the database fails.
#[expect(clippy::too_many_arguments, reason = "one caller; each is a different thing")]
pub async fn accept<G: Gateway, C: Clock + Clone>(
    store: &Store,
    caller: &Caller<'_, G, C>,
    run: RunId,
    target: &crate::model::TargetName,
    device: Device,
    thoroughness: Thoroughness,
    reason: String,
    actor: Actor,
) -> Result<Rebased, RunError> {
    let snapshot = store.snapshot(target).await?;
    let (rebased, changes) = look(caller, &snapshot, thoroughness).await?;
    let fits = rebased.different.is_empty() && rebased.absent.is_empty() && rebased.unanswered.is_empty();
    if thoroughness == Thoroughness::Sample && !fits {
        return Ok(rebased);
    }
    let now: DateTime<Utc> = caller.clock().now();
    if !changes.is_empty() {
        store.settle(target, run, Vec::new(), changes, false, now).await?;
    }
    store.accept_device(target, device, reason, actor, now).await?;
    Ok(Rebased { accepted: true, ..rebased })
}

async fn look<G: Gateway, C: Clock + Clone>(
    caller: &Caller<'_, G, C>,
    snapshot: &Snapshot,
    thoroughness: Thoroughness,
) -> Result<(Rebased, Vec<EntryChange>), OutOfReach> {
    let step = match thoroughness {
        Thoroughness::All => 1,
        Thoroughness::Sample => snapshot.entries.len().div_ceil(SAMPLE).max(1),
    };
    let mut rebased = Rebased::default();
    let mut changes = Vec::new();
    let mut patience = Patience::default();
    for (person, entry) in snapshot.entries.iter().step_by(step).filter(|(_, e)| !e.unknown) {
        rebased.looked_at += 1;
        let Some(found) = patience.take(caller.user(&entry.username).await)? else {
            rebased.unanswered.push(person.clone());
            continue;
        };
        let now_there = found.as_ref().map(|record| as_looked(entry, record));
        match &now_there {
            None => rebased.absent.push(person.clone()),
            Some(new) if new.state == entry.state => rebased.same += 1,
            Some(_) => rebased.different.push(person.clone()),
        }
        if now_there.as_ref() != Some(entry) {
            changes.push(EntryChange { person: person.clone(), entry: now_there });
        }
    }
    Ok((rebased, changes))
}
