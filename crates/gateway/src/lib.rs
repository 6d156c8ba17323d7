//! What rosterd can ask of a Sangfor gateway, and what it can learn: the trait that `sync` sees, and its types.
//!
//! Two things implement [`Gateway`]: the HTTP client (`client`) and, in memory, the simulated device (`embedded`).
//! Wire spellings (`controler`, `sinfor_apitoken`) live in `wire` only. Nothing here decides what should be sent.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::model::{GroupPath, Username};
use crate::secret::Secret;

pub mod answer;
pub mod client;
pub mod embedded;
mod error;
mod json;
pub mod probe;
pub mod token;
pub mod wire;

pub use client::HttpGateway;
pub use error::GatewayError;

/// The gateway said no. Codes are the vendor's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The device's `code`.
    pub code: i64,
    /// What the code means for this call.
    pub kind: RefusalKind,
    /// The device's own words, unescaped, cut to 500 bytes, secrets removed.
    pub message: String,
}

/// What a refusal means for whoever called. The same number means different things in different calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// 4: the token was not taken (wrong key, clock off, address not on the allow list). Fatal for the run.
    Token,
    /// 1 or 404 in an answer: this firmware has no such call or address. Fatal for the run.
    NoSuchCall,
    /// An add's −9: the name is taken, or not allowed.
    NameTaken,
    /// An update's 10, a look's −10: no such user or group.
    NoSuchName,
    /// −13: the group (or the external server) is not there.
    NoSuchGroup,
    /// −2 and anything else: this request is not acceptable; sending it again does not help.
    BadRequest,
}

/// Why a call's outcome cannot be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Sort of trouble, for counting and for words.
    pub kind: WhyKind,
    /// What happened, without secrets, addresses' queries or bodies.
    pub detail: String,
}

/// Sorts of trouble between us and an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyKind {
    /// The connection was refused, or could not be made in time (not one byte of the request was written).
    Connect,
    /// The TLS handshake failed: certificate, pin or protocol. Trying again does not help.
    Tls,
    /// No answer in time.
    Timeout,
    /// The connection broke after the request had begun.
    Broken,
    /// HTTP status 5xx.
    ServerError,
    /// An answer that is not the documented JSON: HTML, a redirect, cut off, too large, without a code.
    Unusable,
    /// Nobody waited for the answer: somebody asked to stop at once.
    GivenUp,
}

/// What became of a call that changes the gateway. There is deliberately no `bool` and no `Result` here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// `success: true` and code 0.
    Applied,
    /// A usable answer that says no: nothing was changed.
    Refused(Refusal),
    /// It may or may not have happened, or happen later still.
    Unknown(Why),
    /// Not one byte of the request left this process.
    NotSent(Why),
}

/// Why a reading call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// A usable answer that says no (other than "no such name", which is `Ok(None)`).
    Refused(Refusal),
    /// No usable answer. Reading again does no harm.
    Failed(Why),
}

/// A group as the device shows it (`GetGroupInfo`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// The device's number for the group.
    pub id: Option<String>,
    /// Full path, as asked for.
    pub path: GroupPath,
}

/// Every field of a new user.
#[derive(Debug, Clone)]
pub struct AddUser {
    /// User name.
    pub name: Username,
    /// Group; must exist.
    pub group: GroupPath,
    /// Note, at most 48 bytes.
    pub note: String,
    /// Phones joined with `;`, at most 30 bytes.
    pub phone: String,
    /// Role names; none may hold a comma.
    pub roles: BTreeSet<String>,
    /// Authentication.
    pub auth: Auth,
    /// Expiry (only a dialect that [has it](rosterd_core::device::Capabilities::has_expiry) sends it).
    pub expires_on: Option<NaiveDate>,
    /// Initial password; kept nowhere.
    pub password: Option<Secret>,
}

/// Every field of a change. What is not in here is erased on old firmware, so the caller fills all of them: managed
/// fields from the plan, the others from a look. Never a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateUser {
    /// The name the device has now.
    pub old_name: Username,
    /// The name it shall have; equal to `old_name` except for a rename.
    pub new_name: Username,
    /// Group; must exist.
    pub group: GroupPath,
    /// Note.
    pub note: String,
    /// Phones joined with `;`.
    pub phone: String,
    /// Role names.
    pub roles: BTreeSet<String>,
    /// Enabled or disabled.
    pub enabled: bool,
    /// External authentication to send (back): `Some(server name)`, or none.
    pub ext_auth: Option<String>,
    /// The whole of the authentication, only under `manage.auth = "always"`.
    pub auth: Option<Auth>,
    /// `None`: leave alone; `Some(None)`: never expires.
    pub expires_on: Option<Option<NaiveDate>>,
}

/// A call that changes the gateway. One value is one request; the journal stores its digest before it is sent.
#[derive(Debug, Clone)]
pub enum Mutation {
    /// `AddUserCloud`
    Add(AddUser),
    /// `UpdateUserCloud`
    Update(UpdateUser),
    /// `DelUserByNameCloud`
    Delete(Vec<Username>),
    /// `AddGroupCloud` (openapi); the parent exists.
    AddGroup(GroupPath),
    /// `KillOnlineUserCloud` (openapi): ends sessions, needs no commit.
    Kick(Vec<Username>),
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// How many there are in all, as the device says.
    pub total: u64,
    /// This page's items.
    pub items: Vec<T>,
}

/// A role as the device lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRecord {
    /// The device's number.
    pub id: Option<String>,
    /// Name.
    pub name: String,
}

/// The gateway as `sync` sees it. Every method is one request, signed anew, with the target's time-out; nothing is
/// retried in here. Dropping a returned future may leave the call's outcome unknown.
pub trait Gateway: Send + Sync {
    /// The dialect spoken.
    fn dialect(&self) -> Dialect;

    /// `ExGetUserInfo`: `Ok(None)` is the device's −10, no such user.
    fn user(&self, name: &Username) -> impl Future<Output = Result<Option<UserRecord>, ReadError>> + Send;

    /// `GetGroupInfo`: `Ok(None)` is the device's −10, no such group.
    fn group(&self, path: &GroupPath) -> impl Future<Output = Result<Option<GroupRecord>, ReadError>> + Send;

    /// `GetSearchData` (openapi); the other dialect answers [`RefusalKind::NoSuchCall`].
    fn users(
        &self,
        offset: u64,
        limit: u64,
    ) -> impl Future<Output = Result<Page<UserRecord>, ReadError>> + Send;

    /// `GetRoleListDataCloud` (openapi); the other dialect answers [`RefusalKind::NoSuchCall`].
    fn roles(
        &self,
        offset: u64,
        limit: u64,
    ) -> impl Future<Output = Result<Page<RoleRecord>, ReadError>> + Send;

    /// Sends one change. It takes effect for log-ins at the next commit.
    fn mutate(&self, mutation: &Mutation) -> impl Future<Output = Outcome> + Send;

    /// How long the device asked to be left alone, in an answer since this was last asked (`Retry-After` with 429 or
    /// 503); `None` where it did not. Heeding it is the caller's.
    fn asked_to_wait(&self) -> Option<Duration> {
        None
    }

    /// `UpdaterCloud` or `DataSyncCloud`: makes everything written so far take effect. Costly for the device.
    fn commit(&self) -> impl Future<Output = Outcome> + Send;
}

pub use rosterd_core::device::{Auth, Dialect, UserRecord};

use crate as gateway;
use rosterd_core::{config, model, secret};
use rosterd_host::clock;
use rosterd_http as http;

rosterd_words::speak!();
