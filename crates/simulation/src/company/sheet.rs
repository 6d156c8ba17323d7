//! HR's table before it is bytes: columns, rows, and whose row each is; and how it becomes the bytes of a file. What is
//! wrong with it on a day is `hr`'s business.

use chrono::{DateTime, NaiveDate, Utc};

use super::truth::{Human, Truth};

/// Columns, in the order in which they are written.
pub(super) const KEY: usize = 0;
pub(super) const LOGIN: usize = 1;
pub(super) const NAME: usize = 2;
pub(super) const DEPARTMENT: usize = 3;
pub(super) const POSITION: usize = 4;
pub(super) const PHONE: usize = 5;
pub(super) const ROLES: usize = 6;
pub(super) const STATUS: usize = 7;
pub(super) const HIRED: usize = 8;
pub(super) const LEFT: usize = 9;
const COLUMNS: usize = 10;
const HEADERS: [&str; COLUMNS] =
    ["工号", "账号", "姓名", "部门", "岗位", "手机号", "角色", "员工状态", "入职日期", "离职日期"];

/// Words that say that somebody works there, and that they do not.
pub(super) const ACTIVE: &str = "在职";
pub(super) const GONE: &str = "离职";

/// One row. The human goes with the key: whatever stands beside it, it is them that the row names.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub human: Option<usize>,
    pub cells: [String; COLUMNS],
}

/// A table.
#[derive(Debug, Clone)]
pub(super) struct Sheet {
    pub headers: [String; COLUMNS],
    pub columns: Vec<usize>,
    pub rows: Vec<Row>,
}

/// What a row says of somebody's job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// They work there.
    Works,
    /// They do not.
    Gone,
    /// Two things that do not go together, or a word that nobody knows.
    Unclear,
}

/// A file in HR's folder.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub name: String,
    pub sheet: Sheet,
    pub bytes: Vec<u8>,
    pub modified: DateTime<Utc>,
}

impl Row {
    /// The row of a human, as it should be.
    pub(super) fn of(truth: &Truth, human: usize, number: u64, today: NaiveDate) -> Self {
        let who: &Human = &truth.humans[human];
        let gone = who.last_day.is_some_and(|last| {
            let known = last.checked_add_days(chrono::Days::new(1 + who.delay)).unwrap_or(last);
            known <= today
        });
        let last = who.last_day.filter(|_| gone || who.announced);
        let day = |day: NaiveDate| day.format("%Y-%m-%d").to_string();
        let cells = [
            truth.scheme.key(number),
            who.login.clone(),
            who.name.clone(),
            truth.path(who.department),
            who.title().to_owned(),
            who.phone.clone(),
            format!("全员;R{}", who.department % 3),
            if gone { GONE } else { ACTIVE }.to_owned(),
            day(who.hired),
            last.map(day).unwrap_or_default(),
        ];
        Self { human: Some(human), cells }
    }

    /// What it says of the job on a day, to somebody who reads it with care.
    pub(super) fn says(&self, columns: &[usize], today: NaiveDate) -> Says {
        let date = self.cells[LEFT].get(..10).and_then(|text| text.parse::<NaiveDate>().ok());
        // Midnight in Shanghai is the afternoon before by the clock of the stamp.
        let stamp = self.cells[LEFT].ends_with("T16:00:00Z");
        let last = date
            .and_then(|day| if stamp { day.succ_opt() } else { Some(day) })
            .filter(|_| columns.contains(&LEFT));
        let word = if columns.contains(&STATUS) { self.cells[STATUS].as_str() } else { ACTIVE };
        match (word, last) {
            (GONE, Some(last)) if last >= today + chrono::Days::new(30) => Says::Unclear,
            (ACTIVE, Some(last)) if last + chrono::Days::new(30) < today => Says::Unclear,
            (GONE, _) => Says::Gone,
            (ACTIVE, Some(last)) if last < today => Says::Gone,
            (ACTIVE, _) => Says::Works,
            _ => Says::Unclear,
        }
    }
}

impl Sheet {
    /// The table as it should be.
    pub(super) fn of(truth: &Truth, columns: &[usize], keeps: u64, today: NaiveDate) -> Self {
        let mut rows = Vec::new();
        let soon = today + chrono::Days::new(3);
        for (human, who) in truth.humans.iter().enumerate() {
            let long_gone =
                who.last_day.is_some_and(|last| last + chrono::Days::new(keeps + who.delay) < today);
            if who.forgotten || who.hired > soon || long_gone {
                continue;
            }
            rows.push(Row::of(truth, human, who.number, today));
            rows.extend(who.second.map(|number| Row::of(truth, human, number, today)));
        }
        Self { headers: HEADERS.map(str::to_owned), columns: columns.to_vec(), rows }
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self, gbk: bool) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let record = |cells: &[String; COLUMNS]| -> Vec<String> {
            self.columns.iter().map(|column| cells[*column].clone()).collect()
        };
        // A vector takes everything that is written to it.
        let _ = writer.write_record(record(&self.headers));
        for row in &self.rows {
            let _ = writer.write_record(record(&row.cells));
        }
        let bytes = writer.into_inner().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        match encoding_rs::GBK.encode(&text) {
            (encoded, _, false) if gbk => encoded.into_owned(),
            _ => text.into_owned().into_bytes(),
        }
    }
}
