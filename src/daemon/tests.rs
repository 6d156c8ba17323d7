//! The worker under a clock of its own: time passes only when somebody sleeps.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::clock::manual::ManualClock;

/// The database's part, with every write.
#[derive(Default)]
struct FakeTicks {
    last: RefCell<BTreeMap<String, DateTime<Utc>>>,
    notes: RefCell<Vec<DateTime<Utc>>>,
    broken: Cell<bool>,
}

impl TickStore for &FakeTicks {
    async fn last_tick(&self, name: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(self.last.borrow().get(name).copied())
    }

    async fn note_tick(&self, name: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        if self.broken.get() {
            return Err(StoreError::Newer { path: "db".into(), version: 2 });
        }
        self.last.borrow_mut().insert(name.to_owned(), at);
        self.notes.borrow_mut().push(at);
        Ok(())
    }
}

/// systemd's part: what it was told and when.
struct FakeManager {
    clock: ManualClock,
    told: RefCell<Vec<(DateTime<Utc>, String)>>,
}

impl ServiceManager for &FakeManager {
    fn tell(&self, state: &[NotifyState<'_>]) {
        for one in state {
            self.told.borrow_mut().push((self.clock.now(), one.to_string()));
        }
    }

    fn watchdog(&self) -> Option<Duration> {
        Some(Duration::from_secs(60))
    }
}

/// One service with its surroundings.
struct World {
    clock: ManualClock,
    ticks: FakeTicks,
    manager: FakeManager,
    schedules: Vec<Schedule>,
}

impl World {
    fn new(now: &str, cron: &str, zone: &str) -> Self {
        let clock = ManualClock::at(now);
        let manager = FakeManager { clock: clock.clone(), told: RefCell::default() };
        Self { ticks: FakeTicks::default(), manager, schedules: vec![schedule(SYNC, cron, zone)], clock }
    }

    /// Runs until `job` says enough (`None`), which asks to stop.
    async fn serve(&self, wakes: &[Wake], mut job: impl FnMut(Due, &Stop) -> Option<Done>) -> Ended {
        let stop = Stop::new();
        let around = Surroundings {
            clock: self.clock.clone(),
            ticks: &self.ticks,
            manager: &self.manager,
            stop: stop.clone(),
        };
        let (wake, mut woken) = mpsc::channel(16);
        for one in wakes {
            wake.try_send(*one).unwrap();
        }
        let ended = work(&self.schedules, &around, &mut woken, async |due| {
            job(due, &stop).unwrap_or_else(|| {
                stop.ask();
                done(true)
            })
        });
        ended.await.unwrap()
    }

    /// The next `count` jobs.
    async fn jobs(&self, count: usize) -> Vec<Due> {
        let mut seen = Vec::new();
        self.serve(&[], |due, _| {
            seen.push(due);
            (seen.len() < count).then(|| done(true))
        })
        .await;
        seen
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn schedule(name: &'static str, cron: &str, zone: &str) -> Schedule {
    Schedule {
        name,
        timetable: Timetable::new(&[cron.to_owned()], zone.parse().unwrap()),
        jitter: Span::seconds(0),
    }
}

fn done(complete: bool) -> Done {
    Done { exit_code: 0, summary: "3 added".into(), complete }
}

fn planned(seen: &[Due]) -> Vec<String> {
    seen.iter().map(|due| due.planned.unwrap().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).collect()
}

#[tokio::test]
async fn every_moment_is_served_once_and_soon() {
    let world = World::new("2026-11-21T10:00:00Z", "30 2 * * *", "Asia/Shanghai");
    let seen = world.jobs(3).await;
    assert_eq!(planned(&seen), ["2026-11-21T18:30:00Z", "2026-11-22T18:30:00Z", "2026-11-23T18:30:00Z"]);
    assert!(seen.iter().all(|due| !due.late && due.trigger == Trigger::Schedule && due.name == SYNC));
    let late = world.clock.now() - utc("2026-11-23T18:30:00Z");
    assert!(late <= TimeDelta::seconds(30), "{late}");
}

#[tokio::test]
async fn the_first_start_has_missed_nothing() {
    let world = World::new("2026-11-21T18:31:00Z", "30 2 * * *", "Asia/Shanghai");
    assert_eq!(planned(&world.jobs(1).await), ["2026-11-22T18:30:00Z"]);
    assert_eq!(world.ticks.notes.borrow()[0], utc("2026-11-21T18:31:00Z"), "and that is remembered");
}

#[tokio::test]
async fn what_was_missed_while_down_is_made_up_exactly_once() {
    let world = World::new("2026-11-21T10:00:00Z", "30 2 * * *", "Asia/Shanghai");
    world.ticks.last.borrow_mut().insert(SYNC.into(), utc("2026-11-17T18:30:00Z"));
    let seen = world.jobs(2).await;
    assert_eq!(planned(&seen), ["2026-11-20T18:30:00Z", "2026-11-21T18:30:00Z"], "three missed, one made up");
    assert_eq!((seen[0].late, seen[1].late), (true, false));
    assert_eq!(planned(&world.jobs(1).await), ["2026-11-22T18:30:00Z"], "not again after a restart");
}

#[tokio::test]
async fn ticks_during_a_job_become_one_job_after_it() {
    let world = World::new("2026-11-21T10:00:00Z", "* * * * * *", "UTC");
    let mut seen = Vec::new();
    world
        .serve(&[], |due, _| {
            seen.push(due);
            world.clock.advance(Duration::from_secs(10));
            (seen.len() < 3).then(|| done(true))
        })
        .await;
    let gaps: Vec<_> =
        seen.windows(2).map(|w| (w[1].planned.unwrap() - w[0].planned.unwrap()).num_seconds()).collect();
    assert_eq!(gaps, [10, 10], "the last of the ten moments stands for all");
}

#[tokio::test]
async fn what_a_stop_cut_short_is_made_up_at_the_next_start() {
    let world = World::new("2026-11-21T10:00:00Z", "30 2 * * *", "Asia/Shanghai");
    let ended = world
        .serve(&[], |_, stop| {
            stop.ask();
            Some(done(false))
        })
        .await;
    assert_eq!(ended, Ended::Stopped);
    let seen = world.jobs(2).await;
    assert_eq!(planned(&seen), ["2026-11-21T18:30:00Z", "2026-11-22T18:30:00Z"]);
}

#[tokio::test]
async fn a_first_request_waits_for_the_job_and_a_second_does_not() {
    let world = World::new("2026-11-21T10:00:00Z", "* * * * *", "UTC");
    let stop = Stop::new();
    let around = Surroundings {
        clock: world.clock.clone(),
        ticks: &world.ticks,
        manager: &world.manager,
        stop: stop.clone(),
    };
    let (_wake, mut woken) = mpsc::channel(1);
    let finished = Cell::new(false);
    let ended = work(&world.schedules, &around, &mut woken, async |_| {
        stop.ask();
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        finished.set(true);
        stop.ask();
        std::future::pending().await
    })
    .await
    .unwrap();
    assert_eq!((ended, finished.get()), (Ended::Aborted, true));
    let told = world.manager.told.borrow();
    assert!(told.iter().any(|(_, text)| text == "STOPPING=1"));
    assert!(told.iter().any(|(_, text)| text.contains("finishing the call in hand")));
}

#[tokio::test]
async fn a_moment_that_was_noted_while_the_clock_was_wrong_does_not_stop_the_service() {
    let world = World::new("2026-11-21T10:00:00Z", "30 2 * * *", "Asia/Shanghai");
    world.ticks.last.borrow_mut().insert(SYNC.into(), utc("2036-01-01T00:00:00Z"));
    assert_eq!(planned(&world.jobs(1).await), ["2026-11-21T18:30:00Z"]);
}

#[tokio::test]
async fn a_store_that_cannot_write_makes_no_storm_of_jobs() {
    let world = World::new("2026-11-21T10:00:00Z", "30 2 * * *", "Asia/Shanghai");
    world.ticks.last.borrow_mut().insert(SYNC.into(), utc("2026-11-20T18:30:00Z"));
    world.ticks.broken.set(true);
    assert_eq!(planned(&world.jobs(2).await), ["2026-11-21T18:30:00Z", "2026-11-22T18:30:00Z"]);
}

#[tokio::test]
async fn jitter_delays_by_chance_but_never_what_is_late() {
    let mut world = World::new("2026-11-21T10:00:00Z", "30 2 * * *", "Asia/Shanghai");
    world.schedules[0].jitter = Span::seconds(3600);
    world.ticks.last.borrow_mut().insert(SYNC.into(), utc("2026-11-01T18:30:00Z"));
    let mut begun = Vec::new();
    world
        .serve(&[], |due, _| {
            begun.push((due.late, world.clock.now() - due.planned.unwrap()));
            (begun.len() < 20).then(|| done(true))
        })
        .await;
    assert!(begun[0].0);
    assert_eq!(world.ticks.notes.borrow().len(), 20);
    let delays: Vec<_> = begun[1..].iter().map(|(_, delay)| delay.num_seconds()).collect();
    assert!(delays.iter().all(|delay| (0..=3660).contains(delay)), "{delays:?}");
    assert!(delays.iter().max() > delays.iter().min(), "it is by chance: {delays:?}");
}

#[tokio::test]
async fn the_watchdog_is_fed_in_time_and_the_manager_told() {
    let world = World::new("2026-11-21T17:00:00Z", "30 2 * * *", "Asia/Shanghai");
    let stop = Stop::new();
    let around = Surroundings {
        clock: world.clock.clone(),
        ticks: &world.ticks,
        manager: &world.manager,
        stop: stop.clone(),
    };
    let (_wake, mut woken) = mpsc::channel(1);
    work(&world.schedules, &around, &mut woken, async |_| {
        // A job of many steps: at each of them the worker may look around.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        stop.ask();
        done(true)
    })
    .await
    .unwrap();
    let told = world.manager.told.borrow();
    assert_eq!(told.first().map(|(_, text)| text.as_str()), Some("READY=1"));
    let fed: Vec<_> = told.iter().filter(|(_, text)| text == "WATCHDOG=1").map(|(at, _)| *at).collect();
    assert!(fed.len() > 100);
    assert!(fed.windows(2).all(|w| w[1] - w[0] <= TimeDelta::seconds(30)));
    let status: Vec<_> =
        told.iter().map(|(_, text)| text).filter(|text| text.starts_with("STATUS=")).collect();
    assert!(status[0].contains("2026-11-22 02:30:00 CST"), "{status:?}");
    assert!(status.last().unwrap().contains("3 added"), "{status:?}");
}

#[tokio::test]
async fn a_wish_is_served_without_a_schedule_and_a_reload_ends_the_loop() {
    let world = World::new("2026-11-21T10:00:00Z", "30 2 * * *", "Asia/Shanghai");
    let mut seen = Vec::new();
    let wakes = [Wake::Tick, Wake::Tick, Wake::Now(Trigger::Signal), Wake::Reload];
    let ended = world
        .serve(&wakes, |due, _| {
            seen.push(due);
            Some(done(true))
        })
        .await;
    assert_eq!(ended, Ended::Reload);
    assert_eq!(seen, [Due { name: SYNC, trigger: Trigger::Signal, planned: None, late: false }]);
}

#[tokio::test]
async fn two_schedules_take_turns_and_the_longest_wait_goes_first() {
    let mut world = World::new("2026-11-21T10:00:00Z", "0 3 * * *", "UTC");
    world.schedules.push(schedule(UCLOUD_WATCH, "0 1 * * *", "UTC"));
    for name in [SYNC, UCLOUD_WATCH] {
        world.ticks.last.borrow_mut().insert(name.into(), utc("2026-11-20T10:00:00Z"));
    }
    let seen = world.jobs(4).await;
    let order: Vec<_> = seen.iter().map(|due| (due.name, due.late)).collect();
    assert_eq!(order, [(UCLOUD_WATCH, true), (SYNC, true), (UCLOUD_WATCH, false), (SYNC, false)]);
}

#[tokio::test]
async fn a_change_of_the_clock_serves_the_same_local_hour() {
    let world = World::new("2026-10-23T12:00:00Z", "30 4 * * *", "Europe/Berlin");
    let seen = world.jobs(3).await;
    assert_eq!(planned(&seen), ["2026-10-24T02:30:00Z", "2026-10-25T03:30:00Z", "2026-10-26T03:30:00Z"]);
}

#[tokio::test]
async fn without_anything_to_do_there_is_no_service() {
    let mut world = World::new("2026-11-21T10:00:00Z", "30 2 * * *", "UTC");
    world.schedules.clear();
    let around = Surroundings {
        clock: world.clock.clone(),
        ticks: &world.ticks,
        manager: &world.manager,
        stop: Stop::new(),
    };
    let (_wake, mut woken) = mpsc::channel(1);
    let ended = work(&world.schedules, &around, &mut woken, async |_| done(true)).await;
    assert!(matches!(ended, Err(DaemonError::NothingToDo)));
}

#[test]
fn a_configuration_s_schedules_are_all_there() {
    let read =
        |text: &str| crate::config::parse(text, std::path::Path::new("x"), &Default::default()).unwrap().0;
    let hq =
        "roster.path = \"hr\"\n[[target]]\nname = \"hq\"\nurl = \"embedded\"\n[schedule]\njitter = \"5m\"\n";
    let oob = "[oob]\nregion = \"gz\"\nid = \"env:ID\"\nkey = \"env:KEY\"\n";
    let rotate = "rotate = \"0 0 3 1 * *\"\nsink = \"file:x\"\nzone = 1\n";
    let names = |text: &str| schedules(&read(text)).iter().map(|s| s.name).collect::<Vec<_>>();
    assert_eq!(names(hq), [SYNC]);
    assert_eq!(names(&format!("{hq}{oob}{rotate}")), [SYNC, OOB_ROTATE]);
    assert_eq!(names(&format!("{oob}{rotate}")), [OOB_ROTATE]);
    assert_eq!(names(oob), [""; 0]);
    assert_eq!(schedules(&read(hq))[0].jitter, Span::seconds(300));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whatever ticks come, however long jobs take, wherever the process ends: every moment is followed by a job that
    /// began after it and came to its end, and no moment is completely served twice.
    #[test]
    fn no_moment_is_lost_and_none_served_twice(
        minutes in 1u32..60,
        lives in prop::collection::vec((0u64..20_000, prop::collection::vec((0u64..9_000, prop::bool::weighted(0.8)), 1..5)), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let world = World::new("2026-11-21T10:00:00Z", &format!("{minutes} * * * *"), "UTC");
        let start = world.clock.now();
        let mut complete: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
        for (down, jobs) in lives {
            let mut jobs = jobs.into_iter().peekable();
            runtime.block_on(world.serve(&[Wake::Tick, Wake::Tick], |due, stop| {
                let begun = world.clock.now();
                let (takes, whole) = jobs.next()?;
                world.clock.advance(Duration::from_secs(takes));
                if whole {
                    complete.push((due.planned.unwrap(), begun));
                } else {
                    // Cut short: only a stop does that.
                    stop.ask();
                }
                if jobs.peek().is_none() {
                    stop.ask();
                }
                Some(done(whole))
            }));
            world.clock.advance(Duration::from_secs(down));
        }
        // One last life in which everything outstanding is made up.
        runtime.block_on(world.serve(&[], |due, stop| {
            complete.push((due.planned.unwrap(), world.clock.now()));
            stop.ask();
            Some(done(true))
        }));
        let served: Vec<_> = complete.iter().map(|(planned, _)| *planned).collect();
        prop_assert!(served.windows(2).all(|w| w[0] < w[1]), "{served:?}");
        let mut moment = world.schedules[0].timetable.next(start).unwrap();
        let last = *served.last().unwrap();
        while moment <= last {
            prop_assert!(complete.iter().any(|(planned, begun)| *planned >= moment && *begun >= moment));
            moment = world.schedules[0].timetable.next(moment).unwrap();
        }
    }
}
