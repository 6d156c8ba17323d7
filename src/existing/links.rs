//! A file that ties people to user names which follow no template: two columns, person and user name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rust_i18n::t;

use crate::model::{NameError, PersonKey, Username, fold};

/// No such file is longer: it holds two short texts per person.
const LONGEST: u64 = 64 << 20;
/// How the columns may be called, folded.
const PERSON: &[&str] = &["person", "employee_id", "工号", "人员编码", "员工编号"];
const USERNAME: &[&str] = &["username", "user", "login", "用户名", "账号", "登录名"];

/// Why a file of links cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It cannot be read.
    #[error("{}", t!("existing.link.io", path = path.display(), cause = source))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not text, or not in rows of equal length.
    #[error("{}", t!("existing.link.not_csv", path = path.display(), cause = cause))]
    NotCsv {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// A column is missing.
    #[error("{}", t!("existing.link.columns", path = path.display()))]
    Columns {
        /// The file.
        path: PathBuf,
    },
    /// A cell holds no name.
    #[error("{}", t!("existing.link.cell", path = path.display(), line = line, cause = source))]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong.
        source: NameError,
    },
    /// A person, or a name, stands there twice.
    #[error("{}", t!("existing.link.twice", path = path.display(), line = line, what = what))]
    Twice {
        /// The file.
        path: PathBuf,
        /// The second line.
        line: u64,
        /// Who, or which name.
        what: String,
    },
}

/// Reads a file of links. UTF-8, or what Excel writes on a Chinese system.
///
/// # Errors
/// If anything in it is doubtful: a wrong link gives one human's account to another.
pub fn read(path: &Path) -> Result<BTreeMap<PersonKey, Username>, LinkError> {
    let io = |source| LinkError::Io { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(io)?.len();
    let not_csv = |cause: String| LinkError::NotCsv { path: path.to_owned(), cause };
    if length > LONGEST {
        return Err(not_csv(t!("app.plan_file.too_long", bytes = length).into_owned()));
    }
    let bytes = std::fs::read(path).map_err(io)?;
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
        Err(error) => encoding_rs::GB18030
            .decode_without_bom_handling_and_without_replacement(&bytes)
            .ok_or_else(|| not_csv(error.to_string()))?
            .into_owned(),
    };
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<BTreeMap<PersonKey, Username>, LinkError> {
    let path = || path.to_owned();
    let not_csv = |e: csv::Error| LinkError::NotCsv { path: path(), cause: e.to_string() };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(not_csv)?.clone();
    let column = |names: &[&str]| header.iter().position(|title| names.contains(&fold(title).as_str()));
    let (Some(person), Some(username)) = (column(PERSON), column(USERNAME)) else {
        return Err(LinkError::Columns { path: path() });
    };
    let (mut links, mut names) = (BTreeMap::new(), std::collections::BTreeSet::new());
    for record in reader.records() {
        let record = record.map_err(not_csv)?;
        let line = record.position().map_or(0, csv::Position::line);
        let bad = |source| LinkError::Cell { path: path(), line, source };
        let key = PersonKey::new(record.get(person).unwrap_or_default()).map_err(bad)?;
        let name = Username::new(record.get(username).unwrap_or_default()).map_err(bad)?;
        let twice = |what: String| LinkError::Twice { path: path(), line, what };
        if !names.insert(name.folded()) {
            return Err(twice(name.to_string()));
        }
        if links.insert(key.clone(), name).is_some() {
            return Err(twice(key.to_string()));
        }
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Result<Vec<(String, String)>, LinkError> {
        let all = parse(Path::new("l.csv"), text)?;
        Ok(all.into_iter().map(|(person, name)| (person.to_string(), name.to_string())).collect())
    }

    #[test]
    fn two_columns_in_any_order_and_language() {
        let expected = vec![("00123".to_owned(), "wangfang".to_owned())];
        for text in ["person,username\n00123,wangfang\n", "用户名,备注,工号\n wangfang ,x, 00123\n"] {
            assert_eq!(links(text).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_doubtful_is_refused() {
        assert!(matches!(links("a,b\n1,x\n"), Err(LinkError::Columns { .. })));
        assert!(matches!(links("工号,账号\n1,x\n1,y\n"), Err(LinkError::Twice { line: 3, .. })));
        assert!(matches!(links("工号,账号\n1,x\n2,X\n"), Err(LinkError::Twice { line: 3, .. })));
        assert!(matches!(links("工号,账号\n1,\n"), Err(LinkError::Cell { line: 2, .. })));
        assert!(matches!(links("工号,账号\n1,x,z\n"), Err(LinkError::NotCsv { .. })));
    }

    #[test]
    fn what_excel_writes_on_a_chinese_system_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.csv");
        let (bytes, _, _) = encoding_rs::GB18030.encode("工号,用户名\r\n1,王芳\r\n");
        std::fs::write(&path, bytes).unwrap();
        let links = read(&path).unwrap();
        assert_eq!(links.values().next().unwrap().as_str(), "王芳");
    }
}
