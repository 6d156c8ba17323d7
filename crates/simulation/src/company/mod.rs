//! Months of a company's life, one seed at a time: its people, what HR's files make of them, what hands do on the device,
//! what time does, and an operator; every night goes through the real path from the bytes of files to calls.
//!
//! `truth` is the company, `hr` and `sheet` its files, `hands` the device's other users, `scene` the way to it, `drive`
//! one night of rosterd, `operator` who answers it, `eyes` and `check` the judge. The same seed gives the same months.

mod check;
mod drive;
mod eyes;
mod hands;
mod hr;
mod marks;
mod operator;
mod scene;
mod settings;
mod sheet;
mod truth;

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use check::Checker;
use drive::Service;
use eyes::{Eyes, Scraps};
use hands::{Hands, Rival};
use hr::Hr;
use marks::Marks;
use operator::{Around, Operator};
use scene::{Scene, Shared};
use truth::Truth;

pub use check::Violation;
pub use settings::Settings;

use super::dice::Dice;
use super::{Lab, LabError, empty_store};
use rosterd::gateway::embedded::Device;
use rosterd::sabotage::{self, Flaw};
use rosterd::store::Store;

/// Which company, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// What rosterd is told.
    pub settings: Settings,
    /// Days.
    pub days: u64,
    /// People to begin with; drawn if not given.
    pub people: Option<u64>,
    /// Break engine or planner in this way.
    pub flaw: Option<Flaw>,
    /// Keep a trace.
    pub trace: bool,
}

/// What one company came to.
#[derive(Debug, Default)]
pub struct Played {
    /// Everything that was wrong.
    pub violations: Vec<Violation>,
    /// What happened, day by day.
    pub trace: Vec<String>,
    /// How often each kind of event came.
    pub events: BTreeMap<&'static str, u64>,
    /// How nights ended.
    pub nights: BTreeMap<String, u64>,
    /// Days.
    pub days: u64,
    /// Checks made.
    pub checks: u64,
    /// Nights of companies in which nothing is ever wrong, and those of them that were held.
    pub quiet: (u64, u64),
}

impl Played {
    /// Adds another's figures; its violations and trace are the caller's business.
    pub fn merge(&mut self, other: Self) {
        for (label, count) in other.events {
            *self.events.entry(label).or_default() += count;
        }
        for (label, count) in other.nights {
            *self.nights.entry(label).or_default() += count;
        }
        self.days += other.days;
        self.checks += other.checks;
        self.quiet.0 += other.quiet.0;
        self.quiet.1 += other.quiet.1;
    }
}

impl Lab {
    /// Plays the months of one company.
    ///
    /// # Errors
    /// If the simulation itself cannot be made.
    pub fn play_company(&mut self, seed: u64, setting: Setting) -> Result<Played, LabError> {
        let store = self.store.take();
        sabotage::set(setting.flaw);
        let played = self.runtime.block_on(async {
            let store = empty_store(store).await?;
            let mut company = Company::found(seed, setting, store)?;
            for day in 0..setting.days {
                company.live(day).await?;
            }
            Ok::<_, LabError>(company.close())
        });
        sabotage::set(None);
        let (played, store) = played?;
        self.store = Some(store);
        Ok(played)
    }
}

/// The first day of every company.
fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 2, 16).unwrap_or_default()
}

/// What may go wrong in a company.
#[derive(Debug, Clone, Copy)]
struct Perils {
    hr: bool,
    hands: bool,
    time: bool,
    life: bool,
}

struct Company {
    dice: Dice,
    setting: Setting,
    perils: Perils,
    truth: Truth,
    hr: Hr,
    hands: Hands,
    operator: Operator,
    checker: Checker,
    marks: Marks,
    service: Service,
    by_login: bool,
    played: Played,
    /// The clock of rosterd's machine, and until when it is wrong.
    clock_until: u64,
    /// rosterd does not run until then.
    down_until: u64,
}

impl Company {
    fn found(seed: u64, setting: Setting, store: Store) -> Result<Self, LabError> {
        let mut dice = Dice::new(seed);
        let config = settings::settings(setting.settings, &mut dice)?;
        let quiet = dice.one_in(6);
        let some = |dice: &mut Dice| !quiet && !dice.one_in(3);
        let perils =
            Perils { hr: some(&mut dice), hands: some(&mut dice), time: some(&mut dice), life: !quiet };
        let drawn = if dice.one_in(40) { 500 } else { 20 + dice.below(41) };
        let people = setting.people.unwrap_or(drawn);
        let truth = Truth::new(&mut dice, people, first_day());
        let dialect = config.target.first().map(|target| target.dialect);
        let dialect = dialect.ok_or_else(|| LabError::Settings("no target".into()))?;
        let device = Device::new(dialect, Default::default(), &hands::furniture());
        let start = DateTime::<Utc>::from_naive_utc_and_offset(first_day().and_time(NaiveTime::MIN), Utc);
        let shared = Shared::new(Scene::new(device, start - TimeDelta::days(1)));
        Ok(Self {
            by_login: config.account.username.to_string().contains("login"),
            hr: Hr::new(&mut dice),
            dice,
            setting,
            perils,
            truth,
            hands: Hands::default(),
            operator: Operator::default(),
            checker: Checker::default(),
            marks: Marks::default(),
            service: Service { config, store, shared },
            played: Played::default(),
            clock_until: 0,
            down_until: 0,
        })
    }

    /// A day, from HR's export in the evening before to what the operator does after the night.
    async fn live(&mut self, day: u64) -> Result<(), LabError> {
        let today = first_day() + Days::new(day);
        self.marks.day(day);
        self.played.days += 1;
        if day > 0 {
            self.truth.live(&mut self.dice, today, !self.perils.life, &mut self.marks);
        }
        let night = self.moment(today);
        self.evening(day, today, night);
        if day < self.down_until {
            self.note(day, "rosterd does not run");
            return Ok(());
        }
        self.night(day, today, night).await
    }

    /// Half past two, in the service's zone; an hour later where there is no such time.
    fn moment(&self, today: NaiveDate) -> DateTime<Utc> {
        let zone = self.service.config.schedule.timezone;
        let clock = |hour| NaiveTime::from_hms_opt(hour, 30, 0).unwrap_or_default();
        let at = |hour| today.and_time(clock(hour)).and_local_timezone(zone).earliest();
        at(2).or_else(|| at(3)).map(|at| at.to_utc()).unwrap_or_default()
    }

    fn evening(&mut self, day: u64, today: NaiveDate, night: DateTime<Utc>) {
        let Self { dice, hr, hands, marks, truth, perils, service, by_login, .. } = self;
        let mut scene = service.shared.lock();
        scene.wait_until(night - TimeDelta::hours(6));
        let errs = perils.hr && day > 3;
        hr.export(dice, truth, (day, today), scene.true_time(), (errs, marks));
        (scene.off, scene.slow_commit, scene.lossy) = (false, false, None);
        if perils.hands {
            let leaving = |human: usize| {
                truth.humans.get(human).is_some_and(|h| h.last_day.is_some_and(|last| last <= today))
            };
            hands.act(dice, &mut scene, day, &leaving, marks);
            let soon = (0..truth.humans.len()).find(|human| truth.humans[*human].hired > today);
            if let Some(human) = soon.filter(|_| dice.one_in(25)) {
                let rival = rival(truth, human, service, *by_login, dice.one_in(2));
                hands.rival(&mut scene, &rival, human, marks);
            }
        }
        if day >= self.clock_until {
            scene.offset = TimeDelta::zero();
        }
        if perils.time && day > 3 && dice.one_in(20) {
            match dice.below(5) {
                0 => {
                    scene.offset = TimeDelta::hours(1 + i64::try_from(dice.below(40)).unwrap_or(0));
                    self.clock_until = day + 1 + dice.below(2);
                    marks.time("time: the clock is ahead");
                }
                1 => {
                    scene.offset = TimeDelta::seconds(200);
                    self.clock_until = day + 3;
                    marks.time("time: the clock is minutes ahead");
                }
                2 => {
                    self.down_until = day + 1 + dice.below(4);
                    marks.time("time: nights missed");
                }
                3 => {
                    scene.lossy = Some(Dice::new(dice.below(u64::MAX)));
                    marks.time("time: answers lost");
                }
                _ => {
                    scene.slow_commit = true;
                    marks.time("time: a slow commit");
                }
            }
        }
        scene.wait_until(night);
    }

    async fn night(&mut self, day: u64, today: NaiveDate, at: DateTime<Utc>) -> Result<(), LabError> {
        let shared = self.service.shared.clone();
        let before = {
            let mut scene = shared.lock();
            scene.meant = eyes::meant(&self.hr.folder, self.by_login);
            scene.sent.clear();
            scene.refused = (false, false);
            scene.device.trim_log(0);
            scene.device.effective_users()
        };
        let night = self.service.night(&self.hr.folder).await?;
        {
            let scene = shared.lock();
            let after = scene.device.effective_users();
            let Some(target) = self.service.config.target.first() else { return Ok(()) };
            let eyes = Eyes::open(Scraps {
                day,
                at,
                as_of: today,
                truth: &self.truth,
                folder: &self.hr.folder,
                night: &night,
                sent: &scene.sent,
                target,
                marks: &self.marks,
                owners: &scene.owners,
                before: &before,
                after: &after,
                meant: &scene.meant,
                token_ignored: scene.refused.1,
            });
            self.checker.judge(&eyes);
        }
        let end = format!("{:?}, exit {}", night.report.outcome, night.report.exit_code);
        if !self.perils.life {
            self.played.quiet.0 += 1;
            self.played.quiet.1 += u64::from(night.report.exit_code == 4);
        }
        if self.setting.trace {
            let held: Vec<&str> = night.report.held_by.iter().map(|held| held.guard.as_str()).collect();
            let blocked: Vec<String> = night
                .report
                .blocked
                .iter()
                .map(|b| format!("{} {}", b.person, b.reason.kind().as_str()))
                .collect();
            let error = night.report.error.as_ref().map(|e| e.kind.to_string()).unwrap_or_default();
            let counts = night.report.counts;
            self.note(day, &format!("{end} {error} held by {held:?} blocked {blocked:?} {counts:?}"));
            let sent: Vec<String> =
                shared.lock().sent.iter().map(|s| format!("{} {}", s.did.word(), s.name)).collect();
            let (commit, warnings) = (night.report.commit, &night.report.warnings);
            self.note(day, &format!("sent {sent:?}, commit {commit:?}, warnings {warnings:?}"));
        }
        *self.played.nights.entry(end).or_default() += 1;
        let gone = |human: usize| {
            self.truth.humans.get(human).is_some_and(|h| h.last_day.is_some_and(|l| l < today))
        };
        let around = Around {
            day,
            night: &night,
            service: &self.service,
            hr: &mut self.hr,
            hands: &mut self.hands,
            checker: &mut self.checker,
            marks: &mut self.marks,
            gone: &gone,
            quiet: !self.perils.life,
        };
        self.operator.work(&mut self.dice, around).await?;
        Ok(())
    }

    fn note(&mut self, day: u64, what: &str) {
        let lines = std::mem::take(&mut self.marks.lines);
        if self.setting.trace {
            self.played.trace.extend(lines.into_iter().map(|line| format!("day {day}: {line}")));
            self.played.trace.push(format!("day {day}: {what}"));
        }
    }

    fn close(mut self) -> (Played, Store) {
        self.played.events = std::mem::take(&mut self.marks.events);
        self.played.violations = std::mem::take(&mut self.checker.violations);
        self.played.checks = self.checker.checks;
        let crossed = self.service.shared.lock().crossed;
        *self.played.events.entry("hands: made again while it is renamed").or_default() += crossed;
        (self.played, self.service.store)
    }
}

/// The user that somebody makes by hand for a joiner, with the values that rosterd would give it or with others.
fn rival(truth: &Truth, human: usize, service: &Service, by_login: bool, exact: bool) -> Rival {
    let who = &truth.humans[human];
    let name = if by_login { who.login.clone() } else { truth.scheme.key(who.number) };
    let row = sheet::Row::of(truth, human, who.number, who.hired);
    let note = match service.config.account.note.to_string().contains("position") {
        true => format!("{}-{}", who.name, who.title()),
        false => who.name.clone(),
    };
    let roles = row.cells[sheet::ROLES].split(';').map(str::to_owned).collect();
    let group = format!("/{}", truth.path(who.department));
    Rival { name, values: exact.then(|| (group, note, who.phone.clone(), roles)) }
}
