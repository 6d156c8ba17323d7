//! The same bytes again: nothing is read or planned, unless something other than the roster asks for it.

use std::cell::Cell as Flag;

use super::*;
use crate::config::{Env, RosterConfig};
use crate::reason::{BlockKind, Guard};
use crate::roster::{ReadOptions, see};
use crate::store::journal::RunId;

const HEADER: &str = "工号,姓名,部门,岗位,手机,状态,入职日期,离职日期,有效期至";

/// A world whose roster is a file.
struct Files {
    world: World,
    folder: tempfile::TempDir,
    config: RosterConfig,
}

impl Files {
    async fn new(rows: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = serde_json::from_value(serde_json::json!({
            "path": "hr.csv", "settle": "0s", "max_invalid_percent": 100.0, "columns": { "expires_on": ["有效期至"] },
        }));
        let config = config.unwrap();
        let files = Self { world: World::new().await, folder, config };
        files.write(rows);
        files
    }

    fn write(&self, rows: &[&str]) {
        let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
        std::fs::write(self.folder.path().join("hr.csv"), format!("{HEADER}\n{rows}")).unwrap();
    }

    /// A run; its whole report.
    async fn sync_with(&mut self, faults: Vec<Fault>) -> SyncReport {
        self.world.order.as_of = self.world.clock.now().date_naive();
        let world = &self.world;
        let inner = DeviceGateway::new(Arc::clone(&world.device), world.clock.clone());
        let gateway = Scripted { inner, clock: world.clock.clone(), faults: Mutex::new(faults.into()) };
        let sites = [Site { target: &world.target, gateway: Ok(Some(gateway)), expected: None }];
        let work = Work {
            store: &world.store,
            account: &world.account,
            order: &world.order,
            clock: world.clock.clone(),
            progress: &|_| (),
            gate: None,
        };
        let parsed = Flag::new(false);
        let read = async |before: Option<Vec<FileMark>>| {
            let env: Env = std::iter::empty::<(&str, &str)>().collect();
            let options = ReadOptions {
                config: &self.config,
                base: self.folder.path(),
                over: None,
                env: &env,
                as_of: world.order.as_of,
                zone: chrono_tz::Tz::UTC,
                progress: None,
            };
            let seen = see(options, &world.clock).await.unwrap();
            if let Some(before) = before
                && seen.is(&before).await
            {
                return Ok(Input::Same);
            }
            parsed.set(true);
            let reading = seen.read().await.unwrap();
            let files = reading.marks();
            Ok(Input::Roster(Box::new(reading.roster), files))
        };
        let synced = sync(work, &sites, read).await.unwrap();
        let rested = synced.report.targets[0].same_as.is_some();
        assert_ne!(parsed.get(), rested, "a run that rests reads no rows");
        synced.report
    }

    async fn sync(&mut self) -> TargetReport {
        self.sync_with(Vec::new()).await.targets.remove(0)
    }

    /// The next run rests, and sends nothing.
    async fn rests(&mut self) {
        let report = self.sync().await;
        assert!(report.same_as.is_some(), "{report:#?}");
        assert_eq!((report.outcome, report.exit_code), (RunOutcome::NoChanges, 0));
        assert_eq!(report.calls, Default::default());
    }

    /// The next run does not rest.
    async fn works(&mut self) -> TargetReport {
        let report = self.sync().await;
        assert!(report.same_as.is_none(), "{report:#?}");
        report
    }

    fn later(&self, hours: u64) {
        self.world.clock.advance(Duration::from_secs(hours * 3600));
    }
}

const ONE: &str = "10001,张一,/总公司/销售部,销售,13800138001,在职,,,";
const TWO: &str = "10002,张二,/总公司/销售部,销售,13800138002,在职,,,";
const ODD: &str = "10003,张三,/总公司/销售部,销售,13800138003,停薪,,,";

#[tokio::test]
async fn the_same_bytes_are_read_once_and_said_as_a_whole_run_would_say_them() {
    let mut files = Files::new(&[ONE, TWO, ODD]).await;
    let first = files.sync_with(Vec::new()).await;
    assert_eq!(first.targets[0].counts.add, 2);
    let rested = files.sync_with(Vec::new()).await;
    let mut whole = files.world.order.clone();
    whole.config_digest = "another".into();
    files.world.order = whole;
    let whole = files.sync_with(Vec::new()).await;
    assert_eq!(rested.targets[0].same_as.as_ref().unwrap().run_id, first.targets[0].run_id);
    assert!(whole.targets[0].same_as.is_none());
    assert_eq!(rested.roster, whole.roster);
    let mut expected = whole.targets[0].clone();
    expected.run_id.clone_from(&rested.targets[0].run_id);
    expected.same_as.clone_from(&rested.targets[0].same_as);
    expected.plan = None;
    assert_eq!(rested.targets[0], expected, "no difference but the plan, which was not made");
    let run = files.world.store.runs(9).await.unwrap();
    assert!(run.iter().all(|run| run.roster_digest.as_ref() == Some(&first.roster.digest)), "{run:#?}");
}

#[tokio::test]
async fn other_bytes_are_read() {
    let mut files = Files::new(&[ONE]).await;
    files.works().await;
    files.rests().await;
    files.write(&[&ONE.replace("张一", "张壹")]);
    assert_eq!(files.works().await.counts.update, 1);
    files.rests().await;
    files.write(&[ONE, TWO]);
    assert_eq!(files.works().await.counts.add, 1);
    files.rests().await;
}

#[tokio::test]
async fn other_settings_and_another_order_are_not_rested_on() {
    let mut files = Files::new(&[ONE]).await;
    files.works().await;
    for change in [
        |order: &mut Order| order.config_digest = "other".into(),
        |order: &mut Order| order.only = Some([PersonKey::new("10001").unwrap()].into()),
        |order: &mut Order| order.dry = true,
        |order: &mut Order| order.allow_guards = [Guard::MaxAdd].into(),
    ] {
        let before = files.world.order.clone();
        change(&mut files.world.order);
        files.works().await;
        files.world.order = before;
        files.sync().await;
        files.rests().await;
    }
}

#[tokio::test]
async fn a_date_that_comes_is_acted_on_under_the_same_bytes() {
    let first_day = "10003,张三,/总公司/销售部,销售,13800138003,在职,2026-11-23,,";
    let last_day = "10004,张四,/总公司/销售部,销售,13800138004,在职,,2026-11-24,";
    let expires = "10005,张五,/总公司/销售部,销售,13800138005,在职,,,2026-11-26";
    let mut files = Files::new(&[ONE, first_day, last_day, expires]).await;
    assert_eq!(files.works().await.counts.add, 3);
    files.later(24);
    files.rests().await;
    files.later(24);
    assert_eq!(files.works().await.counts.add, 1);
    files.rests().await;
    files.later(24);
    files.rests().await;
    files.later(24);
    assert_eq!(files.works().await.counts.delete, 1);
    files.later(24);
    files.rests().await;
    files.later(24);
    assert_eq!(files.works().await.counts.disable, 1);
    files.rests().await;
}

#[tokio::test]
async fn waits_end_under_the_same_bytes() {
    let mut files = Files::new(&[ONE, TWO]).await;
    let leavers = serde_json::json!({ "action": "disable", "delete_after": "3d", "missing_for": "48h" });
    files.world.set("leavers", leavers);
    files.works().await;
    files.write(&[ONE]);
    let waiting = files.works().await;
    assert_eq!(waiting.blocked[0].reason.kind(), BlockKind::MissingWaiting);
    files.later(24);
    files.rests().await;
    files.later(24);
    assert_eq!(files.works().await.counts.disable, 1, "missing for long enough");
    files.later(71);
    files.rests().await;
    files.later(1);
    assert_eq!(files.works().await.counts.delete, 1, "disabled for long enough");
    files.rests().await;
}

#[tokio::test]
async fn a_dirty_target_is_committed_under_the_same_bytes() {
    let mut files = Files::new(&[ONE]).await;
    files.works().await;
    files.write(&[ONE, TWO]);
    let lost = files.sync_with(vec![Fault::None, Fault::LostBefore]).await.targets.remove(0);
    assert_eq!((lost.commit, lost.exit_code), (CommitState::Unconfirmed, 6));
    let report = files.works().await;
    assert_eq!((report.calls.mutations, report.calls.commits), (0, 1));
    files.rests().await;
    files
        .world
        .store
        .quarantine(&files.world.target.name, RunId(1), Guard::MaxFailedPercent, files.world.clock.now())
        .await
        .unwrap();
    assert_eq!(files.works().await.calls.commits, 1);
}

#[tokio::test]
async fn an_unsettled_call_is_looked_at_under_the_same_bytes() {
    let mut files = Files::new(&[ONE]).await;
    files.sync_with(vec![Fault::LostAfter]).await;
    assert!(files.works().await.calls.queries > 0, "a late call may still land");
    files.later(1);
    assert!(files.works().await.calls.queries > 0, "the look that settles it");
    files.rests().await;
}

#[tokio::test]
async fn what_people_say_is_heard_under_the_same_bytes() {
    let mut files = Files::new(&[ONE, TWO]).await;
    files.works().await;
    files.rests().await;
    let (who, now) = (PersonKey::new("10001").unwrap(), files.world.clock.now());
    let say = |what| {
        let store = files.world.store.clone();
        let who = who.clone();
        async move { store.say([who].into(), what, "x".into(), Actor::default(), now).await.unwrap() }
    };
    let until = now.date_naive();
    say(Some((crate::plan::OverrideKind::Suspend, Some(until)))).await;
    assert_eq!(files.works().await.counts.disable, 1);
    assert_eq!(files.works().await.blocked[0].reason.kind(), BlockKind::Suspended, "not said before");
    files.rests().await;
    files.later(24);
    assert_eq!(files.works().await.counts.enable, 1, "the day after is a date like any other");
    files.rests().await;
}

#[tokio::test]
async fn nobody_rests_for_ever_or_on_what_is_still_to_come() {
    let mut files = Files::new(&[ONE]).await;
    files.works().await;
    files.later(6 * 24);
    files.rests().await;
    files.later(24);
    files.works().await;
    files.rests().await;
    files.world.clock = ManualClock::at("2026-11-26T02:30:00Z");
    files.works().await;
}
