//! Headers: folding, the table of names, and which column holds which field. No file is read here, and what a cell
//! means is `person`'s business.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use super::{Field, aliases};
use crate::model::is_deceptive;

/// Folds a header for comparison: width, case, blanks, `_ - .`, stars, and whatever follows a bracket or line break.
pub(super) fn fold_header(text: &str) -> String {
    let text: String = text.nfkc().filter(|c| matches!(c, '\n' | '\r') || !is_deceptive(*c)).collect();
    let text = text.trim().trim_start_matches('*').trim_start();
    let end = text
        .char_indices()
        .find(|(at, c)| *at > 0 && matches!(c, '(' | '[' | '【' | '〔' | '\n' | '\r'))
        .map_or(text.len(), |(at, _)| at);
    text[..end]
        .trim_end_matches([':', '*', ' '])
        .chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-' | '.'))
        .collect::<String>()
        .trim_matches('*')
        .to_owned()
}

/// One meaning of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Meaning {
    field: Field,
    /// Position in the preference order; lower is better.
    rank: usize,
    /// Department level, counted from 1; 0 for everything else.
    level: usize,
}

/// All header names that a source knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    meanings: BTreeMap<String, Vec<Meaning>>,
}

/// The built-in names, folded, in the order of preference.
fn builtin() -> Vec<(String, Meaning)> {
    let fields = Field::ALL
        .into_iter()
        .flat_map(|field| aliases::builtin(field).iter().map(move |name| (fold_header(name), field, 0)));
    let levels = (1..=aliases::LEVELS).flat_map(|level| {
        let names = aliases::department_level(level).into_iter();
        names.map(move |name| (fold_header(&name), Field::DepartmentLevel, level))
    });
    let ranked = fields.chain(levels).enumerate();
    ranked.map(|(rank, (name, field, level))| (name, Meaning { field, rank: rank + 1, level })).collect()
}

impl Names {
    /// Built-in names, with those of `layers` before them, first layer first.
    pub(super) fn new(layers: &[&BTreeMap<Field, Vec<String>>]) -> Self {
        static BUILTIN: LazyLock<Vec<(String, Meaning)>> = LazyLock::new(builtin);
        let mut names = Self::default();
        let mut rank = 0;
        for layer in layers {
            for (field, list) in *layer {
                for (at, name) in list.iter().enumerate() {
                    rank += 1;
                    let level = if *field == Field::DepartmentLevel { at + 1 } else { 0 };
                    names.add(fold_header(name), Meaning { field: *field, rank, level }, true);
                }
            }
        }
        for (folded, meaning) in BUILTIN.iter() {
            names.add(folded.clone(), Meaning { rank: meaning.rank + rank, ..*meaning }, false);
        }
        names
    }

    /// A configured name takes its header away from other fields; built-in names share only between ID and login.
    fn add(&mut self, folded: String, meaning: Meaning, configured: bool) {
        let known = self.meanings.entry(folded).or_default();
        let identity = |field| matches!(field, Field::EmployeeId | Field::Login);
        let taken = known.iter().any(|m| {
            m.field == meaning.field || !(configured || identity(m.field) && identity(meaning.field))
        });
        if !taken {
            known.push(meaning);
        }
    }

    /// What a header means: as a whole; or of `label # key` the first part that means something; or of `中文/English`
    /// what all parts mean that mean something.
    fn meanings(&self, header: &str) -> Vec<Meaning> {
        let look = |text: &str| self.meanings.get(&fold_header(text)).cloned();
        let parts = |mark: char| header.split(mark).filter_map(look);
        if let Some(found) = look(header).or_else(|| parts('#').next()) {
            return found;
        }
        let found: Vec<Vec<Meaning>> = ['/', '|'].into_iter().flat_map(parts).collect();
        match found.split_first() {
            Some((first, others)) if others.iter().all(|other| share_field(first, other)) => first.clone(),
            _ => Vec::new(),
        }
    }

    /// Whether `header` names `field`.
    pub(super) fn names(&self, header: &str, field: Field) -> bool {
        self.meanings(header).iter().any(|meaning| meaning.field == field)
    }

    /// The known names nearest to `headers` for `field`, best first: `(header there, name it is near to)`.
    pub(super) fn nearest(&self, headers: &[String], field: Field) -> Option<String> {
        let known: Vec<&String> = self
            .meanings
            .iter()
            .filter(|(_, meanings)| meanings.iter().any(|m| m.field == field))
            .map(|(name, _)| name)
            .collect();
        headers
            .iter()
            .filter(|header| self.meanings(header).is_empty())
            .flat_map(|header| {
                let folded = fold_header(header);
                known
                    .iter()
                    .map(move |name| (strsim::jaro_winkler(&folded, name), header.clone()))
                    .collect::<Vec<_>>()
            })
            .filter(|(score, _)| *score >= 0.7)
            .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)))
            .map(|(_, header)| header)
    }
}

fn share_field(a: &[Meaning], b: &[Meaning]) -> bool {
    a.iter().any(|one| b.iter().any(|other| one.field == other.field))
}

/// Which column holds which field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// The header cells, trimmed, as they are in the file.
    pub headers: Vec<String>,
    /// Column of each single-column field.
    pub of: BTreeMap<Field, usize>,
    /// Columns of department levels, upper level first.
    pub levels: Vec<usize>,
    /// Columns of first and last name, where there is no full name.
    pub name_pair: Option<(usize, usize)>,
    /// The status header is one whose yes means gone.
    pub inverted_status: bool,
    /// Fields for which several columns stood ready: chosen column, then the others.
    pub chosen: Vec<(Field, usize, Vec<usize>)>,
    /// The login column serves as employee ID.
    pub login_is_id: bool,
}

/// Why a header row cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SameHeader {
    pub field: Field,
    pub header: String,
    pub first: usize,
    pub second: usize,
}

impl Columns {
    /// Reads a header row. An error when one field has two columns of the same name.
    pub(super) fn find<'a>(names: &Names, cells: impl Iterator<Item = &'a str>) -> Result<Self, SameHeader> {
        let headers: Vec<String> = cells.map(shown).collect();
        let mut candidates: BTreeMap<(Field, usize), Vec<(usize, usize)>> = BTreeMap::new();
        for (column, header) in headers.iter().enumerate() {
            for meaning in names.meanings(header) {
                candidates.entry((meaning.field, meaning.level)).or_default().push((meaning.rank, column));
            }
        }
        let mut columns = Self { headers, ..Self::default() };
        for ((field, _), mut found) in candidates {
            found.sort_unstable();
            columns.take(field, &found)?;
        }
        columns.fill_gaps();
        Ok(columns)
    }

    fn take(&mut self, field: Field, found: &[(usize, usize)]) -> Result<(), SameHeader> {
        let Some((rank, column)) = found.first().copied() else { return Ok(()) };
        if let Some((_, second)) = found.get(1).copied().filter(|(other, _)| *other == rank) {
            let header = self.headers.get(column).cloned().unwrap_or_default();
            return Err(SameHeader { field, header, first: column, second });
        }
        if found.len() > 1 {
            self.chosen.push((field, column, found.iter().skip(1).map(|(_, c)| *c).collect()));
        }
        if field == Field::DepartmentLevel {
            self.levels.push(column);
        } else {
            self.of.insert(field, column);
        }
        Ok(())
    }

    fn fill_gaps(&mut self) {
        if !self.of.contains_key(&Field::EmployeeId)
            && let Some(login) = self.of.get(&Field::Login).copied()
        {
            self.of.insert(Field::EmployeeId, login);
            self.login_is_id = true;
        }
        if !self.of.contains_key(&Field::Name) {
            let at =
                |wanted: &[&str]| self.headers.iter().position(|h| wanted.contains(&fold_header(h).as_str()));
            let first = at(&["firstname", "givenname", "名", "名字"]);
            let last = at(&["lastname", "familyname", "surname", "姓", "姓氏"]);
            self.name_pair = first.zip(last);
        }
        if let Some(header) = self.of.get(&Field::Status).and_then(|column| self.headers.get(*column)) {
            let folded = fold_header(header);
            self.inverted_status = aliases::INVERTED_STATUS.iter().any(|name| fold_header(name) == folded);
        }
    }

    /// Whether this row is a header: it has the fields of the key and at least one more (or nothing else at all).
    pub(super) fn is_header(&self, key: &[Field]) -> bool {
        let filled = self.headers.iter().filter(|header| !header.is_empty()).count();
        key.iter().all(|field| self.of.contains_key(field)) && (self.mapped().len() > 1 || filled == 1)
    }

    /// The columns that hold a field, in order, each once.
    pub(super) fn mapped(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = self.of.values().chain(&self.levels).copied().collect();
        columns.extend(self.name_pair.iter().flat_map(|(first, last)| [*first, *last]));
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Whether a data row repeats the header (or labels below a row of system keys): the key's cell names its field,
    /// and so does another cell, if there is one.
    pub(super) fn repeats<'a>(&self, names: &Names, key: Field, cell: impl Fn(usize) -> &'a str) -> bool {
        let Some(column) = self.of.get(&key) else { return false };
        let text = cell(*column);
        // Names without digits only: folding every key of a large roster would cost more than reading it.
        if text.bytes().any(|b| b.is_ascii_digit()) || !names.names(text, key) {
            return false;
        }
        let agreeing = self.of.iter().filter(|(field, column)| names.names(cell(**column), **field)).count();
        agreeing >= 2.min(self.of.len())
    }

    /// The header of a column, or its number where it is empty.
    pub(super) fn title(&self, column: usize) -> String {
        match self.headers.get(column) {
            Some(header) if !header.is_empty() => header.clone(),
            _ => format!("#{}", column + 1),
        }
    }
}

/// A header as people see it: one line, no invisible characters.
fn shown(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().filter(|c| !is_deceptive(*c)).take(80).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(cells: &[&str]) -> Columns {
        Columns::find(&Names::new(&[]), cells.iter().copied()).unwrap()
    }

    #[test]
    fn headers_fold() {
        for (text, folded) in [
            ("*员工账号 （必填；不可重复）", "员工账号"),
            ("姓名\n（与身份证一致）", "姓名"),
            ("Employee ID*", "employeeid"),
            ("\u{feff}工号", "工号"),
            ("手机号码（必填）", "手机号码"),
            ("ｅ－ｍａｉｌ", "email"),
            ("Employee #", "employee#"),
            ("sys00-jobNumber", "sys00jobnumber"),
        ] {
            assert_eq!(fold_header(text), folded, "{text}");
        }
    }

    #[test]
    fn fields_are_found_in_any_order_and_language() {
        let columns = find(&["手机号码（必填）", "Employee ID*", "*部门 # dpt.number", "姓名/Name", "备注"]);
        assert_eq!(columns.of[&Field::Phone], 0);
        assert_eq!(columns.of[&Field::EmployeeId], 1);
        assert_eq!(columns.of[&Field::Department], 2);
        assert_eq!(columns.of[&Field::Name], 3);
        assert!(columns.is_header(&[Field::EmployeeId]));
    }

    #[test]
    fn two_aliases_are_taken_by_preference_and_said() {
        let columns = find(&["联系电话", "工号", "手机"]);
        assert_eq!(columns.of[&Field::Phone], 2);
        assert_eq!(columns.chosen, [(Field::Phone, 2, vec![0])]);
    }

    #[test]
    fn the_same_header_twice_is_refused() {
        let same = Columns::find(&Names::new(&[]), ["工号", "姓名", "姓 名"].into_iter()).unwrap_err();
        assert_eq!((same.field, same.first, same.second), (Field::Name, 1, 2));
    }

    #[test]
    fn extension_grade_and_im_state_are_not_aliases() {
        let columns = find(&["工号", "座机", "职级", "激活状态", "别名", "telephone", "直属主管"]);
        assert_eq!(columns.of.keys().copied().collect::<Vec<_>>(), [Field::EmployeeId]);
    }

    #[test]
    fn levels_are_ordered_by_their_number() {
        let columns = find(&["三级部门", "工号", "一级部门", "二级部门"]);
        assert_eq!(columns.levels, [2, 3, 0]);
    }

    #[test]
    fn configured_names_come_first_and_take_the_header_over() {
        let configured = BTreeMap::from([
            (Field::Login, vec!["工号".to_owned()]),
            (Field::EmployeeId, vec!["编码".into()]),
        ]);
        let names = Names::new(&[&configured]);
        let columns = Columns::find(&names, ["员工号", "编码"].into_iter()).unwrap();
        assert_eq!(columns.of[&Field::EmployeeId], 1);
    }

    #[test]
    fn a_login_serves_as_id_where_there_is_none() {
        let columns = find(&["账号", "姓名"]);
        assert!(columns.login_is_id);
        assert!(columns.is_header(&[Field::EmployeeId]));
    }

    #[test]
    fn status_headers_know_their_sense() {
        assert!(find(&["工号", "是否离职"]).inverted_status);
        assert!(!find(&["工号", "是否在职"]).inverted_status);
    }
}
