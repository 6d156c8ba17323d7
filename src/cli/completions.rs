//! `rosterd completions`: a shell's completion script.

use clap::{Args, Command};

use super::exit::Exit;
use super::output;

/// Print the completion script of a shell
///
/// 输出某个 shell 的补全脚本
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    ///
    /// 哪个 shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Prints the script for `command`, in its language.
pub fn run(args: &CompletionsArgs, mut command: Command) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "rosterd", &mut script);
    output::text(&String::from_utf8(script)?)?;
    Ok(Exit::Done)
}
