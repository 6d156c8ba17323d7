//! First passwords of new accounts: made, written to a file for whoever hands them out, and kept nowhere else. The file
//! is complete and on disk before the first account is sent, so that no crash leaves an account whose password nobody
//! knows; a password of somebody whose account was not made after all opens nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::{InitialPasswordConfig, InitialPasswordMode, PasswordClass};
use crate::mapping::PersonTemplate;
use crate::model::{PersonKey, Username};
use crate::randomness::{self, NoRandomness};
use crate::report::csv_safe::csv_safe;
use crate::roster::Person;
use crate::secret::Secret;
use crate::sink::{Sink, SinkError, SinkRef};

/// The device takes no more bytes.
const MAX_BYTES: usize = 48;

/// Somebody whose account is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer<'a> {
    /// Who.
    pub person: &'a PersonKey,
    /// The user name.
    pub username: &'a Username,
    /// The note, which as a rule has the name in it.
    pub note: &'a str,
    /// The roster's rows on them, for a template.
    pub rows: Option<&'a Person>,
}

/// Why no passwords could be handed out; then no account is made.
#[derive(Debug, thiserror::Error)]
pub enum HandoutError {
    /// The file.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The operating system.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The settings were not checked.
    #[error("{}", rust_i18n::t!("handout.settings"))]
    Settings,
    /// The table could not be made.
    #[error("{0}")]
    Table(String),
}

/// The first passwords of one run. No `Debug` shows one.
#[derive(Debug, Default)]
pub struct FirstPasswords {
    made: BTreeMap<PersonKey, Option<Secret>>,
    wanted: bool,
}

/// What was made.
#[derive(Debug)]
pub struct Issued {
    /// The passwords.
    pub passwords: FirstPasswords,
    /// The file to hand out, where there is one.
    pub file: Option<PathBuf>,
}

/// What somebody's account is made with.
#[derive(Debug, Clone)]
pub enum FirstPassword {
    /// None is set: how people log in is somebody else's business.
    NotWanted,
    /// This one.
    Is(Secret),
    /// One is wanted, and cannot be made from what the roster says: the account must wait.
    Missing,
}

impl FirstPasswords {
    /// How many were made.
    pub fn count(&self) -> usize {
        self.made.values().flatten().count()
    }

    /// The password of one person's new account.
    pub fn of(&self, person: &PersonKey) -> FirstPassword {
        match self.made.get(person) {
            _ if !self.wanted => FirstPassword::NotWanted,
            Some(Some(password)) => FirstPassword::Is(password.clone()),
            Some(None) | None => FirstPassword::Missing,
        }
    }
}

/// Makes a password for each newcomer and writes them to the file of run `number`.
///
/// # Errors
/// If there is no file: then nobody may get a password.
pub fn issue<'a>(
    config: &InitialPasswordConfig,
    number: i64,
    newcomers: impl Iterator<Item = Newcomer<'a>>,
) -> Result<Issued, HandoutError> {
    let maker = match config.mode {
        InitialPasswordMode::None => {
            return Ok(Issued { passwords: FirstPasswords::default(), file: None });
        }
        InitialPasswordMode::Random => None,
        InitialPasswordMode::Template => {
            let text = config.template.as_deref().ok_or(HandoutError::Settings)?;
            Some(PersonTemplate::parse(text).map_err(|_| HandoutError::Settings)?)
        }
    };
    let sink = config.sink.as_ref().ok_or(HandoutError::Settings)?;
    let mut made = BTreeMap::new();
    let mut lines = Vec::new();
    for newcomer in newcomers {
        let password = match &maker {
            None => Some(random(config)?),
            Some(template) => newcomer.rows.and_then(|rows| template.fill(rows)).and_then(accepted),
        };
        if let Some(password) = &password {
            lines.push((newcomer, password.clone()));
        }
        made.insert(newcomer.person.clone(), password);
    }
    let file = if lines.is_empty() { None } else { Some(write(sink, number, &lines)?) };
    Ok(Issued { passwords: FirstPasswords { made, wanted: true }, file })
}

fn random(config: &InitialPasswordConfig) -> Result<Secret, NoRandomness> {
    let classes: Vec<&[u8]> = config.classes.iter().map(|class| characters(*class)).collect();
    randomness::password(usize::from(config.length).min(MAX_BYTES), &classes)
}

/// No characters that a reader takes for others, and none with which a spreadsheet begins a formula.
const fn characters(class: PasswordClass) -> &'static [u8] {
    match class {
        PasswordClass::Lower => b"abcdefghijkmnopqrstuvwxyz",
        PasswordClass::Upper => b"ABCDEFGHJKLMNPQRSTUVWXYZ",
        PasswordClass::Digit => b"23456789",
        PasswordClass::Symbol => b"!#$%&*?",
    }
}

/// What the device takes: 48 bytes, no Chinese. Blanks at the ends would be lost on the way.
fn accepted(text: String) -> Option<Secret> {
    let fits = !text.is_empty() && text.len() <= MAX_BYTES;
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') && text.trim() == text;
    let password = Secret::new(text);
    (fits && plain).then_some(password)
}

fn write(sink: &SinkRef, number: i64, lines: &[(Newcomer<'_>, Secret)]) -> Result<PathBuf, HandoutError> {
    let table = |cause: &dyn std::fmt::Display| HandoutError::Table(cause.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["username", "person", "note", "password"]).map_err(|e| table(&e))?;
    for (newcomer, password) in lines {
        let shown = [newcomer.username.as_str(), newcomer.person.as_str(), newcomer.note].map(csv_safe);
        // A password with a `'` in front is another password.
        let cells = shown.iter().map(|cell| cell.as_ref()).chain([password.expose()]);
        writer.write_record(cells).map_err(|e| table(&e))?;
    }
    let bytes = writer.into_inner().map_err(|e| table(&e))?;
    let text = String::from_utf8(bytes).map(Secret::new).map_err(|e| table(&e))?;
    Ok(Sink::from(sink.clone()).write_numbered(number, &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newcomer<'a>(person: &'a PersonKey, username: &'a Username, note: &'a str) -> Newcomer<'a> {
        Newcomer { person, username, note, rows: None }
    }

    fn config(folder: &std::path::Path) -> InitialPasswordConfig {
        let sink = SinkRef::try_from(format!("file:{}", folder.join("first.csv").display())).unwrap();
        InitialPasswordConfig { mode: InitialPasswordMode::Random, sink: Some(sink), ..Default::default() }
    }

    #[test]
    fn everybody_gets_one_of_their_own_and_the_file_says_which() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<PersonKey> = (1..=50).map(|n| PersonKey::new(&format!("{n:05}")).unwrap()).collect();
        let names: Vec<Username> = (1..=50).map(|n| Username::new(&format!("u{n}")).unwrap()).collect();
        let people = keys.iter().zip(&names).map(|(key, name)| newcomer(key, name, "=张三"));
        let Issued { passwords, file } = issue(&config(folder.path()), 17, people).unwrap();
        let path = file.unwrap();
        assert_eq!(path, folder.path().join("first-17.csv"));
        let text = std::fs::read_to_string(path).unwrap();
        let mut rows = csv::Reader::from_reader(text.as_bytes());
        let mut seen = std::collections::BTreeSet::new();
        for (row, key) in rows.records().map(Result::unwrap).zip(&keys) {
            let FirstPassword::Is(password) = passwords.of(key) else { panic!("{key}") };
            assert_eq!((&row[1], &row[2], &row[3]), (key.as_str(), "'=张三", password.expose()));
            assert_eq!(password.expose().len(), 16);
            assert!(!password.expose().contains(['0', 'O', '1', 'l', 'I']));
            seen.insert(row[3].to_owned());
        }
        assert_eq!(seen.len(), 50);
        let stranger = PersonKey::new("99999").unwrap();
        assert!(matches!(passwords.of(&stranger), FirstPassword::Missing));
    }

    #[test]
    fn nothing_is_made_without_a_file() {
        let (key, name) = (PersonKey::new("1").unwrap(), Username::new("u").unwrap());
        let absent = config(std::path::Path::new("/nowhere/at/all"));
        assert!(issue(&absent, 1, std::iter::once(newcomer(&key, &name, ""))).is_err());
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(issue(&config(folder.path()), 1, std::iter::empty()).unwrap().file, None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "an empty file helps nobody");
        let none = issue(&InitialPasswordConfig::default(), 1, std::iter::empty()).unwrap();
        assert!(matches!(none.passwords.of(&key), FirstPassword::NotWanted) && none.file.is_none());
    }

    #[test]
    fn the_device_takes_48_bytes_and_no_chinese() {
        assert!(accepted("Vpn@10023".into()).is_some() && accepted("x".repeat(48)).is_some());
        for bad in ["", "张三123", " padded", "tab\t", &"x".repeat(49)] {
            assert!(accepted(bad.to_owned()).is_none(), "{bad:?}");
        }
    }
}
