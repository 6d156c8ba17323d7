//! What one call means to do to one account, as the journal holds it, and which of these are open.

use chrono::{DateTime, Utc};

use super::batch::Question;
use super::columns::{Millis, Word};
use super::ids::{IntentState, RunId};
use crate::model::{PersonKey, RowRef, Username};
use crate::plan::{AccountState, ActionKind, Entry, Origin, OwnDisable, Reason};

/// What one call means to do to one account.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Intent {
    /// The run that journalled it.
    #[sqlx(try_from = "i64")]
    pub run: RunId,
    /// The call's number in that run.
    pub seq: i64,
    /// Who.
    #[sqlx(try_from = "Word")]
    pub person: PersonKey,
    /// The name before.
    #[sqlx(try_from = "Word")]
    pub username: Username,
    /// The name after.
    #[sqlx(try_from = "Word")]
    pub new_username: Username,
    /// What.
    #[sqlx(try_from = "Word")]
    pub kind: ActionKind,
    /// Why.
    #[sqlx(try_from = "Word")]
    pub reason: Reason,
    /// The entry before, if there was one.
    #[sqlx(json(nullable))]
    pub before: Option<Entry>,
    /// The fields after; `None` for a delete.
    #[sqlx(json(nullable))]
    pub after: Option<AccountState>,
    /// How the account is or would be ours.
    #[sqlx(try_from = "Word")]
    pub origin: Origin,
    /// The roster's row.
    #[sqlx(json(nullable))]
    pub source: Option<RowRef>,
    /// State.
    #[sqlx(try_from = "Word")]
    pub state: IntentState,
    /// It ever was unknown, and may still land.
    pub unsettled: bool,
    /// When the call was last sent.
    #[sqlx(try_from = "Millis")]
    pub last_sent_at: DateTime<Utc>,
}

impl Intent {
    /// Nothing may be concluded about the account yet.
    pub const fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// The entry that the snapshot has once this intent is confirmed, with the given fields and device number.
    pub fn entry_if_applied(&self, state: AccountState, gateway_id: Option<String>, unknown: bool) -> Entry {
        let known = self.before.as_ref();
        let disabled = match (self.kind, state.enabled) {
            (_, true) => None,
            (ActionKind::Disable, false) => Some(OwnDisable { reason: self.reason, confirmed_at: None }),
            (_, false) => known.and_then(|e| e.disabled.clone()),
        };
        Entry {
            username: self.new_username.clone(),
            origin: self.origin,
            state,
            gateway_id: gateway_id.or_else(|| known.and_then(|e| e.gateway_id.clone())),
            disabled,
            unknown,
        }
    }
}

/// Intents of a target that are open or unsettled, oldest first.
pub(super) const OPEN_INTENTS: Question<Intent> = Question::new(
    "SELECT i.*, c.last_sent_at FROM intents i JOIN calls c ON c.run = i.run AND c.seq = i.seq \
     WHERE i.target = ? AND (i.state IN ('sending', 'unknown') OR i.unsettled = 1) ORDER BY i.run, i.seq, i.person",
);
