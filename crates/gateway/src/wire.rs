//! The wire: names of calls and parameters in both dialects, exactly as the vendor spells them, and how a call becomes
//! a query and a body. The only place for `controler` and `sinfor_apitoken`. What comes back is read in `answer`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::token::Recipe;
use super::{AddUser, Auth, Dialect, Mutation, Refusal, RefusalKind, UpdateUser};
use crate::http::encode_pairs;
use crate::model::{GroupPath, Username};
use crate::secret::Secret;

/// Path of the interface on the device.
pub const PATH: &str = "/cgi-bin/php-cgi/html/delegatemodule/WebApi.php";
/// Name of the parameter that holds the token.
pub const TOKEN: &str = "sinfor_apitoken";
/// Name of the parameter that holds the time of signing.
pub const TIMESTAMP: &str = "timestamp";

/// The calls that rosterd makes. The interface has more; one of them deletes groups with everybody in them, and is
/// left out on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Call {
    User,
    Group,
    Users,
    Roles,
    Add,
    Update,
    Delete,
    AddGroup,
    Kick,
    Commit,
}

impl Call {
    /// `controler` and `action`.
    pub const fn names(self, dialect: Dialect) -> (&'static str, &'static str) {
        match self {
            Self::User => ("User", "ExGetUserInfo"),
            Self::Group => ("Group", "GetGroupInfo"),
            Self::Users => ("User", "GetSearchData"),
            Self::Roles => ("Role", "GetRoleListDataCloud"),
            Self::Add => ("User", "AddUserCloud"),
            Self::Update => ("User", "UpdateUserCloud"),
            Self::Delete => ("User", "DelUserByNameCloud"),
            Self::AddGroup => ("Group", "AddGroupCloud"),
            Self::Kick => ("State", "KillOnlineUserCloud"),
            Self::Commit => match dialect {
                Dialect::UpdaterCloud => ("Updater", "UpdaterCloud"),
                Dialect::Openapi => ("Updater", "DataSyncCloud"),
            },
        }
    }

    /// Whether the dialect has this call.
    pub const fn exists(self, dialect: Dialect) -> bool {
        match self {
            Self::Users | Self::Roles | Self::AddGroup | Self::Kick => matches!(dialect, Dialect::Openapi),
            _ => true,
        }
    }

    /// What a code other than 0 means in this call.
    pub const fn meaning(self, code: i64) -> RefusalKind {
        match (self, code) {
            (_, 4) => RefusalKind::Token,
            (_, 1 | 404) => RefusalKind::NoSuchCall,
            (Self::Add | Self::Update | Self::AddGroup, -9) => RefusalKind::NameTaken,
            (Self::User | Self::Group, -10) | (Self::Update | Self::Delete, 10) | (Self::Kick, -13) => {
                RefusalKind::NoSuchName
            }
            (Self::Add | Self::Update | Self::AddGroup, -13) => RefusalKind::NoSuchGroup,
            _ => RefusalKind::BadRequest,
        }
    }
}

/// A call with its parameters, borrowed from what it says; not signed yet. It has no `Debug`: an add may hold a password.
pub struct Form<'a> {
    /// Which call.
    pub call: Call,
    /// In which dialect.
    pub dialect: Dialect,
    /// The call's own parameters, raw, in the order of the manual's table.
    pub params: Vec<(&'static str, Cow<'a, str>)>,
}

/// A signed call as it is sent.
pub struct Signed {
    /// The query, encoded.
    pub query: String,
    /// The body, encoded.
    pub body: Secret,
    /// The token, to keep it out of messages.
    pub token: Secret,
}

impl<'a> Form<'a> {
    const fn new(call: Call, dialect: Dialect) -> Self {
        Self { call, dialect, params: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        self.params.push((name, value.into()));
        self
    }

    /// Adds what a mutation of the newer dialect needs to wait for the commit.
    fn deferred(self) -> Self {
        match self.dialect {
            Dialect::UpdaterCloud => self,
            Dialect::Openapi => self.with("delay_flush", "1"),
        }
    }

    /// `ExGetUserInfo`
    pub fn user(dialect: Dialect, name: &'a Username) -> Self {
        Self::new(Call::User, dialect).with("username", name.as_str())
    }

    /// `GetGroupInfo`
    pub fn group(dialect: Dialect, path: &'a GroupPath) -> Self {
        Self::new(Call::Group, dialect).with("group_name", path.as_str())
    }

    /// `GetSearchData`
    pub fn users(dialect: Dialect, offset: u64, limit: u64) -> Self {
        Self::new(Call::Users, dialect).with("offset", offset.to_string()).with("limit", limit.to_string())
    }

    /// `GetRoleListDataCloud`
    pub fn roles(dialect: Dialect, offset: u64, limit: u64) -> Self {
        Self::new(Call::Roles, dialect).with("start", offset.to_string()).with("limit", limit.to_string())
    }

    /// `UpdaterCloud` or `DataSyncCloud`
    pub const fn commit(dialect: Dialect) -> Self {
        Self::new(Call::Commit, dialect)
    }

    /// A change. Refused here, before anything is sent, when the wire cannot carry it.
    pub fn mutation(dialect: Dialect, mutation: &'a Mutation) -> Result<Self, Refusal> {
        let form = match mutation {
            Mutation::Add(user) => add(dialect, user)?,
            Mutation::Update(user) => update(dialect, user)?,
            Mutation::Delete(names) => {
                Self::new(Call::Delete, dialect).with("names", delete_names(dialect, names)?).deferred()
            }
            Mutation::AddGroup(path) => add_group(dialect, path)?,
            Mutation::Kick(names) => Self::new(Call::Kick, dialect).with("users", comma_separated(names)?),
        };
        if form.call.exists(dialect) {
            Ok(form)
        } else {
            Err(unsendable(
                RefusalKind::NoSuchCall,
                rust_i18n::t!("gateway.no_such_call", dialect = dialect.as_str()),
            ))
        }
    }

    /// The query's and the body's parameters without the token.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let (controler, action) = self.call.names(self.dialect);
        [("controler", controler), ("action", action)]
            .into_iter()
            .chain(self.params.iter().map(|(name, value)| (*name, value.as_ref())))
    }

    /// Signs and encodes the call. `now` is in seconds.
    pub fn sign(&self, recipe: &Recipe, key: &Secret, now: i64) -> Signed {
        let (controler, action) = self.call.names(self.dialect);
        let stamp = if recipe.sends_timestamp() { now.to_string() } else { String::new() };
        let stamped = recipe.sends_timestamp().then_some((TIMESTAMP, stamp.as_str()));
        let token = recipe.sign(self.all().chain(stamped), &stamp, key);
        let own = self.params.iter().map(|(name, value)| (*name, value.as_ref()));
        let body = encode_pairs(own.chain(stamped).chain([(TOKEN, token.expose())]));
        let query = encode_pairs([("controler", controler), ("action", action)]);
        Signed { query, body: Secret::new(body), token }
    }
}

fn unsendable(kind: RefusalKind, message: impl Into<String>) -> Refusal {
    Refusal { code: -2, kind, message: message.into() }
}

fn flag(on: bool) -> &'static str {
    if on { "1" } else { "0" }
}

fn add<'a>(dialect: Dialect, user: &'a AddUser) -> Result<Form<'a>, Refusal> {
    let (inherits, server) = match &user.auth {
        Auth::Inherit => (true, None),
        Auth::Password => (false, None),
        Auth::External { server } => (false, Some(server.as_str())),
    };
    let mut form = Form::new(Call::Add, dialect)
        .with("name", user.name.as_str())
        .with("parent_group", user.group.as_str())
        .with("note", user.note.as_str());
    if let Some(password) = &user.password {
        form = form.with("passwd", password.expose());
    }
    form = form
        .with("phone", user.phone.as_str())
        .with("role_name", role_names(&user.roles)?)
        .with("b_inherit_auth", flag(inherits))
        .with("b_inherit_grpolicy", "1")
        .with("is_extauth", flag(server.is_some()))
        .with("ext_auth_name", server.unwrap_or_default())
        .with("is_pwd", flag(server.is_none()));
    if dialect.capabilities().has_expiry {
        form = expiry(form, user.expires_on);
    }
    Ok(form.deferred())
}

fn update<'a>(dialect: Dialect, user: &'a UpdateUser) -> Result<Form<'a>, Refusal> {
    let server = match &user.auth {
        Some(Auth::External { server }) => Some(server),
        Some(Auth::Inherit | Auth::Password) => None,
        None => user.ext_auth.as_ref(),
    };
    let mut form = Form::new(Call::Update, dialect)
        .with("old_name", user.old_name.as_str())
        .with("new_name", user.new_name.as_str())
        .with("parent_group", user.group.as_str())
        .with("note", user.note.as_str())
        .with("phone", user.phone.as_str())
        .with("role_name", role_names(&user.roles)?)
        .with("is_enable", flag(user.enabled))
        .with("is_extauth", flag(server.is_some()))
        .with("ext_auth_name", server.map_or("", String::as_str));
    if dialect == Dialect::Openapi
        && let Some(auth) = &user.auth
    {
        form = form.with("b_inherit_auth", flag(*auth == Auth::Inherit));
    }
    if dialect.capabilities().has_expiry
        && let Some(day) = user.expires_on
    {
        form = expiry(form, day);
    }
    Ok(form.deferred())
}

/// `gqsj`: 1 never expires, 0 expires on `ex_time`.
fn expiry(form: Form<'_>, day: Option<NaiveDate>) -> Form<'_> {
    match day {
        None => form.with("gqsj", "1"),
        Some(day) => form.with("gqsj", "0").with("ex_time", day.format("%Y-%m-%d").to_string()),
    }
}

fn add_group<'a>(dialect: Dialect, path: &'a GroupPath) -> Result<Form<'a>, Refusal> {
    let (Some(name), Some(parent)) = (path.segments().next_back(), path.parent()) else {
        return Err(unsendable(RefusalKind::BadRequest, rust_i18n::t!("gateway.root_exists")));
    };
    Ok(Form::new(Call::AddGroup, dialect)
        .with("name", name)
        .with("parent_group", String::from(parent))
        .deferred())
}

/// Role names joined with commas; one that holds a comma would become two others.
fn role_names(roles: &BTreeSet<String>) -> Result<String, Refusal> {
    if let Some(role) = roles.iter().find(|role| role.contains(',')) {
        return Err(unsendable(RefusalKind::BadRequest, rust_i18n::t!("gateway.comma", name = role)));
    }
    Ok(roles.iter().map(String::as_str).collect::<Vec<_>>().join(","))
}

fn comma_separated(names: &[Username]) -> Result<String, Refusal> {
    some(names)?;
    if let Some(name) = names.iter().find(|name| name.as_str().contains(',')) {
        return Err(unsendable(RefusalKind::BadRequest, rust_i18n::t!("gateway.comma", name = name)));
    }
    Ok(names.iter().map(Username::as_str).collect::<Vec<_>>().join(","))
}

/// What a device makes of an empty list nobody knows, so none is sent.
fn some(names: &[Username]) -> Result<(), Refusal> {
    if names.is_empty() {
        return Err(unsendable(RefusalKind::BadRequest, rust_i18n::t!("gateway.no_names")));
    }
    Ok(())
}

fn delete_names(dialect: Dialect, names: &[Username]) -> Result<String, Refusal> {
    some(names)?;
    match dialect {
        Dialect::Openapi => comma_separated(names),
        Dialect::UpdaterCloud => {
            let names: Vec<_> = names.iter().map(Username::as_str).collect();
            serde_json::to_string(&names).map_err(|e| unsendable(RefusalKind::BadRequest, e.to_string()))
        }
    }
}

#[cfg(test)]
mod tests;
