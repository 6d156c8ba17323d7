//! Everything about one person, gathered as plain values. The roster is read and planned with for real, without asking
//! the gateway, so that what is told is what a run would do; nothing is recorded. How it is shown is not known here.

use std::collections::BTreeMap;

use serde::Serialize;

use super::App;
use crate::config::TargetConfig;
use crate::mapping::{self, Account, Gone, Want, WantRoles, Wanted};
use crate::model::{Cell, PersonKey, RowRef, TargetName, mask_phone};
use crate::plan::{self, Entry, Looks, MissingSeen, Override};
use crate::reason::{BlockKind, Blocked, HeldBy};
use crate::report::{ActionLine, ErrorReport, spoken, words};
use crate::roster::{Person, Roster};
use crate::store::journal::RunId;
use crate::store::query::HistoryLine;
use crate::store::{Store, StoreError};
use crate::sync::outcome;

/// How many of the last things done are told.
const LAST: u32 = 10;

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The roster cannot be used.
    #[error("{}", .0.message)]
    Roster(ErrorReport),
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
    /// What would hold the run.
    #[serde(serialize_with = "spoken::each")]
    pub held_by: Vec<HeldBy>,
}

impl App {
    /// Gathers everything about one person.
    ///
    /// # Errors
    /// If the roster cannot be used, or the database fails.
    pub async fn explain(&self, store: &Store, person: &PersonKey) -> Result<Explained, ExplainError> {
        let (reading, _) = self.read_judged(store, None, None).await.map_err(ExplainError::Roster)?;
        let roster = reading.roster;
        let wanted = mapping::map_roster(&roster, &self.config().account, self.today());
        let (rows, said) = said(person, &roster, &wanted);
        let mut targets = Vec::with_capacity(self.config().target.len());
        for target in &self.config().target {
            targets.push(self.on_target(target, person, &roster, store).await?);
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
        let looks = Looks { offline: true, ..Looks::default() };
        let plan = plan::plan(&prospect.input(target, roster, &looks));
        let (snapshot, past) = (&prospect.snapshot, &prospect.past);
        let report = outcome::report(&target.name, RunId(0), &plan);
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
            blocked: report.blocked.into_iter().find(|b| b.person == *person),
            held_by: report.held_by,
        })
    }
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
