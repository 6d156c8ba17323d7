//! Status cells: from HR's words to active, not yet, or gone. A word in no list is never taken for "gone".

use std::collections::BTreeMap;

use super::Employment;
use crate::config::StatusConfig;
use crate::model::fold;

const ACTIVE: &[&str] = &[
    "在职",
    "在岗",
    "在編",
    "在编",
    "正式",
    "转正",
    "试用",
    "试用期",
    "实习",
    "返聘",
    "休假",
    "产假",
    "病假",
    "外派",
    "在職",
    "試用",
    "試用期",
    "實習",
    "active",
    "a",
    "employed",
    "on leave",
    "1",
    "y",
    "yes",
    "true",
    "是",
];
const UNTIL_A_DATE: &[&str] =
    &["待离职", "离职中", "离职审批中", "待離職", "notice", "on notice", "terminating"];
const PENDING: &[&str] =
    &["待入职", "未入职", "待入職", "pre-hire", "prehire", "pending", "onboarding", "not started"];
const LEFT: &[&str] = &[
    "离职",
    "已离职",
    "自离",
    "辞退",
    "退休",
    "离退",
    "停用",
    "禁用",
    "冻结",
    "離職",
    "已離職",
    "退休",
    "inactive",
    "terminated",
    "t",
    "resigned",
    "left",
    "retired",
    "0",
    "n",
    "no",
    "false",
    "否",
];
/// The words that a header such as 是否离职 turns round.
const YES: &[&str] = &["是", "1", "y", "yes", "true"];
const NO: &[&str] = &["否", "0", "n", "no", "false"];

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

fn fold_word(word: &str) -> String {
    fold(word).chars().filter(|c| !c.is_whitespace()).collect()
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
        for word in ["停职", "停薪留职", "长期休假", "suspended", "unknown", "正常", "离职？"]
        {
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
