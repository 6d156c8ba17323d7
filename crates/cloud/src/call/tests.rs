//! What is sent again, when, and what is shown of an answer.

use std::cell::Cell;

use super::*;
use crate::clock::manual::ManualClock;

const PATIENCE: Patience = Patience { retries: 4, seed: 7 };

fn refused(kind: Kind) -> CallError {
    CallError::Refused(Refusal { code: 1, kind, message: String::new(), request_id: None, clock_ahead: None })
}

fn failed(kind: FailureKind) -> CallError {
    CallError::Failed(Failure { kind, detail: "x".into() })
}

async fn count(error: CallError, again: fn(&CallError) -> Again) -> (u32, Vec<Duration>) {
    let clock = ManualClock::default();
    let calls = Cell::new(0);
    let (sent, result) = repeat(&clock, PATIENCE, "Test", again, || {
        calls.set(calls.get() + 1);
        let error = error.clone();
        async move { Err::<(), _>(error) }
    })
    .await;
    assert!(result.is_err());
    assert_eq!(sent, calls.get());
    (sent, clock.slept())
}

#[tokio::test]
async fn reads_are_repeated_by_the_kind_of_error() {
    for kind in [Kind::Server, Kind::Database, Kind::Failed, Kind::Product] {
        let (sent, slept) = count(refused(kind), CallError::again).await;
        assert_eq!(sent, 5, "{kind:?}");
        assert!(slept.is_sorted() || slept.len() == 4, "{slept:?}");
        assert!(slept.iter().all(|p| *p >= Duration::from_millis(500)), "{slept:?}");
    }
    for kind in [FailureKind::Connect, FailureKind::Timeout, FailureKind::Broken] {
        assert_eq!(count(failed(kind), CallError::again).await.0, 5, "{kind:?}");
    }
    for kind in [Kind::Signature, Kind::Denied, Kind::NoVpn, Kind::NoDevice, Kind::Other, Kind::Parameter] {
        assert_eq!(count(refused(kind), CallError::again).await.0, 1, "{kind:?}");
    }
    assert_eq!(count(failed(FailureKind::Tls), CallError::again).await.0, 1);
    for kind in [Kind::Expired, Kind::Replay] {
        assert_eq!(count(refused(kind), CallError::again).await, (2, vec![Duration::ZERO]), "{kind:?}");
    }
    let (sent, slept) = count(refused(Kind::Throttled), CallError::again).await;
    assert_eq!((sent, slept), (5, vec![MINUTE; 4]));
}

#[tokio::test]
async fn a_change_is_repeated_only_when_it_proved_harmless() {
    let again = CallError::again_for_a_change;
    for kind in
        [Kind::Server, Kind::Failed, Kind::AuthFailed, Kind::AuthUnreachable, Kind::Replay, Kind::Other]
    {
        assert_eq!(count(refused(kind), again).await.0, 1, "{kind:?}");
    }
    for kind in [FailureKind::Timeout, FailureKind::Broken, FailureKind::TooLarge, FailureKind::Tls] {
        assert_eq!(count(failed(kind), again).await.0, 1, "{kind:?}");
    }
    assert_eq!(count(failed(FailureKind::Connect), again).await.0, 5, "not one byte left");
    assert_eq!(count(refused(Kind::Expired), again).await.0, 2);
    assert_eq!(count(refused(Kind::Throttled), again).await.0, 5);
}

fn reply(status: u16, body: &str) -> Reply {
    Reply { status, body: Secret::new(body.into()), request_id: None, date: None }
}

#[test]
fn what_is_not_json_is_told_apart() {
    let passing = |status, body| match not_the_form(&reply(status, body)) {
        CallError::Unusable { passing, detail } => {
            assert!(!detail.contains("hunter22"), "no body in {detail}");
            passing
        }
        other => panic!("{other:?}"),
    };
    assert!(passing(200, "<html>hunter22"));
    assert!(passing(502, "hunter22"));
    assert!(passing(429, ""));
    assert!(!passing(404, "<html>"));
    assert!(!passing(302, ""));
}

#[test]
fn a_services_words_are_cleaned() {
    let secret = Secret::new("tencentV%89".into());
    let shown = clean("bad password tencentV%89\r\n\u{202e}x", &[&secret]);
    assert_eq!(shown, "bad password [secret]   x");
    assert!(clean(&"张".repeat(400), &[]).len() <= MAX_MESSAGE);
}

#[test]
fn a_clock_that_is_off_is_named() {
    let now = DateTime::parse_from_rfc3339("2026-11-21T03:10:00Z").unwrap().to_utc();
    let mut reply = reply(200, "");
    reply.date = DateTime::parse_from_rfc2822("Sat, 21 Nov 2026 03:00:00 GMT").ok().map(Into::into);
    let refusal = Refusal::new(4200, Kind::Expired, "expired", &[], &reply, now);
    assert_eq!(refusal.clock_ahead, Some(600));
    assert!(CallError::Refused(refusal).advice().contains("600"));
    let other = Refusal::new(4000, Kind::Parameter, "", &[], &reply, now);
    assert_eq!(other.clock_ahead, None, "the clock has nothing to do with it");
}
