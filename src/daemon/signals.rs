//! What signals mean: TERM and INT ask to stop, the second time at once; HUP reads the configuration again; USR1 syncs
//! now.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Wake;
use crate::stop::Stop;
use crate::store::journal::Trigger;

/// Listens for the rest of the process's life: for the service.
///
/// # Errors
/// If the system does not let us.
pub fn listen(stop: Stop, wake: mpsc::Sender<Wake>) -> io::Result<JoinHandle<()>> {
    let mut stops = Stops::new()?;
    let mut reload = signal(SignalKind::hangup())?;
    let mut now = signal(SignalKind::user_defined1())?;
    Ok(tokio::spawn(async move {
        loop {
            let wish = tokio::select! {
                () = stops.next() => {
                    ask(&stop);
                    continue;
                }
                _ = reload.recv() => Wake::Reload,
                _ = now.recv() => Wake::Now(Trigger::Signal),
            };
            // A full queue has the same wish in it already, or the service is ending.
            let _ = wake.try_send(wish);
        }
    }))
}

/// Listens for requests to stop: for a command that a person or a timer started.
///
/// # Errors
/// If the system does not let us.
pub fn stop_on_signals(stop: Stop) -> io::Result<JoinHandle<()>> {
    let mut stops = Stops::new()?;
    Ok(tokio::spawn(async move {
        loop {
            stops.next().await;
            ask(&stop);
        }
    }))
}

fn ask(stop: &Stop) {
    stop.ask();
    tracing::info!(at_once = stop.now(), "asked to stop");
}

struct Stops {
    term: Signal,
    int: Signal,
}

impl Stops {
    fn new() -> io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
