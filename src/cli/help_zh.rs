//! The Chinese help. clap cannot translate its own texts, so the finished command is walked through and its English
//! texts are replaced from this table. A test checks that nothing is missing from it and nothing in it is left over.

use clap::{Arg, ArgAction, Command};

/// `path` or `path.argument` → text; the path of the root is empty.
const TEXTS: &[(&str, &str)] = &[
    ("", "让深信服 SSL VPN 网关的用户与公司人事名单保持一致"),
    ("sync", "使网关与名单一致"),
    ("sync.dry_run", "只计划并显示，不发送任何改动"),
    ("sync.plan", "严格按 plan -o 写出的计划执行，否则拒绝"),
    ("sync.only", "只改动此人；可多次给出"),
    ("sync.target", "只处理此目标；可多次给出"),
    ("sync.roster", "改读此文件、文件夹或通配符；不会据此认定有人缺失"),
    ("sync.authoritative", "给出的名单是完整的：不在其中的人即为缺失"),
    ("sync.allow_guard", "本次放行此护栏；可多次给出"),
    ("sync.reason", "原因，记入审计"),
    ("sync.full", "显示全部操作，而不只是前面的"),
    ("sync.output", "结果的形式"),
    ("plan", "显示同步会做什么，不作任何改动"),
    ("plan.out", "把计划写入此文件，供 sync --plan 使用"),
    ("plan.detailed_exitcode", "有变更时以 10 退出"),
    ("plan.full", "显示全部操作，而不只是前面的"),
    ("plan.offline", "不询问网关；本应查看的内容标为未核对"),
    ("plan.target", "只处理此目标；可多次给出"),
    ("plan.roster", "改读此文件、文件夹或通配符；不会据此认定有人缺失"),
    ("plan.authoritative", "给出的名单是完整的：不在其中的人即为缺失"),
    ("plan.output", "结果的形式"),
    ("run", "作为服务运行：按计划时间同步，直到被停止"),
    ("status", "显示每个目标的状态、被拦下的内容和最近的运行"),
    ("status.next", "同时显示接下来 N 次计划运行"),
    ("status.max_age", "某目标最近一次成功运行早于此时长时以 1 退出"),
    ("status.output", "结果的形式"),
    ("runs", "列出运行，或显示其中一次"),
    ("runs.id", "显示这次运行"),
    ("runs.limit", "列出最近多少次运行"),
    ("runs.output", "结果的形式"),
    ("history", "显示某人账号的每个版本"),
    ("history.who", "人员标识或用户名"),
    ("history.output", "结果的形式"),
    ("explain", "说明某人的一切：名单行、映射、快照、计划及原因"),
    ("explain.person", "人员标识"),
    ("explain.output", "结果的形式"),
    ("approve", "放行某次被拦下的运行所涉及的内容"),
    ("approve.run", "被拦下的运行"),
    ("approve.reason", "原因，记入审计"),
    ("approve.expires", "批准的有效时长"),
    ("approve.now", "立即同步"),
    ("approve.output", "结果的形式"),
    ("doctor", "检查配置、文件、网络、设备与令牌，并说明如何处理"),
    ("doctor.show_pin", "显示每台设备出示的证书与公钥指纹，以及如何核对"),
    ("doctor.key", "试用此密钥（env:NAME、file:PATH、credential:NAME），而非配置中的密钥"),
    ("doctor.target", "只处理此目标；可多次给出"),
    ("doctor.output", "结果的形式"),
    ("adopt", "查明 rosterd 之前网关上已有谁，供核对，并予以接管"),
    ("adopt.target", "目标；有多个时必须给出"),
    ("adopt.out", "把核对清单写入此文件，而非 adopt-目标.json"),
    ("adopt.link", "把人员对应到不合模板的用户名：列为工号和用户名"),
    ("adopt.suggest_map", "同时建议 group_map：各部门多数人已在的用户组"),
    ("adopt.apply", "接管此清单中的人员；不发送任何内容"),
    ("adopt.reason", "原因，记入审计"),
    ("adopt.output", "结果的形式"),
    ("person", "说明某工号是否仍是同一人，或清除某人的记录"),
    ("person.person", "人员标识；可给出多个"),
    ("person.same", "仍是同一人：以名单现在的内容为准"),
    ("person.different", "此标识现属另一人：原账号移除，新建其账号"),
    ("person.erase", "清除已无账号者的个人信息；审计链保持完整"),
    ("person.reason", "原因，记入审计"),
    ("person.output", "结果的形式"),
    ("drift", "比较 rosterd 管理的内容与网关现有内容"),
    ("drift.target", "目标；有多个时必须给出"),
    ("drift.repair", "记住网关现状，并计划恢复原状；由 sync --plan 或下一次同步执行"),
    ("drift.out", "把恢复计划写入此文件，供 sync --plan 使用"),
    ("drift.output", "结果的形式"),
    ("undo", "计划恢复某次运行所作的改动"),
    ("undo.run", "要恢复的运行"),
    ("undo.out", "把计划写入此文件，供 sync --plan 使用"),
    ("undo.full", "显示全部操作，而不只是前面的"),
    ("undo.output", "结果的形式"),
    ("suspend", "无论名单怎么说，停用某人的账号"),
    ("suspend.person", "人员标识"),
    ("suspend.reason", "原因，记入审计"),
    ("suspend.until", "到这一天结束为止；不给出则到 resume 为止"),
    ("suspend.output", "结果的形式"),
    ("hold", "无论名单怎么说，不处理某人的账号"),
    ("hold.person", "人员标识"),
    ("hold.reason", "原因，记入审计"),
    ("hold.until", "到这一天结束为止；不给出则到 resume 为止"),
    ("hold.output", "结果的形式"),
    ("resume", "结束停用或搁置：重新以名单为准"),
    ("resume.person", "人员标识"),
    ("resume.reason", "原因，记入审计"),
    ("resume.output", "结果的形式"),
    ("release", "放弃管理某人的账号：账号留在网关上，rosterd 不再触碰"),
    ("release.person", "人员标识"),
    ("release.target", "只在此目标上；否则在所有目标上"),
    ("release.reason", "原因，记入审计"),
    ("release.output", "结果的形式"),
    ("target", "处理已配置的网关"),
    ("target accept", "确认某目标的地址或接口类型已更换"),
    ("target accept.name", "目标"),
    ("target accept.look", "先在网关上查看多少账号"),
    ("target accept.reason", "原因，记入审计"),
    ("target accept.output", "结果的形式"),
    ("roster", "处理名单"),
    ("roster check", "读取名单，并逐个文件报告读到了什么"),
    ("roster check.roster", "改读此文件、文件夹或通配符；不会据此认定有人缺失"),
    ("roster check.authoritative", "给出的名单是完整的：不在其中的人即为缺失"),
    ("roster check.html", "同时把报告写成可发给人事的网页"),
    ("roster check.output", "结果的形式"),
    ("audit", "核验或导出审计记录"),
    ("audit verify", "检查没有记录被改动、删除或调换"),
    ("audit verify.head", "链中必须有此链头"),
    ("audit verify.heads", "链中必须有此文件里的每个链头"),
    ("audit verify.output", "结果的形式"),
    ("audit export", "写出记录"),
    ("audit export.format", "记录的形式"),
    ("audit export.since", "只要此日或此刻以后的记录"),
    ("audit export.out", "写入此文件，而不是标准输出"),
    ("config", "检查、说明或生成配置"),
    ("config check", "检查配置，并说明它的含义"),
    ("config check.output", "结果的形式"),
    ("config schema", "输出配置的 JSON Schema，供编辑器使用"),
    ("config init", "输出一份谨慎的生产配置作为起点"),
    ("config init.roster", "人事文件所在位置"),
    ("config init.url", "网关地址，例如 https://10.1.1.1:4430"),
    ("gateway", "提供一个模拟网关"),
    ("gateway.listen", "监听地址"),
    ("gateway.dialect", "使用的接口类型"),
    ("gateway.key", "校验令牌的密钥：env:变量名、file:路径，或密钥本身"),
    ("gateway.data", "把状态保存在此文件"),
    ("gateway.groups", "初始用户组，每行一个路径；也可写 `role 名称` 与 `server 名称`"),
    ("gateway.latency", "每次调用耗时（毫秒）"),
    ("gateway.commit_cost", "一次提交耗时（毫秒）"),
    ("gateway.quirk", "模仿某些设备的表现；可多次给出"),
    ("gateway.fault", "让调用出错；可多次给出"),
    ("gateway.cloud", "同时提供云端接口，用同一密钥签名：/v2/index.php 为腾讯云，/ 为 UCloud"),
    ("gateway.seed", "随机的起点，使故障可以完全重现"),
    ("oob", "管理腾讯云黑石物理服务器的带外 VPN"),
    ("oob zones", "列出地域和可用区及其编号"),
    ("oob zones.output", "结果的形式"),
    ("oob vpn", "显示谁登录 VPN、登录到哪里"),
    ("oob vpn.zone", "使用此可用区，代替配置中的"),
    ("oob vpn.output", "结果的形式"),
    ("oob rotate", "设置新的 VPN 密码，或完成之前未完成的更换"),
    ("oob rotate.zone", "使用此可用区，代替配置中的"),
    ("oob rotate.dry_run", "只显示会做什么，不作任何改动"),
    ("oob rotate.output", "结果的形式"),
    ("oob device", "显示服务器的带外管理接口"),
    ("oob device.id", "实例 ID，例如 cpm-an5a9wv4"),
    ("oob device.reveal", "同时显示密码；记入审计"),
    ("oob device.output", "结果的形式"),
    ("ucloud", "管理 UCloud CDN 的鉴权密钥"),
    ("ucloud auth", "显示域名、类型及密钥指纹"),
    ("ucloud auth.domain", "只看此域名"),
    ("ucloud auth.reveal", "显示密钥本身；记入审计"),
    ("ucloud auth.output", "结果的形式"),
    ("ucloud watch", "说明自上次查看以来哪些密钥新增、变更或消失"),
    ("ucloud watch.detailed_exitcode", "有变化时以 10 退出"),
    ("ucloud watch.output", "结果的形式"),
    ("completions", "输出某个 shell 的补全脚本"),
    ("completions.shell", "哪个 shell"),
    ("man", "输出手册页，或在文件夹里为每个命令写一页"),
    ("man.dir", "在此文件夹里为每个命令写一页"),
    (".config", "配置文件 [默认：/etc/rosterd/rosterd.toml 或 config/rosterd.toml]"),
    (".state", "数据库，代替配置中的路径"),
    (".lang", "显示语言 [默认：取自系统区域设置]"),
    (".log_format", "标准错误上日志的形式"),
    (".verbose", "更多日志；给两次显示细节"),
    (".quiet", "只记录错误，不显示进度"),
    (".no_color", "不用颜色；环境变量 NO_COLOR 作用相同"),
];

const TEMPLATE: &str = "{about-with-newline}\n用法：{usage}\n\n{all-args}{after-help}\n";

fn text(key: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(k, _)| *k == key).map(|(_, text)| *text)
}

/// The command with Chinese texts. Names of commands and options stay as they are: scripts use them.
pub fn apply(command: Command) -> Command {
    command_in(command, "")
        .arg(
            Arg::new("version")
                .short('V')
                .long("version")
                .action(ArgAction::Version)
                .help("显示版本")
                .help_heading("选项"),
        )
        .disable_version_flag(true)
}

fn command_in(command: Command, path: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let mut command = command
        .help_template(TEMPLATE)
        .subcommand_help_heading("命令")
        .subcommand_value_name("命令")
        .disable_help_flag(true)
        .mut_args(|arg| argument(arg, path))
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(ArgAction::Help)
                .help("显示帮助")
                .help_heading("选项"),
        );
    if let Some(about) = text(path) {
        command = command.about(about);
    }
    for name in names {
        let below = if path.is_empty() { name.clone() } else { format!("{path} {name}") };
        command = command.mut_subcommand(name, |c| command_in(c, &below));
    }
    command
}

fn argument(arg: Arg, path: &str) -> Arg {
    let key =
        if arg.is_global_set() { format!(".{}", arg.get_id()) } else { format!("{path}.{}", arg.get_id()) };
    let arg = arg.clone().help_heading(if arg.is_positional() { "参数" } else { "选项" });
    let Some(text) = text(&key) else { return arg };
    if !arg.get_action().takes_values() {
        return arg.help(text);
    }
    let mut text = text.to_owned();
    let names = |all: Vec<String>| all.join("、");
    let values: Vec<_> = arg.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
    if !values.is_empty() {
        text.push_str(&format!(" [可选：{}]", names(values)));
    }
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
    if !defaults.is_empty() {
        text.push_str(&format!(" [默认：{}]", names(defaults)));
    }
    arg.help(text).hide_possible_values(true).hide_default_value(true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;

    fn keys(command: &Command, path: &str, found: &mut BTreeSet<String>) {
        found.insert(path.to_owned());
        for arg in command.get_arguments() {
            let owner = if arg.is_global_set() { "" } else { path };
            found.insert(format!("{owner}.{}", arg.get_id()));
        }
        for sub in command.get_subcommands() {
            let name = sub.get_name();
            keys(sub, &if path.is_empty() { name.to_owned() } else { format!("{path} {name}") }, found);
        }
    }

    #[test]
    fn every_command_and_option_has_a_chinese_text_and_no_text_is_left_over() {
        let mut found = BTreeSet::new();
        keys(&crate::cli::args::Cli::command(), "", &mut found);
        let known: BTreeSet<_> = TEXTS.iter().map(|(k, _)| (*k).to_owned()).collect();
        assert_eq!(found.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "missing");
        assert_eq!(known.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "left over");
        assert_eq!(known.len(), TEXTS.len(), "a key stands twice");
    }

    #[test]
    fn the_translated_command_is_sound() {
        apply(crate::cli::args::Cli::command()).debug_assert();
    }
}
