//! What is known of one night of a simulated company, from outside: the truth, HR's tables as they lay there, the device
//! before and after, and what was sent. Answers questions; remembers nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use unicode_normalization::UnicodeNormalization;

use super::drive::Night;
use super::marks::Marks;
use super::scene::{Owner, Sent};
use super::sheet::{DEPARTMENT, File, KEY, LOGIN, PHONE, Row, STATUS, Says};
use super::truth::Truth;
use rosterd::config::TargetConfig;
use rosterd::gateway::embedded::UserView;

/// The values that an account should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Right {
    pub group: String,
    pub phone: String,
}

/// One night.
pub(super) struct Eyes<'a> {
    pub day: u64,
    pub at: DateTime<Utc>,
    pub as_of: NaiveDate,
    pub truth: &'a Truth,
    pub folder: &'a [File],
    pub night: &'a Night,
    pub sent: &'a [Sent],
    pub target: &'a TargetConfig,
    pub marks: &'a Marks,
    pub owners: &'a BTreeMap<u64, Owner>,
    /// Whom log-ins were checked against before, and are now.
    pub before: &'a BTreeMap<String, UserView>,
    pub after: &'a BTreeMap<String, UserView>,
    /// A change was asked for after the device had refused the token.
    pub token_ignored: bool,
    /// Accounts of ours before: what percentages are of.
    pub managed: usize,
    /// Of these the enabled ones.
    pub enabled: usize,
    /// Every human who has, or had before this night, an account of ours: its names.
    pub ours_of: BTreeMap<usize, BTreeSet<String>>,
    /// Digest of the files' bytes.
    pub digest: String,
    rows: BTreeMap<usize, Vec<(&'a File, &'a Row)>>,
    meant: &'a BTreeMap<String, Option<usize>>,
}

/// How a key is compared: as it looks.
pub(super) fn folded(text: &str) -> String {
    text.nfkc().collect::<String>().trim().to_lowercase()
}

/// Which user name stands for whom today, by what the rows say.
pub(super) fn meant(folder: &[File], by_login: bool) -> BTreeMap<String, Option<usize>> {
    let column = if by_login { LOGIN } else { KEY };
    let rows = folder.iter().flat_map(|file| &file.sheet.rows);
    rows.map(|row| (folded(&row.cells[column]), row.human)).collect()
}

/// What a night is made of.
pub(super) struct Scraps<'a> {
    pub day: u64,
    pub at: DateTime<Utc>,
    pub as_of: NaiveDate,
    pub truth: &'a Truth,
    pub folder: &'a [File],
    pub night: &'a Night,
    pub sent: &'a [Sent],
    pub target: &'a TargetConfig,
    pub marks: &'a Marks,
    pub owners: &'a BTreeMap<u64, Owner>,
    pub before: &'a BTreeMap<String, UserView>,
    pub after: &'a BTreeMap<String, UserView>,
    pub meant: &'a BTreeMap<String, Option<usize>>,
    pub token_ignored: bool,
}

impl<'a> Eyes<'a> {
    pub(super) fn open(scraps: Scraps<'a>) -> Self {
        let Scraps {
            day,
            at,
            as_of,
            truth,
            folder,
            night,
            sent,
            target,
            marks,
            owners,
            before,
            after,
            meant,
            token_ignored,
        } = scraps;
        let mut rows: BTreeMap<usize, Vec<(&File, &Row)>> = BTreeMap::new();
        for file in folder {
            for row in &file.sheet.rows {
                if let Some(human) = row.human {
                    rows.entry(human).or_default().push((file, row));
                }
            }
        }
        let mut ours_of: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        let (mut managed, mut enabled) = (0, 0);
        for user in before.values() {
            if let Some(Owner::Ours(human)) = owners.get(&user.id) {
                managed += 1;
                enabled += usize::from(user.enabled);
                if let Some(human) = human {
                    ours_of.entry(*human).or_default().insert(user.name.clone());
                }
            }
        }
        let digest = folder.iter().map(|file| blake3::hash(&file.bytes).to_hex().to_string()).collect();
        Self {
            day,
            at,
            as_of,
            truth,
            folder,
            night,
            sent,
            target,
            marks,
            owners,
            before,
            after,
            managed,
            enabled,
            token_ignored,
            ours_of,
            digest,
            rows,
            meant,
        }
    }

    fn rows(&self, human: usize) -> impl Iterator<Item = (&'a File, &'a Row)> {
        self.rows.get(&human).into_iter().flatten().copied()
    }

    pub(super) fn works(&self, human: usize) -> bool {
        self.truth.humans[human].works(self.as_of)
    }

    /// Works there, and did so on the day before.
    pub(super) fn has_worked(&self, human: usize) -> bool {
        self.works(human) && self.as_of.pred_opt().is_some_and(|eve| self.truth.humans[human].works(eve))
    }

    pub(super) fn left(&self, human: usize) -> bool {
        self.truth.humans[human].last_day.is_some_and(|last| last < self.as_of)
    }

    pub(super) fn has_two_jobs(&self, human: usize) -> bool {
        self.truth.humans[human].second.is_some()
    }

    /// Some row names them, under whatever spelling.
    pub(super) fn is_listed(&self, human: usize) -> bool {
        self.rows(human).next().is_some()
    }

    pub(super) fn is_listed_as_working(&self, human: usize) -> bool {
        self.rows(human).any(|(file, row)| row.says(&file.sheet.columns, self.as_of) == Says::Works)
    }

    pub(super) fn is_listed_as_gone(&self, human: usize) -> bool {
        self.rows(human).any(|(file, row)| row.says(&file.sheet.columns, self.as_of) == Says::Gone)
    }

    /// Two rows of today's files have this key, or differ in what they say.
    pub(super) fn has_two_rows(&self, name: &str) -> bool {
        let key = folded(name);
        let rows = self.folder.iter().flat_map(|file| &file.sheet.rows);
        rows.filter(|row| folded(&row.cells[KEY]) == key || folded(&row.cells[LOGIN]) == key).count() > 1
    }

    /// Whose row has this user name today.
    pub(super) fn human_of(&self, name: &str) -> Option<usize> {
        self.meant.get(&folded(name)).copied().flatten()
    }

    pub(super) fn owner_of(&self, sent: &Sent) -> Option<usize> {
        match sent.owner {
            Some(Owner::Ours(human)) => human,
            _ => None,
        }
    }

    fn accounts<'b>(
        &'b self,
        users: &'b BTreeMap<String, UserView>,
        human: usize,
    ) -> impl Iterator<Item = &'b UserView> {
        users.values().filter(move |user| self.owners.get(&user.id) == Some(&Owner::Ours(Some(human))))
    }

    /// The enabled accounts of ours that a human has now.
    pub(super) fn enabled_after(&self, human: usize) -> Vec<&str> {
        self.accounts(self.after, human).filter(|user| user.enabled).map(|user| user.name.as_str()).collect()
    }

    /// Who had access before this night, has none now, and it was rosterd.
    pub(super) fn lost(&self) -> Vec<usize> {
        let removed: BTreeSet<usize> =
            self.sent.iter().filter(|s| s.did.removes()).filter_map(|s| self.owner_of(s)).collect();
        let had = |human: &usize| self.accounts(self.before, *human).any(|user| user.enabled);
        removed.into_iter().filter(had).filter(|human| self.enabled_after(*human).is_empty()).collect()
    }

    /// What the account of a human should hold.
    pub(super) fn right(&self, human: usize) -> Right {
        let who = &self.truth.humans[human];
        Right { group: format!("/{}", self.truth.path(who.department)), phone: who.phone.clone() }
    }

    /// Whether a row of theirs has this value in clear.
    pub(super) fn files_say(&self, human: usize, field: &str, value: &str) -> bool {
        self.rows(human).any(|(_, row)| match field {
            "group" => {
                let cell = row.cells[DEPARTMENT].as_str();
                !["", "nan", "undefined", "(null)"].contains(&cell)
                    && value.nfc().eq(format!("/{cell}").nfc())
            }
            _ => row.cells[PHONE] == value,
        })
    }

    /// Whether there is one row of theirs, and all in it is as it is in truth.
    pub(super) fn files_are_right(&self, human: usize) -> bool {
        let mut rows = self.rows(human);
        let (Some((file, row)), None) = (rows.next(), rows.next()) else { return false };
        let true_row = Row::of(self.truth, human, self.truth.humans[human].number, self.as_of);
        let same = |column: usize| row.cells[column] == true_row.cells[column];
        let plain = file.sheet.headers[PHONE] == "手机号";
        plain
            && row.says(&file.sheet.columns, self.as_of) == Says::Works
            && [KEY, LOGIN, DEPARTMENT, PHONE, STATUS].into_iter().all(same)
    }

    pub(super) fn is_as_it_should_be(&self, human: usize) -> bool {
        let right = self.right(human);
        let free = self.target.manage.phone != rosterd::config::Manage::Always;
        let is = |u: &UserView| u.enabled && u.group == right.group && (free || u.phone == right.phone);
        self.accounts(self.after, human).any(is)
    }

    /// Whether tonight's report names this human: among the blocked, or among those that failed.
    pub(super) fn names(&self, human: usize) -> bool {
        let keys: BTreeSet<String> = self
            .rows(human)
            .flat_map(|(_, row)| [folded(&row.cells[KEY]), folded(&row.cells[LOGIN])])
            .collect();
        let ours = self.ours_of.get(&human);
        let is = |name: &str| keys.contains(&folded(name)) || ours.is_some_and(|ours| ours.contains(name));
        let report = &self.night.report;
        report
            .blocked
            .iter()
            .any(|b| is(b.person.as_str()) || b.username.as_ref().is_some_and(|u| is(u.as_str())))
            || report.failures.iter().any(|f| is(f.username.as_str()))
    }

    /// A human's accounts, in words.
    pub(super) fn account(&self, human: usize) -> String {
        let all: Vec<String> = self
            .accounts(self.after, human)
            .map(|u| format!("{} enabled {} {} {}", u.name, u.enabled, u.group, u.phone))
            .collect();
        format!("{all:?}, should be {:?}", self.right(human))
    }
}
