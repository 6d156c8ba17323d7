//! The fields that a roster can have, by name.

use serde::{Deserialize, Serialize};

/// The fields a roster can have. The order is that of reports.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation: they are the configuration's keys")]
pub enum Field {
    EmployeeId,
    Login,
    Name,
    Department,
    DepartmentLevel,
    DepartmentCode,
    Position,
    Phone,
    Roles,
    Status,
    Email,
    HireDate,
    LeaveDate,
    ExpiresOn,
    EmployeeType,
}

impl Field {
    /// All fields, in order.
    pub const ALL: [Self; 15] = [
        Self::EmployeeId,
        Self::Login,
        Self::Name,
        Self::Department,
        Self::DepartmentLevel,
        Self::DepartmentCode,
        Self::Position,
        Self::Phone,
        Self::Roles,
        Self::Status,
        Self::Email,
        Self::HireDate,
        Self::LeaveDate,
        Self::ExpiresOn,
        Self::EmployeeType,
    ];

    /// Whether this is a single text, kept in [`Person::text`] and fit for the template of a person key.
    pub const fn is_text(self) -> bool {
        matches!(
            self,
            Self::EmployeeId
                | Self::Login
                | Self::Name
                | Self::DepartmentCode
                | Self::Position
                | Self::Email
                | Self::EmployeeType
        )
    }

    /// The configuration's key, and the name in templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmployeeId => "employee_id",
            Self::Login => "login",
            Self::Name => "name",
            Self::Department => "department",
            Self::DepartmentLevel => "department_level",
            Self::DepartmentCode => "department_code",
            Self::Position => "position",
            Self::Phone => "phone",
            Self::Roles => "roles",
            Self::Status => "status",
            Self::Email => "email",
            Self::HireDate => "hire_date",
            Self::LeaveDate => "leave_date",
            Self::ExpiresOn => "expires_on",
            Self::EmployeeType => "employee_type",
        }
    }

    /// The name for people who know no configuration.
    pub fn title(self) -> String {
        rust_i18n::t!(format!("roster.field.{}", self.as_str())).into_owned()
    }
}
