//! A second opinion on a finished plan, for tests and as a last look before it is carried out. It shares no code with
//! the planner: what it needs it works out again, the slow and plain way.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;

use super::input::{OverrideKind, PlanInput};
use super::state::{AccountField, AccountState, Entry, Origin};
use super::value::{Action, ActionKind, Plan, Reason};
use crate::config::{Allow, Existing, LeaverAction, Limit, Manage};
use crate::mapping::{Gone, Wanted};
use crate::model::{GroupPath, MAX_NOTE_BYTES, MAX_PHONE_BYTES, PersonKey, Username, fold};
use crate::reason::Guard;

/// A rule that a plan breaks. Words for developers: no user should ever see one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: &'static str,
    /// What breaks it.
    pub what: String,
}

struct Checker<'a> {
    plan: &'a Plan,
    input: &'a PlanInput<'a>,
    found: Vec<Violation>,
}

/// Looks for rules that the plan breaks. An empty answer is the only good one.
pub fn check(plan: &Plan, input: &PlanInput<'_>) -> Vec<Violation> {
    let mut checker = Checker { plan, input, found: Vec::new() };
    checker.everybody_once();
    checker.names();
    checker.order();
    checker.groups();
    checker.limits();
    checker.counts();
    for action in &plan.actions {
        checker.ownership(action);
        checker.cause(action);
        checker.fields(action);
        checker.brakes(action);
        checker.removal(action);
    }
    checker.found
}

impl<'a> Checker<'a> {
    fn expect(&mut self, holds: bool, rule: &'static str, what: impl std::fmt::Debug) {
        if !holds {
            self.found.push(Violation { rule, what: format!("{what:?}") });
        }
    }

    fn entry(&self, person: &PersonKey) -> Option<&'a Entry> {
        self.input.snapshot.entries.get(person)
    }

    fn sent(&self) -> impl Iterator<Item = &'a Action> + use<'a> {
        self.plan.actions.iter().filter(|action| action.withheld_by.is_none())
    }

    fn everybody_once(&mut self) {
        let mut seen = BTreeSet::new();
        for person in self.plan.actions.iter().map(|a| &a.person) {
            self.expect(seen.insert(person), "one action per person", person);
        }
        for person in self.plan.blocked.iter().map(|b| &b.person) {
            self.expect(seen.insert(person), "blocked people are left alone", person);
        }
    }

    fn names(&mut self) {
        let mut used: BTreeMap<String, &PersonKey> = BTreeMap::new();
        for action in &self.plan.actions {
            let names: BTreeSet<String> =
                [&action.username, &action.new_username].map(|name| fold(name.as_str())).into();
            for name in names {
                let other = used.insert(name.clone(), &action.person);
                self.expect(other.is_none(), "no name twice", (&name, &action.person, other));
            }
        }
        for (person, entry) in &self.input.snapshot.entries {
            let user = used.get(&fold(entry.username.as_str())).copied();
            let fine = user.is_none_or(|user| user == person);
            self.expect(fine, "no name of somebody else's account", (&entry.username, person, user));
        }
        for (taken, whose) in &self.input.past.uncommitted_names {
            let new =
                self.plan.actions.iter().filter(|a| self.entry(&a.person).is_none() && a.person != *whose);
            let again = new.map(|a| a.new_username.folded()).any(|name| name == taken.folded());
            self.expect(!again, "no name before the commit that frees it", taken);
        }
        for (person, calls) in &self.input.past.in_flight {
            let plan = self.plan;
            for action in &plan.actions {
                if self.entry(&action.person).is_some() {
                    continue;
                }
                let theirs = action.person == *person;
                let fine = theirs || !calls.names.contains(&action.new_username);
                self.expect(fine, "no name of a call that may still land", (&action.new_username, person));
                let twice = theirs && calls.added.iter().any(|name| *name != action.new_username);
                self.expect(!twice, "nobody is added under two names", &action.new_username);
                let taken_away = theirs && calls.renamed.contains(&action.new_username);
                self.expect(!taken_away, "nobody is added where a rename may take them away", person);
            }
        }
    }

    fn order(&mut self) {
        use ActionKind::{Add, Adopt, Delete, Disable, Enable, Rename, Update};
        let rank =
            |kind| [Update, Rename, Enable, Adopt, Add, Disable, Delete].iter().position(|k| *k == kind);
        let place = |action: &'a Action| (rank(action.kind), &action.person);
        let sorted = self.plan.actions.is_sorted_by_key(place);
        self.expect(sorted, "deletes last, within a kind by person", "actions");
        self.expect(self.plan.blocked.is_sorted_by_key(|b| &b.person), "by person", "blocked");
    }

    fn groups(&mut self) {
        let input = self.input;
        let can = input.target.dialect.capabilities();
        let mut there: BTreeSet<GroupPath> = input.snapshot.groups.clone();
        there.extend(input.looks.groups.iter().filter(|(_, there)| **there).map(|(path, _)| path.clone()));
        for (path, _) in input.looks.groups.iter().filter(|(_, there)| !**there) {
            there.remove(path);
        }
        let exists = |there: &BTreeSet<GroupPath>, path: &GroupPath| {
            path.as_str() == "/" || there.iter().any(|known| known.is_within(path))
        };
        for path in &self.plan.create_groups {
            let parent = path.parent();
            let parent_there = parent.as_ref().is_some_and(|parent| exists(&there, parent));
            self.expect(parent_there, "parents before children", path);
            self.expect(!exists(&there, path), "no group twice", path);
            let below = input.target.create_groups_below.iter();
            let below = below.into_iter().any(|base| path.is_within(base) && path != base);
            let may = below && input.target.create_groups && can.creates_groups;
            self.expect(may, "groups are created only where that is allowed", path);
            there.insert(path.clone());
        }
        for action in self.sent() {
            let gone = input.looks.groups.get(&action.after.group) == Some(&false);
            let fine = !gone || exists(&there, &action.after.group) || !self.places(action);
            self.expect(fine, "nobody goes to a group that is not there", &action.username);
        }
    }

    fn places(&self, action: &Action) -> bool {
        self.before(action).is_none_or(|before| before.group != action.after.group)
    }

    /// The fields before: the snapshot's, or for an adoption what the look showed.
    fn before(&self, action: &Action) -> Option<AccountState> {
        if action.kind == ActionKind::Adopt {
            let record = self.input.looks.users.get(&action.username)?.as_ref()?;
            return AccountState::from_record(record);
        }
        self.entry(&action.person).map(|entry| entry.state.clone())
    }

    fn ownership(&mut self, action: &Action) {
        let input = self.input;
        match (action.kind, self.entry(&action.person)) {
            (ActionKind::Add, entry) => {
                self.expect(entry.is_none(), "an add needs an absence", &action.person);
                let there = matches!(input.looks.users.get(&action.username), Some(Some(_)));
                self.expect(!there, "nobody is added over an existing user", &action.username);
            }
            (ActionKind::Adopt, entry) => {
                let there = matches!(input.looks.users.get(&action.username), Some(Some(_)));
                let may = entry.is_none() && there && input.target.existing == Existing::Adopt;
                self.expect(may, "adopting is an explicit act", &action.username);
            }
            (_, Some(entry)) => {
                self.expect(entry.username == action.username, "the name we know", &action.username);
                self.expect(!entry.unknown, "nothing follows from an unknown outcome", &action.username);
            }
            (_, None) => self.expect(false, "nothing is touched that is not ours", &action.username),
        }
        let can = input.target.dialect.capabilities();
        for name in [&action.username, &action.new_username] {
            self.expect(!self.protected(name), "nothing protected", name);
            let comma = !can.comma_in_names && name.as_str().contains(',');
            self.expect(!comma, "no comma in a list of names", name);
        }
        let tag = &input.target.keep_tag;
        let kept = !tag.is_empty() && self.before(action).is_some_and(|b| b.note.starts_with(tag));
        self.expect(!kept, "keep_tag", &action.username);
    }

    fn protected(&self, name: &Username) -> bool {
        let matches = |glob: &String| {
            let built = GlobBuilder::new(glob).case_insensitive(true).build();
            built.is_ok_and(|glob| glob.compile_matcher().is_match(name.as_str()))
        };
        self.input.target.protect.iter().any(matches)
    }

    /// Every action follows from something that was read.
    fn cause(&mut self, action: &Action) {
        let input = self.input;
        let wanted = input.wanted.get(&action.person);
        let given = input.past.overrides.get(&action.person);
        let given = given.filter(|o| o.until.is_none_or(|until| input.as_of <= until)).map(|o| o.kind);
        let account = matches!(wanted, Some(Wanted::Account(_)));
        let holds = match action.reason {
            Reason::Suspended => given == Some(OverrideKind::Suspend),
            Reason::Left => matches!(wanted, Some(Wanted::Gone(Gone::Left, _))),
            Reason::Expired => matches!(wanted, Some(Wanted::Gone(Gone::Expired, _))),
            Reason::Missing => {
                wanted.is_none()
                    && !input.roster.partial
                    && input.roster.sources.iter().any(|s| s.proves_missing && !s.frozen)
            }
            Reason::Deselected => account || (wanted.is_none() && !input.roster.partial),
            Reason::Joined | Reason::Changed | Reason::Returned | Reason::Drift => account,
            Reason::Undo => {
                input.past.undo.as_ref().is_some_and(|undo| undo.people.contains_key(&action.person))
            }
        };
        self.expect(holds, "every action has its cause", (&action.person, action.reason));
        let only = input.only.is_none_or(|only| only.contains(&action.person));
        self.expect(only, "--only", &action.person);
        if action.reason == Reason::Undo {
            let suspended = given == Some(OverrideKind::Suspend);
            self.expect(!suspended, "an undo leaves the suspended alone", &action.person);
            return;
        }
        let removal = matches!(
            action.reason,
            Reason::Suspended | Reason::Left | Reason::Expired | Reason::Missing | Reason::Deselected
        );
        self.expect(removal == action.kind.is_removal(), "reasons fit kinds", (&action.person, action.kind));
        let alone = given.is_some() && action.reason != Reason::Suspended;
        self.expect(!alone, "who is held or suspended is left alone", &action.person);
        let blocked = input.roster.blocked.contains_key(&action.person);
        let blocked = blocked && action.reason != Reason::Suspended;
        self.expect(!blocked, "a row that cannot be read changes nothing", &action.person);
    }

    /// What an action says it changes is what it changes, and it may.
    fn fields(&mut self, action: &Action) {
        let after = &action.after;
        self.expect(after.note.len() <= MAX_NOTE_BYTES, "the device's limit for notes", &action.username);
        self.expect(after.phone.len() <= MAX_PHONE_BYTES, "the device's limit for phones", &action.username);
        let comma = after.roles.iter().any(|role| role.contains(','));
        self.expect(!comma, "no comma in roles", &action.username);
        let renames = action.username != action.new_username;
        self.expect(renames == (action.kind == ActionKind::Rename), "only renames rename", &action.username);
        let Some(before) = self.before(action) else { return };
        let mut differing: BTreeSet<AccountField> = BTreeSet::new();
        for field in AccountField::ALL {
            if before.text(field) != after.text(field) {
                differing.insert(field);
            }
        }
        if renames {
            differing.insert(AccountField::Username);
        }
        let said: BTreeSet<AccountField> = action.changes.keys().copied().collect();
        self.expect(said == differing, "changes say what changes", (&action.username, &said, &differing));
        let unsure = self.entry(&action.person).is_some_and(Entry::is_maybe_disabled);
        let enables = unsure && action.kind == ActionKind::Enable;
        let work =
            !differing.is_empty() || enables || matches!(action.kind, ActionKind::Delete | ActionKind::Adopt);
        self.expect(work, "no action that does nothing", &action.username);
        // An undo puts back whatever was changed, under the settings of that day.
        if action.reason == Reason::Undo {
            return;
        }
        if action.kind.is_removal() {
            let only = differing.iter().all(|field| *field == AccountField::Enabled);
            self.expect(only, "a removal changes nothing else", &action.username);
            return;
        }
        let adopted = action.kind == ActionKind::Adopt
            || self.entry(&action.person).is_some_and(|entry| entry.origin == Origin::Adopted);
        let manage = &self.input.target.manage;
        let over = &manage.adopted;
        let rule = |own: Manage, other: Option<Manage>| if adopted { other.unwrap_or(own) } else { own };
        for (field, manage) in [
            (AccountField::Group, rule(manage.group, over.group)),
            (AccountField::Note, rule(manage.note, over.note)),
            (AccountField::Phone, rule(manage.phone, over.phone)),
            (AccountField::Roles, rule(manage.roles, over.roles)),
        ] {
            let may =
                matches!(manage, Manage::Always) || field == AccountField::Roles && manage == Manage::Add;
            let changed = differing.contains(&field);
            self.expect(may || !changed, "only managed fields change", (&action.username, field));
            if field == AccountField::Roles && manage == Manage::Add {
                let kept = before.roles.is_subset(&after.roles);
                self.expect(kept, "no role is taken away under \"add\"", &action.username);
            }
        }
        if differing.contains(&AccountField::Enabled) {
            let ours = self.entry(&action.person).is_some_and(|entry| entry.disabled.is_some());
            let always = rule(manage.enabled, over.enabled) == Manage::Always;
            let own = rule(manage.enabled, over.enabled) == Manage::Own && ours;
            self.expect(after.enabled && (always || own), "enable only whom we disabled", &action.username);
        }
    }

    fn brakes(&mut self, action: &Action) {
        let allow = match action.kind {
            ActionKind::Add | ActionKind::Adopt => Allow::Add,
            ActionKind::Update => Allow::Update,
            ActionKind::Rename => Allow::Rename,
            ActionKind::Enable => Allow::Enable,
            ActionKind::Disable => Allow::Disable,
            ActionKind::Delete => Allow::Delete,
        };
        let may = self.input.target.allow.contains(&allow) || action.withheld_by.is_some();
        self.expect(may, "what is not allowed is withheld", &action.username);
        if action.reason == Reason::Missing {
            let sources = self.input.past.sources.get(&action.person).filter(|had| !had.is_empty());
            let theirs = self.input.roster.sources.iter();
            let mut theirs = theirs.filter(|s| sources.is_none_or(|had| had.contains(&s.name)));
            let held = action.withheld_by.is_some() || !theirs.any(|s| s.unreadable_key);
            self.expect(held, "nobody is missing under an unreadable key", &action.username);
        }
    }

    fn removal(&mut self, action: &Action) {
        let Some(entry) = self.entry(&action.person).filter(|_| action.kind == ActionKind::Delete) else {
            return;
        };
        let leavers = &self.input.target.leavers;
        let kept = entry.origin == Origin::Adopted && leavers.adopted == LeaverAction::Disable;
        self.expect(!kept, "adopted leavers are only disabled", &action.username);
        if leavers.action == LeaverAction::Disable {
            let ours = entry.disabled.as_ref().is_some_and(|own| own.confirmed_at.is_some());
            let due = ours && leavers.delete_after.is_some() && !entry.state.enabled;
            self.expect(due, "deleted only after a confirmed disable of ours", &action.username);
        }
    }

    /// No plan over a limit passes: every numeric limit is counted again, without its floor for percentages.
    fn limits(&mut self) {
        let guard = &self.input.target.guard;
        let managed = self.input.snapshot.entries.len().max(1) as f64;
        let count = |counts: fn(&Action) -> bool| self.sent().filter(|action| counts(action)).count() as f64;
        let missing = count(|a| a.reason == Reason::Missing);
        let left = count(|a| a.reason == Reason::Left);
        let added = count(|a| a.kind == ActionKind::Add);
        let joined = added + count(|a| a.kind == ActionKind::Adopt);
        let renamed = count(|a| a.kind == ActionKind::Rename);
        let changed = renamed + count(|a| a.kind == ActionKind::Update);
        let removed = count(|a| a.kind.is_removal());
        let accounts =
            self.input.snapshot.entries.len() as f64 + joined - count(|a| a.kind == ActionKind::Delete);
        let percent = |people: f64| if people > 3.0 { people * 100.0 / managed } else { 0.0 };
        let (day, week) = (self.input.past.removals_24h as f64, self.input.past.removals_7d as f64);
        let changed = if self.input.snapshot.entries.is_empty() { 0.0 } else { percent(changed) };
        let figures: [(Guard, Limit, f64, bool); 11] = [
            (Guard::MaxMissing, guard.max_missing, missing, missing > 0.0),
            (Guard::MaxMissingPercent, guard.max_missing_percent, percent(missing), true),
            (Guard::MaxLeftPercent, guard.max_left_percent, percent(left), true),
            (Guard::MaxDeselected, guard.max_deselected, count(|a| a.reason == Reason::Deselected), true),
            (Guard::MaxAdd, guard.max_add, added, true),
            (Guard::MaxChangePercent, guard.max_change_percent, changed, true),
            (Guard::MaxRename, guard.max_rename, renamed, true),
            (Guard::MaxDeletes24h, guard.max_deletes_24h, removed + day, removed > 0.0),
            (Guard::MaxDeletes7d, guard.max_deletes_7d, removed + week, removed > 0.0),
            (Guard::MaxAccounts, guard.max_accounts, accounts, joined > 0.0),
            (Guard::MaxNewGroups, guard.max_new_groups, self.plan.create_groups.len() as f64, true),
        ];
        let stopped = self.plan.held_by.iter().any(|held| held.holds_all());
        for (name, limit, figure, counts) in figures {
            let over = counts && limit.figure().is_some_and(|limit| figure > limit);
            let lifted = self.plan.allowed.iter().any(|(held, _)| held.by.guard == name);
            self.expect(!over || stopped || lifted, "no plan over a limit passes", (name.as_str(), figure));
        }
    }

    fn counts(&mut self) {
        let counts = &self.plan.counts;
        let sum = [
            counts.add,
            counts.adopt,
            counts.update,
            counts.rename,
            counts.enable,
            counts.disable,
            counts.delete,
        ];
        let sum = sum.into_iter().sum::<u64>() + counts.withheld;
        self.expect(sum == self.plan.actions.len() as u64, "counts are people", counts);
        self.expect(counts.blocked == self.plan.blocked.len() as u64, "counts are people", counts);
    }
}
