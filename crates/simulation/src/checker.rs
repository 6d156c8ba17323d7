//! What must hold, judged from outside: from the requests that left, the answers that arrived, the device's own log and
//! layers, and the rows of the database. Shares no code with the engine: it reads the tables with SQL of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sqlx::Row;

use super::staff::{Presence, Staff};
use rosterd::gateway::embedded::{Device, UserView};
use rosterd::gateway::{Mutation, Outcome, ReadError, UserRecord};
use rosterd::report::{CommitState, RunOutcome, TargetReport};
use rosterd::store::{Store, StoreError};

/// Users that somebody made by hand, among them protected ones and one whose name an employee may have too.
pub const STRANGERS: &[&str] = &["admin", "svc-mail", "walkin"];
/// How long a token lives, twice: after that nothing that was sent can land.
const SETTLED: Duration = Duration::from_secs(600);

/// Fields of an account: group, note, phone, roles, enabled.
type Fields = (String, String, String, BTreeSet<String>, bool);

/// What the journal said at one moment.
#[derive(Debug, Default)]
pub struct JournalView {
    target: String,
    /// The calls that are being sent, by number.
    calls: BTreeMap<i64, SendingCall>,
    unaudited: i64,
    trouble: Option<String>,
}

/// A call that is journalled and not answered.
#[derive(Debug, Default)]
struct SendingCall {
    run: i64,
    kind: String,
    attempts: i64,
    /// Names before and after, of its people.
    names: BTreeSet<String>,
}

impl JournalView {
    fn find(&self, kind: &str, names: &[String]) -> Option<(i64, &SendingCall)> {
        let names: BTreeSet<String> = names.iter().cloned().collect();
        let same = |call: &SendingCall| call.kind == kind && call.names == names;
        self.calls.iter().find(|(_, call)| same(call)).map(|(seq, call)| (*seq, call))
    }
}

/// What the database says after a run.
#[derive(Debug, Default)]
struct Books {
    target: String,
    open: i64,
    entries: Vec<(String, Fields)>,
    summary: String,
}

/// What the checker has seen in one seed.
#[derive(Debug, Default)]
pub struct Witness {
    /// Everything that was wrong.
    pub violations: Vec<String>,
    /// Checks made.
    pub checks: u64,
    confirmed: BTreeMap<String, Vec<Fields>>,
    strangers: BTreeMap<String, UserView>,
    /// A mutation left, and no commit that began later is confirmed.
    owed: bool,
    order: u64,
    /// Calls without a usable answer: name → (removal, when, order).
    unknown: BTreeMap<String, (bool, Duration, u64)>,
    known: BTreeMap<String, u64>,
    in_flight: Vec<(Vec<String>, bool, Duration)>,
    named: BTreeSet<String>,
    /// Calls in the device's log that were not the engine's.
    by_hand: BTreeSet<u64>,
    sends: BTreeMap<(i64, i64), i64>,
    log_read: usize,
    dry: bool,
    mutations: u64,
    commits: u64,
    confirmed_commit: bool,
}

fn names(mutation: &Mutation) -> Vec<String> {
    match mutation {
        Mutation::Add(a) => vec![a.name.to_string()],
        Mutation::Update(u) if u.old_name == u.new_name => vec![u.old_name.to_string()],
        Mutation::Update(u) => vec![u.old_name.to_string(), u.new_name.to_string()],
        Mutation::Delete(names) | Mutation::Kick(names) => names.iter().map(ToString::to_string).collect(),
        Mutation::AddGroup(_) => Vec::new(),
    }
}

const fn kind(mutation: &Mutation) -> &'static str {
    match mutation {
        Mutation::Add(_) => "add",
        Mutation::Update(_) => "update",
        Mutation::Delete(_) => "delete",
        Mutation::AddGroup(_) => "add_group",
        Mutation::Kick(_) => "kick",
    }
}

impl Witness {
    /// Eyes on a device with strangers.
    pub fn new(device: &Device) -> Self {
        Self { strangers: device.effective_users(), log_read: device.log().len(), ..Self::default() }
    }

    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.checks += 1;
        if !holds {
            self.violations.push(what());
        }
    }

    /// A run begins.
    pub fn begin(&mut self, dry: bool) {
        (self.dry, self.mutations, self.commits, self.confirmed_commit) = (dry, 0, 0, false);
    }

    /// A look was answered.
    pub fn looked(&mut self, name: &str, answer: &Result<Option<UserRecord>, ReadError>) {
        let Ok(found) = answer else { return };
        self.order += 1;
        self.known.insert(name.to_owned(), self.order);
        // What an answer leaves out may be either.
        let enabled = |r: &UserRecord| r.enabled.map_or(vec![true, false], |enabled| vec![enabled]);
        for (r, enabled) in found.iter().flat_map(|r| enabled(r).into_iter().map(move |e| (r, e))) {
            let fields = (
                r.group.clone().unwrap_or_default(),
                r.note.clone().unwrap_or_default(),
                r.phone.clone().unwrap_or_default(),
                r.roles.clone().unwrap_or_default(),
                enabled,
            );
            self.confirmed.entry(name.to_owned()).or_default().push(fields);
        }
    }

    /// A change is about to leave the process.
    pub fn sends(&mut self, mutation: &Mutation, journal: &JournalView, at: Duration) {
        let (kind, names) = (kind(mutation), names(mutation));
        let (dry, commits) = (self.dry, self.commits);
        self.check(!dry, || format!("a dry run sends {kind} {names:?}"));
        self.check(journal.trouble.is_none(), || {
            format!("the journal cannot be read: {:?}", journal.trouble)
        });
        if matches!(mutation, Mutation::Kick(_)) {
            return self.kicks(&names, journal);
        }
        self.check(commits == 0, || format!("{kind} {names:?} after the commit"));
        self.check(journal.target != "clean", || format!("{kind} {names:?} while the target is clean"));
        let call = journal.find(kind, &names);
        self.check(call.is_some(), || format!("{kind} {names:?} is not in the journal: {journal:?}"));
        if let Some((seq, call)) = call {
            let sends = self.sends.entry((call.run, seq)).or_default();
            *sends += 1;
            let sends = *sends;
            self.check(call.attempts >= sends, || format!("call {seq} is sent more often than journalled"));
        }
        self.named.extend(names.iter().cloned());
        let removal = matches!(mutation, Mutation::Delete(_));
        for name in &names {
            let stranger = self.strangers.contains_key(name);
            self.check(!stranger || kind == "add", || format!("{kind} of a stranger, {name}"));
            let unknown = self.unknown.get(name).copied();
            let blind = unknown.is_some_and(|(other, then, order)| {
                other != removal
                    && at.saturating_sub(then) < SETTLED
                    && self.known.get(name).is_none_or(|known| *known < order)
            });
            self.check(!blind, || format!("{kind} of {name} against an open call, without a look"));
        }
        self.mutations += 1;
        self.owed = true;
        self.in_flight.push((names, removal, at));
    }

    /// Sessions are about to be ended: a change that needs no commit and may not come before one.
    fn kicks(&mut self, names: &[String], journal: &JournalView) {
        let (after, written) = (self.confirmed_commit, journal.find("kick", &[]).is_some());
        self.check(after, || format!("sessions of {names:?} are ended before a confirmed commit"));
        self.check(written, || format!("a kick that is not in the journal: {journal:?}"));
        let ours = names.iter().all(|name| !self.strangers.contains_key(name));
        self.check(ours, || format!("sessions of strangers are ended: {names:?}"));
    }

    /// Whether this user is somebody else's.
    pub fn is_stranger(&self, name: &str) -> bool {
        self.strangers.contains_key(name)
    }

    /// Whether the engine ever sent this name.
    pub fn has_named(&self, name: &str) -> bool {
        self.named.contains(name)
    }

    /// Somebody made this user by hand.
    pub fn stranger(&mut self, name: &str, device: &Device) {
        if let Some(view) = device.effective_users().remove(name) {
            self.strangers.insert(name.to_owned(), view);
        }
        // The call that made it and its commit.
        self.by_hand.extend(device.log().iter().rev().take(2).map(|asked| asked.seq));
    }

    fn lost(&mut self, call: (Vec<String>, bool, Duration)) {
        let (names, removal, at) = call;
        self.order += 1;
        for name in names {
            self.unknown.insert(name, (removal, at, self.order));
        }
    }

    /// A change was answered.
    pub fn answered(&mut self, mutation: &Mutation, outcome: &Outcome) {
        if matches!(mutation, Mutation::Kick(_)) {
            return;
        }
        let named = names(mutation);
        let call = self.in_flight.iter().position(|(names, ..)| *names == named);
        let call = call.map(|at| self.in_flight.swap_remove(at));
        match outcome {
            Outcome::Unknown(_) => call.into_iter().for_each(|call| self.lost(call)),
            Outcome::Refused(_) | Outcome::NotSent(_) => {}
            Outcome::Applied => {
                self.order += 1;
                for name in named {
                    self.known.insert(name, self.order);
                }
                let fields = match mutation {
                    Mutation::Add(a) => Some((
                        &a.name,
                        (a.group.to_string(), a.note.clone(), a.phone.clone(), a.roles.clone(), true),
                    )),
                    Mutation::Update(u) => Some((
                        &u.new_name,
                        (u.group.to_string(), u.note.clone(), u.phone.clone(), u.roles.clone(), u.enabled),
                    )),
                    _ => None,
                };
                if let Some((name, fields)) = fields {
                    self.confirmed.entry(name.to_string()).or_default().push(fields);
                }
            }
        }
    }

    /// A commit is about to leave the process.
    pub fn commits(&mut self, journal: &JournalView) {
        self.commits += 1;
        let (dry, commits) = (self.dry, self.commits);
        self.check(!dry, || "a dry run commits".into());
        self.check(commits == 1, || format!("{commits} commits in one run"));
        let written = journal.find("commit", &[]).is_some();
        self.check(written, || format!("a commit that is not in the journal: {journal:?}"));
        self.check(journal.unaudited == 0, || {
            format!("{} actions without an audit record", journal.unaudited)
        });
    }

    /// A commit was answered.
    pub fn commit_answered(&mut self, outcome: &Outcome) {
        if *outcome == Outcome::Applied {
            self.confirmed_commit = true;
            let open = self
                .unknown
                .iter()
                .any(|(name, (_, _, order))| self.known.get(name).is_none_or(|known| known < order));
            self.owed &= open;
        }
    }

    /// Requests that changed something in this run.
    pub const fn sent(&self) -> (u64, u64) {
        (self.mutations, self.commits)
    }

    /// A process ended; `report` unless it died or could not record its end. `blind`: it could not read how its
    /// target stands.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn ends(
        &mut self,
        device: &Device,
        books: Result<BooksOf, StoreError>,
        report: Option<&TargetReport>,
        blind: bool,
    ) -> u64 {
        for call in std::mem::take(&mut self.in_flight) {
            self.lost(call);
        }
        let books = match books {
            Ok(BooksOf(books)) => books,
            Err(error) => {
                self.violations.push(format!("the database cannot be read: {error}"));
                return 0;
            }
        };
        let clean = books.target == "clean";
        let (owed, confirmed_commit, commits) = (self.owed, self.confirmed_commit, self.commits);
        self.check(!(owed && clean), || "dirty is forgotten".into());
        self.check(!(books.open > 0 && clean), || format!("clean with {} open intents", books.open));
        for (name, fields) in &books.entries {
            let known = self.confirmed.get(name).is_some_and(|all| all.contains(fields));
            self.check(known, || format!("nobody confirmed the snapshot's {name}: {fields:?}"));
            let stranger = self.strangers.contains_key(name);
            self.check(!stranger, || format!("the snapshot claims a stranger, {name}"));
        }
        self.check_strangers(device);
        self.read_log(device);
        if let Some(report) = report.filter(|_| !self.dry) {
            // A process that could not read its database any more may fear the worst, never hope for the best.
            self.check((report.exit_code == 6) != clean || (blind && clean), || {
                format!("exit {} with a target that is {}", report.exit_code, books.target)
            });
            let said = report.commit == CommitState::Confirmed;
            self.check(said == confirmed_commit, || format!("the report says {:?}", report.commit));
            let counted = report.calls.commits;
            self.check(counted == commits, || format!("{commits} commits, the report says {counted}"));
        }
        let relation = (device.is_dirty(), owed, self.unknown.len());
        let text = format!("{}{relation:?}", books.summary);
        let hash = blake3::hash(text.as_bytes());
        hash.as_bytes().iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }

    fn check_strangers(&mut self, device: &Device) {
        let (stored, effective) = (device.stored_users(), device.effective_users());
        for (name, view) in self.strangers.clone() {
            let same = stored.get(&name) == Some(&view) && effective.get(&name) == Some(&view);
            self.check(same, || format!("the stranger {name} was changed"));
        }
    }

    /// The device's own log: whatever it says was carried out on a stranger is a violation, however it got there.
    fn read_log(&mut self, device: &Device) {
        let fresh = device.log().get(self.log_read..).unwrap_or_default();
        self.log_read = device.log().len();
        for asked in fresh.iter().filter(|asked| asked.applied && !self.by_hand.contains(&asked.seq)) {
            let touched = ["name", "old_name", "new_name"]
                .iter()
                .filter_map(|p| asked.params.get(*p))
                .any(|name| self.strangers.contains_key(name));
            self.checks += 1;
            if touched {
                self.violations.push(format!("the device carried out {} on a stranger", asked.action));
            }
        }
    }

    /// After the last storm and a clean run: both layers are what the people are owed, and nothing else.
    pub fn settles(&mut self, device: &Device, staff: &Staff, deletes: bool) {
        for (layer, users) in [("stored", device.stored_users()), ("effective", device.effective_users())] {
            let mut expected = BTreeSet::new();
            for (number, member) in &staff.members {
                if member.presence != Presence::Here || self.strangers.contains_key(&member.login) {
                    continue;
                }
                expected.insert(member.login.clone());
                let found = users.get(&member.login);
                let right = found.is_some_and(|user| member.is(user));
                self.check(right, || {
                    format!("{layer}: {number} ({}) is {found:?}, not {member:?}", member.login)
                });
            }
            for (name, user) in &users {
                let may_be = expected.contains(name)
                    || self.strangers.contains_key(name)
                    || (!deletes && !user.enabled);
                self.check(may_be, || format!("{layer}: {name} should not be there: {user:?}"));
            }
        }
    }

    /// The run after that one sends nothing.
    pub fn is_quiet(&mut self, report: Option<&TargetReport>, staff: &Staff) {
        let (mutations, commits) = self.sent();
        self.check(mutations == 0 && commits == 0, || {
            format!("not quiet: {mutations} mutations and {commits} commits")
        });
        let blocked = staff.members.values().any(|m| {
            let protected = m.login == "admin" || m.login.starts_with("svc-");
            m.presence == Presence::Here && self.strangers.contains_key(&m.login) && !protected
        });
        let expected = if blocked { 3 } else { 0 };
        let right = report.is_some_and(|r| r.outcome == RunOutcome::NoChanges && r.exit_code == expected);
        self.check(right, || {
            format!("not quiet: {:?}", report.map(|r| (r.outcome, r.exit_code, &r.blocked)))
        });
    }

    /// A clean run ends well.
    pub fn is_content(&mut self, report: Option<&TargetReport>) {
        let well = report.is_some_and(|r| {
            matches!(r.outcome, RunOutcome::Applied | RunOutcome::NoChanges) && matches!(r.exit_code, 0 | 3)
        });
        self.check(well, || format!("a clean run ends with {report:?}"));
    }
}

/// The database after a run, for [`Witness::ends`].
#[derive(Debug)]
pub struct BooksOf(Books);

/// Reads what the journal says of the call that is being sent.
pub async fn read_journal(store: &Store) -> JournalView {
    let rows = store
        .read("simulation: journal", |c| {
            Box::pin(async move {
                let rows = sqlx::query(
                    "SELECT (SELECT state FROM targets) AS target, c.run, c.seq, c.kind, c.attempts, i.username, i.new_username, \
                     (SELECT count(*) FROM intents WHERE audited = 0 AND state NOT IN ('sending', 'unknown')) AS unaudited \
                     FROM runs r LEFT JOIN calls c ON c.run = r.id AND c.state = 'sending' \
                     LEFT JOIN intents i ON i.run = c.run AND i.seq = c.seq WHERE r.id = (SELECT max(id) FROM runs)",
                )
                .fetch_all(c)
                .await?;
                let mut view = JournalView::default();
                for row in &rows {
                    view.target = row.try_get("target")?;
                    view.unaudited = row.try_get("unaudited")?;
                    let Some(seq) = row.try_get::<Option<i64>, _>("seq")? else { continue };
                    let call = view.calls.entry(seq).or_default();
                    call.run = row.try_get("run")?;
                    call.kind = row.try_get("kind")?;
                    call.attempts = row.try_get("attempts")?;
                    for name in ["username", "new_username"] {
                        call.names.extend(row.try_get::<Option<String>, _>(name)?);
                    }
                }
                Ok(view)
            })
        })
        .await;
    rows.unwrap_or_else(|error| JournalView { trouble: Some(error.to_string()), ..JournalView::default() })
}

/// Reads what the database says after a run.
///
/// # Errors
/// If it cannot be read.
pub async fn read_books(store: &Store) -> Result<BooksOf, StoreError> {
    store
        .read("simulation: books", |c| {
            Box::pin(async move {
                let mut books = Books { target: "clean".into(), ..Books::default() };
                let rows = sqlx::query(
                    "SELECT t.state, (SELECT count(*) FROM intents WHERE state IN ('sending', 'unknown')) AS open, \
                     (SELECT group_concat(w, ' ') FROM (SELECT DISTINCT kind || state || unsettled AS w FROM intents \
                     WHERE unsettled = 1 OR state IN ('sending', 'unknown') ORDER BY w)) AS words, \
                     (SELECT outcome FROM runs ORDER BY id DESC LIMIT 1) AS outcome, e.username, e.group_path, e.note, \
                     e.phone, e.roles, e.enabled FROM targets t LEFT JOIN entries e ON e.target = t.name",
                )
                .fetch_all(c)
                .await?;
                for row in &rows {
                    books.target = row.try_get("state")?;
                    books.open = row.try_get("open")?;
                    let words: Option<String> = row.try_get("words")?;
                    let outcome: Option<String> = row.try_get("outcome")?;
                    books.summary = format!("{} {words:?} {outcome:?}", books.target);
                    let Some(username) = row.try_get("username")? else { continue };
                    let roles: String = row.try_get("roles")?;
                    let roles: BTreeSet<String> = serde_json::from_str(&roles).unwrap_or_default();
                    let fields = (
                        row.try_get("group_path")?,
                        row.try_get("note")?,
                        row.try_get("phone")?,
                        roles,
                        row.try_get("enabled")?,
                    );
                    books.entries.push((username, fields));
                }
                Ok(BooksOf(books))
            })
        })
        .await
}
