//! A rotation of the VPN's password in a process of its own, killed after every step: the password that works is in the
//! folder, and the next process finishes what was begun.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rosterd::clock::SystemClock;
use rosterd::cloud::CloudError;
use rosterd::cloud::open::{self, Place};
use rosterd::cloud::rotate::{Checkpoint, RotateReport, Rotator, Step};
use rosterd::cloud::simulated::{CloudState, Simulated, router};
use rosterd::cloud::store::Order;
use rosterd::config::Env;
use rosterd::config::OobConfig;
use rosterd::store::Store;
use rosterd::store::journal::{Actor, Trigger};

const ZONE: u64 = 1_000_100_003;
const WORLD: &str = "ROSTERD_TEST_KILL_WORLD";
const STEP: &str = "ROSTERD_TEST_KILL_STEP";

fn settings(server: &str, folder: &Path) -> OobConfig {
    serde_json::from_value(serde_json::json!({
        "endpoint": format!("{server}/v2/index.php"), "region": "gz", "zone": ZONE,
        "id": "env:ID", "key": "env:KEY", "sink": format!("file:{}", folder.join("oob").display()),
    }))
    .unwrap()
}

async fn rotate(
    server: &str,
    folder: &Path,
    checkpoint: Option<Checkpoint>,
) -> Result<RotateReport, CloudError> {
    let env: Env = [("ID", "simulated"), ("KEY", "key")].into_iter().collect();
    let place = Place { base: Path::new("/"), env: &env };
    let config = settings(server, folder);
    let client = open::oob(&config, place, SystemClock::new())?;
    let store = Store::open(&folder.join("rosterd.db")).await?;
    let rotator = Rotator {
        client: &client,
        store: &store,
        sink: &open::sink(&config, place)?,
        clock: SystemClock::new(),
        patience: open::patience(1),
        length: 16,
        order: Order { actor: Actor::default(), trigger: Trigger::Cli },
        checkpoint,
    };
    rotator.rotate(ZONE).await
}

/// Not a test of its own: the process that the other test starts and that kills itself.
#[test]
fn child() {
    let (Ok(world), Ok(step)) = (std::env::var(WORLD), std::env::var(STEP)) else { return };
    let (server, folder) = world.split_once(' ').unwrap();
    let last = Step::ALL[step.parse::<usize>().unwrap()];
    let checkpoint: Checkpoint = Arc::new(move |step| {
        if step == last {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
        true
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _ = runtime.block_on(rotate(server, Path::new(folder), Some(checkpoint)));
    panic!("this process should be dead");
}

fn passwords(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let ours = |p: &PathBuf| {
        let name = p.file_name().unwrap().to_str().unwrap();
        name == "oob" || name == "oob.pending" || name.starts_with("oob.kept-")
    };
    files.filter(ours).map(|p| fs::read_to_string(p).unwrap().trim_end().to_owned()).collect()
}

async fn killed_after(step: usize, existing: bool) {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Simulated::new(CloudState::sample("key"), SystemClock::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let app = router(cloud.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    if existing {
        rotate(&server, folder.path(), None).await.unwrap();
    }
    let world = format!("{server} {}", folder.path().display());
    let dead = tokio::task::spawn_blocking(move || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cloud_kill::child", "--test-threads=1"])
            .env(WORLD, world)
            .env(STEP, step.to_string())
            .output()
            .unwrap()
    });
    let status = dead.await.unwrap().status;
    let what = format!("killed after {:?}, existing: {existing}", Step::ALL[step]);
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{what}: {status}");
    let in_force = || cloud.with(|s| s.tencent.vpn.clone().unwrap().password);
    assert!(in_force().is_none_or(|p| passwords(folder.path()).contains(&p)), "{what}");

    let waiting = fs::read_to_string(folder.path().join("oob.pending")).ok();
    let report = rotate(&server, folder.path(), None).await.unwrap();
    assert_eq!(report.finishes_earlier, waiting.is_some(), "{what}");
    let current = fs::read_to_string(folder.path().join("oob")).unwrap();
    assert_eq!(Some(current.trim_end().to_owned()), in_force(), "{what}");
    assert!(
        waiting.is_none_or(|w| w == current),
        "{what}: the pending password is the one that came into force"
    );
    assert!(!folder.path().join("oob.pending").exists(), "{what}");
    let store = Store::open(&folder.path().join("rosterd.db")).await.unwrap();
    assert!(
        store.is_whole().await.unwrap() && store.audit_verify(Vec::new()).await.unwrap().broken.is_empty()
    );
}

#[tokio::test]
async fn the_next_process_finishes_a_first_password() {
    for step in 0..Step::ALL.len() {
        killed_after(step, false).await;
    }
}

#[tokio::test]
async fn the_next_process_finishes_a_new_password() {
    for step in [Step::Written, Step::Noted, Step::Sent, Step::Promoted] {
        let index = Step::ALL.iter().position(|s| *s == step).unwrap();
        killed_after(index, true).await;
    }
}
