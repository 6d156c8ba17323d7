//! Running a database operation to its end on the spot, for simulations: the same order of things in every run, however
//! fast SQLite's own thread is. Not in the released program, where an operation never blocks a thread.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// How often the processor is offered to SQLite's thread before this one goes to sleep. A thread that only gave way need
/// not be woken, which is dearer than most statements.
const OFFERS: u32 = 50;

/// Polls until the end; in between the thread gives way, and after a while sleeps.
pub(super) fn to_the_end<T>(work: impl Future<Output = T>) -> T {
    // Tokio's locks give way after a number of polls, which nobody here would answer.
    let mut work = pin!(tokio::task::unconstrained(work));
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut offers = 0;
    loop {
        match work.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending if offers < OFFERS => {
                offers += 1;
                std::thread::yield_now();
            }
            Poll::Pending => {
                offers = 0;
                std::thread::park();
            }
        }
    }
}
