//! What the device does for calls about groups, roles and sessions.

use std::collections::BTreeMap;

use super::calls::Params;
use super::device::{Device, Reply, Shown};
use super::layers::{Group, ROOT, User};
use crate::model::MAX_GROUP_BYTES;

const BAD: Reply = Reply::refuse(-2, "参数错误");

impl Device {
    /// The group at a path, made with its parents where it is not there; `None` for what is no path.
    pub(super) fn ensure_group(&mut self, path: &str) -> Option<i64> {
        if !path.starts_with('/') {
            return None;
        }
        let mut at = ROOT;
        for name in path.split('/').filter(|s| !s.is_empty()) {
            if name.len() > MAX_GROUP_BYTES || name.starts_with(',') {
                return None;
            }
            at = match self.stored.database.child(at, name) {
                Some(id) => id,
                None => self.new_group(at, name, ""),
            };
        }
        Some(at)
    }

    fn new_group(&mut self, parent: i64, name: &str, note: &str) -> i64 {
        let id = i64::try_from(self.next_id()).unwrap_or(i64::MAX);
        self.put_group(id, Group { name: name.into(), parent: Some(parent), note: note.into() });
        id
    }

    pub(super) fn show_group(&self, p: Params<'_>) -> Result<Reply, Reply> {
        let path = p.text("group_name");
        if path.is_empty() {
            return Err(BAD);
        }
        let layer = &self.stored.database;
        let found = layer.find(path);
        if found.is_none() && !(self.any_group && path.starts_with('/')) {
            return Err(Reply::refuse(-10, "用户组不存在"));
        }
        let group = found.and_then(|id| layer.groups.get(id));
        let name = path.rsplit('/').next().unwrap_or_default();
        let parent = group.and_then(|g| g.parent).unwrap_or(ROOT);
        Ok(Reply::shows(Shown::One(BTreeMap::from([
            ("id".to_owned(), found.unwrap_or(0).to_string()),
            ("name".to_owned(), group.map_or(name, |g| g.name.as_str()).to_owned()),
            ("note".to_owned(), group.map(|g| g.note.clone()).unwrap_or_default()),
            ("parent".to_owned(), parent.to_string()),
            ("parent_path".to_owned(), layer.path(parent)),
        ]))))
    }

    pub(super) fn add_group(&mut self, p: Params<'_>) -> Result<Reply, Reply> {
        let name = p.text("name");
        if name.is_empty() || name.len() > MAX_GROUP_BYTES || name.starts_with(',') || name.contains('/') {
            return Err(Reply::refuse(-10, "参数错误"));
        }
        let parent = p.text("parent_group");
        let parent =
            if self.any_group { self.ensure_group(parent) } else { self.stored.database.find(parent) };
        let parent = parent.filter(|id| *id >= 0 || *id == ROOT);
        let parent = parent.ok_or(Reply::refuse(-2, "不能在该组下新建"))?;
        if self.stored.database.child(parent, name).is_some() {
            return Err(Reply::refuse(-9, "用户组已存在"));
        }
        self.new_group(parent, name, p.text("note"));
        Ok(Reply::done("添加用户组成功"))
    }

    /// Moves users, and groups with everybody in them, into another group.
    pub(super) fn move_to_group(&mut self, p: Params<'_>) -> Result<Reply, Reply> {
        const NOT_THERE: Reply = Reply::refuse(-13, "用户组不存在");
        let layer = self.stored.database.clone();
        let source = layer.find(p.text("src_group")).ok_or(NOT_THERE)?;
        let target = layer.find(p.text("dst_group")).filter(|id| *id >= 0 || *id == ROOT).ok_or(NOT_THERE)?;
        let named = |list: &'static str| p.text(list).split(',').filter(|s| !s.is_empty());
        let inside = layer.path(target).trim_end_matches('/').to_owned() + "/";
        let mut groups = Vec::new();
        for name in named("groups") {
            let id = layer.child(source, name).filter(|id| *id >= 0).ok_or(NOT_THERE)?;
            if inside.starts_with(&(layer.path(id) + "/")) || layer.child(target, name).is_some() {
                return Err(NOT_THERE);
            }
            groups.extend(layer.groups.get(id).map(|group| (id, group)));
        }
        let user = |name| layer.users.get(name).filter(|user| user.group == source).ok_or(NOT_THERE);
        let users = named("users").map(user).collect::<Result<Vec<_>, _>>()?;
        for (id, group) in groups {
            self.put_group(id, Group { parent: Some(target), ..group.as_ref().clone() });
        }
        for user in users {
            self.put_user(User { group: target, ..user.as_ref().clone() });
        }
        Ok(Reply::done("操作成功"))
    }

    pub(super) fn list_roles(&self, p: Params<'_>) -> Result<Reply, Reply> {
        let (start, limit) = (p.number("start", 0)?, p.number("limit", 25)?);
        let line = |(name, id): (&String, &u64)| {
            BTreeMap::from([
                ("_id".to_owned(), id.to_string()),
                ("name".to_owned(), name.clone()),
                ("note".to_owned(), String::new()),
                ("enable".to_owned(), "1".to_owned()),
            ])
        };
        let roles = &self.stored.roles;
        let page = roles.iter().skip(start).take(limit).map(line).collect();
        Ok(Reply::shows(Shown::Page("totalCount", roles.len() as u64, page)))
    }

    pub(super) fn list_online(&self, p: Params<'_>) -> Result<Reply, Reply> {
        let (start, limit) = (p.number("start", 0)?, p.number("limit", 25)?);
        let layer = &self.stored.memory;
        let group = layer.find(p.text("parent_group")).ok_or(Reply::refuse(-13, "用户组不存在"))?;
        let below = layer.path(group).trim_end_matches('/').to_owned() + "/";
        let inside = |name: &&String| {
            let user = layer.users.get(*name);
            user.is_some_and(|user| (layer.path(user.group) + "/").starts_with(&below))
        };
        let online: Vec<_> = self.online.iter().filter(inside).collect();
        let line = |name: &&String| BTreeMap::from([("name".to_owned(), (*name).clone())]);
        let page = online.iter().skip(start).take(limit).map(line).collect();
        Ok(Reply::shows(Shown::Page("totalCount", online.len() as u64, page)))
    }

    pub(super) fn kick(&mut self, p: Params<'_>) -> Result<Reply, Reply> {
        let names: Vec<_> = p.text("users").split(',').filter(|s| !s.is_empty()).collect();
        if names.is_empty() || names.iter().any(|name| !self.online.contains(*name)) {
            return Err(Reply::refuse(-13, "用户不在线"));
        }
        for name in names {
            self.online.remove(name);
        }
        Ok(Reply::done("操作成功"))
    }
}
