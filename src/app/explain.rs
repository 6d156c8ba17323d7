//! Everything about one person, gathered as plain values. The roster is read and planned with for real, without asking
//! the gateway, so that what is told is what a run would do; nothing is recorded. How it is shown is not known here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::App;
use super::names::{Unknown, What};
use crate::config::TargetConfig;
use crate::mapping::{self, Account, Gone, Want, WantRoles, Wanted};
use crate::model::{Cell, GroupPath, PersonKey, RowRef, TargetName, Username, mask_phone};
use crate::plan::{
    self, AccountField, ActionKind, Entry, GroupState, Looks, MissingSeen, Needs, Override, Plan,
};
use crate::reason::{BlockKind, Blocked, HeldBy};
use crate::report::{ActionLine, ErrorReport, spoken, words};
use crate::roster::{Field, Person, Roster};
use crate::store::journal::RunId;
use crate::store::query::{HistoryLine, RunLine};
use crate::store::{Store, StoreError};
use crate::sync::outcome;

/// How many of the last things done are told.
const LAST: u32 = 10;
/// How many of the last plans are asked what they saw.
const REMEMBERED: u32 = 10;

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The roster cannot be used.
    #[error("{}", .0.message)]
    Roster(ErrorReport),
    /// Nobody is meant.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Everything about one person.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// Version of this format: 1.
    pub version: u32,
    /// Who.
    pub person: PersonKey,
    /// The rows that are about them.
    pub rows: Vec<RowRef>,
    /// What the roster says.
    pub roster: Said,
    /// What each target has to do with them.
    pub targets: Vec<OnTarget>,
    /// What was last done to their accounts, newest first.
    pub history: Vec<HistoryLine>,
}

/// What the roster says of somebody.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Said {
    /// In short.
    pub standing: Standing,
    /// The stable word for what is wrong with the row, if something is.
    pub problem: Option<BlockKind>,
    /// What is wrong, in the words of whoever asked.
    pub detail: Option<String>,
    /// The fields that hold something, phones masked.
    pub fields: BTreeMap<String, String>,
    /// The account that this makes, field by field; empty where none is wanted.
    pub account: BTreeMap<String, Wish>,
}

/// Where somebody stands in the roster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// No row is about them.
    #[default]
    Absent,
    /// There is a row, and no account is wanted.
    NoAccount,
    /// An account is wanted.
    Account,
    /// The row says that they left.
    Left,
    /// Their time is over.
    Expired,
    /// Their first day has not come.
    NotYet,
    /// No account can be made of the row.
    Unmapped,
    /// The row cannot be used.
    Blocked,
}

/// What a field of an account should hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wish {
    /// The value; phones masked, roles joined with `,`.
    pub value: String,
    /// When it is meant.
    pub rule: WishRule,
}

/// When a value is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WishRule {
    /// Always.
    Set,
    /// For a new account only.
    IfNew,
    /// These, and what is there stays.
    AtLeast,
    /// What is there stays.
    Keep,
}

/// What one target has to do with somebody.
#[derive(Debug, Clone, Serialize)]
pub struct OnTarget {
    /// Its name.
    pub target: TargetName,
    /// What rosterd believes the gateway holds, phone masked.
    pub snapshot: Option<Entry>,
    /// Since when they are missing from the roster.
    pub missing: Option<MissingSeen>,
    /// What somebody said about them.
    #[serde(rename = "override")]
    pub overridden: Option<Override>,
    /// What a run would do.
    pub action: Option<ActionLine>,
    /// Why a run would leave them alone.
    #[serde(serialize_with = "spoken::maybe")]
    pub blocked: Option<Blocked>,
    /// What the gateway has not been asked and this depends on: paths of groups, and user names that must be free.
    pub not_looked_at: NotLookedAt,
    /// The last run that planned here: what it saw is believed. `None`: nobody ever looked.
    pub seen: Option<Seen>,
    /// What would hold the run.
    #[serde(serialize_with = "spoken::each")]
    pub held_by: Vec<HeldBy>,
}

/// What a plan for somebody depends on and nobody has looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NotLookedAt {
    /// The group that they would go to.
    pub group: Option<GroupPath>,
    /// The user name that must not exist yet.
    pub username: Option<Username>,
}

/// A run that looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Its number.
    pub run: i64,
    /// When it began.
    pub at: DateTime<Utc>,
}

/// What a name came to.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// One person.
    One(Box<Explained>),
    /// Several people: their keys tell them apart.
    Several(Several),
}

/// Everybody whom a name may mean.
#[derive(Debug, Clone, Serialize)]
pub struct Several {
    /// Version of this format: 1.
    pub version: u32,
    /// The name, as it was given.
    pub who: String,
    /// These, by key.
    pub people: Vec<Hit>,
}

/// Somebody whom a name may mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// Their key.
    pub person: PersonKey,
    /// Their name in the roster.
    pub name: Option<String>,
    /// Their department in the roster.
    pub department: Option<String>,
    /// Their user name on a gateway, or the one they would get.
    pub username: Option<String>,
}

impl App {
    /// Gathers everything about the person who is meant: by key, by user name, or by name in the roster. A key wins
    /// over names; where several people are meant, they are listed.
    ///
    /// # Errors
    /// If nobody is meant, the roster cannot be used, or the database fails.
    pub async fn explain(&self, store: &Store, who: &str) -> Result<Answer, ExplainError> {
        let (reading, _) = self.read_judged(store, None, None).await.map_err(ExplainError::Roster)?;
        let roster = reading.roster;
        let wanted = mapping::map_roster(&roster, &self.config().account, self.today());
        let people = meant(store, who, &roster, &wanted).await?;
        match people.as_slice() {
            [] => {
                let stored = store.known_people().await?;
                let in_roster =
                    roster.people.iter().flat_map(|(key, person)| [Some(key.as_str()), name_of(person)]);
                let known =
                    stored.iter().flat_map(|(key, names)| names.iter().chain([key])).map(String::as_str);
                Err(Unknown::among(What::Person, who, in_roster.flatten().chain(known)).into())
            }
            [one] => Ok(Answer::One(Box::new(self.explain_one(store, one, &roster, &wanted).await?))),
            several => {
                let people = several.iter().map(|person| hit(person, &roster, &wanted)).collect();
                Ok(Answer::Several(Several { version: 1, who: who.to_owned(), people }))
            }
        }
    }

    async fn explain_one(
        &self,
        store: &Store,
        person: &PersonKey,
        roster: &Roster,
        wanted: &BTreeMap<PersonKey, Wanted>,
    ) -> Result<Explained, ExplainError> {
        let (rows, said) = said(person, roster, wanted);
        let mut targets = Vec::with_capacity(self.config().target.len());
        for target in &self.config().target {
            targets.push(self.on_target(target, person, roster, store).await?);
        }
        let history = store.history(person.as_str(), LAST).await?;
        Ok(Explained { version: 1, person: person.clone(), rows, roster: said, targets, history })
    }

    async fn on_target(
        &self,
        target: &TargetConfig,
        person: &PersonKey,
        roster: &Roster,
        store: &Store,
    ) -> Result<OnTarget, ExplainError> {
        let prospect = self.prospect(store, &target.name, roster).await?;
        let planned = store.last_planned(&target.name, REMEMBERED).await?;
        // What the last plans found out about groups is believed until somebody looks again.
        let groups = remembered(&planned);
        let looks = Looks { offline: true, groups: groups.clone(), ..Looks::default() };
        let plan = plan::plan(&prospect.input(target, roster, &looks));
        let open = Looks { groups, ..Looks::default() };
        let needs = plan::needs(&prospect.input(target, roster, &open));
        let (snapshot, past) = (&prospect.snapshot, &prospect.past);
        let report = outcome::report(&target.name, RunId(0), &plan);
        let blocked = report.blocked.into_iter().find(|b| b.person == *person);
        let mask = |mut entry: Entry| {
            entry.state.phone = mask_phone(&entry.state.phone);
            entry
        };
        Ok(OnTarget {
            target: target.name.clone(),
            snapshot: snapshot.entries.get(person).cloned().map(mask),
            missing: past.missing.get(person).cloned(),
            overridden: past.overrides.get(person).cloned(),
            action: crate::report::actions_for_report(&plan).into_iter().find(|a| a.person == *person),
            not_looked_at: not_looked_at(person, &plan, &needs),
            seen: planned.first().map(|run| Seen { run: run.id, at: run.started_at }),
            blocked: blocked.or_else(|| last_blocked(person, &planned, &plan)),
            held_by: report.held_by,
        })
    }
}

/// Whether groups were there when a plan last looked, the newest word first.
fn remembered(planned: &[RunLine]) -> BTreeMap<GroupPath, bool> {
    let mut groups = BTreeMap::new();
    for group in planned.iter().filter_map(|run| run.report.as_ref()).flat_map(|report| &report.groups) {
        let there = match group.state {
            GroupState::Missing | GroupState::Create => false,
            GroupState::Exists => true,
            GroupState::Unchecked => continue,
        };
        groups.entry(group.path.clone()).or_insert(there);
    }
    groups
}

fn not_looked_at(person: &PersonKey, plan: &Plan, needs: &Needs) -> NotLookedAt {
    let Some(action) = plan.actions.iter().find(|action| action.person == *person) else {
        return NotLookedAt::default();
    };
    let moves = action.kind == ActionKind::Add || action.changes.contains_key(&AccountField::Group);
    NotLookedAt {
        group: Some(action.after.group.clone()).filter(|group| moves && needs.groups.contains(group)),
        username: Some(action.new_username.clone()).filter(|name| needs.users.contains(name)),
    }
}

/// Why the last run that asked the gateway left somebody alone of whom the plan without looks would do something.
fn last_blocked(person: &PersonKey, planned: &[RunLine], plan: &Plan) -> Option<Blocked> {
    let acts = plan.actions.iter().any(|action| action.person == *person && action.kind == ActionKind::Add);
    let report = planned.first()?.report.as_ref().filter(|_| acts)?;
    report.blocked.iter().find(|line| line.person == *person).cloned()
}

fn name_of(person: &Person) -> Option<&str> {
    person.text.iter().find_map(|(field, cell)| match cell {
        Cell::Value(text) if field == Field::Name => Some(text),
        _ => None,
    })
}

/// Everybody whom a name means: a key means one.
async fn meant(
    store: &Store,
    who: &str,
    roster: &Roster,
    wanted: &BTreeMap<PersonKey, Wanted>,
) -> Result<Vec<PersonKey>, ExplainError> {
    if let Ok(key) = PersonKey::new(who)
        && (roster.people.contains_key(&key)
            || roster.blocked.contains_key(&key)
            || store.knows_person(&key).await?)
    {
        return Ok(vec![key]);
    }
    let mut people: BTreeSet<PersonKey> = store.whose(who).await?.into_values().collect();
    let named = roster.people.iter().filter(|(_, person)| name_of(person) == Some(who));
    people.extend(named.map(|(key, _)| key.clone()));
    let called = wanted.iter().filter(|(_, wanted)| match wanted {
        Wanted::Account(account) => account.username.as_str() == who,
        _ => false,
    });
    people.extend(called.map(|(key, _)| key.clone()));
    if people.is_empty() {
        // Somebody who is gone from roster and gateway is still known by the name they had.
        let known = store.known_people().await?.into_iter().filter(|(_, names)| names.contains(who));
        people.extend(known.filter_map(|(person, _)| PersonKey::new(&person).ok()));
    }
    Ok(people.into_iter().collect())
}

fn hit(person: &PersonKey, roster: &Roster, wanted: &BTreeMap<PersonKey, Wanted>) -> Hit {
    let found = roster.people.get(person);
    let fields = found.map(person_fields).unwrap_or_default();
    let username = match wanted.get(person) {
        Some(Wanted::Account(account)) => Some(account.username.to_string()),
        _ => None,
    };
    let name = found.and_then(name_of).map(str::to_owned);
    Hit { person: person.clone(), name, department: fields.get("department").cloned(), username }
}

fn said(person: &PersonKey, roster: &Roster, wanted: &BTreeMap<PersonKey, Wanted>) -> (Vec<RowRef>, Said) {
    if let Some(blocked) = roster.blocked.get(person) {
        let said = Said {
            standing: Standing::Blocked,
            problem: Some(blocked.reason.kind()),
            detail: Some(words::block(person, &blocked.reason).into_owned()),
            ..Said::default()
        };
        return (blocked.rows.clone(), said);
    }
    let Some(found) = roster.people.get(person) else {
        return (Vec::new(), Said::default());
    };
    let mut said = Said { fields: person_fields(found), ..Said::default() };
    said.standing = match wanted.get(person) {
        None => Standing::NoAccount,
        Some(Wanted::Account(account)) => {
            said.account = account_fields(account);
            Standing::Account
        }
        Some(Wanted::Gone(Gone::Left, _)) => Standing::Left,
        Some(Wanted::Gone(Gone::Expired, _)) => Standing::Expired,
        Some(Wanted::NotYet(_)) => Standing::NotYet,
        Some(Wanted::Blocked(block)) => {
            said.problem = Some(block.reason.kind());
            said.detail = Some(words::block(person, &block.reason).into_owned());
            Standing::Unmapped
        }
    };
    (found.rows.clone(), said)
}

fn person_fields(person: &Person) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for (field, cell) in person.text.iter() {
        if let Cell::Value(text) = cell {
            fields.insert(field.as_str().to_owned(), text.to_owned());
        }
    }
    let mut set = |name: &str, value: Option<String>| {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    };
    let paths = |all: &std::sync::Arc<[Vec<String>]>| {
        all.iter().map(|path| format!("/{}", path.join("/"))).collect::<Vec<_>>().join(", ")
    };
    set("department", person.departments.value().map(paths));
    set("roles", person.roles.value().map(|roles| roles.join(", ")));
    let masked = |all: &Vec<String>| all.iter().map(|p| mask_phone(p)).collect::<Vec<_>>().join(", ");
    set("phone", person.phones.value().map(masked));
    set("hire_date", person.hire_date.value().map(ToString::to_string));
    set("leave_date", person.leave_date.value().map(ToString::to_string));
    set("expires_on", person.expires_on.value().map(ToString::to_string));
    fields
}

fn account_fields(account: &Account) -> BTreeMap<String, Wish> {
    fn wish<T>(want: &Want<T>, show: impl Fn(&T) -> String) -> Wish {
        match want {
            Want::Set(value) => Wish { value: show(value), rule: WishRule::Set },
            Want::IfNew(value) => Wish { value: show(value), rule: WishRule::IfNew },
            Want::Keep => Wish { value: String::new(), rule: WishRule::Keep },
        }
    }
    let roles = account.roles.for_new().iter().map(String::as_str).collect::<Vec<_>>().join(",");
    let rule = match account.roles {
        WantRoles::Set(_) => WishRule::Set,
        WantRoles::AtLeast(_) if roles.is_empty() => WishRule::Keep,
        WantRoles::AtLeast(_) => WishRule::AtLeast,
    };
    let username = Wish { value: account.username.to_string(), rule: WishRule::Set };
    let mut fields = BTreeMap::from([
        ("username".to_owned(), username),
        ("group".to_owned(), wish(&account.group, ToString::to_string)),
        ("note".to_owned(), wish(&account.note, Clone::clone)),
        ("phone".to_owned(), wish(&account.phone, |phone| mask_phone(phone))),
        ("roles".to_owned(), Wish { value: roles, rule }),
    ]);
    if let Want::Set(Some(day)) = account.expires_on {
        fields.insert("expires_on".to_owned(), Wish { value: day.to_string(), rule: WishRule::Set });
    }
    fields
}
