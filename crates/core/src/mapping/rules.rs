//! `[account]` made ready: templates parsed, globs compiled, paths cut; and what its rules say of a person. How a person
//! becomes an account by it is in `account`.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::condition::{Condition, Globs, Verdict};
use super::error::MappingConfigError;
use super::template::{Template, TemplateError};
use crate::config::{AccountConfig, AuthMode, OnEmptyConfig};
use crate::model::GroupPath;
use crate::people::{Field, Person};

pub(super) fn template(text: &str, place: &str) -> Result<Template, MappingConfigError> {
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
pub(super) fn longest<'m, T>(map: &'m BTreeMap<Vec<String>, T>, path: &[String]) -> Option<(usize, &'m T)> {
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
    pub(super) username: Template,
    pub(super) note: Template,
    pub(super) group: Template,
    pub(super) roles: Template,
    pub(super) phone: Template,
    pub(super) on_empty: OnEmptyConfig,
    pub(super) default_roles: Vec<String>,
    pub(super) roster_roles: Globs,
    pub(super) group_map: BTreeMap<Vec<String>, GroupPath>,
    pub(super) role_map: BTreeMap<String, Vec<String>>,
    pub(super) department_roles: BTreeMap<Vec<String>, Vec<String>>,
    rules: Vec<Rule>,
}

/// What the rules say of one field.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Said<T> {
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
pub(super) struct Ruled<'r> {
    pub group: Said<&'r GroupPath>,
    pub auth: Said<AuthMode>,
    pub expires_on: Said<NaiveDate>,
    /// The rules that give roles and apply, by number.
    pub giving: Vec<usize>,
    rules: &'r [Rule],
    /// Whether all conditions of rules that give roles could be judged.
    pub roles_known: bool,
}

impl<'r> Ruled<'r> {
    /// The roles that rules give.
    pub(super) fn roles(&self) -> impl Iterator<Item = &'r String> {
        let rules = self.rules;
        self.giving.iter().flat_map(move |number| &rules[*number].add_roles)
    }
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
            roster_roles: Globs::new(&config.roster_roles, "account.roster_roles")?,
            group_map,
            role_map,
            department_roles,
            rules: config.rule.iter().map(rule).collect::<Result<_, _>>()?,
        })
    }

    /// The rules for one person: the first that sets a field wins, roles add up. A rule that cannot be judged leaves the
    /// fields it might have set undecided.
    pub(super) fn rule(&self, person: &Person) -> Ruled<'_> {
        let mut out = Ruled { roles_known: true, rules: &self.rules, ..Ruled::default() };
        for (number, rule) in self.rules.iter().enumerate() {
            let verdict = rule.when.judge(person);
            if verdict == Verdict::No {
                continue;
            }
            let sure = verdict == Verdict::Yes;
            out.group.hear(rule.group.as_ref(), sure);
            out.auth.hear(rule.auth, sure);
            out.expires_on.hear(rule.expires_on, sure);
            match (rule.add_roles.is_empty(), sure) {
                (true, _) => {}
                (false, true) => out.giving.push(number),
                (false, false) => out.roles_known = false,
            }
        }
        out
    }
}
