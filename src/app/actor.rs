//! On whose behalf this process acts: for the audit trail.

use std::fs;

use crate::store::journal::Actor;

/// What the kernel writes when nobody logged in (a service).
const NOBODY_LOGGED_IN: u32 = u32::MAX;

/// Who runs this process: the effective user, the user at log-in (which survives `sudo`), and a name. The name comes
/// from the system's list of users, not from the environment, which anybody can set.
pub fn current() -> Actor {
    let uid = rustix::process::geteuid().as_raw();
    let login = fs::read_to_string("/proc/self/loginuid").ok();
    let login_uid = login.and_then(|text| text.trim().parse().ok()).filter(|uid| *uid != NOBODY_LOGGED_IN);
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    Actor { uid, login_uid, name: name_of(login_uid.unwrap_or(uid), &users), command: None }
}

fn name_of(uid: u32, users: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_number_and_damaged_lines_are_passed_over() {
        let users = "root:x:0:0:root:/root:/bin/bash\n\n+::::::\nops:x:1000:1000::/home/ops:/bin/sh\n";
        assert_eq!(name_of(1000, users).as_deref(), Some("ops"));
        assert_eq!(name_of(0, users).as_deref(), Some("root"));
        assert_eq!(name_of(4242, users), None);
    }

    #[test]
    fn this_process_has_an_actor() {
        assert_eq!(current().uid, rustix::process::geteuid().as_raw());
    }
}
