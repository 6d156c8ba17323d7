//! What the process promises before it does anything: no core file, private new files, and a panic that tells where
//! but not with which values, for these could be secret.

use std::panic::PanicHookInfo;

use rust_i18n::t;

/// Makes the promises. What the system refuses is left: it makes nothing worse than it was.
pub fn harden() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    std::panic::set_hook(Box::new(|info| super::output::note(&panic_text(info))));
}

/// A panic's text is shown only if it was written in the source: a formatted one may carry values.
fn panic_text(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let what = info.payload().downcast_ref::<&'static str>().copied().unwrap_or("…");
    t!("cli.panic", place = place, what = what).into_owned()
}
