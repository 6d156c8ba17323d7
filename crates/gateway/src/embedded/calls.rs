//! What the device does for each call about users, and which calls there are. Limits and codes are the manual's.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};

use super::device::{Device, Reply, Shown};
use super::layers::{ANONYMOUS, User};
use super::quirk::Quirk;
use crate::gateway::Dialect;
use crate::model::{MAX_NAME_BYTES, MAX_NOTE_BYTES, MAX_PHONE_BYTES};

/// Longest password, in bytes.
const MAX_PASSWORD_BYTES: usize = 48;
/// Names that nobody can have.
const RESERVED: &[&str] = &["anonymous", "匿名用户"];
/// Parameters that are kept as they come and mean nothing to the simulation.
const KEPT: &[&str] =
    &["auth_type", "is_hardid", "is_token", "is_cert", "is_sms", "token_svr_id", "is_public"];

const BAD: Reply = Reply::refuse(-2, "参数错误");
const NO_GROUP: Reply = Reply::refuse(-13, "parent_group参数错误/该用户组不存在");

/// A call's parameters. Where a name stands twice the last one counts, as in PHP.
#[derive(Clone, Copy)]
pub(super) struct Params<'a>(pub(super) &'a [(&'a str, &'a str)]);

impl<'a> Params<'a> {
    pub(super) fn get(self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }

    pub(super) fn text(self, name: &str) -> &'a str {
        self.get(name).unwrap_or_default()
    }

    /// A flag; `None` when it is absent, an error when it is neither 1 nor 0.
    pub(super) fn flag(self, name: &str) -> Result<Option<bool>, Reply> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some("1") => Ok(Some(true)),
            Some("0") => Ok(Some(false)),
            Some(_) => Err(BAD),
        }
    }

    pub(super) fn number(self, name: &str, default: usize) -> Result<usize, Reply> {
        match self.get(name) {
            None | Some("") => Ok(default),
            Some(text) => text.parse().map_err(|_| BAD),
        }
    }
}

impl Device {
    /// Carries out a call. `at` is the device's own time.
    pub(super) fn perform(&mut self, action: &str, params: &[(&str, &str)], at: DateTime<Utc>) -> Reply {
        let p = Params(params);
        let newer = self.dialect == Dialect::Openapi;
        let reply = match action {
            "AddUserCloud" => self.add_user(p, at),
            "UpdateUserCloud" => self.update_user(p, at),
            "DelUserByNameCloud" => self.delete_users(p),
            "ExGetUserInfo" => self.show_user(p),
            "GetGroupInfo" => self.show_group(p),
            "UpdaterCloud" if !newer => Ok(self.commit_layers()),
            "DataSyncCloud" if newer => Ok(self.commit_layers()),
            "ExtSetUserEnable" if newer => self.enable_user(p),
            "GetSearchData" if newer => self.list_users(p),
            "GetOnlineUserCloud" if newer => self.list_online(p),
            "KillOnlineUserCloud" if newer => self.kick(p),
            "GetRoleListDataCloud" if newer => self.list_roles(p),
            "AddGroupCloud" if newer => self.add_group(p),
            "MoveGrpUserCloud" if newer => self.move_to_group(p),
            _ => Err(Reply::refuse(1, "请求地址中的action或者controler不存在")),
        };
        reply.unwrap_or_else(|refusal| refusal)
    }

    /// The `controler` that an action belongs to; `None` where this device does not have it.
    pub fn controler(&self, action: &str) -> Option<&'static str> {
        let newer = self.dialect == Dialect::Openapi;
        match action {
            "AddUserCloud" | "UpdateUserCloud" | "DelUserByNameCloud" | "ExGetUserInfo" => Some("User"),
            "GetGroupInfo" => Some("Group"),
            "UpdaterCloud" if !newer => Some("Updater"),
            "DataSyncCloud" if newer => Some("Updater"),
            "ExtSetUserEnable" | "GetSearchData" if newer => Some("User"),
            "GetOnlineUserCloud" | "KillOnlineUserCloud" if newer => Some("State"),
            "GetRoleListDataCloud" if newer => Some("Role"),
            "AddGroupCloud" | "MoveGrpUserCloud" if newer => Some("Group"),
            _ => None,
        }
    }

    fn commit_layers(&mut self) -> Reply {
        self.sync_layers();
        Reply { synced: true, ..Reply::done("数据同步成功") }
    }

    fn add_user(&mut self, p: Params<'_>, at: DateTime<Utc>) -> Result<Reply, Reply> {
        let name = p.text("name");
        check_name(name, Reply::refuse(-9, "name参数错误"))?;
        if self.stored.database.users.contains_key(name) {
            return Err(Reply::refuse(-9, "用户已存在"));
        }
        let group = self.group_for_users(p.text("parent_group"))?;
        let user = User {
            id: 0,
            name: name.to_owned(),
            note: String::new(),
            phone: String::new(),
            group,
            roles: BTreeSet::new(),
            enabled: true,
            inherits_auth: p.flag("b_inherit_auth")?.unwrap_or(true),
            inherits_policy: p.flag("b_inherit_grpolicy")?.unwrap_or(true),
            password_auth: p.flag("is_pwd")?.unwrap_or(true),
            ext_auth: None,
            expires_on: None,
            password_mark: String::new(),
            password_changed: at.timestamp(),
            created: at.timestamp(),
            extra: BTreeMap::new(),
        };
        let mut user = self.written(user, p, at, true)?;
        user.id = self.next_id();
        self.put_user(user);
        Ok(Reply::done("添加用户成功"))
    }

    fn update_user(&mut self, p: Params<'_>, at: DateTime<Utc>) -> Result<Reply, Reply> {
        let (old, new) = (p.text("old_name"), p.text("new_name"));
        let Some(user) = self.stored.database.users.get(old) else {
            return Err(Reply::refuse(10, "oldname不存在/参数错误"));
        };
        let mut user = user.as_ref().clone();
        check_name(new, BAD)?;
        if new != old && self.stored.database.users.contains_key(new) {
            return Err(Reply::refuse(-2, "参数错误: 用户名已存在"));
        }
        user.group = self.group_for_users(p.text("parent_group"))?;
        new.clone_into(&mut user.name);
        let erases = self.dialect == Dialect::UpdaterCloud;
        let mut user = self.written(user, p, at, erases)?;
        user.enabled = p.flag("is_enable")?.unwrap_or(if erases { true } else { user.enabled });
        if self.dialect == Dialect::Openapi {
            user.inherits_auth = p.flag("b_inherit_auth")?.unwrap_or(user.inherits_auth);
        }
        if new != old {
            self.remove_user(old);
        }
        self.put_user(user);
        Ok(Reply::done("操作成功"))
    }

    /// The user with the parameters that an add and an update have in common. `erases`: what is left out becomes empty.
    fn written(
        &mut self,
        mut user: User,
        p: Params<'_>,
        at: DateTime<Utc>,
        erases: bool,
    ) -> Result<User, Reply> {
        let erases_texts = erases || self.has(Quirk::OpenapiErases);
        let texts = [("note", MAX_NOTE_BYTES, &mut user.note), ("phone", MAX_PHONE_BYTES, &mut user.phone)];
        for (name, limit, field) in texts {
            match p.get(name) {
                Some(text) if text.len() > limit => return Err(BAD),
                Some(text) => text.clone_into(field),
                None if erases_texts => field.clear(),
                None => {}
            }
        }
        match p.get("role_name") {
            Some(names) => user.roles = self.roles_named(names)?,
            None if erases => user.roles.clear(),
            None => {}
        }
        user.ext_auth = match p.flag("is_extauth")? {
            Some(true) => Some(self.server_named(p.text("ext_auth_name"))?),
            Some(false) => None,
            None if erases => None,
            None => user.ext_auth,
        };
        self.write_password(&mut user, p, at)?;
        if self.dialect == Dialect::Openapi {
            write_expiry(&mut user, p)?;
            for name in KEPT {
                if let Some(value) = p.get(name) {
                    user.extra.insert((*name).to_owned(), value.to_owned());
                }
            }
        }
        Ok(user)
    }

    fn write_password(&self, user: &mut User, p: Params<'_>, at: DateTime<Utc>) -> Result<(), Reply> {
        let password = match p.get("passwd") {
            None if self.has(Quirk::UpdatesErasePassword) => "",
            None | Some("") => return Ok(()),
            Some(text) if text.len() > MAX_PASSWORD_BYTES || !text.is_ascii() => return Err(BAD),
            Some(text) => text,
        };
        let mark = match password {
            "" => String::new(),
            text => blake3::hash(text.as_bytes()).to_hex()[..16].to_owned(),
        };
        if user.password_mark != mark {
            user.password_mark = mark;
            user.password_changed = at.timestamp();
        }
        Ok(())
    }

    fn roles_named(&mut self, names: &str) -> Result<BTreeSet<String>, Reply> {
        let names: BTreeSet<String> =
            names.split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect();
        if self.any_role {
            names.iter().for_each(|name| self.put_role(name));
            return Ok(names);
        }
        let (known, unknown): (BTreeSet<_>, BTreeSet<_>) =
            names.into_iter().partition(|name| self.stored.roles.contains_key(name));
        if !unknown.is_empty() && self.has(Quirk::UnknownRoleRefused) {
            return Err(BAD);
        }
        Ok(known)
    }

    fn server_named(&mut self, name: &str) -> Result<String, Reply> {
        if self.any_server && !name.is_empty() {
            self.put_server(name);
        }
        if self.stored.servers.contains_key(name) {
            return Ok(name.to_owned());
        }
        Err(Reply::refuse(-13, "没有找到对应的外部服务器"))
    }

    fn delete_users(&mut self, p: Params<'_>) -> Result<Reply, Reply> {
        let names: Vec<String> = match self.dialect {
            Dialect::UpdaterCloud => serde_json::from_str(p.text("names")).map_err(|_| BAD)?,
            Dialect::Openapi => p.text("names").split(',').map(|name| name.trim().to_owned()).collect(),
        };
        if names.is_empty() || names.iter().any(String::is_empty) {
            return Err(BAD);
        }
        let absent = |name: &String| !self.stored.database.users.contains_key(name);
        if self.has(Quirk::DeleteAbsentRefused) && names.iter().any(absent) {
            return Err(BAD);
        }
        for name in &names {
            self.remove_user(name);
        }
        Ok(Reply::done("删除用户成功"))
    }

    fn show_user(&self, p: Params<'_>) -> Result<Reply, Reply> {
        let name = p.text("username");
        if name.is_empty() {
            return Err(BAD);
        }
        match self.stored.database.users.get(name) {
            Some(user) => Ok(Reply::shows(Shown::One(self.shown(user)))),
            None => Err(Reply::refuse(-10, "用户不存在")),
        }
    }

    fn enable_user(&mut self, p: Params<'_>) -> Result<Reply, Reply> {
        let enable = p.flag("enable")?.ok_or(BAD)?;
        let user = self.stored.database.users.get(p.text("username")).ok_or(BAD)?;
        let user = User { enabled: enable, ..user.as_ref().clone() };
        self.put_user(user);
        Ok(Reply::done("操作成功"))
    }

    fn list_users(&self, p: Params<'_>) -> Result<Reply, Reply> {
        let (offset, limit) = (p.number("offset", 0)?, p.number("limit", 25)?);
        let users = &self.stored.database.users;
        let columns = ["id", "name", "note", "parent_path", "roleid", "role_name", "is_enable"];
        let line = |user: &User| {
            let mut fields = self.shown(user);
            fields.retain(|name, _| columns.contains(&name.as_str()));
            fields.insert("parent".to_owned(), user.group.to_string());
            fields.insert("is_enable".to_owned(), if user.enabled { "1" } else { "0" }.to_owned());
            fields.insert("parent_path".to_owned(), self.stored.database.path(user.group));
            fields
        };
        let page = users.values().skip(offset).take(limit).map(|user| line(user)).collect();
        Ok(Reply::shows(Shown::Page("totalUser", users.len() as u64, page)))
    }

    /// A user as a look shows it.
    fn shown(&self, user: &User) -> BTreeMap<String, String> {
        let flag = |on: bool| if on { "1" } else { "0" }.to_owned();
        let mut fields: BTreeMap<String, String> = user.extra.clone();
        let role_id = |name| self.stored.roles.get(name).map(u64::to_string);
        let joined = |list: Vec<String>| list.join(",");
        let path = self.stored.database.path(user.group);
        let mut set = |name: &str, value: String| fields.insert(name.to_owned(), value);
        set("id", user.id.to_string());
        set("name", user.name.clone());
        set("note", user.note.clone());
        set("passwd", user.password_mark.clone());
        set("phone", user.phone.clone());
        set("grpid", user.group.to_string());
        set(
            if self.has(Quirk::GrpnameOnly) || self.has(Quirk::BadEscape) {
                "grpname"
            } else {
                "parent_path"
            },
            path,
        );
        set("roleid", joined(user.roles.iter().filter_map(role_id).collect()));
        set("role_name", joined(user.roles.iter().cloned().collect()));
        set("b_inherit_auth", flag(user.inherits_auth));
        set("b_inherit_grpolicy", flag(user.inherits_policy));
        set("auth_methods", flag(user.password_auth));
        let server = user.ext_auth.as_ref().and_then(|name| self.stored.servers.get(name));
        set("ext_auth_id", server.copied().unwrap_or(0).to_string());
        set("expire", user.expires_on.map_or_else(|| "0".to_owned(), |day| midnight(day).to_string()));
        if !self.has(Quirk::MissingIsEnable) {
            set("is_enable", flag(user.enabled));
            set("ext_auth_name", user.ext_auth.clone().unwrap_or_default());
        }
        set("pwd_last_change", user.password_changed.to_string());
        set("create_time", user.created.to_string());
        set("sec_key", blake3::hash(user.name.as_bytes()).to_hex()[..32].to_uppercase());
        for name in ["cert_sn", "crypto_key"] {
            set(name, String::new());
        }
        for name in ["allocateip", "lastlogin_time", "last_active_time", "grpolicy_id", "is_bind_key"] {
            set(name, "0".to_owned());
        }
        for (name, value) in [("attributes", "1"), ("is_first_login", "1"), ("caid", "-1")] {
            set(name, value.to_owned());
        }
        for name in ["auth_type", "token_svr_id"] {
            fields.entry(name.to_owned()).or_insert_with(|| "0".to_owned());
        }
        fields
    }
}

/// The moment at which a day begins in the vendor's time zone, in seconds.
fn midnight(day: NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() - 8 * 3600
}

fn check_name(name: &str, bad: Reply) -> Result<(), Reply> {
    match name {
        "" => Err(Reply::refuse(-2, "用户名不能为空")),
        n if RESERVED.contains(&n) => Err(Reply::refuse(-2, "用户名保留")),
        n if n.len() > MAX_NAME_BYTES || n.starts_with(',') => Err(bad),
        _ => Ok(()),
    }
}

fn write_expiry(user: &mut User, p: Params<'_>) -> Result<(), Reply> {
    match p.flag("gqsj")? {
        None => {}
        Some(true) => user.expires_on = None,
        Some(false) => {
            let day = p.text("ex_time").split(' ').next().unwrap_or_default();
            user.expires_on = Some(NaiveDate::parse_from_str(day, "%Y-%m-%d").map_err(|_| BAD)?);
        }
    }
    Ok(())
}

impl Device {
    /// The group that users are to be put into.
    fn group_for_users(&mut self, path: &str) -> Result<i64, Reply> {
        let found = if self.any_group { self.ensure_group(path) } else { self.stored.database.find(path) };
        match found {
            Some(ANONYMOUS) => Err(Reply::refuse(-2, "用户存在于匿名用户组")),
            Some(group) => Ok(group),
            None => Err(NO_GROUP),
        }
    }
}
