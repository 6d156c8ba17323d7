//! The operator of a simulated company: approves what is held (at once, a day late, twice, or wrongly), answers who is
//! the same human, tells HR, has slips put right, and repairs a device that turned out to be another one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::check::{Checker, Shown};
use super::drive::{Night, Service};
use super::eyes::folded;
use super::hands::Hands;
use super::hr::Hr;
use super::marks::Marks;
use super::sheet::File;
use crate::dice::Dice;
use rosterd::existing::drift;
use rosterd::existing::looks::Found;
use rosterd::model::PersonKey;
use rosterd::plan::{AccountField, Action};
use rosterd::report::{CommitState, RunOutcome, TargetReport, TargetState};
use rosterd::roster::identity::Identity;
use rosterd::store::StoreError;
use rosterd::store::journal::{Actor, NewRun, RunEnd, RunId, Trigger};
use rosterd::store::plans::NewApproval;
use rosterd::sync::approve;

/// The operator.
#[derive(Debug, Default)]
pub(super) struct Operator {
    /// The run that was held yesterday.
    yesterday: Option<i64>,
    /// Blocked people, and since when the operator has known of them.
    asked: BTreeMap<(PersonKey, &'static str), u64>,
}

/// Everybody whom the operator can talk to.
pub(super) struct Around<'a> {
    pub day: u64,
    pub night: &'a Night,
    pub service: &'a Service,
    pub hr: &'a mut Hr,
    pub hands: &'a mut Hands,
    pub checker: &'a mut Checker,
    pub marks: &'a mut Marks,
    /// Whether somebody is gone for good.
    pub gone: &'a dyn Fn(usize) -> bool,
    /// Company of which nobody expects anything.
    pub quiet: bool,
}

impl Operator {
    /// The day after a night.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) async fn work(&mut self, dice: &mut Dice, around: Around<'_>) -> Result<(), StoreError> {
        let Around { day, night, service, hr, hands, checker, marks, gone, quiet } = around;
        let quarantined = night.report.state == TargetState::Quarantined;
        let held = night.report.outcome == RunOutcome::Held || quarantined;
        let run = night.report.run_id.parse::<i64>().ok();
        let told = night.report.exit_code != 0;
        if held {
            let right = hr.fault().is_none();
            if dice.one_in(if right { 2 } else { 14 }) {
                let late = dice.one_in(4);
                let which = if late { self.yesterday.or(run) } else { run };
                if let Some(run) = which {
                    marks.count(if right { "operator: approves" } else { "operator: approves wrongly" });
                    self.approve(dice, service, checker, run).await?;
                    if dice.one_in(5) {
                        marks.count("operator: approves twice");
                        self.approve(dice, service, checker, run).await?;
                    }
                }
            } else if !right && dice.one_in(3) {
                marks.count("operator: asks HR for a better file");
                hr.mend();
            }
        } else if told && !quiet && dice.one_in(4) {
            hr.mend();
        }
        self.yesterday = run.filter(|_| held);
        self.answer(dice, day, night, service, &hr.folder, marks).await?;
        let shared = service.shared.clone();
        if told && dice.one_in(3) {
            hands.put_right(&mut shared.lock(), day, marks);
        }
        if day.is_multiple_of(20) {
            hands.put_right(&mut shared.lock(), day.saturating_sub(16), marks);
        }
        let managed = shared.lock().owners.len() as u64;
        if hands.turned.is_some_and(|since| (told && dice.one_in(2)) || day > since + 8 + managed / 3) {
            hands.turned = None;
            hands.clear(&mut shared.lock(), gone, marks);
            marks.count("operator: repairs after drift");
            repair(service).await?;
        }
        Ok(())
    }

    async fn approve(
        &self,
        dice: &mut Dice,
        service: &Service,
        checker: &mut Checker,
        run: i64,
    ) -> Result<(), StoreError> {
        let (target, plan) = service.store.plan_of_run(RunId(run)).await?;
        let quarantine = service.store.target(&target).await?.quarantined_by;
        let Ok(sets) = approve::sets(&plan, quarantine) else { return Ok(()) };
        let lasts = if dice.one_in(3) { TimeDelta::days(30) } else { TimeDelta::hours(24) };
        let now = service.now() + TimeDelta::hours(7);
        let new = NewApproval {
            target,
            run: RunId(run),
            sets,
            reason: "simulated".into(),
            actor: Actor::default(),
            expires_at: now + lasts,
        };
        let id = match service.store.approve(new, now).await {
            Ok(id) => id,
            // One that is pending already is refused.
            Err(error) if !matches!(error, StoreError::Sql { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        checker.shown.insert(id, Shown { run, items: plan.actions.iter().map(item).collect() });
        Ok(())
    }

    /// Who is the same human, and whose name is in the way.
    async fn answer(
        &mut self,
        dice: &mut Dice,
        day: u64,
        night: &Night,
        service: &Service,
        folder: &[File],
        marks: &mut Marks,
    ) -> Result<(), StoreError> {
        let blocked = &night.report.blocked;
        let still: BTreeSet<(PersonKey, &'static str)> =
            blocked.iter().map(|b| (b.person.clone(), b.reason.kind().as_str())).collect();
        self.asked.retain(|asked, _| still.contains(asked));
        for line in blocked {
            let since = *self.asked.entry((line.person.clone(), line.reason.kind().as_str())).or_insert(day);
            match line.reason.kind().as_str() {
                "identity" if day > since && dice.one_in(2) => {
                    self.identity(service, &line.person, folder, marks).await?;
                }
                "name_exists" if day > since + 2 => {
                    let mut scene = service.shared.lock();
                    let Some(name) = line.username.as_ref() else { continue };
                    marks.count("operator: a name is freed by hand");
                    let user = rosterd::gateway::embedded::layers::Change::User(name.to_string(), None);
                    scene.device.replay(user);
                    scene.device.replay(rosterd::gateway::embedded::layers::Change::Commit);
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn identity(
        &self,
        service: &Service,
        person: &PersonKey,
        folder: &[File],
        marks: &mut Marks,
    ) -> Result<(), StoreError> {
        let target = &service.config.target[0].name;
        let entry = service.store.snapshot(target).await?.entries.get(person).map(|e| e.username.clone());
        let Some(name) = entry else { return Ok(()) };
        let (had, has) = {
            let scene = service.shared.lock();
            let had = scene.made.get(name.as_str()).copied().flatten();
            (had, scene.meant.get(&folded(name.as_str())).copied().flatten())
        };
        let Some(now) = service.unjudged(person, folder) else { return Ok(()) };
        let identity =
            Identity::of(&now, &service.config.roster.identity, &service.store.identity_salt().await?);
        let (store, at) = (&service.store, service.now());
        if had == has {
            marks.count("operator: says that it is the same human");
            return store.same_person(person, identity, "simulated".into(), Actor::default(), at).await;
        }
        marks.count("operator: says that it is another human");
        store.retire(person, identity, "simulated".into(), Actor::default(), at).await.map(drop)
    }
}

/// What somebody sees of an action who approves it.
fn item(action: &Action) -> (String, &'static str, String) {
    let after = &action.after;
    let text = |field| after.text(field).unwrap_or_default();
    let values = if action.kind.is_removal() {
        String::new()
    } else {
        format!(
            "{} {} {} {} {}",
            action.new_username,
            text(AccountField::Group),
            text(AccountField::Note),
            text(AccountField::Phone),
            text(AccountField::Roles)
        )
    };
    (action.username.to_string(), action.kind.as_str(), values)
}

/// What `drift --repair` does: the snapshot becomes what the device shows.
async fn repair(service: &Service) -> Result<(), StoreError> {
    let Some(target) = service.config.target.first() else { return Ok(()) };
    let (store, now) = (&service.store, service.now());
    let snapshot = store.snapshot(&target.name).await?;
    let mut found = Found::default();
    {
        let mut scene = service.shared.lock();
        let at = scene.true_time();
        for name in drift::names(&snapshot) {
            if let Ok(user) = scene.device.look(&name, at) {
                found.users.insert(name, user);
            }
        }
    }
    let (report, seen) = drift::compare(target, &snapshot, &None, &found);
    let new = NewRun {
        target: target.name.clone(),
        dry: false,
        trigger: Trigger::Cli,
        actor: Actor::default(),
        config_digest: "simulated".into(),
        as_of: service.today(),
    };
    let (run, _) = store.begin_run(new, now).await?;
    store.note_drift(&target.name, run, seen, report.people(), now).await?;
    let mut ended = TargetReport::empty(&target.name, run);
    ended.outcome = RunOutcome::Applied;
    let end = RunEnd { outcome: ended.outcome, exit_code: 0, commit: CommitState::None, report: ended };
    store.end_run(&target.name, run, end, now).await.map(drop)
}
