//! The embedded gateway: a simulated device in both of its layers. `device`, `calls` and `groups` are the device itself, a
//! plain value; `direct` is the [`Gateway`](super::Gateway) trait over it, for the simulation; `server` puts it behind
//! HTTP, for `url = "embedded"` and `rosterd gateway`.

use std::path::Path;
use std::sync::Arc;

use rand::TryRngCore;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{GatewayError, HttpGateway};
use crate::clock::Clock;
use crate::config::TargetConfig;
use crate::model::GroupPath;
use crate::secret::Secret;

pub mod device;
pub mod direct;
pub mod fault;
pub mod layers;
pub mod quirk;
pub mod server;

mod calls;
mod groups;
mod render;
mod saved;

pub use device::{Asked, Counters, Device, Furniture};
pub use direct::{DeviceGateway, SharedDevice, lock};
pub use fault::FaultSpec;
pub use layers::UserView;
pub use quirk::Quirk;
pub use server::{Server, ServerOptions};

impl Furniture {
    /// Reads a file of groups: a path per line, or `role NAME`, or `server NAME`. `#` begins a comment.
    pub fn read(path: &Path) -> Result<Self, GatewayError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| GatewayError::Data { path: path.to_owned(), cause: e.to_string() })?;
        let mut furniture = Self::default();
        for (n, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            match line.split_once(' ') {
                _ if line.is_empty() || line.starts_with('#') => {}
                Some(("role", name)) => furniture.roles.push(name.trim().to_owned()),
                Some(("server", name)) => furniture.servers.push(name.trim().to_owned()),
                _ => furniture.groups.push(GroupPath::new(line).map_err(|e| GatewayError::GroupLine {
                    path: path.to_owned(),
                    line: n + 1,
                    cause: e.to_string(),
                })?),
            }
        }
        Ok(furniture)
    }
}

/// A device inside this process; it is switched off when the last client of it is gone.
#[derive(Debug, Clone)]
pub(super) struct Running {
    /// The device.
    pub(super) device: SharedDevice,
    _switch: Arc<DropGuard>,
}

/// Starts the device of a target with `url = "embedded"` inside this process, on a loopback port and with a key of its
/// own, and gives the client for it. Its state is kept in `data`.
pub async fn start<C: Clock + Clone>(
    target: &TargetConfig,
    data: &Path,
    clock: C,
) -> Result<HttpGateway<C>, GatewayError> {
    let listen = |cause: &dyn ToString| GatewayError::Listen { cause: cause.to_string() };
    let mut bytes = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|e| listen(&e))?;
    let key = Secret::new(hex::encode(bytes));
    let options = ServerOptions {
        token: target.token.clone(),
        data: Some(data.to_owned()),
        furniture: Furniture { any_group: true, ..Furniture::default() },
        ..ServerOptions::new(target.dialect, key.clone())
    };
    let server = Server::new(options, clock.clone())?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| listen(&e))?;
    let address = listener.local_addr().map_err(|e| listen(&e))?;
    let stop = CancellationToken::new();
    let device = server.device();
    tokio::spawn(server.serve(listener, stop.clone()));
    let target = TargetConfig { url: format!("http://{address}"), ..target.clone() };
    let running = Running { device, _switch: Arc::new(stop.drop_guard()) };
    Ok(HttpGateway::new(&target, key, Path::new(""), clock)?.keeping(running))
}
