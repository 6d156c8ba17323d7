//! What people do between runs of a simulation: an operator who adopts a user that nobody knows to be ours, one who has
//! a run undone, one who lets everybody go by the roster again. Through the store, as the commands do it.

use super::bench::Shared;
use super::dice::Dice;
use super::staff::Staff;
use super::world::World;
use super::{LabError, wrong};
use rosterd::clock::Clock;
use rosterd::existing::review;
use rosterd::model::{PersonKey, Username};
use rosterd::plan::{AccountState, Entry, Origin};
use rosterd::report::{CommitState, RunOutcome, TargetReport};
use rosterd::store::existing::{TakeOver, Taken};
use rosterd::store::journal::{Actor, NewRun, RunEnd, Trigger};
use rosterd::store::{Store, StoreError};

/// A user is on the gateway whom the snapshot gives to nobody: HR says that the name is somebody's who was not known,
/// and the operator adopts the user for them.
pub(super) async fn adopt(
    world: &World,
    shared: &Shared,
    store: &Store,
    staff: &mut Staff,
    dice: &mut Dice,
) -> Result<(), LabError> {
    let target = &world.target.name;
    let ours = store.snapshot(target).await?.entries;
    let may_land = review::may_land(&store.open_intents(target).await?);
    let known =
        |name: &str| may_land.contains(name) || ours.values().any(|entry| entry.username.as_str() == name);
    let (name, record) = {
        let mut bench = shared.lock();
        let mut names = bench.device.stored_users().into_keys();
        let Some(name) = names.find(|n| !known(n) && !bench.witness.is_stranger(n)) else { return Ok(()) };
        let name = Username::new(&name).map_err(wrong)?;
        let now = bench.true_time();
        let answer = bench.device.look(&name, now);
        bench.witness.looked(name.as_str(), &answer);
        let Ok(Some(record)) = answer else { return Ok(()) };
        (name, record)
    };
    let Some(state) = AccountState::from_record(&record) else { return Ok(()) };
    let Some(number) = staff.correct(dice, name.as_str()) else { return Ok(()) };
    shared.lock().adopted(&name, number);
    let person = PersonKey::new(&number.to_string()).map_err(wrong)?;
    let entry = Entry {
        username: name,
        origin: Origin::Adopted,
        state,
        gateway_id: record.id.clone(),
        disabled: None,
        unknown: false,
    };
    let device =
        rosterd::plan::Device { url: world.target.url.clone(), dialect: world.dialect.as_str().to_owned() };
    let what = TakeOver {
        taken: vec![Taken { person, entry, linked: false }],
        device,
        reason: "simulated".into(),
        actor: Actor::default(),
    };
    let new = NewRun {
        target: target.clone(),
        dry: false,
        trigger: Trigger::Cli,
        actor: Actor::default(),
        config_digest: "simulated".into(),
        as_of: shared.now().date_naive(),
    };
    let (run, _) = store.begin_run(new, shared.now()).await?;
    store.take_over(target, run, what, shared.now()).await?;
    let mut report = TargetReport::empty(target, run);
    report.outcome = RunOutcome::Applied;
    let end = RunEnd { outcome: report.outcome, exit_code: 0, commit: CommitState::None, report };
    store.end_run(target, run, end, shared.now()).await?;
    Ok(())
}

/// Everybody whom an undo held goes by the roster again.
pub(super) async fn resume(shared: &Shared, store: &Store) -> Result<(), StoreError> {
    let held: Vec<PersonKey> = store.said(shared.now().date_naive()).await?.into_keys().collect();
    if held.is_empty() {
        return Ok(());
    }
    store.say(held, None, "simulated".into(), Actor::default(), shared.now()).await
}
