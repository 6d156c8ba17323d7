//! `rosterd gateway`: the simulated device as a server of its own, for tests, demonstrations and other people's clients.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use clap::Args;
use rust_i18n::t;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::args;
use super::exit::Exit;
use super::failure::Failure;
use super::{output, signals};
use crate::clock::SystemClock;
use crate::cloud::simulated::{self, CloudState, Simulated};
use crate::config::Env;
use crate::gateway::embedded::{FaultSpec, Furniture, Quirk, Server, ServerOptions};
use crate::gateway::{Dialect, GatewayError};
use crate::reason::ErrorKind;
use crate::secret::ReadSecret as _;
use crate::secret::{Secret, SecretRef};

/// Serve a simulated gateway
///
/// 提供一个模拟网关
#[derive(Debug, Args)]
pub struct GatewayArgs {
    /// Address to listen on
    ///
    /// 监听地址
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4430")]
    pub listen: SocketAddr,
    /// Listen on an address that other machines can reach; the key must then come from env: or file:
    ///
    /// 允许监听其他机器可达的地址；此时密钥必须来自 env: 或 file:
    #[arg(long)]
    pub allow_remote: bool,
    /// Dialect to speak
    ///
    /// 使用的接口类型
    #[arg(long, value_name = "DIALECT", default_value = "updater-cloud", value_parser = args::dialect)]
    pub dialect: Dialect,
    /// Key that tokens are checked with: env:NAME, file:PATH, or the key itself
    ///
    /// 校验令牌的密钥：env:变量名、file:路径，或密钥本身
    #[arg(long, value_name = "KEY")]
    pub key: String,
    /// Keep the state in this file
    ///
    /// 把状态保存在此文件
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Groups to begin with, one path per line; `role NAME` and `server NAME` lines too
    ///
    /// 初始用户组，每行一个路径；也可写 `role 名称` 与 `server 名称`
    #[arg(long, value_name = "FILE")]
    pub groups: Option<PathBuf>,
    /// Milliseconds that each call takes
    ///
    /// 每次调用耗时（毫秒）
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// Milliseconds that a commit takes
    ///
    /// 一次提交耗时（毫秒）
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub commit_cost: u64,
    /// Behave as some devices do; may be repeated
    ///
    /// 模仿某些设备的表现；可多次给出
    #[arg(long, value_name = "NAME")]
    pub quirk: Vec<String>,
    /// Let calls go wrong; may be repeated
    ///
    /// 让调用出错；可多次给出
    #[arg(long, value_name = "SPEC")]
    pub fault: Vec<String>,
    /// Where chance begins, for faults that can be repeated exactly
    ///
    /// 随机的起点，使故障可以完全重现
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Serve the cloud endpoints too, signed with the same key: /v2/index.php is Tencent, / is UCloud
    ///
    /// 同时提供云端接口，用同一密钥签名：/v2/index.php 为腾讯云，/ 为 UCloud
    #[arg(long)]
    pub cloud: bool,
}

/// Serves until asked to stop. The address is printed once calls are taken.
pub async fn run(args: &GatewayArgs) -> anyhow::Result<Exit> {
    let key = key(args)?;
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

/// The key that tokens are checked with. On a loopback address this device guards nothing from anybody, so a literal one
/// is taken too; beyond, others are let in, knowingly, and every user of this machine could read the key.
fn key(args: &GatewayArgs) -> Result<Secret, Failure> {
    let remote = !args.listen.ip().to_canonical().is_loopback();
    if remote && !args.allow_remote {
        return Err(Failure::usage(
            t!("cli.gateway_remote", address = args.listen),
            t!("cli.next.gateway_remote"),
        ));
    }
    match SecretRef::try_from(args.key.clone()) {
        Ok(reference) => reference
            .read(Path::new(""), &Env::process())
            .map_err(|e| Failure::new(ErrorKind::Key, e.to_string(), e.next())),
        Err(_) if remote => {
            Err(Failure::usage(t!("cli.gateway_literal_key"), t!("cli.next.gateway_literal_key")))
        }
        Err(_) => Ok(Secret::new(args.key.clone())),
    }
}

fn settings(error: &GatewayError) -> Failure {
    Failure::new(ErrorKind::Gateway, error.to_string(), t!("cli.next.gateway"))
}

fn usage(error: &GatewayError) -> Failure {
    Failure::usage(error.to_string(), "")
}
