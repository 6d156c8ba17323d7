//! The settings that a simulated company's rosterd runs with: as `config init` writes them, the documented defaults, or
//! drawn ones.

use std::path::Path;

use crate::dice::Dice;
use crate::{LabError, wrong};
use rosterd::config::{self, Config, Env};
use rosterd::gateway::Dialect;

/// Where the settings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settings {
    /// What `config init` writes.
    Init,
    /// Nothing but what must be given.
    Defaults,
    /// Drawn from the seed.
    Drawn,
}

impl Settings {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Init, Self::Defaults, Self::Drawn];

    /// Each in turn, seed by seed.
    pub const fn in_turn(seed: u64) -> Self {
        match seed % 3 {
            0 => Self::Init,
            1 => Self::Defaults,
            _ => Self::Drawn,
        }
    }

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Defaults => "defaults",
            Self::Drawn => "drawn",
        }
    }
}

impl std::str::FromStr for Settings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or_else(|| "init, defaults, drawn".to_owned())
    }
}

const URL: &str = "https://10.1.1.1:4430";
const BARE: &str = "[roster]\npath = \"/srv/hr\"\n[[target]]\nname = \"hq\"\nurl = \"https://10.1.1.1:4430\"\nkey = \"env:KEY\"\n";

/// Settings for one company.
///
/// # Errors
/// If they are refused, which is a fault of the simulation.
pub(super) fn settings(which: Settings, dice: &mut Dice) -> Result<Config, LabError> {
    let dialect = if dice.one_in(2) { Dialect::Openapi } else { Dialect::UpdaterCloud };
    let text = match which {
        Settings::Init => config::init(Some(Path::new("/srv/hr")), Some(URL)),
        Settings::Defaults => BARE.to_owned(),
        Settings::Drawn => drawn(dice),
    };
    let (mut config, _) = config::parse(&text, Path::new("simulated"), &Env::default()).map_err(wrong)?;
    for target in &mut config.target {
        target.dialect = dialect;
    }
    Ok(config)
}

fn drawn(dice: &mut Dice) -> String {
    let mut pick = |of: &[&'static str]| dice.pick(of).unwrap_or_default();
    let age = pick(&["", "max_age = \"36h\"\n", "max_age = \"72h\"\n"]);
    let username = pick(&["{employee_id}", "{employee_id}", "{login}"]);
    let zone = pick(&["Asia/Shanghai", "Europe/Berlin", "America/New_York"]);
    let hold = pick(&["all", "all", "removals"]);
    let (runs, span) = (pick(&["1", "2", "3", "5"]), pick(&["0h", "24h", "48h"]));
    let action = pick(&["delete", "disable"]);
    let after = pick(&["7d", "30d", "off"]);
    let look = pick(&["erasing", "erasing", "always"]);
    let verify = pick(&["none", "sample", "all"]);
    let note = pick(&["{name}", "{name}-{position}"]);
    let missing = pick(&["5", "20", "50"]);
    let phone = pick(&["always", "always", "create"]);
    format!(
        "[roster]\npath = \"/srv/hr\"\n{age}[account]\nusername = \"{username}\"\nnote = \"{note}\"\n[[target]]\n\
         name = \"hq\"\nurl = \"{URL}\"\nkey = \"env:KEY\"\nlook = \"{look}\"\nverify = \"{verify}\"\n\
         [target.manage]\nphone = \"{phone}\"\n[target.leavers]\naction = \"{action}\"\ndelete_after = \"{after}\"\nmissing_runs = {runs}\n\
         missing_for = \"{span}\"\n[target.guard]\nhold = \"{hold}\"\nmax_missing = {missing}\n\
         [schedule]\ntimezone = \"{zone}\"\n"
    )
}
