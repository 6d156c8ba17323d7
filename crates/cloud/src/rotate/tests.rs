//! The password that works is never lost: after every step, with every fault, killed anywhere.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use rosterd_core::sink::SinkRef;

use super::*;
use crate::clock::manual::ManualClock;
use crate::simulated::{CloudState, Direct, Fault, Service, Simulated};
use crate::tencent::Access;
use rosterd_core::config::cloud::SignatureMethod;
use rosterd_store::journal::{Actor, Trigger};
use rosterd_store::{FaultPoint, StoreError};

const ZONE: u64 = 1_000_100_003;
const SET: &str = "SetOutBandVPNAuthPwd";
const PATIENCE: Patience = Patience { retries: 1, seed: 3 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Clear,
    Age,
}

struct World {
    cloud: Simulated<ManualClock>,
    clock: ManualClock,
    store: Store,
    sink: Sink,
    kept: Kept,
    identity: age::x25519::Identity,
    /// Opening a file takes long; its content never changes.
    opened: Mutex<std::collections::BTreeMap<Vec<u8>, String>>,
    folder: tempfile::TempDir,
    /// What worked before rosterd came: not ours to keep.
    before: Option<String>,
}

impl World {
    async fn new(kind: Kept, before: Option<&str>) -> Arc<Self> {
        let clock = ManualClock::default();
        let mut state = CloudState::sample("key");
        // The most dangerous reading of the pages: requests live for two hours.
        state.tencent.tolerance = 7200;
        state.tencent.vpn.as_mut().unwrap().password = before.map(str::to_owned);
        let folder = tempfile::tempdir().unwrap();
        let identity = age::x25519::Identity::generate();
        let path = folder.path().join("oob");
        let sink = match kind {
            Kept::Clear => SinkRef::File(path),
            Kept::Age => SinkRef::Age { recipient: identity.to_public().to_string(), path },
        }
        .into();
        Arc::new(Self {
            cloud: Simulated::new(state, clock.clone()),
            clock,
            store: Store::in_memory(None).await.unwrap(),
            sink,
            kept: kind,
            identity,
            opened: Mutex::default(),
            folder,
            before: before.map(str::to_owned),
        })
    }

    fn client(&self) -> Client<Direct<ManualClock>, ManualClock> {
        let access = Access {
            host: "bm.api.qcloud.com".into(),
            path: "/v2/index.php".into(),
            region: "gz".into(),
            method: SignatureMethod::HmacSha256,
            id: Secret::new("simulated".into()),
            key: Secret::new("key".into()),
            token: None,
        };
        let post = Direct { cloud: self.cloud.clone(), service: Service::Tencent, host: "127.0.0.1".into() };
        Client::new(post, self.clock.clone(), access, PATIENCE)
    }

    /// Rotates; `stop` ends it after that step, as a crash would. The promise is checked after every step.
    async fn rotate(self: &Arc<Self>, stop: Option<Step>) -> Result<RotateReport, CloudError> {
        let world = Arc::clone(self);
        let checkpoint: Checkpoint = Arc::new(move |step| {
            world.check(&format!("after {step:?}"));
            stop != Some(step)
        });
        self.with_checkpoint(Some(checkpoint)).await
    }

    async fn with_checkpoint(&self, checkpoint: Option<Checkpoint>) -> Result<RotateReport, CloudError> {
        let client = self.client();
        let rotator = Rotator {
            client: &client,
            store: &self.store,
            sink: &self.sink,
            clock: self.clock.clone(),
            patience: PATIENCE,
            length: 16,
            order: Order { actor: Actor::default(), trigger: Trigger::Cli },
            checkpoint,
        };
        rotator.rotate(ZONE).await
    }

    fn open(&self, bytes: &[u8]) -> String {
        let mut opened = self.opened.lock().unwrap();
        if let Some(known) = opened.get(bytes) {
            return known.clone();
        }
        let line = match self.kept {
            Kept::Clear => bytes.to_vec(),
            Kept::Age => age::decrypt(&self.identity, bytes).unwrap(),
        };
        let text = String::from_utf8(line).unwrap().trim_end().to_owned();
        opened.insert(bytes.to_vec(), text.clone());
        text
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read(self.folder.path().join(name)).ok().map(|bytes| self.open(&bytes))
    }

    /// The passwords that somebody who looks into the folder can try.
    fn candidates(&self) -> BTreeSet<String> {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|e| e.unwrap().file_name());
        names
            .filter_map(|name| name.into_string().ok())
            .filter(|name| name == "oob" || name == "oob.pending" || name.starts_with("oob.kept-"))
            .filter_map(|name| self.read(&name))
            .collect()
    }

    fn in_force(&self) -> Option<String> {
        self.cloud.with(|s| s.tencent.vpn.clone().unwrap().password)
    }

    /// The promise.
    fn check(&self, when: &str) {
        let works = self.in_force();
        let known = works == self.before || works.as_ref().is_some_and(|w| self.candidates().contains(w));
        assert!(known, "{when}: nobody has the password that works");
    }

    /// After a calm rotation everything agrees.
    fn agrees(&self) {
        assert_eq!(self.read("oob"), self.in_force());
        assert_eq!(self.read("oob.pending"), None);
        assert_eq!(self.read("oob.tmp"), None);
    }
}

/// A new VPN account, and one that had a password before; in clear and encrypted.
async fn worlds() -> [Arc<World>; 3] {
    [
        World::new(Kept::Clear, None).await,
        World::new(Kept::Clear, Some("before#1")).await,
        World::new(Kept::Age, None).await,
    ]
}

fn readable(world: &World) -> bool {
    world.kept == Kept::Clear
}

#[tokio::test]
async fn a_calm_rotation_creates_first_and_updates_then() {
    let world = World::new(Kept::Clear, None).await;
    let first = world.rotate(None).await.unwrap();
    assert_eq!((first.mode, first.finishes_earlier, first.kept.len()), (Mode::Create, false, 0));
    world.agrees();
    let one = world.in_force();
    let second = world.rotate(None).await.unwrap();
    assert_eq!(second.mode, Mode::Update);
    world.agrees();
    assert_ne!(one, world.in_force());
    assert!(world.store.audit_verify(Vec::new()).await.unwrap().broken.is_empty());
    let kinds: Vec<_> = world.store.audit_page(0).await.unwrap().into_iter().map(|r| r.kind).collect();
    assert_eq!(kinds, ["oob_rotation", "oob_rotation"]);
}

#[tokio::test]
async fn a_preview_changes_nothing() {
    let world = World::new(Kept::Clear, None).await;
    let client = world.client();
    let rotator = Rotator {
        client: &client,
        store: &world.store,
        sink: &world.sink,
        clock: world.clock.clone(),
        patience: PATIENCE,
        length: 16,
        order: Order { actor: Actor::default(), trigger: Trigger::Cli },
        checkpoint: None,
    };
    let shown = rotator.preview(ZONE).await.unwrap();
    assert_eq!((shown.mode, shown.outcome, shown.dry_run), (Mode::Create, "planned", true));
    assert_eq!(world.in_force(), None);
    assert_eq!(fs::read_dir(world.folder.path()).unwrap().count(), 0);
    assert!(rotator.finish(ZONE).await.unwrap().is_none(), "there is nothing to finish");
}

/// What can become of a send.
const FAULTS: [Option<Fault>; 10] = [
    None,
    Some(Fault::LostAfter),
    Some(Fault::LostBefore),
    Some(Fault::Refused),
    Some(Fault::Late { later: 0 }),
    Some(Fault::Late { later: 4 }),
    Some(Fault::Code(6000)),
    Some(Fault::Code(10101)),
    Some(Fault::Code(4100)),
    Some(Fault::Status(502)),
];

#[tokio::test]
async fn killed_at_every_step_the_next_run_finishes() {
    for step in Step::ALL {
        for fault in [None, Some(Fault::LostAfter), Some(Fault::LostBefore), Some(Fault::Late { later: 4 })] {
            for world in worlds().await {
                world.cloud.fail_next(SET, fault);
                let _ = world.rotate(Some(step)).await;
                let what = format!("killed after {step:?} with {fault:?} and {:?}", world.sink);
                world.check(&what);
                let waiting = world.read("oob.pending");
                world.cloud.calm();
                world.rotate(None).await.unwrap_or_else(|e| panic!("{what}: {e}"));
                world.agrees();
                if readable(&world) && waiting.is_some() {
                    assert_eq!(waiting, world.in_force(), "{what}: the pending one is sent again");
                }
                world.cloud.deliver_late();
                world.check(&what);
                world.clock.advance(Duration::from_secs(6 * 3600));
                let last = world.rotate(None).await.unwrap();
                world.agrees();
                assert!(last.kept.is_empty(), "{what}: late requests are dead by now: {:?}", last.kept);
                assert_eq!(world.candidates().len(), 1, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn without_an_answer_the_same_password_is_sent_again() {
    let world = World::new(Kept::Clear, None).await;
    world.cloud.fail_next(SET, [Fault::LostAfter]);
    let report = world.rotate(None).await.unwrap();
    assert_eq!(report.mode, Mode::Update, "the account exists by now");
    assert_eq!(world.cloud.with(|s| s.tencent.vpn.clone().unwrap().changes), 2);
    world.agrees();
    let world = World::new(Kept::Clear, None).await;
    world.cloud.fail_next(SET, [Fault::LostBefore]);
    assert_eq!(world.rotate(None).await.unwrap().mode, Mode::Create);
    world.agrees();
}

#[tokio::test]
async fn a_lasting_doubt_is_told_and_both_passwords_stay() {
    for world in worlds().await {
        world.cloud.fail_next(SET, [Fault::LostAfter; 2]);
        let error = world.rotate(None).await.unwrap_err();
        assert_eq!(
            (error.kind(), rosterd_core::reason::ErrorKind::of(error.kind()).exit().code()),
            ("unconfirmed", 6)
        );
        assert_eq!(world.in_force(), world.read("oob.pending"));
        let kinds: Vec<_> =
            world.store.audit_page(0).await.unwrap().into_iter().map(|r| r.body["outcome"].clone()).collect();
        assert_eq!(kinds, ["unconfirmed"]);
        let report = world.rotate(None).await.unwrap();
        assert_eq!(report.finishes_earlier, readable(&world));
        world.agrees();
    }
}

#[tokio::test]
async fn a_refusal_leaves_the_old_password_and_nothing_else() {
    let world = World::new(Kept::Clear, None).await;
    world.rotate(None).await.unwrap();
    let old = world.in_force();
    world.cloud.fail_next(SET, [Fault::Code(10004)]);
    let error = world.rotate(None).await.unwrap_err();
    assert_eq!(
        (error.kind(), rosterd_core::reason::ErrorKind::of(error.kind()).exit().code()),
        ("denied", 1)
    );
    assert_eq!(world.in_force(), old);
    world.agrees();
}

#[tokio::test]
async fn a_late_request_can_win_and_is_still_known() {
    for world in worlds().await {
        world.cloud.fail_next(SET, [Fault::Late { later: 50 }]);
        world.rotate(None).await.unwrap();
        let doubtful = world.in_force();
        world.rotate(None).await.unwrap();
        world.agrees();
        world.cloud.deliver_late();
        if doubtful != world.in_force() {
            world.check("a late create is refused when the account exists");
        }
        world.check("a late request won");
        world.clock.advance(Duration::from_secs(6 * 3600));
        world.rotate(None).await.unwrap();
        assert_eq!(world.candidates().len(), 1);
    }
}

#[tokio::test]
async fn a_password_of_another_account_is_not_touched() {
    let world = World::new(Kept::Clear, None).await;
    let _ = world.rotate(Some(Step::Noted)).await;
    world.cloud.with(|s| s.tencent.vpn.as_mut().unwrap().user = "999".into());
    let error = world.rotate(None).await.unwrap_err();
    assert!(matches!(&error, CloudError::OtherAccount { account, .. } if account == "1251001002"), "{error}");
    assert_eq!(world.in_force(), None);
    assert!(world.read("oob.pending").is_some());
}

#[tokio::test]
async fn a_pending_password_without_a_database_is_sent_again() {
    for kind in [Kept::Clear, Kept::Age] {
        let world = World::new(kind, Some("before#1")).await;
        let _ = world.rotate(Some(Step::Sent)).await;
        let waiting = world.read("oob.pending");
        let mut restored = Arc::into_inner(world).unwrap();
        restored.store = Store::in_memory(None).await.unwrap();
        let world = Arc::new(restored);
        world.rotate(None).await.unwrap();
        world.agrees();
        assert_eq!(kind == Kept::Clear, waiting == world.in_force());
        assert!(world.candidates().contains(&waiting.unwrap()), "it may have been sent a moment ago");
    }
}

#[tokio::test]
async fn two_at_once_is_one_too_many() {
    let world = World::new(Kept::Clear, None).await;
    let lock = world.sink.lock().unwrap().unwrap();
    let error = world.rotate(None).await.unwrap_err();
    assert_eq!(
        (error.kind(), rosterd_core::reason::ErrorKind::of(error.kind()).exit().code()),
        ("locked", 5)
    );
    drop(lock);
    world.rotate(None).await.unwrap();
}

#[tokio::test]
async fn a_sink_that_fails_after_the_send_loses_nothing() {
    let world = World::new(Kept::Clear, None).await;
    fs::create_dir_all(world.sink.path().join("in the way")).unwrap();
    let error = world.rotate(None).await.unwrap_err();
    assert_eq!(error.kind(), "sink");
    assert_eq!(world.in_force(), world.read("oob.pending"));
    fs::remove_dir_all(world.sink.path()).unwrap();
    assert!(world.rotate(None).await.unwrap().finishes_earlier);
    world.agrees();
}

#[tokio::test]
async fn the_database_may_fail_at_every_operation() {
    for fault in [None, Some(Fault::LostAfter)] {
        let mut nth = 0;
        loop {
            let failed = fails_at(nth, fault).await;
            if !failed {
                break;
            }
            nth += 1;
        }
        assert!(nth > 8, "the loop has met every operation, not {nth}");
    }
}

/// Fails the `nth` time the database is asked anything; then calm. Whether it came that far.
async fn fails_at(nth: u64, fault: Option<Fault>) -> bool {
    let mut world = Arc::into_inner(World::new(Kept::Clear, None).await).unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&count);
    let hook =
        Arc::new(move |_: &'static str, _: FaultPoint| match seen.fetch_add(1, Ordering::Relaxed) == nth {
            true => Err(sqlx::Error::PoolClosed),
            false => Ok(()),
        });
    world.store = world.store.with_faults(Some(hook)).await.unwrap();
    world.cloud.fail_next(SET, fault);
    let world = Arc::new(world);
    let result = world.rotate(None).await;
    let met = count.load(Ordering::Relaxed) > nth;
    assert!(met || result.is_ok(), "{result:?}");
    world.check(&format!("database failed at {nth}"));
    let mut world = Arc::into_inner(world).unwrap();
    world.store = world.store.with_faults(None).await.unwrap();
    let world = Arc::new(world);
    world.rotate(None).await.unwrap();
    world.agrees();
    met
}

#[tokio::test]
async fn no_password_reaches_the_database_or_an_error() {
    let passwords = Arc::new(Mutex::new(BTreeSet::new()));
    let world = World::new(Kept::Clear, None).await;
    for fault in FAULTS {
        world.cloud.fail_next(SET, fault);
        let result = world.rotate(None).await;
        passwords.lock().unwrap().extend(world.in_force());
        passwords.lock().unwrap().extend(world.candidates());
        let shown = format!("{result:?} {:?}", result.as_ref().map_err(ToString::to_string));
        for password in passwords.lock().unwrap().iter() {
            assert!(!shown.contains(password.as_str()), "{shown}");
        }
    }
    let rows: Vec<String> = world
        .store
        .read("test", |c| {
            Box::pin(async move {
                let query = "SELECT json_group_array(json_array(account, sink, state, mode, file)) FROM oob_rotations \
                             UNION ALL SELECT json_group_array(body) FROM audit";
                Ok::<_, StoreError>(sqlx::query_scalar(query).fetch_all(c).await?)
            })
        })
        .await
        .unwrap();
    for password in passwords.lock().unwrap().iter() {
        assert!(rows.iter().all(|row| !row.contains(password.as_str())));
    }
}

fn a_fault() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![
        2 => Just(None),
        1 => prop::sample::select(FAULTS.to_vec()),
        1 => (0_u32..6).prop_map(|later| Some(Fault::Late { later })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_happens_the_password_that_works_is_known(
        age in any::<bool>(),
        set_before in any::<bool>(),
        runs in prop::collection::vec(
            (
                prop::collection::vec(a_fault(), 0..4),
                prop::option::of(prop::sample::select(Step::ALL.to_vec())),
                prop::sample::select(vec![0_u64, 60, 7000, 20_000]),
            ),
            1..7,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let kind = if age { Kept::Age } else { Kept::Clear };
            let world = World::new(kind, set_before.then_some("before#1")).await;
            for (faults, stop, pause) in runs {
                world.cloud.fail_next(SET, faults.into_iter().flatten());
                let _ = world.rotate(stop).await;
                world.check("between runs");
                world.clock.advance(Duration::from_secs(pause));
            }
            world.cloud.deliver_late();
            world.check("after late requests");
            world.cloud.calm();
            world.rotate(None).await.unwrap();
            world.agrees();
        });
    }
}
