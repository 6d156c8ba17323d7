//! Ending the sessions of people who lost their access, after the commit: before it they could log in again. A session
//! is no account: this needs no commit, and that it fails is worth a word and nothing more.

use super::caller::Caller;
use super::send::{kind_of, payload};
use super::words;
use crate::clock::Clock;
use crate::gateway::{Gateway, Mutation, Outcome};
use crate::model::{TargetName, Username};
use crate::store::journal::{Completion, IntentState, NewCall, RunId};
use crate::store::undo::Written;
use crate::store::{Store, StoreError};

/// The device's answer for a user who is not online: nothing to end.
const NOT_ONLINE: i64 = -13;

/// Whose sessions are to be ended.
pub fn names(written: &[Written]) -> Vec<Username> {
    written.iter().filter(|one| one.kind.is_removal()).map(|one| one.username.clone()).collect()
}

/// Ends sessions, one call each: one name that is not online would have the device refuse a whole list. Gives back what
/// went wrong, in words.
///
/// # Errors
/// If the database fails.
pub async fn kick<G: Gateway, C: Clock + Clone>(
    caller: &Caller<'_, G, C>,
    store: &Store,
    target: &TargetName,
    run: RunId,
    names: Vec<Username>,
) -> Result<Vec<String>, StoreError> {
    let mut trouble = Vec::new();
    for name in names {
        if caller.must_end() {
            break;
        }
        let mutation = Mutation::Kick(vec![name.clone()]);
        let (seq, now) = (store.next_call(run).await?, caller.clock().now());
        let call =
            NewCall { run, seq, kind: kind_of(&mutation), payload: payload(&mutation), intents: Vec::new() };
        store.journal(target, call, now).await?;
        let (state, code, message) = match caller.mutate(&mutation).await {
            Outcome::Applied => (IntentState::Applied, Some(0), None),
            Outcome::Refused(r) if r.code == NOT_ONLINE => (IntentState::Refused, Some(r.code), None),
            Outcome::Refused(r) => (IntentState::Refused, Some(r.code), Some(words::refused(&r))),
            Outcome::NotSent(why) => (IntentState::NotSent, None, Some(words::not_sent(&why))),
            Outcome::Unknown(why) => (IntentState::Unknown, None, Some(words::unknown(&why))),
        };
        if let Some(cause) = &message {
            trouble.push(rust_i18n::t!("sync.kick_failed", name = name, cause = cause).into_owned());
        }
        let done = Completion {
            run,
            seq,
            state,
            code,
            message,
            people: Vec::new(),
            entries: Vec::new(),
            groups: Vec::new(),
        };
        store.complete(target, run, done, caller.clock().now()).await?;
    }
    Ok(trouble)
}
