//! `rosterd man`: the manual, as one page on stdout or as one page per command in a folder, for packages.

use anyhow::Context as _;
use clap::Command;

use super::args::ManArgs;
use super::exit::Exit;
use super::output;

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
