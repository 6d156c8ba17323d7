//! A device that asks to be left alone is.

use super::*;
use crate::clock::manual::ManualClock;
use crate::gateway::Dialect;

/// Answers the first call with a busy word, and then well; when it was called, by the clock.
struct Busy {
    clock: ManualClock,
    asks: Duration,
    called: Mutex<Vec<Duration>>,
    asked: Mutex<Option<Duration>>,
}

impl Busy {
    fn new(asks: Duration) -> Self {
        Self { clock: ManualClock::default(), asks, called: Mutex::default(), asked: Mutex::default() }
    }

    /// Whether this call is answered well.
    fn call(&self) -> bool {
        let mut called = self.called.lock().unwrap();
        called.push(self.clock.monotonic());
        if called.len() == 1 {
            *self.asked.lock().unwrap() = Some(self.asks);
        }
        called.len() > 1
    }

    /// How long after the first call the second came.
    fn apart(&self) -> Duration {
        let called = self.called.lock().unwrap();
        called[1] - called[0]
    }
}

fn busy() -> Why {
    Why { kind: WhyKind::ServerError, detail: "scripted".into() }
}

impl Gateway for Busy {
    fn dialect(&self) -> Dialect {
        Dialect::Openapi
    }
    fn asked_to_wait(&self) -> Option<Duration> {
        self.asked.lock().unwrap().take()
    }
    async fn user(&self, _: &Username) -> Result<Option<UserRecord>, ReadError> {
        if self.call() { Ok(None) } else { Err(ReadError::Failed(busy())) }
    }
    async fn group(&self, _: &GroupPath) -> Result<Option<GroupRecord>, ReadError> {
        Err(ReadError::Failed(busy()))
    }
    async fn users(&self, _: u64, _: u64) -> Result<Page<UserRecord>, ReadError> {
        Err(ReadError::Failed(busy()))
    }
    async fn roles(&self, _: u64, _: u64) -> Result<Page<RoleRecord>, ReadError> {
        Err(ReadError::Failed(busy()))
    }
    async fn mutate(&self, _: &Mutation) -> Outcome {
        if self.call() { Outcome::Applied } else { Outcome::Unknown(busy()) }
    }
    async fn commit(&self) -> Outcome {
        if self.call() { Outcome::Applied } else { Outcome::Unknown(busy()) }
    }
}

fn caller<'a>(
    gateway: &'a Busy,
    pace: &'a PaceConfig,
    limit: Option<Duration>,
) -> Caller<'a, Busy, ManualClock> {
    Caller::new(gateway, gateway.clock.clone(), pace, limit, Stop::new(), 1)
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_read_is_repeated_only_when_the_device_wants_it() {
    let (gateway, pace) = (Busy::new(MINUTE), PaceConfig::default());
    let name = Username::new("u").unwrap();
    assert_eq!(caller(&gateway, &pace, None).user(&name).await, Ok(None));
    assert!(gateway.apart() >= MINUTE, "{:?}", gateway.apart());
}

#[tokio::test]
async fn the_commit_waits_too() {
    let (gateway, pace) = (Busy::new(MINUTE), PaceConfig::default());
    let caller = caller(&gateway, &pace, None);
    let mutation = Mutation::Delete(vec![Username::new("u").unwrap()]);
    assert_eq!(caller.mutate(&mutation).await, Outcome::Unknown(busy()));
    assert_eq!(caller.commit().await, Outcome::Applied);
    assert!(gateway.apart() >= MINUTE, "{:?}", gateway.apart());
}

#[tokio::test]
async fn a_change_has_its_turn_later_and_not_after_the_end_of_the_run() {
    let pace = PaceConfig::default();
    let mutation = Mutation::Delete(vec![Username::new("u").unwrap()]);
    for (limit, turn) in [(10 * MINUTE, true), (MINUTE / 2, false)] {
        let gateway = Busy::new(MINUTE);
        let caller = caller(&gateway, &pace, Some(limit));
        assert_eq!(caller.mutate(&mutation).await, Outcome::Unknown(busy()));
        let before = gateway.clock.monotonic();
        assert_eq!(caller.turn().await, turn);
        assert!(gateway.clock.monotonic() - before >= MINUTE.min(limit));
    }
}

#[tokio::test]
async fn no_device_can_hold_a_run_up_for_ever() {
    let (gateway, pace) = (Busy::new(10_000 * MINUTE), PaceConfig::default());
    let name = Username::new("u").unwrap();
    assert_eq!(caller(&gateway, &pace, None).user(&name).await, Ok(None));
    assert!(gateway.apart() < 2 * LONGEST_REST, "{:?}", gateway.apart());
}
