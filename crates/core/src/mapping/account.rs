//! One person becomes an account: field by field, or not at all. What the configuration says is in `rules`, how texts
//! are made in `template`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;

use super::rules::{MappingRules, Ruled, Said, longest};
use super::template::{Rendered, Source, Template, cell, list, path};
use super::{Account, Gone, Want, WantRoles, Wanted, row_of};
use crate::config::OnEmpty;
use crate::model::{
    Cell, GroupPath, MAX_NOTE_BYTES, MAX_PHONE_BYTES, NameError, PersonKey, Roles, Username, cut_bytes,
    mask_phone,
};
use crate::people::{Employment, Field, Person, Roster};
use crate::pieces;
use crate::reason::{BadGroup, BadUsername, Block, BlockReason};
use crate::sabotage::{Flaw, has};

/// What a result depends on, where rows share their cells: where those lie, and which rules gave roles. Good as long as
/// the roster is borrowed, for then nothing else can come to lie there.
type RolesKey = (usize, usize, Vec<usize>, bool);

/// Groups and sets of roles repeat thousands of times; each is made once and shared.
#[derive(Default)]
struct Shared {
    groups: BTreeMap<String, Result<GroupPath, NameError>>,
    group_of: BTreeMap<usize, Result<Want<GroupPath>, BlockReason>>,
    roles: BTreeSet<Roles>,
    roles_of: BTreeMap<RolesKey, Result<WantRoles, BlockReason>>,
}

/// Where a shared cell lies; the two cells without a value have numbers of their own.
fn place<T>(cell: &Cell<Arc<[T]>>) -> usize {
    match cell {
        Cell::Unknown => 0,
        Cell::Empty => 1,
        Cell::Value(all) => Arc::as_ptr(all).cast::<u8>().addr(),
    }
}

impl Shared {
    fn group(&mut self, text: &str) -> Result<GroupPath, NameError> {
        if let Some(known) = self.groups.get(text) {
            return known.clone();
        }
        let made = GroupPath::new(text);
        self.groups.insert(text.to_owned(), made.clone());
        made
    }

    fn roles(&mut self, roles: BTreeSet<String>) -> Roles {
        if let Some(known) = self.roles.get(&roles) {
            return known.clone();
        }
        let made: Roles = Arc::new(roles);
        self.roles.insert(made.clone());
        made
    }
}

impl MappingRules {
    /// Maps everybody of a roster.
    pub fn map_roster(&self, roster: &Roster, as_of: NaiveDate) -> BTreeMap<PersonKey, Wanted> {
        let mut shared = Shared::default();
        let people = roster.people.iter();
        pieces::collect(people.map(|(key, person)| (key.clone(), self.map(person, as_of, &mut shared))))
    }

    /// Maps one person.
    pub fn map_person(&self, person: &Person, as_of: NaiveDate) -> Wanted {
        self.map(person, as_of, &mut Shared::default())
    }

    fn map(&self, person: &Person, as_of: NaiveDate, shared: &mut Shared) -> Wanted {
        let ruled = self.rule(person);
        let expires_on = expiry(person, &ruled);
        // Whether somebody is gone comes first: somebody who left with a broken phone number still leaves.
        match gone(person, &expires_on, as_of) {
            Err(reason) => return blocked(person, reason),
            Ok(Some(gone)) => return Wanted::Gone(gone, row_of(person)),
            Ok(None) => {}
        }
        if not_yet(person, as_of) {
            return Wanted::NotYet(row_of(person));
        }
        match self.account(person, &ruled, expires_on, shared) {
            Ok(account) => Wanted::Account(account),
            Err(reason) => blocked(person, reason),
        }
    }

    fn account(
        &self,
        person: &Person,
        ruled: &Ruled<'_>,
        expires_on: Want<Option<NaiveDate>>,
        shared: &mut Shared,
    ) -> Result<Account, BlockReason> {
        let (phone, phones_dropped) = self.phone(person)?;
        Ok(Account {
            person: person.key.clone(),
            username: self.username(person)?,
            group: match ruled.group {
                Said::Value(group) => Want::Set(group.clone()),
                Said::Nothing => self.group(person, shared)?,
                Said::Undecided => Want::Keep,
            },
            note: self.note(person),
            phone,
            phones_dropped,
            roles: self.roles(person, ruled, shared)?,
            expires_on,
            auth: match ruled.auth {
                Said::Value(mode) => Want::Set(Some(mode)),
                Said::Nothing => Want::Set(None),
                Said::Undecided => Want::Keep,
            },
            row: row_of(person),
        })
    }

    fn username(&self, person: &Person) -> Result<Username, BlockReason> {
        let rendered = render(&self.username, person);
        if let Some(source) = rendered.empty.or(rendered.unknown) {
            let field = match source {
                Source::Key => "key",
                Source::Field(field) => field.as_str(),
            };
            return Err(BlockReason::BadUsername(BadUsername::Lacks { field: field.to_owned() }));
        }
        let name = if rendered.text == person.key.as_str() {
            Username::of(&person.key)
        } else {
            Username::new(&rendered.text)
        };
        name.map_err(|cause| BlockReason::BadUsername(BadUsername::NoName { name: rendered.text, cause }))
    }

    fn note(&self, person: &Person) -> Want<String> {
        let rendered = render(&self.note, person);
        let text = cut_bytes(&rendered.text, MAX_NOTE_BYTES).trim().to_owned();
        match (rendered.unknown, text.is_empty(), self.on_empty.note) {
            (Some(_), true, _) | (None, true, OnEmpty::Keep) => Want::Keep,
            (Some(_), false, _) => Want::IfNew(text),
            (None, _, _) => Want::Set(text),
        }
    }

    fn group(&self, person: &Person, shared: &mut Shared) -> Result<Want<GroupPath>, BlockReason> {
        if !self.group.is_only(Field::Department) {
            return self.make_group(person, shared);
        }
        let place = place(&person.departments);
        if let Some(known) = shared.group_of.get(&place) {
            return known.clone();
        }
        let made = self.make_group(person, shared);
        shared.group_of.insert(place, made.clone());
        made
    }

    fn make_group(&self, person: &Person, shared: &mut Shared) -> Result<Want<GroupPath>, BlockReason> {
        let main = person.departments.value().and_then(|all| all.first());
        if self.group.has(Field::Department)
            && let Some(segment) = main.into_iter().flatten().find(|segment| segment.contains('/'))
        {
            return Err(BlockReason::BadGroup(BadGroup::Slash { department: segment.clone() }));
        }
        let rendered = self.group.render(|source| match (source, main) {
            (Source::Field(Field::Department), Some(main)) => Cell::Value(Cow::Owned(self.mapped(main))),
            (source, _) => value(person, source),
        });
        if rendered.empty.or(rendered.unknown).is_some() {
            return Ok(Want::Keep);
        }
        let made = shared.group(&rendered.text).map(Want::Set);
        made.map_err(|cause| BlockReason::BadGroup(BadGroup::NoPath { group: rendered.text, cause }))
    }

    /// A department path after `group_map`: the longest prefix is replaced, the rest appended.
    fn mapped(&self, department: &[String]) -> String {
        match longest(&self.group_map, department) {
            // The root stands for nothing in front of the rest, and for itself where there is no rest.
            Some((n, group)) if group.as_str() == "/" && n < department.len() => path(&department[n..]),
            Some((n, group)) => format!("{group}{}", path(&department[n..])),
            None => path(department),
        }
    }

    /// As many whole numbers as the device takes, and how many that leaves out. Not even one: the person is blocked.
    fn phone(&self, person: &Person) -> Result<(Want<String>, u32), BlockReason> {
        let numbers: Vec<&str> = match (list(&person.phones), self.phone.has(Field::Phone)) {
            (Cell::Value(all), true) => all.iter().map(String::as_str).collect(),
            (Cell::Unknown, true) => return Ok((Want::Keep, 0)),
            (Cell::Empty, true) => Vec::new(),
            (_, false) => vec![""],
        };
        let (mut joined, mut dropped) = (String::new(), 0);
        for number in numbers {
            let rendered = self.phone.render(|source| match source {
                Source::Field(Field::Phone) => Cell::Value(Cow::Borrowed(number)),
                source => value(person, source),
            });
            if rendered.unknown.is_some() {
                return Ok((Want::Keep, 0));
            }
            let number = rendered.text;
            if number.is_empty() || joined.split(';').any(|known| known == number) {
                continue;
            }
            if joined.is_empty() && number.len() > MAX_PHONE_BYTES {
                let (phone, limit) = (mask_phone(&number), MAX_PHONE_BYTES);
                return Err(BlockReason::PhoneTooLong { phone, limit });
            }
            if joined.is_empty() {
                joined = number;
            } else if joined.len() + 1 + number.len() <= MAX_PHONE_BYTES {
                joined.push(';');
                joined.push_str(&number);
            } else {
                dropped += 1;
            }
        }
        if joined.is_empty() && self.on_empty.phone == OnEmpty::Keep {
            return Ok((Want::Keep, dropped));
        }
        Ok((Want::Set(joined), dropped))
    }

    fn roles(
        &self,
        person: &Person,
        ruled: &Ruled<'_>,
        shared: &mut Shared,
    ) -> Result<WantRoles, BlockReason> {
        if !self.roles.is_only(Field::Roles) {
            return self.make_roles(person, ruled, shared);
        }
        let departments = if self.department_roles.is_empty() { 0 } else { place(&person.departments) };
        let key = (place(&person.roles), departments, ruled.giving.clone(), ruled.roles_known);
        if let Some(known) = shared.roles_of.get(&key) {
            return known.clone();
        }
        let made = self.make_roles(person, ruled, shared);
        shared.roles_of.insert(key, made.clone());
        made
    }

    fn make_roles(
        &self,
        person: &Person,
        ruled: &Ruled<'_>,
        shared: &mut Shared,
    ) -> Result<WantRoles, BlockReason> {
        let (given, mut known) = self.given_roles(person)?;
        let mut roles: BTreeSet<String> = self.default_roles.iter().cloned().collect();
        for role in given {
            match self.role_map.get(role.as_ref()) {
                Some(mapped) => roles.extend(mapped.iter().cloned()),
                None => drop(roles.insert(role.into_owned())),
            }
        }
        match &person.departments {
            Cell::Value(all) => {
                let more = all.iter().skip(1).filter_map(|path| longest(&self.department_roles, path));
                more.for_each(|(_, mapped)| roles.extend(mapped.iter().cloned()));
            }
            Cell::Unknown => known &= self.department_roles.is_empty(),
            Cell::Empty => {}
        }
        roles.extend(ruled.roles().cloned());
        let roles = shared.roles(roles);
        Ok(if known && ruled.roles_known { WantRoles::Set(roles) } else { WantRoles::AtLeast(roles) })
    }

    /// The roles that the roster itself gives, before mapping, and whether that is the whole of them.
    fn given_roles<'p>(&self, person: &'p Person) -> Result<(Vec<Cow<'p, str>>, bool), BlockReason> {
        let (roles, unknown): (Vec<Cow<'p, str>>, bool) = match &person.roles {
            Cell::Value(all) if self.roles.is_only(Field::Roles) => {
                (all.iter().map(|role| Cow::Borrowed(role.as_str())).collect(), false)
            }
            _ => {
                let rendered = render(&self.roles, person);
                let split = rendered.text.split(',').map(|role| Cow::Owned(role.trim().to_owned()));
                (split.collect(), rendered.unknown.is_some())
            }
        };
        let roles: Vec<_> = roles.into_iter().filter(|role| !role.is_empty()).collect();
        for role in &roles {
            if role.contains(',') {
                return Err(BlockReason::BadRole { role: role.to_string() });
            }
            if !self.roster_roles.matches(role) {
                return Err(BlockReason::RoleNotAllowed { role: role.to_string() });
            }
        }
        let kept = roles.is_empty() && self.on_empty.roles == OnEmpty::Keep && !self.roles.is_constant();
        Ok((roles, !unknown && !kept))
    }
}

fn blocked(person: &Person, reason: BlockReason) -> Wanted {
    Wanted::Blocked(Block::from(reason).row(&row_of(person)))
}

fn value(person: &Person, source: Source) -> Cell<Cow<'_, str>> {
    match source {
        Source::Key => Cell::Value(Cow::Borrowed(person.key.as_str())),
        Source::Field(field) => cell(person, field),
    }
}

fn render(template: &Template, person: &Person) -> Rendered {
    template.render(|source| value(person, source))
}

/// The last day of the account: what the roster says or a rule says, whichever is earlier.
fn expiry(person: &Person, ruled: &Ruled<'_>) -> Want<Option<NaiveDate>> {
    let own = match person.expires_on {
        Cell::Value(day) => Want::Set(Some(day)),
        Cell::Empty => Want::Set(None),
        Cell::Unknown => Want::Keep,
    };
    match (own, ruled.expires_on) {
        (Want::Set(Some(own)), Said::Value(rule)) => Want::Set(Some(own.min(rule))),
        (_, Said::Value(rule)) => Want::Set(Some(rule)),
        (own, Said::Nothing) => own,
        (_, Said::Undecided) => Want::Keep,
    }
}

/// The last working day as the first without an account.
fn ends_early(last: NaiveDate, as_of: NaiveDate) -> bool {
    has(Flaw::LastDayIsGone) && last == as_of
}

fn gone(
    person: &Person,
    expires_on: &Want<Option<NaiveDate>>,
    as_of: NaiveDate,
) -> Result<Option<Gone>, BlockReason> {
    if person.employment == Employment::Left {
        return Ok(Some(Gone::Left));
    }
    if let Some(last) = person.leave_date.value().filter(|last| **last < as_of || ends_early(**last, as_of)) {
        // Somebody who came back keeps the old last day in many systems: that row contradicts itself.
        if let Some(first) = person.hire_date.value().filter(|first| *first > last) {
            return Err(BlockReason::DatesConflict { last: *last, first: *first });
        }
        return Ok(Some(Gone::Left));
    }
    // The roster's own date counts even where a rule's cannot be judged: the earlier of the two is past either way.
    let own = person.expires_on.value().copied();
    let last = if let Want::Set(last) = expires_on { *last } else { own };
    Ok(last.is_some_and(|last| last < as_of).then_some(Gone::Expired))
}

fn not_yet(person: &Person, as_of: NaiveDate) -> bool {
    person.employment == Employment::Pending || person.hire_date.value().is_some_and(|first| *first > as_of)
}
