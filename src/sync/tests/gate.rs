//! Whoever is asked before the first change: what they see, and that nothing passes them.

use std::sync::Mutex;

use futures_util::future::BoxFuture;

use super::*;
use crate::hooks::{Ended, Gate};

/// Ends with this code, and keeps what it was shown.
pub(super) struct Answering {
    code: i32,
    asked: Mutex<Vec<SyncReport>>,
}

impl Answering {
    const fn with(code: i32) -> Self {
        Self { code, asked: Mutex::new(Vec::new()) }
    }
}

impl Gate for Answering {
    fn ask<'a>(&'a self, plan: &'a SyncReport) -> BoxFuture<'a, Option<Ended>> {
        self.asked.lock().unwrap().push(plan.clone());
        let ended = Ended { code: Some(self.code), late: false, said: "on a Friday".into() };
        Box::pin(std::future::ready(Some(ended)))
    }
}

impl World {
    fn asked(&self) -> Vec<SyncReport> {
        self.gate.as_ref().unwrap().asked.lock().unwrap().clone()
    }

    async fn hooks_ended(&self) -> usize {
        let trail = self.store.audit_page(0).await.unwrap();
        trail.iter().filter(|record| record.kind == "hook_ended").count()
    }
}

#[tokio::test]
async fn what_does_not_pass_is_held_before_anything_is_sent() {
    let mut world = World::new().await;
    world.gate = Some(Answering::with(3));
    let people = roster([person("10001", "销售部")], "a");
    let report = world.sync(&people).await;
    assert_eq!((report.outcome, report.exit_code), (RunOutcome::Held, 4));
    assert_eq!(report.held_by.iter().map(|held| held.guard.as_str()).collect::<Vec<_>>(), ["hook"]);
    assert!(crate::report::words::held(&report.held_by[0]).contains("on a Friday"), "{:?}", report.held_by);
    assert_eq!((report.calls.mutations, report.calls.commits, report.state), (0, 0, TargetState::Clean));
    assert_eq!(world.hooks_ended().await, 1);

    world.gate = Some(Answering::with(0));
    let report = world.sync(&people).await;
    assert_eq!((report.outcome, report.exit_code), (RunOutcome::Applied, 0), "{report:?}");
    assert_eq!(world.hooks_ended().await, 2);
}

#[tokio::test]
async fn the_plan_is_shown_with_phones_masked_and_only_when_there_is_something_to_send() {
    let mut world = World::new().await;
    world.gate = Some(Answering::with(0));
    let people = roster([person("10001", "销售部")], "a");
    world.order.dry = true;
    world.sync(&people).await;
    assert!(world.asked().is_empty(), "dry runs ask nobody");
    world.order.dry = false;
    world.sync(&people).await;
    world.sync(&people).await;
    let asked = world.asked();
    assert_eq!(asked.len(), 1, "nobody is asked about nothing");
    let shown = serde_json::to_string(&asked[0]).unwrap();
    assert!(shown.contains("10001") && shown.contains("138******00"), "{shown}");
    assert!(!shown.contains("13800138000"), "{shown}");
    let target = &asked[0].targets[0];
    assert!(target.plan.is_some() && target.actions.as_ref().is_some_and(|actions| actions.len() == 1));
}
