//! `rosterd gateway`: the simulated device as a server of its own, for tests, demonstrations and other people's clients.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use rust_i18n::t;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::args::GatewayArgs;
use super::exit::Exit;
use super::failure::Failure;
use super::{output, signals};
use crate::clock::SystemClock;
use crate::cloud::simulated::{self, CloudState, Simulated};
use crate::config::Env;
use crate::gateway::GatewayError;
use crate::gateway::embedded::{FaultSpec, Furniture, Quirk, Server, ServerOptions};
use crate::secret::ReadSecret as _;
use crate::secret::{Secret, SecretRef};

/// Serves until asked to stop. The address is printed once calls are taken.
pub async fn run(args: &GatewayArgs) -> anyhow::Result<Exit> {
    let key = key(&args.key)?;
    let clouds = if args.cloud { clouds(args, &key)? } else { Router::new() };
    let options = options(args, key)?;
    let stop = signals::stop()?;
    let server = Server::new(options, SystemClock::new()).map_err(|e| settings(&e))?;
    let cannot =
        |e: std::io::Error| settings(&GatewayError::Listen { cause: format!("{}: {e}", args.listen) });
    let listener = TcpListener::bind(args.listen).await.map_err(cannot)?;
    output::text(&format!("http://{}\n", listener.local_addr()?))?;
    let end = CancellationToken::new();
    let serving = tokio::spawn(server.serve_with(clouds, listener, end.clone()));
    stop.when_requested().await;
    end.cancel();
    serving.await?;
    Ok(Exit::Done)
}

/// The cloud providers' simulations. Their state lies beside the device's, if that is kept.
fn clouds(args: &GatewayArgs, key: &Secret) -> Result<Router, Failure> {
    let clock = SystemClock::new();
    let Some(data) = &args.data else {
        return Ok(simulated::router(Simulated::new(CloudState::sample(key.expose()), clock)));
    };
    let mut path = data.clone().into_os_string();
    path.push(".cloud.json");
    let path = PathBuf::from(path);
    let cloud = Simulated::open(&path, key.expose(), clock)
        .map_err(|e| settings(&GatewayError::Data { path: path.clone(), cause: e.to_string() }))?;
    Ok(simulated::router(cloud))
}

fn options(args: &GatewayArgs, key: Secret) -> Result<ServerOptions, Failure> {
    let furniture = args.groups.as_deref().map(Furniture::read).transpose().map_err(|e| settings(&e))?;
    let quirks: Result<_, GatewayError> = args.quirk.iter().map(|name| name.parse::<Quirk>()).collect();
    let faults: Result<_, GatewayError> = args.fault.iter().map(|spec| spec.parse::<FaultSpec>()).collect();
    Ok(ServerOptions {
        data: args.data.clone(),
        furniture: furniture.unwrap_or_default(),
        latency: Duration::from_millis(args.latency),
        commit_cost: Duration::from_millis(args.commit_cost),
        quirks: quirks.map_err(|e| usage(&e))?,
        faults: faults.map_err(|e| usage(&e))?,
        seed: args.seed,
        ..ServerOptions::new(args.dialect, key)
    })
}

/// The key that tokens are checked with. This device guards nothing, so a literal one is taken too.
fn key(text: &str) -> Result<Secret, Failure> {
    match SecretRef::try_from(text.to_owned()) {
        Ok(reference) => reference
            .read(Path::new(""), &Env::process())
            .map_err(|e| Failure::new("key", e.to_string(), e.next())),
        Err(_) => Ok(Secret::new(text.to_owned())),
    }
}

fn settings(error: &GatewayError) -> Failure {
    Failure::new("gateway", error.to_string(), t!("cli.next.gateway"))
}

fn usage(error: &GatewayError) -> Failure {
    Failure::usage(error.to_string(), "")
}
