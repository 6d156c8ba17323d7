//! The scheduler, as an alarm clock: it wakes the worker and decides nothing. It knows a zone only as the offset at its
//! start, polls twice a second, forgets, and runs jobs side by side; the worker is not harmed by any of that.

use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use super::{DaemonError, Schedule, Wake};

/// A running scheduler.
pub struct Ticker(JobScheduler);

impl Ticker {
    /// Sends a [`Wake::Tick`] at every moment of every schedule.
    ///
    /// # Errors
    /// If the scheduler does not take an expression, or does not start.
    pub async fn start(schedules: &[Schedule], wake: mpsc::Sender<Wake>) -> Result<Self, DaemonError> {
        let scheduler = JobScheduler::new().await.map_err(refused)?;
        for schedule in schedules {
            for expression in &schedule.timetable.expressions {
                let wake = wake.clone();
                let job = Job::new_tz(expression, schedule.timetable.timezone, move |_, _| {
                    // A full queue will wake the worker anyway.
                    let _ = wake.try_send(Wake::Tick);
                });
                scheduler.add(job.map_err(refused)?).await.map_err(refused)?;
            }
        }
        scheduler.start().await.map_err(refused)?;
        Ok(Self(scheduler))
    }

    /// No more ticks.
    pub async fn stop(mut self) {
        if let Err(error) = self.0.shutdown().await {
            tracing::warn!(error = %refused(error), "the scheduler does not stop");
        }
    }
}

fn refused(error: JobSchedulerError) -> DaemonError {
    DaemonError::Scheduler { cause: error.to_string() }
}
