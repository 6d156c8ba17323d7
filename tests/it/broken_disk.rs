//! The program on a disk that is full or read-only, and the order of its writes: no call leaves before its record is on
//! disk, and whatever fails, the next run with room again puts everything right.

use std::io::Read;
use std::process::Command;

use crate::crash_world::{World, answer, program};
use crate::needs::STRACE;

/// A sync whose files may not grow beyond so many blocks of 512 bytes; a write beyond that fails like on a full disk.
fn starved(world: &World, blocks: u64) -> Command {
    without_room(world, &world.sync(), blocks)
}

/// A command of the program under the same conditions.
fn without_room(world: &World, sync: &Command, blocks: u64) -> Command {
    let mut command = Command::new("sh");
    command.env_clear().current_dir(world.folder());
    for (name, value) in sync.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command.args(["-c", "trap '' XFSZ; ulimit -f \"$1\" || exit 99; shift; exec \"$@\"", "sh"]);
    command.arg(blocks.to_string()).arg(sync.get_program()).args(sync.get_args());
    command
}

/// Everything that changed the gateway is in the journal.
async fn journal_covers(world: &World, note: &str) {
    let sent = world.state()["counters"]["mutations"].as_i64().unwrap();
    let store = rosterd::store::Store::open(&world.path("rosterd.db")).await.unwrap();
    let journalled =
        world.number(&store, "SELECT coalesce(sum(attempts), 0) FROM calls WHERE kind <> 'commit'").await;
    assert!(
        journalled >= sent,
        "{note}: {sent} changes reached the gateway, {journalled} are in the journal"
    );
    assert!(store.is_whole().await.unwrap(), "{note}");
}

#[tokio::test]
async fn a_disk_that_is_full_loses_nothing() {
    let world = World::new("updater-cloud", &[], "");
    let _ = world.roster(5, 0);
    assert_eq!(world.whole_run().0, 0);
    let blocks = |name: &str| std::fs::metadata(world.path(name)).map_or(0, |m| m.len() / 512);
    let (mut failed, mut partly) = (0, 0);
    for round in 1..9_u64 {
        let wanted = world.roster(25, round);
        let before = world.state()["counters"]["mutations"].as_u64();
        // The log of a closed database begins anew: room for more and more of it.
        let room = blocks("rosterd.db") + round * round * 6;
        let (code, report) = answer(&mut starved(&world, room));
        assert!([0, 1, 6].contains(&code), "round {round}: {code} {report:#}");
        failed += u64::from(code != 0);
        partly += u64::from(code != 0 && world.state()["counters"]["mutations"].as_u64() > before);
        journal_covers(&world, &format!("round {round}")).await;
        let (code, report) = world.whole_run();
        assert_eq!(code, 0, "round {round}: {report:#}");
        world.is_settled(&wanted, &format!("round {round}"));
    }
    assert!(failed > 2 && partly > 0, "{failed} runs failed, {partly} of them half way");
    world.books_are_right().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_written_sends_nothing() {
    let world = World::new("openapi", &[], "");
    let _ = world.roster(5, 0);
    assert_eq!(world.whole_run().0, 0);
    let before = world.state()["counters"].clone();
    let wanted = world.roster(9, 1);
    let (code, report) = answer(&mut starved(&world, 0));
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(world.state()["counters"]["mutations"], before["mutations"]);
    assert_eq!(world.state()["counters"]["commits"], before["commits"]);
    let (code, report) = world.whole_run();
    assert_eq!(code, 0, "{report:#}");
    world.is_settled(&wanted, "writable again");
}

/// Whoever wants to know what is going on while the disk is full must not be told that it cannot be read.
#[test]
fn what_only_reads_works_on_a_full_disk() {
    let world = World::new("openapi", &[], "");
    let _ = world.roster(3, 0);
    assert_eq!(world.whole_run().0, 0);
    for arguments in [&["runs"][..], &["runs", "1"], &["status"], &["audit", "verify"]] {
        let mut command = program();
        command.current_dir(world.folder()).args(["--config", "rosterd.toml"]).args(arguments);
        let output = without_room(&world, &command, 0).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {told}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
    }
}

/// A power cut loses what was not synced: so between two calls that change the gateway there must be a sync, and the
/// record of a call must be written before it.
#[test]
fn each_call_is_on_disk_before_it_is_sent() {
    let Some(strace) = STRACE.or_leave_out() else { return };
    let world = World::new("updater-cloud", &[], "");
    let _ = world.roster(12, 0);
    let trace = world.path("trace");
    let mut traced = Command::new(strace);
    traced.args(["-f", "-s", "2000", "-e", "trace=fsync,fdatasync,sendto,write,writev,sendmsg", "-o"]);
    traced.arg(&trace).arg(crate::program::path()).current_dir(world.folder());
    traced.args(["--config", "rosterd.toml", "sync", "--output", "json"]);
    traced.env_clear().env("LANG", "C");
    for (name, value) in program().get_envs() {
        traced.env(name, value.unwrap_or_default());
    }
    let output = traced.output().unwrap();
    let mut lines = String::new();
    std::fs::File::open(&trace).unwrap().read_to_string(&mut lines).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut synced, mut sent) = (false, 0);
    for line in lines.lines() {
        if line.contains("fdatasync(") || line.contains("fsync(") {
            synced = true;
        } else if line.contains("action=AddUserCloud") || line.contains("action=UpdaterCloud") {
            assert!(synced, "a call left before anything was synced: {line}");
            (synced, sent) = (false, sent + 1);
        }
    }
    assert_eq!(sent, 13, "twelve adds and a commit");
}
