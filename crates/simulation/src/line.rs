//! The gateway as a simulated run sees it: the device behind a line on which everything can go wrong. Shows each
//! request to the checker before it leaves, and each answer that arrives.

use std::task::Poll;

use super::bench::{Bench, Shared};
use super::checker;
use super::faults::Fault;
use rosterd::gateway::{
    Dialect, Gateway, GroupRecord, Mutation, Outcome, Page, ReadError, Refusal, RefusalKind, RoleRecord,
    UserRecord, Why, WhyKind,
};
use rosterd::model::{GroupPath, Username};
use rosterd::store::Store;

/// The line.
#[derive(Debug)]
pub struct Line {
    shared: Shared,
    store: Store,
    dialect: Dialect,
}

fn why(kind: WhyKind) -> Why {
    Why { kind, detail: format!("simulated: {kind:?}") }
}

fn token() -> Refusal {
    Refusal { code: 4, kind: RefusalKind::Token, message: "sinfor_apitoken接口认证错误".into() }
}

fn bad() -> Refusal {
    Refusal { code: -2, kind: RefusalKind::BadRequest, message: "参数错误".into() }
}

impl Bench {
    fn read<T>(
        &mut self,
        fault: Fault,
        look: impl FnOnce(&mut Self) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        match fault {
            Fault::Refused => Err(ReadError::Failed(why(WhyKind::Connect))),
            Fault::Before(kind) | Fault::After(kind) => Err(ReadError::Failed(why(kind))),
            Fault::Token => Err(ReadError::Refused(token())),
            _ if self.device.is_stale(self.wall().timestamp(), self.true_time()) => {
                Err(ReadError::Refused(token()))
            }
            _ => look(self),
        }
    }

    fn send(&mut self, fault: Fault, mutation: Option<&Mutation>) -> Outcome {
        let (signed, now) = (self.wall().timestamp(), self.true_time());
        let effect = |bench: &mut Self| match mutation {
            Some(mutation) => bench.device.mutate_signed(mutation, signed, now),
            None => bench.device.commit_signed(signed, now),
        };
        match fault {
            Fault::Refused => Outcome::NotSent(why(WhyKind::Connect)),
            Fault::Before(kind) => Outcome::Unknown(why(kind)),
            Fault::After(kind) => {
                let _ = effect(self);
                Outcome::Unknown(why(kind))
            }
            Fault::Late => {
                self.delay(mutation.cloned());
                Outcome::Unknown(why(WhyKind::Timeout))
            }
            Fault::Token => Outcome::Refused(token()),
            Fault::Bad => Outcome::Refused(bad()),
            Fault::Half => {
                if let Some(Mutation::Delete(names)) = mutation {
                    let (half, _) = names.split_at(names.len().div_ceil(2));
                    let _ = self.device.mutate_signed(&Mutation::Delete(half.to_vec()), signed, now);
                }
                Outcome::Unknown(why(WhyKind::Broken))
            }
            Fault::None | Fault::Slow => effect(self),
        }
    }
}

impl Line {
    /// A line for one process.
    pub fn new(shared: Shared, store: Store, dialect: Dialect) -> Self {
        Self { shared, store, dialect }
    }

    /// Lets calls that are made at the same time overtake each other.
    async fn give_way(&self) {
        let times = self.shared.lock().dice.below(3);
        for _ in 0..times {
            let mut waited = false;
            std::future::poll_fn(|context| {
                if std::mem::replace(&mut waited, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }

    async fn ask<T: std::fmt::Debug>(
        &self,
        what: impl FnOnce() -> String,
        look: impl FnOnce(&mut Bench) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        self.give_way().await;
        self.shared.point("before a look").await;
        let answer = {
            let mut bench = self.shared.lock();
            let fault = bench.draw(true, false);
            let answer = bench.read(fault, look);
            bench.note(|| format!("look {}: {}: {}", what(), fault.label(), short(&answer)));
            answer
        };
        self.shared.point("after a look").await;
        answer
    }
}

fn short<T: std::fmt::Debug, E: std::fmt::Debug>(answer: &Result<T, E>) -> String {
    let text = format!("{answer:?}");
    text.chars().take(90).collect()
}

impl Gateway for Line {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    async fn user(&self, name: &Username) -> Result<Option<UserRecord>, ReadError> {
        let answer = self.ask(|| name.to_string(), |bench| bench.device.look(name, bench.true_time())).await;
        self.shared.lock().witness.looked(name.as_str(), &answer);
        answer
    }

    async fn group(&self, path: &GroupPath) -> Result<Option<GroupRecord>, ReadError> {
        self.ask(|| path.to_string(), |bench| bench.device.look_group(path, bench.true_time())).await
    }

    async fn users(&self, offset: u64, limit: u64) -> Result<Page<UserRecord>, ReadError> {
        self.ask(|| "users".into(), |bench| bench.device.list(offset, limit, bench.true_time())).await
    }

    async fn roles(&self, offset: u64, limit: u64) -> Result<Page<RoleRecord>, ReadError> {
        self.ask(|| "roles".into(), |bench| bench.device.roles(offset, limit, bench.true_time())).await
    }

    async fn mutate(&self, mutation: &Mutation) -> Outcome {
        self.give_way().await;
        self.shared.point("before a call").await;
        let journal = checker::read_journal(&self.store).await;
        let outcome = {
            let mut bench = self.shared.lock();
            let fault = bench.draw(false, false);
            let at = bench.since();
            if fault != Fault::Refused {
                bench.witness.sends(mutation, &journal, at);
            }
            let outcome = bench.send(fault, Some(mutation));
            bench.note(|| format!("{mutation:?}: {}: {outcome:?}", fault.label()));
            outcome
        };
        self.shared.point("before a call's answer").await;
        self.shared.lock().witness.answered(mutation, &outcome);
        outcome
    }

    async fn commit(&self) -> Outcome {
        self.shared.point("before the commit").await;
        let journal = checker::read_journal(&self.store).await;
        let outcome = {
            let mut bench = self.shared.lock();
            let fault = bench.draw(false, true);
            if fault != Fault::Refused {
                bench.witness.commits(&journal);
            }
            let outcome = bench.send(fault, None);
            bench.note(|| format!("commit: {}: {outcome:?}", fault.label()));
            outcome
        };
        self.shared.point("before the commit's answer").await;
        self.shared.lock().witness.commit_answered(&outcome);
        outcome
    }
}
