//! `rosterd help`, and the language of all help. clap knows one language: a doc comment gives it the English text as the
//! short help and both texts as the long one. Here the finished command is walked through, and each text is replaced by
//! its part in the chosen language.

use clap::builder::{Resettable, StyledStr};
use clap::{Arg, ArgAction, Args, Command};
use rust_i18n::t;

use super::args::Lang;
use super::exit::Exit;
use super::failure::Failure;
use super::output;

/// Show the help of rosterd, or of a command
///
/// 显示 rosterd 或某个命令的帮助
#[derive(Debug, Args)]
pub struct HelpArgs {
    /// The command, for example `roster check`
    ///
    /// 命令，例如 roster check
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Shows the help of `command`, or of the command below it that is named.
pub fn run(args: &HelpArgs, mut command: Command) -> anyhow::Result<Exit> {
    command.build();
    let mut found = &mut command;
    for name in &args.command {
        let known: Vec<_> = found.get_subcommands().map(|c| c.get_name().to_owned()).collect();
        found = found.find_subcommand_mut(name).ok_or_else(|| {
            let known = known.join(", ");
            Failure::usage(t!("cli.no_command", name = name), t!("cli.no_command_next", known = known))
        })?;
    }
    output::text(&found.render_help().ansi().to_string())?;
    Ok(Exit::Done)
}

const TEMPLATE_ZH: &str = "{about-with-newline}\n用法：{usage}\n\n{all-args}{after-help}\n";

/// The command with its texts in one language. Names of commands and options stay as they are: scripts use them.
pub fn translate(command: Command, lang: Lang) -> Command {
    match lang {
        Lang::En => english(command),
        Lang::Zh => chinese(command)
            .arg(of_clap("version", 'V', ArgAction::Version, "显示版本"))
            .disable_version_flag(true),
    }
}

/// The Chinese paragraph of a doc comment, which comes after the English one.
fn second(both: Option<&StyledStr>) -> Option<String> {
    Some(both?.to_string().split_once("\n\n")?.1.to_owned())
}

/// The short help is English already; the long one would show both languages.
fn english(command: Command) -> Command {
    command
        .long_about(Resettable::Reset)
        .mut_args(|arg| arg.long_help(Resettable::Reset))
        .mut_subcommands(english)
}

fn chinese(command: Command) -> Command {
    let about = second(command.get_long_about()).unwrap_or_default();
    command
        .about(about)
        .long_about(Resettable::Reset)
        .help_template(TEMPLATE_ZH)
        .subcommand_help_heading("命令")
        .subcommand_value_name("命令")
        .disable_help_flag(true)
        .mut_args(argument)
        .arg(of_clap("help", 'h', ArgAction::Help, "显示帮助"))
        .mut_subcommands(chinese)
}

/// An option that clap would add by itself, in English.
fn of_clap(name: &'static str, short: char, action: ArgAction, help: &'static str) -> Arg {
    Arg::new(name).short(short).long(name).action(action).help(help).help_heading("选项")
}

fn argument(arg: Arg) -> Arg {
    let mut text = second(arg.get_long_help()).unwrap_or_default();
    let arg = arg.long_help(Resettable::Reset);
    let heading = if arg.is_positional() { "参数" } else { "选项" };
    let arg = arg.help_heading(heading);
    if !arg.get_action().takes_values() {
        return arg.help(text);
    }
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
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::Cli;

    fn is_chinese(text: &str) -> bool {
        text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
    }

    /// The place, the short text and the long one of every command and option.
    fn texts(command: &Command, path: &str, found: &mut Vec<(String, String, String)>) {
        let text = |text: Option<&StyledStr>| text.map(ToString::to_string).unwrap_or_default();
        found.push((path.to_owned(), text(command.get_about()), text(command.get_long_about())));
        for arg in command.get_arguments() {
            found.push((format!("{path} {}", arg.get_id()), text(arg.get_help()), text(arg.get_long_help())));
        }
        for sub in command.get_subcommands() {
            texts(sub, &format!("{path} {}", sub.get_name()), found);
        }
    }

    #[test]
    fn every_command_and_option_says_what_it_is_in_both_languages() {
        let mut found = Vec::new();
        texts(&Cli::command(), "rosterd", &mut found);
        assert!(found.len() > 100, "{}", found.len());
        for (place, short, long) in found {
            let paragraphs: Vec<_> = long.split("\n\n").collect();
            assert_eq!(paragraphs.len(), 2, "{place}: {long:?}");
            assert_eq!(paragraphs[0].trim_end_matches('.'), short, "{place}");
            assert!(!is_chinese(paragraphs[0]) && is_chinese(paragraphs[1]), "{place}: {long:?}");
        }
    }

    #[test]
    fn a_translated_command_is_sound_and_speaks_one_language() {
        for lang in [Lang::En, Lang::Zh] {
            let command = translate(Cli::command(), lang);
            command.clone().debug_assert();
            let mut found = Vec::new();
            texts(&command, "rosterd", &mut found);
            for (place, short, long) in found {
                assert_eq!(is_chinese(&short), lang == Lang::Zh, "{place}: {short:?}");
                assert_eq!(long, "", "{place}");
            }
        }
    }
}
