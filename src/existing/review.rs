//! The review: who on a gateway could be taken over, what a later sync would then change, and who matches nobody. It is
//! the plan that `existing = "adopt"` would make, laid out for a person to read and to cross people out of; what may be
//! applied of it is what the looks that are kept still say. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_i18n::t;
use serde::{Deserialize, Serialize};

use super::looks::{Found, Listed};
use super::suggest::{Suggestion, suggest};
use crate::config::{Existing, TargetConfig};
use crate::gateway::UserRecord;
use crate::model::{GroupPath, PersonKey, TargetName, Username, fold, mask_phone};
use crate::plan::{
    self, AccountState, ActionKind, Change, Counts, Device, Entry, Looks, Origin, Past, PlanInput,
};
use crate::reason::{Blocked, HeldBy};
use crate::report::masked_changes;
use crate::store::existing::{Looked, Taken};
use crate::store::journal::Intent;

/// What a review file says it is.
pub const KIND: &str = "rosterd review";

/// Somebody on the gateway who could be taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Whether to take them over: the one thing in the file that a person may change.
    pub take: bool,
    /// Who, by the roster.
    pub person: PersonKey,
    /// Name on the gateway.
    pub username: Username,
    /// The name follows no template and comes from `--link`.
    pub linked: bool,
    /// Group on the gateway.
    pub group: GroupPath,
    /// Note on the gateway.
    pub note: String,
    /// Phone on the gateway, masked.
    pub phone: String,
    /// Roles on the gateway.
    pub roles: BTreeSet<String>,
    /// Whether they may log in.
    pub enabled: bool,
    /// What a later sync would change, field by field; phones masked.
    pub changes: BTreeMap<String, Change>,
    /// The external authentication server, by name or number, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_auth: Option<String>,
    /// What keeps a later sync from changing them: `external_auth`, when the server's name is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<String>,
    /// Ties this line to the look it was made from.
    pub look: String,
}

/// Somebody of the roster who has no user on the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// Who.
    pub person: PersonKey,
    /// The name they would get.
    pub username: Username,
    /// A user whose name differs in case or width only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similar: Option<String>,
}

/// A user of the gateway who matches nobody of the roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stranger {
    /// Name.
    pub username: String,
    /// Group.
    pub group: Option<String>,
    /// Note.
    pub note: Option<String>,
    /// Whether they may log in.
    pub enabled: Option<bool>,
}

impl Stranger {
    pub(super) fn of(record: &UserRecord) -> Self {
        Self {
            username: record.name.clone(),
            group: record.group.clone(),
            note: record.note.clone(),
            enabled: record.enabled,
        }
    }
}

/// Everything that a review says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Could be taken over, by person.
    pub people: Vec<Candidate>,
    /// Are ours already.
    pub ours: u64,
    /// Have no user; a sync would add them.
    pub absent: Vec<Absent>,
    /// Users who match nobody; `None`: this dialect cannot list users.
    pub strangers: Option<Vec<Stranger>>,
    /// Left alone, with the words of whoever asked for the review.
    #[serde(serialize_with = "crate::report::spoken::each")]
    pub left_alone: Vec<Blocked>,
    /// Got no usable answer, or were not asked yet.
    pub unanswered: u64,
    /// What the first sync would do if all of these were taken over.
    pub then: Then,
    /// Where departments' people already are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggested_groups: Vec<Suggestion>,
}

/// The first sync after it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Then {
    /// People by what would happen to them.
    pub counts: Counts,
    /// What would hold it, with the words of whoever asked.
    #[serde(serialize_with = "crate::report::spoken::each")]
    pub held_by: Vec<HeldBy>,
}

/// A review as a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewFile {
    /// Always `rosterd review`.
    pub kind: String,
    /// Version of this format: 1.
    pub version: u32,
    /// The target.
    pub target: TargetName,
    /// The device's address.
    pub url: String,
    /// Its dialect.
    pub dialect: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Digest of the roster.
    pub roster: String,
    /// What it says.
    #[serde(flatten)]
    pub review: Review,
}

/// The target as a review plans for it: whoever is there would be adopted.
pub fn adopting(target: &TargetConfig) -> TargetConfig {
    TargetConfig { existing: Existing::Adopt, ..target.clone() }
}

/// What the planner is told of the past: links of this review count, and first contact is what this is.
pub fn linked(past: &Past, links: &BTreeMap<PersonKey, Username>) -> Past {
    let mut past = Past { first_contact: false, ..past.clone() };
    past.links.extend(links.iter().map(|(person, name)| (person.clone(), name.clone())));
    past
}

/// Makes the review. `input` is what the names to ask for were found with: [`adopting`], [`linked`].
pub fn review(
    input: &PlanInput<'_>,
    links: &BTreeMap<PersonKey, Username>,
    listed: &Listed,
    found: &Found,
    with_groups: bool,
) -> Review {
    let looks = Looks { offline: true, users: found.users.clone(), ..Looks::default() };
    let made = plan::plan(&PlanInput { looks: &looks, ..*input });
    let mut people = Vec::new();
    let mut absent = Vec::new();
    for action in &made.actions {
        let unknown = !found.users.contains_key(&action.username);
        match (action.kind, found.users.get(&action.username)) {
            (ActionKind::Adopt, Some(Some(record))) => {
                let changes = masked_changes(action);
                let linked = links.contains_key(&action.person);
                people.extend(candidate(
                    input.target,
                    &action.person,
                    &action.username,
                    linked,
                    changes,
                    record,
                ));
            }
            (ActionKind::Add, _) if !unknown => absent.push(Absent {
                person: action.person.clone(),
                username: action.username.clone(),
                similar: similar(listed, &action.username),
            }),
            _ => {}
        }
    }
    people.sort_by(|a, b| a.person.cmp(&b.person));
    absent.sort_by(|a, b| a.person.cmp(&b.person));
    let not_ours = |person: &PersonKey| !input.snapshot.entries.contains_key(person);
    let left_alone: Vec<_> = made.blocked.iter().filter(|b| not_ours(&b.person)).cloned().collect();
    Review {
        ours: input.snapshot.entries.len() as u64,
        strangers: strangers(input, listed, &people, &left_alone),
        suggested_groups: if with_groups { groups(input, &people) } else { Vec::new() },
        unanswered: found.unanswered.len() as u64 + found.left,
        then: then(input, &people, found),
        people,
        absent,
        left_alone,
    }
}

fn candidate(
    target: &TargetConfig,
    person: &PersonKey,
    username: &Username,
    linked: bool,
    changes: BTreeMap<String, Change>,
    record: &UserRecord,
) -> Option<Candidate> {
    let state = AccountState::from_record(record)?;
    let named = record.ext_auth_id.as_ref().map(|id| {
        let name = target.auth.servers.get(id).or(record.ext_auth_name.as_ref());
        (name.unwrap_or(id).clone(), name.is_some())
    });
    let obstacles = match &named {
        Some((_, false)) if !changes.is_empty() => vec!["external_auth".to_owned()],
        _ => Vec::new(),
    };
    Some(Candidate {
        take: true,
        person: person.clone(),
        username: username.clone(),
        linked,
        group: state.group,
        note: state.note,
        phone: mask_phone(&state.phone),
        roles: state.roles.as_ref().clone(),
        enabled: state.enabled,
        changes,
        external_auth: named.map(|(name, _)| name),
        obstacles,
        look: look_digest(person, username, Some(record)),
    })
}

/// Ties person, name and look together.
fn look_digest(person: &PersonKey, username: &Username, record: Option<&UserRecord>) -> String {
    // A record is made of texts: it always has a JSON form.
    let text = serde_json::to_string(&(person, username, record)).unwrap_or_default();
    blake3::hash(text.as_bytes()).to_hex().as_str()[..32].to_owned()
}

fn similar(listed: &Listed, name: &Username) -> Option<String> {
    let wanted = name.folded();
    listed.as_ref()?.keys().find(|there| fold(there) == wanted).cloned()
}

fn strangers(
    input: &PlanInput<'_>,
    listed: &Listed,
    people: &[Candidate],
    left_alone: &[Blocked],
) -> Option<Vec<Stranger>> {
    let listed = listed.as_ref()?;
    let ours = input.snapshot.entries.values().map(|entry| &entry.username);
    let known: BTreeSet<&str> = ours
        .chain(people.iter().map(|one| &one.username))
        .chain(left_alone.iter().filter_map(|one| one.username.as_ref()))
        .map(Username::as_str)
        .collect();
    let strangers = listed.values().filter(|record| !known.contains(record.name.as_str()));
    Some(strangers.map(Stranger::of).collect())
}

fn groups(input: &PlanInput<'_>, people: &[Candidate]) -> Vec<Suggestion> {
    let candidates = people.iter().map(|one| (&one.person, &one.group));
    let ours = input.snapshot.entries.iter().map(|(person, entry)| (person, &entry.state.group));
    let pairs = candidates.chain(ours).filter_map(|(person, group)| {
        let departments = input.roster.people.get(person)?.departments.value()?;
        Some((departments.first()?.as_slice(), group))
    });
    suggest(pairs)
}

/// What the first sync after taking all of them over would do.
fn then(input: &PlanInput<'_>, people: &[Candidate], found: &Found) -> Then {
    let mut snapshot = input.snapshot.clone();
    for one in people {
        if let Some(Some(record)) = found.users.get(&one.username) {
            snapshot.entries.extend(entry(&one.username, record).map(|entry| (one.person.clone(), entry)));
        }
    }
    let target = TargetConfig { existing: Existing::Report, ..input.target.clone() };
    let looks = Looks { offline: true, ..Looks::default() };
    let plan = plan::plan(&PlanInput { snapshot: &snapshot, target: &target, looks: &looks, ..*input });
    let held = plan.held_by.iter().map(|held| held.by.clone());
    Then { counts: plan.counts, held_by: held.collect() }
}

fn entry(username: &Username, record: &UserRecord) -> Option<Entry> {
    Some(Entry {
        username: username.clone(),
        origin: Origin::Adopted,
        state: AccountState::from_record(record)?,
        gateway_id: record.id.clone(),
        disabled: None,
        unknown: false,
    })
}

/// Why a review cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// It is about another device.
    #[error("{}", t!("existing.review.other_device", url = url, dialect = dialect))]
    OtherDevice {
        /// The address in the review.
        url: String,
        /// The dialect in the review.
        dialect: String,
    },
    /// A line was edited beyond `take`, or its look is not kept (any more).
    #[error("{}", t!("existing.review.moved", person = person, username = username))]
    Moved {
        /// Who.
        person: PersonKey,
        /// Name on the gateway.
        username: Username,
    },
    /// The account became ours, or somebody else's, since.
    #[error("{}", t!("existing.review.taken", person = person, username = username))]
    Taken {
        /// Who.
        person: PersonKey,
        /// Name on the gateway.
        username: Username,
    },
    /// A call that names the user may still land, and would change or delete them for somebody else's sake.
    #[error("{}", t!("existing.review.may_land", person = person, username = username))]
    MayLand {
        /// Who.
        person: PersonKey,
        /// Name on the gateway.
        username: Username,
    },
}

/// Names, folded, in calls that may still land. An add is one of them: the user who is there may be the one that it made,
/// for somebody else.
pub fn may_land(open: &[Intent]) -> BTreeSet<String> {
    open.iter().flat_map(|intent| [intent.username.folded(), intent.new_username.folded()]).collect()
}

/// What a review file makes ours, checked against the looks that are kept, the snapshot as it is and the names that
/// [`may_land`] gives.
///
/// # Errors
/// If any line does not fit; then nothing of it may be applied.
pub fn taken(
    file: &ReviewFile,
    device: &Device,
    snapshot: &plan::Snapshot,
    looks: &BTreeMap<Username, Looked>,
    may_land: &BTreeSet<String>,
) -> Result<Vec<Taken>, ReviewError> {
    if file.url != device.url || file.dialect != device.dialect {
        return Err(ReviewError::OtherDevice { url: file.url.clone(), dialect: file.dialect.clone() });
    }
    let mut names: BTreeSet<String> =
        snapshot.entries.values().map(|entry| entry.username.folded()).collect();
    let mut people: BTreeSet<&PersonKey> = snapshot.entries.keys().collect();
    let mut all = Vec::new();
    for one in file.review.people.iter().filter(|one| one.take) {
        let (person, username) = (one.person.clone(), one.username.clone());
        let moved = || ReviewError::Moved { person: person.clone(), username: username.clone() };
        let record = looks.get(&one.username).and_then(|looked| looked.record.as_ref()).ok_or_else(moved)?;
        if look_digest(&one.person, &one.username, Some(record)) != one.look {
            return Err(moved());
        }
        let entry = entry(&one.username, record).ok_or_else(moved)?;
        if !names.insert(one.username.folded()) || !people.insert(&one.person) {
            return Err(ReviewError::Taken { person, username });
        }
        if may_land.contains(&one.username.folded()) {
            return Err(ReviewError::MayLand { person, username });
        }
        all.push(Taken { person, entry, linked: one.linked });
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
