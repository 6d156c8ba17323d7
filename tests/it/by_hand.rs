//! A gateway that has grown by hand, behind HTTP, with a roster and settings: for tests of adopt, drift, undo and proof.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rosterd::app::App;
use rosterd::app::sync::{Answer, Request, Watcher};
use rosterd::clock::{Clock as _, SystemClock};
use rosterd::config::Env;
use rosterd::gateway::embedded::{Furniture, Quirk, Server, ServerOptions, SharedDevice, UserView, lock};
use rosterd::gateway::{AddUser, Auth, Dialect, Mutation, Outcome, UpdateUser};
use rosterd::model::{GroupPath, TargetName, Username};
use rosterd::secret::Secret;
use rosterd::stop::Stop;
use rosterd::store::Store;
use rosterd::store::journal::Trigger;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

const KEY: &str = "the-key-of-the-device";

/// A gateway that has grown by hand, a roster, and a configuration.
pub struct Site {
    pub folder: tempfile::TempDir,
    pub device: SharedDevice,
    pub url: String,
    pub dialect: Dialect,
    _stop: DropGuard,
}

/// A user whom somebody made by hand.
#[derive(Clone)]
pub struct ByHand {
    pub name: String,
    pub group: String,
    pub note: String,
    pub phone: String,
    pub roles: Vec<&'static str>,
    pub enabled: bool,
    pub server: Option<&'static str>,
}

impl ByHand {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            group: "/总公司".into(),
            note: String::new(),
            phone: String::new(),
            roles: Vec::new(),
            enabled: true,
            server: None,
        }
    }
}

impl Site {
    pub async fn new(dialect: Dialect, quirks: &[Quirk]) -> Self {
        let roles = ["全员", "CRM", "堡垒机"].map(str::to_owned).into();
        Self::with(dialect, quirks, Furniture { any_group: true, roles, ..Furniture::default() }).await
    }

    pub async fn with(dialect: Dialect, quirks: &[Quirk], furniture: Furniture) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let options = ServerOptions {
            furniture,
            quirks: quirks.iter().copied().collect(),
            ..ServerOptions::new(dialect, Secret::new(KEY.into()))
        };
        let server = Server::new(options, SystemClock::new()).unwrap();
        let device = server.device();
        let stop = CancellationToken::new();
        tokio::spawn(server.serve(listener, stop.clone()));
        let folder = tempfile::tempdir().unwrap();
        let site = Self { folder, device, url, dialect, _stop: stop.drop_guard() };
        site.write("key", KEY);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.path(name), text).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The roster, and the settings with these lines of the target and these further tables.
    pub fn configure(&self, roster: &str, target: &str, more: &str) -> App {
        self.write("roster.csv", &format!("工号,姓名,部门,岗位,手机,角色\n{roster}"));
        let (url, dialect) = (&self.url, self.dialect.as_str());
        self.write(
            "rosterd.toml",
            &format!(
                "[roster]\npath = \"roster.csv\"\nsettle = \"0s\"\n[state]\npath = \"r.db\"\n{more}\n[[target]]\n\
                 name = \"hq\"\nurl = \"{url}\"\nkey = \"file:key\"\ndialect = \"{dialect}\"\n{target}\n"
            ),
        );
        App::load(Some(&self.path("rosterd.toml")), None, Env::default()).unwrap()
    }

    /// Makes users as a person at the console would.
    pub fn make(&self, users: &[ByHand]) {
        let now = SystemClock::new().now();
        let mut device = lock(&self.device);
        for user in users {
            let group = GroupPath::new(&user.group).unwrap();
            let name = Username::new(&user.name).unwrap();
            let roles = user.roles.iter().map(ToString::to_string);
            let auth = user.server.map_or(Auth::Inherit, |server| Auth::External { server: server.into() });
            let add = AddUser {
                name: name.clone(),
                group: group.clone(),
                note: user.note.clone(),
                phone: user.phone.clone(),
                roles: roles.clone().collect(),
                auth,
                expires_on: None,
                password: None,
            };
            assert_eq!(device.mutate(&Mutation::Add(add), now), Outcome::Applied, "{}", user.name);
            if !user.enabled {
                let update = UpdateUser {
                    old_name: name.clone(),
                    new_name: name,
                    group,
                    note: user.note.clone(),
                    phone: user.phone.clone(),
                    roles: roles.collect(),
                    enabled: false,
                    ext_auth: user.server.map(str::to_owned),
                    auth: None,
                    expires_on: None,
                };
                assert_eq!(device.mutate(&Mutation::Update(update), now), Outcome::Applied);
            }
        }
        assert_eq!(device.commit(now), Outcome::Applied);
        device.trim_log(0);
    }

    /// The program with these settings: exit code and what it shows. For a thread that may wait.
    pub fn program(&self) -> impl Fn(&[&str]) -> (Option<i32>, String) + Send + use<> {
        let folder = self.folder.path().to_owned();
        move |arguments| {
            let mut command = assert_cmd::Command::new(crate::program::path());
            command.current_dir(&folder).args(["--config", "rosterd.toml", "--lang", "en"]).args(arguments);
            let output = command.output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        }
    }

    pub fn users(&self) -> BTreeMap<String, UserView> {
        lock(&self.device).effective_users()
    }

    pub fn actions(&self) -> Vec<String> {
        lock(&self.device).log().iter().map(|asked| asked.action.clone()).collect()
    }
}

pub fn hq() -> TargetName {
    TargetName::new("hq").unwrap()
}

pub async fn sync(app: &App, store: &Store, dry: bool) -> Answer {
    ask(app, store, request(dry)).await
}

/// What somebody at the terminal asks for.
pub fn request(dry: bool) -> Request {
    Request { dry, ..Request::all(Trigger::Cli, Stop::new()) }
}

pub async fn ask(app: &App, store: &Store, request: Request) -> Answer {
    app.sync(store, request, Watcher { reading: None, actions: &|_| {} }).await.unwrap()
}

pub fn row(n: usize, department: &str) -> String {
    format!("{n:05},员工{n},{department},工程师,138{n:08},全员\n")
}

/// As the roster would have it.
pub fn as_wanted(n: usize, department: &str) -> ByHand {
    ByHand {
        note: format!("员工{n}-工程师"),
        phone: format!("138{n:08}"),
        group: department.into(),
        roles: vec!["全员"],
        ..ByHand::new(&format!("{n:05}"))
    }
}
