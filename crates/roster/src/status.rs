//! Status cells: from HR's words to active, not yet, or gone. A word in no list is never taken for "gone".

use std::collections::BTreeMap;

use super::Employment;
use crate::config::StatusConfig;
use crate::model::fold;

/// Works here, also where they are away for a while: a leave takes nobody's account.
#[rustfmt::skip]
const ACTIVE: &[&str] = &[
    "在职", "在岗", "在编", "在册", "正式", "正式员工", "转正", "已转正", "待转正", "试用", "试用期", "试用中", "试用员工", "见习",
    "实习", "实习生", "返聘", "退休返聘", "兼职", "劳务", "派遣", "劳务派遣", "外包", "休假", "休假中", "年假", "事假", "病假", "产假",
    "陪产假", "哺乳假", "育儿假", "婚假", "丧假", "工伤", "外派", "借调", "出差",
    "在職", "在編", "在冊", "正式員工", "轉正", "試用", "試用期", "見習", "實習", "實習生", "返聘", "兼職", "休假", "產假", "病假", "外派",
    "active", "a", "employed", "working", "current", "hired", "confirmed", "probation", "on probation", "probationary",
    "trial", "permanent", "regular", "full time", "part time", "fixed term", "temporary", "intern", "internship", "trainee",
    "apprentice", "contract", "contractor", "leave", "on leave", "leave of absence", "paid leave", "unpaid leave",
    "parental leave", "maternity leave", "paternity leave", "sick leave", "annual leave", "sabbatical", "secondment",
    "seconded", "furlough", "furloughed", "1", "y", "yes", "true", "是",
];
#[rustfmt::skip]
const UNTIL_A_DATE: &[&str] = &[
    "待离职", "离职中", "离职审批中", "离职办理中", "已提离职", "待離職", "離職中",
    "notice", "on notice", "notice period", "terminating", "resigning", "garden leave", "gardening leave",
];
#[rustfmt::skip]
const PENDING: &[&str] = &[
    "待入职", "未入职", "预入职", "拟入职", "待报到", "未报到", "待入職", "未入職", "待報到",
    "pre-hire", "prehire", "pending", "pending hire", "future hire", "onboarding", "pre-boarding", "not started",
    "offer accepted",
];
#[rustfmt::skip]
const LEFT: &[&str] = &[
    "离职", "已离职", "离职员工", "自离", "自动离职", "辞职", "已辞职", "辞退", "劝退", "解雇", "解聘", "开除", "除名", "裁员", "退休",
    "已退休", "离退", "离退休", "死亡", "去世", "身故", "终止", "解除合同", "停用", "禁用", "冻结",
    "離職", "已離職", "辭職", "辭退", "解僱", "開除", "退休", "已退休", "停用",
    "inactive", "terminated", "t", "resigned", "left", "leaver", "departed", "separated", "dismissed", "fired", "laid off",
    "redundant", "quit", "exited", "offboarded", "former", "former employee", "ex-employee", "retired", "deceased",
    "deactivated", "disabled", "0", "n", "no", "false", "否",
];
/// Known words that need a decision, because companies mean opposite things by them: in no list, the row is blocked.
#[rustfmt::skip]
const ASK: &[&str] = &[
    "停职", "停薪留职", "长期休假", "长病假", "待岗", "内退", "正常", "异常", "未知", "其他", "停職", "留職停薪",
    "suspended", "suspension", "unknown", "dormant", "on hold", "other",
];
/// Words that say nothing by themselves: many columns that are about something else hold them.
#[rustfmt::skip]
const BARE: &[&str] = &[
    "a", "t", "正常", "异常", "未知", "其他", "other", "unknown", "leave", "contract", "兼职", "劳务", "外包", "终止", "停用", "禁用",
    "disabled", "pending", "current", "on hold",
];
/// The words that a header such as 是否离职 turns round.
const YES: &[&str] = &["是", "1", "y", "yes", "true"];
const NO: &[&str] = &["否", "0", "n", "no", "false"];

/// What a column's header promises of bare words such as yes and no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    /// Nothing.
    None,
    /// It asks whether somebody works here.
    Working,
    /// It asks whether somebody is gone.
    Gone,
}

impl Hint {
    /// What a folded header promises.
    pub(super) fn of(header: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| header.contains(word));
        if has(&["离职", "離職", "离退", "terminat", "resign", "leaver", "departed"]) {
            return Self::Gone;
        }
        let working =
            ["在职", "在職", "在岗", "就职", "任职", "employed", "employmentstat", "active", "working"];
        if has(&working) { Self::Working } else { Self::None }
    }
}

/// What a word in a column that holds no field tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// A status of somebody who works here.
    Active,
    /// A status of anybody else.
    NotActive,
    /// No status.
    Other,
}

/// What a status word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    pub employment: Employment,
    /// Works here until the leave date: a row without one is worth a note.
    pub until_a_date: bool,
}

/// The words that a source knows, folded.
#[derive(Debug, Clone)]
pub(super) struct Statuses(BTreeMap<String, Status>);

impl Statuses {
    /// Built-in words but the `doubtful` ones, overruled by those of `layers`, first layer first.
    pub(super) fn new(layers: &[&StatusConfig], doubtful: &[&str]) -> Self {
        let mut words = BTreeMap::new();
        let mut add = |list: &[&str], employment, until_a_date| {
            for word in list {
                words.entry(fold_word(word)).or_insert(Status { employment, until_a_date });
            }
        };
        for layer in layers {
            for (list, employment) in [
                (&layer.active, Employment::Active),
                (&layer.left, Employment::Left),
                (&layer.pending, Employment::Pending),
            ] {
                let list: Vec<&str> = list.iter().map(String::as_str).collect();
                add(&list, employment, false);
            }
        }
        for (list, employment, until_a_date) in [
            (ACTIVE, Employment::Active, false),
            (UNTIL_A_DATE, Employment::Active, true),
            (PENDING, Employment::Pending, false),
            (LEFT, Employment::Left, false),
        ] {
            let list: Vec<&str> = list.iter().filter(|word| !doubtful.contains(word)).copied().collect();
            add(&list, employment, until_a_date);
        }
        Self(words)
    }

    /// Whether a word reads like a status under a header that is not known.
    pub(super) fn evidence(&self, word: &str, hint: Hint) -> Evidence {
        let folded = fold_word(word);
        let is_in = |list: &[&str]| list.iter().any(|known| fold_word(known) == folded);
        match hint {
            Hint::None if is_in(YES) || is_in(NO) || is_in(BARE) => return Evidence::Other,
            Hint::Gone if is_in(YES) => return Evidence::NotActive,
            Hint::Gone if is_in(NO) => return Evidence::Active,
            _ => {}
        }
        match self.0.get(&folded) {
            Some(status) if status.employment == Employment::Active => Evidence::Active,
            Some(_) => Evidence::NotActive,
            None if is_in(ASK) => Evidence::NotActive,
            None => Evidence::Other,
        }
    }

    /// What a word means under a header; `inverted` for one whose yes means gone.
    pub(super) fn get(&self, word: &str, inverted: bool) -> Option<Status> {
        let folded = fold_word(word);
        if inverted {
            let plain = |employment| Some(Status { employment, until_a_date: false });
            if YES.contains(&folded.as_str()) {
                return plain(Employment::Left);
            }
            if NO.contains(&folded.as_str()) {
                return plain(Employment::Active);
            }
        }
        self.0.get(&folded).copied()
    }
}

/// Folded for comparison: case, width, blanks and the marks of programs' constants (`ON_LEAVE`, `pre-hire`) do not matter.
fn fold_word(word: &str) -> String {
    fold(word).chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(word: &str, inverted: bool) -> Option<Employment> {
        Statuses::new(&[], &[]).get(word, inverted).map(|status| status.employment)
    }

    #[test]
    fn words_are_found_in_any_width_and_case() {
        assert_eq!(get("ＡＣＴＩＶＥ", false), Some(Employment::Active));
        assert_eq!(get("On  Leave", false), Some(Employment::Active));
        assert_eq!(get("LEAVE_OF_ABSENCE", false), Some(Employment::Active));
        assert_eq!(get("probation", false), Some(Employment::Active));
        assert_eq!(get("Laid-off", false), Some(Employment::Left));
        assert_eq!(get("待离职", false), Some(Employment::Active));
        assert_eq!(get("待入职", false), Some(Employment::Pending));
        assert_eq!(get("已离职", false), Some(Employment::Left));
    }

    #[test]
    fn yes_and_no_belong_to_the_header() {
        assert_eq!(get("是", false), Some(Employment::Active));
        assert_eq!(get("是", true), Some(Employment::Left));
        assert_eq!(get("否", true), Some(Employment::Active));
        assert_eq!(get("1", true), Some(Employment::Left));
    }

    #[test]
    fn doubtful_words_are_in_no_list() {
        for word in ASK.iter().copied().chain(["离职？"]) {
            assert_eq!(get(word, false), None, "{word}");
        }
    }

    #[test]
    fn a_preset_leaves_a_word_open() {
        assert_eq!(Statuses::new(&[], &["inactive"]).get("Inactive", false), None);
    }

    #[test]
    fn configured_words_overrule() {
        let config =
            StatusConfig { left: vec!["外派".into()], active: vec!["外包".into()], pending: vec![] };
        let statuses = Statuses::new(&[&config], &[]);
        assert_eq!(statuses.get("外派", false).map(|s| s.employment), Some(Employment::Left));
        assert_eq!(statuses.get("外包", false).map(|s| s.employment), Some(Employment::Active));
    }
}
