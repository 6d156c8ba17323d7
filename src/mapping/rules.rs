//! `[account]` made ready: templates parsed, globs compiled, paths cut; and how a person becomes an account by it. The
//! kinds of text are in `template`, conditions in `condition`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;

use super::condition::{Condition, Globs, Verdict};
use super::template::{Rendered, Source, Template, TemplateError, cell, path};
use super::{Account, Gone, MapBlock, Want, WantRoles, Wanted, row_of};
use crate::config::{AccountConfig, AuthMode, OnEmpty, OnEmptyConfig};
use crate::model::{
    Cell, GroupPath, MAX_NOTE_BYTES, MAX_PHONE_BYTES, NameError, PersonKey, Username, cut_bytes, mask_phone,
};
use crate::plan::Roles;
use crate::roster::{Employment, Field, Person, Roster};

/// What is wrong with a configuration's templates, globs or paths.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingConfigError {
    /// A template that cannot be parsed.
    #[error("{}", rust_i18n::t!("mapping.bad_template", place = place, template = template, cause = cause))]
    BadTemplate {
        /// The configuration's key.
        place: String,
        /// The template.
        template: String,
        /// What the parser said.
        cause: String,
    },
    /// A template that names no field.
    #[error("{}", rust_i18n::t!("mapping.unknown_field", place = place, field = field, nearest = nearest))]
    UnknownField {
        /// The configuration's key.
        place: String,
        /// The name in braces.
        field: String,
        /// The field that is spelled most like it.
        nearest: String,
    },
    /// A malformed glob.
    #[error("{}", rust_i18n::t!("mapping.bad_glob", place = place, glob = glob, cause = cause))]
    BadGlob {
        /// The configuration's key.
        place: String,
        /// The glob.
        glob: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A path of `group_map` or `role_map` that is none.
    #[error("{}", rust_i18n::t!("mapping.bad_path", place = place, path = path, cause = cause))]
    BadPath {
        /// The configuration's key.
        place: String,
        /// The path.
        path: String,
        /// What is wrong with it.
        cause: NameError,
    },
    /// A role that the device cannot be told, for it joins roles with commas.
    #[error("{}", rust_i18n::t!("mapping.comma_in_role", place = place, role = role))]
    CommaInRole {
        /// The configuration's key.
        place: String,
        /// The role.
        role: String,
    },
}

fn template(text: &str, place: &str) -> Result<Template, MappingConfigError> {
    Template::parse(text).map_err(|error| match error {
        TemplateError::Syntax(cause) => {
            MappingConfigError::BadTemplate { place: place.into(), template: text.into(), cause }
        }
        TemplateError::Unknown(field) => {
            let names = Field::ALL.iter().map(|f| f.as_str()).chain(["key"]);
            let nearest = names
                .max_by(|a, b| strsim::jaro_winkler(a, &field).total_cmp(&strsim::jaro_winkler(b, &field)));
            let nearest = nearest.unwrap_or_default().to_owned();
            MappingConfigError::UnknownField { place: place.into(), field, nearest }
        }
    })
}

fn checked_roles(roles: &[String], place: &str) -> Result<Vec<String>, MappingConfigError> {
    match roles.iter().find(|role| role.contains(',')) {
        Some(role) => Err(MappingConfigError::CommaInRole { place: place.into(), role: role.clone() }),
        None => Ok(roles.to_vec()),
    }
}

fn group_path(text: &str, place: &str) -> Result<GroupPath, MappingConfigError> {
    GroupPath::new(text).map_err(|cause| MappingConfigError::BadPath {
        place: place.into(),
        path: text.into(),
        cause,
    })
}

fn segments(path: &GroupPath) -> Vec<String> {
    path.segments().map(str::to_owned).collect()
}

/// Finds the longest prefix of a path in a map.
fn longest<'m, T>(map: &'m BTreeMap<Vec<String>, T>, path: &[String]) -> Option<(usize, &'m T)> {
    (0..=path.len()).rev().find_map(|n| map.get(&path[..n]).map(|found| (n, found)))
}

struct Rule {
    when: Condition,
    add_roles: Vec<String>,
    group: Option<GroupPath>,
    auth: Option<AuthMode>,
    expires_on: Option<NaiveDate>,
}

/// `[account]`, compiled.
pub struct MappingRules {
    username: Template,
    note: Template,
    group: Template,
    roles: Template,
    phone: Template,
    on_empty: OnEmptyConfig,
    default_roles: Vec<String>,
    roster_roles: Globs,
    group_map: BTreeMap<Vec<String>, GroupPath>,
    role_map: BTreeMap<String, Vec<String>>,
    department_roles: BTreeMap<Vec<String>, Vec<String>>,
    rules: Vec<Rule>,
}

/// Groups and sets of roles repeat thousands of times; each is made once and shared.
#[derive(Default)]
struct Shared {
    groups: RefCell<BTreeMap<String, Result<GroupPath, NameError>>>,
    roles: RefCell<BTreeSet<Roles>>,
}

impl Shared {
    fn group(&self, text: &str) -> Result<GroupPath, NameError> {
        if let Some(known) = self.groups.borrow().get(text) {
            return known.clone();
        }
        let made = GroupPath::new(text);
        self.groups.borrow_mut().insert(text.to_owned(), made.clone());
        made
    }

    fn roles(&self, roles: BTreeSet<String>) -> Roles {
        if let Some(known) = self.roles.borrow().get(&roles) {
            return known.clone();
        }
        let made: Roles = Arc::new(roles);
        self.roles.borrow_mut().insert(made.clone());
        made
    }
}

/// What the rules say of one field.
#[derive(Debug, Clone, Copy, Default)]
enum Said<T> {
    /// No rule that may apply sets it.
    #[default]
    Nothing,
    /// The first that applies sets this.
    Value(T),
    /// The first that may apply cannot be judged.
    Undecided,
}

impl<T> Said<T> {
    /// Takes a rule's word for it, unless an earlier rule had its say.
    fn hear(&mut self, word: Option<T>, sure: bool) {
        if let (Self::Nothing, Some(value)) = (&self, word) {
            *self = if sure { Self::Value(value) } else { Self::Undecided };
        }
    }
}

/// What the rules say for one person.
#[derive(Default)]
struct Ruled<'r> {
    group: Said<&'r GroupPath>,
    auth: Said<AuthMode>,
    expires_on: Said<NaiveDate>,
    roles: Vec<&'r String>,
    /// Whether all conditions of rules that give roles could be judged.
    roles_known: bool,
}

impl MappingRules {
    /// Compiles `[account]`.
    ///
    /// # Errors
    /// If a template, glob, path or role in it cannot be used; the error names the key.
    pub fn compile(config: &AccountConfig) -> Result<Self, MappingConfigError> {
        let mut group_map = BTreeMap::new();
        for (from, to) in &config.group_map {
            let (from, to) = (group_path(from, "account.group_map")?, group_path(to, "account.group_map")?);
            group_map.insert(segments(&from), to);
        }
        let (mut role_map, mut department_roles) = (BTreeMap::new(), BTreeMap::new());
        for (from, to) in &config.role_map {
            let to = checked_roles(to, "account.role_map")?;
            if from.starts_with('/') {
                department_roles.insert(segments(&group_path(from, "account.role_map")?), to);
            } else {
                role_map.insert(from.clone(), to);
            }
        }
        let rule = |rule: &crate::config::AccountRule| {
            Ok(Rule {
                when: Condition::compile(&rule.when, "account.rule.when")?,
                add_roles: checked_roles(&rule.add_roles, "account.rule.add_roles")?,
                group: rule.group.clone(),
                auth: rule.auth,
                expires_on: rule.expires_on,
            })
        };
        Ok(Self {
            username: template(&config.username, "account.username")?,
            note: template(&config.note, "account.note")?,
            group: template(&config.group, "account.group")?,
            roles: template(&config.roles, "account.roles")?,
            phone: template(&config.phone, "account.phone")?,
            on_empty: config.on_empty,
            default_roles: checked_roles(&config.default_roles, "account.default_roles")?,
            roster_roles: Globs::exact(&config.roster_roles, "account.roster_roles")?,
            group_map,
            role_map,
            department_roles,
            rules: config.rule.iter().map(rule).collect::<Result<_, _>>()?,
        })
    }

    /// Maps everybody of a roster.
    pub fn map_roster(&self, roster: &Roster, as_of: NaiveDate) -> BTreeMap<PersonKey, Wanted> {
        let shared = Shared::default();
        let people = roster.people.iter();
        people.map(|(key, person)| (key.clone(), self.map(person, as_of, &shared))).collect()
    }

    /// Maps one person.
    pub fn map_person(&self, person: &Person, as_of: NaiveDate) -> Wanted {
        self.map(person, as_of, &Shared::default())
    }

    fn map(&self, person: &Person, as_of: NaiveDate, shared: &Shared) -> Wanted {
        let ruled = self.rule(person);
        let expires_on = expiry(person, &ruled);
        // Whether somebody is gone comes first: somebody who left with a broken phone number still leaves.
        match gone(person, &expires_on, as_of) {
            Err(block) => return Wanted::Blocked(block),
            Ok(Some(gone)) => return Wanted::Gone(gone, row_of(person)),
            Ok(None) => {}
        }
        if not_yet(person, as_of) {
            return Wanted::NotYet(row_of(person));
        }
        match self.account(person, ruled, expires_on, shared) {
            Ok(account) => Wanted::Account(account),
            Err(block) => Wanted::Blocked(block),
        }
    }

    fn account(
        &self,
        person: &Person,
        ruled: Ruled<'_>,
        expires_on: Want<Option<NaiveDate>>,
        shared: &Shared,
    ) -> Result<Account, MapBlock> {
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
            roles: self.roles(person, &ruled, shared)?,
            expires_on,
            auth: match ruled.auth {
                Said::Value(mode) => Want::Set(Some(mode)),
                Said::Nothing => Want::Set(None),
                Said::Undecided => Want::Keep,
            },
            row: row_of(person),
        })
    }

    fn username(&self, person: &Person) -> Result<Username, MapBlock> {
        let rendered = render(&self.username, person);
        if let Some(source) = rendered.empty.or(rendered.unknown) {
            let field = match source {
                Source::Key => "key",
                Source::Field(field) => field.as_str(),
            };
            let detail = rust_i18n::t!("mapping.username_incomplete", field = field).into_owned();
            return Err(block(person, "bad_username", detail));
        }
        Username::new(&rendered.text).map_err(|cause| {
            let detail = rust_i18n::t!("mapping.bad_username", name = rendered.text, cause = cause);
            block(person, "bad_username", detail.into_owned())
        })
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

    fn group(&self, person: &Person, shared: &Shared) -> Result<Want<GroupPath>, MapBlock> {
        let bad = |text: &str, cause: &dyn std::fmt::Display| {
            let detail = rust_i18n::t!("mapping.bad_group", group = text, cause = cause);
            block(person, "bad_group", detail.into_owned())
        };
        let main = person.departments.value().and_then(|all| all.first());
        if self.group.has(Field::Department)
            && let Some(segment) = main.into_iter().flatten().find(|segment| segment.contains('/'))
        {
            return Err(bad(segment, &rust_i18n::t!("mapping.slash_in_department")));
        }
        let rendered = self.group.render(|source| match (source, main) {
            (Source::Field(Field::Department), Some(main)) => Cell::Value(Cow::Owned(self.mapped(main))),
            (source, _) => value(person, source),
        });
        if rendered.empty.or(rendered.unknown).is_some() {
            return Ok(Want::Keep);
        }
        shared.group(&rendered.text).map(Want::Set).map_err(|cause| bad(&rendered.text, &cause))
    }

    /// A department path after `group_map`: the longest prefix is replaced, the rest appended.
    fn mapped(&self, department: &[String]) -> String {
        match longest(&self.group_map, department) {
            Some((n, group)) if group.as_str() == "/" => path(&department[n..]),
            Some((n, group)) => format!("{group}{}", path(&department[n..])),
            None => path(department),
        }
    }

    /// As many whole numbers as the device takes, and how many that leaves out. Not even one: the person is blocked.
    fn phone(&self, person: &Person) -> Result<(Want<String>, u32), MapBlock> {
        let numbers: Vec<Cow<'_, str>> = match (&person.phones, self.phone.has(Field::Phone)) {
            (Cell::Value(all), true) => all.iter().map(|n| Cow::Borrowed(n.as_str())).collect(),
            (Cell::Unknown, true) => return Ok((Want::Keep, 0)),
            (Cell::Empty, true) => Vec::new(),
            (_, false) => vec![Cow::Borrowed("")],
        };
        let (mut joined, mut dropped, mut seen) = (String::new(), 0, Vec::new());
        for number in numbers {
            let rendered = self.phone.render(|source| match source {
                Source::Field(Field::Phone) => Cell::Value(Cow::Borrowed(number.as_ref())),
                source => value(person, source),
            });
            if rendered.unknown.is_some() {
                return Ok((Want::Keep, 0));
            }
            if rendered.text.is_empty() || seen.contains(&rendered.text) {
                continue;
            }
            if seen.is_empty() && rendered.text.len() > MAX_PHONE_BYTES {
                let number = mask_phone(&rendered.text);
                let detail = rust_i18n::t!("mapping.phone_too_long", phone = number, limit = MAX_PHONE_BYTES);
                return Err(block(person, "phone_too_long", detail.into_owned()));
            }
            let room = MAX_PHONE_BYTES.saturating_sub(joined.len() + usize::from(!joined.is_empty()));
            if rendered.text.len() > room {
                dropped += 1;
                continue;
            }
            if !joined.is_empty() {
                joined.push(';');
            }
            joined.push_str(&rendered.text);
            seen.push(rendered.text);
        }
        if joined.is_empty() && self.on_empty.phone == OnEmpty::Keep {
            return Ok((Want::Keep, dropped));
        }
        Ok((Want::Set(joined), dropped))
    }

    fn roles(&self, person: &Person, ruled: &Ruled<'_>, shared: &Shared) -> Result<WantRoles, MapBlock> {
        let (given, mut known) = self.given_roles(person)?;
        let mut roles: BTreeSet<String> = self.default_roles.iter().cloned().collect();
        for role in given {
            match self.role_map.get(role.as_ref()) {
                Some(mapped) => roles.extend(mapped.iter().cloned()),
                None => {
                    roles.insert(role.into_owned());
                }
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
        roles.extend(ruled.roles.iter().map(|role| (*role).clone()));
        let roles = shared.roles(roles);
        Ok(if known && ruled.roles_known { WantRoles::Set(roles) } else { WantRoles::AtLeast(roles) })
    }

    /// The roles that the roster itself gives, before mapping, and whether that is the whole of them.
    fn given_roles<'p>(&self, person: &'p Person) -> Result<(Vec<Cow<'p, str>>, bool), MapBlock> {
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
                let detail = rust_i18n::t!("mapping.role_with_comma", role = role);
                return Err(block(person, "bad_role", detail.into_owned()));
            }
            if !self.roster_roles.matches(role) {
                let detail = rust_i18n::t!("mapping.role_not_allowed", role = role);
                return Err(block(person, "role_not_allowed", detail.into_owned()));
            }
        }
        let kept = roles.is_empty() && self.on_empty.roles == OnEmpty::Keep && !self.roles.is_constant();
        Ok((roles, !unknown && !kept))
    }

    /// The rules for one person: the first that sets a field wins, roles add up. A rule that cannot be judged leaves the
    /// fields it might have set undecided.
    fn rule(&self, person: &Person) -> Ruled<'_> {
        let mut out = Ruled { roles_known: true, ..Ruled::default() };
        for rule in &self.rules {
            let verdict = rule.when.judge(person);
            if verdict == Verdict::No {
                continue;
            }
            let sure = verdict == Verdict::Yes;
            out.group.hear(rule.group.as_ref(), sure);
            out.auth.hear(rule.auth, sure);
            out.expires_on.hear(rule.expires_on, sure);
            if sure {
                out.roles.extend(&rule.add_roles);
            } else {
                out.roles_known &= rule.add_roles.is_empty();
            }
        }
        out
    }
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

fn block(person: &Person, reason: &str, detail: String) -> MapBlock {
    MapBlock { reason: reason.to_owned(), detail, row: row_of(person) }
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

fn gone(
    person: &Person,
    expires_on: &Want<Option<NaiveDate>>,
    as_of: NaiveDate,
) -> Result<Option<Gone>, MapBlock> {
    if person.employment == Employment::Left {
        return Ok(Some(Gone::Left));
    }
    if let Some(last) = person.leave_date.value().filter(|last| **last < as_of) {
        // Somebody who came back keeps the old last day in many systems: that row contradicts itself.
        if let Some(first) = person.hire_date.value().filter(|first| *first > last) {
            let detail = rust_i18n::t!("mapping.dates_conflict", last = last, first = first);
            return Err(block(person, "dates_conflict", detail.into_owned()));
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
