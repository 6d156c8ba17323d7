//! What stays the same in all runs of a seed: the target's settings, the device and its habits, the kind of company.

use std::collections::BTreeSet;

use serde_json::json;

use super::checker::STRANGERS;
use super::dice::Dice;
use super::staff::{DEPARTMENTS, ROLES};
use super::{LabError, bench, wrong};
use rosterd::config::{AccountConfig, TargetConfig};
use rosterd::gateway::Dialect;
use rosterd::gateway::embedded::{Device, Furniture, Quirk};
use rosterd::model::{GroupPath, Username};

/// Ways in which devices differ that reach beyond the wire.
const QUIRKS: [Quirk; 5] = [
    Quirk::DeleteAbsentRefused,
    Quirk::UpdatesErasePassword,
    Quirk::OpenapiErases,
    Quirk::MissingIsEnable,
    Quirk::UnknownRoleRefused,
];

/// What stays the same in all runs of a seed.
pub(super) struct World {
    pub(super) target: TargetConfig,
    pub(super) account: AccountConfig,
    pub(super) dialect: Dialect,
    pub(super) deletes: bool,
    pub(super) reuse: bool,
    /// Calls land late and people change their minds at the same time.
    pub(super) restless: bool,
    quirks: BTreeSet<Quirk>,
    /// A run whose roster is that of a run that left nothing to do ends at once.
    pub(super) rests: bool,
    /// Every department has its group.
    furnished: bool,
}

impl World {
    pub(super) fn draw(dice: &mut Dice) -> Result<Self, LabError> {
        let dialect = if dice.one_in(2) { Dialect::UpdaterCloud } else { Dialect::Openapi };
        let deletes = dice.one_in(2);
        let restless = dice.one_in(4);
        let quirks: BTreeSet<Quirk> = QUIRKS.iter().copied().filter(|_| dice.one_in(6)).collect();
        let off = [
            "max_missing",
            "max_missing_percent",
            "max_left_percent",
            "max_deselected",
            "max_change_percent",
            "max_rename",
            "max_new_groups",
            "max_shrink_percent",
            "max_fill_drop_percent",
            "max_department_loss_percent",
            "max_deletes_24h",
            "max_deletes_7d",
            "max_failed_percent",
            "first_contact",
            "target_changed",
            "replayed_roster",
            "missing_file",
        ];
        let mut guard: serde_json::Map<_, _> = off.iter().map(|g| ((*g).to_owned(), json!("off"))).collect();
        if dice.one_in(4) {
            guard.insert("max_failed_percent".into(), json!(20.0));
        }
        let target = json!({
            "name": "hq",
            "url": "embedded",
            "dialect": dialect.as_str(),
            "protect": ["admin", "svc-*"],
            "look": dice.pick(&["erasing", "always"]),
            "create_groups": dialect == Dialect::Openapi,
            "max_duration": if restless { Some("4h") } else { dice.pick(&["4h", "4h", "30s", "2m"]) },
            "verify": dice.pick(&["none", "none", "none", "sample", "all"]),
            "auth": { "updates_erase_password": quirks.contains(&Quirk::UpdatesErasePassword) },
            "pace": {
                "retries": if restless { 1 + dice.below(3) } else { dice.below(4) },
                "delete_batch": 1 + dice.below(4),
                "concurrency": dice.pick(&[1, 1, 3]),
                "calls_per_minute": if restless { Some(0) } else { dice.pick(&[0, 0, 0, 6, 60]) },
            },
            "leavers": {
                "action": if deletes { "delete" } else { "disable" },
                "adopted": if deletes { "delete" } else { "disable" },
                "kick_online": dialect == Dialect::Openapi && dice.one_in(3),
            },
            "guard": guard,
        });
        let account = json!({ "username": "{login}", "roster_roles": ["*"] });
        Ok(Self {
            target: serde_json::from_value(target).map_err(wrong)?,
            account: serde_json::from_value(account).map_err(wrong)?,
            dialect,
            deletes,
            reuse: deletes && (restless || dice.one_in(4)),
            restless,
            quirks,
            rests: false,
            furnished: dialect == Dialect::UpdaterCloud,
        })
    }

    /// The world in which nothing is left to chance.
    pub(super) fn small(dialect: Dialect) -> Result<Self, LabError> {
        let mut world = Self::draw(&mut Dice::new(0))?;
        let pace = json!({ "retries": 0 });
        world.dialect = dialect;
        world.target.dialect = dialect;
        world.target.pace = serde_json::from_value(pace).map_err(wrong)?;
        world.target.leavers.action = rosterd::config::LeaverAction::Delete;
        world.target.max_duration = None;
        world.target.guard.max_failed_percent = rosterd::config::Limit::OFF;
        world.target.verify = rosterd::config::Verify::None;
        world.target.leavers.kick_online = false;
        (world.deletes, world.reuse, world.restless) = (true, false, false);
        world.quirks.clear();
        world.furnished = true;
        Ok(world)
    }

    /// A device with strangers on it.
    pub(super) fn device(&self) -> Result<Device, LabError> {
        let furniture = Furniture {
            groups: DEPARTMENTS
                .iter()
                .take(if self.furnished { DEPARTMENTS.len() } else { 1 })
                .map(|d| GroupPath::new(&format!("/总公司/{d}")).map_err(wrong))
                .collect::<Result<_, _>>()?,
            roles: ROLES.iter().map(|r| (*r).to_owned()).collect(),
            ..Furniture::default()
        };
        let mut device = Device::new(self.dialect, self.quirks.clone(), &furniture);
        let at = chrono::DateTime::UNIX_EPOCH;
        for name in STRANGERS {
            let by_hand = Username::new(name).and_then(bench::by_hand).map_err(wrong)?;
            let _ = device.mutate(&by_hand, at);
        }
        let _ = device.commit(at);
        Ok(device)
    }
}
