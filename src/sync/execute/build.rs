//! What call an action becomes, which fields the account has after it, and what the journal says of it: planned values for
//! what rosterd manages, and what a look just showed for the rest. Nothing is sent or asked here.

use std::sync::Arc;

use super::{Executor, Step};
use crate::clock::Clock;
use crate::config::Manage;
use crate::gateway::{AddUser, Auth, Gateway, Mutation, UpdateUser, UserRecord};
use crate::handout::FirstPassword;
use crate::plan::{AccountField, AccountState, Action, ActionKind, Entry, Origin};
use crate::reason::BlockReason;
use crate::sabotage::{Flaw, has};
use crate::secret::Secret;
use crate::store::journal::{Intent, IntentState};
use crate::sync::recovery::state_of;

impl<'a, G: Gateway, C: Clock + Clone> Executor<'a, G, C> {
    pub(super) fn entry(&self, action: &Action) -> Option<&'a Entry> {
        self.snapshot.entries.get(&action.person)
    }

    fn manage(&self, action: &Action, field: AccountField) -> Manage {
        self.target.manage.of(field, self.is_adopted(action))
    }

    /// The call for an action, and the fields that the account has after it. No call: an adoption without a change.
    pub(super) fn build(
        &self,
        action: &Action,
        record: Option<&UserRecord>,
    ) -> Result<(Option<Mutation>, AccountState), Step> {
        let after = self.fields(action, record);
        match action.kind {
            ActionKind::Add => {
                let after = AccountState { enabled: true, ..action.after.clone() };
                let password = match self.first.of(&action.person) {
                    FirstPassword::NotWanted => None,
                    FirstPassword::Is(password) => Some(password),
                    FirstPassword::Missing => {
                        let name = action.username.clone();
                        return Err(Step::Blocked(BlockReason::NoPassword { name }));
                    }
                };
                Ok((Some(Mutation::Add(add_user(action, &after, password))), after))
            }
            ActionKind::Delete => Ok((Some(Mutation::Delete(vec![action.username.clone()])), after)),
            ActionKind::Adopt if action.changes.is_empty() => Ok((None, after)),
            _ => {
                let ext_auth = self.external_auth(record)?;
                let auth = action.auth.clone().filter(|_| self.auth_is_managed(action));
                let update = UpdateUser {
                    old_name: action.username.clone(),
                    new_name: action.new_username.clone(),
                    group: after.group.clone(),
                    note: after.note.clone(),
                    phone: after.phone.clone(),
                    roles: (*after.roles).clone(),
                    enabled: after.enabled,
                    ext_auth,
                    auth,
                    expires_on: action
                        .changes
                        .contains_key(&AccountField::ExpiresOn)
                        .then_some(after.expires_on),
                };
                Ok((Some(Mutation::Update(update)), after))
            }
        }
    }

    pub(super) fn is_adopted(&self, action: &Action) -> bool {
        action.kind == ActionKind::Adopt || self.entry(action).is_some_and(|e| e.origin == Origin::Adopted)
    }

    fn auth_is_managed(&self, action: &Action) -> bool {
        let manage = &self.target.manage;
        manage.adopted.auth.filter(|_| self.is_adopted(action)).unwrap_or(manage.auth) == Manage::Always
    }

    /// What the account shall hold: planned changes and managed fields from the plan, the others as just looked at.
    fn fields(&self, action: &Action, record: Option<&UserRecord>) -> AccountState {
        let planned = &action.after;
        let Some(record) = record.filter(|_| !has(Flaw::UnmanagedSent)) else { return planned.clone() };
        let seen = state_of(record, planned);
        let ours = |field| {
            action.changes.contains_key(&field)
                || (matches!(self.manage(action, field), Manage::Always | Manage::Add)
                    && field != AccountField::Enabled)
        };
        let roles = match (ours(AccountField::Roles), self.manage(action, AccountField::Roles)) {
            (true, Manage::Add) => Arc::new(planned.roles.union(&seen.roles).cloned().collect()),
            (true, _) => Arc::clone(&planned.roles),
            (false, _) => Arc::clone(&seen.roles),
        };
        let pick = |field, a: &String, b: &String| if ours(field) { a.clone() } else { b.clone() };
        AccountState {
            group: if ours(AccountField::Group) { planned.group.clone() } else { seen.group.clone() },
            note: pick(AccountField::Note, &planned.note, &seen.note),
            phone: pick(AccountField::Phone, &planned.phone, &seen.phone),
            roles,
            enabled: if ours(AccountField::Enabled) || action.kind == ActionKind::Enable {
                planned.enabled
            } else {
                seen.enabled
            },
            expires_on: if ours(AccountField::ExpiresOn) { planned.expires_on } else { seen.expires_on },
        }
    }

    /// The external server to send back: the device shows its number, and wants its name.
    fn external_auth(&self, record: Option<&UserRecord>) -> Result<Option<String>, Step> {
        let Some(record) = record else { return Ok(None) };
        let Some(id) = &record.ext_auth_id else { return Ok(None) };
        match self.target.auth.servers.get(id).or(record.ext_auth_name.as_ref()) {
            Some(server) => Ok(Some(server.clone())),
            None => Err(Step::Blocked(BlockReason::ExternalAuth { id: id.clone() })),
        }
    }

    pub(super) fn intent(
        &self,
        action: &Action,
        after: Option<AccountState>,
        record: Option<&UserRecord>,
    ) -> Intent {
        let mut before = self.entry(action).cloned();
        if let (Some(entry), Some(id)) = (&mut before, record.and_then(|r| r.id.clone())) {
            entry.gateway_id = Some(id);
        }
        let origin = match (action.kind, &before) {
            (ActionKind::Adopt, _) => Origin::Adopted,
            (_, Some(entry)) => entry.origin,
            (_, None) => Origin::Created,
        };
        Intent {
            run: self.run,
            seq: 0,
            person: action.person.clone(),
            username: action.username.clone(),
            new_username: action.new_username.clone(),
            kind: action.kind,
            reason: action.reason,
            before,
            after,
            origin,
            source: action.source.clone(),
            state: IntentState::Sending,
            unsettled: false,
            last_sent_at: self.sender.now(),
        }
    }
}

fn add_user(action: &Action, after: &AccountState, password: Option<Secret>) -> AddUser {
    AddUser {
        name: action.username.clone(),
        group: after.group.clone(),
        note: after.note.clone(),
        phone: after.phone.clone(),
        roles: (*after.roles).clone(),
        auth: action.auth.clone().unwrap_or(Auth::Inherit),
        expires_on: after.expires_on,
        password,
    }
}
