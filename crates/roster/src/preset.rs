//! What well-known exports call their columns and how they separate. A preset only adds to the built-in names; what
//! the configuration says goes before it. [`is_verified`] says which presets were held against the vendor's documentation.

use std::collections::BTreeMap;

use super::Field;
use crate::config::Preset;

/// What a preset brings along.
#[derive(Debug, Clone, Default)]
pub(super) struct PresetRules {
    pub columns: BTreeMap<Field, Vec<String>>,
    /// Built-in status words that mean something less clear here: only the configuration can say what.
    pub doubtful_status: &'static [&'static str],
    pub department_separators: Option<&'static str>,
    pub department_list_separators: Option<&'static str>,
}

/// Whether the vendor documents the columns of this preset; the others follow templates seen in public.
pub(super) const fn is_verified(preset: Preset) -> bool {
    matches!(preset, Preset::Successfactors)
}

/// The rules of a preset.
pub(super) fn rules(preset: Preset) -> PresetRules {
    match preset {
        Preset::None => PresetRules::default(),
        Preset::Wecom => PresetRules {
            columns: columns(&[
                (Field::EmployeeId, &["工号", "账号"]),
                (Field::Login, &["账号"]),
                (Field::Department, &["部门"]),
                (Field::Position, &["职务"]),
                (Field::Phone, &["手机", "手机号"]),
                (Field::Email, &["企业邮箱", "邮箱"]),
            ]),
            department_separators: Some("/"),
            department_list_separators: Some(";；"),
            ..PresetRules::default()
        },
        Preset::Dingtalk => PresetRules {
            columns: columns(&[
                (Field::EmployeeId, &["工号", "员工UserID"]),
                (Field::Login, &["员工UserID"]),
                (Field::Department, &["主部门", "部门"]),
                (Field::Phone, &["手机号"]),
                (Field::Status, &["员工状态"]),
            ]),
            department_separators: Some("-"),
            department_list_separators: Some(",;；"),
            ..PresetRules::default()
        },
        Preset::Feishu => PresetRules {
            columns: columns(&[
                (Field::EmployeeId, &["工号", "employee_no", "用户 ID"]),
                (Field::Login, &["用户 ID"]),
                (Field::EmployeeType, &["人员类型", "员工类型"]),
                (Field::Phone, &["手机号码", "手机号"]),
            ]),
            department_separators: Some("/"),
            department_list_separators: Some(",;；"),
            ..PresetRules::default()
        },
        Preset::Successfactors => PresetRules {
            columns: columns(&[
                (Field::EmployeeId, &["USERID", "User ID"]),
                (Field::Login, &["USERNAME", "Username"]),
                (Field::Name, &["DISPLAYNAME"]),
                (Field::Department, &["DEPARTMENT"]),
                (Field::Position, &["TITLE"]),
                (Field::Phone, &["CELL_PHONE", "BIZ_PHONE"]),
                (Field::HireDate, &["HIREDATE"]),
                (Field::LeaveDate, &["COMPANY_EXIT_DATE"]),
            ]),
            // It covers leave of absence too, so it does not say that somebody has left.
            doubtful_status: &["inactive"],
            ..PresetRules::default()
        },
        Preset::Bamboohr => PresetRules {
            columns: columns(&[
                (Field::EmployeeId, &["Employee #", "Employee Number", "Employee ID"]),
                (Field::DepartmentLevel, &["Division", "Department"]),
                (Field::Position, &["Job Title"]),
                (Field::Phone, &["Mobile Phone"]),
                (Field::HireDate, &["Hire Date"]),
                (Field::LeaveDate, &["Termination Date"]),
            ]),
            ..PresetRules::default()
        },
    }
}

fn columns(list: &[(Field, &[&str])]) -> BTreeMap<Field, Vec<String>> {
    list.iter()
        .map(|(field, names)| (*field, names.iter().map(|name| (*name).to_owned()).collect()))
        .collect()
}
