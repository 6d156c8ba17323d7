//! What can go wrong with a request, and how often what goes wrong in one run.

use super::dice::Dice;
use rosterd::gateway::WhyKind;

/// What can happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection is refused: nothing leaves the process.
    Refused,
    /// No usable answer of this kind, and no effect.
    Before(WhyKind),
    /// No usable answer of this kind, after the effect.
    After(WhyKind),
    /// A time-out; the request lands later.
    Late,
    /// The token is not taken.
    Token,
    /// The device refuses this request for a reason of its own.
    Bad,
    /// Half of a batch is carried out, and the answer is lost.
    Half,
    /// The answer takes nearly as long as anybody waits.
    Slow,
}

impl Fault {
    /// For coverage and traces.
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Refused => "connection refused",
            Self::Before(WhyKind::Timeout) => "time-out before effect",
            Self::Before(WhyKind::ServerError) => "5xx before effect",
            Self::Before(WhyKind::Unusable) => "HTML, cut JSON or no code before effect",
            Self::Before(_) => "dropped before effect",
            Self::After(WhyKind::Timeout) => "time-out after effect",
            Self::After(WhyKind::ServerError) => "5xx after effect",
            Self::After(WhyKind::Unusable) => "HTML, cut JSON or no code after effect",
            Self::After(_) => "dropped after effect",
            Self::Late => "lands later",
            Self::Token => "token refused",
            Self::Bad => "refused by the device",
            Self::Half => "half of a batch carried out",
            Self::Slow => "slow answer",
        }
    }
}

/// How often what happens, in thousandths of the requests. Each seed, and each run of it, has its own.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    pub(super) refused: u64,
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) late: u64,
    pub(super) token: u64,
    pub(super) bad: u64,
    pub(super) commit: u64,
    pub(super) reads: u64,
    pub(super) store: u64,
    pub(super) store_for_good: bool,
    pub(super) crash: u64,
    pub(super) restart: u64,
    pub(super) jump: u64,
    pub(super) stop: u64,
    pub(super) half: u64,
    pub(super) slow: u64,
    pub(super) rival: u64,
}

impl Rates {
    /// A run's rates: calm in most respects, stormy in some.
    pub fn draw(dice: &mut Dice) -> Self {
        let mut some = |rates: &[u64]| if dice.one_in(3) { dice.pick(rates).unwrap_or(0) } else { 0 };
        let calls = [20, 100, 300, 600];
        let mut rates = Self {
            refused: some(&calls),
            before: some(&calls),
            after: some(&calls),
            late: some(&calls),
            token: some(&[10, 50]),
            bad: some(&[20, 200]),
            commit: some(&[300, 700]),
            reads: some(&[20, 100, 400]),
            store: some(&[3, 10, 40]),
            store_for_good: false,
            crash: some(&[5, 15, 50, 150]),
            restart: some(&[10, 50]),
            jump: some(&[10, 50]),
            stop: some(&[5, 30]),
            half: some(&[100, 400]),
            slow: some(&[20, 200]),
            rival: some(&[5, 30]),
        };
        rates.store_for_good = dice.one_in(3);
        rates
    }
}

impl Rates {
    /// Little but calls that land later.
    pub fn late(dice: &mut Dice) -> Self {
        let some = |dice: &mut Dice, rate| if dice.one_in(3) { rate } else { 0 };
        Self {
            late: dice.pick(&[150, 400]).unwrap_or(0),
            before: some(dice, 100),
            reads: some(dice, 100),
            commit: some(dice, 300),
            crash: some(dice, 10),
            ..Self::default()
        }
    }
}
