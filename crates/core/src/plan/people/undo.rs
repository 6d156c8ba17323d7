//! Putting back what a run changed, person by person: only what that run changed, and only where nothing else has changed
//! it since.

use super::{Decided, Decider, Decision, Known, act};
use crate::config::Manage;
use crate::device::Auth;
use crate::mapping::Wanted;
use crate::model::Username;
use crate::plan::fields::changes;
use crate::plan::input::{OverrideKind, Restore};
use crate::plan::state::{AccountField, AccountState, Entry};
use crate::plan::value::{Action, ActionKind, Reason};
use crate::reason::{BlockReason, UndoMoved};

impl<'a> Decider<'a> {
    pub(super) fn undo(&self, known: Known<'a>, restore: &Restore) -> Decided {
        if let Some(entry) = known.entry {
            self.undisturbed(entry)?;
            self.unprotected(&entry.username)?;
        }
        // Whoever is suspended stays so; a hold is what an undo itself leaves behind.
        if let Some(given) = self.override_of(known.person)
            && given.kind == OverrideKind::Suspend
        {
            return Err(given.block());
        }
        match (known.entry, &restore.before, &restore.after) {
            (_, None, _) if restore.adopted => Err(BlockReason::UndoAdopted.into()),
            (None, None, _) => Ok(Decision::Unchanged),
            (Some(entry), None, Some((name, _))) if entry.username == *name => {
                self.remove(known.person, entry, Reason::Undo, None, None)
            }
            // Put back already.
            (Some(entry), Some(before), None)
                if entry.username == before.username && entry.state == before.state =>
            {
                Ok(Decision::Unchanged)
            }
            (None, Some(before), None) => self.bring_back(known, before),
            (Some(entry), Some(before), Some(after)) => {
                self.put_back(known, entry, before, (after, restore.changed_since(entry)))
            }
            _ => Err(BlockReason::UndoMoved(UndoMoved::Account).into()),
        }
    }

    /// Somebody whom the run deleted.
    fn bring_back(&self, known: Known<'a>, before: &Entry) -> Decided {
        if !before.state.enabled {
            // An add enables: that would be more than there was.
            return Err(BlockReason::UndoDisabled.into());
        }
        let name = &before.username;
        self.free_for_new(known.person, name)?;
        if let Some(Some(_)) = self.input.looks.users.get(name) {
            return Err(super::name_exists(name));
        }
        let account = match known.wanted {
            Some(Wanted::Account(account)) => Some(account),
            _ => None,
        };
        let auth = match account {
            _ if self.created.auth == Manage::Never => Auth::Inherit,
            Some(account) => self.auth(account)?,
            None => self.auth_by(self.input.target.auth.mode)?,
        };
        let expires_on =
            before.state.expires_on.filter(|_| self.input.target.dialect.capabilities().has_expiry);
        Ok(act(Action {
            kind: ActionKind::Add,
            person: known.person.clone(),
            username: name.clone(),
            new_username: name.clone(),
            reason: Reason::Undo,
            source: account.map(|account| account.row.clone()),
            changes: Default::default(),
            after: AccountState { expires_on, ..before.state.clone() },
            auth: Some(auth),
            withheld_by: None,
        }))
    }

    /// Somebody whom the run changed.
    fn put_back(
        &self,
        known: Known<'a>,
        entry: &Entry,
        before: &Entry,
        (after, changed_since): (&(Username, AccountState), Vec<AccountField>),
    ) -> Decided {
        let state = restored(&entry.state, &before.state, &after.1);
        // Never a disable and a rename in one call: were its answer lost, nobody could tell later whose the disable is. The
        // name comes back with another undo of the same run.
        let disables = entry.state.enabled && !state.enabled;
        let name = if entry.username == after.0 && !disables { &before.username } else { &entry.username };
        if state == entry.state && *name == entry.username {
            return if changed_since.is_empty() {
                Ok(Decision::Unchanged)
            } else {
                Err(BlockReason::UndoMoved(UndoMoved::Fields { fields: changed_since }).into())
            };
        }
        let kind = if *name != entry.username {
            self.free(known.person, name)?;
            ActionKind::Rename
        } else if state.enabled == entry.state.enabled {
            ActionKind::Update
        } else if state.enabled {
            ActionKind::Enable
        } else {
            self.removable(known.person, entry)?;
            ActionKind::Disable
        };
        Ok(act(Action {
            kind,
            person: known.person.clone(),
            username: entry.username.clone(),
            new_username: name.clone(),
            reason: Reason::Undo,
            source: None,
            changes: changes((&entry.username, &entry.state), (name, &state)),
            after: state,
            auth: None,
            withheld_by: None,
        }))
    }
}

impl Restore {
    /// What the run changed and somebody or something changed again since: an undo leaves it as it is.
    pub fn changed_since(&self, entry: &Entry) -> Vec<AccountField> {
        let (Some(before), Some((name, after))) = (&self.before, &self.after) else { return Vec::new() };
        let now = &entry.state;
        let moved = |field: &AccountField| {
            now.text(*field) != before.state.text(*field) && now.text(*field) != after.text(*field)
        };
        let renamed = before.username != *name && ![&before.username, name].contains(&&entry.username);
        let username = renamed.then_some(AccountField::Username);
        before.state.differing(after).filter(moved).chain(username).collect()
    }
}

/// The fields as they are now, with those that a run left so as they were before it.
fn restored(now: &AccountState, before: &AccountState, after: &AccountState) -> AccountState {
    let mut state = now.clone();
    for field in before.differing(after) {
        if now.text(field) != after.text(field) {
            continue;
        }
        match field {
            AccountField::Username => {}
            AccountField::Group => state.group = before.group.clone(),
            AccountField::Note => state.note.clone_from(&before.note),
            AccountField::Phone => state.phone.clone_from(&before.phone),
            AccountField::Roles => state.roles = before.roles.clone(),
            AccountField::Enabled => state.enabled = before.enabled,
            AccountField::ExpiresOn => state.expires_on = before.expires_on,
        }
    }
    state
}
