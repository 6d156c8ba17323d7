//! What HR makes of the truth: the files of each evening, and everything that goes wrong with them. A fault lasts some
//! days, or for good; there is one at a time.

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::marks::Marks;
use super::sheet::{
    ACTIVE, DEPARTMENT, File, GONE, HIRED, KEY, LEFT, LOGIN, NAME, PHONE, POSITION, ROLES, Row, STATUS, Sheet,
};
use super::truth::Truth;
use crate::dice::Dice;

macro_rules! faults {
    ($($name:ident = $text:literal,)*) => {
        /// What can be wrong with HR's files.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Fault { $($name,)* }

        impl Fault {
            const ALL: &[Self] = &[$(Self::$name,)*];

            pub(super) const fn label(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

faults! {
    Late = "HR: no new file",
    Absent = "HR: no file at all",
    Doubled = "HR: rows doubled",
    DoubledOther = "HR: rows doubled with other data",
    Partial = "HR: the end of the file is missing",
    OneDepartment = "HR: a department is missing",
    FewMissing = "HR: a few rows are missing",
    MoreEachDay = "HR: a few more rows are missing each day",
    Flapping = "HR: a few rows come and go",
    OldAgain = "HR: an old export saved again",
    OtherCompany = "HR: another company's file",
    ZerosLost = "HR: IDs lose their zeros",
    OtherCase = "HR: IDs in other case",
    Prefixed = "HR: IDs gain a prefix",
    Wide = "HR: IDs in full width",
    FewZerosLost = "HR: a few IDs are written otherwise",
    PhoneHeader = "HR: the phone column has another header",
    StatusHeader = "HR: the status column has another header",
    PhonesEmpty = "HR: the phone column is empty",
    DepartmentsEmpty = "HR: the department column is empty",
    RolesEmpty = "HR: the roles column is empty",
    Shifted = "HR: departments shifted by a row",
    PhonesSorted = "HR: phones sorted alone",
    KeysSorted = "HR: keys sorted alone",
    OnePhone = "HR: one phone for many",
    Copy = "HR: a copy beside the original",
    Stamps = "HR: dates with an offset",
    LeftInFuture = "HR: gone, with a last day in the future",
    ActiveLongGone = "HR: active, with a last day long past",
    OddStatus = "HR: a status that nobody knows",
    Placeholders = "HR: nan for nothing",
    AllGone = "HR: many marked as gone",
    Decomposed = "HR: departments in other Unicode",
    Masked = "HR: phones masked",
}

/// A fault that has begun.
#[derive(Debug, Clone)]
struct Going {
    fault: Fault,
    began: u64,
    until: u64,
    /// What it draws is the same every day.
    dice: Dice,
}

/// HR's office.
#[derive(Debug)]
pub(super) struct Hr {
    columns: Vec<usize>,
    keeps: u64,
    gbk: bool,
    dated: bool,
    going: Option<Going>,
    /// The fault that was there before, to come once more.
    before: Option<Going>,
    /// Tables of the last days, oldest first.
    past: Vec<Sheet>,
    /// What lies in the folder.
    pub folder: Vec<File>,
}

impl Hr {
    /// An office with habits of its own.
    pub(super) fn new(dice: &mut Dice) -> Self {
        let mut columns = vec![KEY, LOGIN, NAME, DEPARTMENT, POSITION, PHONE];
        let status = !dice.one_in(4);
        columns.extend(
            [(dice.one_in(2), ROLES), (status, STATUS)].iter().filter(|(has, _)| *has).map(|(_, c)| *c),
        );
        columns.push(HIRED);
        if status && dice.one_in(2) {
            columns.push(LEFT);
        }
        Self {
            columns,
            keeps: if status { dice.pick(&[7, 30, 400]).unwrap_or(30) } else { 0 },
            gbk: dice.one_in(3),
            dated: dice.one_in(4),
            going: None,
            before: None,
            past: Vec::new(),
            folder: Vec::new(),
        }
    }

    /// The fault of today, if any.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.going.as_ref().map(|going| going.fault)
    }

    /// What is wrong is put right: HR was told.
    pub(super) fn mend(&mut self) {
        self.before = self.going.take().or(self.before.take());
    }

    /// The evening's export for the morning of `today`, the `day`-th of the company.
    pub(super) fn export(
        &mut self,
        dice: &mut Dice,
        truth: &Truth,
        (day, today): (u64, NaiveDate),
        at: DateTime<Utc>,
        (may_err, marks): (bool, &mut Marks),
    ) {
        if self.going.as_ref().is_some_and(|going| going.until <= day) {
            self.mend();
        }
        if may_err && self.going.is_none() && dice.one_in(9) {
            self.begin(dice, day, marks);
        }
        let sheet = Sheet::of(truth, &self.columns, self.keeps, today);
        self.past.push(sheet.clone());
        if self.past.len() > 12 {
            self.past.remove(0);
        }
        let Some(going) = self.going.clone() else {
            self.folder = vec![self.file(sheet, today, at)];
            return;
        };
        marks.files(going.fault.label());
        if going.fault == Fault::Late && !self.folder.is_empty() {
            return;
        }
        if going.fault == Fault::Absent {
            self.folder.clear();
            return;
        }
        let copied =
            self.past.len().checked_sub(2 + usize::try_from(going.dice.clone().below(6)).unwrap_or(0));
        let old = copied.and_then(|at| self.past.get(at)).or(self.past.first()).cloned();
        self.folder = match going.fault {
            Fault::Copy => {
                let mut copy = self.file(old.unwrap_or_else(|| sheet.clone()), today, at);
                copy.name = format!("副本 {}", copy.name);
                vec![self.file(sheet, today, at), copy]
            }
            Fault::OldAgain => vec![self.file(old.unwrap_or(sheet), today, at)],
            fault => {
                let days = day - going.began;
                let mut sheet = sheet;
                damage(&mut sheet, fault, &mut going.dice.clone(), days, truth, today, marks);
                vec![self.file(sheet, today, at)]
            }
        };
    }

    fn begin(&mut self, dice: &mut Dice, day: u64, marks: &mut Marks) {
        if let Some(before) = self.before.take().filter(|_| dice.one_in(3)) {
            self.going = Some(Going { began: day, until: day + 1 + dice.below(4), ..before });
        } else {
            let Some(fault) = dice.pick(Fault::ALL) else { return };
            let form = matches!(
                fault,
                Fault::ZerosLost
                    | Fault::OtherCase
                    | Fault::Prefixed
                    | Fault::FewZerosLost
                    | Fault::StatusHeader
            );
            let for_good = form && dice.one_in(2);
            let days = dice.pick(&[1, 1, 2, 3, 5, 9]).unwrap_or(1);
            let until = if for_good { u64::MAX } else { day + days };
            self.going = Some(Going { fault, began: day, until, dice: Dice::new(dice.below(u64::MAX)) });
        }
        if let Some(going) = &self.going {
            marks.count(going.fault.label());
        }
    }

    fn file(&self, sheet: Sheet, today: NaiveDate, modified: DateTime<Utc>) -> File {
        let name = match self.dated {
            true => format!("花名册_{}.csv", today.format("%Y%m%d")),
            false => "花名册.csv".to_owned(),
        };
        File { name, bytes: sheet.bytes(self.gbk), sheet, modified }
    }
}

/// Changes a cell of every row.
fn each(sheet: &mut Sheet, column: usize, change: impl Fn(&str) -> String) {
    for row in &mut sheet.rows {
        row.cells[column] = change(&row.cells[column]);
    }
}

/// What a fault does to a table. The same dice do the same every day.
fn damage(
    sheet: &mut Sheet,
    fault: Fault,
    dice: &mut Dice,
    days: u64,
    truth: &Truth,
    today: NaiveDate,
    marks: &mut Marks,
) {
    let few = |sheet: &Sheet, dice: &mut Dice, most: u64| -> Vec<usize> {
        let count = 1 + dice.below(most);
        let humans: Vec<usize> = sheet.rows.iter().filter_map(|row| row.human).collect();
        (0..count).filter_map(|_| dice.pick(&humans)).collect()
    };
    match fault {
        Fault::Doubled => sheet.rows.extend(sheet.rows.clone()),
        Fault::DoubledOther => {
            let some = few(sheet, dice, 6);
            let mut others: Vec<Row> = sheet.rows.clone();
            others.retain(|row| row.human.is_some_and(|human| some.contains(&human)));
            others.iter_mut().for_each(|row| row.cells[DEPARTMENT] = truth.path(0));
            sheet.rows.extend(others);
        }
        Fault::Partial => {
            let share = 20 + dice.below(79);
            sheet.rows.truncate(sheet.rows.len() * usize::try_from(share).unwrap_or(50) / 100);
        }
        Fault::OneDepartment => {
            let gone = truth.path(usize::try_from(dice.below(8)).unwrap_or(0));
            sheet.rows.retain(|row| row.cells[DEPARTMENT] != gone);
        }
        Fault::FewMissing | Fault::Flapping | Fault::MoreEachDay => {
            let most = if fault == Fault::MoreEachDay { 2 * (days + 1) } else { 4 };
            let gone = few(sheet, dice, 1);
            let start = gone.first().copied().unwrap_or(0);
            let here = fault == Fault::Flapping && days % 2 == 1;
            let hidden = |human: usize| !here && (start..start + most as usize).contains(&human);
            sheet.rows.retain(|row| row.human.is_none_or(|human| !hidden(human)));
        }
        Fault::OtherCompany => {
            let count = 5 + dice.below(60);
            sheet.rows = (0..count).map(|n| stranger(sheet, n)).collect();
        }
        Fault::ZerosLost => each(sheet, KEY, |key| key.trim_start_matches('0').to_owned()),
        Fault::OtherCase => each(sheet, KEY, swap_case),
        Fault::Prefixed => {
            let prefix = dice.pick(&["HR", "0", "XH_", "9"]).unwrap_or("HR");
            each(sheet, KEY, |key| format!("{prefix}{key}"));
        }
        Fault::Wide => each(sheet, KEY, |key| key.chars().map(wide).collect()),
        Fault::FewZerosLost => {
            for human in few(sheet, dice, 3) {
                marks.slip(human, fault.label());
                for row in sheet.rows.iter_mut().filter(|row| row.human == Some(human)) {
                    let other = swap_case(&row.cells[KEY]);
                    row.cells[KEY] = if other == row.cells[KEY] { format!("0{other}") } else { other };
                }
            }
        }
        Fault::PhoneHeader => "联系手机(个人)".clone_into(&mut sheet.headers[PHONE]),
        Fault::StatusHeader => "离职状态".clone_into(&mut sheet.headers[STATUS]),
        Fault::PhonesEmpty => each(sheet, PHONE, |_| String::new()),
        Fault::DepartmentsEmpty => each(sheet, DEPARTMENT, |_| String::new()),
        Fault::RolesEmpty => each(sheet, ROLES, |_| String::new()),
        Fault::Shifted => {
            let mut before = String::new();
            for row in &mut sheet.rows {
                std::mem::swap(&mut before, &mut row.cells[DEPARTMENT]);
            }
        }
        Fault::PhonesSorted => {
            let mut phones: Vec<String> = sheet.rows.iter().map(|row| row.cells[PHONE].clone()).collect();
            phones.sort();
            for (row, phone) in sheet.rows.iter_mut().zip(phones) {
                row.cells[PHONE] = phone;
            }
        }
        Fault::KeysSorted => {
            let mut keys: Vec<_> = sheet.rows.iter().map(|row| (row.cells[KEY].clone(), row.human)).collect();
            keys.sort_by(|a, b| b.0.cmp(&a.0));
            for (row, (key, human)) in sheet.rows.iter_mut().zip(keys) {
                (row.cells[KEY], row.human) = (key, human);
            }
        }
        Fault::OnePhone => {
            for human in few(sheet, dice, 12) {
                for row in sheet.rows.iter_mut().filter(|row| row.human == Some(human)) {
                    "13800138000".clone_into(&mut row.cells[PHONE]);
                }
            }
        }
        Fault::Stamps => {
            for row in sheet.rows.iter_mut().filter(|row| !row.cells[LEFT].is_empty()) {
                if let Some(eve) = row.cells[LEFT].parse::<NaiveDate>().ok().and_then(|day| day.pred_opt()) {
                    row.cells[LEFT] = format!("{eve}T16:00:00Z");
                }
            }
        }
        Fault::LeftInFuture => mark_all(sheet, &few(sheet, dice, 3), GONE, today + Days::new(90)),
        Fault::ActiveLongGone => mark_all(sheet, &few(sheet, dice, 3), ACTIVE, today - Days::new(90)),
        Fault::OddStatus => {
            let some = few(sheet, dice, 5);
            for row in sheet.rows.iter_mut().filter(|row| row.human.is_some_and(|h| some.contains(&h))) {
                "长期停薪".clone_into(&mut row.cells[STATUS]);
            }
        }
        Fault::Placeholders => {
            let some = few(sheet, dice, 3);
            for row in sheet.rows.iter_mut().filter(|row| row.human.is_some_and(|h| some.contains(&h))) {
                let word = dice.pick(&["nan", "undefined", "(null)"]).unwrap_or("nan");
                word.clone_into(&mut row.cells[DEPARTMENT]);
                word.clone_into(&mut row.cells[ROLES]);
            }
        }
        Fault::AllGone => {
            for row in &mut sheet.rows {
                if dice.one_in(3) {
                    GONE.clone_into(&mut row.cells[STATUS]);
                }
            }
        }
        // Looks the same.
        Fault::Decomposed => each(sheet, DEPARTMENT, |path| path.replace('é', "e\u{301}")),
        Fault::Masked => each(sheet, PHONE, |phone| {
            let (start, end) = (phone.get(..3).unwrap_or_default(), phone.get(7..).unwrap_or_default());
            format!("{start}****{end}")
        }),
        Fault::Late | Fault::Absent | Fault::Copy | Fault::OldAgain => {}
    }
}

fn mark_all(sheet: &mut Sheet, some: &[usize], word: &str, last: NaiveDate) {
    for row in sheet.rows.iter_mut().filter(|row| row.human.is_some_and(|h| some.contains(&h))) {
        word.clone_into(&mut row.cells[STATUS]);
        row.cells[LEFT] = last.to_string();
    }
}

/// Somebody of another company.
fn stranger(sheet: &Sheet, n: u64) -> Row {
    let mut cells = sheet.rows.first().map(|row| row.cells.clone()).unwrap_or_default();
    cells[KEY] = format!("ZZ{n:04}");
    cells[LOGIN] = format!("zz{n}");
    cells[NAME] = format!("外人{n}");
    cells[PHONE] = format!("1770000{n:04}");
    ACTIVE.clone_into(&mut cells[STATUS]);
    Row { human: None, cells }
}

fn swap_case(text: &str) -> String {
    let swapped =
        |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.chars().map(swapped).collect()
}

fn wide(c: char) -> char {
    match c {
        '!'..='~' => char::from_u32(c as u32 + 0xFEE0).unwrap_or(c),
        other => other,
    }
}
