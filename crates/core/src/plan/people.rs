//! One person at a time: what should become of their account. Whether the groups and roles are there is `places`'
//! business, whether it is all too much `guard`'s.

mod free;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{Delta, Managed, changes, for_new};
use super::input::{Override, OverrideKind, PlanInput};
use super::missing::{Absence, absence};
use super::names::{Names, wanted_name};
use super::removal::{removal, still_waiting};
use super::rules::TargetRules;
use super::state::{AccountState, Entry, Origin};
use super::value::{Action, ActionKind, Reason};
use crate::config::{AuthMode, Existing, Manage};
use crate::device::{Auth, UserRecord};
use crate::mapping::{Account, Gone, Verdict, Want, Wanted};
use crate::model::{GroupPath, PersonKey, RowRef, Username};
use crate::reason::{BadGroup, BadUsername, Block, BlockReason, Brake, Guard, Pending};
use crate::sabotage::{Flaw, has};

/// Nobody can be put into it; the device makes it itself.
const ANONYMOUS_GROUP: &str = "/匿名用户组";

/// What is decided about one person.
pub(super) enum Decision {
    /// They are none of this target's (or this run's) business.
    Skip,
    /// Their account is as it should be, or is left alone for now.
    Unchanged,
    /// This is to be done.
    Act(Box<Action>),
    /// They are left alone, and somebody should know why.
    Block(Block),
}

/// Everything known of one person.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub person: &'a PersonKey,
    pub wanted: Option<&'a Wanted>,
    pub row_blocked: Option<&'a Block>,
    pub entry: Option<&'a Entry>,
}

/// Decides about people, one by one.
pub(super) struct Decider<'a> {
    pub input: &'a PlanInput<'a>,
    pub rules: &'a TargetRules,
    names: Names<'a>,
    /// Names whose freeing commit is still to come, folded.
    uncommitted: BTreeMap<String, &'a PersonKey>,
    /// Names in calls that may still land, folded, and whose calls those are.
    in_flight: BTreeMap<String, BTreeSet<&'a PersonKey>>,
    created: Managed,
    adopted: Managed,
}

type Decided = Result<Decision, Block>;

impl<'a> Decider<'a> {
    pub(super) fn new(input: &'a PlanInput<'a>, rules: &'a TargetRules) -> Self {
        Self {
            input,
            rules,
            names: Names::new(input, rules),
            uncommitted: input.past.uncommitted_names.iter().map(|(n, p)| (n.folded(), p)).collect(),
            in_flight: in_flight(input),
            created: Managed::of(input.target, Origin::Created),
            adopted: Managed::of(input.target, Origin::Adopted),
        }
    }

    pub(super) fn decide(&self, known: Known<'a>) -> Decision {
        if self.input.only.is_some_and(|only| !only.contains(known.person)) {
            return Decision::Skip;
        }
        let judged = match &self.input.past.undo {
            None => self.judge(known),
            Some(undo) => match undo.people.get(known.person) {
                Some(restore) => self.undo(known, restore),
                None => return Decision::Skip,
            },
        };
        judged.unwrap_or_else(|block| {
            Decision::Block(match known.entry {
                Some(entry) => block.name(&entry.username),
                None => block,
            })
        })
    }

    fn judge(&self, known: Known<'a>) -> Decided {
        if let Some(entry) = known.entry {
            self.undisturbed(entry)?;
        }
        if let Some(given) = self.override_of(known.person) {
            return self.overridden(known, given);
        }
        if let Some(blocked) = known.row_blocked {
            return Err(blocked.clone());
        }
        match (known.wanted, known.entry) {
            (Some(Wanted::Account(account)), entry) => self.account(known, account, entry),
            (Some(Wanted::Gone(..)), Some(_)) if has(Flaw::LeaverStays) => Ok(Decision::Unchanged),
            (Some(Wanted::Gone(gone, row)), Some(entry)) => {
                let reason = match gone {
                    Gone::Left => Reason::Left,
                    Gone::Expired => Reason::Expired,
                };
                self.remove(known.person, entry, reason, Some(row), None)
            }
            (Some(Wanted::Gone(..) | Wanted::NotYet(_)), None) => Ok(Decision::Skip),
            (Some(Wanted::NotYet(_)), Some(_)) => Ok(Decision::Unchanged),
            (Some(Wanted::Blocked(_)), None) if self.selected(known.person) == Verdict::No => {
                Ok(Decision::Skip)
            }
            (Some(Wanted::Blocked(block)), _) => Err(block.clone()),
            (None, Some(entry)) => self.absent(known.person, entry),
            (None, None) => Ok(Decision::Skip),
        }
    }

    /// What forbids touching an account whatever the roster says.
    fn undisturbed(&self, entry: &Entry) -> Result<(), Block> {
        if entry.unknown {
            return Err(BlockReason::UnknownOutcome(Pending::Call).into());
        }
        self.kept(&entry.state.note)?;
        let looked_at = self.input.looks.users.get(&entry.username).and_then(Option::as_ref);
        let (was, is) = (entry.gateway_id.as_ref(), looked_at.and_then(|record| record.id.as_ref()));
        if let (Some(was), Some(is)) = (was, is)
            && was != is
        {
            let (name, was, is) = (entry.username.clone(), was.clone(), is.clone());
            return Err(BlockReason::ReplacedOnGateway { name, was, is }.into());
        }
        // A batch of deletes is one text on this dialect: a comma in a name would name two other users.
        if !self.input.target.dialect.capabilities().comma_in_names && entry.username.as_str().contains(',') {
            return Err(comma(&entry.username));
        }
        Ok(())
    }

    fn kept(&self, note: &str) -> Result<(), Block> {
        let tag = &self.input.target.keep_tag;
        match !tag.is_empty() && note.starts_with(tag.as_str()) {
            true => Err(BlockReason::KeepTag { tag: tag.clone() }.into()),
            false => Ok(()),
        }
    }

    fn override_of(&self, person: &PersonKey) -> Option<&'a Override> {
        if self.input.past.overrides.is_empty() {
            return None;
        }
        let given = self.input.past.overrides.get(person)?;
        given.until.is_none_or(|until| self.input.as_of <= until).then_some(given)
    }

    fn overridden(&self, known: Known<'a>, given: &Override) -> Decided {
        let is_here = matches!(known.wanted, Some(Wanted::Account(_))) || known.row_blocked.is_some();
        match (known.entry, given.kind) {
            (Some(entry), OverrideKind::Suspend) if entry.state.enabled => {
                self.disable(known.person, entry, Reason::Suspended, None)
            }
            (None, _) if !is_here => Ok(Decision::Skip),
            (_, _) => Err(given.block()),
        }
    }

    fn selected(&self, person: &PersonKey) -> Verdict {
        if self.rules.select.is_empty() {
            return Verdict::Yes;
        }
        let person = self.input.roster.people.get(person);
        person.map_or(Verdict::Unknown, |person| self.rules.selects(person))
    }

    fn account(&self, known: Known<'a>, account: &'a Account, entry: Option<&'a Entry>) -> Decided {
        match (self.selected(known.person), entry) {
            (Verdict::No, None) => return Ok(Decision::Skip),
            (Verdict::No, Some(entry)) => {
                return self.remove(known.person, entry, Reason::Deselected, Some(&account.row), None);
            }
            (Verdict::Unknown, _) => {
                return Err(Block::from(BlockReason::SelectUnknown).row(&account.row));
            }
            (Verdict::Yes, _) => {}
        }
        let name = wanted_name(self.input, known.person, account);
        if let Some(rival) = self.names.rival(known.person) {
            let reason = BlockReason::DuplicateUsername { name: name.clone(), other: rival.clone() };
            return Err(Block::from(reason).name(name).row(&account.row));
        }
        match entry {
            Some(entry) => self.existing(known.person, account, name, entry),
            None => self.newcomer(known.person, account, name).map_err(|block| block.name(name)),
        }
        .map_err(|block| block.row(&account.row))
    }

    /// Somebody whose account is ours already.
    fn existing(&self, person: &'a PersonKey, account: &Account, name: &Username, entry: &Entry) -> Decided {
        let managed = self.managed(entry.origin);
        let enable =
            managed.enables(entry.state.enabled, entry.disabled.is_some()) && !has(Flaw::ReturnerStaysOut);
        let delta = Delta::of(&entry.state, account, managed, enable);
        let renamed = *name != entry.username;
        if delta.is_empty() && !renamed {
            return Ok(Decision::Unchanged);
        }
        self.unprotected(&entry.username)?;
        if renamed {
            self.free(person, name)?;
            if let Some(Some(_)) = self.input.looks.users.get(name) {
                return Err(name_exists(name));
            }
        }
        let (kind, reason) = match (renamed, delta.enables()) {
            (true, enables) => (
                ActionKind::Rename,
                if enables { Reason::Returned } else { self.cause(person, Reason::Changed) },
            ),
            (false, true) => (ActionKind::Enable, Reason::Returned),
            (false, false) => (ActionKind::Update, self.cause(person, Reason::Changed)),
        };
        let after = delta.apply(&entry.state);
        if after.group != entry.state.group {
            enterable(&after.group)?;
        }
        Ok(act(Action {
            kind,
            person: person.clone(),
            username: entry.username.clone(),
            new_username: name.clone(),
            reason,
            source: Some(account.row.clone()),
            changes: changes((&entry.username, &entry.state), (name, &after)),
            after,
            auth: if managed.auth == Manage::Always { self.auth(account).ok() } else { None },
            withheld_by: None,
        }))
    }

    /// Why a change is made: what somebody did by hand, or what else there is.
    fn cause(&self, person: &PersonKey, otherwise: Reason) -> Reason {
        if self.input.past.drifted.contains(person) { Reason::Drift } else { otherwise }
    }

    /// Somebody who has no account of ours.
    fn newcomer(&self, person: &'a PersonKey, account: &Account, name: &Username) -> Decided {
        self.free_for_new(person, name)?;
        match (self.input.looks.users.get(name), self.input.target.existing) {
            (Some(Some(_)), Existing::Report) => Err(name_exists(name)),
            (Some(Some(record)), Existing::Adopt) => self.adopt(person, account, name, record),
            (Some(None) | None, _) => self.add(person, account, name),
        }
    }

    fn add(&self, person: &'a PersonKey, account: &Account, name: &Username) -> Decided {
        let Some(group) = account.group.for_new() else {
            return Err(BlockReason::NoGroup.into());
        };
        enterable(group)?;
        let managed = &self.created;
        let after = for_new(account, managed, group);
        let auth = if managed.auth == Manage::Never { Auth::Inherit } else { self.auth(account)? };
        let returned = self.input.past.returned.contains(person);
        Ok(act(Action {
            kind: ActionKind::Add,
            person: person.clone(),
            username: name.clone(),
            new_username: name.clone(),
            reason: self.cause(person, if returned { Reason::Returned } else { Reason::Joined }),
            source: Some(account.row.clone()),
            // They are all in `after`; a million new people should not carry them twice.
            changes: BTreeMap::new(),
            after,
            auth: Some(auth),
            withheld_by: None,
        }))
    }

    fn adopt(
        &self,
        person: &'a PersonKey,
        account: &Account,
        name: &Username,
        record: &UserRecord,
    ) -> Decided {
        let Some(state) = AccountState::from_record(record) else {
            return Err(BlockReason::LookIncomplete { name: name.clone() }.into());
        };
        self.kept(&state.note)?;
        let managed = &self.adopted;
        let after = Delta::of(&state, account, managed, managed.enables(state.enabled, false)).apply(&state);
        Ok(act(Action {
            kind: ActionKind::Adopt,
            person: person.clone(),
            username: name.clone(),
            new_username: name.clone(),
            reason: Reason::Joined,
            source: Some(account.row.clone()),
            changes: changes((name, &state), (name, &after)),
            after,
            auth: if managed.auth == Manage::Always { self.auth(account).ok() } else { None },
            withheld_by: None,
        }))
    }

    /// Somebody with an account whom no row names.
    fn absent(&self, person: &'a PersonKey, entry: &Entry) -> Decided {
        let (reason, withheld) = match absence(self.input.roster, self.input.past.sources.get(person)) {
            Absence::Partial => return Ok(Decision::Unchanged),
            Absence::SourceGone => (Reason::Deselected, None),
            Absence::Proven => (Reason::Missing, None),
            Absence::UnreadableKey => (Reason::Missing, Some(Guard::UnreadableKey.into())),
            absence @ (Absence::Frozen(_) | Absence::NotProven) => {
                // Nothing would be done about somebody whose access has ended already: that is nothing to report.
                if removal(self.input, entry, Reason::Missing).is_none() {
                    return Ok(Decision::Unchanged);
                }
                let reason = match absence {
                    Absence::Frozen(name) => BlockReason::FrozenSource { source: name.into() },
                    _ => BlockReason::MissingNotProven,
                };
                return Err(reason.into());
            }
        };
        if reason == Reason::Missing
            && withheld.is_none()
            && removal(self.input, entry, reason).is_some()
            && let Some(reason) = still_waiting(self.input, person)
        {
            return Err(reason.into());
        }
        self.remove(person, entry, reason, None, withheld)
    }

    fn remove(
        &self,
        person: &'a PersonKey,
        entry: &Entry,
        reason: Reason,
        row: Option<&RowRef>,
        withheld: Option<Brake>,
    ) -> Decided {
        let Some(kind) = removal(self.input, entry, reason) else { return Ok(Decision::Unchanged) };
        if kind == ActionKind::Disable {
            let mut decided = self.disable(person, entry, reason, row)?;
            if let Decision::Act(action) = &mut decided {
                action.withheld_by = withheld;
            }
            return Ok(decided);
        }
        self.removable(person, entry)?;
        Ok(act(Action {
            kind,
            person: person.clone(),
            username: entry.username.clone(),
            new_username: entry.username.clone(),
            reason,
            source: row.cloned(),
            changes: BTreeMap::new(),
            after: entry.state.clone(),
            auth: None,
            withheld_by: withheld,
        }))
    }

    fn disable(&self, person: &'a PersonKey, entry: &Entry, reason: Reason, row: Option<&RowRef>) -> Decided {
        self.removable(person, entry)?;
        let after = AccountState { enabled: false, ..entry.state.clone() };
        Ok(act(Action {
            kind: ActionKind::Disable,
            person: person.clone(),
            username: entry.username.clone(),
            new_username: entry.username.clone(),
            reason,
            source: row.cloned(),
            changes: changes((&entry.username, &entry.state), (&entry.username, &after)),
            after,
            auth: None,
            withheld_by: None,
        }))
    }

    fn removable(&self, person: &PersonKey, entry: &Entry) -> Result<(), Block> {
        self.unprotected(&entry.username)?;
        match self.names.holder(&entry.username, person) {
            Some(other) => {
                let (name, other) = (entry.username.clone(), other.clone());
                Err(BlockReason::NameShared { name, other }.into())
            }
            None => Ok(()),
        }
    }

    fn unprotected(&self, name: &Username) -> Result<(), Block> {
        match self.rules.protect.matches(name.as_str()) {
            true => Err(Block::from(BlockReason::Protected { name: name.clone() }).name(name)),
            false => Ok(()),
        }
    }

    fn managed(&self, origin: Origin) -> &Managed {
        match origin {
            Origin::Created => &self.created,
            Origin::Adopted => &self.adopted,
        }
    }

    fn auth(&self, account: &Account) -> Result<Auth, Block> {
        match account.auth {
            Want::Set(mode) | Want::IfNew(mode) => self.auth_by(mode.unwrap_or(self.input.target.auth.mode)),
            Want::Keep => Err(BlockReason::AuthUnknown.into()),
        }
    }

    fn auth_by(&self, mode: AuthMode) -> Result<Auth, Block> {
        match (mode, &self.input.target.auth.server) {
            (AuthMode::Inherit, _) => Ok(Auth::Inherit),
            (AuthMode::Password, _) => Ok(Auth::Password),
            (AuthMode::External, Some(server)) => Ok(Auth::External { server: server.clone() }),
            (AuthMode::External, None) => Err(BlockReason::NoAuthServer.into()),
        }
    }
}

/// A name with a comma, on a gateway that separates names with commas.
fn comma(name: &Username) -> Block {
    Block::from(BlockReason::BadUsername(BadUsername::Comma { name: name.clone() })).name(name)
}

/// The name of somebody new is there already.
fn name_exists(name: &Username) -> Block {
    BlockReason::NameExists { name: name.clone() }.into()
}

impl Override {
    fn block(&self) -> Block {
        let reason = self.reason.clone();
        match self.kind {
            OverrideKind::Hold => BlockReason::Hold { reason },
            OverrideKind::Suspend => BlockReason::Suspended { reason },
        }
        .into()
    }
}

fn enterable(group: &GroupPath) -> Result<(), Block> {
    match group.as_str() == ANONYMOUS_GROUP {
        true => Err(BlockReason::BadGroup(BadGroup::Closed { group: group.clone() }).into()),
        false => Ok(()),
    }
}

fn in_flight<'a>(input: &PlanInput<'a>) -> BTreeMap<String, BTreeSet<&'a PersonKey>> {
    let mut all: BTreeMap<String, BTreeSet<&PersonKey>> = BTreeMap::new();
    for (person, calls) in &input.past.in_flight {
        for name in &calls.names {
            all.entry(name.folded()).or_default().insert(person);
        }
    }
    all
}

fn act(action: Action) -> Decision {
    Decision::Act(Box::new(action))
}
