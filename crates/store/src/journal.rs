//! The journal: calls and their intents. An intent is on disk before its call is sent, in the same transaction that marks
//! the target dirty; its outcome is written with the snapshot's change, in one transaction too. `runs` has what frames them.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::FromRow;

use super::audit::Head;
use super::batch::{Batch, Question};
use super::snapshot::{EntryChange, note_group, write_entry};
use super::{Store, StoreError, audit, json, millis, word};
use crate::model::TargetName;
use crate::plan::AccountState;
use crate::reason::Guard;
use crate::sabotage::{Flaw, has};

mod values;

pub use super::ids::{Actor, IntentState, RunId, Trigger};
pub use super::intent::Intent;
pub use values::{Completion, NewCall, NewRun, RunEnd, Settlement};

use super::intent::OPEN_INTENTS;

const OPEN: Question<Open> = Question::new(
    "SELECT count(*) AS open FROM intents WHERE target = ? AND state IN ('sending', 'unknown')",
);
const UNAUDITED: Question<Outcome> = Question::new(
    "SELECT i.*, c.last_sent_at, c.code FROM intents i JOIN calls c ON c.run = i.run AND c.seq = i.seq \
     WHERE i.target = ? AND i.audited = 0 AND i.state NOT IN ('sending', 'unknown') ORDER BY i.run, i.seq, i.person",
);

/// How many intents are open.
#[derive(FromRow)]
struct Open {
    open: i64,
}

/// An intent with the code of its call.
#[derive(FromRow)]
struct Outcome {
    #[sqlx(flatten)]
    intent: Intent,
    code: Option<i64>,
}

/// What journals a call: its own record, and one for everybody whom it concerns.
fn journal_call(target: &str, call: &NewCall, now: DateTime<Utc>) -> Result<Batch, StoreError> {
    let mut batch = Batch::new(
        "INSERT INTO calls (run, seq, kind, payload, state, first_sent_at, last_sent_at) VALUES (?, ?, ?, ?, 'sending', ?, ?)",
    )
    .bind(call.run.0)
    .bind(call.seq)
    .bind(call.kind)
    .bind(&*call.payload)
    .bind(millis(now))
    .bind(millis(now));
    for i in &call.intents {
        batch = batch
            .and(
                "INSERT INTO intents (run, seq, target, person, username, new_username, kind, reason, before, after, origin, \
                 source, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'sending')",
            )
            .bind(call.run.0)
            .bind(call.seq)
            .bind(target)
            .bind(i.person.as_str())
            .bind(i.username.as_str())
            .bind(i.new_username.as_str())
            .bind(i.kind.as_str())
            .bind(word(i.reason)?)
            .bind(i.before.as_ref().map(json).transpose()?)
            .bind(i.after.as_ref().map(json).transpose()?)
            .bind(word(i.origin)?)
            .bind(i.source.as_ref().map(json).transpose()?);
    }
    let changes = !matches!(call.kind, "commit" | "kick") && !has(Flaw::DirtyOnSuccess);
    sabotage_journal(if changes { mark_dirty(batch, target, now) } else { batch }, target, call, now)
}

/// What a broken engine would do when it journals a call; nothing in a sound one.
fn sabotage_journal(
    mut batch: Batch,
    target: &str,
    call: &NewCall,
    now: DateTime<Utc>,
) -> Result<Batch, StoreError> {
    if has(Flaw::NotUnknown) {
        batch = batch
            .and("UPDATE intents SET state = 'not_sent' WHERE run = ? AND seq = ?")
            .bind(call.run.0)
            .bind(call.seq);
    }
    if has(Flaw::SnapshotFirst) {
        for i in &call.intents {
            let entry = i.after.clone().map(|after| i.entry_if_applied(after, None, false));
            let change = EntryChange { person: i.person.clone(), entry };
            batch = write_entry(batch, target, call.run, &change, now)?;
        }
    }
    if call.kind == "commit" && has(Flaw::CleanBeforeAnswer) {
        batch = batch
            .and("UPDATE targets SET state = 'clean', quarantined_by = NULL, dirty_since = NULL WHERE name = ?")
            .bind(target);
    }
    Ok(batch)
}

/// What marks a target dirty; quarantine stays.
fn mark_dirty(batch: Batch, target: &str, now: DateTime<Utc>) -> Batch {
    batch
        .and(
            "UPDATE targets SET generation = generation + 1, dirty_since = coalesce(dirty_since, ?), \
             state = CASE state WHEN 'clean' THEN 'dirty' ELSE state END WHERE name = ?",
        )
        .bind(millis(now))
        .bind(target)
}

/// What records what is known of a call now, together with what that confirms.
fn complete_call(
    target: &str,
    by: RunId,
    done: &Completion,
    now: DateTime<Utc>,
) -> Result<Batch, StoreError> {
    let (state, settled) = (word(done.state)?, done.state != IntentState::Unknown);
    let mut batch = Batch::new(
        "UPDATE calls SET state = ?, answered_at = ?, code = ?, message = ? WHERE run = ? AND seq = ?",
    )
    .bind(&*state)
    .bind(millis(now))
    .bind(done.code)
    .bind(done.message.as_deref())
    .bind(done.run.0)
    .bind(done.seq)
    .and("UPDATE intents SET state = ?, settled_at = ?, unsettled = max(unsettled, ?) WHERE run = ? AND seq = ?")
    .bind(state)
    .bind(settled.then_some(millis(now)))
    .bind(!settled)
    .bind(done.run.0)
    .bind(done.seq);
    for (person, state) in &done.people {
        batch = batch
            .and("UPDATE intents SET state = ?, settled_at = ? WHERE run = ? AND seq = ? AND person = ?")
            .bind(word(*state)?)
            .bind(millis(now))
            .bind(done.run.0)
            .bind(done.seq)
            .bind(person.as_str());
    }
    for change in &done.entries {
        batch = write_entry(batch, target, by, change, now)?;
    }
    for path in &done.groups {
        batch = note_group(batch, target, path, true, now);
    }
    if has(Flaw::LookIsFinal) && !done.people.is_empty() {
        batch = batch
            .and("UPDATE intents SET unsettled = 0 WHERE run = ? AND seq = ? AND state <> 'unknown'")
            .bind(done.run.0)
            .bind(done.seq);
    }
    let late = has(Flaw::DirtyOnSuccess) && done.state == IntentState::Applied;
    Ok(if late { mark_dirty(batch, target, now) } else { batch })
}

/// What records that a look settled an intent.
fn settlement(s: &Settlement, now: DateTime<Utc>) -> Result<Batch, StoreError> {
    let state = word(s.state)?;
    Ok(Batch::new(
        "UPDATE intents SET settled_at = CASE WHEN state = ? THEN settled_at ELSE ? END, \
         audited = CASE WHEN state = ? THEN audited ELSE 0 END, state = ?, unsettled = ? WHERE run = ? AND seq = ? AND person = ?",
    )
    .bind(&*state)
    .bind(millis(now))
    .bind(&*state)
    .bind(&*state)
    .bind(s.unsettled)
    .bind(s.run.0)
    .bind(s.seq)
    .bind(s.person.as_str())
    .and("UPDATE calls SET state = 'unknown', answered_at = ? WHERE run = ? AND seq = ? AND state = 'sending'")
    .bind(millis(now))
    .bind(s.run.0)
    .bind(s.seq))
}

impl Store {
    /// Intents of a target that are open or unsettled, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn open_intents(&self, target: &TargetName) -> Result<Vec<Intent>, StoreError> {
        let target = target.to_string();
        self.read("open intents", |c| {
            Box::pin(async move {
                let mut batch = Batch::default();
                let open = batch.ask(&OPEN_INTENTS).bind(target).key();
                batch.answers(c).await?.all(&open)
            })
        })
        .await
    }

    /// Journals a call: durable before its first byte is sent. Marks the target dirty and the people unknown.
    ///
    /// # Errors
    /// If the database fails: then the call must not be sent.
    pub async fn journal(
        &self,
        target: &TargetName,
        call: NewCall,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write_batch("journal a call", journal_call(target.as_str(), &call, now)?).await
    }

    /// Journals that a call is sent once more.
    ///
    /// # Errors
    /// If the database fails: then the call must not be sent.
    pub async fn journal_again(&self, run: RunId, seq: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
        // The clock may have been put back since: what was signed by it before lives as long as it did.
        let again = Batch::new(
            "UPDATE calls SET attempts = attempts + 1, last_sent_at = max(last_sent_at, ?), state = 'sending', answered_at = NULL WHERE run = ? AND seq = ?",
        )
        .bind(millis(now))
        .bind(run.0)
        .bind(seq)
        .and("UPDATE intents SET state = CASE unsettled WHEN 1 THEN 'unknown' ELSE 'sending' END, settled_at = NULL WHERE run = ? AND seq = ?")
        .bind(run.0)
        .bind(seq);
        self.write_batch("journal a repeat", again).await
    }

    /// Records what is known of a call now, together with what that confirms.
    ///
    /// # Errors
    /// If the database fails: then the call's outcome stays unknown, and nothing more may be sent.
    pub async fn complete(
        &self,
        target: &TargetName,
        by: RunId,
        done: Completion,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write_batch("complete a call", complete_call(target.as_str(), by, &done, now)?).await
    }

    /// Records what recovery found: intents settled by a look, entries as looked at. `moved`: a look differs from the
    /// snapshot, or the snapshot was unknown, so the target is dirty.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn settle(
        &self,
        target: &TargetName,
        by: RunId,
        settled: Vec<Settlement>,
        entries: Vec<EntryChange>,
        moved: bool,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let target = target.to_string();
        self.write("settle intents", move |c| {
            Box::pin(async move {
                for s in &settled {
                    settlement(s, now)?.execute(&mut *c).await?;
                }
                // A name may pass from one of them to another: nobody keeps an old one while the new ones are written.
                for change in &entries {
                    sqlx::query("DELETE FROM entries WHERE target = ? AND person = ?")
                        .bind(&target)
                        .bind(change.person.as_str())
                        .execute(&mut *c)
                        .await?;
                }
                for change in &entries {
                    write_entry(Batch::default(), &target, by, change, now)?.execute(&mut *c).await?;
                }
                if moved {
                    mark_dirty(Batch::default(), &target, now).execute(c).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Completes a commit. Dirty is cleared only by a confirmed one, and only while no intent of the target is open.
    /// Returns whether the target is clean now.
    ///
    /// # Errors
    /// If the database fails: then the target stays dirty.
    pub async fn complete_commit(
        &self,
        target: &TargetName,
        done: Completion,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let target = target.clone();
        let mut known = complete_call(target.as_str(), done.run, &done, now)?;
        let head = Head::ask(&mut known);
        let open = known.ask(&OPEN).bind(target.as_str()).key();
        self.write_after("complete a commit", known, move |_, answers| {
            Box::pin(async move {
                let last = Head::of(&answers, &head)?;
                let confirmed = done.state == IntentState::Applied;
                let (run, state, code) = (done.run, done.state, done.code);
                let body = json!({ "state": state, "code": code });
                let record = audit::Record::new("commit", now).on(&target, run).body(body);
                let (batch, _) = audit::append_to(Batch::default(), last, record);
                if !confirmed {
                    return Ok((false, batch));
                }
                if answers.only(&open)?.open > 0 && !has(Flaw::CleanWhileUnknown) {
                    return Ok((false, batch));
                }
                let batch = batch.and(
                    "UPDATE targets SET state = 'clean', quarantined_by = NULL, dirty_since = NULL, committed_at = ?, contacted = 1 \
                     WHERE name = ?",
                )
                .bind(millis(now))
                .bind(target.as_str())
                .and("UPDATE entries SET disabled_at = ? WHERE target = ? AND disabled_reason IS NOT NULL AND disabled_at IS NULL")
                .bind(millis(now))
                .bind(target.as_str());
                Ok((true, batch))
            })
        })
        .await
    }

    /// Quarantines a target: dirty, and what was written must not take effect until `check` holds again.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn quarantine(
        &self,
        target: &TargetName,
        run: RunId,
        check: Guard,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let target = target.clone();
        self.write("quarantine", move |c| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE targets SET state = 'quarantined', quarantined_by = ?, dirty_since = coalesce(dirty_since, ?) WHERE name = ?",
                )
                .bind(check.as_str())
                .bind(millis(now))
                .bind(target.as_str())
                .execute(&mut *c)
                .await?;
                audit::append(c, audit::Record::new("quarantined", now).on(&target, run).body(json!({ "check": check })))
                    .await
            })
        })
        .await
    }

    /// Writes an audit record for every action whose outcome is known and not recorded yet, also those of earlier
    /// runs. Called before the commit is sent.
    ///
    /// # Errors
    /// If the database fails: then the commit must not be sent.
    pub async fn audit_actions(
        &self,
        target: &TargetName,
        by: RunId,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let target = target.clone();
        let mut taken = Batch::default();
        let outcomes = taken.ask(&UNAUDITED).bind(target.as_str()).key();
        let mut taken = taken
            .and("UPDATE intents SET audited = 1 WHERE target = ? AND audited = 0 AND state NOT IN ('sending', 'unknown')")
            .bind(target.as_str());
        let head = Head::ask(&mut taken);
        self.write_after("audit actions", taken, move |c, answers| {
            Box::pin(async move {
                let outcomes = answers.all(&outcomes)?;
                let (mut batch, mut last) = (Batch::default(), Head::of(&answers, &head)?);
                let count = outcomes.len() as u64;
                for Outcome { intent: i, code } in outcomes {
                    let record = audit::Record::new("action", now)
                        .on(&target, by)
                        .body(json!({ "kind": i.kind, "reason": i.reason, "state": i.state, "code": code,
                                      "sent_in_run": i.run, "seq": i.seq, "source": i.source }))
                        .personal(json!({ "person": i.person, "username": i.username, "new_username": i.new_username,
                                          "before": i.before.as_ref().map(|e| masked(&e.state)),
                                          "after": i.after.as_ref().map(masked) }));
                    // One by one: there may be a hundred thousand of them.
                    batch.execute(&mut *c).await?;
                    (batch, last) = audit::append_to(Batch::default(), last, record);
                }
                Ok((count, batch))
            })
        })
        .await
    }
}

/// An account's fields with its phones masked, as the audit trail keeps them.
fn masked(state: &AccountState) -> AccountState {
    AccountState { phone: crate::model::mask_phone(&state.phone), ..state.clone() }
}

#[cfg(test)]
mod tests;
