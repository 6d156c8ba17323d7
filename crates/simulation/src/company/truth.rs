//! The truth of a simulated company: its people and what happens in their lives, month by month. What HR makes of it is
//! in `hr`; nothing here knows files, gateways or rosterd.

use chrono::{Days, NaiveDate};

use super::marks::Marks;
use crate::dice::Dice;

/// Names that the company has had, in turn.
const ROOTS: [&str; 3] = ["星河科技", "星河集团", "星河控股"];
/// Departments to begin with; a reorganisation makes more.
const DEPARTMENTS: [&str; 8] =
    ["销售部", "研发部", "Café事业部", "财务部", "人事部", "法务部", "客服部", "运维部"];
const POSITIONS: [&str; 4] = ["专员", "工程师", "主管", "经理"];
const SURNAMES: [&str; 12] = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙"];
const GIVEN: [&str; 20] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超",
    "秀英", "志强", "晓明",
];

/// How employee numbers are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scheme {
    /// Before the digits.
    pub letter: &'static str,
    /// Digits, filled up with zeros.
    pub width: usize,
}

impl Scheme {
    /// A number as this company writes it.
    pub(super) fn key(self, number: u64) -> String {
        format!("{}{number:0width$}", self.letter, width = self.width)
    }
}

/// One human, whatever numbers and names they have had.
#[derive(Debug, Clone)]
pub(super) struct Human {
    /// Employee number.
    pub number: u64,
    /// A second employee number, for a second job.
    pub second: Option<u64>,
    pub name: String,
    pub phone: String,
    pub login: String,
    pub department: usize,
    pub position: usize,
    pub hired: NaiveDate,
    /// The last working day, once it is decided.
    pub last_day: Option<NaiveDate>,
    /// Days until HR writes down that they are gone.
    pub delay: u64,
    /// HR writes the last day down before it has come.
    pub announced: bool,
    /// Their row was overwritten: HR's system knows them no more.
    pub forgotten: bool,
}

impl Human {
    /// Whether they work there on a day.
    pub(super) fn works(&self, day: NaiveDate) -> bool {
        self.hired <= day && self.last_day.is_none_or(|last| day <= last)
    }

    /// The position's title.
    pub(super) fn title(&self) -> &'static str {
        POSITIONS[self.position % POSITIONS.len()]
    }
}

/// The company as it is.
#[derive(Debug, Clone)]
pub(super) struct Truth {
    pub humans: Vec<Human>,
    pub scheme: Scheme,
    root: usize,
    departments: Vec<String>,
    next_number: u64,
}

impl Truth {
    /// A company of so many people, most of whom have been there for long.
    pub(super) fn new(dice: &mut Dice, people: u64, today: NaiveDate) -> Self {
        let scheme = dice
            .pick(&[
                Scheme { letter: "", width: 5 },
                Scheme { letter: "", width: 6 },
                Scheme { letter: "a", width: 4 },
                Scheme { letter: "A", width: 5 },
                Scheme { letter: "XH-", width: 4 },
            ])
            .unwrap_or(Scheme { letter: "", width: 5 });
        let count = DEPARTMENTS.len().min(2 + (people as usize) / 12);
        let mut truth = Self {
            humans: Vec::new(),
            scheme,
            root: 0,
            departments: DEPARTMENTS.iter().take(count).map(|d| (*d).to_owned()).collect(),
            next_number: 101 + dice.below(400),
        };
        for _ in 0..people {
            truth.next_number += dice.below(3);
            let number = truth.fresh_number();
            let hired = today.checked_sub_days(Days::new(30 + dice.below(2000))).unwrap_or(today);
            truth.join(dice, number, hired);
        }
        truth
    }

    fn fresh_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn join(&mut self, dice: &mut Dice, number: u64, hired: NaiveDate) -> usize {
        let human = self.humans.len();
        let part = |dice: &mut Dice, all: &[&'static str]| dice.pick(all).unwrap_or_default();
        let mut name = format!("{}{}", part(dice, &SURNAMES), part(dice, &GIVEN));
        if !dice.one_in(8) {
            name.push_str(part(dice, &GIVEN));
        }
        self.humans.push(Human {
            number,
            second: None,
            name,
            phone: phone(human as u64),
            login: format!("u{human:04}"),
            department: usize::try_from(dice.below(self.departments.len() as u64)).unwrap_or(0),
            position: usize::try_from(dice.below(4)).unwrap_or(0),
            hired,
            last_day: None,
            delay: if dice.one_in(3) { 1 + dice.below(2) } else { 0 },
            announced: dice.one_in(2),
            forgotten: false,
        });
        human
    }

    /// The full path of a department, as HR writes it.
    pub(super) fn path(&self, department: usize) -> String {
        let name = &self.departments[department % self.departments.len()];
        format!("{}/{name}", ROOTS[self.root % ROOTS.len()])
    }

    /// Everybody who works there on a day.
    pub(super) fn staff(&self, day: NaiveDate) -> Vec<usize> {
        (0..self.humans.len()).filter(|human| self.humans[*human].works(day)).collect()
    }

    /// Everybody who is gone on a day.
    fn gone(&self, day: NaiveDate) -> Vec<usize> {
        let gone = |h: &Human| h.last_day.is_some_and(|last| last < day);
        (0..self.humans.len()).filter(|human| gone(&self.humans[*human])).collect()
    }

    /// One day of life. `quiet`: only what happens in every company all the time.
    pub(super) fn live(&mut self, dice: &mut Dice, today: NaiveDate, quiet: bool, marks: &mut Marks) {
        for _ in 0..self.staff(today).len() {
            if dice.permille(9) {
                self.happen(dice, today, quiet, marks);
            }
        }
        if !quiet && dice.permille(4) {
            self.reorganise(dice, marks);
        }
    }

    fn happen(&mut self, dice: &mut Dice, today: NaiveDate, quiet: bool, marks: &mut Marks) {
        let staff = self.staff(today);
        let Some(human) = dice.pick(&staff) else { return };
        match dice.below(if quiet { 80 } else { 100 }) {
            0..20 => {
                let number = self.fresh_number();
                let hired = today.checked_add_days(Days::new(dice.below(4))).unwrap_or(today);
                let joiner = self.join(dice, number, hired);
                marks.life(joiner, "joins");
            }
            20..40 => self.leave(dice, human, today, marks),
            40..55 => {
                self.humans[human].department += 1;
                marks.life(human, "moves to another department");
            }
            55..70 => {
                self.humans[human].position += 1;
                marks.life(human, "is promoted");
            }
            70..80 => {
                self.humans[human].phone = phone(dice.below(1 << 30));
                marks.life(human, "has a new phone");
            }
            80..84 => self.come_back(dice, today, marks),
            84..88 => {
                self.humans[human].number = self.fresh_number();
                marks.life(human, "changes the employee number");
            }
            88..90 => {
                if self.humans[human].second.is_none() {
                    self.humans[human].second = Some(self.fresh_number());
                    marks.life(human, "takes a second job");
                }
            }
            90..94 => {
                let surname = dice.pick(&SURNAMES).unwrap_or_default();
                self.humans[human].name = format!("{surname}{}", dice.pick(&GIVEN).unwrap_or_default());
                if dice.one_in(2) {
                    self.humans[human].login.push('m');
                }
                if dice.one_in(2) {
                    self.humans[human].phone = phone(dice.below(1 << 30));
                    marks.life(human, "marries and has a new phone");
                } else {
                    marks.life(human, "marries");
                }
            }
            94..97 => self.inherit(dice, today, true, marks),
            _ => self.inherit(dice, today, false, marks),
        }
    }

    fn leave(&mut self, dice: &mut Dice, human: usize, today: NaiveDate, marks: &mut Marks) {
        let last = today.checked_add_days(Days::new(dice.below(10)));
        if self.humans[human].last_day.is_none() {
            self.humans[human].last_day = last;
            marks.life(human, "leaves");
        }
    }

    fn come_back(&mut self, dice: &mut Dice, today: NaiveDate, marks: &mut Marks) {
        let gone = self.gone(today);
        let Some(human) = dice.pick(&gone).filter(|h| !self.humans[*h].forgotten) else { return };
        if dice.one_in(3) {
            self.humans[human].number = self.fresh_number();
        }
        let back = &mut self.humans[human];
        (back.hired, back.last_day, back.second) = (today, None, None);
        marks.life(human, "comes back");
    }

    /// A joiner gets the number, or the log-in, of somebody who left.
    fn inherit(&mut self, dice: &mut Dice, today: NaiveDate, number: bool, marks: &mut Marks) {
        let gone = self.gone(today);
        let Some(former) = dice.pick(&gone).filter(|h| !self.humans[*h].forgotten) else { return };
        let (old, login) = (self.humans[former].number, self.humans[former].login.clone());
        let held = |h: &Human| h.last_day.is_none_or(|last| last >= today);
        if self.humans.iter().any(|h| held(h) && (h.number == old || h.login == login)) {
            return;
        }
        let its = if number { old } else { self.fresh_number() };
        let joiner = self.join(dice, its, today);
        if number {
            self.humans[former].forgotten = true;
            marks.life(former, "a joiner has their number");
            marks.life(joiner, "joins with the number of somebody who left");
        } else {
            self.humans[joiner].login = login;
            self.humans[former].login = format!("x{former:04}");
            marks.life(joiner, "joins with the log-in of somebody who left");
        }
    }

    fn reorganise(&mut self, dice: &mut Dice, marks: &mut Marks) {
        if dice.one_in(4) {
            self.root += 1;
            marks.company("the root is renamed");
            return;
        }
        let at = usize::try_from(dice.below(self.departments.len() as u64)).unwrap_or(0);
        let old = self.departments[at].trim_end_matches('部').to_owned();
        self.departments[at] = format!("{old}中心部");
        marks.company("a department is renamed");
    }
}

/// A mobile number, another one for each seed.
fn phone(seed: u64) -> String {
    format!("139{:08}", seed.wrapping_mul(2_654_435_761) % 100_000_000)
}
