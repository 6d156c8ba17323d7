//! The people of a simulated company: who works there, what HR's roster says of them, and what a gateway must hold for
//! them in the end. The last is worked out here from the people alone, without the engine's mapping or planner.

use std::collections::{BTreeMap, BTreeSet};

use super::dice::Dice;
use rosterd::gateway::embedded::UserView;
use rosterd::model::{Cell, NameError, PersonKey, RowRef};
use rosterd::reason::{Block, BlockReason, StatusDoubt};
use rosterd::roster::{Employment, Field, Person, Roster, SourceFacts, Texts};

/// Departments that people move between.
pub const DEPARTMENTS: &[&str] = &["销售部", "研发部", "市场部"];
/// Roles that people get.
pub const ROLES: &[&str] = &["全员", "CRM", "堡垒机"];

/// Whether somebody works there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Yes.
    Here,
    /// No, and the roster says so.
    Left,
    /// No, and the roster no longer has them.
    Missing,
}

/// One employee.
#[derive(Debug, Clone)]
pub struct Member {
    /// Works there.
    pub presence: Presence,
    /// User name.
    pub login: String,
    position: u64,
    department: &'static str,
    phone: u64,
    roles: BTreeSet<&'static str>,
    unreadable: bool,
    renamed: bool,
}

impl Member {
    /// Note, as a gateway shows it.
    pub fn note(&self) -> String {
        format!("员工-岗{}", self.position)
    }

    /// Group, as a gateway shows it.
    pub fn group(&self) -> String {
        format!("/总公司/{}", self.department)
    }

    /// Phone, as a gateway shows it.
    pub fn phone(&self) -> String {
        format!("1380013{:04}", self.phone)
    }

    /// Whether a user on the gateway is as it must be for this member.
    pub fn is(&self, user: &UserView) -> bool {
        user.enabled
            && user.note == self.note()
            && user.group == self.group()
            && user.phone == self.phone()
            && user.roles.iter().map(String::as_str).eq(self.roles.iter().copied())
    }
}

/// Everybody who ever worked there, by employee number.
#[derive(Debug, Clone)]
pub struct Staff {
    /// Members.
    pub members: BTreeMap<u64, Member>,
    most: u64,
    logins: u64,
    reuse: bool,
    /// Names pass on, people go and come back as often as may be.
    restless: bool,
}

impl Staff {
    /// A company of up to six. `reuse`: a joiner may get the login of somebody who left.
    pub fn new(dice: &mut Dice, reuse: bool) -> Self {
        let mut staff =
            Self { members: BTreeMap::new(), most: 1 + dice.below(6), logins: 0, reuse, restless: false };
        for _ in 0..dice.below(staff.most + 1) {
            staff.join(dice);
        }
        staff
    }

    fn join(&mut self, dice: &mut Dice) {
        let number = 10_000 + self.members.len() as u64;
        self.logins += 1;
        let mut login = format!("u{}", self.logins);
        let free = |m: &Member| m.presence != Presence::Here;
        let shared = |l: &str, all: &BTreeMap<u64, Member>| all.values().filter(|m| m.login == l).count() > 1;
        if self.reuse
            && (self.restless || dice.one_in(2))
            && let Some(left) = self.members.values().find(|m| free(m) && !shared(&m.login, &self.members))
        {
            login.clone_from(&left.login);
        }
        let member = Member {
            presence: Presence::Here,
            login,
            position: dice.below(4),
            department: dice.pick(DEPARTMENTS).unwrap_or("销售部"),
            phone: dice.below(10_000),
            roles: ROLES.iter().copied().filter(|_| dice.one_in(2)).collect(),
            unreadable: false,
            renamed: false,
        };
        self.members.insert(number, member);
    }

    /// A company in which people change their minds: they go and come back, and their names pass on.
    pub fn restless(dice: &mut Dice, reuse: bool) -> Self {
        Self { restless: true, ..Self::new(dice, reuse) }
    }

    /// What happens in HR until the next export of a restless company.
    fn change_minds(&mut self, dice: &mut Dice) {
        for _ in 0..=dice.below(2) {
            let numbers: Vec<u64> = self.members.keys().copied().collect();
            let Some(number) = dice.pick(&numbers).filter(|_| !dice.one_in(4)) else {
                self.join_if_room(dice);
                continue;
            };
            let free = self.may_return(number);
            self.logins += 1;
            let fresh = format!("u{}", self.logins);
            let Some(member) = self.members.get_mut(&number) else { continue };
            match (member.presence, dice.below(4)) {
                (Presence::Here, 0) => {
                    member.login = fresh;
                    member.renamed = true;
                }
                (Presence::Here, n) => {
                    member.presence = if n == 1 { Presence::Missing } else { Presence::Left };
                    if self.reuse && dice.one_in(2) {
                        self.join_if_room(dice);
                    }
                }
                _ if free => member.presence = Presence::Here,
                _ => {}
            }
        }
    }

    fn join_if_room(&mut self, dice: &mut Dice) {
        if self.members.len() < 8 {
            self.join(dice);
        }
    }

    /// Whether nobody else has the login of this member.
    fn may_return(&self, number: u64) -> bool {
        let others = |login: &str| {
            self.members.iter().any(|(n, m)| *n != number && m.login == login && m.presence == Presence::Here)
        };
        self.members.get(&number).is_some_and(|member| !others(&member.login))
    }

    /// HR finds out that a login is somebody's who was not known: whoever had it gets another. Gives the new one's
    /// number, if there is room for them.
    pub fn correct(&mut self, dice: &mut Dice, login: &str) -> Option<u64> {
        if self.members.len() >= 8 {
            return None;
        }
        let number = 10_000 + self.members.len() as u64;
        self.join(dice);
        for (_, member) in self.members.iter_mut().filter(|(n, m)| **n != number && m.login == login) {
            self.logins += 1;
            (member.login, member.renamed) = (format!("u{}", self.logins), true);
        }
        let new = self.members.get_mut(&number)?;
        (new.login, new.renamed) = (login.to_owned(), true);
        Some(number)
    }

    /// One who stays, one who will leave.
    pub fn three() -> Self {
        let mut dice = Dice::new(1);
        let mut staff = Self { members: BTreeMap::new(), most: 3, logins: 0, reuse: false, restless: false };
        staff.join(&mut dice);
        staff.join(&mut dice);
        staff
    }

    /// One joins, one changes, one leaves.
    pub fn turn_over(&mut self) {
        let mut members = self.members.values_mut();
        if let Some(stays) = members.next() {
            stays.position += 1;
        }
        if let Some(leaves) = members.next() {
            leaves.presence = Presence::Left;
        }
        self.join(&mut Dice::new(2));
    }

    /// A stranger's name becomes a member's login.
    pub fn collide(&mut self, dice: &mut Dice, name: &str) {
        let numbers: Vec<u64> = self.members.keys().copied().collect();
        if let Some(member) = dice.pick(&numbers).and_then(|n| self.members.get_mut(&n)) {
            name.clone_into(&mut member.login);
        }
    }

    /// What happens in HR until the next export.
    pub fn change(&mut self, dice: &mut Dice) {
        for member in self.members.values_mut() {
            member.unreadable = false;
        }
        if self.restless {
            return self.change_minds(dice);
        }
        for _ in 0..dice.below(4) {
            let numbers: Vec<u64> = self.members.keys().copied().collect();
            let Some(number) = dice.pick(&numbers).filter(|_| !dice.one_in(5)) else {
                self.join_if_room(dice);
                continue;
            };
            let may_return = self.may_return(number);
            self.logins += 1;
            let fresh = format!("u{}", self.logins);
            let Some(member) = self.members.get_mut(&number) else { continue };
            match (member.presence, dice.below(8)) {
                (Presence::Here, 0) => member.presence = Presence::Left,
                (Presence::Here, 1) => member.presence = Presence::Missing,
                (Presence::Here, 2) => {
                    member.login = fresh;
                    member.renamed = true;
                }
                (Presence::Here, 3) => member.department = dice.pick(DEPARTMENTS).unwrap_or("市场部"),
                (Presence::Here, 4) => member.phone = dice.below(10_000),
                (Presence::Here, 5) => member.unreadable = true,
                (Presence::Here, _) => {
                    member.position += 1;
                    member.roles = ROLES.iter().copied().filter(|_| dice.one_in(2)).collect();
                }
                (_, 0..=4) if may_return => member.presence = Presence::Here,
                (Presence::Left, _) => member.presence = Presence::Missing,
                _ => {}
            }
        }
    }

    /// Names under which nobody can have an account of an earlier name.
    pub fn joiners(&self) -> Vec<String> {
        let never_renamed = |m: &&Member| m.presence == Presence::Here && !m.renamed;
        self.members.values().filter(never_renamed).map(|m| m.login.clone()).collect()
    }

    /// Every row can be read again.
    pub fn repair(&mut self) {
        for member in self.members.values_mut() {
            member.unreadable = false;
        }
    }

    /// Today's roster.
    ///
    /// # Errors
    /// Never: the numbers are good keys.
    pub fn roster(&self) -> Result<Roster, NameError> {
        let mut people = BTreeMap::new();
        let mut blocked = BTreeMap::new();
        let present = self.members.iter().filter(|(_, m)| m.presence != Presence::Missing);
        for (line, (number, member)) in (2..).zip(present) {
            let key = PersonKey::new(&number.to_string())?;
            let row = RowRef { file: "hr.csv".into(), line };
            if member.unreadable {
                let doubt = StatusDoubt::Value { value: String::new() };
                blocked.insert(key, Block::from(BlockReason::UnknownStatus(doubt)).row(&row));
            } else {
                people.insert(key.clone(), person(key, row, *number, member));
            }
        }
        let rows = (people.len() + blocked.len()) as u64;
        let all = format!("{people:?}{blocked:?}");
        Ok(Roster {
            people,
            blocked,
            sources: vec![SourceFacts::of_one_file("hr", "hr.csv", rows)],
            digest: blake3::hash(all.as_bytes()).to_hex().to_string(),
            partial: false,
            doubts: Vec::new(),
        })
    }
}

fn person(key: PersonKey, row: RowRef, number: u64, member: &Member) -> Person {
    let position = format!("岗{}", member.position);
    let text = Texts::pack([
        (Field::EmployeeId, Cell::Value(number.to_string().as_str())),
        (Field::Login, Cell::Value(&member.login)),
        (Field::Name, Cell::Value("员工")),
        (Field::Position, Cell::Value(&position)),
    ]);
    let roles: Vec<String> = member.roles.iter().map(|r| (*r).to_owned()).collect();
    Person {
        key,
        sources: ["hr".into()].into(),
        rows: vec![row],
        employment: if member.presence == Presence::Left { Employment::Left } else { Employment::Active },
        text,
        departments: Cell::Value(vec![vec!["总公司".to_owned(), member.department.to_owned()]].into()),
        roles: if roles.is_empty() { Cell::Empty } else { Cell::Value(roles.into()) },
        phones: Cell::Value(vec![member.phone()]),
        hire_date: Cell::Empty,
        leave_date: Cell::Empty,
        expires_on: Cell::Empty,
    }
}
