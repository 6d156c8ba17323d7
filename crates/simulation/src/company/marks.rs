//! What happened to whom and when, so that a violation can name its cause; and how often each kind of event came.

use std::collections::BTreeMap;

/// Days after which something that happened to a human is no longer what is behind a violation.
const HUMAN_DAYS: u64 = 40;
/// The same, for what happened to all.
const COMPANY_DAYS: u64 = 14;
/// What happens in a life without any harm in it.
const ORDINARY: [&str; 5] =
    ["joins", "leaves", "moves to another department", "is promoted", "has a new phone"];

type Mark = (u64, &'static str);

/// Events of one company.
#[derive(Debug, Default)]
pub(super) struct Marks {
    today: u64,
    lives: BTreeMap<usize, Mark>,
    slips: BTreeMap<usize, Mark>,
    /// What is wrong with the files; what was done to the device as a whole; the company; the clock.
    files: Option<Mark>,
    device: Option<Mark>,
    company: Option<Mark>,
    time: Option<Mark>,
    /// How often each kind of event came.
    pub events: BTreeMap<&'static str, u64>,
    /// Lines of today's trace.
    pub lines: Vec<String>,
}

impl Marks {
    /// A new day.
    pub(super) fn day(&mut self, today: u64) {
        self.today = today;
    }

    /// Counts an event that is nobody's cause.
    pub(super) fn count(&mut self, what: &'static str) {
        *self.events.entry(what).or_default() += 1;
        self.lines.push(what.to_owned());
    }

    /// Something happens in a life.
    pub(super) fn life(&mut self, human: usize, what: &'static str) {
        *self.events.entry(what).or_default() += 1;
        self.lives.insert(human, (self.today, what));
        self.lines.push(format!("human {human} {what}"));
    }

    /// Hands do something to somebody's account.
    pub(super) fn slip(&mut self, human: usize, what: &'static str) {
        *self.events.entry(what).or_default() += 1;
        self.slips.insert(human, (self.today, what));
        self.lines.push(format!("human {human}: {what}"));
    }

    /// This is wrong with today's files; it was counted when it began.
    pub(super) fn files(&mut self, what: &'static str) {
        self.files = Some((self.today, what));
        self.lines.push(what.to_owned());
    }

    /// Something happens to the device as a whole.
    pub(super) fn device(&mut self, what: &'static str) {
        self.count(what);
        self.device = Some((self.today, what));
    }

    /// Something happens to the company.
    pub(super) fn company(&mut self, what: &'static str) {
        self.count(what);
        self.company = Some((self.today, what));
    }

    /// Something happens to clocks, nights and lines.
    pub(super) fn time(&mut self, what: &'static str) {
        self.count(what);
        self.time = Some((self.today, what));
    }

    /// Whether hands were at this human's account, or at the device.
    pub(super) fn by_hand(&self, human: usize) -> bool {
        self.recent(self.slips.get(&human).copied(), HUMAN_DAYS)
            .or(self.recent(self.device, HUMAN_DAYS))
            .is_some()
    }

    fn recent(&self, mark: Option<Mark>, days: u64) -> Option<&'static str> {
        mark.filter(|(day, _)| self.today - day <= days).map(|(_, what)| what)
    }

    /// What is most likely behind the breaking of a rule.
    pub(super) fn cause(&self, rule: &str, human: Option<usize>) -> &'static str {
        let of = |marks: &BTreeMap<usize, Mark>| human.and_then(|human| marks.get(&human).copied());
        let own = self.recent(of(&self.lives), HUMAN_DAYS);
        let life = own.filter(|what| !ORDINARY.contains(what));
        let hands = self.recent(of(&self.slips), HUMAN_DAYS);
        let device = self.recent(self.device, HUMAN_DAYS);
        let (now, lately) = (self.recent(self.files, 0), self.recent(self.files, COMPANY_DAYS));
        let company = self.recent(self.company, COMPANY_DAYS);
        let time = self.recent(self.time, COMPANY_DAYS);
        let order = match rule.get(..2) {
            Some("H2" | "H5") => [hands, device, now, life, lately, time, company, own],
            Some("H4") => [hands, device, life, now, lately, time, company, own],
            _ => [now, life, lately, company, hands, device, time, own],
        };
        order.into_iter().flatten().next().unwrap_or("nothing")
    }
}
