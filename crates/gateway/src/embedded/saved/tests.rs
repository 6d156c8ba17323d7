//! The device's file: kept, shared, cut off, compacted.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::*;
use crate::gateway::Dialect;
use crate::gateway::embedded::Furniture;
use crate::gateway::embedded::layers::work::STEPS;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn empty() -> Device {
    Device::new(Dialect::UpdaterCloud, BTreeSet::new(), &Furniture::default())
}

struct Held {
    device: Device,
    saved: Saved,
}

fn open(path: &Path) -> Held {
    let mut device = empty();
    let saved = Saved::open(path, &mut device).unwrap();
    Held { device, saved }
}

impl Held {
    fn call(&mut self, action: &str, params: &[(&str, &str)]) -> i64 {
        self.saved.with(&mut self.device, |device| device.call(action, params, now()).code).unwrap()
    }

    fn add(&mut self, name: &str) -> i64 {
        self.call("AddUserCloud", &[("name", name), ("parent_group", "/")])
    }

    fn names(&mut self) -> Vec<String> {
        self.call("ExGetUserInfo", &[("username", "nobody")]);
        self.device.stored_users().into_keys().collect()
    }
}

#[test]
fn both_layers_survive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device");
    let mut first = open(&path);
    assert_eq!(first.add("a"), 0);
    assert_eq!(first.call("UpdaterCloud", &[]), 0);
    assert_eq!(first.add("b"), 0);
    let again = open(&path);
    assert_eq!(again.device.stored_users(), first.device.stored_users());
    assert_eq!(again.device.effective_users().into_keys().collect::<Vec<_>>(), ["a"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn two_processes_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device");
    let (mut one, mut two) = (open(&path), open(&path));
    assert_eq!((one.add("a"), two.add("a"), two.add("b")), (0, -9, 0));
    assert_eq!(one.names(), ["a", "b"]);
    assert_eq!(one.device.stored_users()["b"].id, two.device.stored_users()["b"].id);
}

#[test]
fn a_line_cut_off_by_a_kill_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device");
    let mut first = open(&path);
    first.add("a");
    let whole = std::fs::read(&path).unwrap();
    first.call("AddUserCloud", &[("name", "张三"), ("parent_group", "/")]);
    let longer = std::fs::read(&path).unwrap();
    for end in whole.len()..longer.len() {
        std::fs::write(&path, &longer[..end]).unwrap();
        let mut again = open(&path);
        assert_eq!(again.names(), ["a"], "{end}");
        again.add("c");
        assert_eq!(open(&path).names(), ["a", "c"]);
    }
}

#[test]
fn a_file_that_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device");
    std::fs::write(&path, "something else\n").unwrap();
    assert!(matches!(Saved::open(&path, &mut empty()), Err(GatewayError::Data { .. })));
}

#[test]
fn a_long_file_is_written_anew_and_others_follow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device");
    let (mut one, mut two) = (open(&path), open(&path));
    one.add("a");
    for n in 0..=COMPACT_LINES {
        let flag = if n % 2 == 0 { "1" } else { "0" };
        let params = [("old_name", "a"), ("new_name", "a"), ("parent_group", "/"), ("is_enable", flag)];
        assert_eq!(one.call("UpdateUserCloud", &params), 0);
    }
    let lines = std::fs::read_to_string(&path).unwrap().lines().count();
    assert!(lines < COMPACT_LINES, "{lines}");
    assert_eq!(two.names(), ["a"]);
    assert_eq!(two.add("b"), 0);
    assert_eq!(one.names(), ["a", "b"]);
    assert_eq!(open(&path).device.stored_users(), one.device.stored_users());
}

/// What `people` new users of a company with a department for every ten of them cost, in groups and users read for each.
fn steps_of_a_first_sync(people: u64) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let furniture = Furniture { any_group: true, ..Furniture::default() };
    let mut device = Device::new(Dialect::UpdaterCloud, BTreeSet::new(), &furniture);
    let saved = Saved::open(&folder.path().join("device"), &mut device).unwrap();
    let mut held = Held { device, saved };
    let before = STEPS.get();
    for n in 0..people {
        let (name, group) = (format!("{n:05}"), format!("/公司/{}部", n / 10));
        assert_eq!(held.call("ExGetUserInfo", &[("username", &name)]), -10);
        assert_eq!(held.call("AddUserCloud", &[("name", &name), ("parent_group", &group)]), 0);
    }
    (STEPS.get() - before) / people
}

#[test]
fn a_person_costs_the_same_among_many() {
    let few = steps_of_a_first_sync(250);
    assert!(few > 0);
    assert_eq!(steps_of_a_first_sync(4_000), few);
}

#[test]
fn a_group_that_moves_is_found_at_its_new_place_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device");
    let furniture = Furniture { any_group: true, ..Furniture::default() };
    let mut device = Device::new(Dialect::Openapi, BTreeSet::new(), &furniture);
    let saved = Saved::open(&path, &mut device).unwrap();
    let mut held = Held { device, saved };
    for (name, parent) in [("a", "/"), ("b", "/"), ("c", "/a")] {
        assert_eq!(held.call("AddGroupCloud", &[("name", name), ("parent_group", parent)]), 0);
    }
    assert_eq!(
        held.call("MoveGrpUserCloud", &[("src_group", "/a"), ("dst_group", "/b"), ("groups", "c")]),
        0
    );
    for device in [&held.device, &open(&path).device] {
        let groups = device.stored_groups();
        assert!(groups.contains("/b/c") && !groups.contains("/a/c"), "{groups:?}");
    }
    assert_eq!(held.call("AddGroupCloud", &[("name", "c"), ("parent_group", "/a")]), 0);
    assert_eq!(held.call("AddGroupCloud", &[("name", "c"), ("parent_group", "/b")]), -9);
}
