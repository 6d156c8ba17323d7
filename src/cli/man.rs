//! `rosterd man`: the manual, as one page on stdout or as one page per command in a folder, for packages.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command};

use super::exit::Exit;
use super::output;

/// Print the manual page, or write one page per command into a folder
///
/// 输出手册页，或在文件夹里为每个命令写一页
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write one page per command into this folder
    ///
    /// 在此文件夹里为每个命令写一页
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
}

/// Prints or writes the manual of `command`, in its language.
pub fn run(args: &ManArgs, command: Command) -> anyhow::Result<Exit> {
    if let Some(dir) = &args.dir {
        std::fs::create_dir_all(dir)
            .and_then(|()| clap_mangen::generate_to(command, dir))
            .with_context(|| dir.display().to_string())?;
        return Ok(Exit::Done);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    output::text(&String::from_utf8(page)?)?;
    Ok(Exit::Done)
}
