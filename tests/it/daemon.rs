//! The service with the real scheduler, the real clock and real signals.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rosterd::clock::SystemClock;
use rosterd::config::{Span, Timetable};
use rosterd::daemon::{self, Done, Ended, Schedule, ServiceManager, Surroundings, TickStore, Wake};
use rosterd::stop::Stop;
use rosterd::store::StoreError;
use rosterd::store::journal::Trigger;
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;

#[derive(Default)]
struct Ticks(RefCell<Option<DateTime<Utc>>>);

impl TickStore for Ticks {
    async fn last_tick(&self, _: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(*self.0.borrow())
    }

    async fn note_tick(&self, _: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.0.replace(Some(at));
        Ok(())
    }
}

struct Nobody;

impl ServiceManager for Nobody {
    fn tell(&self, _: &[sd_notify::NotifyState<'_>]) {}

    fn watchdog(&self) -> Option<Duration> {
        None
    }
}

fn every_second() -> Vec<Schedule> {
    let timetable = Timetable::new(&["* * * * * *".to_owned()], chrono_tz::Asia::Shanghai);
    vec![Schedule { name: daemon::SYNC, timetable, jitter: Span::seconds(0) }]
}

/// The worker looks at the timetable by itself only every half minute: what comes sooner, the scheduler woke it for.
#[tokio::test]
async fn a_schedule_of_every_second_ticks_and_jobs_never_overlap() {
    let stop = Stop::new();
    let around = Surroundings {
        clock: SystemClock::new(),
        ticks: Ticks::default(),
        manager: Nobody,
        stop: stop.clone(),
    };
    let (wake, mut woken) = mpsc::channel(16);
    let (running, seen) = (Cell::new(0), RefCell::new(Vec::new()));
    let ended = daemon::run(&every_second(), &around, (wake, &mut woken), async |due| {
        assert_eq!(running.replace(1), 0, "two jobs at once");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        seen.borrow_mut().push(due.planned.unwrap());
        if seen.borrow().len() == 2 {
            stop.ask();
        }
        running.set(0);
        Done { exit_code: 0, summary: String::new(), complete: true }
    })
    .await
    .unwrap();
    assert_eq!(ended, Ended::Stopped);
    let seen = seen.into_inner();
    assert!(seen[0] < seen[1], "{seen:?}");
    assert_eq!(*around.ticks.0.borrow(), Some(seen[1]));
}

#[tokio::test]
async fn signals_mean_what_the_manual_says() {
    let stop = Stop::new();
    let (wake, mut woken) = mpsc::channel(16);
    let listener = daemon::listen(stop.clone(), wake).unwrap();
    let raise = |signal| kill_process(getpid(), signal).unwrap();
    raise(Signal::HUP);
    assert_eq!(woken.recv().await, Some(Wake::Reload));
    raise(Signal::USR1);
    assert_eq!(woken.recv().await, Some(Wake::Now(Trigger::Signal)));
    raise(Signal::TERM);
    stop.when_requested().await;
    assert!(!stop.now());
    raise(Signal::INT);
    stop.when_now().await;
    listener.abort();
}
