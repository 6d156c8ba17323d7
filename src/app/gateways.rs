//! The gateways of a sync: one client per target. For `url = "embedded"` the simulated device is started on loopback
//! first, so that the sample configuration, too, goes through the real client.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rust_i18n::t;

use super::App;
use crate::clock::SystemClock;
use crate::config::TargetConfig;
use crate::gateway::client::EMBEDDED;
use crate::gateway::{GatewayError, HttpGateway, embedded};
use crate::model::TargetName;
use crate::reason::ErrorKind;
use crate::report::ErrorReport;
use crate::secret::ReadSecret as _;

/// A client, or why there is none.
type Opened = Result<HttpGateway<SystemClock>, ErrorReport>;

/// The clients of some targets. A simulated device ends with the last client of it.
pub struct Gateways {
    clients: BTreeMap<TargetName, Opened>,
}

impl Gateways {
    /// Opens a client for every target; none for `offline`.
    pub async fn open(app: &App, targets: &[TargetConfig], offline: bool) -> Self {
        let mut clients = BTreeMap::new();
        for target in targets.iter().filter(|_| !offline) {
            let client = match target.url.as_str() {
                EMBEDDED => embedded::start(target, &device_file(app.state(), &target.name), app.clock)
                    .await
                    .map_err(|error| settings(&error)),
                _ => client(app, target),
            };
            clients.insert(target.name.clone(), client);
        }
        Self { clients }
    }

    /// The client of a target; `None` when nothing is to be asked.
    ///
    /// # Errors
    /// If it cannot be made, in words.
    pub fn of(&self, target: &TargetName) -> Result<Option<HttpGateway<SystemClock>>, ErrorReport> {
        self.clients.get(target).cloned().transpose()
    }
}

/// Where a simulated device keeps what it holds: beside the database, one file per target.
fn device_file(state: &Path, target: &TargetName) -> PathBuf {
    let name = percent_encoding::utf8_percent_encode(target.as_str(), percent_encoding::NON_ALPHANUMERIC);
    let mut path = state.as_os_str().to_owned();
    path.push(format!(".{name}.device"));
    path.into()
}

fn client(app: &App, target: &TargetConfig) -> Opened {
    let key = target.key.as_ref().ok_or_else(|| ErrorReport {
        kind: ErrorKind::Key,
        message: t!("app.no_key", target = target.name).into_owned(),
        next: t!("app.no_key_next").into_owned(),
    })?;
    let key = key.read(&app.loaded.base, &app.env).map_err(|error| ErrorReport {
        kind: ErrorKind::Key,
        message: t!("app.key", target = target.name, cause = error).into_owned(),
        next: error.next(),
    })?;
    HttpGateway::new(target, key, &app.loaded.base, app.clock).map_err(|error| settings(&error))
}

fn settings(error: &GatewayError) -> ErrorReport {
    ErrorReport {
        kind: ErrorKind::GatewaySettings,
        message: error.to_string(),
        next: t!("app.gateway_next").into_owned(),
    }
}
