//! The real part of a run: the plan is carried out, what was written is proved, the one commit is sent, and all of it is
//! said. How a run begins, what it plans and how its record is closed is in `run`.

use std::collections::BTreeSet;

use super::{Planned, Run};
use crate::clock::Clock;
use crate::config::Verify;
use crate::gateway::{Gateway, Outcome, ReadError, WhyKind};
use crate::handout::FirstPasswords;
use crate::plan::{Device, OverrideKind, Plan};
use crate::reason::{Brake, Guard};
use crate::report::{ApprovalRef, CommitState, TargetReport};
use crate::roster::Roster;
use crate::sabotage::{Flaw, has};
use crate::store::StoreError;
use crate::sync::execute::{Executed, Executor, PasswordCheck};
use crate::sync::recovery::OutOfReach;
use crate::sync::send::{Sender, Stopped};
use crate::sync::verify;
use crate::sync::{first, kick, outcome, words};

/// How a commit went.
struct Committed {
    state: CommitState,
    trouble: Option<String>,
    /// It is confirmed and recorded, and nothing is left open.
    clean: bool,
    /// It went so, but that could not be recorded.
    store_error: Option<StoreError>,
}

impl Committed {
    const fn new(state: CommitState, trouble: Option<String>) -> Self {
        Self { state, trouble, clean: false, store_error: None }
    }
}

impl<'a, G: Gateway, C: Clock + Clone> Run<'a, G, C> {
    /// Carries the plan out, commits, and says what came of it.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) async fn real(
        &mut self,
        report: &mut TargetReport,
        planned: &Planned,
        roster: &Roster,
    ) -> Result<(), StoreError> {
        let (store, target) = (self.ground.store, self.ground.target);
        let plan = &planned.plan;
        if self.row.device.is_none() && !plan.held_as_a_whole() {
            let device = Device { url: target.url.clone(), dialect: target.dialect.as_str().into() };
            store.note_device(&target.name, device).await?;
        }
        let quarantine = self.standing_quarantine().await?;
        let held = plan.held_as_a_whole() && !has(Flaw::HeldIsSent);
        let may_send = !held && quarantine.is_none();
        let sender = self.caller.as_ref().map(|c| Sender::new(c, store, &target.name, self.id));
        let mut executed = Executed::default();
        if let Some(sender) = sender.as_ref().filter(|_| may_send && (plan.has_work() || self.row.dirty)) {
            match self.probe(sender, planned).await {
                Err(stopped) => executed.stopped = Some(stopped),
                Ok(()) if plan.has_work() => match first::issue(target, self.id, plan, roster) {
                    Ok(issued) => {
                        report.approval = self.use_approvals(plan).await?;
                        let first = first::told(store, target, self.id, self.now(), issued, report).await?;
                        executed = self.execute(sender, planned, first).await;
                    }
                    Err(error) => executed.stopped = Some(Stopped::NoPasswords(error.to_string())),
                },
                Ok(()) => {}
            }
        }
        self.in_doubt = sender.as_ref().is_some_and(Sender::may_be_dirty);
        if may_send && let Some(sender) = &sender {
            report.warnings.extend(self.verify(sender, &mut executed).await?);
        }
        outcome::merge(report, &executed);
        self.hold_undone(plan, &executed).await?;
        let leaving =
            if target.leavers.kick_online { store.uncommitted(&target.name).await? } else { Vec::new() };
        let commit = self.settle_up(plan, &executed, quarantine, sender).await?;
        report.commit = commit.state;
        if commit.clean {
            (self.row.dirty, self.in_doubt) = (false, false);
        }
        if let Some(caller) = self.caller.as_ref().filter(|_| commit.state == CommitState::Confirmed) {
            let names = kick::names(&leaving);
            report.warnings.extend(kick::kick(caller, store, &target.name, self.id, names).await?);
        }
        if let Some(error) = commit.store_error {
            return Err(error);
        }
        if let Some(stopped) = &executed.stopped {
            report.warnings.push(words::stopped(stopped));
            report.warnings.extend(words::left(executed.left_of(plan), plan.to_send().count() as u64));
        }
        report.warnings.extend(commit.trouble);
        if planned.blocked_before || !report.blocked.is_empty() {
            let blocked = report.blocked.iter();
            let blocked = blocked.map(|b| (b.person.clone(), b.reason.kind(), b.since)).collect();
            store.note_blocked(&target.name, self.id, blocked).await?;
        }
        self.row = store.target(&target.name).await?;
        self.row_is_fresh = true;
        outcome::judge(report, plan, &executed, self.row.dirty);
        self.name_the_stop(report, &executed);
        let whole_roster = self.order.only.is_none() && !roster.partial && plan.undo_of.is_none();
        if whole_roster && outcome::counts_as_applied(report, plan) {
            store.note_applied(&target.name, self.id, planned.facts.clone(), self.now()).await?;
        }
        Ok(())
    }

    /// Proves what was written, where the target wants that; what is not as written must not take effect. What an earlier
    /// run was quarantined for is looked at as a whole, unless a person let it pass.
    async fn verify(
        &self,
        sender: &Sender<'_, G, C>,
        executed: &mut Executed,
    ) -> Result<Option<String>, StoreError> {
        let (store, target) = (self.ground.store, self.ground.target);
        let out_of_reach = matches!(executed.stopped, Some(Stopped::Refused(_) | Stopped::Unanswered(_)));
        let due = sender.has_mutated() || self.row.dirty;
        if !due || out_of_reach || executed.quarantine.is_some() || executed.store_error.is_some() {
            return Ok(None);
        }
        let failed_before = self.row.quarantined_by == Some(Guard::Verify);
        if failed_before && self.is_let_pass(Guard::Verify).await? {
            return Ok(None);
        }
        let how = if failed_before && target.verify != Verify::None { Verify::All } else { target.verify };
        let trouble = verify::check(sender, store, &target.name, how).await?;
        if trouble.is_some() {
            executed.quarantine = Some(Guard::Verify);
        }
        Ok(trouble)
    }

    /// Whoever was put back must not be taken along by the next roster.
    async fn hold_undone(&self, plan: &Plan, executed: &Executed) -> Result<(), StoreError> {
        let Some(run) = plan.undo_of.filter(|_| executed.ran) else { return Ok(()) };
        let people = plan.to_send().map(|action| action.person.clone()).collect();
        let reason = rust_i18n::t!("sync.undo_hold", run = run).into_owned();
        let hold = Some((OverrideKind::Hold, None));
        self.ground.store.say(people, hold, reason, self.order.actor.clone(), self.now()).await
    }

    fn name_the_stop(&self, report: &mut TargetReport, executed: &Executed) {
        let (name, url) = (self.ground.target.name.as_str(), self.ground.target.url.as_str());
        let reason = match &executed.stopped {
            Some(Stopped::Refused(refusal)) => OutOfReach::Refused(refusal.clone()),
            Some(Stopped::Unanswered(why)) => OutOfReach::Failed(why.clone()),
            Some(Stopped::NoPasswords(cause)) => {
                report.error = Some(words::no_passwords(cause));
                return;
            }
            Some(Stopped::Store) => {
                report.error = executed.store_error.as_deref().map(words::store_failed);
                return;
            }
            _ => return,
        };
        report.error = Some(words::out_of_reach(name, url, &reason));
    }

    /// A quarantine that this run may not end by itself: the firmware erases passwords, and nobody accepted that.
    async fn standing_quarantine(&self) -> Result<Option<Guard>, StoreError> {
        let accepted = self.row.quarantined_by != Some(Guard::UpdatesErasePassword)
            || self.ground.target.auth.updates_erase_password
            || self.is_let_pass(Guard::UpdatesErasePassword).await?;
        Ok((!accepted).then_some(Guard::UpdatesErasePassword))
    }

    /// Whether a person let a quarantine pass; an approval of it is used up by that.
    async fn is_let_pass(&self, check: Guard) -> Result<bool, StoreError> {
        if self.order.allow_guards.contains(&check) {
            return Ok(true);
        }
        let (store, target) = (self.ground.store, &self.ground.target.name);
        let approvals = store.open_approvals(target, self.now()).await?;
        let approved: BTreeSet<i64> =
            approvals.iter().filter(|a| a.sets.contains_key(&check)).map(|a| a.id).collect();
        if approved.is_empty() {
            return Ok(false);
        }
        store.use_approvals(target, self.id, approved, None, self.now()).await?;
        Ok(true)
    }

    /// A run's first call is a read, so that a wrong key, clock or address costs nothing.
    async fn probe(&self, sender: &Sender<'_, G, C>, planned: &Planned) -> Result<(), Stopped> {
        if self.caller.as_ref().is_some_and(|c| c.counts().queries > 0) {
            return Ok(());
        }
        let of_plan = planned.plan.to_send().next().map(|a| &a.username);
        let of_snapshot = planned.snapshot.entries.values().next().map(|e| &e.username);
        let Some(name) = of_plan.or(of_snapshot) else { return Ok(()) };
        match sender.look(name).await {
            Ok(_) => Ok(()),
            Err(ReadError::Refused(refusal)) => Stopped::by(refusal).map_or(Ok(()), Err),
            Err(ReadError::Failed(why)) if why.kind == WhyKind::GivenUp => Err(Stopped::Asked),
            Err(ReadError::Failed(why)) => Err(Stopped::Unanswered(why)),
        }
    }

    async fn execute(&self, sender: &Sender<'_, G, C>, planned: &Planned, first: FirstPasswords) -> Executed {
        let target = self.ground.target;
        let due = target.dialect.capabilities().update_may_erase_password
            && !self.row.update_checked
            && !target.auth.updates_erase_password;
        let executor = Executor::new(
            sender,
            target,
            &planned.plan,
            &planned.snapshot,
            &self.recovery.in_flight,
            self.id,
            if due { PasswordCheck::Due } else { PasswordCheck::NotNeeded },
            self.ground.progress,
        );
        executor.with_passwords(first).run().await
    }

    /// Uses up the approvals that let this plan pass, and says so in the trail, before anything is sent.
    async fn use_approvals(&self, plan: &Plan) -> Result<Option<ApprovalRef>, StoreError> {
        if plan.allowed.is_empty() {
            return Ok(None);
        }
        let (store, order) = (self.ground.store, self.order);
        let ids: BTreeSet<i64> = plan.allowed.iter().filter_map(|(_, id)| *id).collect();
        let flagged: BTreeSet<Guard> =
            plan.allowed.iter().filter(|(_, id)| id.is_none()).map(|(held, _)| held.by.guard).collect();
        let flag = (!flagged.is_empty()).then(|| (flagged, order.reason.clone(), order.actor.clone()));
        store.use_approvals(&self.ground.target.name, self.id, ids.clone(), flag, self.now()).await?;
        let guards = plan.allowed.iter().map(|(held, _)| held.by.guard).collect();
        let (id, by, reason) = match ids.first() {
            Some(id) => {
                let (actor, reason, _) = store.approval(*id).await?;
                (Some(id.to_string()), actor, reason)
            }
            None => (None, order.actor.clone(), order.reason.clone()),
        };
        Ok(Some(ApprovalRef { id, guards, by: by.name.unwrap_or_else(|| by.uid.to_string()), reason }))
    }

    /// The commit, if one is due and nothing withholds it.
    async fn settle_up(
        &self,
        plan: &Plan,
        executed: &Executed,
        standing: Option<Guard>,
        sender: Option<Sender<'a, G, C>>,
    ) -> Result<Committed, StoreError> {
        let (store, target) = (self.ground.store, &self.ground.target.name);
        let mutated = sender.as_ref().is_some_and(Sender::has_mutated);
        if executed.update_checked {
            store.note_update_checked(target).await?;
        }
        let none = Committed::new(CommitState::None, None);
        let Some(sender) = sender.filter(|_| mutated || (self.row.dirty && !has(Flaw::NoEmptyCommit))) else {
            return Ok(none);
        };
        if let Some(check) = executed.quarantine {
            store.quarantine(target, self.id, check, self.now()).await?;
        }
        let out_of_reach = matches!(executed.stopped, Some(Stopped::Refused(_) | Stopped::Unanswered(_)));
        let withheld_by = if plan.held_as_a_whole() && !has(Flaw::HeldIsSent) {
            plan.held_by.first().map(|held| held.by.guard.into())
        } else if let Some(check) = executed.quarantine.or(standing) {
            Some(check.into())
        } else if self.order.stop.now() {
            Some(Brake::Stop)
        } else {
            (out_of_reach && !mutated).then_some(Brake::Gateway)
        };
        store.audit_actions(target, self.id, self.now()).await?;
        if let Some(why) = withheld_by {
            let trouble =
                rust_i18n::t!("sync.commit_withheld", why = crate::report::words::brake(why)).into_owned();
            return Ok(Committed::new(CommitState::Withheld, Some(trouble)));
        }
        let (outcome, recorded) = sender.commit().await?;
        let detail = match outcome {
            Outcome::Applied => None,
            Outcome::Refused(refusal) => Some(words::refused(&refusal)),
            Outcome::Unknown(why) | Outcome::NotSent(why) => Some(why.detail),
        };
        let state = if detail.is_none() { CommitState::Confirmed } else { CommitState::Unconfirmed };
        let trouble =
            detail.map(|detail| rust_i18n::t!("sync.commit_unconfirmed", detail = detail).into_owned());
        let clean = matches!(recorded, Ok(true));
        Ok(Committed { clean, store_error: recorded.err(), ..Committed::new(state, trouble) })
    }
}
